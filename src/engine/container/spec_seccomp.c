/* SPDX-License-Identifier: Apache-2.0 */
/* The seccomp profile of a container: share/seccomp.json for the capabilities that it has. */
#include "engine/container/spec_seccomp.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/auto.h"
#include "base/err.h"
#include "base/json.h"
#include "base/str.h"
#include "engine/container/spec_caps.h"
#include "security/seccomp.h"
#include "security/syscalls.h"

/*
 * Theory of operation
 *
 * docs/seccomp-profile.md describes the format. Groups are tried in their order; of a call the first
 * group that applies decides. A call that groups name but none that applies answers gets the profile's
 * "refused", one that no group names gets "unknown", which becomes the default action: so do all calls
 * which are newer than the profile.
 *
 * Groups without arguments end in one large rule an answer. A call that any group looks into the
 * arguments of gets a rule a condition instead, in the order of the groups, and the answer without
 * conditions (of a later group, or "refused") becomes a condition that always holds: a rule without any
 * would go over all the others.
 *
 * Security: the kernel takes only the lower half of an int, so a condition that refuses must mask the
 * upper one away, or a caller goes around it with a bit that nobody sees. One that allows need not.
 */

enum { ANSWERS = 8, ARGUMENT_LAST = 5, ARCHES = 8 };

struct group {
	const char *name, *answer;
	struct str_slice with, without, on, not_on, arguments, calls;
};

struct machine {
	const char *name;
	struct str_slice others;
};

struct profile {
	struct maybe_u64 version;
	const char *default_action; /* of the foreign format */
	const char *unknown, *refused;
	SLICE(struct machine) machines;
	SLICE(struct group) groups;
};

static const struct json_field group_fields[] = {
	JSON_FIELD("name", struct group, name, &json_string_type, JSON_REQUIRED),
	JSON_FIELD("with", struct group, with, &json_strings_type, 0),
	JSON_FIELD("without", struct group, without, &json_strings_type, 0),
	JSON_FIELD("on", struct group, on, &json_strings_type, 0),
	JSON_FIELD("not_on", struct group, not_on, &json_strings_type, 0),
	JSON_FIELD("answer", struct group, answer, &json_string_type, 0),
	JSON_FIELD("arguments", struct group, arguments, &json_strings_type, 0),
	JSON_FIELD("calls", struct group, calls, &json_strings_type, JSON_REQUIRED),
};
static const struct json_type group_type = JSON_OBJECT(struct group, group_fields);
static const struct json_type groups_type = JSON_LIST(&group_type);
static const struct json_type machines_type =
	JSON_PAIRS(struct machine, name, others, &json_strings_type);
static const struct json_field profile_fields[] = {
	JSON_FIELD("berth_seccomp", struct profile, version, &json_maybe_u64_type, 0),
	JSON_FIELD("defaultAction", struct profile, default_action, &json_string_type, 0),
	JSON_FIELD("unknown", struct profile, unknown, &json_string_type, 0),
	JSON_FIELD("refused", struct profile, refused, &json_string_type, 0),
	JSON_FIELD("machines", struct profile, machines, &machines_type, 0),
	JSON_FIELD("groups", struct profile, groups, &groups_type, 0),
};
static const struct json_type profile_type = JSON_OBJECT(struct profile, profile_fields);

/* What is known of a call. */
enum { CALL_NAMED = 1, CALL_ANSWERED = 2, CALL_HAS_ARGUMENTS = 4 };

struct call {
	uint8_t flags, answer; /* answer: index of reader.answers */
};

struct answer {
	const char *word, *action;
	struct maybe_u64 errno_ret;
	size_t n; /* calls that get it */
	struct str_slice names;
};

struct reader {
	const struct profile *profile;
	const char *path;
	uint64_t caps;
	struct arena *a;
	struct call *calls; /* syscall_name_count of them */
	struct answer answers[ANSWERS];
	size_t n_answers;
	const struct syscall_arch *arches[ARCHES];
	size_t n_arches;
	struct oci_seccomp s;
	struct err *err;
};

int seccomp_errno(const char *name)
{
	static const struct {
		const char *name;
		int number;
	} table[] = {
		{"EPERM", EPERM},   {"ENOENT", ENOENT}, {"EACCES", EACCES},
		{"EINVAL", EINVAL}, {"ENOSYS", ENOSYS}, {"ENOTSUP", ENOTSUP},
		{"EAGAIN", EAGAIN}, {"ENOMEM", ENOMEM}, {"EAFNOSUPPORT", EAFNOSUPPORT},
		{"EBUSY", EBUSY},   {"ENODEV", ENODEV}, {"EPROTONOSUPPORT", EPROTONOSUPPORT},
	};

	for (size_t i = 0; i < ARRAY_LEN(table); i++)
		if (str_eq(table[i].name, name))
			return table[i].number;
	return -EINVAL;
}

static int reader_answer(struct reader *d, const char *word)
{
	static const char *const plain[][2] = {
		{"allow", "SCMP_ACT_ALLOW"},
		{"log", "SCMP_ACT_LOG"},
		{"trap", "SCMP_ACT_TRAP"},
		{"kill", "SCMP_ACT_KILL_PROCESS"},
	};
	struct answer new = {.word = word, .action = "SCMP_ACT_ERRNO"};
	int number = seccomp_errno(word);

	for (size_t i = 0; i < d->n_answers; i++)
		if (str_eq(d->answers[i].word, word))
			return (int)i;
	for (size_t i = 0; i < ARRAY_LEN(plain); i++)
		if (str_eq(plain[i][0], word))
			new.action = plain[i][1];
	if (number > 0)
		new.errno_ret = (struct maybe_u64){true, (uint64_t)number};
	else if (str_eq(new.action, "SCMP_ACT_ERRNO"))
		return err_say(
			d->err, -EINVAL,
			"seccomp profile %s: unknown answer %s: want allow, log, trap, kill or "
			"an errno such as EPERM",
			d->path, word);
	if (d->n_answers == ANSWERS)
		return err_say(d->err, -E2BIG, "seccomp profile %s: more than %d different answers",
			       d->path, ANSWERS);
	d->answers[d->n_answers] = new;
	return (int)d->n_answers++;
}

/* ---- does a group apply? ------------------------------------------------------------------------- */

static int caps_of(struct reader *d, const struct str_slice *names, uint64_t *ret)
{
	for (size_t i = 0; i < names->n; i++) {
		int cap = caps_find(names->v[i]);

		if (cap < 0)
			return err_say(d->err, -EINVAL, "seccomp profile %s: unknown capability %s",
				       d->path, names->v[i]);
		*ret |= CAP_BIT(cap);
	}
	return 0;
}

/* Returns 1, 0 or -EINVAL. */
static int group_applies(struct reader *d, const struct group *g)
{
	uint64_t with = 0, without = 0;
	int r = caps_of(d, &g->with, &with);

	if (r == 0)
		r = caps_of(d, &g->without, &without);
	if (r < 0)
		return r;
	if ((g->with.n && !(d->caps & with)) || d->caps & without)
		return 0;
	if (g->on.n && !strings_have(&g->on, MACHINE_NAME))
		return 0;
	return !strings_have(&g->not_on, MACHINE_NAME);
}

/* ---- arguments ----------------------------------------------------------------------------------- */

static bool read_number(const char **text, uint64_t *ret)
{
	char *end;

	while (**text == ' ')
		++*text;
	if (**text < '0' || **text > '9')
		return false;
	errno = 0;
	*ret = strtoull(*text, &end, 0);
	*text = end;
	return errno == 0;
}

/* "INDEX OP VALUE" or "INDEX & MASK == VALUE" */
static int read_argument(struct reader *d, const char *text, struct oci_seccomp_arg *ret)
{
	static const char *const ops[][2] = {
		{"==", "SCMP_CMP_EQ"}, {"!=", "SCMP_CMP_NE"}, {"<=", "SCMP_CMP_LE"},
		{">=", "SCMP_CMP_GE"}, {"<", "SCMP_CMP_LT"},  {">", "SCMP_CMP_GT"},
	};
	const char *rest = text;
	struct oci_seccomp_arg arg = {0};
	uint64_t index, mask = 0;
	bool is_good = read_number(&rest, &index) && index <= ARGUMENT_LAST, has_mask = false;

	while (*rest == ' ')
		rest++;
	if (is_good && *rest == '&') {
		rest++;
		has_mask = true;
		is_good = read_number(&rest, &mask);
	}
	while (*rest == ' ')
		rest++;
	for (size_t i = 0; is_good && !arg.op && i < ARRAY_LEN(ops); i++) {
		if (!str_starts(rest, ops[i][0]))
			continue;
		arg.op = ops[i][1];
		rest += strlen(ops[i][0]);
	}
	if (!is_good || !arg.op || !read_number(&rest, &arg.value) || *rest ||
	    (has_mask && !str_eq(arg.op, "SCMP_CMP_EQ")))
		return err_say(d->err, -EINVAL,
			       "seccomp profile %s: condition \"%s\": want \"INDEX OP VALUE\" or "
			       "\"INDEX & MASK == VALUE\"",
			       d->path, text);
	arg.index = (uint32_t)index;
	if (has_mask) {
		arg.op = "SCMP_CMP_MASKED_EQ";
		arg.value_two = arg.value;
		arg.value = mask;
	}
	*ret = arg;
	return 0;
}

static void add_rule(struct reader *d, const char *name, const struct answer *answer,
		     struct oci_seccomp_arg *arg)
{
	struct oci_seccomp_rule *rule = &LIST_ADD(&d->s.syscalls, d->a);

	rule->action = answer->action;
	rule->errno_ret = answer->errno_ret;
	rule->args.v = arg;
	rule->args.n = 1;
	strings_add(&rule->names, name, d->a);
}

/* Holds for every call; on the last argument, since some runtimes sort conditions by argument. */
static void add_final_rule(struct reader *d, const char *name, const struct answer *answer)
{
	static struct oci_seccomp_arg always = {.index = ARGUMENT_LAST, .op = "SCMP_CMP_GE"};

	add_rule(d, name, answer, &always);
}

/* ---- groups -------------------------------------------------------------------------------------- */

static int mark_arguments(struct reader *d, const struct group *g)
{
	int r = g->arguments.n ? group_applies(d, g) : 0;

	for (size_t i = 0; r > 0 && i < g->calls.n; i++) {
		int index = syscall_name_index(g->calls.v[i]);

		if (index >= 0)
			d->calls[index].flags |= CALL_HAS_ARGUMENTS;
	}
	return r;
}

static int add_conditions(struct reader *d, const struct group *g, const char *name,
			  const struct answer *answer)
{
	struct oci_seccomp_arg *args = arena_array(d->a, g->arguments.n, sizeof(*args));

	for (size_t i = 0; i < g->arguments.n; i++) {
		int r = read_argument(d, g->arguments.v[i], &args[i]);

		if (r < 0)
			return r;
		add_rule(d, name, answer, &args[i]);
	}
	return 0;
}

static int add_group(struct reader *d, const struct group *g)
{
	int applies = group_applies(d, g), r = 0,
	    answer = reader_answer(d, g->answer ? g->answer : "allow");

	if (applies < 0 || answer < 0)
		return applies < 0 ? applies : answer;
	for (size_t i = 0; r == 0 && i < g->calls.n; i++) {
		int index = syscall_name_index(g->calls.v[i]);
		struct call *call;

		/* A name of another library's or kernel's time: it has no number here. */
		if (index < 0)
			continue;
		call = &d->calls[index];
		call->flags |= CALL_NAMED;
		if (!applies || call->flags & CALL_ANSWERED)
			continue;
		if (g->arguments.n) {
			r = add_conditions(d, g, g->calls.v[i], &d->answers[answer]);
			continue;
		}
		call->flags |= CALL_ANSWERED;
		call->answer = (uint8_t)answer;
	}
	return r;
}

/* ---- the whole ----------------------------------------------------------------------------------- */

static int add_arch(struct reader *d, const char *name)
{
	char oci[40] = "SCMP_ARCH_";
	size_t n = strlen(oci);

	for (; *name && n < sizeof(oci) - 1; name++)
		oci[n++] = (char)(*name >= 'a' && *name <= 'z' ? *name - 'a' + 'A' : *name);
	oci[n] = '\0';
	if (d->n_arches == ARCHES || !syscall_arch_by_name(oci))
		return err_say(d->err, -EINVAL, "seccomp profile %s: unknown architecture %s",
			       d->path, oci + strlen("SCMP_ARCH_"));
	d->arches[d->n_arches] = syscall_arch_by_name(oci);
	strings_add(&d->s.architectures, d->arches[d->n_arches++]->oci_name, d->a);
	return 0;
}

static int add_arches(struct reader *d)
{
	int r = add_arch(d, MACHINE_NAME);

	for (size_t i = 0; r == 0 && i < d->profile->machines.n; i++) {
		const struct machine *m = &d->profile->machines.v[i];

		for (size_t k = 0; r == 0 && str_eq(m->name, MACHINE_NAME) && k < m->others.n; k++)
			r = add_arch(d, m->others.v[k]);
	}
	return r;
}

/* The calls of other machines would only make config.json longer. */
static bool is_call_here(const struct reader *d, size_t index)
{
	for (size_t i = 0; i < d->n_arches; i++)
		if (syscall_relative(d->arches[i], index) != SYSCALL_NONE)
			return true;
	return false;
}

/* One rule for each answer, with the names in it; the default needs none. */
static void add_answers(struct reader *d, size_t refused, size_t unknown)
{
	const char **names = arena_array(d->a, syscall_name_count * d->n_answers, sizeof(*names));

	for (size_t i = 0; i < syscall_name_count; i++) {
		struct call *call = &d->calls[i];
		size_t k = call->flags & CALL_ANSWERED ? call->answer : refused;

		if (!(call->flags & CALL_NAMED) || !is_call_here(d, i))
			continue;
		if (call->flags & CALL_HAS_ARGUMENTS)
			add_final_rule(d, syscall_name(i), &d->answers[k]);
		else if (k != unknown)
			names[k * syscall_name_count + d->answers[k].n++] = syscall_name(i);
	}
	for (size_t k = 0; k < d->n_answers; k++) {
		struct oci_seccomp_rule *rule;

		if (!d->answers[k].n)
			continue;
		rule = &LIST_ADD(&d->s.syscalls, d->a);
		rule->action = d->answers[k].action;
		rule->errno_ret = d->answers[k].errno_ret;
		rule->names.v = names + k * syscall_name_count;
		rule->names.n = d->answers[k].n;
	}
}

static int read_ours(struct reader *d)
{
	const struct profile *profile = d->profile;
	int refused = reader_answer(d, profile->refused ? profile->refused : "EPERM"), unknown = -1,
	    r = add_arches(d);

	if (profile->version.value != 1)
		return err_say(d->err, -EINVAL,
			       "seccomp profile %s: is of version %llu, this program knows 1",
			       d->path, (unsigned long long)profile->version.value);
	d->calls = arena_array(d->a, syscall_name_count, sizeof(*d->calls));
	if (r == 0 && refused >= 0)
		unknown = reader_answer(d, profile->unknown ? profile->unknown : "ENOSYS");
	if (r < 0 || refused < 0 || unknown < 0)
		return -EINVAL;
	for (size_t i = 0; r >= 0 && i < profile->groups.n; i++)
		r = mark_arguments(d, &profile->groups.v[i]);
	for (size_t i = 0; r >= 0 && i < profile->groups.n; i++)
		r = add_group(d, &profile->groups.v[i]);
	if (r < 0)
		return r;
	add_answers(d, (size_t)refused, (size_t)unknown);
	d->s.is_set = true;
	d->s.default_action = d->answers[unknown].action;
	d->s.default_errno_ret = d->answers[unknown].errno_ret;
	return 0;
}

/* A person's own profile: what is wrong with it shall be said now, not at the start. */
static int check_own(const struct oci_seccomp *s, const char *path, struct err *e)
{
	auto_arena struct arena a = {0};
	struct seccomp_program program;

	return seccomp_compile(s, MACHINE_AUDIT, &a, &program, e) < 0
		       ? err_within(e, "--security-opt seccomp=%s", path)
		       : 0;
}

int seccomp_read(const char *text, size_t n, const char *path, uint64_t caps, struct arena *a,
		 struct oci_seccomp *ret, struct err *e)
{
	struct profile profile = {0};
	struct reader d = {.profile = &profile, .path = path, .caps = caps, .a = a, .err = e};
	int r = json_decode(text, n, &profile_type, &profile, a, path, e);

	if (r < 0)
		return r;
	if (!profile.version.is_set && profile.default_action)
		return seccomp_read_docker(text, n, path, caps, a, ret, e);
	if (!profile.version.is_set)
		return err_say(e, -EINVAL,
			       "seccomp profile %s: is none: want \"berth_seccomp\", or "
			       "\"defaultAction\" as Docker has it",
			       path);
	r = read_ours(&d);
	if (r < 0)
		return r;
	*ret = d.s;
	return 0;
}

int seccomp_plan(struct spec_plan *p, const char *path, struct err *e)
{
	const char *file = path ? path : arena_printf(p->a, "%s/seccomp.json", p->g->share);
	struct oci_seccomp s = {0};
	char *text;
	size_t n;
	int r = read_text("seccomp profile", file, p->a, &text, &n, e);

	if (r == 0)
		r = seccomp_read(text, n, file, caps_mask(&p->s->process.capabilities.bounding),
				 p->a, &s, e);
	if (r == 0 && path)
		r = check_own(&s, path, e);
	if (r < 0)
		return r;
	p->s->linux_.seccomp = s;
	return 0;
}
