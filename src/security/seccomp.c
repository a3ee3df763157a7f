/* SPDX-License-Identifier: Apache-2.0 */
/* seccomp: from the rules of config.json to the answers of each call. */

/*
 * Theory of operation
 *
 * The meaning of a profile is the one that runc and crun give it through libseccomp, the oracle of
 * the tests:
 *
 * - A rule whose action is the default action says nothing and is skipped.
 * - Of a call with a rule without conditions only the first such rule counts, wherever it stands.
 * - Otherwise rules are tried in the order of the profile; the conditions of one rule must all hold.
 *   (libseccomp sorts conditions by argument. Where two rules with different actions hold for the
 *   same call, its answer depends on that; ours is the first rule. It also refuses some unions of
 *   comparisons on one argument and, in 2.5.4, loses 64-bit "less" beside another condition; both
 *   work here.) The same conditions with another action are an error.
 * - A rule that names an argument twice counts as a rule for each of its conditions: libseccomp
 *   cannot join two conditions on one argument.
 * - Where calls go through socketcall(2) or ipc(2), the rule also holds there with the number of the
 *   call as the first argument, in place of the rule's condition on it.
 * - Architectures for which the tables have no numbers are taken, but have no rules: a call from
 *   there is killed, as from any architecture that is not in the list.
 */
#include "security/seccomp.h"

#include <errno.h>
#include <linux/seccomp.h>

#include "base/arena.h"
#include "base/auto.h"
#include "base/err.h"
#include "base/str.h"
#include "security/seccomp_tree.h"

#define ERRNO_MAX 4095 /* the kernel's MAX_ERRNO */
#define ARGS_MAX 6

#ifndef SECCOMP_FILTER_FLAG_TSYNC_ESRCH
#define SECCOMP_FILTER_FLAG_TSYNC_ESRCH (1UL << 4)
#endif
#ifndef SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV
#define SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV (1UL << 5)
#endif

static const struct {
	const char *name;
	uint32_t answer;
	bool has_errno;
} actions[] = {
	{"SCMP_ACT_ALLOW", SECCOMP_RET_ALLOW, false},
	{"SCMP_ACT_ERRNO", SECCOMP_RET_ERRNO, true},
	{"SCMP_ACT_KILL", SECCOMP_RET_KILL_THREAD, false},
	{"SCMP_ACT_KILL_THREAD", SECCOMP_RET_KILL_THREAD, false},
	{"SCMP_ACT_KILL_PROCESS", SECCOMP_RET_KILL_PROCESS, false},
	{"SCMP_ACT_TRAP", SECCOMP_RET_TRAP, false},
	{"SCMP_ACT_TRACE", SECCOMP_RET_TRACE, true},
	{"SCMP_ACT_LOG", SECCOMP_RET_LOG, false},
	{"SCMP_ACT_NOTIFY", SECCOMP_RET_USER_NOTIF, false},
};

static const char *const operators[] = {
	[SECCOMP_OP_NE] = "SCMP_CMP_NE",
	[SECCOMP_OP_LT] = "SCMP_CMP_LT",
	[SECCOMP_OP_LE] = "SCMP_CMP_LE",
	[SECCOMP_OP_EQ] = "SCMP_CMP_EQ",
	[SECCOMP_OP_GE] = "SCMP_CMP_GE",
	[SECCOMP_OP_GT] = "SCMP_CMP_GT",
	[SECCOMP_OP_MASKED_EQ] = "SCMP_CMP_MASKED_EQ",
};

_Static_assert(ARRAY_LEN(operators) == SECCOMP_OP_COUNT, "a name for each operator");

static const struct {
	const char *name;
	unsigned flag;
} flags[] = {
	{"SECCOMP_FILTER_FLAG_TSYNC", SECCOMP_FILTER_FLAG_TSYNC},
	{"SECCOMP_FILTER_FLAG_LOG", SECCOMP_FILTER_FLAG_LOG},
	{"SECCOMP_FILTER_FLAG_SPEC_ALLOW", SECCOMP_FILTER_FLAG_SPEC_ALLOW},
	{"SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV", SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV},
};

struct compiler {
	struct seccomp_tree tree;
	struct arena *arena;
	struct err *err;
	size_t n_checks;
	bool has_notify;
};

static int action_parse(const char *name, struct maybe_u64 errno_ret, uint32_t *ret, struct err *e)
{
	uint64_t code = errno_ret.is_set ? errno_ret.value : EPERM;

	for (size_t i = 0; i < ARRAY_LEN(actions); i++) {
		if (!str_eq(actions[i].name, name))
			continue;
		if (!actions[i].has_errno) {
			if (errno_ret.is_set)
				return err_say(e, -EINVAL,
					       "linux.seccomp: action %s takes no errno", name);
			*ret = actions[i].answer;
			return 0;
		}
		if (code > (actions[i].answer == SECCOMP_RET_ERRNO ? ERRNO_MAX : SECCOMP_RET_DATA))
			return err_say(e, -EINVAL, "linux.seccomp: errno %llu of %s is too large",
				       (unsigned long long)code, name);
		*ret = actions[i].answer | (uint32_t)code;
		return 0;
	}
	return err_say(e, -EINVAL, "linux.seccomp: unknown action %s", name ? name : "\"\"");
}

static int flags_parse(const struct oci_seccomp *s, bool has_notify, unsigned *ret, struct err *e)
{
	unsigned all = 0;
	size_t k;

	/* As runc: without a word about flags the mitigation that slows every process is not wanted
	 * (it is the default of kernels before 5.16). */
	if (!s->flags.v)
		all = SECCOMP_FILTER_FLAG_SPEC_ALLOW;
	for (size_t i = 0; s->flags.v && i < s->flags.n; i++) {
		for (k = 0; k < ARRAY_LEN(flags) && !str_eq(flags[k].name, s->flags.v[i]); k++)
			;
		if (k == ARRAY_LEN(flags))
			return err_say(e, -EINVAL, "linux.seccomp: unknown flag %s", s->flags.v[i]);
		all |= flags[k].flag;
	}
	if (has_notify) {
		all |= SECCOMP_FILTER_FLAG_NEW_LISTENER;
		/* The kernel must not answer with a thread where a descriptor is due. */
		if (all & SECCOMP_FILTER_FLAG_TSYNC)
			all |= SECCOMP_FILTER_FLAG_TSYNC_ESRCH;
	} else {
		/* The kernel refuses it without a listener. */
		all &= ~(unsigned)SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV;
	}
	*ret = all;
	return 0;
}

static int arches_parse(struct compiler *c, const struct str_slice *names, unsigned native)
{
	struct seccomp_tree *t = &c->tree;
	const struct syscall_arch *arch = syscall_arch_by_audit(native);

	if (!arch || arch->column < 0)
		return err_say(c->err, -ENOTSUP,
			       "linux.seccomp: no system call table for this machine (0x%x)",
			       native);
	t->arches[t->n_arches++] = arch;
	for (size_t i = 0; i < names->n; i++) {
		size_t k = 0;

		arch = syscall_arch_by_name(names->v[i]);
		if (!arch)
			return err_say(c->err, -EINVAL, "linux.seccomp: unknown architecture %s",
				       names->v[i]);
		while (k < t->n_arches && t->arches[k] != arch)
			k++;
		if (k == t->n_arches)
			t->arches[t->n_arches++] = arch;
	}
	return 0;
}

static int cond_parse(const struct oci_seccomp_arg *arg, struct seccomp_cond *ret, struct err *e)
{
	int op = str_index(arg->op, operators, ARRAY_LEN(operators));

	if (op < 0)
		return err_say(e, -EINVAL, "linux.seccomp: unknown operator %s",
			       arg->op ? arg->op : "\"\"");
	if (arg->index >= ARGS_MAX)
		return err_say(e, -EINVAL, "linux.seccomp: argument index %u is above 5",
			       arg->index);
	*ret = (struct seccomp_cond){
		.index = arg->index,
		.op = (enum seccomp_op)op,
		.mask = op == SECCOMP_OP_MASKED_EQ ? arg->value : UINT64_MAX,
		.datum = op == SECCOMP_OP_MASKED_EQ ? arg->value_two : arg->value,
	};
	return 0;
}

static bool has_cond(const struct seccomp_check *check, const struct seccomp_cond *c)
{
	for (size_t i = 0; i < check->n; i++) {
		const struct seccomp_cond *o = &check->conds[i];

		if (o->index == c->index && o->op == c->op && o->mask == c->mask &&
		    (o->datum & o->mask) == (c->datum & c->mask))
			return true;
	}
	return false;
}

static bool same_conds(const struct seccomp_check *a, const struct seccomp_check *b)
{
	if (a->n != b->n)
		return false;
	for (size_t i = 0; i < a->n; i++)
		if (!has_cond(b, &a->conds[i]))
			return false;
	return true;
}

static int check_add(struct compiler *c, size_t name, const struct seccomp_check *check)
{
	struct seccomp_call *call = &c->tree.calls[name];
	struct seccomp_check *copy;

	if (call->has_answer)
		return 0;
	if (c->n_checks++ == BPF_MAXINSNS)
		return err_say(c->err, -E2BIG, "linux.seccomp: too many argument conditions");
	/* Rules that came through a multiplexer share conditions without being the same call. */
	for (const struct seccomp_check *o = call->first; o && !check->is_mux; o = o->next) {
		if (!same_conds(o, check))
			continue;
		if (o->answer == check->answer)
			return 0;
		return err_say(c->err, -EEXIST,
			       "linux.seccomp: two rules for %s with the same conditions and "
			       "different actions",
			       syscall_name(name));
	}
	copy = ARENA_NEW(c->arena, struct seccomp_check);
	*copy = *check;
	if (call->last)
		call->last->next = copy;
	else
		call->first = copy;
	call->last = copy;
	return 0;
}

/* The rule on socketcall or ipc that stands for the one on a call. */
static int mux_add(struct compiler *c, size_t name, const struct seccomp_check *check)
{
	struct syscall_mux mux;
	struct seccomp_check over = {.answer = check->answer, .is_mux = true};

	if (!syscall_find_mux(name, &mux))
		return 0;
	over.conds = arena_array(c->arena, check->n + 1, sizeof(*over.conds));
	over.conds[over.n++] =
		(struct seccomp_cond){.op = SECCOMP_OP_EQ, .mask = UINT64_MAX, .datum = mux.call};
	for (size_t i = 0; i < check->n; i++)
		if (check->conds[i].index != 0)
			over.conds[over.n++] = check->conds[i];
	return check_add(c, syscall_mux_index(mux.is_ipc), &over);
}

static int call_add(struct compiler *c, size_t name, const struct seccomp_check *check)
{
	struct seccomp_call *call = &c->tree.calls[name];
	int r;

	if (check->n) {
		r = check_add(c, name, check);
		if (r < 0)
			return r;
	} else if (!call->has_answer) {
		*call = (struct seccomp_call){.answer = check->answer, .has_answer = true};
	}
	return mux_add(c, name, check);
}

/* Parses the conditions of a rule; *ret_split: one argument is named twice. */
static int conds_parse(struct compiler *c, const struct oci_seccomp_rule *rule,
		       struct seccomp_check *ret, bool *ret_split)
{
	bool is_seen[ARGS_MAX] = {false};

	ret->conds = arena_array(c->arena, rule->args.n, sizeof(*ret->conds));
	ret->n = rule->args.n;
	for (size_t i = 0; i < rule->args.n; i++) {
		int r = cond_parse(&rule->args.v[i], &ret->conds[i], c->err);

		if (r < 0)
			return r;
		if (is_seen[ret->conds[i].index])
			*ret_split = true;
		is_seen[ret->conds[i].index] = true;
	}
	return 0;
}

static int rule_add(struct compiler *c, const struct oci_seccomp_rule *rule)
{
	struct seccomp_check check = {0};
	bool is_split = false;
	int r = action_parse(rule->action, rule->errno_ret, &check.answer, c->err);

	if (r >= 0)
		r = conds_parse(c, rule, &check, &is_split);
	if (r < 0)
		return r;
	for (size_t i = 0; i < rule->names.n; i++) {
		const char *name = rule->names.v[i];
		int index = syscall_name_index(name);

		if (check.answer == SECCOMP_RET_USER_NOTIF) {
			if (str_eq(name, "write"))
				return err_say(c->err, -EINVAL,
					       "linux.seccomp: SCMP_ACT_NOTIFY cannot be used for "
					       "the write syscall");
			c->has_notify = true;
		}
		if (index < 0 || check.answer == c->tree.default_answer)
			continue;
		for (size_t k = 0; k < (is_split ? check.n : 1); k++) {
			struct seccomp_check one = check;

			if (is_split) {
				one.conds = &check.conds[k];
				one.n = 1;
			}
			r = call_add(c, (size_t)index, &one);
			if (r < 0)
				return r;
		}
	}
	return 0;
}

int seccomp_compile(const struct oci_seccomp *s, unsigned native_arch, struct arena *a,
		    struct seccomp_program *ret, struct err *e)
{
	struct compiler c = {.arena = a, .err = e};
	struct seccomp_program p = {0};
	int r;

	if (!s->is_set) {
		*ret = p;
		return 0;
	}
	r = action_parse(s->default_action, s->default_errno_ret, &c.tree.default_answer, e);
	if (r < 0)
		return r;
	if (c.tree.default_answer == SECCOMP_RET_USER_NOTIF)
		return err_say(e, -EINVAL,
			       "linux.seccomp: SCMP_ACT_NOTIFY cannot be used as default action");
	r = arches_parse(&c, &s->architectures, native_arch);
	if (r < 0)
		return r;
	c.tree.calls = arena_array(a, syscall_name_count, sizeof(*c.tree.calls));
	for (size_t i = 0; i < s->syscalls.n; i++) {
		r = rule_add(&c, &s->syscalls.v[i]);
		if (r < 0)
			return r;
	}
	p.has_notify = c.has_notify;
	r = flags_parse(s, c.has_notify, &p.flags, e);
	if (r < 0)
		return r;
	r = seccomp_tree_emit(&c.tree, a, &p.filter, &p.n, e);
	if (r < 0)
		return r;
	*ret = p;
	return 0;
}
