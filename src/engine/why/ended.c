/* SPDX-License-Identifier: Apache-2.0 */
/* What is kept of containers that are removed: RUN/ended.jsonl. */
#include "engine/why/ended.h"

#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>

#include "base/arena.h"
#include "base/auto.h"
#include "base/err.h"
#include "base/json.h"
#include "base/str.h"
#include "kernel/fd.h"

#define ENDED_FILE "ended.jsonl"
#define ENDED_OLD "ended.1.jsonl"

enum { ENDED_MAX = 512 << 10, TEXT_MAX = 1 << 20, PREFIX_MIN = 3 };

static const struct json_field ended_fields[] = {
	JSON_FIELD("id", struct ended, id, &json_string_type, JSON_REQUIRED),
	JSON_FIELD("name", struct ended, name, &json_string_type, 0),
	JSON_FIELD("image", struct ended, image, &json_string_type, 0),
	JSON_FIELD("pool", struct ended, pool, &json_string_type, 0),
	JSON_FIELD("removed", struct ended, removed_ns, &json_i64_type, 0),
	JSON_FIELD("request", struct ended, request, &json_raw_type, 0),
	JSON_FIELD("status", struct ended, status, &json_raw_type, 0),
	JSON_FIELD("exit", struct ended, exit, &json_raw_type, 0),
	JSON_FIELD("health", struct ended, health, &json_raw_type, 0),
};
static const struct json_type ended_type = JSON_OBJECT(struct ended, ended_fields);

/* The last whole line of a file, if it is JSON of an object; NULL: none. */
static const char *last_line(int dir_fd, const char *file, struct arena *a)
{
	char *text = NULL, *line;
	size_t n = 0;

	if (file_read_at(dir_fd, file, a, TEXT_MAX, &text, &n) < 0)
		return NULL;
	while (n && text[n - 1] == '\n')
		text[--n] = '\0';
	line = strrchr(text, '\n');
	line = line ? line + 1 : text;
	return line[0] == '{' && str_ends(line, "}") ? line : NULL;
}

/* As with events: only if the name still means the full file, and one at a time. */
static void rotate(const struct engine *g, int fd, const struct stat *full)
{
	struct stat named;

	if (flock(fd, LOCK_EX | LOCK_NB) < 0 ||
	    fstatat(g->run_fd, ENDED_FILE, &named, AT_SYMLINK_NOFOLLOW) < 0 ||
	    named.st_ino != full->st_ino)
		return;
	renameat(g->run_fd, ENDED_FILE, g->run_fd, ENDED_OLD);
}

void ended_append(const struct engine *g, int dir_fd, const struct record *r,
		  const struct status *s)
{
	auto_arena struct arena a = {0};
	auto_json_writer struct json_writer w = {0}, status = {0};
	auto_close int fd = openat(g->run_fd, ENDED_FILE,
				   O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	struct ended x = {.id = r->id,
			  .name = r->name,
			  .image = r->image,
			  .pool = r->pool,
			  .request = r->request};
	struct timespec now;
	struct stat st;

	if (fd < 0 || !r->id)
		return;
	clock_gettime(CLOCK_REALTIME, &now);
	x.removed_ns = (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
	if (s)
		status_print(s, &status);
	x.status = s ? status.buf : last_line(dir_fd, "status.jsonl", &a);
	x.exit = last_line(dir_fd, "exits.jsonl", &a);
	if (r->health.test.n)
		x.health = last_line(dir_fd, "health.json", &a);
	json_encode(&ended_type, &x, &w);
	w.buf[w.len] = '\n';
	if (write(fd, w.buf, w.len + 1) == (ssize_t)w.len + 1 && fstat(fd, &st) == 0 &&
	    st.st_size >= ENDED_MAX)
		rotate(g, fd, &st);
}

/* ---- finding ------------------------------------------------------------------------------------- */

static bool is_meant(const struct ended *x, const char *word)
{
	return str_eq(x->name, word) || str_eq(x->id, word) ||
	       (strlen(word) >= PREFIX_MIN && str_starts(x->id, word));
}

/* The last that matches of one file. Returns 1 where there is one. */
static int find_in(const struct engine *g, const char *file, const char *word, struct arena *a,
		   struct ended *ret)
{
	char *text = NULL, *save = NULL;
	int found = 0;

	if (file_read_at(g->run_fd, file, a, 2 * TEXT_MAX, &text, NULL) < 0)
		return 0;
	for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		struct ended x = {0};

		if (json_decode(line, strlen(line), &ended_type, &x, a, file, NULL) == 0 &&
		    is_meant(&x, word)) {
			*ret = x;
			found = 1;
		}
	}
	return found;
}

int ended_find(const struct engine *g, const char *word, struct arena *a, struct ended *ret,
	       struct err *e)
{
	if (find_in(g, ENDED_FILE, word, a, ret) || find_in(g, ENDED_OLD, word, a, ret))
		return 0;
	return err_say(e, -ENOENT, "no such container: %s", word);
}
