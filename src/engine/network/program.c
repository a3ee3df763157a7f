/* SPDX-License-Identifier: Apache-2.0 */
/* Programs of the host that networks need (dnsmasq, pasta, slirp4netns): found and run. */
#include "engine/network/program.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/err.h"

extern char **environ;

enum { COMPLAINT_MAX = 4096 };

static bool try_folder(const char *folder, size_t n, const char *name, char *ret, size_t size)
{
	int needed = snprintf(ret, size, "%.*s/%s", (int)n, folder, name);

	return n > 0 && needed > 0 && (size_t)needed < size && access(ret, X_OK) == 0;
}

bool program_find(const char *name, char *ret, size_t size)
{
	static const char *const usual[] = {"/usr/sbin", "/usr/bin", "/sbin", "/usr/local/sbin"};
	const char *path = getenv("PATH");

	for (const char *end = path; end && path; path = *end ? end + 1 : NULL) {
		end = path + strcspn(path, ":");
		/* Security: a relative folder is whoever's we happen to be in. */
		if (path[0] == '/' && try_folder(path, (size_t)(end - path), name, ret, size))
			return true;
	}
	for (size_t i = 0; i < ARRAY_LEN(usual); i++)
		if (try_folder(usual[i], strlen(usual[i]), name, ret, size))
			return true;
	return false;
}

static int spawn(const char *const *argv, int errors, pid_t *ret)
{
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	sigset_t none, standard;
	int r;

	sigemptyset(&none);
	sigfillset(&standard);
	if (posix_spawn_file_actions_init(&actions) || posix_spawnattr_init(&attributes))
		return -ENOMEM;
	posix_spawnattr_setsigmask(&attributes, &none);
	posix_spawnattr_setsigdefault(&attributes, &standard);
	posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
	r = posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
	if (!r)
		r = posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
	if (!r)
		r = posix_spawn_file_actions_adddup2(&actions, errors, 2);
	if (!r)
		r = posix_spawn(ret, argv[0], &actions, &attributes, (char *const *)argv, environ);
	posix_spawn_file_actions_destroy(&actions);
	posix_spawnattr_destroy(&attributes);
	return -r;
}

/* The last line of what it said, without its own name in front. */
static const char *last_line(char *text, size_t n)
{
	char *line;

	while (n && (text[n - 1] == '\n' || text[n - 1] == ' '))
		n--;
	text[n] = '\0';
	line = strrchr(text, '\n');
	line = line ? line + 1 : text;
	while (*line == ' ')
		line++;
	return line;
}

/* Reads until nobody holds the other end any more: who stays in the background has given it up. */
static size_t read_complaint(int fd, char *text)
{
	size_t n = 0;
	ssize_t r;

	while (n < COMPLAINT_MAX - 1 &&
	       ((r = read(fd, text + n, COMPLAINT_MAX - 1 - n)) > 0 || (r < 0 && errno == EINTR)))
		n += r > 0 ? (size_t)r : 0;
	return n;
}

int program_run(const char *const *argv, struct err *e)
{
	auto_close int out = -EBADF, in = -EBADF;
	char text[COMPLAINT_MAX];
	int ends[2], status = 0, r;
	pid_t pid = 0;
	size_t n;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return err_sys(e, -errno, "make a pipe");
	out = ends[0];
	in = ends[1];
	r = spawn(argv, in, &pid);
	if (r < 0)
		return err_sys(e, r, "start %s", argv[0]);
	close(TAKE_FD(in));
	n = read_complaint(out, text);
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		continue;
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return 0;
	return err_say(e, -EIO, "%s", n ? last_line(text, n) : argv[0]);
}
