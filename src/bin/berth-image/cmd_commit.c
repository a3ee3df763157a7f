/* SPDX-License-Identifier: Apache-2.0 */
/* berth commit: an image of a container's files and of the way it runs. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/auto.h"
#include "base/log.h"
#include "base/str.h"
#include "bin/berth-image/commands.h"
#include "engine/container/live.h"
#include "image/commit.h"
#include "kernel/fd.h"

/*
 * Theory of operation
 *
 * A running container is frozen while its files are read. The freezing is done from outside the caller's
 * namespaces (live.h) and must end whatever happens, the reading needs to be inside: so a child reads, and we, deaf to
 * Ctrl-C meanwhile, wait for its end and thaw.
 */

struct options {
	const char *author, *message;
	struct str_slice changes;
	struct maybe_bool pauses;
	bool quiet;
};

static const struct opt options[] = {
	{"author", 'a', OPT_STRING, offsetof(struct options, author), "TEXT",
	 "who made it: \"A Name <mail@example.com>\"", false},
	{"change", 'c', OPT_LIST, offsetof(struct options, changes), "INSTRUCTION",
	 "change the image as a line of a Dockerfile would: 'CMD [\"sh\"]', 'ENV A=1'", false},
	{"message", 'm', OPT_STRING, offsetof(struct options, message), "TEXT",
	 "a comment for the image's history", false},
	{"pause", 'p', OPT_MAYBE, offsetof(struct options, pauses), NULL,
	 "freeze the container meanwhile (the default; --pause=false)", false},
	{"quiet", 'q', OPT_FLAG, offsetof(struct options, quiet), NULL, "no progress", false},
	{0},
};

struct answer {
	struct err e;
	char id[80];
};

static void commit(const struct invocation *in, const struct container_info *c, struct answer *ret)
{
	const struct options *o = in->values;
	const struct commit_request q = {.author = o->author,
					 .message = o->message,
					 .changes = o->changes,
					 .reference = in->words.n > 1 ? in->words.v[1] : NULL};
	struct engine g = in->engine;
	const char *id = "";
	int r = engine_enter(&g, &ret->e);

	if (r == 0)
		r = commit_container(&g, c, &q, in->arena, &id, &ret->e);
	if (r < 0) {
		err_sys(&ret->e, r, "commit container %s", c->record.name);
		image_collect(&g, NULL, NULL);
	}
	snprintf(ret->id, sizeof(ret->id), "%s", r < 0 ? "" : id);
}

/* In a child, which a signal may end; we are not. */
static int commit_apart(const struct invocation *in, const struct container_info *c,
			struct answer *ret, struct err *e)
{
	auto_close int read_fd = -EBADF, write_fd = -EBADF;
	int ends[2], status;
	ssize_t n;
	pid_t child;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return err_sys(e, -errno, "make a pipe");
	read_fd = ends[0];
	write_fd = ends[1];
	child = fork();
	if (child < 0)
		return err_sys(e, -errno, "fork");
	if (child == 0) {
		signal(SIGINT, SIG_DFL);
		signal(SIGTERM, SIG_DFL);
		signal(SIGHUP, SIG_DFL);
		commit(in, c, ret);
		_exit(fd_write_all(write_fd, ret, sizeof(*ret)) < 0);
	}
	close(TAKE_FD(write_fd));
	while ((n = read(read_fd, ret, sizeof(*ret))) < 0 && errno == EINTR)
		continue;
	while (waitpid(child, &status, 0) < 0 && errno == EINTR)
		continue;
	return n == sizeof(*ret) ? 0 : err_say(e, -EINTR, "the commit was ended by a signal");
}

/* Rootless on cgroup v1 there is no freezer: then only who asked for it is told no. */
static int freeze(const struct invocation *in, const struct container_info *c, struct err *e)
{
	const struct options *o = in->values;
	struct err why = {0};
	int r = live_freeze(&in->engine, c, &why);

	if (r >= 0)
		return 1;
	if (!o->pauses.is_set) {
		log_warning("%s; its files are read while it runs", why.text);
		return 0;
	}
	if (e)
		*e = why;
	return r;
}

static int commit_frozen(const struct invocation *in, const struct container_info *c,
			 struct answer *ret, struct err *e)
{
	struct err why = {0};
	int r, is_frozen, thawed = 0;

	signal(SIGINT, SIG_IGN);
	signal(SIGTERM, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	is_frozen = freeze(in, c, e);
	if (is_frozen < 0)
		return is_frozen;
	r = commit_apart(in, c, ret, e);
	if (is_frozen)
		thawed = live_thaw(&in->engine, c, &why);
	if (r == 0 && thawed < 0 && e)
		*e = why;
	return r < 0 ? r : thawed;
}

static int commit_main(const struct invocation *in, int *ret_code, struct err *e)
{
	const struct options *o = in->values;
	bool pauses = !o->pauses.is_set || o->pauses.value;
	struct answer answer = {0};
	struct container_info c;
	const char *line;
	int r = container_find(&in->engine, in->words.v[0], in->arena, &c, e);

	(void)ret_code;
	if (r < 0)
		return r;
	if (pauses && c.status.state == CONTAINER_RUNNING)
		r = commit_frozen(in, &c, &answer, e);
	else
		commit(in, &c, &answer);
	if (r < 0)
		return r;
	if (answer.e.code) {
		*e = answer.e;
		return -answer.e.code;
	}
	line = arena_printf(in->arena, "%s\n", answer.id);
	return print_text(line, strlen(line), e);
}

#define COMMIT(words, hidden)                                                                  \
	{                                                                                      \
		.name = (words), .usage = "CONTAINER [NAME[:TAG]]",                            \
		.help = "Make an image of a container", .group = "images", .options = options, \
		.values_size = sizeof(struct options), .words_min = 1, .words_max = 2,         \
		.is_hidden = (hidden), .main = commit_main,                                    \
	}

const struct command cmd_commit = COMMIT("commit", false);
const struct command cmd_container_commit = COMMIT("container commit", true);
