/* SPDX-License-Identifier: Apache-2.0 */
/* Groups as directories: paths, lists of processes, removal; the same for v1 and v2. */
#include "cgroup/group.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/err.h"

int group_path(char *buf, size_t size, const char *mount, const char *path)
{
	int n = snprintf(buf, size, "%s%s", mount, path);

	return n < 0 || (size_t)n >= size ? -ENAMETOOLONG : 0;
}

/* One way down the path. Returns 0, or -ENOENT where somebody removed a parent meanwhile. */
static int make_each(char *whole, size_t at, unsigned *ret_made)
{
	while (whole[at]) {
		size_t end = at + 1 + strcspn(whole + at + 1, "/");
		char saved = whole[end];

		whole[end] = '\0';
		if (mkdir(whole, 0755) == 0)
			++*ret_made;
		else if (errno != EEXIST)
			return -errno; /* whole names what failed */
		whole[end] = saved;
		at = end;
	}
	return 0;
}

int group_make_dirs(const char *mount, const char *path, unsigned *ret_made, struct err *e)
{
	char whole[GROUP_PATH_MAX];
	unsigned made = 0;
	int r = group_path(whole, sizeof(whole), mount, path);

	if (r < 0)
		return err_sys(e, r, "cgroup %s%s", mount, path);
	if (mkdir(whole, 0755) == 0) {
		*ret_made = 1;
		return 0;
	}
	r = errno == EEXIST ? 0 : -errno;
	/* Again and again: a failing start of another container may remove a parent that it made.
	 */
	for (unsigned round = 0; r == -ENOENT && round < 8; round++) {
		made = 0;
		(void)group_path(whole, sizeof(whole), mount, path);
		r = make_each(whole, strlen(mount), &made);
	}
	if (r < 0) {
		char *last = strrchr(whole, '/');

		err_sys(e, r, "making cgroup %s", whole);
		*last = '\0';
		group_remove_dirs(mount, whole + strlen(mount), made);
		return r;
	}
	*ret_made = made;
	return 0;
}

void group_remove_dirs(const char *mount, const char *path, unsigned n)
{
	char whole[GROUP_PATH_MAX];

	if (group_path(whole, sizeof(whole), mount, path) < 0)
		return;
	for (; n; n--) {
		if (rmdir(whole) < 0)
			return;
		*strrchr(whole, '/') = '\0';
	}
}

void pid_list_free(struct pid_list *list)
{
	free(list->v);
	*list = (struct pid_list){0};
}

static int pid_list_add(struct pid_list *list, pid_t pid)
{
	if (list->n == list->size) {
		size_t size = list->size ? list->size * 2 : 64;
		pid_t *v = realloc(list->v, size * sizeof(*v));

		if (!v)
			return -ENOMEM;
		list->v = v;
		list->size = size;
	}
	list->v[list->n++] = pid;
	return 0;
}

/* Reads one cgroup.procs in pieces: a number may be cut by the end of the buffer. */
static int read_procs(int dir_fd, struct pid_list *list)
{
	auto_close int fd = openat(dir_fd, "cgroup.procs", O_RDONLY | O_CLOEXEC);
	char buf[4096];
	int64_t pid = -1;
	ssize_t n;

	if (fd < 0)
		return -errno;
	while ((n = read(fd, buf, sizeof(buf))) > 0) {
		for (ssize_t i = 0; i < n; i++) {
			if (buf[i] >= '0' && buf[i] <= '9') {
				pid = (pid < 0 ? 0 : pid) * 10 + (buf[i] - '0');
				continue;
			}
			/* 0: a process that our pid namespace cannot name */
			if (pid > 0 && pid_list_add(list, (pid_t)pid) < 0)
				return -ENOMEM;
			pid = -1;
		}
	}
	/* EOPNOTSUPP: a threaded v2 group lists only threads; its domain lists the processes. */
	return n < 0 && errno != EOPNOTSUPP ? -errno : 0;
}

int group_count_pids(int dir_fd)
{
	auto_pid_list struct pid_list list = {0};
	int r = read_procs(dir_fd, &list);

	return r < 0 ? r : (int)list.n;
}

int group_list_pids(int dir_fd, struct pid_list *list)
{
	auto_closedir DIR *dir = NULL;
	struct dirent *entry;
	int fd, r = read_procs(dir_fd, list);

	if (r < 0)
		return r == -ENODEV ? -ENOENT : r;
	fd = openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	dir = fdopendir(fd);
	if (!dir) {
		close(fd);
		return -ENOMEM;
	}
	while ((entry = readdir(dir))) {
		auto_close int sub_fd = -EBADF;

		if (entry->d_type != DT_DIR || entry->d_name[0] == '.')
			continue;
		sub_fd = openat(fd, entry->d_name, O_PATH | O_DIRECTORY | O_CLOEXEC);
		if (sub_fd < 0)
			continue; /* removed meanwhile */
		r = group_list_pids(sub_fd, list);
		if (r < 0 && r != -ENOENT)
			return r;
	}
	return 0;
}

static int compare_pids(const void *a, const void *b)
{
	pid_t x = *(const pid_t *)a, y = *(const pid_t *)b;

	return (x > y) - (x < y);
}

/* NOLINTBEGIN(clang-analyzer-unix.Malloc): the analyzer does not see the clean-up attribute. */
int group_signal_all(int dir_fd, int signo)
{
	auto_pid_list struct pid_list before = {0};

	/* A process may fork between listing and signal; sixteen rounds end a race with any program
	 * that is no fork bomb, and against one the caller has frozen the group before. */
	for (unsigned round = 0; round < 16; round++) {
		auto_pid_list struct pid_list now = {0};
		int r = group_list_pids(dir_fd, &now);
		bool has_new = false;

		if (r < 0)
			return r == -ENOENT ? 0 : r;
		for (size_t i = 0; i < now.n; i++) {
			if (before.n &&
			    bsearch(&now.v[i], before.v, before.n, sizeof(pid_t), compare_pids))
				continue;
			has_new = true;
			if (kill(now.v[i], signo) < 0 && errno != ESRCH)
				return -errno;
		}
		if (!has_new)
			return 0;
		qsort(now.v, now.n, sizeof(pid_t), compare_pids);
		pid_list_free(&before);
		before = now;
		now = (struct pid_list){0};
	}
	return 0;
}
/* NOLINTEND(clang-analyzer-unix.Malloc) */

static int remove_tree_at(int parent_fd, const char *name)
{
	auto_closedir DIR *dir = NULL;
	struct dirent *entry;
	int fd;

	if (unlinkat(parent_fd, name, AT_REMOVEDIR) == 0 || errno == ENOENT)
		return 0;
	if (errno != EBUSY)
		return -errno;
	fd = openat(parent_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? 0 : -errno;
	dir = fdopendir(fd);
	if (!dir) {
		close(fd);
		return -ENOMEM;
	}
	while ((entry = readdir(dir))) {
		int r;

		if (entry->d_type != DT_DIR || entry->d_name[0] == '.')
			continue;
		r = remove_tree_at(fd, entry->d_name);
		if (r < 0)
			return r;
	}
	if (unlinkat(parent_fd, name, AT_REMOVEDIR) < 0 && errno != ENOENT)
		return -errno;
	return 0;
}

int group_remove_tree(const char *path)
{
	return remove_tree_at(AT_FDCWD, path);
}

int64_t group_now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}
