/* SPDX-License-Identifier: Apache-2.0 */
/* Seccomp profiles in the format of Docker and Podman. */
#include <errno.h>
#include <string.h>
#include <sys/utsname.h>

#include "base/arena.h"
#include "base/auto.h"
#include "base/err.h"
#include "base/json.h"
#include "base/str.h"
#include "engine/container/spec_caps.h"
#include "engine/container/spec_seccomp.h"
#include "security/syscalls.h"

/*
 * Theory of operation
 *
 * The format is the specification's linux.seccomp with three additions: archMap, which names the
 * architectures that a machine also runs; name beside names; includes and excludes, which make a rule
 * depend on capabilities, the machine and the kernel's version. A rule that does not apply is left out, so
 * its calls get the default action. Podman has errno and defaultErrno with names in them.
 */

struct filter {
	struct str_slice caps, arches;
	const char *min_kernel;
};

struct rule {
	const char *name, *action, *errno_name;
	struct str_slice names;
	struct maybe_u64 errno_ret;
	SLICE(struct oci_seccomp_arg) args;
	struct filter includes, excludes;
};

struct arch_map {
	const char *architecture;
	struct str_slice others;
};

struct docker_profile {
	const char *default_action, *default_errno_name, *listener_path, *listener_metadata;
	struct maybe_u64 default_errno_ret;
	struct str_slice architectures, flags;
	SLICE(struct arch_map) arch_map;
	SLICE(struct rule) syscalls;
};

static const struct json_field filter_fields[] = {
	JSON_FIELD("caps", struct filter, caps, &json_strings_type, 0),
	JSON_FIELD("arches", struct filter, arches, &json_strings_type, 0),
	JSON_FIELD("minKernel", struct filter, min_kernel, &json_string_type, 0),
};
static const struct json_type filter_type = JSON_OBJECT(struct filter, filter_fields);

static const struct json_field arg_fields[] = {
	JSON_FIELD("index", struct oci_seccomp_arg, index, &json_u32_type, JSON_REQUIRED),
	JSON_FIELD("value", struct oci_seccomp_arg, value, &json_u64_type, 0),
	JSON_FIELD("valueTwo", struct oci_seccomp_arg, value_two, &json_u64_type, 0),
	JSON_FIELD("op", struct oci_seccomp_arg, op, &json_string_type, JSON_REQUIRED),
};
static const struct json_type arg_type = JSON_OBJECT(struct oci_seccomp_arg, arg_fields);
static const struct json_type args_type = JSON_LIST(&arg_type);

static const struct json_field rule_fields[] = {
	JSON_FIELD("name", struct rule, name, &json_string_type, 0),
	JSON_FIELD("names", struct rule, names, &json_strings_type, 0),
	JSON_FIELD("action", struct rule, action, &json_string_type, JSON_REQUIRED),
	JSON_FIELD("errnoRet", struct rule, errno_ret, &json_maybe_u32_type, 0),
	JSON_FIELD("errno", struct rule, errno_name, &json_string_type, 0),
	JSON_FIELD("args", struct rule, args, &args_type, 0),
	JSON_FIELD("includes", struct rule, includes, &filter_type, 0),
	JSON_FIELD("excludes", struct rule, excludes, &filter_type, 0),
};
static const struct json_type rule_type = JSON_OBJECT(struct rule, rule_fields);
static const struct json_type rules_type = JSON_LIST(&rule_type);

static const struct json_field map_fields[] = {
	JSON_FIELD("architecture", struct arch_map, architecture, &json_string_type, JSON_REQUIRED),
	JSON_FIELD("subArchitectures", struct arch_map, others, &json_strings_type, 0),
};
static const struct json_type map_type = JSON_OBJECT(struct arch_map, map_fields);
static const struct json_type maps_type = JSON_LIST(&map_type);

static const struct json_field profile_fields[] = {
	JSON_FIELD("defaultAction", struct docker_profile, default_action, &json_string_type,
		   JSON_REQUIRED),
	JSON_FIELD("defaultErrnoRet", struct docker_profile, default_errno_ret,
		   &json_maybe_u32_type, 0),
	JSON_FIELD("defaultErrno", struct docker_profile, default_errno_name, &json_string_type, 0),
	JSON_FIELD("listenerPath", struct docker_profile, listener_path, &json_string_type, 0),
	JSON_FIELD("listenerMetadata", struct docker_profile, listener_metadata, &json_string_type,
		   0),
	JSON_FIELD("architectures", struct docker_profile, architectures, &json_strings_type, 0),
	JSON_FIELD("flags", struct docker_profile, flags, &json_strings_type, 0),
	JSON_FIELD("archMap", struct docker_profile, arch_map, &maps_type, 0),
	JSON_FIELD("syscalls", struct docker_profile, syscalls, &rules_type, 0),
};
static const struct json_type profile_type = JSON_OBJECT(struct docker_profile, profile_fields);

/* ---- conditions of a rule ------------------------------------------------------------------------ */

/* "6.1" or "6.1.0-rc3" as 6 << 16 | 1; anything else is 0. */
static uint32_t kernel_version(const char *text)
{
	uint32_t major = 0, minor = 0;

	for (; *text >= '0' && *text <= '9' && major < 0xffff; text++)
		major = major * 10 + (uint32_t)(*text - '0');
	if (*text++ != '.')
		return 0;
	for (; *text >= '0' && *text <= '9' && minor < 0xffff; text++)
		minor = minor * 10 + (uint32_t)(*text - '0');
	return major << 16 | minor;
}

/* Is the running kernel at least that old? 1, 0 or -EINVAL. */
static int has_kernel(const char *text, const char *path, struct err *e)
{
	uint32_t wanted = kernel_version(text);
	struct utsname u;

	if (!wanted)
		return err_say(e, -EINVAL,
			       "seccomp profile %s: minKernel \"%s\" is no version such as \"4.8\"",
			       path, text);
	return uname(&u) == 0 && kernel_version(u.release) >= wanted;
}

static int rule_applies(const struct rule *rule, const char *path, uint64_t caps, struct err *e)
{
	const struct filter *in = &rule->includes, *ex = &rule->excludes;
	int r;

	for (size_t i = 0; i < in->caps.n; i++)
		if (caps_find(in->caps.v[i]) < 0 || !(caps & CAP_BIT(caps_find(in->caps.v[i]))))
			return 0;
	if (caps & caps_mask(&ex->caps))
		return 0;
	if ((in->arches.n && !strings_have(&in->arches, MACHINE_DOCKER)) ||
	    strings_have(&ex->arches, MACHINE_DOCKER))
		return 0;
	if (in->min_kernel && (r = has_kernel(in->min_kernel, path, e)) <= 0)
		return r;
	if (ex->min_kernel && (r = has_kernel(ex->min_kernel, path, e)) != 0)
		return r < 0 ? r : 0;
	return 1;
}

/* ---- the specification's form -------------------------------------------------------------------- */

/* The number wins: where both are given they say the same. */
static int take_errno(const char *name, const char *path, struct maybe_u64 *ret, struct err *e)
{
	int number;

	if (ret->is_set || !name || !*name)
		return 0;
	number = seccomp_errno(name);
	if (number < 0)
		return err_say(e, -EINVAL,
			       "seccomp profile %s: unknown errno %s: give errnoRet as a number",
			       path, name);
	*ret = (struct maybe_u64){true, (uint64_t)number};
	return 0;
}

static int take_rule(const struct rule *rule, const char *path, struct arena *a,
		     struct oci_seccomp *s, struct err *e)
{
	struct oci_seccomp_rule *place;
	struct oci_seccomp_rule to = {
		.names = rule->names, .action = rule->action, .errno_ret = rule->errno_ret};
	int r = take_errno(rule->errno_name, path, &to.errno_ret, e);

	if (r < 0)
		return r;
	if (rule->name && rule->names.n)
		return err_say(e, -EINVAL,
			       "seccomp profile %s: 'name' and 'names' were both specified: %s",
			       path, rule->name);
	if (!rule->name && !rule->names.n)
		return err_say(e, -EINVAL, "seccomp profile %s: a rule for %s names no call", path,
			       rule->action);
	if (rule->name)
		strings_add(&to.names, rule->name, a);
	to.args.v = rule->args.v;
	to.args.n = rule->args.n;
	place = &LIST_ADD(&s->syscalls, a);
	*place = to;
	return 0;
}

static int take_arches(const struct docker_profile *p, const char *path, struct arena *a,
		       struct oci_seccomp *s, struct err *e)
{
	const char *native = syscall_arch_by_audit(MACHINE_AUDIT)->oci_name;

	if (p->architectures.n && p->arch_map.n)
		return err_say(
			e, -EINVAL,
			"seccomp profile %s: use either 'architectures' or 'archMap', not both",
			path);
	s->architectures = p->architectures;
	for (size_t i = 0; i < p->arch_map.n; i++) {
		const struct arch_map *m = &p->arch_map.v[i];

		if (!str_eq(m->architecture, native))
			continue;
		strings_add(&s->architectures, native, a);
		for (size_t k = 0; k < m->others.n; k++)
			strings_add(&s->architectures, m->others.v[k], a);
		break;
	}
	return 0;
}

int seccomp_read_docker(const char *text, size_t n, const char *path, uint64_t caps,
			struct arena *a, struct oci_seccomp *ret, struct err *e)
{
	struct docker_profile p;
	struct oci_seccomp s = {.is_set = true};
	int r = json_decode(text, n, &profile_type, &p, a, path, e);

	if (r == 0)
		r = take_arches(&p, path, a, &s, e);
	if (r == 0)
		r = take_errno(p.default_errno_name, path, &p.default_errno_ret, e);
	for (size_t i = 0; r >= 0 && i < p.syscalls.n; i++) {
		r = rule_applies(&p.syscalls.v[i], path, caps, e);
		if (r > 0)
			r = take_rule(&p.syscalls.v[i], path, a, &s, e);
	}
	if (r < 0)
		return r;
	s.default_action = p.default_action;
	s.default_errno_ret = p.default_errno_ret;
	s.flags = p.flags;
	s.listener_path = p.listener_path;
	s.listener_metadata = p.listener_metadata;
	*ret = s;
	return 0;
}
