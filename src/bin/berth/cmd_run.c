/* SPDX-License-Identifier: Apache-2.0 */
/* berth run and berth create: a container from an image. */
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/str.h"
#include "bin/berth/command.h"
#include "engine/container/attach.h"
#include "engine/container/container.h"

enum { FAILURE = 125 };

static const char tour[] =
	"A short tour; every line can be tried as it stands:\n\n"
	"  berth run busybox echo hello                 one program in a container of its own\n"
	"  berth run -it busybox sh                     a shell in it\n"
	"  berth run -d --name web -m 64m --cpus 0.5 busybox httpd -f    in the background, "
	"limited\n"
	"  berth ps                                     what runs\n"
	"  berth exec -it web sh                        one more shell, in there\n"
	"  berth logs -f web                            what it writes\n"
	"  berth stop web && berth rm web               and away\n\n"
	"The image busybox is built in. `berth run --help` lists all options, `berth doctor` "
	"tells\n"
	"what this machine lacks.\n";

/* ---- streams ------------------------------------------------------------------------------------- */

/* Which of our streams belong to the container's. */
static int plan_wants(const struct container_request *q, unsigned *ret, struct err *e)
{
	static const char *const names[] = {"stdin", "stdout", "stderr"};

	*ret = q->attach.n ? 0 : ATTACH_WANT_STDOUT | ATTACH_WANT_STDERR;
	if (q->interactive && !q->attach.n)
		*ret |= ATTACH_WANT_STDIN;
	for (size_t i = 0; i < q->attach.n; i++) {
		int stream = -1;

		for (int k = 0; k < 3; k++)
			if (strcasecmp(q->attach.v[i], names[k]) == 0)
				stream = k;
		if (stream < 0)
			return err_say(e, -EINVAL,
				       "--attach %s: valid streams are STDIN, STDOUT and STDERR",
				       q->attach.v[i]);
		*ret |= 1U << stream;
	}
	return 0;
}

static int check_streams(const struct container_request *q, unsigned wants, struct err *e)
{
	if (q->detach && q->attach.n)
		return err_say(e, -EINVAL,
			       "conflicting options: cannot specify both --attach and --detach");
	if (q->tty && !q->detach && wants & ATTACH_WANT_STDIN && !isatty(STDIN_FILENO))
		return err_say(e, -ENOTTY,
			       "the input device is not a TTY: leave out --tty, or start it from a "
			       "terminal");
	return 0;
}

/* ---- the id file --------------------------------------------------------------------------------- */

static int check_cidfile(const struct container_request *q, struct err *e)
{
	if (q->cidfile && access(q->cidfile, F_OK) == 0)
		return err_say(e, -EEXIST,
			       "container ID file found, make sure the other container isn't "
			       "running or delete %s",
			       q->cidfile);
	return 0;
}

static int write_cidfile(const struct container_request *q, const char *id, struct err *e)
{
	auto_close int fd = -EBADF;

	if (!q->cidfile)
		return 0;
	fd = open(q->cidfile, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	if (fd < 0 || dprintf(fd, "%s", id) < 0)
		return err_sys(e, -errno, "write --cidfile %s", q->cidfile);
	return 0;
}

/* ---- namespaces of an ordinary user -------------------------------------------------------------- */

/* Namespaces can be shared only below one user namespace: who joins a container goes to its monitor's. */
static int enter(const struct invocation *in, const struct container_request *q, struct err *e)
{
	const char *const modes[] = {q->network.n ? q->network.v[0] : NULL,
				     q->pid,
				     q->ipc,
				     q->uts,
				     q->userns,
				     q->cgroupns};
	struct engine inside = in->engine;

	for (size_t i = 0; i < ARRAY_LEN(modes); i++) {
		struct container_info other = {0};

		if (modes[i] && str_starts(modes[i], "container:") &&
		    container_find(&in->engine, modes[i] + strlen("container:"), in->arena, &other,
				   NULL) == 0 &&
		    other.status.monitor_pid > 0)
			return engine_enter_monitor(&inside, (pid_t)other.status.monitor_pid, e);
	}
	return engine_enter(&inside, e);
}

/* ---- create -------------------------------------------------------------------------------------- */

static int create(const struct invocation *in, struct container_request *q, struct record *ret,
		  int *ret_lock, int *ret_root, struct err *e)
{
	struct container_info made = {0};
	int r;

	r = request_take_words(q, &in->words, e);
	if (r == 0)
		r = check_cidfile(q, e);
	if (r == 0)
		r = enter(in, q, e);
	if (r == 0)
		r = container_create(&in->engine, q, in->arena, ret, ret_lock, ret_root, e);
	if (r < 0)
		return r;
	r = write_cidfile(q, ret->id, e);
	if (r == 0)
		return 0;
	if (ret_lock)
		auto_close_fn(ret_lock);
	if (ret_root)
		auto_close_fn(ret_root);
	made.record = *ret;
	container_remove(&in->engine, &made, true, true, NULL);
	return r;
}

static int create_main(const struct invocation *in, int *ret_code, struct err *e)
{
	struct container_request q = *(const struct container_request *)in->values;
	struct record record = {0};
	int r;

	(void)ret_code;
	if (q.detach)
		return err_say(e, -EINVAL, "--detach: `berth create` starts nothing, `run` does");
	r = create(in, &q, &record, NULL, NULL, e);
	return r < 0 ? r : print_line(record.id, e);
}

/* ---- run ----------------------------------------------------------------------------------------- */

static int attach(const struct invocation *in, const struct container_request *q,
		  const struct record *r, unsigned wants, int socket, int *ret_code, struct err *e)
{
	const struct attach_options o = {
		.wants = wants,
		.has_tty = r->has_tty,
		.sig_proxy = !str_eq(q->sig_proxy, "false"),
		.detach_keys = r->detach_keys,
		.id = r->id,
	};
	int code = attach_pump(&in->engine, socket, &o, e);

	if (code == -EINTR) {
		e->code = 0; /* detached, as asked for */
		return 0;
	}
	*ret_code = code < 0 ? FAILURE : code;
	return code < 0 ? code : 0;
}

static int run_main(const struct invocation *in, int *ret_code, struct err *e)
{
	struct container_request q = *(const struct container_request *)in->values;
	auto_close int socket = -EBADF;
	struct record record = {0};
	int lock = -EBADF, root = -EBADF, r;
	unsigned wants = 0;

	if (!in->words.n)
		return print_text(tour, sizeof(tour) - 1, e);
	if ((r = plan_wants(&q, &wants, e)) < 0 || (r = check_streams(&q, wants, e)) < 0 ||
	    (r = create(in, &q, &record, &lock, &root, e)) < 0)
		return r;
	r = container_start(&in->engine, &record, lock, root, q.detach ? 0 : wants,
			    q.detach ? NULL : &socket, e);
	if (r < 0) {
		*ret_code = container_failure_code(e);
		return r;
	}
	if (q.detach)
		return print_line(record.id, e);
	return attach(in, &q, &record, wants, socket, ret_code, e);
}

static const char details[] =
	"The words after the image replace the image's command. An image that is not there is\n"
	"pulled first; busybox is built in.\n\n"
	"Exit code: that of the program; 128 and the signal's number where a signal ended it; 125\n"
	"where berth failed; 126 where the program cannot be executed; 127 where it is not there.";

const struct command cmd_run = {
	.name = "run",
	.usage = "IMAGE [COMMAND] [ARGUMENT...]",
	.help = "Make a container from an image and run it",
	.group = "containers",
	.details = details,
	.options = request_options,
	.values_size = sizeof(struct container_request),
	.words_max = WORDS_MANY,
	.stops = true,
	.failure = FAILURE,
	.main = run_main,
};

const struct command cmd_create = {
	.name = "create",
	.usage = "IMAGE [COMMAND] [ARGUMENT...]",
	.help = "Make a container without starting it",
	.group = "containers",
	.options = request_options,
	.values_size = sizeof(struct container_request),
	.words_min = 1,
	.words_max = WORDS_MANY,
	.stops = true,
	.failure = FAILURE,
	.main = create_main,
};
