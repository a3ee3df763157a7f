/* SPDX-License-Identifier: Apache-2.0 */
/* A container's log for a person: from its files, chosen, tailed and followed. */
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/auto.h"
#include "base/err.h"
#include "base/json.h"
#include "base/log.h"
#include "base/str.h"
#include "engine/container/record.h"
#include "engine/log/chain.h"
#include "engine/log/journal_print.h"
#include "engine/log/line.h"
#include "engine/log/log.h"
#include "engine/log/sink.h"
#include "kernel/fd.h"

enum {
	WINDOW = 256 * 1024, /* holds the longest entry twice */
	OUTPUT = 64 * 1024,
	PIECE = 4096,       /* PIPE_BUF: what a pipe that polls writable takes at once */
	LOOK_MS = 1000,     /* between looks, should inotify have told nothing */
	BLIND_LOOK_MS = 50, /* without inotify */
	UNLOCK_MS = 5,      /* from the close of the lock to its release */
};

struct printer {
	const struct log_query *q;
	struct chain chain;
	int watch_fd; /* inotify, or -1 */
	char since[31], until[31];
	bool is_over;    /* past `until` */
	bool goes_on[3]; /* the stream's last entry was a part */
	bool is_pipe[3];
	bool lost_files;
	int out_fd; /* of what is in output */
	size_t out_n;
	char output[OUTPUT];
	char window[WINDOW];
};

/* ---- output -------------------------------------------------------------------------------------- */

/* A reader that is slow must not keep us from seeing rotations: before each piece we look. */
static int write_piecewise(struct printer *p, int fd, const char *text, size_t n)
{
	while (n > 0) {
		struct pollfd fds[] = {{.fd = fd, .events = POLLOUT},
				       {.fd = p->watch_fd, .events = POLLIN}};
		size_t piece = n < PIECE ? n : PIECE;
		char drained[PIECE];
		int r;

		if (poll(fds, 2, p->watch_fd < 0 ? BLIND_LOOK_MS : LOOK_MS) < 0 && errno != EINTR)
			return -errno;
		if (fds[1].revents && read(p->watch_fd, drained, sizeof(drained)) < 0)
			p->watch_fd = -EBADF;
		if (!(fds[0].revents & POLLOUT) || fds[1].revents)
			p->lost_files |= chain_look(&p->chain) == 2;
		if (!(fds[0].revents & (POLLOUT | POLLERR | POLLHUP)))
			continue;
		r = fd_write_all(fd, text, piece);
		if (r < 0)
			return r;
		text += piece;
		n -= piece;
	}
	return 0;
}

static int flush(struct printer *p)
{
	int r = 0;

	if (p->out_n && p->q->follows && p->is_pipe[p->out_fd])
		r = write_piecewise(p, p->out_fd, p->output, p->out_n);
	else if (p->out_n)
		r = fd_write_all(p->out_fd, p->output, p->out_n);
	p->out_n = 0;
	return r;
}

static int append(struct printer *p, const char *text, size_t n)
{
	int r = p->out_n + n > OUTPUT ? flush(p) : 0;

	if (r < 0 || n == 0)
		return r;
	if (n > OUTPUT)
		return fd_write_all(p->out_fd, text, n);
	memcpy(p->output + p->out_n, text, n);
	p->out_n += n;
	return 0;
}

/* "key=value,key=value " */
static int append_details(struct printer *p, const struct log_line *l)
{
	static const struct json_type pairs_type =
		JSON_PAIRS(struct oci_pair, key, value, &json_string_type);
	auto_arena struct arena a = {0};
	struct oci_pairs pairs = {0};
	int r = 0;

	if (l->attrs)
		json_decode(l->attrs, l->attrs_n, &pairs_type, &pairs, &a, "attrs", NULL);
	for (size_t i = 0; i < pairs.n && r == 0; i++) {
		const char *text = arena_printf(&a, "%s%s=%s", i ? "," : "", pairs.v[i].key,
						pairs.v[i].value ? pairs.v[i].value : "");

		r = append(p, text, strlen(text));
	}
	return r < 0 ? r : append(p, " ", 1);
}

static int print_line(struct printer *p, const struct log_line *l)
{
	int stream = l->is_err ? 2 : 1, r = 0;
	bool goes_on = p->goes_on[stream];

	p->goes_on[stream] = !l->ends;
	if (p->out_fd != stream) {
		r = flush(p);
		p->out_fd = stream;
	}
	if (r == 0 && !goes_on && p->q->shows_time && (r = append(p, l->time, l->time_n)) == 0)
		r = append(p, " ", 1);
	if (r == 0 && !goes_on && p->q->shows_details)
		r = append_details(p, l);
	if (r == 0 && p->out_n + l->text_n > OUTPUT)
		r = flush(p);
	if (r < 0 ||
	    l->text_n >
		    OUTPUT) /* the longest of ours is LOG_PART * 6 escaped: cut what is foreign */
		return r < 0 ? r : append(p, l->text, l->text_n);
	p->out_n += log_line_unescape(l, p->output + p->out_n);
	return 0;
}

/* ---- choosing ------------------------------------------------------------------------------------ */

static bool is_before(const struct log_line *l, const char *bound)
{
	return strncmp(l->time, bound, l->time_n < 30 ? l->time_n : 30) < 0;
}

static int take_line(struct printer *p, const char *line, size_t n)
{
	struct log_line l;

	if (log_line_parse(line, n, &l) < 0 || (p->since[0] && is_before(&l, p->since)))
		return 0;
	if (p->until[0] && !is_before(&l, p->until)) {
		p->is_over = p->q->follows;
		return 0;
	}
	return (l.is_err ? p->q->wants_err : p->q->wants_out) ? print_line(p, &l) : 0;
}

/* The rest of the oldest file. */
static int print_file(struct printer *p, unsigned i)
{
	for (;;) {
		struct chain_file *f = &p->chain.files[i];
		ssize_t n = pread(f->fd, p->window, WINDOW, f->at);
		char *at = p->window, *end = at + (n > 0 ? n : 0), *newline;

		if (n <= 0)
			return n < 0 ? -errno : 0;
		while ((newline = memchr(at, '\n', (size_t)(end - at))) && !p->is_over) {
			int r = take_line(p, at, (size_t)(newline - at));

			if (r < 0)
				return r;
			at = newline + 1;
		}
		/* The chain may have been moved by a look. */
		p->chain.files[i].at += at - p->window;
		if (p->is_over || (at == p->window && n < WINDOW))
			return 0;
		if (at == p->window) /* no line of ours is that long */
			p->chain.files[i].at += n;
	}
}

static int print_rest(struct printer *p)
{
	int r = 0;

	while (r == 0 && p->chain.first < p->chain.n && !p->is_over) {
		unsigned before = p->chain.n;

		r = print_file(p, p->chain.first);
		/* Order: only what had a successor before we read it is complete. */
		if (p->chain.first + 1 == before && p->chain.n == before)
			break;
		if (r == 0 && p->chain.first + 1 < before)
			chain_shift(&p->chain);
	}
	return r < 0 ? r : flush(p);
}

/* ---- tail ---------------------------------------------------------------------------------------- */

struct tail {
	int64_t wanted, found;
	bool is_inside; /* entries of a line that is counted already */
};

static bool ends_line(const char *line, size_t n)
{
	struct log_line l;

	return log_line_parse(line, n, &l) < 0 || l.ends;
}

/* Goes through one file from its end. Returns the offset at which the wanted tail begins. */
static int64_t find_tail(struct printer *p, const struct chain_file *f, struct tail *t)
{
	struct stat st;
	int64_t end;

	if (fstat(f->fd, &st) < 0)
		return 0;
	for (end = st.st_size; end > 0;) {
		size_t n = end < WINDOW ? (size_t)end : WINDOW;
		int64_t begin = end - (int64_t)n;
		char *stop = p->window + n, *newline;

		if (pread(f->fd, p->window, n, begin) != (ssize_t)n)
			return 0;
		if (stop[-1] != '\n') { /* a line that is being written, or was cut */
			newline = memrchr(p->window, '\n', n);
			end = newline ? begin + (newline - p->window) + 1 : begin;
			continue;
		}
		while (stop > p->window) {
			newline = memrchr(p->window, '\n', (size_t)(stop - 1 - p->window));
			if (!newline && begin > 0)
				break;
			newline = newline ? newline + 1 : p->window;
			if (ends_line(newline, (size_t)(stop - 1 - newline)) || !t->is_inside) {
				if (t->found == t->wanted)
					return begin + (stop - p->window);
				t->found++;
				t->is_inside = true;
			}
			stop = newline;
		}
		end = stop == p->window + n ? begin : begin + (stop - p->window);
	}
	return 0;
}

static void seek_tail(struct printer *p)
{
	struct tail t = {.wanted = p->q->tail};
	unsigned i = p->chain.n;

	while (i-- > p->chain.first) {
		p->chain.files[i].at = find_tail(p, &p->chain.files[i], &t);
		if (p->chain.files[i].at > 0 || t.found == t.wanted)
			break;
	}
	for (unsigned keep = i; i != (unsigned)-1 && p->chain.first < keep;)
		chain_shift(&p->chain);
}

/* ---- following ----------------------------------------------------------------------------------- */

static void begin_watch(struct printer *p)
{
	char path[64];

	p->watch_fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", p->chain.dir_fd);
	if (p->watch_fd >= 0 &&
	    inotify_add_watch(p->watch_fd, path,
			      IN_MODIFY | IN_CREATE | IN_CLOSE_WRITE | IN_DELETE_SELF) >= 0)
		return;
	auto_close_fn(&p->watch_fd);
	p->watch_fd = -EBADF;
}

/* How long to wait: until something tells, the end of the query, or the lock's release. */
static int patience(const struct printer *p, bool lock_was_closed)
{
	struct timespec now;
	int64_t left;
	int ms = lock_was_closed ? UNLOCK_MS : p->watch_fd < 0 ? BLIND_LOOK_MS : LOOK_MS;

	if (!p->q->until_ns)
		return ms;
	clock_gettime(CLOCK_REALTIME, &now);
	left = (p->q->until_ns - (now.tv_sec * INT64_C(1000000000) + now.tv_nsec)) / 1000000 + 1;
	return left < 0 ? 0 : left < ms ? (int)left : ms;
}

/* Returns true if the container's lock was closed by somebody. */
static bool wait_for_news(const struct printer *p, bool lock_was_closed)
{
	char buf[4096] __attribute__((aligned(8)));
	struct pollfd fd = {.fd = p->watch_fd, .events = POLLIN};
	const struct inotify_event *event;
	bool is_closed = false;
	ssize_t n;

	if (poll(&fd, 1, patience(p, lock_was_closed)) <= 0)
		return false;
	n = read(p->watch_fd, buf, sizeof(buf));
	for (ssize_t at = 0; at < n; at += (ssize_t)(sizeof(*event) + event->len)) {
		event = (const struct inotify_event *)(buf + at);
		is_closed |= event->mask & IN_CLOSE_WRITE && event->len &&
			     strcmp(event->name, "lock") == 0;
	}
	return is_closed;
}

static bool is_past(const struct printer *p)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return p->q->until_ns && now.tv_sec * INT64_C(1000000000) + now.tv_nsec > p->q->until_ns;
}

static int follow(struct printer *p)
{
	bool lock_was_closed = false, was_live = true;
	int r = 0;

	while (r >= 0 && !p->is_over) {
		/* Order: what was written before the end is read after we have seen it. */
		bool is_live = record_is_locked(p->chain.dir_fd);

		r = chain_look(&p->chain);
		p->lost_files |= r == 2;
		if (r >= 0)
			r = print_rest(p);
		if (r < 0 || p->is_over || is_past(p) || (!was_live && !is_live))
			break;
		was_live = is_live;
		if (is_live)
			lock_was_closed = wait_for_news(p, lock_was_closed);
	}
	return r;
}

/* ---- the whole ----------------------------------------------------------------------------------- */

static int print_files(struct printer *p, struct err *e)
{
	int r;

	if (p->q->follows)
		begin_watch(p);
	r = chain_look(&p->chain);
	if (r < 0)
		return err_sys(e, r, "open the log");
	if (p->q->tail >= 0)
		seek_tail(p);
	r = p->q->follows ? follow(p) : print_rest(p);
	if (p->lost_files)
		log_warning(
			"lines are missing: log files were rotated away before they could be read");
	return r < 0 && r != -EPIPE ? err_sys(e, r, "print the log") : 0;
}

int log_print(int dir_fd, const struct record *r, const struct log_query *q, struct err *e)
{
	struct printer *p;
	struct stat st;
	int rc;

	if (str_eq(r->log.driver, "journald"))
		return journal_print(dir_fd, r, q, e);
	if (r->log.driver && !str_eq(r->log.driver, "json-file"))
		return err_say(e, -ENOTSUP,
			       "container %s keeps no log: its log driver is \"%s\" (see "
			       "--log-driver)",
			       r->name, r->log.driver);
	p = malloc(sizeof(*p));
	if (!p)
		return err_sys(e, -ENOMEM, "read the log");
	memset(p, 0, offsetof(struct printer, output));
	p->q = q;
	p->chain.dir_fd = dir_fd;
	p->watch_fd = -EBADF;
	p->out_fd = 1;
	for (int i = 1; i < 3; i++)
		p->is_pipe[i] =
			fstat(i, &st) == 0 && (S_ISFIFO(st.st_mode) || S_ISSOCK(st.st_mode));
	if (q->since_ns)
		log_time_text(q->since_ns, p->since);
	if (q->until_ns)
		log_time_text(q->until_ns, p->until);
	rc = print_files(p, e);
	chain_close(&p->chain);
	auto_close_fn(&p->watch_fd);
	free(p);
	return rc;
}
