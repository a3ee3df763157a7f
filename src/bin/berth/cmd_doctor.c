/* SPDX-License-Identifier: Apache-2.0 */
/* berth doctor: what this machine lacks, and the command that mends it. */
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/str.h"
#include "bin/berth/command.h"
#include "cgroup/limits.h"
#include "engine/container/container.h"
#include "engine/container/spec_parts.h"
#include "engine/network/names.h"
#include "engine/network/network.h"
#include "kernel/fd.h"
#include "kernel/sys.h"

enum state { GOOD, WARNING, BAD };
static const char *const state_names[] = {"ok", "warning", "failure"};

/* What a check found. mend: a command, NULL where there is nothing to do. */
struct finding {
	enum state state;
	const char *text, *mend;
};

struct patient {
	const struct engine *g;
	struct arena *a;
};

static struct finding good(const char *text)
{
	return (struct finding){GOOD, text, NULL};
}

/* ---- the kernel ---------------------------------------------------------------------------------- */

static struct finding check_kernel(const struct patient *p)
{
	struct utsname u = {0};
	int major = 0, minor = 0;
	const char *text;

	uname(&u);
	if (sscanf(u.release, "%d.%d", &major, &minor) != 2)
		return (struct finding){WARNING, "its version is not known", NULL};
	text = arena_printf(p->a, "Linux %s", u.release);
	if (major < 5 || (major == 5 && minor < 11))
		return (struct finding){WARNING,
					arena_printf(p->a,
						     "%s is older than 5.11: ordinary users "
						     "have no overlay, and starts are slower",
						     text),
					"apt-get install linux-image-amd64"};
	if (major == 5 && minor < 19)
		return (struct finding){WARNING,
					arena_printf(p->a,
						     "%s has no id-mapped layers (5.19): "
						     "--userns auto will not run for root",
						     text),
					"apt-get install linux-image-amd64"};
	return good(text);
}

static struct finding check_namespaces(const struct patient *p)
{
	static const char *const kinds[] = {"cgroup", "ipc",  "mnt",  "net",
					    "pid",    "time", "user", "uts"};
	const char *missing = "";

	for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
		if (access(arena_printf(p->a, "/proc/self/ns/%s", kinds[i]), F_OK) < 0)
			missing = arena_printf(p->a, "%s %s", missing, kinds[i]);
	if (!*missing)
		return good("all eight");
	return (struct finding){BAD, arena_printf(p->a, "the kernel was built without:%s", missing),
				"apt-get install linux-image-amd64"};
}

static struct finding check_overlay(const struct patient *p)
{
	auto_close int fd = sys_fsopen("overlay", FSOPEN_CLOEXEC);
	char *text = NULL;

	/* An ordinary user may open none outside of a user namespace: is it known at all? */
	if (fd >= 0 ||
	    (file_read_at(AT_FDCWD, "/proc/filesystems", p->a, 1 << 16, &text, NULL) == 0 &&
	     strstr(text, "overlay")))
		return good("layers of images can be stacked");
	return (struct finding){BAD, "the kernel has no overlay file system", "modprobe overlay"};
}

static struct finding check_seccomp(const struct patient *p)
{
	(void)p;
	if (access("/proc/sys/kernel/seccomp/actions_avail", F_OK) == 0)
		return good("system calls are filtered");
	return (struct finding){WARNING,
				"the kernel has no seccomp: containers need --security-opt "
				"seccomp=unconfined",
				NULL};
}

/* ---- control groups ------------------------------------------------------------------------------ */

static struct finding check_groups(const struct patient *p)
{
	static const enum cgroup_controller wanted[] = {CG_CPU, CG_MEMORY, CG_PIDS, CG_IO,
							CG_CPUSET};
	static const char *const modes[] = {"none", "v1", "hybrid", "v2"};
	struct cgroup_layout layout = {0};
	const char *missing = "";
	struct err why = {0};

	if (cgroup_detect(p->a, &layout, &why) < 0)
		return (struct finding){BAD, arena_strdup(p->a, why.text),
					"mount -t cgroup2 none /sys/fs/cgroup"};
	for (size_t i = 0; i < ARRAY_LEN(wanted); i++)
		if (layout.of[wanted[i]] < 0)
			missing = arena_printf(p->a, "%s %s", missing,
					       controller_names[wanted[i]].v1);
	if (layout.mode == CGROUP_NONE)
		return (struct finding){BAD, "no control groups are mounted",
					"mount -t cgroup2 none /sys/fs/cgroup"};
	if (*missing)
		return (struct finding){
			WARNING, arena_printf(p->a, "%s, without:%s", modes[layout.mode], missing),
			"add cgroup_enable=memory to the kernel's command line"};
	return good(arena_printf(p->a, "%s", modes[layout.mode]));
}

/* An ordinary user can limit what lies in a group of his own. */
static struct finding check_delegation(const struct patient *p)
{
	struct cgroup_layout layout = {0};
	const char *path;

	if (!p->g->is_rootless)
		return good("not needed by root");
	if (cgroup_detect(p->a, &layout, NULL) < 0 || layout.mode != CGROUP_V2)
		return (struct finding){WARNING,
					"only cgroup v2 can be delegated: no limits for your "
					"containers",
					NULL};
	path = arena_printf(p->a, "%s%s", layout.hierarchy[0].mount, layout.hierarchy[0].own);
	if (access(path, W_OK) == 0)
		return good(arena_printf(p->a, "%s is yours", path));
	return (struct finding){
		WARNING, arena_printf(p->a, "%s is not yours: no limits for your containers", path),
		"mkdir -p /etc/systemd/system/user@.service.d && printf "
		"'[Service]\\nDelegate=cpu cpuset io memory pids\\n' > "
		"/etc/systemd/system/user@.service.d/delegate.conf && systemctl daemon-reload"};
}

/* ---- ordinary users ------------------------------------------------------------------------------ */

static long read_number(const char *path)
{
	char text[32];

	return file_read_small(AT_FDCWD, path, text, sizeof(text)) > 0 ? atol(text) : -1;
}

static struct finding check_user_namespaces(const struct patient *p)
{
	(void)p;
	if (read_number("/proc/sys/kernel/unprivileged_userns_clone") == 0)
		return (struct finding){p->g->is_rootless ? BAD : WARNING,
					"ordinary users may make no user namespaces",
					"sysctl -w kernel.unprivileged_userns_clone=1"};
	if (read_number("/proc/sys/user/max_user_namespaces") == 0)
		return (struct finding){BAD, "no user namespaces are allowed",
					"sysctl -w user.max_user_namespaces=15000"};
	return good("may be made");
}

static bool has_range(const struct patient *p, const char *path)
{
	const char *name = engine_user_name(p->g->uid, p->a);
	char *text = NULL, *line;

	if (file_read_at(AT_FDCWD, path, p->a, 1 << 20, &text, NULL) < 0)
		return false;
	while ((line = next_line(&text))) {
		size_t n = strcspn(line, ":");

		if ((name && strlen(name) == n && strncmp(line, name, n) == 0) ||
		    (unsigned long)p->g->uid == strtoul(line, NULL, 10))
			return true;
	}
	return false;
}

static struct finding check_subordinate_ids(const struct patient *p)
{
	if (!p->g->is_rootless)
		return good("not needed by root");
	if (has_range(p, "/etc/subuid") && has_range(p, "/etc/subgid"))
		return good("yours are in /etc/subuid and /etc/subgid");
	return (struct finding){
		WARNING, "you have none: every user in your containers is you",
		arena_printf(p->a,
			     "usermod --add-subuids 100000-165535 --add-subgids 100000-165535 %u",
			     p->g->uid)};
}

static bool is_in_path(const struct patient *p, const char *name)
{
	struct str_slice folders = {0};

	strings_split(getenv("PATH") ? getenv("PATH") : "/usr/bin:/bin", ':', p->a, &folders);
	for (size_t i = 0; i < folders.n; i++)
		if (access(arena_printf(p->a, "%s/%s", folders.v[i], name), X_OK) == 0)
			return true;
	return false;
}

static struct finding check_map_programs(const struct patient *p)
{
	if (!p->g->is_rootless)
		return good("not needed by root");
	if (is_in_path(p, "newuidmap") && is_in_path(p, "newgidmap"))
		return good("newuidmap and newgidmap");
	return (struct finding){WARNING, "newuidmap or newgidmap is not there: one id only",
				"apt-get install uidmap"};
}

static struct finding check_names(const struct patient *p)
{
	struct err why = {0};

	if (!names_is_available())
		return (struct finding){WARNING,
					"dnsmasq is not there: containers of your networks do not "
					"find each other by name",
					"apt-get install dnsmasq-base"};
	if (network_revive_names(p->g, &why) < 0)
		return (struct finding){BAD, arena_strdup(p->a, why.text), NULL};
	return good("dnsmasq");
}

static struct finding check_run_folder(const struct patient *p)
{
	const char *path = getenv("XDG_RUNTIME_DIR");

	if (!p->g->is_rootless)
		return good("not needed by root");
	if (path && access(path, W_OK) == 0)
		return good(path);
	return (struct finding){WARNING,
				arena_printf(p->a, "XDG_RUNTIME_DIR is %s: sockets are in %s",
					     path ? "not writable" : "not set", p->g->run),
				"loginctl enable-linger"};
}

/* ---- the installation ---------------------------------------------------------------------------- */

static struct finding check_programs(const struct patient *p)
{
	const char *const programs[] = {"berth-monitor", "berth-image", "berth-init"};
	const char *const files[] = {"seccomp.json", "busybox.tar"};

	for (size_t i = 0; i < ARRAY_LEN(programs); i++) {
		const char *path = arena_printf(p->a, "%s/%s", p->g->lib, programs[i]);

		if (access(path, X_OK) < 0)
			return (struct finding){BAD, arena_printf(p->a, "%s is missing", path),
						"make install"};
	}
	for (size_t i = 0; i < ARRAY_LEN(files); i++) {
		const char *path = arena_printf(p->a, "%s/%s", p->g->share, files[i]);

		if (access(path, R_OK) < 0)
			return (struct finding){BAD, arena_printf(p->a, "%s is missing", path),
						"make install"};
	}
	return good(p->g->lib);
}

static struct finding check_store(const struct patient *p)
{
	struct statfs s = {0};

	if (statfs(p->g->data, &s) < 0)
		return (struct finding){
			BAD, arena_printf(p->a, "%s: %s", p->g->data, err_text(errno)), NULL};
	if (s.f_type == OVERLAYFS_SUPER_MAGIC || s.f_type == NFS_SUPER_MAGIC)
		return (struct finding){
			BAD,
			arena_printf(p->a, "%s is on %s: nothing can be written above layers there",
				     p->g->data,
				     s.f_type == NFS_SUPER_MAGIC ? "NFS" : "an overlay"),
			"export BERTH_ROOT=/a/folder/on/ext4"};
	if (s.f_bavail * (uint64_t)s.f_bsize < 256U << 20)
		return (struct finding){
			WARNING, arena_printf(p->a, "%s: less than 256 MiB are free", p->g->data),
			"berth system prune --all"};
	return good(p->g->data);
}

static struct finding check_leftovers(const struct patient *p)
{
	struct err why = {0};
	int n = container_repair_all(p->g, &why);

	if (n < 0)
		return (struct finding){BAD, arena_strdup(p->a, why.text), NULL};
	return good(
		n ? arena_printf(p->a, "%d container(s) whose monitor was killed were put right", n)
		  : "nothing is left of killed commands");
}

static const struct {
	const char *name;
	struct finding (*check)(const struct patient *p);
} checks[] = {
	{"kernel", check_kernel},
	{"namespaces", check_namespaces},
	{"overlay", check_overlay},
	{"seccomp", check_seccomp},
	{"control groups", check_groups},
	{"delegation", check_delegation},
	{"user namespaces", check_user_namespaces},
	{"subordinate ids", check_subordinate_ids},
	{"id map programs", check_map_programs},
	{"names", check_names},
	{"run folder", check_run_folder},
	{"programs", check_programs},
	{"store", check_store},
	{"containers", check_leftovers},
};

/* ---- all ----------------------------------------------------------------------------------------- */

struct options {
	bool json;
};

static const struct opt options[] = {
	{"json", 0, OPT_FLAG, offsetof(struct options, json), NULL, "as JSON", false},
	{0},
};

static int print_plain(const char *name, const struct finding *f, struct arena *a, struct err *e)
{
	int r = print_line(arena_printf(a, "%-8s %s: %s", state_names[f->state], name, f->text), e);

	if (r == 0 && f->mend)
		r = print_line(arena_printf(a, "%-8s mend it: %s", "", f->mend), e);
	return r;
}

static void add_json(const char *name, const struct finding *f, struct json_writer *w)
{
	json_begin_object(w);
	json_put_string(w, "check", name);
	json_put_string(w, "state", state_names[f->state]);
	json_put_string(w, "text", f->text);
	if (f->mend)
		json_put_string(w, "mend", f->mend);
	json_end_object(w);
}

static int doctor_main(const struct invocation *in, int *ret_code, struct err *e)
{
	const struct options *o = in->values;
	const struct patient p = {&in->engine, in->arena};
	auto_json_writer struct json_writer w = {.is_pretty = true, .indent = 4};
	int r = 0;

	json_begin_array(&w);
	for (size_t i = 0; r == 0 && i < ARRAY_LEN(checks); i++) {
		struct finding f = checks[i].check(&p);

		if (f.state == BAD)
			*ret_code = 1;
		if (o->json)
			add_json(checks[i].name, &f, &w);
		else
			r = print_plain(checks[i].name, &f, in->arena, e);
	}
	json_end_array(&w);
	return r < 0 || !o->json ? r : print_json(&w, e);
}

const struct command cmd_doctor = {
	.name = "doctor",
	.usage = "",
	.help = "Tell what this machine lacks, and how to mend it",
	.group = "system",
	.options = options,
	.values_size = sizeof(struct options),
	.main = doctor_main,
};
