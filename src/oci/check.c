/* SPDX-License-Identifier: Apache-2.0 */
/* The checks of config.json that need no kernel and belong to no other module's plan. */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "base/auto.h"
#include "base/err.h"
#include "base/str.h"
#include "oci/decode.h"

/*
 * Theory of operation
 *
 * The decoder has refused wrong types and missing properties. Here go values that are wrong by
 * themselves. What only one module acts on is found by its plan: namespaces, sysctl, host names and
 * id maps (namespace/), mounts, devices, masked paths (rootfs/), resources (cgroup/), rlimits,
 * scheduler, personality, seccomp rules, memory policy (security/).
 */

enum { VERSION_MAJOR = 1, VERSION_MINOR_MAX = 3 };

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* One number of a version without leading zeros; moves *p behind it. */
static bool take_number(const char **p, uint32_t *ret)
{
	const char *s = *p;
	uint64_t v = 0;

	if (!is_digit(*s) || (s[0] == '0' && is_digit(s[1])))
		return false;
	for (; is_digit(*s); s++) {
		v = v * 10 + (uint64_t)(*s - '0');
		if (v > UINT32_MAX)
			return false;
	}
	*p = s;
	*ret = (uint32_t)v;
	return true;
}

/* Dot-separated words of letters, digits and "-", as after "-" and "+" in a version. */
static bool take_words(const char **p)
{
	static const char allowed[] =
		"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz-";
	size_t n;

	do {
		(*p)++;
		n = strspn(*p, allowed);
		*p += n;
		if (n == 0)
			return false;
	} while (**p == '.');
	return true;
}

/* Semantic Versioning 2.0.0: MAJOR.MINOR.PATCH[-PRE][+BUILD] */
static bool read_version(const char *s, uint32_t v[3])
{
	for (int i = 0; i < 3; i++) {
		if (i && *s++ != '.')
			return false;
		if (!take_number(&s, &v[i]))
			return false;
	}
	if (*s == '-' && !take_words(&s))
		return false;
	if (*s == '+' && !take_words(&s))
		return false;
	return *s == '\0';
}

static int check_version(const char *text, struct err *e)
{
	uint32_t v[3];

	if (!read_version(text, v))
		return err_say(e, -EINVAL, "ociVersion: \"%.64s\" is not a semantic version", text);
	if (v[0] != VERSION_MAJOR || v[1] > VERSION_MINOR_MAX)
		return err_say(e, -EINVAL,
			       "ociVersion: %.64s is not supported, only %d.0.0 to %d.%d", text,
			       VERSION_MAJOR, VERSION_MAJOR, VERSION_MINOR_MAX);
	return 0;
}

static int check_env(const struct str_slice *env, const char *where, struct err *e)
{
	for (size_t i = 0; i < env->n; i++) {
		const char *sign = strchr(env->v[i], '=');

		/* Security: the value may be a secret, so only a text without one is shown. */
		if (!sign)
			return err_say(e, -EINVAL,
				       "%senv[%zu]: invalid environment variable \"%.64s\": it has "
				       "no \"=\"",
				       where, i, env->v[i]);
		if (sign == env->v[i])
			return err_say(e, -EINVAL,
				       "%senv[%zu]: an environment variable needs a name before "
				       "\"=\"",
				       where, i);
	}
	return 0;
}

/* "0-3,7": what the specification's schema allows, before the kernel is asked. */
static int check_cpu_list(const char *list, const char *name, struct err *e)
{
	if (!list || strspn(list, "0123456789, -") == strlen(list))
		return 0;
	return err_say(e, -EINVAL,
		       "process.execCPUAffinity.%s: \"%.64s\" is not a list such as 0-3,8", name,
		       list);
}

/* Security: the last id of all means "no change" to setresuid(2): root would stay root (CVE-2024-40635). */
static int check_user(const struct oci_user *u, struct err *e)
{
	const char *name = u->uid == UINT32_MAX ? "uid" : u->gid == UINT32_MAX ? "gid" : NULL;

	for (size_t i = 0; !name && i < u->additional_gids.n; i++)
		if (u->additional_gids.v[i] == UINT32_MAX)
			name = "additionalGids";
	return name ? err_say(e, -EINVAL, "process.user.%s: 4294967295 is no id", name) : 0;
}

int oci_check_process(const struct oci_process *p, struct err *e)
{
	int r;

	if (!p->cwd || !p->cwd[0])
		return err_say(e, -EINVAL, "process.cwd: cwd property must not be empty");
	if (p->cwd[0] != '/')
		return err_say(e, -EINVAL,
			       "process.cwd: cwd must be an absolute path, not \"%.256s\"", p->cwd);
	if (p->args.n == 0)
		return err_say(e, -EINVAL, "process.args: args must not be empty");
	if (p->oom_score_adj.is_set &&
	    (p->oom_score_adj.value < -1000 || p->oom_score_adj.value > 1000))
		return err_say(e, -EINVAL,
			       "process.oomScoreAdj: %" PRId64 " is not within -1000 and 1000",
			       p->oom_score_adj.value);
	r = check_user(&p->user, e);
	if (r == 0)
		r = check_env(&p->env, "process.", e);
	if (r == 0)
		r = check_cpu_list(p->exec_cpu_affinity.initial, "initial", e);
	if (r == 0)
		r = check_cpu_list(p->exec_cpu_affinity.final, "final", e);
	return r;
}

static int check_map_sizes(const struct oci_id_maps *maps, size_t mount, const char *name,
			   struct err *e)
{
	for (size_t i = 0; i < maps->n; i++) {
		const struct oci_id_map *m = &maps->v[i];

		if (m->size == 0)
			return err_say(e, -EINVAL, "mounts[%zu].%s[%zu].size: must not be 0", mount,
				       name, i);
		/* The last id of all stands for "none". */
		if ((uint64_t)m->container_id + m->size > UINT32_MAX ||
		    (uint64_t)m->host_id + m->size > UINT32_MAX)
			return err_say(e, -EINVAL, "mounts[%zu].%s[%zu]: goes beyond the last id",
				       mount, name, i);
	}
	return 0;
}

static int check_mounts(const struct oci_spec *spec, struct err *e)
{
	for (size_t i = 0; i < spec->mounts.n; i++) {
		const struct oci_mount *m = &spec->mounts.v[i];
		int r;

		if (!m->destination[0])
			return err_say(e, -EINVAL, "mounts[%zu].destination: must not be empty", i);
		if (!m->uid_mappings.n != !m->gid_mappings.n)
			return err_say(e, -EINVAL,
				       "mounts[%zu]: uidMappings and gidMappings go together, but "
				       "only one is given for \"%.256s\"",
				       i, m->destination);
		r = check_map_sizes(&m->uid_mappings, i, "uidMappings", e);
		if (r == 0)
			r = check_map_sizes(&m->gid_mappings, i, "gidMappings", e);
		if (r < 0)
			return r;
	}
	return 0;
}

static int check_hook_list(const struct oci_hook_list *list, const char *name, struct err *e)
{
	for (size_t i = 0; i < list->n; i++) {
		const struct oci_hook *h = &list->v[i];
		char where[64];
		int r;

		snprintf(where, sizeof(where), "hooks.%s[%zu].", name, i);
		if (h->path[0] != '/')
			return err_say(e, -EINVAL, "%spath: \"%.256s\" is not an absolute path",
				       where, h->path);
		if (h->timeout.is_set && h->timeout.value <= 0)
			return err_say(e, -EINVAL,
				       "%stimeout: %" PRId64 " is not greater than zero", where,
				       h->timeout.value);
		r = check_env(&h->env, where, e);
		if (r < 0)
			return r;
	}
	return 0;
}

static int check_hooks(const struct oci_hooks *h, struct err *e)
{
	const struct {
		const struct oci_hook_list *list;
		const char *name;
	} lists[] = {
		{&h->prestart, "prestart"},
		{&h->create_runtime, "createRuntime"},
		{&h->create_container, "createContainer"},
		{&h->start_container, "startContainer"},
		{&h->poststart, "poststart"},
		{&h->poststop, "poststop"},
	};

	_Static_assert(sizeof(*h) / sizeof(struct oci_hook_list) == ARRAY_LEN(lists),
		       "every kind of hook is checked");
	for (size_t i = 0; i < ARRAY_LEN(lists); i++) {
		int r = check_hook_list(lists[i].list, lists[i].name, e);

		if (r < 0)
			return r;
	}
	return 0;
}

static int check_seccomp(const struct oci_seccomp *s, struct err *e)
{
	if (s->listener_metadata && s->listener_metadata[0] &&
	    !(s->listener_path && s->listener_path[0]))
		return err_say(e, -EINVAL,
			       "linux.seccomp.listenerMetadata: needs listenerPath, the socket to "
			       "send it to");
	for (size_t i = 0; i < s->syscalls.n; i++)
		if (s->syscalls.v[i].names.n == 0)
			return err_say(e, -EINVAL,
				       "linux.seccomp.syscalls[%zu].names: must not be empty", i);
	return 0;
}

/* [1-9][0-9]*[KMG]B, as the kernel names its files. */
static bool is_page_size(const char *s)
{
	size_t n = strspn(s, "0123456789");

	return n && s[0] != '0' && s[n] && strchr("KMG", s[n]) && str_eq(s + n + 1, "B");
}

static int check_resources(const struct oci_resources *res, struct err *e)
{
	for (size_t i = 0; i < res->hugepage_limits.n; i++)
		if (!is_page_size(res->hugepage_limits.v[i].page_size))
			return err_say(e, -EINVAL,
				       "linux.resources.hugepageLimits[%zu].pageSize: \"%.64s\" is "
				       "no page size such as 2MB",
				       i, res->hugepage_limits.v[i].page_size);
	for (size_t i = 0; i < res->unified.n; i++) {
		const char *key = res->unified.v[i].key;

		/* Security: the key names a file in the group's directory and must stay there. */
		if (!key[0] || strchr(key, '/') || str_eq(key, ".") || str_eq(key, ".."))
			return err_say(
				e, -EINVAL,
				"linux.resources.unified: \"%.256s\" is not the name of a file",
				key);
	}
	return 0;
}

static int check_intel_rdt(const struct oci_intel_rdt *rdt, struct err *e)
{
	const char *id = rdt->clos_id;

	/* Security: closID names a directory below the root of resctrl; "/" is that root itself. */
	if (id && !str_eq(id, "/") &&
	    (!id[0] || strchr(id, '/') || str_eq(id, ".") || str_eq(id, "..")))
		return err_say(e, -EINVAL,
			       "linux.intelRdt.closID: \"%.256s\" is not the name of a directory",
			       id);
	if (rdt->mem_bw_schema &&
	    (!str_starts(rdt->mem_bw_schema, "MB:") || strchr(rdt->mem_bw_schema, '\n')))
		return err_say(e, -EINVAL,
			       "linux.intelRdt.memBwSchema: must be one line that begins with MB:");
	return 0;
}

static int check_propagation(const char *value, struct err *e)
{
	static const char *const known[] = {"",        "shared",     "slave",
					    "private", "unbindable", "rshared",
					    "rslave",  "rprivate",   "runbindable"};

	if (!value || str_index(value, known, ARRAY_LEN(known)) >= 0)
		return 0;
	return err_say(e, -EINVAL,
		       "linux.rootfsPropagation: \"%.64s\" is none of shared, slave, private, "
		       "unbindable",
		       value);
}

static int check_linux(const struct oci_linux *l, struct err *e)
{
	int r = check_propagation(l->rootfs_propagation, e);

	if (r == 0)
		r = check_seccomp(&l->seccomp, e);
	if (r == 0)
		r = check_resources(&l->resources, e);
	if (r == 0)
		r = check_intel_rdt(&l->intel_rdt, e);
	return r;
}

static int check_annotations(const struct oci_pairs *pairs, struct err *e)
{
	for (size_t i = 0; i < pairs->n; i++)
		if (!pairs->v[i].key[0])
			return err_say(e, -EINVAL, "annotations: a key must not be empty");
	return 0;
}

int oci_check_spec(const struct oci_spec *spec, struct err *e)
{
	int r = check_version(spec->oci_version, e);

	if (r == 0 && (!spec->root.path || !spec->root.path[0]))
		r = err_say(e, -EINVAL, "root.path: required, but missing");
	if (r == 0 && spec->process.is_set)
		r = oci_check_process(&spec->process, e);
	if (r == 0)
		r = check_mounts(spec, e);
	if (r == 0)
		r = check_hooks(&spec->hooks, e);
	if (r == 0)
		r = check_annotations(&spec->annotations, e);
	if (r == 0)
		r = check_linux(&spec->linux_, e);
	return r;
}
