/* SPDX-License-Identifier: Apache-2.0 */
/* The mounts of the plan, in order, each by descriptor. */
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include "base/auto.h"
#include "base/err.h"
#include "base/str.h"
#include "kernel/path.h"
#include "kernel/tree.h"
#include "rootfs/steps.h"

int mount_failed(const struct rootfs_mount *m, int r, struct err *e)
{
	const char *source = m->source ? m->source : m->type ? m->type : "none";
	const char *type = m->kind == ROOTFS_BIND ? "bind" : m->type ? m->type : "none";

	if (r == -ENOTDIR && m->kind == ROOTFS_BIND)
		return err_say(e, r,
			       "error mounting \"%s\" to rootfs at \"%s\": mount %s:%s (%s): not a "
			       "directory: a directory goes onto a directory, a file onto a file",
			       source, m->destination, source, m->destination, type);
	return err_sys(e, r, "error mounting \"%s\" to rootfs at \"%s\": mount %s:%s (%s)", source,
		       m->destination, source, m->destination, type);
}

/* At most two changes: what concerns the top alone, and what goes down the tree. */
static size_t changes_of(const struct rootfs_mount *m, uint64_t attr_set, struct mount_change c[2])
{
	uint64_t top = m->is_propagation_recursive ? 0 : m->propagation;
	uint64_t down = m->is_propagation_recursive ? m->propagation : 0;
	size_t n = 0;

	if (m->rattr_set || m->rattr_clear || down)
		c[n++] = (struct mount_change){m->rattr_set, m->rattr_clear, down, true};
	if (attr_set || m->attr_clear || top)
		c[n++] = (struct mount_change){attr_set, m->attr_clear, top, false};
	return n;
}

static bool is_dev(const struct rootfs_mount *m)
{
	return strcmp(m->destination, "/dev") == 0;
}

/* ---- binds ------------------------------------------------------------------------------------- */

int source_ask(struct rootfs_build *b, int index, struct err *e)
{
	return b->helper && b->helper->open_source
		       ? b->helper->open_source(b->helper->arg, index, e)
		       : rootfs_open_source(b->p, index, -EBADF, e);
}

static int ask_helper(struct rootfs_build *b, const struct rootfs_mount *m, struct mount_tree *ret,
		      struct err *e)
{
	int fd = source_ask(b, (int)(m - b->p->mounts.v), e);

	if (fd < 0)
		return mount_failed(m, fd, e);
	*ret = (struct mount_tree){.fd = fd, .is_detached = true, .is_recursive = m->is_recursive};
	return 0;
}

/* false: a replacement of one, which the parent does not know */
static bool is_planned(const struct rootfs_plan *p, const struct rootfs_mount *m)
{
	return m >= p->mounts.v && m < p->mounts.v + p->mounts.n;
}

static int open_bind(struct rootfs_build *b, const struct rootfs_mount *m, struct mount_tree *ret,
		     struct err *e)
{
	auto_close int below = -EBADF;
	int r;

	/* The whole tree is the parent's: on top of ours is the container's root (see root_place). */
	if (m->is_idmap || (b->p->has_user_ns && b->helper && is_planned(b->p, m) &&
			    (b->p->has_tree || b->p->is_idmap) && strcmp(m->source, "/") == 0))
		return ask_helper(b, m, ret, e);
	if (m->below) {
		below = source_open_below(m);
		r = below < 0 ? below : mount_clone(below, "", m->is_recursive, ret);
	} else {
		r = mount_clone(AT_FDCWD, m->source, m->is_recursive, ret);
	}
	/* EINVAL: a bind without what is mounted below would uncover what lies there, which only the owner
	 * of these mounts may (has_locked_children of fs/namespace.c). */
	if ((r == -EACCES || r == -EPERM || (r == -EINVAL && !m->is_recursive)) && b->helper &&
	    b->p->has_user_ns && is_planned(b->p, m))
		return ask_helper(b, m, ret, e);
	return r < 0 ? mount_failed(m, r, e) : 0;
}

/* move_mount(2) says -EINVAL for it, mount(2) -ENOTDIR. */
static bool is_kind_different(int source, int target)
{
	struct stat a, b;

	return fstat(source, &a) == 0 && fstat(target, &b) == 0 &&
	       S_ISDIR(a.st_mode) != S_ISDIR(b.st_mode);
}

static int bind_one(struct rootfs_build *b, const struct rootfs_mount *m, struct err *e)
{
	struct mount_tree tree = {.fd = -EBADF};
	struct mount_change change[2];
	struct mount_target t = {.root_fd = b->r->root_fd, .path = m->destination};
	int r = open_bind(b, m, &tree, e);
	auto_close int target = -EBADF, source = -EBADF;
	struct statfs s;

	if (r < 0)
		return r;
	source = tree.fd;
	/* Security: what is bound onto /proc must be procfs (CVE-2019-16884). */
	if (strcmp(m->destination, "/proc") == 0 &&
	    (fstatfs(source, &s) < 0 || s.f_type != PROC_SUPER_MAGIC))
		return err_say(e, -EINVAL,
			       "\"/proc\" cannot be mounted because it is not of type proc");
	target = target_open(b, m, source, e);
	if (target < 0)
		return target;
	t.fd = target;
	r = mount_attach(&tree, change, changes_of(m, m->attr_set, change), &t);
	TAKE_FD(source);
	source = tree.fd;
	if (r == -ENOSYS && (m->rattr_set || m->rattr_clear))
		return err_say(e, r,
			       "mount at \"%s\": recursive options (rro, rnosuid, ...) need Linux "
			       "5.12 or newer",
			       m->destination);
	if (r == -EINVAL && is_kind_different(source, target))
		r = -ENOTDIR;
	if (r < 0)
		return mount_failed(m, r, e);
	if (is_dev(m) && b->r->dev_fd < 0)
		b->r->dev_fd = TAKE_FD(source);
	return 0;
}

/* ---- new file systems -------------------------------------------------------------------------- */

/* A tmpfs takes the mode of the directory that it covers, unless told otherwise; as runc does. */
static const char *tmpfs_data(const struct rootfs_mount *m, int target, char *buf, size_t size)
{
	struct stat s;

	if (!str_eq(m->type, "tmpfs") || (m->data && strstr(m->data, "mode=")) ||
	    fstat(target, &s) < 0)
		return m->data;
	if ((size_t)snprintf(buf, size, "mode=%04o%s%s", s.st_mode & 07777, m->data ? "," : "",
			     m->data ? m->data : "") >= size)
		return m->data;
	return buf;
}

/* What is copied up comes with the owner of its directory, as it does with the mode. */
static int copy_owner(const struct rootfs_mount *m, int old_dir, int mount_fd)
{
	struct stat s;

	if (m->data && (strstr(m->data, "uid=") || strstr(m->data, "gid=")))
		return 0;
	if (fstat(old_dir, &s) < 0)
		return -errno;
	if (!s.st_uid && !s.st_gid)
		return 0;
	return sys_return(fchownat(mount_fd, "", s.st_uid, s.st_gid, AT_EMPTY_PATH));
}

/* What is left once the mount is attached: copies, recursive attributes, propagation. */
static int new_finish(const struct rootfs_mount *m, int mount_fd, int old_dir, uint64_t late)
{
	struct mount_change change[2];
	struct rootfs_mount rest = *m;
	size_t n;
	int r = 0;

	if (old_dir >= 0 && (r = copy_owner(m, old_dir, mount_fd)) >= 0)
		r = tree_copy(old_dir, mount_fd);
	rest.attr_clear = 0; /* a new mount has nothing to clear */
	n = changes_of(&rest, late, change);
	for (size_t i = 0; r >= 0 && i < n; i++)
		r = mount_set(mount_fd, &change[i]);
	return r;
}

/* A joined network or cgroup namespace may belong to somebody else, whose sysfs or cgroup2 is not ours
 * to mount (EPERM), and cgroup2 may be refused as a whole (EBUSY): then the host's is bound. */
static const char *bind_instead(const struct rootfs_plan *p, const struct rootfs_mount *m, int r)
{
	if (r != -EPERM && r != -EBUSY)
		return NULL;
	if (str_eq(m->type, "sysfs") && p->has_user_ns)
		return "/sys";
	for (size_t i = 0; str_eq(m->type, "cgroup2") && i < p->n_cgroup; i++)
		if (p->cgroup[i].is_v2)
			return p->cgroup[i].source;
	return NULL;
}

static int new_failed(struct rootfs_build *b, const struct rootfs_mount *m, int target, int r,
		      struct err *e)
{
	const char *source = bind_instead(b->p, m, r);
	struct rootfs_mount bind = *m;
	struct stat s;

	if (source) {
		if (e)
			e->code = 0;
		mount_to_bind(&bind, source);
		return bind_one(b, &bind, e);
	}
	if (e && e->code)
		return err_within(e, "error mounting \"%s\" to rootfs at \"%s\"",
				  m->source ? m->source : m->type, m->destination);
	/* the kernel's word for it: EINVAL of move_mount(2) */
	if (r == -EINVAL && fstat(target, &s) == 0 && !S_ISDIR(s.st_mode))
		r = -ENOTDIR;
	return mount_failed(m, r, e);
}

uint64_t mount_late_attrs(const struct rootfs_mount *m)
{
	return m->copies_up || m->is_idmap || is_dev(m) ? m->attr_set & MOUNT_ATTR_RDONLY : 0;
}

/* The parent makes it, as the right to map it belongs to the owner of the super block. It did not see the
 * directory below, whose mode a tmpfs takes; where the mapping has no owner for it, the mode stays. */
static int new_mapped(struct rootfs_build *b, const struct rootfs_mount *m,
		      const struct mount_target *t, struct err *e)
{
	bool has_mode = !str_eq(m->type, "tmpfs") || (m->data && strstr(m->data, "mode="));
	struct mount_tree tree = {.fd = -EBADF};
	int r = ask_helper(b, m, &tree, e);
	struct stat s;

	if (r < 0)
		return r;
	if (!has_mode && fstat(t->fd, &s) == 0) {
		auto_close int fd = openat(tree.fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

		if (fd >= 0 && fchmod(fd, s.st_mode & 07777) < 0 && errno != EPERM)
			r = -errno;
	}
	if (r >= 0)
		r = mount_attach(&tree, NULL, 0, t);
	if (r < 0)
		close(tree.fd);
	return r < 0 ? r : tree.fd;
}

static int new_one(struct rootfs_build *b, const struct rootfs_mount *m, struct err *e)
{
	auto_close int target = target_open(b, m, -EBADF, e), fd = -EBADF, old_dir = -EBADF;
	struct mount_target t = {target, b->r->root_fd, m->destination};
	uint64_t late = mount_late_attrs(m);
	struct mount_new n = {m->type, m->source, m->data, m->sb_flags, m->attr_set & ~late};
	char data[512];
	int r;

	if (target < 0)
		return target;
	n.data = tmpfs_data(m, target, data, sizeof(data));
	if (m->copies_up) {
		old_dir = openat(target, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (old_dir < 0)
			return mount_failed(m, -errno, e);
	}
	fd = m->is_idmap ? new_mapped(b, m, &t, e) : mount_new(&n, &t, e);
	if (fd < 0 && m->is_idmap && e && e->code)
		return fd;
	if (fd < 0)
		return new_failed(b, m, target, fd, e);
	/* Order: a read-only /dev gets its devices first; rootfs_finish closes it. */
	r = new_finish(m, fd, old_dir, is_dev(m) ? 0 : late);
	if (r < 0)
		return mount_failed(m, r, e);
	if (is_dev(m) && b->r->dev_fd < 0)
		b->r->dev_fd = TAKE_FD(fd);
	return 0;
}

/* ---- remounts ---------------------------------------------------------------------------------- */

static int remount_one(struct rootfs_build *b, const struct rootfs_mount *m, struct err *e)
{
	auto_close int target = target_open(b, m, -EBADF, e);
	struct mount_change change[2];
	size_t n = changes_of(m, m->attr_set, change);
	int r = 0;

	if (target < 0)
		return target;
	for (size_t i = 0; r >= 0 && i < n; i++)
		r = mount_set(target, &change[i]);
	/* Read-only is what the mount is by now; its super block may be somebody else's as well. */
	if (r >= 0 && (m->data || (m->sb_flags | m->sb_clear) & ~(unsigned)MS_RDONLY))
		r = mount_reconfigure(target, m->sb_flags & ~(unsigned)MS_RDONLY,
				      m->sb_clear & ~(unsigned)MS_RDONLY, m->data, e);
	if (r < 0 && e && e->code)
		return err_within(e, "error remounting \"%s\"", m->destination);
	return r < 0 ? mount_failed(m, r, e) : 0;
}

static int mount_one(struct rootfs_build *b, const struct rootfs_mount *m, struct err *e)
{
	switch (m->kind) {
	case ROOTFS_BIND:
		return bind_one(b, m, e);
	case ROOTFS_NEW:
		return new_one(b, m, e);
	case ROOTFS_CGROUP_V1:
		return cgroup_v1_mount(b, m, e);
	case ROOTFS_REMOUNT:
		return remount_one(b, m, e);
	}
	return -EINVAL;
}

int rootfs_mount_all(const struct rootfs_plan *p, const struct rootfs_helper *h, struct rootfs *ret,
		     struct err *e)
{
	struct rootfs_build b = {.p = p, .helper = h, .r = ret};
	mode_t mask = umask(0); /* modes of directories and devices are meant as they are */
	int r = root_prepare(&b, e);

	for (size_t i = 0; r >= 0 && i < p->mounts.n; i++)
		r = mount_one(&b, &p->mounts.v[i], e);
	if (r >= 0 && p->makes_devices)
		r = devices_make(&b, e);
	if (r >= 0)
		r = masks_prepare(p, ret, e);
	umask(mask);
	return r < 0 ? r : 0;
}
