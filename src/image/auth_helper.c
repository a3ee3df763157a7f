/* SPDX-License-Identifier: Apache-2.0 */
/* Credential helpers: programs docker-credential-NAME that keep secrets where they are safe. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/auto.h"
#include "base/err.h"
#include "base/json.h"
#include "base/str.h"
#include "image/auth.h"
#include "image/http.h"
#include "kernel/fd.h"
#include "kernel/process.h"

enum { OUTPUT_MAX = 256 << 10 };

extern char **environ;

/*
 * Theory of operation
 *
 * The protocol of Docker's credential helpers: one word (get, store, erase), a server or a JSON object on
 * standard input, JSON or an error's text on standard output, exit code 0 or 1. Its input is a socket: a helper
 * that does not read it costs us no SIGPIPE.
 */

static int start(const char *program, const char *verb, int in, int out, pid_t *ret)
{
	char *const argv[] = {(char *)program, (char *)verb, NULL};
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	sigset_t defaults;
	int r = posix_spawn_file_actions_init(&actions);

	if (r)
		return -r;
	r = posix_spawnattr_init(&attributes);
	if (r) {
		posix_spawn_file_actions_destroy(&actions);
		return -r;
	}
	/* What we ignore would stay ignored. */
	sigemptyset(&defaults);
	sigaddset(&defaults, SIGPIPE);
	posix_spawnattr_setsigdefault(&attributes, &defaults);
	posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF);
	posix_spawn_file_actions_adddup2(&actions, in, STDIN_FILENO);
	posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO);
	r = posix_spawnp(ret, program, &actions, &attributes, argv, environ);
	posix_spawnattr_destroy(&attributes);
	posix_spawn_file_actions_destroy(&actions);
	return -r;
}

/* Runs it; its output goes to *ret. Returns its exit code or -errno. */
static int run(const char *name, const char *verb, const char *input, struct arena *a, char **ret,
	       struct err *e)
{
	const char *program = arena_printf(a, "docker-credential-%s", name);
	auto_close int in = -EBADF, their_in = -EBADF, out = -EBADF, their_out = -EBADF;
	int pair[2], pipes[2], status = 0, r;
	pid_t pid = -1;

	/* Security: a name out of a file is no path. */
	if (!*name || strchr(name, '/'))
		return err_say(e, -EINVAL, "credential helper \"%.100s\": no name of a program",
			       name);
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		return err_sys(e, -errno, "make a socket");
	in = pair[0];
	their_in = pair[1];
	if (pipe2(pipes, O_CLOEXEC) < 0)
		return err_sys(e, -errno, "make a pipe");
	out = pipes[0];
	their_out = pipes[1];
	r = start(program, verb, their_in, their_out, &pid);
	if (r < 0)
		return err_sys(e, r, "run %s (config.json names it)", program);
	close(TAKE_FD(their_in));
	close(TAKE_FD(their_out));
	/* A helper is free not to read: its answer counts. */
	while (send(in, input, strlen(input), MSG_NOSIGNAL) < 0 && errno == EINTR)
		;
	close(TAKE_FD(in));
	r = fd_read_all(out, a, OUTPUT_MAX, ret, NULL);
	close(TAKE_FD(out));
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (r < 0)
		return err_sys(e, r, "read what %s says", program);
	return process_exit_code(status);
}

static int fail(const char *name, const char *verb, const char *output, struct arena *a,
		struct err *e)
{
	const char *text = http_clean(output, 300, a);

	return err_say(e, -EIO, "docker-credential-%s %s: %s", name, verb,
		       *text ? text : "it failed and does not say why");
}

int auth_helper_get(const char *name, const char *server, struct arena *a,
		    struct auth_credentials *ret, struct err *e)
{
	struct answer {
		const char *username, *secret;
	} answer = {0};
	static const struct json_field fields[] = {
		JSON_FIELD("Username", struct answer, username, &json_string_type, 0),
		JSON_FIELD("Secret", struct answer, secret, &json_string_type, 0),
	};
	static const struct json_type type = JSON_OBJECT(struct answer, fields);
	struct auth_credentials c = {0};
	char *output = NULL;
	int r = run(name, "get", server, a, &output, e);

	if (r < 0)
		return r;
	/* The words that all of them say where they have nothing. */
	if (r && strstr(output, "credentials not found")) {
		*ret = c;
		return 0;
	}
	if (r)
		return fail(name, "get", output, a, e);
	r = json_decode(output, strlen(output), &type, &answer, a,
			arena_printf(a, "docker-credential-%s get", name), e);
	if (r < 0)
		return r;
	if (str_eq(answer.username, "<token>")) {
		c.identity_token = answer.secret;
	} else if (answer.username && *answer.username) {
		c.username = answer.username;
		c.password = answer.secret;
	}
	*ret = c;
	return 0;
}

int auth_helper_store(const char *name, const char *server, const struct auth_credentials *c,
		      struct err *e)
{
	auto_json_writer struct json_writer w = {0};
	auto_arena struct arena a = {0};
	char *output = NULL;
	int r;

	json_begin_object(&w);
	json_put_string(&w, "ServerURL", server);
	json_put_string(&w, "Username", c->identity_token ? "<token>" : c->username);
	json_put_string(&w, "Secret", c->identity_token ? c->identity_token : c->password);
	json_end_object(&w);
	r = run(name, "store", w.buf, &a, &output, e);
	return r > 0 ? fail(name, "store", output, &a, e) : r;
}

int auth_helper_erase(const char *name, const char *server, struct err *e)
{
	auto_arena struct arena a = {0};
	char *output = NULL;
	int r = run(name, "erase", server, &a, &output, e);

	return r > 0 ? fail(name, "erase", output, &a, e) : r;
}
