/* SPDX-License-Identifier: Apache-2.0 */
/* The driver json-file: entries in Docker's format, in a few files of bounded size. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/err.h"
#include "base/json.h"
#include "base/str.h"
#include "engine/container/record.h"
#include "engine/log/sink.h"
#include "kernel/fd.h"

#ifndef RWF_NOWAIT
#define RWF_NOWAIT 0x00000008
#endif

/*
 * Theory of operation
 *
 * Entries are collected in a batch of whole lines, which a flush writes: at the latest when what was read at
 * once is dealt with, so that what a client saw is in the file. A file never ends within a line: what a write
 * cut short (a full disk, SIGKILL) left of one is cut off, by us or by the next who opens it.
 * In mode drop-oldest the write says EAGAIN where it would have to wait for the disk (RWF_NOWAIT); the batch
 * then waits, and its oldest lines make room.
 */

struct sink {
	int dir_fd, fd;
	int64_t size, max_size; /* max_size 0: no bound */
	int max_files;
	bool drops_oldest;
	int64_t dropped;
	char *attrs; /* ",\"attrs\":{...}" or "" */
	size_t attrs_n;
	int64_t time_ns; /* what time_text says */
	char time_text[31];
	size_t n;
	char batch[LOG_BATCH];
};

enum {
	ATTRS_MAX = 8192,
	ENTRY_FRAME = 128,
	FLUSH_AT = 24 * 1024, /* a larger write gains nothing, and memory that was touched stays */
};
_Static_assert(LOG_PART * 6 + ATTRS_MAX + ENTRY_FRAME <= LOG_BATCH, "any entry fits a batch");

/* ---- files --------------------------------------------------------------------------------------- */

/* Where the last whole line ends. */
static int64_t whole_lines(int fd, int64_t size)
{
	char tail[4096];

	while (size > 0) {
		size_t n = size < (int64_t)sizeof(tail) ? (size_t)size : sizeof(tail);
		ssize_t got = pread(fd, tail, n, size - (int64_t)n);
		const char *newline = got > 0 ? memrchr(tail, '\n', (size_t)got) : NULL;

		if (got <= 0)
			return size;
		if (newline)
			return size - (int64_t)n + (newline - tail) + 1;
		size -= (int64_t)n;
	}
	return 0;
}

static int open_file(struct sink *s)
{
	int fd = openat(s->dir_fd, LOG_FILE, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW,
			0640);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	s->size = whole_lines(fd, st.st_size);
	if (s->size < st.st_size && ftruncate(fd, s->size) < 0)
		s->size = st.st_size;
	if (s->fd >= 0)
		close(s->fd);
	s->fd = fd;
	return 0;
}

static void file_name(char ret[32], int i)
{
	snprintf(ret, 32, i ? LOG_FILE ".%d" : LOG_FILE, i);
}

static int rotate(struct sink *s)
{
	char from[32], to[32];
	int r;

	for (int i = s->max_files - 1; i > 0; i--) {
		file_name(from, i - 1);
		file_name(to, i);
		if (renameat(s->dir_fd, from, s->dir_fd, to) < 0 && errno != ENOENT)
			return -errno;
	}
	if (s->max_files == 1 && unlinkat(s->dir_fd, LOG_FILE, 0) < 0 && errno != ENOENT)
		return -errno;
	r = open_file(s);
	/* Without a new file the old one goes on under its own name. */
	if (r < 0 && s->max_files > 1)
		renameat(s->dir_fd, LOG_FILE ".1", s->dir_fd, LOG_FILE);
	return r;
}

/* ---- writing ------------------------------------------------------------------------------------- */

static ssize_t write_some(const struct sink *s, const char *text, size_t n)
{
	struct iovec io = {(void *)(uintptr_t)text, n};
	ssize_t r;

	if (s->drops_oldest) {
		r = syscall(SYS_pwritev2, s->fd, &io, 1, -1L, -1L, RWF_NOWAIT);
		if (r >= 0 || errno == EAGAIN)
			return r < 0 ? -EAGAIN : r;
		/* A file system that cannot promise it. */
	}
	do
		r = write(s->fd, text, n);
	while (r < 0 && errno == EINTR);
	return r < 0 ? -errno : r;
}

static int64_t count_lines(const char *text, size_t n)
{
	const char *end = text + n;
	int64_t lines = 0;

	while ((text = memchr(text, '\n', (size_t)(end - text)))) {
		lines++;
		if (++text == end)
			break;
	}
	return lines;
}

/* Whole lines; all of them or, with -EAGAIN, some from the begin: *ret_n tells. */
static int write_lines(struct sink *s, const char *text, size_t n, size_t *ret_n)
{
	size_t done = 0;
	ssize_t r = 0;

	while (done < n && (r = write_some(s, text + done, n - done)) > 0)
		done += (size_t)r;
	*ret_n = n;
	if (done == n) {
		s->size += (int64_t)n;
		return 0;
	}
	while (done > 0 && text[done - 1] != '\n')
		done--;
	s->size += (int64_t)done;
	if (ftruncate(s->fd, s->size) < 0)
		s->size = lseek(s->fd, 0, SEEK_END);
	*ret_n = done;
	return r < 0 ? (int)r : -ENOSPC;
}

/* How much of the batch goes into this file: whole lines, at least one in an empty file; 0: rotate. */
static size_t fits(const struct sink *s, const char *text, size_t n)
{
	int64_t room = s->max_size - s->size;
	const char *newline;

	if (s->max_size <= 0 || (int64_t)n <= room)
		return n;
	newline = room > 0 ? memrchr(text, '\n', (size_t)room) : NULL;
	if (!newline && s->size == 0)
		newline = memchr(text, '\n', n);
	return newline ? (size_t)(newline - text) + 1 : 0;
}

static int json_flush(struct sink *s)
{
	size_t at = 0, done;
	int r = 0;

	while (at < s->n) {
		size_t take = fits(s, s->batch + at, s->n - at);

		if (take == 0 && (r = rotate(s)) == 0)
			continue;
		if (take == 0)
			take = s->n - at; /* better too long a file than a lost line */
		r = write_lines(s, s->batch + at, take, &done);
		at += done;
		if (r == -EAGAIN)
			break;
		if (r < 0) {
			s->dropped += count_lines(s->batch + at, take - done);
			at += take - done;
		}
	}
	memmove(s->batch, s->batch + at, s->n - at);
	s->n -= at;
	return r;
}

static void drop_oldest(struct sink *s)
{
	const char *newline = memchr(s->batch, '\n', s->n);
	size_t n = newline ? (size_t)(newline - s->batch) + 1 : s->n;

	memmove(s->batch, s->batch + n, s->n - n);
	s->n -= n;
	s->dropped++;
}

static char *append(char *to, const char *text, size_t n)
{
	memcpy(to, text, n);
	return to + n;
}

#define APPEND(to, literal) append(to, literal, sizeof(literal) - 1)

static int json_put(struct sink *s, const struct log_entry *entry)
{
	size_t most = entry->n * 6 + s->attrs_n + ENTRY_FRAME;
	char *to;

	if (LOG_BATCH - s->n < most) {
		json_flush(s);
		while (LOG_BATCH - s->n < most)
			drop_oldest(s);
	}
	if (entry->time_ns != s->time_ns) {
		log_time_text(entry->time_ns, s->time_text);
		s->time_ns = entry->time_ns;
	}
	to = APPEND(s->batch + s->n, "{\"log\":\"");
	to += log_escape(to, entry->text, entry->n);
	to = entry->stream == 1 ? APPEND(to, "\",\"stream\":\"stdout\"")
				: APPEND(to, "\",\"stream\":\"stderr\"");
	to = append(to, s->attrs, s->attrs_n);
	to = APPEND(to, ",\"time\":\"");
	to = append(to, s->time_text, 30);
	to = APPEND(to, "\"}\n");
	s->n = (size_t)(to - s->batch);
	return s->n >= FLUSH_AT && !s->drops_oldest ? json_flush(s) : 0;
}

/* ---- opening ------------------------------------------------------------------------------------- */

static const char *find_pair(const struct oci_pairs *pairs, const char *key, size_t n)
{
	for (size_t i = 0; i < pairs->n; i++)
		if (strlen(pairs->v[i].key) == n && !strncmp(pairs->v[i].key, key, n))
			return pairs->v[i].value;
	return NULL;
}

/* Option "labels": the names of those labels that every entry carries. */
static char *make_attrs(const struct record *r)
{
	auto_json_writer struct json_writer w = {0};
	const char *names = find_pair(&r->log.options, "labels", 6);
	char *text = NULL;
	bool has_any = false;

	json_begin_object(&w);
	while (names && *names) {
		size_t n = strcspn(names, ",");
		const char *value = find_pair(&r->labels, names, n);
		char key[256];

		if (value && n < sizeof(key)) {
			memcpy(key, names, n);
			key[n] = '\0';
			json_put_string(&w, key, value);
			has_any = true;
		}
		names += n + (names[n] == ',');
	}
	json_end_object(&w);
	if (!has_any || w.len > ATTRS_MAX - 16)
		return strdup("");
	return asprintf(&text, ",\"attrs\":%s", w.buf) < 0 ? NULL : text;
}

static void json_close(struct sink *s)
{
	json_flush(s);
	if (s->fd >= 0)
		close(s->fd);
	free(s->attrs);
	free(s);
}

static int json_open(int dir_fd, const struct record *r, struct sink **ret, struct err *e)
{
	struct sink *s = malloc(sizeof(*s));
	int rc;

	if (!s)
		return err_sys(e, -ENOMEM, "open the log");
	memset(s, 0,
	       offsetof(struct sink, batch)); /* the batch's pages come when they are needed */
	s->dir_fd = dir_fd;
	s->fd = -EBADF;
	s->max_size = r->log.max_size;
	s->max_files = r->log.max_files < 1      ? 1
		       : r->log.max_files > 1000 ? 1000
						 : (int)r->log.max_files;
	s->drops_oldest = str_eq(r->log.mode, "drop-oldest");
	s->attrs = make_attrs(r);
	rc = s->attrs ? open_file(s) : -ENOMEM;
	if (rc < 0) {
		json_close(s);
		return err_sys(e, rc, "open " LOG_FILE " of the container");
	}
	s->attrs_n = strlen(s->attrs);
	*ret = s;
	return 0;
}

static bool json_is_waiting(const struct sink *s)
{
	return s->n > 0;
}

static int64_t json_dropped(const struct sink *s)
{
	return s->dropped;
}

const struct sink_ops sink_json_file = {
	.open = json_open,
	.put = json_put,
	.flush = json_flush,
	.is_waiting = json_is_waiting,
	.dropped = json_dropped,
	.close = json_close,
};
