/* SPDX-License-Identifier: Apache-2.0 */
/* RUN/events.jsonl: one line a happening, appended by whoever did it. */
#include "engine/event.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>

#include "base/auto.h"
#include "base/err.h"
#include "base/json.h"
#include "base/log.h"

/*
 * Theory of operation
 *
 * O_APPEND and one write(2) a line: lines of several writers never mix (the kernel holds the inode's lock).
 * Who finds the file full moves it away, with the file locked and only if the name still means it: of two
 * who find so at once, one does it, and no fresh file is moved over the old one.
 */

#define EVENTS_FILE "events.jsonl"
#define EVENTS_OLD "events.1.jsonl"

enum { EVENTS_MAX = 8 << 20 };

static void rotate(const struct engine *g, int fd, const struct stat *full)
{
	struct stat named;

	if (flock(fd, LOCK_EX | LOCK_NB) < 0 ||
	    fstatat(g->run_fd, EVENTS_FILE, &named, AT_SYMLINK_NOFOLLOW) < 0 ||
	    named.st_ino != full->st_ino)
		return;
	renameat(g->run_fd, EVENTS_FILE, g->run_fd, EVENTS_OLD);
}

static void print_event(struct json_writer *w, const char *type, const char *action, const char *id,
			const char *name, const struct oci_pairs *attributes)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	json_begin_object(w);
	json_put_int(w, "time", (int64_t)now.tv_sec * 1000000000 + now.tv_nsec);
	json_put_string(w, "type", type);
	json_put_string(w, "action", action);
	json_put_string(w, "id", id ? id : "");
	json_put_string(w, "name", name ? name : "");
	json_key(w, "attributes");
	json_begin_object(w);
	for (size_t i = 0; attributes && i < attributes->n; i++)
		json_put_string(w, attributes->v[i].key, attributes->v[i].value);
	json_end_object(w);
	json_end_object(w);
}

void event_emit(const struct engine *g, const char *type, const char *action, const char *id,
		const char *name, const struct oci_pairs *attributes)
{
	auto_json_writer struct json_writer w = {0};
	auto_close int fd =
		openat(g->run_fd, EVENTS_FILE,
		       O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0600);
	struct stat st;
	ssize_t n;

	if (fd < 0) {
		log_warning("open %s/" EVENTS_FILE ": %s", g->run, err_text(errno));
		return;
	}
	print_event(&w, type, action, id, name, attributes);
	/* The NUL that ends the text makes room for the end of the line. */
	w.buf[w.len] = '\n';
	n = write(fd, w.buf, w.len + 1);
	if (n != (ssize_t)w.len + 1)
		log_warning("write %s/" EVENTS_FILE ": %s", g->run,
			    err_text(n < 0 ? errno : ENOSPC));
	else if (fstat(fd, &st) == 0 && st.st_size >= EVENTS_MAX)
		rotate(g, fd, &st);
}
