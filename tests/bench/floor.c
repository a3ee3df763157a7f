/* SPDX-License-Identifier: Apache-2.0 */
/* The floor of the bench: the kernel calls that the bench's bundle needs, and nothing else. */
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/if.h>
#include <linux/keyctl.h>
#include <linux/mount.h>
#include <linux/sched.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

/*
 * Theory of operation
 *
 * tests/bench/run.py writes a bundle for the runtimes; the same bundle is compiled in here, as tables.
 * What a perfect runtime would do for it is done in the order of docs/architecture.md: groups, clone3,
 * the child enters the groups itself, mounts, devices, pivot, masks, capabilities, seccomp, exec. No
 * JSON, no checks of the input, no state but one small file. A change of the bundle must be made here too.
 *
 *   floor run  DIR ID MEMORY FILTER ROOTFS COMMAND...    FILTER: raw BPF program or "-"
 *   floor exec ID PID COMMAND...
 */

#define die(what) die_at(__LINE__, what)

static const char *const hierarchies[] = {"devices", "memory",  "cpu",  "cpuacct",
					  "pids",    "freezer", "blkio"};
enum { N_HIERARCHIES = sizeof(hierarchies) / sizeof(hierarchies[0]) };
static int tasks[N_HIERARCHIES + 1], group_v2 = -1;
static char state_dir[4096];

static void die_at(int line, const char *what)
{
	dprintf(2, "floor: line %d: %s: %s\n", line, what, strerror(errno));
	_exit(125);
}

static void put(const char *dir, const char *file, const char *value)
{
	char path[512];
	int fd;

	snprintf(path, sizeof(path), "%s/%s", dir, file);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0 || write(fd, value, strlen(value)) < 0)
		die(path);
	close(fd);
}

static const char *const device_rules[][2] = {
	{"devices.deny", "a"},
	{"devices.allow", "c *:* m"},
	{"devices.allow", "b *:* m"},
	{"devices.allow", "c 1:3 rwm"},
	{"devices.allow", "c 1:5 rwm"},
	{"devices.allow", "c 1:7 rwm"},
	{"devices.allow", "c 1:8 rwm"},
	{"devices.allow", "c 1:9 rwm"},
	{"devices.allow", "c 5:0 rwm"},
	{"devices.allow", "c 5:2 rwm"},
	{"devices.allow", "c 136:* rwm"},
	{"devices.allow", "c 10:200 rwm"},
};

static void group_name(char *path, size_t size, const char *hierarchy, const char *id)
{
	snprintf(path, size, "/sys/fs/cgroup/%s/berth-bench/%s", hierarchy, id);
}

static void limit_group(const char *hierarchy, const char *path, const char *memory)
{
	if (!strcmp(hierarchy, "devices"))
		for (size_t i = 0; i < sizeof(device_rules) / sizeof(device_rules[0]); i++)
			put(path, device_rules[i][0], device_rules[i][1]);
	else if (!strcmp(hierarchy, "memory"))
		put(path, "memory.limit_in_bytes", memory);
	else if (!strcmp(hierarchy, "cpu"))
		put(path, "cpu.cfs_period_us", "100000"), put(path, "cpu.cfs_quota_us", "50000"),
			put(path, "cpu.shares", "512");
	else if (!strcmp(hierarchy, "pids"))
		put(path, "pids.max", "64");
}

static void open_tasks(const char *id)
{
	char path[256];

	for (size_t i = 0; i < N_HIERARCHIES; i++) {
		group_name(path, sizeof(path), hierarchies[i], id);
		strcat(path, "/tasks");
		tasks[i] = open(path, O_WRONLY | O_CLOEXEC);
		if (tasks[i] < 0)
			die(path);
	}
}

static void make_groups(const char *id, const char *memory)
{
	char path[256];

	if (access("/sys/fs/cgroup/cgroup.controllers", F_OK) == 0) {
		group_name(path, sizeof(path), "", id);
		if (mkdir(path, 0755) < 0)
			die(path);
		put(path, "memory.max", memory), put(path, "cpu.max", "50000 100000"),
			put(path, "cpu.weight", "59"), put(path, "pids.max", "64");
		group_v2 = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
		tasks[0] = -1;
		return;
	}
	for (size_t i = 0; i < N_HIERARCHIES; i++) {
		group_name(path, sizeof(path), hierarchies[i], id);
		if (mkdir(path, 0755) < 0)
			die(path);
		limit_group(hierarchies[i], path, memory);
	}
	open_tasks(id);
}

static void remove_groups(const char *id)
{
	char path[256];

	if (group_v2 >= 0) {
		group_name(path, sizeof(path), "", id);
		rmdir(path);
	}
	for (size_t i = 0; group_v2 < 0 && i < N_HIERARCHIES; i++) {
		group_name(path, sizeof(path), hierarchies[i], id);
		rmdir(path);
	}
}

static void enter_groups(void)
{
	for (size_t i = 0; group_v2 < 0 && i < N_HIERARCHIES; i++)
		if (write(tasks[i], "0", 1) != 1)
			die("enter a group");
	if (unshare(CLONE_NEWCGROUP) < 0)
		die("unshare a cgroup namespace");
}

static int fs_tree(const char *type, const char *const (*options)[2], unsigned flags)
{
	int fs = (int)syscall(SYS_fsopen, type, FSOPEN_CLOEXEC), fd;

	for (; fs >= 0 && options && (*options)[0]; options++)
		syscall(SYS_fsconfig, fs, FSCONFIG_SET_STRING, (*options)[0], (*options)[1], 0);
	if (fs < 0 || syscall(SYS_fsconfig, fs, FSCONFIG_CMD_CREATE, NULL, NULL, 0) < 0)
		die(type);
	fd = (int)syscall(SYS_fsmount, fs, FSMOUNT_CLOEXEC, flags);
	close(fs);
	if (fd < 0)
		die(type);
	return fd;
}

static void attach(int tree, int dir, const char *path)
{
	if (tree < 0 || syscall(SYS_move_mount, tree, "", dir, path, MOVE_MOUNT_F_EMPTY_PATH) < 0)
		die(path);
}

#define NOSUID MOUNT_ATTR_NOSUID
#define SAFE (MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC)
static const char *const dev_options[][2] = {{"mode", "755"}, {"size", "65536k"}, {0}};
static const char *const pts_options[][2] = {
	{"newinstance", ""}, {"ptmxmode", "0666"}, {"mode", "0620"}, {"gid", "5"}, {0}};
static const char *const shm_options[][2] = {{"mode", "1777"}, {"size", "65536k"}, {0}};
static const struct {
	const char *path, *type;
	const char *const (*options)[2];
	unsigned flags;
} mounts[] = {
	{"proc", "proc", NULL, SAFE},
	{"dev", "tmpfs", dev_options, NOSUID | MOUNT_ATTR_STRICTATIME},
	{"dev/pts", "devpts", pts_options, NOSUID | MOUNT_ATTR_NOEXEC},
	{"sys", "sysfs", NULL, SAFE | MOUNT_ATTR_RDONLY},
	{"tmp", "tmpfs", shm_options, NOSUID | MOUNT_ATTR_NODEV},
	{"dev/mqueue", "mqueue", NULL, SAFE},
	{"dev/shm", "tmpfs", shm_options, SAFE},
};
static const struct {
	const char *name;
	unsigned major, minor;
} devices[] = {
	{"null", 1, 3},   {"zero", 1, 5},    {"full", 1, 7},
	{"random", 1, 8}, {"urandom", 1, 9}, {"tty", 5, 0},
};
static const char *const links[][2] = {
	{"/proc/self/fd", "fd"},       {"/proc/self/fd/0", "stdin"}, {"/proc/self/fd/1", "stdout"},
	{"/proc/self/fd/2", "stderr"}, {"pts/ptmx", "ptmx"},         {"/proc/kcore", "core"},
};
static const char *const masked[] = {
	"proc/acpi",
	"proc/asound",
	"proc/kcore",
	"proc/keys",
	"proc/latency_stats",
	"proc/timer_list",
	"proc/timer_stats",
	"proc/sched_debug",
	"proc/scsi",
	"sys/firmware",
	"sys/devices/virtual/powercap",
};
static const char *const readonly[] = {"proc/bus", "proc/fs", "proc/irq", "proc/sys",
				       "proc/sysrq-trigger"};
#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

static void make_devices(int root)
{
	int dev = openat(root, "dev", O_PATH | O_DIRECTORY | O_CLOEXEC);

	umask(0);
	for (size_t i = 0; i < COUNT(devices); i++)
		if (mknodat(dev, devices[i].name, S_IFCHR | 0666,
			    makedev(devices[i].major, devices[i].minor)) < 0)
			die(devices[i].name);
	for (size_t i = 0; i < COUNT(links); i++)
		if (symlinkat(links[i][0], dev, links[i][1]) < 0)
			die(links[i][1]);
	umask(022);
	close(dev);
}

static int clone_tree(int dir, const char *path, unsigned flags)
{
	return (int)syscall(SYS_open_tree, dir, path,
			    OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_EMPTY_PATH | flags);
}

static void set_readonly(int fd)
{
	struct mount_attr a = {.attr_set = MOUNT_ATTR_RDONLY};

	if (syscall(SYS_mount_setattr, fd, "", AT_EMPTY_PATH | AT_RECURSIVE, &a, sizeof(a)) < 0)
		die("mount_setattr");
}

static void mask_paths(int root, int null)
{
	int empty = -1;

	for (size_t i = 0; i < COUNT(masked); i++) {
		int fd = openat(root, masked[i], O_PATH | O_CLOEXEC);
		struct stat s;

		if (fd < 0)
			continue;
		if (fstat(fd, &s) < 0)
			die(masked[i]);
		if (S_ISDIR(s.st_mode) && empty < 0)
			empty = fs_tree("tmpfs", NULL, MOUNT_ATTR_RDONLY);
		int tree = clone_tree(S_ISDIR(s.st_mode) ? empty : null, "", 0);
		if (syscall(SYS_move_mount, tree, "", fd, "",
			    MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH) < 0)
			die(masked[i]);
		close(tree), close(fd);
	}
	for (size_t i = 0; i < COUNT(readonly); i++) {
		int tree = clone_tree(root, readonly[i], AT_RECURSIVE);

		if (tree < 0)
			continue;
		set_readonly(tree);
		attach(tree, root, readonly[i]);
		close(tree);
	}
}

static void make_root(const char *rootfs)
{
	int null = clone_tree(AT_FDCWD, "/dev/null", 0), root, tree;

	if (mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL) < 0)
		die("make / a slave");
	root = clone_tree(AT_FDCWD, rootfs, AT_RECURSIVE);
	attach(root, AT_FDCWD, rootfs);
	for (size_t i = 0; i < COUNT(mounts); i++) {
		if (!strncmp(mounts[i].path, "dev/", 4))
			mkdirat(root, mounts[i].path, 0755);
		tree = fs_tree(mounts[i].type, mounts[i].options, mounts[i].flags);
		attach(tree, root, mounts[i].path);
		close(tree);
	}
	make_devices(root);
	if (fchdir(root) < 0 || syscall(SYS_pivot_root, ".", ".") < 0 ||
	    umount2(".", MNT_DETACH) < 0 || chdir("/") < 0)
		die("pivot_root");
	mask_paths(root, null);
}

static void set_loopback_up(void)
{
	struct ifreq r = {.ifr_name = "lo", .ifr_flags = IFF_UP};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || ioctl(fd, SIOCSIFFLAGS, &r) < 0)
		die("set lo up");
	close(fd);
}

static struct sock_filter filter_code[4096];

static unsigned short load_filter(const char *path)
{
	int fd;
	long n;

	if (!strcmp(path, "-"))
		return 0;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? -1 : read(fd, filter_code, sizeof(filter_code));
	if (n < 0)
		die(path);
	close(fd);
	return (unsigned short)(n / (long)sizeof(filter_code[0]));
}

static void give_up_rights(unsigned short filter_length)
{
	struct sock_fprog program = {.len = filter_length, .filter = filter_code};
	const unsigned keep = 0xa80425fb; /* the fourteen of Docker */
	struct __user_cap_header_struct h = {_LINUX_CAPABILITY_VERSION_3, 0};
	struct __user_cap_data_struct d[2] = {{keep, keep, 0}, {0, 0, 0}};

	for (int i = 0; i <= CAP_LAST_CAP; i++)
		if (i > 31 || !(keep & 1U << i))
			prctl(PR_CAPBSET_DROP, i, 0, 0, 0);
	if (syscall(SYS_capset, &h, d) < 0 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		die("capset");
	if (filter_length && syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) < 0)
		die("seccomp");
	syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, "_ses.floor");
	syscall(SYS_close_range, 3, ~0U, 4 /* CLOSE_RANGE_CLOEXEC */);
}

static int wait_for(pid_t pid)
{
	int status;

	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static void save_state(const char *id, pid_t pid)
{
	char text[64];
	int dir, fd;

	mkdir(state_dir, 0700);
	dir = open(state_dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	fd = openat(dir, ".state", O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600);
	if (fd < 0 ||
	    write(fd, text, (size_t)snprintf(text, sizeof(text), "%s %d\n", id, pid)) < 0 ||
	    renameat(dir, ".state", dir, "state") < 0)
		die(state_dir);
	close(fd), close(dir);
}

static int run(char **argv)
{
	struct clone_args c = {.flags = CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS |
					CLONE_NEWNS,
			       .exit_signal = SIGCHLD};
	const char *id = argv[1], *rootfs = argv[4];
	unsigned short filter_length = load_filter(argv[3]);
	static char *const env[] = {
		"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", NULL};
	char path[4120];
	int code, ready[2];
	pid_t pid;

	snprintf(state_dir, sizeof(state_dir), "%s/%s", argv[0], id);
	make_groups(id, argv[2]);
	if (group_v2 >= 0)
		c.flags |= CLONE_INTO_CGROUP, c.cgroup = (unsigned long long)group_v2;
	if (pipe2(ready, O_CLOEXEC) < 0)
		die("pipe");
	pid = (pid_t)syscall(SYS_clone3, &c, sizeof(c));
	if (pid == 0) {
		enter_groups();
		setsid();
		set_loopback_up();
		if (sethostname("bench", 5) < 0)
			die("sethostname");
		make_root(rootfs);
		give_up_rights(filter_length);
		execve(argv[5], argv + 5, env);
		die(argv[5]);
	}
	if (pid < 0)
		die("clone3");
	save_state(id, pid);
	close(ready[1]);
	if (read(ready[0], path, 1) < 0) /* until exec closes the other end */
		die("read");
	code = wait_for(pid);
	remove_groups(id);
	snprintf(path, sizeof(path), "%s/state", state_dir);
	unlink(path);
	rmdir(state_dir);
	return code;
}

static int run_exec(char **argv)
{
	int pidfd = (int)syscall(SYS_pidfd_open, atoi(argv[1]), 0);
	pid_t pid;

	open_tasks(argv[0]);
	if (setns(pidfd, CLONE_NEWPID) < 0)
		die("setns");
	pid = fork();
	if (pid == 0) {
		for (size_t i = 0; i < N_HIERARCHIES; i++)
			if (write(tasks[i], "0", 1) != 1)
				die("enter a group");
		if (setns(pidfd, CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS | CLONE_NEWNS |
					 CLONE_NEWCGROUP) < 0)
			die("setns");
		setsid();
		give_up_rights(0);
		execv(argv[2], argv + 2);
		die(argv[2]);
	}
	return wait_for(pid);
}

int main(int argc, char **argv)
{
	if (argc >= 8 && !strcmp(argv[1], "run"))
		return run(argv + 2);
	if (argc >= 5 && !strcmp(argv[1], "exec"))
		return run_exec(argv + 2);
	if (argc == 2 && !strcmp(argv[1], "--version"))
		return 0;
	dprintf(2, "usage: floor run DIR ID MEMORY FILTER ROOTFS COMMAND... | exec ID PID "
		   "COMMAND...\n");
	return 2;
}
