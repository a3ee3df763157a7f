/* SPDX-License-Identifier: Apache-2.0 */
/* berth-init [--] PROGRAM [ARGUMENT...]: a first process that forwards signals and reaps what others left. */
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

/* Not to be held back: faults of our own, and job control, which is for the program's own group. */
static const int unblocked[] = {SIGFPE, SIGILL, SIGSEGV, SIGBUS, SIGABRT, SIGTRAP, SIGSYS};

static void say(const char *a, const char *b, const char *c)
{
	const char *parts[] = {"berth-init: ", a, ": ", b, c, "\n"};
	char line[512];
	size_t n = 0;

	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
		for (const char *p = parts[i]; *p && n < sizeof(line); p++)
			line[n++] = *p;
	if (write(2, line, n) < 0)
		return;
}

static pid_t start(char **argv, const sigset_t *old)
{
	pid_t pid = fork();
	int code;

	if (pid != 0)
		return pid;
	/* A group of its own in front of the terminal, so that a shell has job control; without a terminal,
	 * or where ours is not the session's first process, this just fails. */
	setpgid(0, 0);
	signal(SIGTTOU, SIG_IGN);
	tcsetpgrp(0, getpid());
	signal(SIGTTOU, SIG_DFL);
	sigprocmask(SIG_SETMASK, old, NULL);
	execvp(argv[0], argv);
	code = errno == ENOENT ? 127 : 126;
	say(argv[0], strerror(errno), "");
	_exit(code);
}

/* Reaps all that has ended; the exit code of the program once it is among them, else -1. */
static int reap(pid_t program)
{
	int status, code = -1;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
		if (pid == program)
			code = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
	return code;
}

int main(int argc, char **argv)
{
	sigset_t set, old;
	pid_t program;
	int code, first = argc > 1 && strcmp(argv[1], "--") == 0 ? 2 : 1;

	if (first >= argc) {
		say("usage", "berth-init [--] PROGRAM [ARGUMENT...]", "");
		return 125;
	}
	sigfillset(&set);
	for (size_t i = 0; i < sizeof(unblocked) / sizeof(unblocked[0]); i++)
		sigdelset(&set, unblocked[i]);
	sigprocmask(SIG_SETMASK, &set, &old);
	program = start(argv + first, &old);
	if (program < 0) {
		say(argv[first], strerror(errno), "");
		return 126;
	}
	for (;;) {
		int signo = sigwaitinfo(&set, NULL);

		if (signo == SIGCHLD) {
			code = reap(program);
			if (code >= 0)
				return code;
		} else if (signo > 0 && signo != SIGTTIN && signo != SIGTTOU) {
			/* Its group may not be there yet. */
			if (kill(-program, signo) < 0)
				kill(program, signo);
		}
	}
}
