/* SPDX-License-Identifier: Apache-2.0 */
/* The whole plan of a container: pure data made from config.json before anything is done. */
#include "runtime/plan.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/arena.h"
#include "base/auto.h"
#include "base/err.h"
#include "base/json.h"
#include "base/str.h"
#include "kernel/fd.h"
#include "kernel/sys.h"
#include "oci/decode.h"
#include "runtime/state.h"

const char *plan_keyring(const char *id, struct arena *a)
{
	return arena_printf(a, "_ses.%s", id);
}

int plan_read_config(int dir_fd, const char *dir, struct arena *a, struct oci_spec *ret,
		     const char **ret_text, size_t *ret_n, struct err *e)
{
	char *text;
	size_t n;
	int r = file_read_at(dir_fd, STATE_CONFIG, a, JSON_SIZE_MAX, &text, &n);

	if (r < 0)
		return err_sys(e, r, "open %s/" STATE_CONFIG, dir);
	r = oci_decode_spec(text, n, a, ret, e);
	if (r < 0)
		return r;
	if (ret_text) {
		*ret_text = text;
		*ret_n = n;
	}
	return 0;
}

static int absolute_bundle(const char *bundle, struct arena *a, const char **ret, struct err *e)
{
	auto_free char *real = realpath(bundle ? bundle : ".", NULL);

	if (!real)
		return err_sys(e, -errno, "bundle %s", bundle ? bundle : ".");
	*ret = arena_strdup(a, real);
	return 0;
}

/* The container's groups as its `cgroup` mount must show them. */
static void view_cgroups(const struct plan *p, struct rootfs_facts *facts, struct arena *a)
{
	facts->cgroup = arena_array(a, p->layout.n, sizeof(*facts->cgroup));
	for (unsigned i = 0; i < p->layout.n; i++) {
		const struct cgroup_hierarchy *h = &p->layout.hierarchy[i];
		const char *group = p->cgroup.used & (1U << i) ? p->cgroup.group_path[i] : h->own;

		facts->cgroup[facts->n_cgroup++] = (struct rootfs_cgroup_view){
			.is_v2 = h->is_v2,
			.name = h->name,
			.mount = h->mount,
			.source = arena_printf(a, "%s%s", h->mount, group ? group : ""),
		};
	}
}

static int plan_rootfs(const struct create_request *q, struct arena *a, struct plan *p,
		       struct err *e)
{
	const enum ns_action *action = p->ns.action;
	struct rootfs_facts facts = {
		.bundle = p->container.bundle,
		.has_user_ns = action[NS_USER] != NS_INHERIT,
		.has_net_ns = action[NS_NET] != NS_INHERIT,
		.has_pid_ns = action[NS_PID] != NS_INHERIT,
		.has_cgroup_ns = action[NS_CGROUP] != NS_INHERIT,
		.has_mount_ns = action[NS_MOUNT] != NS_INHERIT,
		.is_rootless = p->container.is_rootless,
		.no_pivot = q->no_pivot,
		.has_terminal = p->spec.process.terminal,
	};

	view_cgroups(p, &facts, a);
	return rootfs_plan_make(&p->spec, &facts, a, &p->rootfs, e);
}

static void add_env(struct plan *p, const char *word, struct arena *a)
{
	size_t n = p->spec.process.env.n;
	const char **env = arena_array(a, n + 1, sizeof(*env));

	if (n)
		memcpy(env, p->spec.process.env.v, n * sizeof(*env));
	env[n] = word;
	p->spec.process.env = (struct str_slice){env, n + 1};
}

/* sd_notify(3): the service manager's socket is bound into the container. */
static void add_notify_socket(struct plan *p, struct arena *a)
{
	static const char *const options[] = {"bind", "rprivate"};
	const char *path = getenv("NOTIFY_SOCKET");
	struct oci_mount *mounts;
	size_t n = p->spec.mounts.n;

	if (!path || path[0] != '/' || !p->spec.process.is_set)
		return;
	mounts = arena_array(a, n + 1, sizeof(*mounts));
	if (n)
		memcpy(mounts, p->spec.mounts.v, n * sizeof(*mounts));
	mounts[n] = (struct oci_mount){.destination = "/run/notify/notify.sock",
				       .type = "bind",
				       .source = path,
				       .options = {(const char **)options, ARRAY_LEN(options)}};
	p->spec.mounts.v = mounts;
	p->spec.mounts.n = n + 1;
	add_env(p, "NOTIFY_SOCKET=/run/notify/notify.sock", a);
}

/* sd_listen_fds(3): descriptors 3 to 2 + LISTEN_FDS are the container's, if LISTEN_PID says that they
 * were meant for us; its first process is told so in turn. Returns how many. */
static unsigned add_listen_fds(struct plan *p, struct arena *a)
{
	const char *count = getenv("LISTEN_FDS"), *pid = getenv("LISTEN_PID");
	uint32_t n, meant;

	if (!count || !pid || str_to_u32(pid, &meant) < 0 || meant != (uint32_t)getpid() ||
	    str_to_u32(count, &n) < 0 || n == 0 || n > 1024)
		return 0;
	add_env(p, arena_printf(a, "LISTEN_FDS=%u", n), a);
	add_env(p, "LISTEN_PID=1", a);
	return n;
}

static int check_terminal(const struct create_request *q, const struct plan *p, struct err *e)
{
	bool has_terminal = p->spec.process.is_set && p->spec.process.terminal;

	if (q->console_socket && !has_terminal)
		return err_say(e, -EINVAL,
			       "cannot use console socket if the container has no "
			       "terminal (process.terminal)");
	if (has_terminal && q->is_detached && !q->console_socket)
		return err_say(e, -EINVAL,
			       "cannot allocate tty if the runtime will detach without "
			       "setting console socket (--console-socket)");
	return 0;
}

static int check_preserved(unsigned n, struct err *e)
{
	for (unsigned fd = 3; fd < 3 + n; fd++)
		if (fcntl((int)fd, F_GETFD) < 0)
			return err_say(e, -EBADF, "--preserve-fds: descriptor %u is not open", fd);
	return 0;
}

static int check_root(const struct plan *p, struct err *e)
{
	struct stat st;

	if (!p->rootfs.root)
		return err_say(e, -EINVAL, "root.path is missing");
	if (stat(p->rootfs.root, &st) < 0) {
		/* Root of another user namespace may still reach it; the mount tells. */
		if (errno == EACCES)
			return 0;
		return err_sys(e, -errno, "root.path %s", p->rootfs.root);
	}
	return S_ISDIR(st.st_mode) ? 0 : err_sys(e, -ENOTDIR, "root.path %s", p->rootfs.root);
}

int plan_make(const struct runtime *rt, const struct create_request *q, struct arena *a,
	      struct plan *ret, struct err *e)
{
	struct plan *p = ret;
	auto_close int bundle = -EBADF;
	unsigned listen_fds;
	int r = absolute_bundle(q->bundle, a, &p->container.bundle, e);

	if (r < 0 || !p->container.bundle)
		return r;
	bundle = open(p->container.bundle, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (bundle < 0)
		return err_sys(e, -errno, "open bundle %s", p->container.bundle);
	r = plan_read_config(bundle, p->container.bundle, a, &p->spec, &p->config, &p->config_n, e);
	if (r < 0)
		return r;
	p->container.id = q->id;
	p->container.is_rootless = rt->is_rootless;
	p->container.no_new_keyring = q->no_new_keyring;
	p->container.oci_version = "1.3.0";
	p->container.annotations = p->spec.annotations;
	add_notify_socket(p, a);
	listen_fds = add_listen_fds(p, a);
	if ((r = oci_check_spec(&p->spec, e)) < 0 || (r = check_terminal(q, p, e)) < 0 ||
	    (r = ns_plan_make(&p->spec, rt->is_rootless, &p->ns, e)) < 0 ||
	    (r = cgroup_detect(a, &p->layout, e)) < 0 ||
	    (rt->has_systemd_cgroup &&
	     (r = cgroup_ask_systemd(&p->layout, rt->is_rootless, a, e)) < 0) ||
	    (r = cgroup_plan_make(&p->layout, &p->spec, q->id, rt->is_rootless, a, &p->cgroup, e)) <
		    0 ||
	    (r = plan_rootfs(q, a, p, e)) < 0 || (r = check_root(p, e)) < 0 ||
	    (r = process_plan_make(&p->spec.process, &p->spec.linux_, p->spec.linux_.mount_label, a,
				   &p->process, e)) < 0)
		return r;
	p->container.rootfs = p->rootfs.root;
	p->rootfs.has_tree = q->has_root;
	p->rootfs.tree_fd = q->root_fd;
	p->process.preserve_fds = q->preserve_fds + listen_fds;
	if ((r = check_preserved(p->process.preserve_fds, e)) < 0)
		return r;
	p->process.keyring = q->no_new_keyring ? NULL : plan_keyring(q->id, a);
	p->process.makes_cwd = true;
	return 0;
}

static void print_process(const struct plan *p, struct json_writer *w)
{
	const struct oci_process *process = &p->spec.process;

	json_begin_object(w);
	json_key(w, "args");
	json_begin_array(w);
	for (size_t i = 0; i < process->args.n; i++)
		json_string(w, process->args.v[i]);
	json_end_array(w);
	json_put_string(w, "cwd", process->cwd);
	json_put_uint(w, "uid", process->user.uid);
	json_put_uint(w, "gid", process->user.gid);
	json_put_bool(w, "noNewPrivileges", process->no_new_privileges);
	json_put_bool(w, "terminal", process->terminal);
	json_put_string(w, "keyring", p->process.keyring);
	json_put_uint(w, "preserveFds", p->process.preserve_fds);
	json_key(w, "bounding");
	json_begin_array(w);
	for (unsigned c = 0; p->process.caps.is_set && c <= caps_last(); c++)
		if (p->process.caps.bounding & (UINT64_C(1) << c))
			json_string(w, caps_name(c));
	json_end_array(w);
	json_key(w, "seccomp");
	seccomp_print(&p->process.seccomp, w);
	json_end_object(w);
}

int runtime_plan(const struct runtime *rt, const struct create_request *q, struct json_writer *w,
		 struct err *e)
{
	auto_arena struct arena a = {0};
	struct plan p = {0};
	int r = plan_make(rt, q, &a, &p, e);

	if (r < 0)
		return r;
	json_begin_object(w);
	json_put_string(w, "id", p.container.id);
	json_put_string(w, "bundle", p.container.bundle);
	json_key(w, "namespaces");
	ns_plan_print(&p.ns, w);
	json_key(w, "cgroup");
	cgroup_plan_print(&p.cgroup, w);
	json_key(w, "rootfs");
	rootfs_plan_print(&p.rootfs, w);
	json_key(w, "process");
	print_process(&p, w);
	json_end_object(w);
	return 0;
}
