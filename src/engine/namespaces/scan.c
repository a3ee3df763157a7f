/* SPDX-License-Identifier: Apache-2.0 */
/* What /proc tells of namespaces: of every process, and of one in depth. */
#include "engine/namespaces/scan.h"

#include <ctype.h>
#include <fcntl.h>
#include <linux/nsfs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

#include "base/arena.h"
#include "base/auto.h"
#include "base/err.h"
#include "engine/container/container.h"
#include "engine/container/spec_parts.h"
#include "kernel/fd.h"

static const char *read_proc(int dir, const char *file, struct arena *a)
{
	char text[8192];
	int n = file_read_small(dir, file, text, sizeof(text));

	return n < 0 ? NULL : arena_strndup(a, text, (size_t)n);
}

static void read_process(int proc, const char *name, struct arena *a, struct ns_process *ret)
{
	auto_close int dir = openat(proc, name, O_PATH | O_DIRECTORY | O_CLOEXEC);
	const char *command;

	*ret = (struct ns_process){.pid = strtoll(name, NULL, 10)};
	for (size_t k = 0; dir >= 0 && k < NS_MAP_KINDS; k++) {
		char file[32];
		struct stat st;

		snprintf(file, sizeof(file), "ns/%s", ns_map_kind_names[k]);
		if (fstatat(dir, file, &st, 0) == 0)
			ret->inode[k] = st.st_ino;
	}
	command = dir >= 0 ? read_proc(dir, "comm", a) : NULL;
	ret->command = command ? command : "";
	if (dir < 0)
		return;
	ret->cgroup = read_proc(dir, "cgroup", a);
	ret->uid_map = read_proc(dir, "uid_map", a);
	ret->gid_map = read_proc(dir, "gid_map", a);
}

static int by_pid(const void *a, const void *b)
{
	const struct ns_process *x = a, *y = b;

	return (x->pid > y->pid) - (x->pid < y->pid);
}

static int list_known(const struct engine *g, struct arena *a, struct ns_scan *ret, struct err *e)
{
	struct container_info *list = NULL;
	struct ns_known *known;
	size_t n = 0;
	int r = container_list(g, true, a, &list, &n, e);

	if (r < 0)
		return r;
	known = arena_array(a, n + 1, sizeof(*known));
	for (size_t i = 0; i < n; i++)
		known[i] = (struct ns_known){list[i].record.id, list[i].record.name,
					     list[i].status.pid};
	ret->known = known;
	ret->n_known = n;
	return 0;
}

int ns_scan_read(const struct engine *g, struct arena *a, struct ns_scan *ret, struct err *e)
{
	auto_closedir DIR *d = opendir("/proc");
	SLICE(struct ns_process) list = {0};
	const struct dirent *entry;
	struct ns_scan scan = {0};
	int r = list_known(g, a, &scan, e);

	if (r < 0)
		return r;
	if (!d)
		return err_sys(e, -errno, "read /proc");
	while ((entry = readdir(d))) {
		struct ns_process p = {0};

		if (!isdigit((unsigned char)entry->d_name[0]))
			continue;
		read_process(dirfd(d), entry->d_name, a, &p);
		/* It may have ended meanwhile: then it has no command either. */
		if (*p.command)
			LIST_ADD(&list, a) = p;
	}
	if (list.n)
		qsort(list.v, list.n, sizeof(*list.v), by_pid);
	scan.v = list.v;
	scan.n = list.n;
	*ret = scan;
	return 0;
}

void ns_scan_owner(int64_t pid, enum ns_map_kind k, struct ns_owner *ret)
{
	char path[64];
	auto_close int fd = -EBADF, owner = -EBADF;
	struct stat st;
	uid_t uid = 0;

	*ret = (struct ns_owner){.uid = -1};
	snprintf(path, sizeof(path), "/proc/%lld/ns/%s", (long long)pid, ns_map_kind_names[k]);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return;
	/* EPERM: it is outside of our own user namespace. */
	owner = ioctl(fd, NS_GET_USERNS);
	if (owner >= 0 && fstat(owner, &st) == 0)
		ret->user_inode = st.st_ino;
	if (ioctl(k == NS_MAP_USER ? fd : owner, NS_GET_OWNER_UID, &uid) == 0)
		ret->uid = uid;
}
