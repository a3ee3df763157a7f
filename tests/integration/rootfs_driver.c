/* SPDX-License-Identifier: Apache-2.0 */
/* Applies a root file system plan in a mount namespace of its own and execs a command in it: for trying
 * and tracing rootfs/ without the rest of the runtime.
 *   rootfs_driver ROOT [option...] -- COMMAND...
 * Options: user (user namespace, ids as they are), fallback (mount(2) and no openat2), nopivot,
 * readonly, shared, slave, nonet (the host's network namespace), cgroup, bind=SRC:DST[:OPT,...],
 * mount=TYPE:DST[:OPT,...], mapped (the mount before it, id 0 to 1000), device=TYPE:PATH:MAJOR:MINOR,
 * console, bare (none of the usual mounts). */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef TIOCGPTPEER
#define TIOCGPTPEER _IO('T', 0x41)
#endif

#include "base/arena.h"
#include "base/auto.h"
#include "base/err.h"
#include "base/str.h"
#include "kernel/mount.h"
#include "kernel/path.h"
#include "rootfs/rootfs.h"

static struct oci_mount mounts[32];
static size_t n_mounts;

static const char *const masked[] = {"/proc/acpi",        "/proc/asound",        "/proc/kcore",
				     "/proc/keys",        "/proc/latency_stats", "/proc/timer_list",
				     "/proc/sched_debug", "/proc/scsi",          "/sys/firmware"};
static const char *const closed[] = {"/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys",
				     "/proc/sysrq-trigger"};

static struct oci_device devices[8];
static size_t n_devices;
static bool has_console;

static void add_mount(const char *type, const char *source, const char *destination,
		      const char *options)
{
	struct oci_mount *m = &mounts[n_mounts++];
	char *copy = strdup(options), *save = NULL;

	*m = (struct oci_mount){0};
	m->type = type;
	m->source = source;
	m->destination = destination;
	m->options.v = calloc(16, sizeof(char *));
	for (char *o = strtok_r(copy, ",", &save); o; o = strtok_r(NULL, ",", &save))
		m->options.v[m->options.n++] = o;
}

static void usual_mounts(void)
{
	add_mount("proc", "proc", "/proc", "nosuid,noexec,nodev");
	add_mount("tmpfs", "tmpfs", "/dev", "nosuid,strictatime,mode=755,size=65536k");
	add_mount("devpts", "devpts", "/dev/pts",
		  "nosuid,noexec,newinstance,ptmxmode=0666,mode=0620");
	add_mount("sysfs", "sysfs", "/sys", "nosuid,noexec,nodev,ro");
	add_mount("mqueue", "mqueue", "/dev/mqueue", "nosuid,noexec,nodev");
	add_mount("tmpfs", "shm", "/dev/shm", "nosuid,noexec,nodev,mode=1777,size=65536k");
}

static char *part(char *text)
{
	char *colon = text ? strchr(text, ':') : NULL;

	if (colon)
		*colon++ = '\0';
	return colon;
}

static void fail(const struct err *e)
{
	fprintf(stderr, "rootfs_driver: %s\n", e->text);
	exit(1);
}

static int bind_pty(const struct rootfs_plan *p, struct rootfs *r, struct err *e)
{
	int unlock = 0, pty,
	    master = path_open_in_root(r->root_fd, "/dev/ptmx", O_RDWR | O_NOCTTY, 0);

	if (master < 0 || ioctl(master, TIOCSPTLCK, &unlock) < 0)
		return err_say(e, -ENOTTY, "no /dev/ptmx: %d", master);
	pty = ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY);
	return rootfs_bind_console(p, r, pty, e);
}

/* What the parent opened before the namespaces were made, as the runtime's parent would. */
static int sources[ARRAY_LEN(mounts)];

static int give_source(void *arg, int index, struct err *e)
{
	(void)arg;
	return sources[index] > 0 ? sources[index] : err_say(e, -EACCES, "not opened before");
}

static void open_sources(const struct rootfs_plan *p)
{
	struct err e = {0};

	for (size_t i = 0; i < p->mounts.n; i++)
		if (p->mounts.v[i].is_idmap) {
			sources[i] = rootfs_open_source(p, (int)i, -EBADF, &e);
			if (sources[i] < 0)
				fail(&e);
		}
}

static int child(const struct rootfs_plan *p, char **argv)
{
	const struct rootfs_helper helper = {give_source, NULL};
	struct rootfs r = ROOTFS_INIT;
	struct err e = {0};

	if (rootfs_mount_all(p, &helper, &r, &e) < 0)
		fail(&e);
	if (has_console && bind_pty(p, &r, &e) < 0)
		fail(&e);
	if (rootfs_pivot(p, &r, &e) < 0 || rootfs_finish(p, &r, &e) < 0)
		fail(&e);
	execv(argv[0], argv);
	fprintf(stderr, "rootfs_driver: exec %s: %s\n", argv[0], strerror(errno));
	return 1;
}

static void write_proc(pid_t pid, const char *name, const char *text)
{
	char path[64];
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/%s", pid, name);
	f = fopen(path, "we");
	if (!f || fputs(text, f) < 0 || fclose(f) < 0)
		perror(path);
}

static void write_maps(pid_t pid)
{
	char map[64] = "0 0 65536\n";

	if (getuid()) {
		snprintf(map, sizeof(map), "0 %u 1\n", getuid());
		write_proc(pid, "setgroups", "deny");
	}
	write_proc(pid, "uid_map", map);
	if (getuid())
		snprintf(map, sizeof(map), "0 %u 1\n", getgid());
	write_proc(pid, "gid_map", map);
}

/* The maps are written by a process that stayed outside. */
static void make_namespaces(bool has_user_ns, bool has_net_ns)
{
	pid_t self = getpid(), outside = -1;
	int done[2];
	char c;

	if (has_user_ns && pipe(done) == 0) {
		outside = fork();
		if (outside == 0) {
			close(done[1]);
			if (read(done[0], &c, 1) == 1)
				write_maps(self);
			_exit(0);
		}
	}
	if (unshare((has_user_ns ? CLONE_NEWUSER : 0) | (has_net_ns ? CLONE_NEWNET : 0) |
		    CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC) < 0) {
		perror("unshare");
		exit(1);
	}
	if (outside > 0 && write(done[1], "x", 1) == 1)
		waitpid(outside, NULL, 0);
}

static void add_device(char *type)
{
	char *path = part(type), *major = part(path), *minor = part(major);

	devices[n_devices++] = (struct oci_device){
		.type = type,
		.path = path,
		.major = major ? atoi(major) : 0,
		.minor = minor ? atoi(minor) : 0,
	};
}

static void parse(int argc, char **argv, struct oci_spec *spec, struct rootfs_facts *f, int *ret_at)
{
	static struct oci_id_map map = {0, 1000, 1};
	int i;

	for (i = 2; i < argc && strcmp(argv[i], "--") != 0; i++) {
		char *a = argv[i], *second, *third;

		f->has_user_ns |= str_eq(a, "user");
		f->no_pivot |= str_eq(a, "nopivot");
		spec->root.readonly |= str_eq(a, "readonly");
		has_console |= str_eq(a, "console");
		f->has_net_ns &= !str_eq(a, "nonet");
		if (str_eq(a, "bare"))
			n_mounts = 0;
		if (str_eq(a, "fallback")) {
			mount_use_fallback(true);
			path_use_fallback(true);
		} else if (str_eq(a, "shared")) {
			spec->linux_.rootfs_propagation = "rshared";
		} else if (str_eq(a, "slave")) {
			spec->linux_.rootfs_propagation = "rslave";
		} else if (str_eq(a, "mapped")) {
			mounts[n_mounts - 1].uid_mappings = (struct oci_id_maps){&map, 1};
			mounts[n_mounts - 1].gid_mappings = (struct oci_id_maps){&map, 1};
		} else if (str_starts(a, "device=")) {
			add_device(a + 7);
		} else if (str_eq(a, "cgroup")) {
			add_mount("cgroup", "cgroup", "/sys/fs/cgroup", "nosuid,noexec,nodev,ro");
		} else if (str_starts(a, "bind=")) {
			second = part(a + 5);
			third = part(second);
			add_mount("bind", a + 5, second, third ? third : "rbind");
		} else if (str_starts(a, "mount=")) {
			second = part(a + 6);
			third = part(second);
			add_mount(a + 6, a + 6, second, third ? third : "");
		}
	}
	*ret_at = i + 1;
}

int main(int argc, char **argv)
{
	static struct rootfs_cgroup_view views[] = {
		{false, "memory", "/sys/fs/cgroup/memory", "/sys/fs/cgroup/memory"},
		{false, "cpu,cpuacct", "/sys/fs/cgroup/cpu,cpuacct", "/sys/fs/cgroup/cpu,cpuacct"},
	};
	struct rootfs_facts f = {
		.bundle = "/",
		.has_net_ns = true,
		.has_mount_ns = true,
		.cgroup = views,
		.n_cgroup = ARRAY_LEN(views),
	};
	struct oci_spec spec = {0};
	struct rootfs_plan p;
	auto_arena struct arena a = {0};
	struct err e = {0};
	int at, status;

	if (argc < 3)
		return 2;
	spec.root.path = argv[1];
	usual_mounts();
	parse(argc, argv, &spec, &f, &at);
	spec.mounts.v = mounts;
	spec.mounts.n = n_mounts;
	spec.linux_.masked_paths = (struct str_slice){(const char **)masked, ARRAY_LEN(masked)};
	spec.linux_.readonly_paths = (struct str_slice){(const char **)closed, ARRAY_LEN(closed)};
	spec.linux_.devices.v = devices;
	spec.linux_.devices.n = n_devices;
	if (rootfs_plan_make(&spec, &f, &a, &p, &e) < 0)
		fail(&e);
	open_sources(&p);
	make_namespaces(f.has_user_ns, f.has_net_ns);
	if (fork() == 0)
		_exit(child(&p, argv + at));
	wait(&status);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
