/* SPDX-License-Identifier: Apache-2.0 */
/* exec: one more process in a running container. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/ioctl.h>

#include "base/json.h"
#include "base/str.h"
#include "bin/berth-runtime/command.h"
#include "kernel/fd.h"
#include "oci/decode.h"

struct values {
	const char *console_socket, *pidfd_socket, *pid_file, *cwd, *user, *process, *label,
		*apparmor, *cgroup;
	struct str_slice env, groups, caps;
	bool has_terminal, is_detached, no_new_privs, ignore_paused, no_subreaper;
	uint64_t preserve_fds;
};

#define VALUE(member) offsetof(struct values, member)
static const struct opt options[] = {
	{"console-socket", 0, OPT_STRING, VALUE(console_socket), "PATH",
	 "unix socket that gets the terminal's master", false},
	{"pidfd-socket", 0, OPT_STRING, VALUE(pidfd_socket), "PATH",
	 "unix socket that gets a pidfd of the process", false},
	{"cwd", 0, OPT_STRING, VALUE(cwd), "DIR", "working directory", false},
	{"env", 'e', OPT_LIST, VALUE(env), "NAME=VALUE", "set an environment variable", false},
	{"tty", 't', OPT_FLAG, VALUE(has_terminal), NULL, "give it a terminal", false},
	{"user", 'u', OPT_STRING, VALUE(user), "UID[:GID]", "ids to run as", false},
	{"additional-gids", 'g', OPT_LIST, VALUE(groups), "GID", "one more group", false},
	{"process", 'p', OPT_STRING, VALUE(process), "FILE", "a process object as JSON", false},
	{"detach", 'd', OPT_FLAG, VALUE(is_detached), NULL, "return once the program runs", false},
	{"pid-file", 0, OPT_STRING, VALUE(pid_file), "FILE", "write the pid to FILE", false},
	{"process-label", 0, OPT_STRING, VALUE(label), "LABEL", "SELinux label", false},
	{"apparmor", 0, OPT_STRING, VALUE(apparmor), "PROFILE", "AppArmor profile", false},
	{"no-new-privs", 0, OPT_FLAG, VALUE(no_new_privs), NULL, "set no_new_privs", false},
	{"cap", 'c', OPT_LIST, VALUE(caps), "CAP", "one more capability", false},
	{"preserve-fds", 0, OPT_UINT, VALUE(preserve_fds), "N",
	 "pass N more descriptors than the standard streams", false},
	{"cgroup", 0, OPT_STRING, VALUE(cgroup), "PATH",
	 "run it in a group below the container's (CONTROLLER:PATH on v1)", false},
	{"ignore-paused", 0, OPT_FLAG, VALUE(ignore_paused), NULL, "allow it in a paused container",
	 false},
	{"no-subreaper", 0, OPT_FLAG, VALUE(no_subreaper), NULL, "do not reap orphans", true},
	{0},
};

/* "1000" or "1000:100"; numbers only, whole (CVE-2026-30892: half-read ids became root). */
static int parse_user(const char *word, struct arena *a, struct oci_user *u, struct err *e)
{
	const char *colon = strchr(word, ':');
	const char *uid = colon ? arena_strndup(a, word, (size_t)(colon - word)) : word;

	if (str_to_u32(uid, &u->uid) < 0 || u->uid == UINT32_MAX)
		return err_say(e, -EINVAL, "--user %s: the uid is no number from 0 to 4294967294",
			       word);
	if (colon && (str_to_u32(colon + 1, &u->gid) < 0 || u->gid == UINT32_MAX))
		return err_say(e, -EINVAL, "--user %s: the gid is no number from 0 to 4294967294",
			       word);
	return 0;
}

static void append(struct str_slice *to, const struct str_slice *more, struct arena *a)
{
	const char **v = arena_array(a, to->n + more->n + 1, sizeof(*v));

	if (to->n)
		memcpy(v, to->v, to->n * sizeof(*v));
	if (more->n)
		memcpy(v + to->n, more->v, more->n * sizeof(*v));
	*to = (struct str_slice){v, to->n + more->n};
}

/* As append, but a name that is there already is replaced: getenv(3) finds the first of two. */
static void set_env(struct str_slice *env, const struct str_slice *more, struct arena *a)
{
	const char **v = arena_array(a, env->n + more->n + 1, sizeof(*v));
	size_t n = env->n;

	if (n)
		memcpy(v, env->v, n * sizeof(*v));
	for (size_t i = 0; i < more->n; i++) {
		size_t len = strcspn(more->v[i], "="), k = 0;

		while (k < n && (strncmp(v[k], more->v[i], len) != 0 || v[k][len] != '='))
			k++;
		v[k] = more->v[i];
		n += k == n;
	}
	*env = (struct str_slice){v, n};
}

static int add_groups(const struct values *v, struct arena *a, struct oci_user *u, struct err *e)
{
	uint32_t *groups = arena_array(a, u->additional_gids.n + v->groups.n + 1, sizeof(*groups));
	size_t n = u->additional_gids.n;

	if (n)
		memcpy(groups, u->additional_gids.v, n * sizeof(*groups));
	for (size_t i = 0; i < v->groups.n; i++)
		if (str_to_u32(v->groups.v[i], &groups[n++]) < 0)
			return err_say(e, -EINVAL, "--additional-gids %s: not a number",
				       v->groups.v[i]);
	u->additional_gids.v = groups;
	u->additional_gids.n = n;
	return 0;
}

/* The container's own process with the flags over it, as runc does. */
static int process_from_flags(const struct invocation *in, struct oci_process *p, struct err *e)
{
	const struct values *v = in->values;
	struct oci_capabilities *caps = &p->capabilities;
	int r;

	p->args = (struct str_slice){in->words.v + 1, in->words.n - 1};
	p->terminal = v->has_terminal;
	set_env(&p->env, &v->env, in->arena);
	if (v->cwd)
		p->cwd = v->cwd;
	if (v->label)
		p->selinux_label = v->label;
	if (v->apparmor)
		p->apparmor_profile = v->apparmor;
	if (v->no_new_privs)
		p->no_new_privileges = true;
	if (v->caps.n) {
		caps->is_set = true;
		append(&caps->bounding, &v->caps, in->arena);
		append(&caps->effective, &v->caps, in->arena);
		append(&caps->permitted, &v->caps, in->arena);
	}
	if (v->user) {
		r = parse_user(v->user, in->arena, &p->user, e);
		if (r < 0)
			return r;
	}
	return v->groups.n ? add_groups(v, in->arena, &p->user, e) : 0;
}

static int process_from_file(const struct invocation *in, struct oci_process *p, struct err *e)
{
	const struct values *v = in->values;
	char *text;
	size_t n;
	int r = file_read_at(AT_FDCWD, v->process, in->arena, JSON_SIZE_MAX, &text, &n);

	if (r < 0)
		return err_sys(e, r, "read --process %s", v->process);
	return oci_decode_process(text, n, in->arena, p, e);
}

static int exec_main(const struct invocation *in, int *ret_code, struct err *e)
{
	const struct values *v = in->values;
	struct exec_request q = {
		.id = in->words.v[0],
		.console_socket = v->console_socket,
		.pid_file = v->pid_file,
		.pidfd_socket = v->pidfd_socket,
		.cgroup = v->cgroup,
		.preserve_fds = (unsigned)v->preserve_fds,
		.is_detached = v->is_detached,
		.ignore_paused = v->ignore_paused,
		.no_subreaper = v->no_subreaper,
	};
	int r;

	if (v->preserve_fds > 1024)
		return err_say(e, -EINVAL, "--preserve-fds %llu: at most 1024",
			       (unsigned long long)v->preserve_fds);
	if (!v->process && in->words.n < 2)
		return err_say(e, -EINVAL, "process args cannot be empty");
	if (v->process) {
		r = process_from_file(in, &q.process, e);
	} else {
		r = runtime_exec_defaults(&in->rt, q.id, in->arena, &q.process, e);
		if (r == 0)
			r = process_from_flags(in, &q.process, e);
	}
	q.process.is_set = true;
	return r < 0 ? r : runtime_exec(&in->rt, &q, ret_code, e);
}

const struct command cmd_exec = {
	.name = "exec",
	.usage = "[options] <container-id> <command> [arguments] | -p FILE <container-id>",
	.help = "run one more process in a container",
	.options = options,
	.values_size = sizeof(struct values),
	.words_min = 1,
	.words_max = WORDS_MANY,
	.stops = true,
	.is_sealed = true,
	.failure = 255,
	.main = exec_main,
};
