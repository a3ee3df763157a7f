/* SPDX-License-Identifier: Apache-2.0 */
/* Starts the bench's contenders and measures them: wall time around clone and wait, processor time, peak RSS. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/*
 * Theory of operation
 *
 * The table is made by a script, but a script is a bad stopwatch: its fork is slow and its RSS would be
 * inherited by the child's ru_maxrss (the kernel takes over the high-water mark of the memory that
 * exec replaces). So this small static program stays alive during the whole bench, reads one request
 * a line from stdin (fields separated by tabs) and answers each with one line of JSON:
 *
 *   cd DIR                      changes the working directory
 *   input FILE                  opens FILE as descriptor 3 of the next command only
 *   run TIMEOUT_MS ARGV...      {"ns":wall,"status":wait status,"rss":KiB,"user":us,"system":us}
 *   many N AT_ONCE ARGV...      N commands, AT_ONCE at a time; "{}" in an argument is the number
 *   idle MS                     sleeps
 *   reap PIDFILE                waits until the process named there is dead (we are its subreaper)
 *
 * Standard output of the commands goes to /dev/null, standard error to the file named by argv[1].
 */

enum { MAX_FIELDS = 256, MAX_AT_ONCE = 64 };

extern char **environ;
static const char *error_path;
static int input_fd = -1;

static long long now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static pid_t start(char **argv)
{
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	sigset_t none;
	pid_t pid;
	int r;

	sigemptyset(&none);
	posix_spawnattr_init(&attributes);
	posix_spawnattr_setsigmask(&attributes, &none);
	posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK);
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_addopen(&actions, 1, "/dev/null", O_WRONLY, 0);
	posix_spawn_file_actions_addopen(&actions, 2, error_path, O_WRONLY | O_CREAT | O_APPEND,
					 0600);
	if (input_fd >= 0)
		posix_spawn_file_actions_adddup2(&actions, input_fd, 3);
	r = posix_spawnp(&pid, argv[0], &actions, &attributes, argv, environ);
	posix_spawn_file_actions_destroy(&actions);
	posix_spawnattr_destroy(&attributes);
	return r ? -r : pid;
}

/* Waits for one child; kills it when the time is over. Orphans that are reparented to us are reaped on
 * the way. */
static int wait_child(pid_t pid, int timeout_ms, struct rusage *usage)
{
	struct pollfd p = {.fd = (int)syscall(SYS_pidfd_open, pid, 0), .events = POLLIN};
	int status = -1;

	if (timeout_ms > 0 && poll(&p, 1, timeout_ms) == 0)
		kill(pid, SIGKILL);
	while (wait4(pid, &status, 0, usage) < 0 && errno == EINTR)
		;
	close(p.fd);
	return status;
}

static void reap_orphans(void)
{
	while (waitpid(-1, NULL, WNOHANG) > 0)
		;
}

static void answer_failure(const char *what, int error)
{
	printf("{\"error\":\"%s: %s\"}\n", what, strerror(error));
}

static void do_run(int timeout_ms, char **argv)
{
	struct rusage u = {0};
	long long begin = now_ns();
	pid_t pid = start(argv);
	int status;

	if (pid < 0) {
		answer_failure(argv[0], -pid);
		return;
	}
	status = wait_child(pid, timeout_ms, &u);
	begin = now_ns() - begin;
	reap_orphans();
	printf("{\"ns\":%lld,\"status\":%d,\"rss\":%ld,\"user\":%lld,\"system\":%lld}\n", begin,
	       status, u.ru_maxrss, u.ru_utime.tv_sec * 1000000LL + u.ru_utime.tv_usec,
	       u.ru_stime.tv_sec * 1000000LL + u.ru_stime.tv_usec);
}

static pid_t start_numbered(char **argv, int number)
{
	char *copy[MAX_FIELDS], text[16][128];
	int used = 0, i;

	for (i = 0; argv[i]; i++) {
		char *at = strstr(argv[i], "{}");

		copy[i] = argv[i];
		if (!at || used == 16)
			continue;
		snprintf(text[used], sizeof(text[0]), "%.*s%d%s", (int)(at - argv[i]), argv[i],
			 number, at + 2);
		copy[i] = text[used++];
	}
	copy[i] = NULL;
	return start(copy);
}

static void do_many(int n, int at_once, char **argv)
{
	int started = 0, running = 0, failed = 0;
	pid_t pids[MAX_AT_ONCE] = {0};
	long long begin = now_ns();

	if (at_once > MAX_AT_ONCE)
		at_once = MAX_AT_ONCE;
	while (started < n || running > 0) {
		int status, i;
		pid_t pid;

		for (i = 0; i < at_once && started < n; i++) {
			if (pids[i])
				continue;
			pids[i] = start_numbered(argv, started++);
			if (pids[i] > 0)
				running++;
			else
				failed++, pids[i] = 0;
		}
		if (running <= 0)
			continue;
		pid = waitpid(-1, &status, 0);
		for (i = 0; i < at_once; i++)
			if (pid > 0 && pids[i] == pid) {
				pids[i] = 0;
				running--;
				failed += status != 0;
			}
	}
	printf("{\"ns\":%lld,\"failed\":%d}\n", now_ns() - begin, failed);
}

static void do_reap(const char *path)
{
	FILE *f = fopen(path, "re");
	struct pollfd p = {.events = POLLIN};
	int pid = 0;

	if (!f || fscanf(f, "%d", &pid) != 1) {
		answer_failure(path, errno ? errno : EINVAL);
		if (f)
			fclose(f);
		return;
	}
	fclose(f);
	p.fd = (int)syscall(SYS_pidfd_open, pid, 0);
	if (p.fd >= 0)
		poll(&p, 1, 10000);
	close(p.fd);
	reap_orphans();
	printf("{}\n");
}

static void obey(char **field, int n)
{
	if (n >= 3 && !strcmp(field[0], "run")) {
		do_run(atoi(field[1]), field + 2);
	} else if (n >= 4 && !strcmp(field[0], "many")) {
		do_many(atoi(field[1]), atoi(field[2]), field + 3);
	} else if (n == 2 && !strcmp(field[0], "idle")) {
		usleep((useconds_t)atoi(field[1]) * 1000);
		printf("{}\n");
	} else if (n == 2 && !strcmp(field[0], "reap")) {
		do_reap(field[1]);
	} else if (n == 2 && !strcmp(field[0], "cd")) {
		printf(chdir(field[1]) < 0 ? "{\"error\":\"chdir\"}\n" : "{}\n");
	} else if (n == 2 && !strcmp(field[0], "input")) {
		if (input_fd >= 0)
			close(input_fd);
		/* High, so that dup2 to 3 always makes a new descriptor without close-on-exec. */
		int fd = open(field[1], O_RDONLY | O_CLOEXEC);

		input_fd = fcntl(fd, F_DUPFD_CLOEXEC, 10);
		close(fd);
		printf("{}\n");
		return;
	} else {
		answer_failure("unknown request", EINVAL);
	}
	if (strcmp(field[0], "idle") && input_fd >= 0) {
		close(input_fd);
		input_fd = -1;
	}
}

int main(int argc, char **argv)
{
	static char line[65536];

	if (argc != 2 && argc != 3) {
		fprintf(stderr, "usage: launch STDERR-FILE [FILE-TO-HIDE] < requests\n");
		return 2;
	}
	error_path = argv[1];
	/* crun 1.8 refuses a hybrid layout whose v2 hierarchy lists controllers: show it none. */
	if (argc == 3 &&
	    (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	     mount("/dev/null", argv[2], NULL, MS_BIND, NULL) < 0)) {
		perror(argv[2]);
		return 1;
	}
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	while (fgets(line, sizeof(line), stdin)) {
		char *field[MAX_FIELDS] = {0}, *rest = line;
		int n = 0;

		line[strcspn(line, "\n")] = '\0';
		while (n < MAX_FIELDS - 1 && (field[n] = strsep(&rest, "\t")))
			n++;
		field[n] = NULL;
		obey(field, n);
		fflush(stdout);
	}
	return 0;
}
