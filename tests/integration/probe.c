/* SPDX-License-Identifier: Apache-2.0 */
/* Runs inside a container under test and reports what it sees and can do there.
 *   probe COMMAND [ARG...] [-- COMMAND [ARG...]]...
 * Each command prints one JSON line {"cmd": NAME, ...}; a refused system call gives "errno": "EPERM" in it,
 * the exit code stays 0 unless `exit` or `signal` decides otherwise. The list is at the end of this file. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/personality.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#define PERSONALITY_QUERY 0xffffffff

static const struct {
	int number;
	const char *name;
} errno_names[] = {
	{EPERM, "EPERM"},
	{ENOENT, "ENOENT"},
	{ESRCH, "ESRCH"},
	{EINTR, "EINTR"},
	{EIO, "EIO"},
	{ENXIO, "ENXIO"},
	{E2BIG, "E2BIG"},
	{ENOEXEC, "ENOEXEC"},
	{EBADF, "EBADF"},
	{ECHILD, "ECHILD"},
	{EAGAIN, "EAGAIN"},
	{ENOMEM, "ENOMEM"},
	{EACCES, "EACCES"},
	{EFAULT, "EFAULT"},
	{EBUSY, "EBUSY"},
	{EEXIST, "EEXIST"},
	{EXDEV, "EXDEV"},
	{ENODEV, "ENODEV"},
	{ENOTDIR, "ENOTDIR"},
	{EISDIR, "EISDIR"},
	{EINVAL, "EINVAL"},
	{EMFILE, "EMFILE"},
	{ENOTTY, "ENOTTY"},
	{ETXTBSY, "ETXTBSY"},
	{ENOSPC, "ENOSPC"},
	{EROFS, "EROFS"},
	{EPIPE, "EPIPE"},
	{ENOSYS, "ENOSYS"},
	{ELOOP, "ELOOP"},
	{EUSERS, "EUSERS"},
	{EDQUOT, "EDQUOT"},
	{ENETUNREACH, "ENETUNREACH"},
	{EFBIG, "EFBIG"},
	{ENOKEY, "ENOKEY"},
	{EOVERFLOW, "EOVERFLOW"},
};

static const char *errno_name(int e)
{
	static char number[16];

	for (size_t i = 0; i < sizeof(errno_names) / sizeof(*errno_names); i++)
		if (errno_names[i].number == e)
			return errno_names[i].name;
	snprintf(number, sizeof(number), "%d", e);
	return number;
}

static void print_string(const char *s)
{
	putchar('"');
	for (; *s; s++) {
		unsigned char c = (unsigned char)*s;

		if (c == '"' || c == '\\')
			printf("\\%c", c);
		else if (c < 0x20 || c >= 0x7f)
			printf("\\u%04x", c);
		else
			putchar(c);
	}
	putchar('"');
}

static void print_member(const char *key, const char *value)
{
	printf(", ");
	print_string(key);
	printf(": ");
	print_string(value);
}

static void print_result(long ret)
{
	int e = errno;

	if (ret < 0)
		print_member("errno", errno_name(e));
	else
		printf(", \"ret\": %ld", ret);
}

static void print_file(const char *key, const char *path)
{
	static char buf[1 << 16];
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = 0, got;

	if (fd < 0) {
		print_member("errno", errno_name(errno));
		return;
	}
	while ((got = read(fd, buf + n, sizeof(buf) - 1 - (size_t)n)) > 0)
		n += got;
	if (got < 0)
		print_member("errno", errno_name(errno));
	buf[n] = '\0';
	print_member(key, buf);
	close(fd);
}

static long number(char **args, int i, long other)
{
	for (int k = 0; k <= i; k++)
		if (!args[k])
			return other;
	return strtol(args[i], NULL, 0);
}

static void do_ids(char **args)
{
	gid_t groups[256];
	int n = getgroups(256, groups);
	uid_t r, e, s;
	mode_t mask = umask(0);

	(void)args;
	umask(mask);
	getresuid(&r, &e, &s);
	printf(", \"uid\": %u, \"euid\": %u, \"suid\": %u", r, e, s);
	getresgid(&r, &e, &s);
	printf(", \"gid\": %u, \"egid\": %u, \"sgid\": %u, \"umask\": %u", r, e, s, mask);
	printf(", \"pid\": %d, \"ppid\": %d, \"sid\": %d, \"pgid\": %d", getpid(), getppid(),
	       getsid(0), getpgrp());
	printf(", \"groups\": [");
	for (int i = 0; i < n; i++)
		printf("%s%u", i ? ", " : "", groups[i]);
	printf("]");
}

/* /proc/self/status: CapInh, CapEff, NoNewPrivs, Seccomp, Cpus_allowed_list, ... */
static void do_status(char **args)
{
	char line[512];
	FILE *f = fopen("/proc/self/status", "re");

	(void)args;
	if (!f) {
		print_member("errno", errno_name(errno));
		return;
	}
	while (fgets(line, sizeof(line), f)) {
		char *colon = strchr(line, ':'), *value = colon ? colon + 1 : NULL;

		if (!colon)
			continue;
		*colon = '\0';
		value += strspn(value, " \t");
		value[strcspn(value, "\n")] = '\0';
		print_member(line, value);
	}
	fclose(f);
}

static void do_ns(char **args)
{
	static const char *const names[] = {"cgroup", "ipc",  "mnt",  "net",
					    "pid",    "time", "user", "uts"};

	(void)args;
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		char path[64], target[64];
		ssize_t n;

		snprintf(path, sizeof(path), "/proc/self/ns/%s", names[i]);
		n = readlink(path, target, sizeof(target) - 1);
		if (n < 0)
			continue;
		target[n] = '\0';
		printf(", \"%s\": %lu", names[i], strtoul(strchr(target, '[') + 1, NULL, 10));
	}
}

static void do_limits(char **args)
{
	static const char *const names[] = {
		"CPU",     "FSIZE", "DATA",  "STACK",      "CORE",     "RSS",  "NPROC",  "NOFILE",
		"MEMLOCK", "AS",    "LOCKS", "SIGPENDING", "MSGQUEUE", "NICE", "RTPRIO", "RTTIME"};

	(void)args;
	for (int i = 0; i < 16; i++) {
		struct rlimit r;

		getrlimit(i, &r);
		printf(", \"RLIMIT_%s\": [%lld, %lld]", names[i], (long long)r.rlim_cur,
		       (long long)r.rlim_max);
	}
}

static void do_env(char **args)
{
	extern char **environ;

	(void)args;
	printf(", \"env\": [");
	for (char **e = environ; *e; e++) {
		printf("%s", e == environ ? "" : ", ");
		print_string(*e);
	}
	printf("]");
}

static void do_cat(char **args)
{
	if (args[0])
		print_file("text", args[0]);
}

static void do_uname(char **args)
{
	struct utsname u;

	(void)args;
	uname(&u);
	print_member("nodename", u.nodename);
	print_member("machine", u.machine);
	print_member("domainname", u.domainname);
}

static void do_cwd(char **args)
{
	char path[4096];

	(void)args;
	if (getcwd(path, sizeof(path)))
		print_member("cwd", path);
	else
		print_member("errno", errno_name(errno));
}

/* open PATH [r|w|rw|a|c]: c creates. */
static void do_open(char **args)
{
	static const struct {
		const char *name;
		int flags;
	} modes[] = {{"r", O_RDONLY},
		     {"w", O_WRONLY},
		     {"rw", O_RDWR},
		     {"a", O_WRONLY | O_APPEND},
		     {"c", O_WRONLY | O_CREAT | O_EXCL},
		     {"d", O_RDONLY | O_DIRECTORY}};
	int flags = O_RDONLY, fd;

	for (size_t i = 0; args[1] && i < sizeof(modes) / sizeof(*modes); i++)
		if (!strcmp(args[1], modes[i].name))
			flags = modes[i].flags;
	fd = open(args[0], flags | O_CLOEXEC | O_NONBLOCK | O_NOCTTY, 0644);
	print_member("path", args[0]);
	print_result(fd);
	if (fd >= 0)
		close(fd);
}

static void do_write(char **args)
{
	int fd = open(args[0], O_WRONLY | O_CLOEXEC);
	long n = fd < 0 ? -1 : write(fd, args[1], strlen(args[1]));

	print_member("path", args[0]);
	print_result(n);
	if (fd >= 0)
		close(fd);
}

static void do_stat(char **args)
{
	struct stat st;
	char link[4096];
	ssize_t n;

	print_member("path", args[0]);
	if (lstat(args[0], &st)) {
		print_result(-1);
		return;
	}
	printf(", \"mode\": %u, \"type\": \"%c\", \"uid\": %u, \"gid\": %u, \"size\": %lld",
	       st.st_mode & 07777, "?pc?d?b?-?l?s???"[st.st_mode >> 12 & 15], st.st_uid, st.st_gid,
	       (long long)st.st_size);
	printf(", \"major\": %u, \"minor\": %u, \"dev\": %llu, \"ino\": %llu", major(st.st_rdev),
	       minor(st.st_rdev), (unsigned long long)st.st_dev, (unsigned long long)st.st_ino);
	n = readlink(args[0], link, sizeof(link) - 1);
	if (n >= 0) {
		link[n] = '\0';
		print_member("link", link);
	}
}

static void print_names(const char *path, bool with_targets)
{
	DIR *d = opendir(path);
	struct dirent *entry;
	const char *comma = "";

	if (!d) {
		print_result(-1);
		return;
	}
	printf(with_targets ? ", \"fds\": {" : ", \"names\": [");
	while ((entry = readdir(d))) {
		char link[4096];
		ssize_t n;

		if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, ".."))
			continue;
		if (with_targets && atoi(entry->d_name) == dirfd(d))
			continue;
		printf("%s", comma);
		comma = ", ";
		print_string(entry->d_name);
		if (!with_targets)
			continue;
		n = readlinkat(dirfd(d), entry->d_name, link, sizeof(link) - 1);
		link[n < 0 ? 0 : n] = '\0';
		printf(": ");
		print_string(link);
	}
	printf(with_targets ? "}" : "]");
	closedir(d);
}

static void do_ls(char **args)
{
	print_names(args[0], false);
}

static void do_fds(char **args)
{
	(void)args;
	print_names("/proc/self/fd", true);
}

/* memory MIB: allocates and touches, keeps it until the end. */
static void do_memory(char **args)
{
	size_t size = (size_t)number(args, 0, 1) << 20;
	char *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED) {
		print_result(-1);
		return;
	}
	for (size_t i = 0; i < size; i += 4096)
		p[i] = 1;
	printf(", \"ret\": 0");
}

/* fork N: that many children at once; says how many came to be and why it stopped. */
static void do_fork(char **args)
{
	long n = number(args, 0, 1), made = 0;
	pid_t pids[4096];

	for (; made < n && made < 4096; made++) {
		pids[made] = fork();
		if (pids[made] < 0)
			break;
		if (!pids[made])
			for (;;)
				pause();
	}
	if (made < n)
		print_member("errno", errno_name(errno));
	printf(", \"made\": %ld", made);
	for (long i = 0; i < made; i++)
		kill(pids[i], SIGKILL);
	for (long i = 0; i < made; i++)
		waitpid(pids[i], NULL, 0);
}

static int64_t now_ns(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

/* burn MS: one processor for that long by the wall clock; says how much of it we got. */
static void do_burn(char **args)
{
	int64_t start = now_ns(CLOCK_MONOTONIC), cpu = now_ns(CLOCK_PROCESS_CPUTIME_ID);
	int64_t span = number(args, 0, 100) * INT64_C(1000000), end = start + span;

	while (now_ns(CLOCK_MONOTONIC) < end)
		;
	printf(", \"wall_ns\": %lld, \"cpu_ns\": %lld",
	       (long long)(now_ns(CLOCK_MONOTONIC) - start),
	       (long long)(now_ns(CLOCK_PROCESS_CPUTIME_ID) - cpu));
}

static void do_clock(char **args)
{
	(void)args;
	printf(", \"monotonic_ns\": %lld, \"boottime_ns\": %lld",
	       (long long)now_ns(CLOCK_MONOTONIC), (long long)now_ns(CLOCK_BOOTTIME));
}

/* sleep SECONDS: for ever without a number. */
static void do_sleep(char **args)
{
	printf("}\n");
	fflush(stdout);
	if (!args[0])
		for (;;)
			pause();
	usleep((useconds_t)(strtod(args[0], NULL) * 1e6));
	printf("{\"cmd\": \"slept\"");
}

static void do_exit(char **args)
{
	printf("}\n");
	fflush(stdout);
	_exit((int)number(args, 0, 0));
}

static void do_signal(char **args)
{
	printf("}\n");
	fflush(stdout);
	signal((int)number(args, 0, SIGKILL), SIG_DFL);
	kill(getpid(), (int)number(args, 0, SIGKILL));
	printf("{\"cmd\": \"survived\"");
}

static volatile sig_atomic_t caught;

static void catch (int sig)
{
	caught = sig;
}

/* trap SIGNAL...: waits for one of them; pid 1 gets no signal that it does not catch. */
static void do_trap(char **args)
{
	sigset_t set, old;

	sigemptyset(&set);
	for (int i = 0; args[i]; i++) {
		signal((int)number(args, i, SIGTERM), catch);
		sigaddset(&set, (int)number(args, i, SIGTERM));
	}
	sigprocmask(SIG_BLOCK, &set, &old);
	printf("}\n{\"cmd\": \"trapping\"}\n");
	fflush(stdout);
	while (!caught)
		sigsuspend(&old);
	sigprocmask(SIG_SETMASK, &old, NULL);
	printf("{\"cmd\": \"caught\", \"signal\": %d", (int)caught);
	caught = 0;
}

/* syscall NUMBER [ARG...]: the bare kernel's answer. */
static void do_syscall(char **args)
{
	long ret = syscall(number(args, 0, -1), number(args, 1, 0), number(args, 2, 0),
			   number(args, 3, 0), number(args, 4, 0), number(args, 5, 0),
			   number(args, 6, 0));

	print_result(ret);
}

static void do_mkdir(char **args)
{
	print_member("path", args[0]);
	print_result(mkdir(args[0], 0755));
}

/* mknod PATH c|b|p MAJOR MINOR */
static void do_mknod(char **args)
{
	mode_t type = *args[1] == 'c' ? S_IFCHR : *args[1] == 'b' ? S_IFBLK : S_IFIFO;

	print_result(mknod(args[0], type | 0666,
			   makedev((unsigned)number(args, 2, 0), (unsigned)number(args, 3, 0))));
}

/* mount SOURCE TARGET TYPE [FLAGS] */
static void do_mount(char **args)
{
	print_result(mount(args[0], args[1], args[2], (unsigned long)number(args, 3, 0), NULL));
}

static void do_umount(char **args)
{
	print_result(umount2(args[0], MNT_DETACH));
}

static void do_sethostname(char **args)
{
	print_result(sethostname(args[0], strlen(args[0])));
}

static void do_unshare(char **args)
{
	print_result(unshare((int)number(args, 0, CLONE_NEWUSER)));
}

static void do_tty(char **args)
{
	struct winsize w = {0};
	struct termios t;

	(void)args;
	printf(", \"tty\": [%d, %d, %d]", isatty(0), isatty(1), isatty(2));
	if (!ioctl(0, TIOCGWINSZ, &w))
		printf(", \"rows\": %u, \"columns\": %u", w.ws_row, w.ws_col);
	if (!tcgetattr(0, &t))
		printf(", \"onlcr\": %d", (t.c_oflag & ONLCR) != 0);
	printf(", \"controls\": %d", tcgetpgrp(0) == getpgrp());
}

static void do_interfaces(char **args)
{
	struct if_nameindex *list = if_nameindex();
	int s = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	(void)args;
	printf(", \"interfaces\": {");
	for (struct if_nameindex *i = list; i && i->if_index; i++) {
		struct ifreq r = {0};

		snprintf(r.ifr_name, sizeof(r.ifr_name), "%s", i->if_name);
		ioctl(s, SIOCGIFFLAGS, &r);
		printf("%s\"%s\": %d", i == list ? "" : ", ", i->if_name,
		       (r.ifr_flags & IFF_UP) != 0);
	}
	printf("}");
	if_freenameindex(list);
	close(s);
}

static void do_scheduling(char **args)
{
	cpu_set_t set;
	const char *comma = "";

	(void)args;
	/* musl's sched_getscheduler() is a stub. */
	printf(", \"policy\": %ld, \"nice\": %d, \"io_priority\": %ld, \"personality\": %d, "
	       "\"cpus\": [",
	       syscall(SYS_sched_getscheduler, 0), getpriority(PRIO_PROCESS, 0),
	       syscall(SYS_ioprio_get, 1, 0), personality(PERSONALITY_QUERY));
	CPU_ZERO(&set);
	sched_getaffinity(0, sizeof(set), &set);
	for (int i = 0; i < CPU_SETSIZE; i++)
		if (CPU_ISSET(i, &set)) {
			printf("%s%d", comma, i);
			comma = ", ";
		}
	printf("]");
}

/* orphan SECONDS: a grandchild that outlives its parent, for pid 1 to reap or to be killed. */
static void do_orphan(char **args)
{
	fflush(stdout);
	if (!fork()) {
		if (!fork()) {
			usleep((useconds_t)(number(args, 0, 100) * 1000000));
			_exit(0);
		}
		_exit(0);
	}
	wait(NULL);
}

/* notify TEXT: a datagram to NOTIFY_SOCKET. */
static void do_notify(char **args)
{
	const char *path = getenv("NOTIFY_SOCKET");
	char command[4096 + 16];
	struct {
		sa_family_t family;
		char path[108];
	} a = {AF_UNIX, ""};
	int s = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	snprintf(command, sizeof(command), "%s", path ? path : "");
	print_member("socket", command);
	snprintf(a.path, sizeof(a.path), "%s", path ? path : "");
	print_result(sendto(s, args[0], strlen(args[0]), 0, (struct sockaddr *)&a, sizeof(a)));
	close(s);
}

static void do_echo(char **args)
{
	printf(", \"args\": [");
	for (int i = 0; args[i]; i++) {
		printf("%s", i ? ", " : "");
		print_string(args[i]);
	}
	printf("]");
}

static const struct {
	const char *name;
	void (*run)(char **args);
} commands[] = {
	{"burn", do_burn},
	{"cat", do_cat},
	{"clock", do_clock},
	{"cwd", do_cwd},
	{"echo", do_echo},
	{"env", do_env},
	{"exit", do_exit},
	{"fds", do_fds},
	{"fork", do_fork},
	{"ids", do_ids},
	{"interfaces", do_interfaces},
	{"limits", do_limits},
	{"ls", do_ls},
	{"memory", do_memory},
	{"mkdir", do_mkdir},
	{"mknod", do_mknod},
	{"mount", do_mount},
	{"notify", do_notify},
	{"ns", do_ns},
	{"open", do_open},
	{"orphan", do_orphan},
	{"scheduling", do_scheduling},
	{"sethostname", do_sethostname},
	{"signal", do_signal},
	{"sleep", do_sleep},
	{"stat", do_stat},
	{"status", do_status},
	{"syscall", do_syscall},
	{"trap", do_trap},
	{"tty", do_tty},
	{"umount", do_umount},
	{"uname", do_uname},
	{"unshare", do_unshare},
	{"write", do_write},
};

/* Commands read args up to their NULL; we give them enough NULLs behind it. */
static void run_command(char **words, int n)
{
	char *args[64] = {NULL};

	for (int i = 1; i < n && i < 56; i++)
		args[i - 1] = words[i];
	for (size_t i = 0; i < sizeof(commands) / sizeof(*commands); i++) {
		if (strcmp(words[0], commands[i].name) != 0)
			continue;
		printf("{\"cmd\": \"%s\"", words[0]);
		commands[i].run(args);
		printf("}\n");
		fflush(stdout);
		return;
	}
	fprintf(stderr, "probe: no command \"%s\"\n", words[0]);
	exit(99);
}

int main(int argc, char **argv)
{
	for (int i = 1, start = 1; i <= argc; i++) {
		if (i < argc && strcmp(argv[i], "--") != 0)
			continue;
		if (i > start)
			run_command(argv + start, i - start);
		start = i + 1;
	}
	return 0;
}
