/* SPDX-License-Identifier: Apache-2.0 */
/* What a `cgroup` mount shows on v1 and hybrid: a tmpfs with the container's own groups in it. */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/auto.h"
#include "base/err.h"
#include "rootfs/steps.h"

/* "cpu,cpuacct" is also reachable as "cpu" and as "cpuacct". */
static int link_controllers(int dir_fd, const char *name)
{
	char part[64];

	if (!strchr(name, ','))
		return 0;
	for (const char *p = name; *p;) {
		size_t n = strcspn(p, ",");

		if (n && n < sizeof(part)) {
			memcpy(part, p, n);
			part[n] = '\0';
			if (symlinkat(name, dir_fd, part) < 0 && errno != EEXIST)
				return -errno;
		}
		p += n;
		p += *p == ',';
	}
	return 0;
}

static int bind_view(int dir_fd, const struct rootfs_cgroup_view *v, const struct rootfs_mount *m)
{
	const struct mount_change change = {.set = m->attr_set | m->rattr_set};
	struct mount_tree tree = {.fd = -EBADF};
	auto_close int target = -EBADF;
	struct mount_target t = {.root_fd = dir_fd, .path = v->name};
	int r = mount_clone(AT_FDCWD, v->source, false, &tree);

	if (r == -ENOENT)
		return 0; /* no group of its own in this hierarchy */
	if (r < 0)
		return r;
	if (mkdirat(dir_fd, v->name, 0755) < 0 && errno != EEXIST)
		r = -errno;
	if (r >= 0) {
		target = openat(dir_fd, v->name, O_PATH | O_NOFOLLOW | O_DIRECTORY | O_CLOEXEC);
		r = target < 0 ? -errno : 0;
	}
	t.fd = target;
	if (r >= 0)
		r = mount_attach(&tree, &change, 1, &t);
	close(tree.fd);
	return r < 0 ? r : link_controllers(dir_fd, v->name);
}

int cgroup_v1_mount(struct rootfs_build *b, const struct rootfs_mount *m, struct err *e)
{
	const uint64_t attrs = m->attr_set | m->rattr_set;
	const struct mount_change change = {
		.set = attrs & MOUNT_ATTR_RDONLY,
		.propagation = m->propagation,
		.is_recursive = m->is_propagation_recursive,
	};
	const struct mount_new n = {
		.type = "tmpfs",
		.source = "tmpfs",
		.data = "mode=755",
		.attrs = (attrs & ~(uint64_t)MOUNT_ATTR_RDONLY) | MOUNT_ATTR_NOEXEC |
			 MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV,
	};
	auto_close int target = target_open(b, m, -EBADF, e), fd = -EBADF;
	struct mount_target t = {target, b->r->root_fd, m->destination};
	int r = 0;

	if (target < 0)
		return target;
	fd = mount_new(&n, &t, e);
	if (fd < 0)
		return mount_failed(m, fd, e);
	for (size_t i = 0; i < b->p->n_cgroup; i++) {
		const struct rootfs_cgroup_view *v = &b->p->cgroup[i];

		r = *v->name ? bind_view(fd, v, m) : 0;
		if (r < 0)
			return err_sys(e, r, "error mounting \"%s\" to rootfs at \"%s/%s\"",
				       v->source, m->destination, v->name);
	}
	/* Order: the tmpfs is closed once everything is in it. */
	r = mount_set(fd, &change);
	return r < 0 ? mount_failed(m, r, e) : 0;
}
