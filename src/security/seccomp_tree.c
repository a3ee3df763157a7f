/* SPDX-License-Identifier: Apache-2.0 */
/* From the answers of each call to classic BPF: per architecture a tree of ranges of numbers. */

/*
 * Theory of operation
 *
 * Classic BPF jumps only forwards, and a conditional jump reaches at most 255 instructions. So the
 * program is written backwards, from the end of a buffer: when a jump is written, both of its
 * targets are known. A target is a distance from the end. An answer (BPF_RET) that is out of reach
 * is written again, which is as short as a jump to it; any other target that is out of reach gets a
 * BPF_JA.
 *
 * Of each architecture the numbers are cut into ranges with the same answer; a balanced tree of
 * "number >= start" finds the range. Calls with conditions are ranges of one number, whose leaf is
 * the chain of checks. The accumulator holds the number until a leaf loads an argument.
 */
#include "security/seccomp_tree.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/seccomp.h>
#include <string.h>

#include "base/arena.h"
#include "base/err.h"

#define REACH 255
#define ANSWERS_MAX 64
#define X32_BIT 0x40000000

/* A position is the number of instructions from it to the end, so it is never 0. */
struct emitter {
	struct sock_filter *end; /* one after the last instruction */
	size_t n;
	bool is_full;
	struct {
		uint32_t answer;
		size_t pos;
	} answers[ANSWERS_MAX];
	size_t n_answers;
};

/* The numbers from `start` up to the next range have the same outcome. */
struct range {
	uint32_t start;
	uint32_t answer;
	const struct seccomp_call *checks; /* or NULL: answer */
};

static size_t emit(struct emitter *m, uint16_t code, uint8_t jt, uint8_t jf, uint32_t k)
{
	if (m->n == BPF_MAXINSNS) {
		m->is_full = true;
		return m->n;
	}
	m->n++;
	m->end[-(ptrdiff_t)m->n] = (struct sock_filter){code, jt, jf, k};
	return m->n;
}

static size_t emit_answer(struct emitter *m, uint32_t answer)
{
	size_t i;

	for (i = 0; i < m->n_answers; i++)
		if (m->answers[i].answer == answer)
			break;
	/* Two more instructions may come between the answer and the jump to it. */
	if (i < m->n_answers && m->n - m->answers[i].pos < REACH - 2)
		return m->answers[i].pos;
	if (i == m->n_answers && i < ANSWERS_MAX)
		m->n_answers++;
	if (i == ANSWERS_MAX)
		i = ANSWERS_MAX - 1;
	m->answers[i].answer = answer;
	m->answers[i].pos = emit(m, BPF_RET | BPF_K, 0, 0, answer);
	return m->answers[i].pos;
}

/* The target, or a stand-in within the reach of the jump `slack` instructions further on. */
static size_t emit_near(struct emitter *m, size_t target, size_t slack)
{
	const struct sock_filter *f = &m->end[-(ptrdiff_t)target];

	if (m->n - target + slack <= REACH)
		return target;
	if (f->code == (BPF_RET | BPF_K))
		return emit(m, f->code, 0, 0, f->k);
	return emit(m, BPF_JMP | BPF_JA, 0, 0, (uint32_t)(m->n - target));
}

static size_t emit_jump(struct emitter *m, uint16_t op, uint32_t k, size_t yes, size_t no)
{
	if (yes == no)
		return yes;
	yes = emit_near(m, yes, 1);
	no = emit_near(m, no, 0);
	return emit(m, BPF_JMP | BPF_K | op, (uint8_t)(m->n - yes), (uint8_t)(m->n - no), k);
}

/* Loads need what they fall through to right behind them. */
static size_t emit_load(struct emitter *m, size_t offset, size_t next)
{
	if (next != m->n)
		emit(m, BPF_JMP | BPF_JA, 0, 0, (uint32_t)(m->n - next));
	return emit(m, BPF_LD | BPF_W | BPF_ABS, 0, 0, (uint32_t)offset);
}

static size_t arg_offset(const struct syscall_arch *arch, unsigned index, bool is_high)
{
	return offsetof(struct seccomp_data, args) + index * sizeof(uint64_t) +
	       (is_high != arch->is_big_endian ? sizeof(uint32_t) : 0);
}

/* (word & mask) == datum on one half of the argument */
static size_t emit_masked(struct emitter *m, size_t offset, uint32_t mask, uint32_t datum,
			  size_t yes, size_t no)
{
	size_t p;

	if (!mask)
		return yes;
	p = emit_jump(m, BPF_JEQ, datum, yes, no);
	if (mask != UINT32_MAX)
		p = emit(m, BPF_ALU | BPF_AND | BPF_K, 0, 0, mask);
	return emit_load(m, offset, p);
}

/* argument > datum, or >= */
static size_t emit_greater(struct emitter *m, const struct syscall_arch *arch,
			   const struct seccomp_cond *c, uint16_t op, size_t yes, size_t no)
{
	uint32_t high = (uint32_t)(c->datum >> 32), low = (uint32_t)c->datum;
	size_t p = emit_jump(m, op, low, yes, no);

	p = emit_load(m, arg_offset(arch, c->index, false), p);
	if (!arch->is_64)
		return p;
	p = emit_jump(m, BPF_JEQ, high, p, no);
	p = emit_jump(m, BPF_JGT, high, yes, p);
	return emit_load(m, arg_offset(arch, c->index, true), p);
}

static size_t emit_equal(struct emitter *m, const struct syscall_arch *arch,
			 const struct seccomp_cond *c, size_t yes, size_t no)
{
	/* The library that other runtimes use masks the datum as well. */
	uint64_t datum = c->datum & c->mask;
	size_t p = emit_masked(m, arg_offset(arch, c->index, false), (uint32_t)c->mask,
			       (uint32_t)datum, yes, no);

	if (!arch->is_64)
		return p;
	return emit_masked(m, arg_offset(arch, c->index, true), (uint32_t)(c->mask >> 32),
			   (uint32_t)(datum >> 32), p, no);
}

static size_t emit_cond(struct emitter *m, const struct syscall_arch *arch,
			const struct seccomp_cond *c, size_t yes, size_t no)
{
	if (yes == no)
		return yes;
	switch (c->op) {
	case SECCOMP_OP_NE:
		return emit_equal(m, arch, c, no, yes);
	case SECCOMP_OP_LT:
		return emit_greater(m, arch, c, BPF_JGE, no, yes);
	case SECCOMP_OP_LE:
		return emit_greater(m, arch, c, BPF_JGT, no, yes);
	case SECCOMP_OP_GE:
		return emit_greater(m, arch, c, BPF_JGE, yes, no);
	case SECCOMP_OP_GT:
		return emit_greater(m, arch, c, BPF_JGT, yes, no);
	default:
		return emit_equal(m, arch, c, yes, no);
	}
}

/* Written from the last check to the first; the recursion is as deep as the list is long. */
static size_t emit_checks(struct emitter *m, const struct syscall_arch *arch,
			  const struct seccomp_check *check, uint32_t default_answer)
{
	size_t yes, no;

	if (!check || m->is_full)
		return emit_answer(m, default_answer);
	no = emit_checks(m, arch, check->next, default_answer);
	if (check->is_mux && !arch->mux)
		return no;
	yes = emit_answer(m, check->answer);
	for (size_t i = check->n; i-- > 0;)
		yes = emit_cond(m, arch, &check->conds[i], yes, no);
	return yes;
}

static size_t emit_ranges(struct emitter *m, const struct syscall_arch *arch,
			  const struct seccomp_tree *t, const struct range *r, size_t n)
{
	size_t half = n / 2, above, below;

	if (n == 1)
		return r->checks ? emit_checks(m, arch, r->checks->first, t->default_answer)
				 : emit_answer(m, r->answer);
	above = emit_ranges(m, arch, t, r + half, n - half);
	below = emit_ranges(m, arch, t, r, half);
	return emit_jump(m, BPF_JGE, r[half].start, above, below);
}

static bool has_checks(const struct seccomp_call *call, const struct syscall_arch *arch)
{
	for (const struct seccomp_check *c = call->first; c; c = c->next)
		if (!c->is_mux || arch->mux)
			return true;
	return false;
}

/* Cuts the numbers of one architecture into ranges; at most SYSCALL_LIMIT + 3. */
static size_t find_ranges(const struct seccomp_tree *t, const struct syscall_arch *arch,
			  struct range *ret)
{
	const struct seccomp_call *by_number[SYSCALL_LIMIT] = {NULL};
	struct range last = {.answer = t->default_answer};
	size_t n = 0;
	uint32_t next = 0;

	for (size_t i = 0; i < syscall_name_count; i++) {
		const struct seccomp_call *call = &t->calls[i];
		unsigned nr;

		if (!call->has_answer && !call->first)
			continue;
		nr = syscall_relative(arch, i);
		/* A number with two names takes the first unconditional rule of either. */
		if (nr < SYSCALL_LIMIT && (!by_number[nr] || !by_number[nr]->has_answer))
			by_number[nr] = call;
	}
	ret[n++] = last;
	for (unsigned v = 0; v < SYSCALL_LIMIT; v++) {
		const struct seccomp_call *call = by_number[v];
		struct range r = {.start = syscall_absolute(arch, v), .answer = t->default_answer};

		if (!call && v >= SYSCALL_PRIVATE && !ret[n - 1].checks &&
		    ret[n - 1].answer == t->default_answer)
			continue;
		if (call && call->has_answer)
			r.answer = call->answer;
		else if (call && has_checks(call, arch))
			r.checks = call;
		/* Order: the private numbers do not follow the others. */
		if (v == SYSCALL_PRIVATE && r.start != next)
			ret[n++] = (struct range){.start = next, .answer = t->default_answer};
		next = r.start + 1;
		if (!r.checks && !ret[n - 1].checks && ret[n - 1].answer == r.answer)
			continue;
		if (ret[n - 1].start == r.start)
			n--;
		ret[n++] = r;
	}
	if (ret[n - 1].checks || ret[n - 1].answer != t->default_answer)
		ret[n++] = (struct range){.start = next, .answer = t->default_answer};
	return n;
}

/* All architectures with one audit number: x86_64 and x32, which differ in a bit of the number. */
static size_t emit_audit(struct emitter *m, const struct seccomp_tree *t, uint32_t audit,
			 struct range *ranges)
{
	size_t below = 0, above = 0, p;

	for (size_t i = 0; i < t->n_arches; i++) {
		const struct syscall_arch *arch = t->arches[i];
		size_t n;

		if (arch->audit != audit)
			continue;
		n = find_ranges(t, arch, ranges);
		p = emit_ranges(m, arch, t, ranges, n);
		if (arch->base == X32_BIT)
			above = p;
		else
			below = p;
	}
	if (audit == AUDIT_ARCH_X86_64) {
		if (!below)
			below = emit_answer(m, SECCOMP_RET_KILL_THREAD);
		if (!above) {
			/* -1 is the number of a call that a tracer has skipped: not one of x32. */
			above = emit_answer(m, SECCOMP_RET_KILL_THREAD);
			p = emit_answer(m, t->default_answer);
			above = emit_jump(m, BPF_JEQ, UINT32_MAX, p, above);
		}
		below = emit_jump(m, BPF_JGE, X32_BIT, above, below);
	}
	return emit_load(m, offsetof(struct seccomp_data, nr), below);
}

int seccomp_tree_emit(const struct seccomp_tree *t, struct arena *a, struct sock_filter **ret,
		      size_t *ret_n, struct err *e)
{
	struct sock_filter buffer[BPF_MAXINSNS];
	struct emitter m = {.end = buffer + BPF_MAXINSNS};
	struct range *ranges = arena_array(a, SYSCALL_LIMIT + 3, sizeof(*ranges));
	size_t next = emit_answer(&m, SECCOMP_RET_KILL_THREAD);

	for (size_t i = t->n_arches; i-- > 0;) {
		size_t seen = 0, p;

		if (t->arches[i]->column < 0)
			continue;
		while (seen < i && t->arches[seen]->audit != t->arches[i]->audit)
			seen++;
		if (seen < i)
			continue;
		p = emit_audit(&m, t, t->arches[i]->audit, ranges);
		next = emit_jump(&m, BPF_JEQ, t->arches[i]->audit, p, next);
	}
	emit_load(&m, offsetof(struct seccomp_data, arch), next);
	if (m.is_full)
		return err_say(e, -E2BIG,
			       "linux.seccomp: the program is longer than the %d instructions that "
			       "the kernel takes; use fewer argument conditions or architectures",
			       BPF_MAXINSNS);
	*ret = arena_array(a, m.n, sizeof(**ret));
	memcpy(*ret, m.end - m.n, m.n * sizeof(**ret));
	*ret_n = m.n;
	return 0;
}
