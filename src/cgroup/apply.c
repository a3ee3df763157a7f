/* SPDX-License-Identifier: Apache-2.0 */
/* Carries out a list of writes, with their dependencies, and takes them back. */
#include "cgroup/apply.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/auto.h"
#include "base/err.h"
#include "base/str.h"
#include "kernel/fd.h"

/* Files whose absence or refusal has a reason that the user can act on. */
static const struct {
	const char *file;
	int code;
	const char *why;
} hints[] = {
	{"memory.memsw.limit_in_bytes", ENOENT,
	 "this kernel does not account for swap; boot it with swapaccount=1"},
	{"memory.swap.max", ENOENT,
	 "this kernel does not account for swap; boot it with swapaccount=1"},
	{"memory.limit_in_bytes", EBUSY, "more than that is in use and cannot be reclaimed"},
	{"memory.memsw.limit_in_bytes", EBUSY, "more than that is in use and cannot be reclaimed"},
	{"cpu.cfs_quota_us", EINVAL,
	 "cgroup v1 refuses more processor time than the group above (its pool) has, and less "
	 "than a group below"},
	{"cpu.rt_runtime_us", ENOENT,
	 "this kernel has no real-time groups (CONFIG_RT_GROUP_SCHED)"},
	{"cpu.rt_period_us", ENOENT, "this kernel has no real-time groups (CONFIG_RT_GROUP_SCHED)"},
	{"cpu.rt_runtime_us", EINVAL, "the group above has no real-time budget left to give"},
	{"blkio.weight", ENOENT, "no I/O scheduler with weights is loaded (bfq)"},
	{"blkio.bfq.weight", ENOENT, "no I/O scheduler with weights is loaded (bfq)"},
	{"io.weight", ENOENT, "this kernel has no I/O weights (CONFIG_BLK_CGROUP_IOCOST)"},
	{"io.max", ENODEV, "there is no such block device"},
	{"cpuset.cpus", ERANGE, "there is no such processor"},
	{"cpuset.mems", ERANGE, "there is no such memory node"},
	{"cpuset.cpus", EINVAL,
	 "the group above does not have these, or there is no such processor"},
	{"cpuset.mems", EINVAL,
	 "the group above does not have these, or there is no such memory node"},
	{"cpuset.cpus", EACCES, "the group above does not have these"},
	{"cpuset.mems", EACCES, "the group above does not have these"},
};

static const char *find_hint(const char *file, int code)
{
	for (size_t i = 0; i < ARRAY_LEN(hints); i++)
		if (hints[i].code == code && str_eq(hints[i].file, file))
			return hints[i].why;
	return NULL;
}

static int write_failed(const struct cgroup *c, const struct cgroup_write *w, int r, struct err *e)
{
	const char *why = find_hint(w->file, -r);

	if (why)
		return err_say(e, r, "%s: writing \"%s\" to %s%s/%s: %s: %s", w->property, w->value,
			       c->group[w->hierarchy].mount, c->group[w->hierarchy].path, w->file,
			       err_text(-r), why);
	return err_sys(e, r, "%s: writing \"%s\" to %s%s/%s", w->property, w->value,
		       c->group[w->hierarchy].mount, c->group[w->hierarchy].path, w->file);
}

/* The file that stays open while neighbours write to it (devices.allow, blkio.throttle.*). */
struct open_file {
	const struct cgroup_write *write;
	int fd;
};

static void open_file_close(struct open_file *f)
{
	if (f->fd >= 0)
		close(f->fd);
	f->fd = -EBADF;
}

static int write_one(const struct cgroup *c, const struct cgroup_write *w, struct open_file *f)
{
	size_t n = strlen(w->value);
	ssize_t r;

	if (f->fd < 0 || f->write->hierarchy != w->hierarchy || !str_eq(f->write->file, w->file)) {
		open_file_close(f);
		f->fd = openat(c->group[w->hierarchy].dir_fd, w->file,
			       O_WRONLY | O_CLOEXEC | O_NOFOLLOW);
		if (f->fd < 0)
			return -errno;
		f->write = w;
	}
	r = write(f->fd, w->value, n);
	return r < 0 ? -errno : (size_t)r == n ? 0 : -EIO;
}

/*
 * The text that would put a file back. Most files read as they are written; of the others, flat
 * keyed lists are put back line by line (apply_undo) and write-only files not at all.
 */
static const char *read_old(const struct cgroup *c, const struct cgroup_write *w, struct arena *a)
{
	char *text;

	if (file_read_at(c->group[w->hierarchy].dir_fd, w->file, a, 1 << 20, &text, NULL) < 0)
		return NULL;
	return text;
}

/* One run of neighbours that depend on each other: passes over those not yet written, as long as a
 * pass gets one of them through. */
static int write_together(const struct cgroup *c, const struct cgroup_write *v, size_t n,
			  struct arena *a, const char **olds, struct err *e)
{
	bool is_done[16] = {0};
	size_t left = n, failed = 0;
	int r = 0;

	while (left) {
		size_t before = left;

		for (size_t i = 0; i < n; i++) {
			struct open_file f = {.fd = -EBADF};
			const char *old;
			int one;

			if (is_done[i])
				continue;
			old = olds ? read_old(c, &v[i], a) : NULL;
			one = write_one(c, &v[i], &f);
			open_file_close(&f);
			if (one == -ENOENT && v[i].is_optional)
				one = 0;
			if (one < 0) {
				failed = i;
				r = one;
				continue;
			}
			if (olds)
				olds[i] = old;
			is_done[i] = true;
			left--;
		}
		if (left == before)
			return write_failed(c, &v[failed], r, e);
	}
	return 0;
}

int apply_writes(const struct cgroup *c, const struct cgroup_write *v, size_t n, struct arena *a,
		 const char **olds, struct err *e)
{
	struct open_file f = {.fd = -EBADF};
	bool is_missing = false; /* the write before found no file */
	int r = 0;

	for (size_t i = 0; i < n && r >= 0; i++) {
		size_t run = 1;

		if (v[i].together) {
			while (i + run < n && run < 16 && v[i + run].together == v[i].together)
				run++;
			open_file_close(&f);
			r = write_together(c, &v[i], run, a, olds ? olds + i : NULL, e);
			i += run - 1;
			continue;
		}
		if (v[i].is_alternative && !is_missing)
			continue;
		if (olds)
			olds[i] = read_old(c, &v[i], a);
		r = write_one(c, &v[i], &f);
		is_missing = r == -ENOENT;
		if (is_missing && v[i].is_optional)
			r = 0;
		if (r < 0) {
			if (olds)
				olds[i] = NULL;
			r = write_failed(c, &v[i], r, e);
		}
	}
	open_file_close(&f);
	return r < 0 ? r : 0;
}

/* Files with a line for each device, which show a device only where it has a value. */
static const struct {
	const char *prefix, *reset;
} keyed_files[] = {
	{"blkio.throttle.", "0"},
	{"io.max", "rbps=max wbps=max riops=max wiops=max"},
	{"rdma.max", "hca_handle=max hca_object=max"},
};

/* The device had no line before: back to its default. */
static const char *undo_text(const struct cgroup_write *w, const char *old, char *buf, size_t size)
{
	int n = (int)strcspn(w->value, " ");

	for (size_t i = 0; i < ARRAY_LEN(keyed_files); i++) {
		if (!str_starts(w->file, keyed_files[i].prefix))
			continue;
		snprintf(buf, size, "%.*s ", n, w->value);
		if (strstr(old, buf))
			return old;
		snprintf(buf, size, "%.*s %s", n, w->value, keyed_files[i].reset);
		return buf;
	}
	return old;
}

static void undo_one(const struct cgroup *c, const struct cgroup_write *w, const char *old)
{
	char line[1024], text[256];

	old = undo_text(w, old, text, sizeof(text));
	while (*old) {
		size_t n = strcspn(old, "\n");
		struct cgroup_write back = *w;
		struct open_file f = {.fd = -EBADF};

		if (n < sizeof(line)) {
			memcpy(line, old, n);
			line[n] = '\0';
			back.value = line;
			(void)write_one(c, &back, &f);
			open_file_close(&f);
		}
		old += n + (old[n] == '\n');
	}
}

void apply_undo(const struct cgroup *c, const struct cgroup_write *v, size_t n,
		const char *const *olds)
{
	/* Twice: of values that depend on each other the second round takes what the first could
	 * not. */
	for (unsigned round = 0; round < 2; round++)
		for (size_t i = n; i-- > 0;)
			if (olds[i])
				undo_one(c, &v[i], olds[i]);
}
