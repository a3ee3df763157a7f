/* SPDX-License-Identifier: Apache-2.0 */
/* Applies a root file system plan in a mount namespace of its own and execs a command in it: for trying
 * and tracing rootfs/ without the rest of the runtime.
 *   rootfs_driver ROOT [option...] -- COMMAND...
 * Options: user (user namespace, ids as they are), fallback (mount(2) and no openat2), nopivot,
 * readonly, shared, bind=SRC:DST[:OPT,...], tmpfs=DST[:OPT,...], cgroup. */
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/auto.h"
#include "base/err.h"
#include "base/str.h"
#include "kernel/mount.h"
#include "kernel/path.h"
#include "rootfs/rootfs.h"

static struct oci_mount mounts[32];
static size_t n_mounts;

static const char *const masked[] = { "/proc/acpi", "/proc/asound", "/proc/kcore", "/proc/keys",
				      "/proc/latency_stats", "/proc/timer_list",
				      "/proc/sched_debug", "/proc/scsi", "/sys/firmware" };
static const char *const closed[] = { "/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys",
				      "/proc/sysrq-trigger" };

static void add_mount(const char *type, const char *source, const char *destination,
		      const char *options)
{
	struct oci_mount *m = &mounts[n_mounts++];
	char *copy = strdup(options), *save = NULL;

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

static int child(const struct rootfs_plan *p, char **argv)
{
	struct rootfs r = ROOTFS_INIT;
	struct err e = { 0 };

	if (rootfs_mount_all(p, NULL, &r, &e) < 0 || rootfs_pivot(p, &r, &e) < 0 ||
	    rootfs_finish(p, &r, &e) < 0)
		fail(&e);
	execv(argv[0], argv);
	fprintf(stderr, "rootfs_driver: exec %s: %s\n", argv[0], strerror(errno));
	return 1;
}

static void write_map(pid_t pid, const char *name)
{
	char path[64];
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/%s", pid, name);
	f = fopen(path, "we");
	if (!f || fputs("0 0 65536\n", f) < 0 || fclose(f) < 0)
		perror(path);
}

/* The maps are written by a process that stayed outside. */
static void make_namespaces(bool has_user_ns)
{
	pid_t self = getpid(), outside = -1;
	int done[2];
	char c;

	if (has_user_ns && pipe(done) == 0) {
		outside = fork();
		if (outside == 0) {
			close(done[1]);
			if (read(done[0], &c, 1) == 1) {
				write_map(self, "uid_map");
				write_map(self, "gid_map");
			}
			_exit(0);
		}
	}
	if (unshare((has_user_ns ? CLONE_NEWUSER : 0) | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC |
		    CLONE_NEWNET) < 0) {
		perror("unshare");
		exit(1);
	}
	if (outside > 0 && write(done[1], "x", 1) == 1)
		waitpid(outside, NULL, 0);
}

static void parse(int argc, char **argv, struct oci_spec *spec, struct rootfs_facts *f, int *ret_at)
{
	int i;

	for (i = 2; i < argc && strcmp(argv[i], "--") != 0; i++) {
		char *a = argv[i], *second, *third;

		f->has_user_ns |= str_eq(a, "user");
		f->no_pivot |= str_eq(a, "nopivot");
		spec->root.readonly |= str_eq(a, "readonly");
		if (str_eq(a, "fallback")) {
			mount_use_fallback(true);
			path_use_fallback(true);
		} else if (str_eq(a, "shared")) {
			spec->linux_.rootfs_propagation = "rshared";
		} else if (str_eq(a, "cgroup")) {
			add_mount("cgroup", "cgroup", "/sys/fs/cgroup", "nosuid,noexec,nodev,ro");
		} else if (str_starts(a, "bind=")) {
			second = part(a + 5);
			third = part(second);
			add_mount("bind", a + 5, second, third ? third : "rbind");
		} else if (str_starts(a, "tmpfs=")) {
			second = part(a + 6);
			add_mount("tmpfs", "tmpfs", a + 6, second ? second : "");
		}
	}
	*ret_at = i + 1;
}

int main(int argc, char **argv)
{
	static struct rootfs_cgroup_view views[] = {
		{ false, "memory", "/sys/fs/cgroup/memory", "/sys/fs/cgroup/memory" },
		{ false, "cpu,cpuacct", "/sys/fs/cgroup/cpu,cpuacct", "/sys/fs/cgroup/cpu,cpuacct" },
	};
	struct rootfs_facts f = {
		.bundle = "/", .has_net_ns = true, .has_mount_ns = true,
		.cgroup = views, .n_cgroup = ARRAY_LEN(views),
	};
	struct oci_spec spec = { 0 };
	struct rootfs_plan p;
	auto_arena struct arena a = { 0 };
	struct err e = { 0 };
	int at, status;

	if (argc < 3)
		return 2;
	spec.root.path = argv[1];
	usual_mounts();
	parse(argc, argv, &spec, &f, &at);
	spec.mounts.v = mounts;
	spec.mounts.n = n_mounts;
	spec.linux_.masked_paths = (struct str_slice){ (const char **)masked, ARRAY_LEN(masked) };
	spec.linux_.readonly_paths = (struct str_slice){ (const char **)closed, ARRAY_LEN(closed) };
	if (rootfs_plan_make(&spec, &f, &a, &p, &e) < 0)
		fail(&e);
	make_namespaces(f.has_user_ns);
	if (fork() == 0)
		_exit(child(&p, argv + at));
	wait(&status);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
