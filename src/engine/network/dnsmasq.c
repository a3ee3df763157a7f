/* SPDX-License-Identifier: Apache-2.0 */
/* The dnsmasq of one network as a process: started, found, ended. */
#include "engine/network/dnsmasq.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/arena.h"
#include "base/auto.h"
#include "base/err.h"
#include "base/str.h"
#include "engine/network/program.h"
#include "kernel/fd.h"
#include "kernel/sys.h"

enum { CMDLINE_MAX = 4096, PATIENCE_MS = 1000 };

bool names_is_available(void)
{
	char path[256];

	return program_find("dnsmasq", path, sizeof(path));
}

/* ---- found --------------------------------------------------------------------------------------- */

/* Does a process's command line (words, each with its NUL) hold this word? */
static bool has_word(const char *words, size_t n, const char *word)
{
	for (size_t at = 0; at < n; at += strnlen(words + at, n - at) + 1)
		if (strncmp(words + at, word, n - at) == 0)
			return true;
	return false;
}

int dnsmasq_find(int folder, const char *run, const char *network)
{
	char text[CMDLINE_MAX], word[4096];
	auto_close int fd = -EBADF, pidfd = -EBADF;
	struct pollfd dying = {.events = POLLIN};
	ssize_t n;
	pid_t pid;

	if (file_read_small(folder, "pid", text, sizeof(text)) <= 0)
		return -ESRCH;
	pid = (pid_t)atoi(text);
	if (pid <= 0)
		return -ESRCH;
	/* Order: the process that is looked at below is the one behind the descriptor. */
	pidfd = sys_pidfd_open(pid, 0);
	if (pidfd < 0)
		return pidfd == -EINVAL ? -ESRCH : pidfd;
	dying.fd = pidfd;
	snprintf(text, sizeof(text), "/proc/%d/cmdline", pid);
	fd = open(text, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
	/* No words any more: it is dying, and may still have the address that its successor wants. */
	if (n == 0)
		poll(&dying, 1, PATIENCE_MS);
	if (n <= 0)
		return -ESRCH;
	text[n] = '\0';
	snprintf(word, sizeof(word), "--pid-file=%s/names/%s/pid", run, network);
	return has_word(text, (size_t)n, word) ? TAKE_FD(pidfd) : -ESRCH;
}

/* ---- started ------------------------------------------------------------------------------------- */

const char *const *names_argv(const struct names_network *n, const char *program,
			      const char *folder, const char *user, struct arena *a)
{
	const char *upstream = n->is_internal ? "--no-resolv"
			       : n->resolv    ? arena_printf(a, "--resolv-file=%s", n->resolv)
					      : "--resolv-file=/etc/resolv.conf";
	const char *const words[] = {
		program,
		/* Nothing of the host's own dnsmasq. */
		"--conf-file=/dev/null",
		"--no-hosts",
		"--bind-interfaces",
		arena_printf(a, "--listen-address=%s", n->gateway),
		arena_printf(a, "--hostsdir=%s/hosts", folder),
		arena_printf(a, "--pid-file=%s/pid", folder),
		arena_printf(a, "--user=%s", user),
		/* A plain name is a container's or nobody's; private addresses are not told to strangers. */
		"--domain-needed",
		"--bogus-priv",
		/* Who was not there a moment ago may be there now. */
		"--no-negcache",
		"--cache-size=1000",
		upstream,
		NULL,
	};
	const char **copy = arena_array(a, ARRAY_LEN(words), sizeof(*copy));

	memcpy(copy, words, sizeof(words));
	return copy;
}

/* Could nobody read the files? Every folder above must let others pass. */
static bool is_reachable(const char *path)
{
	char part[4096];
	struct stat st;

	for (size_t i = 1; i <= strlen(path) && i < sizeof(part); i++) {
		if (path[i] != '/' && path[i] != '\0')
			continue;
		memcpy(part, path, i);
		part[i] = '\0';
		if (stat(part, &st) < 0 || !(st.st_mode & S_IXOTH))
			return false;
	}
	return true;
}

int dnsmasq_start(const struct engine *g, const struct names_network *n, int folder, struct err *e)
{
	auto_arena struct arena a = {0};
	const char *path = arena_printf(&a, "%s/names/%s", g->run, n->name);
	/* An ordinary user's root is nobody already. */
	const char *user = !g->is_rootless && is_reachable(arena_printf(&a, "%s/hosts", path))
				   ? "nobody"
				   : "root";
	char program[256];
	int r, server;

	if (!program_find("dnsmasq", program, sizeof(program)))
		return err_say(e, -ENOENT,
			       "dnsmasq is not installed: apt-get install dnsmasq-base");
	r = program_run(names_argv(n, program, path, user, &a), e);
	server = dnsmasq_find(folder, g->run, n->name);
	/* One that was under way when its starter was killed has the address already. */
	if (r < 0 && server < 0)
		return err_within(e, "start the names of network %s", n->name);
	return server < 0
		       ? err_say(e, server, "the dnsmasq of network %s has ended at once", n->name)
		       : server;
}

void dnsmasq_end(int pidfd)
{
	struct pollfd p = {.fd = pidfd, .events = POLLIN};

	/* SIGTERM first: it takes its children along, which serve TCP. */
	sys_pidfd_send_signal(pidfd, SIGTERM);
	if (poll(&p, 1, PATIENCE_MS) > 0)
		return;
	sys_pidfd_send_signal(pidfd, SIGKILL);
	poll(&p, 1, PATIENCE_MS);
}
