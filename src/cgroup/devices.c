/* SPDX-License-Identifier: Apache-2.0 */
/* Which devices a container may use: allow and deny files on v1, an eBPF program on v2. */
#include "cgroup/devices.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/auto.h"
#include "base/err.h"
#include "base/json.h"
#include "base/str.h"
#include "kernel/bpf.h"

/*
 * Theory of operation
 *
 * A group denies everything first, then the specification's rules follow in their order, then the
 * devices that every container has: as runc does it, and what the callers expect. A rule with the
 * type "a" and nothing narrower makes all before it void. v1 keeps a list of exceptions from one
 * default, changed by writes to devices.allow and devices.deny (cgroup-v1/devices.rst). v2 asks a
 * program at each open and mknod: it walks the rules from the last to the first, and each access
 * bit is decided by the first rule that it meets there.
 */

enum { ANY = -1 };

struct always {
	char type;
	int major, minor;
	const char *access;
};

/* runc 1.1: the default devices, mknod of any device, ptys, and tun for VPN programs. */
static const struct always allowed_always[] = {
	{'c', ANY, ANY, "m"},   {'b', ANY, ANY, "m"}, {'c', 1, 3, "rwm"}, /* null */
	{'c', 1, 5, "rwm"},                                               /* zero */
	{'c', 1, 7, "rwm"},                                               /* full */
	{'c', 1, 8, "rwm"},                                               /* random */
	{'c', 1, 9, "rwm"},                                               /* urandom */
	{'c', 5, 0, "rwm"},                                               /* tty */
	{'c', 5, 2, "rwm"},                                               /* ptmx */
	{'c', 136, ANY, "rwm"},                                           /* pts */
	{'c', 10, 200, "rwm"},                                            /* net/tun */
};

static unsigned access_bits(const char *access)
{
	unsigned bits = 0;

	for (; *access; access++)
		bits |= *access == 'r'   ? BPF_DEVCG_ACC_READ
			: *access == 'w' ? BPF_DEVCG_ACC_WRITE
			: *access == 'm' ? BPF_DEVCG_ACC_MKNOD
					 : 8;
	return bits;
}

enum { ACCESS_ALL = BPF_DEVCG_ACC_READ | BPF_DEVCG_ACC_WRITE | BPF_DEVCG_ACC_MKNOD };

static int64_t number_of(const struct maybe_i64 *m)
{
	return m->is_set && m->value >= 0 ? m->value : ANY;
}

static char type_of(const struct oci_device_rule *r)
{
	char t = r->type && *r->type ? r->type[0] : 'a';

	return t == 'u' ? 'c' : t;
}

static bool is_everything(const struct oci_device_rule *r)
{
	return type_of(r) == 'a' && number_of(&r->major) == ANY && number_of(&r->minor) == ANY &&
	       access_bits(r->access) == ACCESS_ALL;
}

static bool is_same(const struct oci_device_rule *a, const struct oci_device_rule *b)
{
	return a->allow == b->allow && type_of(a) == type_of(b) &&
	       number_of(&a->major) == number_of(&b->major) &&
	       number_of(&a->minor) == number_of(&b->minor) &&
	       access_bits(a->access) == access_bits(b->access);
}

static int check_rule(const struct oci_device_rule *r, size_t i, struct err *e)
{
	static const char *const types[] = {"a", "b", "c", "u"};

	if (r->type && *r->type && str_index(r->type, types, ARRAY_LEN(types)) < 0)
		return err_say(e, -EINVAL,
			       "linux.resources.devices[%zu].type: \"%s\" is not one of"
			       " a, b, c",
			       i, r->type);
	if (!r->access || !*r->access)
		return err_say(e, -EINVAL, "linux.resources.devices[%zu].access: must not be empty",
			       i);
	if (access_bits(r->access) > ACCESS_ALL)
		return err_say(e, -EINVAL,
			       "linux.resources.devices[%zu].access: \"%s\" is not made"
			       " of r, w, m",
			       i, r->access);
	if ((r->major.is_set && r->major.value > INT32_MAX) ||
	    (r->minor.is_set && r->minor.value > INT32_MAX))
		return err_say(e, -ERANGE,
			       "linux.resources.devices[%zu]: no device has a number"
			       " that large",
			       i);
	return 0;
}

/* A repeated allow changes nothing unless something was denied in between. */
static bool is_repeated(const struct oci_device_rule *v, size_t n, const struct oci_device_rule *r)
{
	if (!r->allow)
		return false;
	while (n-- > 0 && v[n].allow)
		if (is_same(&v[n], r) || is_everything(&v[n]))
			return true;
	return false;
}

static void add_rule(struct oci_device_rule *v, size_t *n, struct oci_device_rule r)
{
	static const char *const both[] = {"c", "b"};

	if (is_everything(&r)) {
		*n = 0;
		v[(*n)++] = r;
		return;
	}
	if (type_of(&r) != 'a') {
		if (!is_repeated(v, *n, &r))
			v[(*n)++] = r;
		return;
	}
	/* "a" with a number or fewer accesses: v1 would ignore what narrows it. */
	for (size_t i = 0; i < ARRAY_LEN(both); i++) {
		r.type = both[i];
		if (!is_repeated(v, *n, &r))
			v[(*n)++] = r;
	}
}

int devices_effective(const struct oci_resources *r, struct arena *a, struct oci_device_rule **ret,
		      size_t *ret_n, struct err *e)
{
	struct oci_device_rule *v =
		arena_array(a, 1 + 2 * r->devices.n + ARRAY_LEN(allowed_always), sizeof(*v));
	size_t n = 0;

	v[n++] = (struct oci_device_rule){.allow = false, .type = "a", .access = "rwm"};
	for (size_t i = 0; i < r->devices.n; i++) {
		int bad = check_rule(&r->devices.v[i], i, e);

		if (bad < 0)
			return bad;
		add_rule(v, &n, r->devices.v[i]);
	}
	for (size_t i = 0; i < ARRAY_LEN(allowed_always); i++) {
		const struct always *d = &allowed_always[i];

		add_rule(v, &n,
			 (struct oci_device_rule){
				 .allow = true,
				 .type = d->type == 'c' ? "c" : "b",
				 .major = {.is_set = true, .value = d->major},
				 .minor = {.is_set = true, .value = d->minor},
				 .access = d->access,
			 });
	}
	*ret = v;
	*ret_n = n;
	return 0;
}

/* "c 1:3 rwm", as v1 reads and shows it. */
static void print_rule(const struct oci_device_rule *r, char *buf, size_t size)
{
	int64_t major = number_of(&r->major), minor = number_of(&r->minor);
	char ma[16] = "*", mi[16] = "*";

	if (major != ANY)
		snprintf(ma, sizeof(ma), "%d", (int)major);
	if (minor != ANY)
		snprintf(mi, sizeof(mi), "%d", (int)minor);
	snprintf(buf, size, "%c %s:%s %s", type_of(r), ma, mi, r->access);
}

static void add_write(struct limits *l, bool is_allow, const char *text)
{
	limits_add(l, CG_DEVICES, "linux.resources.devices",
		   is_allow ? "devices.allow" : "devices.deny", "%s", text);
}

int devices_limits(struct limits *l, const struct oci_resources *r, struct oci_device_rule **ret,
		   size_t *ret_n)
{
	struct oci_device_rule *v;
	size_t n;
	int bad = devices_effective(r, l->arena, &v, &n, l->err);

	*ret_n = 0;
	if (bad < 0)
		return bad;
	/* A rootless caller may neither write devices.* nor load a program; its container cannot
	 * make device nodes either. And where everything is allowed there is nothing to set. */
	if (l->is_rootless || (n == 1 && v[0].allow))
		return 0;
	if (l->layout->mode == CGROUP_V2) {
		*ret = v;
		*ret_n = n;
		return 0;
	}
	if (l->layout->of[CG_DEVICES] < 0) {
		if (!r->devices.n)
			return 0;
		return limits_is_v2(l, CG_DEVICES, "linux.resources.devices");
	}
	for (size_t i = 0; i < n; i++) {
		char text[64];

		print_rule(&v[i], text, sizeof(text));
		add_write(l, v[i].allow, is_everything(&v[i]) ? "a" : text);
	}
	return 0;
}

/* ---- update on v1 ---------------------------------------------------------------------------- */

static bool has_line(const char *list, const char *line)
{
	size_t n = strlen(line);

	for (const char *p = list; (p = strstr(p, line)); p += n)
		if ((p == list || p[-1] == '\n') && (p[n] == '\n' || !p[n]))
			return true;
	return false;
}

/* devices.list writes the accesses in the order rwm whatever order they came in. */
static void print_sorted(const struct oci_device_rule *r, char *buf, size_t size)
{
	struct oci_device_rule sorted = *r;
	unsigned bits = access_bits(r->access);
	char access[4];
	size_t n = 0;

	if (bits & BPF_DEVCG_ACC_READ)
		access[n++] = 'r';
	if (bits & BPF_DEVCG_ACC_WRITE)
		access[n++] = 'w';
	if (bits & BPF_DEVCG_ACC_MKNOD)
		access[n++] = 'm';
	access[n] = '\0';
	sorted.access = access;
	print_rule(&sorted, buf, size);
}

int devices_update_v1(struct limits *l, const struct oci_resources *r)
{
	struct oci_device_rule *v;
	char now[8192], text[64], *wanted, *line, *save = NULL;
	size_t n, len = 0;
	bool is_plain = true;
	int bad = devices_effective(r, l->arena, &v, &n, l->err);

	if (bad >= 0)
		bad = limits_is_v2(l, CG_DEVICES, "linux.resources.devices");
	if (bad < 0)
		return bad;
	if (limits_read(l, CG_DEVICES, "devices.list", now, sizeof(now)) < 0)
		now[0] = '\0';
	for (size_t i = 1; i < n; i++)
		is_plain = is_plain && v[i].allow;
	/* Only "nothing but these" to "nothing but those" can go step by step. */
	if (v[0].allow || !is_plain || has_line(now, "a *:* rwm")) {
		for (size_t i = 0; i < n; i++) {
			print_rule(&v[i], text, sizeof(text));
			add_write(l, v[i].allow, is_everything(&v[i]) ? "a" : text);
		}
		return 0;
	}
	wanted = arena_alloc(l->arena, n * sizeof(text) + 1);
	for (size_t i = 1; i < n; i++) {
		print_sorted(&v[i], text, sizeof(text));
		len += (size_t)sprintf(wanted + len, "%s\n", text);
		if (!has_line(now, text))
			add_write(l, true, text);
	}
	/* Order: what is no longer wanted goes last; a denial of a part of what was just allowed
	 * (one device, other accesses) would take the new one with it, so such are allowed again.
	 */
	for (line = strtok_r(now, "\n", &save); line; line = strtok_r(NULL, "\n", &save))
		if (!has_line(wanted, line))
			add_write(l, false, line);
	for (line = strtok_r(wanted, "\n", &save); line; line = strtok_r(NULL, "\n", &save))
		add_write(l, true, line);
	return 0;
}

/* ---- the v2 program -------------------------------------------------------------------------- */

/*
 * r1: the context, r2: accesses still to be decided, r3: what a rule compares. Each rule loads
 * anew: a register that lives across rules makes the verifier follow all combinations of their
 * outcomes.
 */
enum { INSNS_A_RULE = 12, INSNS_AROUND = 8 };

struct code {
	struct bpf_insn *v;
	size_t n;
};

static void emit(struct code *c, unsigned op, unsigned dst, unsigned src, int off, int imm)
{
	c->v[c->n++] = (struct bpf_insn){
		.code = (uint8_t)op,
		.dst_reg = (uint8_t)(dst & 15),
		.src_reg = (uint8_t)(src & 15),
		.off = (int16_t)off,
		.imm = imm,
	};
}

static void emit_load(struct code *c, unsigned dst, size_t offset)
{
	emit(c, BPF_LDX | BPF_MEM | BPF_W, dst, BPF_REG_1, (int)offset, 0);
}

static void emit_answer(struct code *c, bool is_allowed)
{
	emit(c, BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_0, 0, 0, is_allowed);
	emit(c, BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
}

/* Emits one rule; jumps to the next one are filled in at its end. */
static void emit_rule(struct code *c, const struct oci_device_rule *r)
{
	int64_t major = number_of(&r->major), minor = number_of(&r->minor);
	unsigned access = access_bits(r->access);
	size_t jumps[5], n = 0;

#define EMIT_JUMP(...) (jumps[n++] = c->n, emit(c, __VA_ARGS__))
	if (type_of(r) != 'a') {
		emit_load(c, BPF_REG_3, offsetof(struct bpf_cgroup_dev_ctx, access_type));
		emit(c, BPF_ALU64 | BPF_AND | BPF_K, BPF_REG_3, 0, 0, 0xffff);
		EMIT_JUMP(BPF_JMP | BPF_JNE | BPF_K, BPF_REG_3, 0, 0,
			  type_of(r) == 'c' ? BPF_DEVCG_DEV_CHAR : BPF_DEVCG_DEV_BLOCK);
	}
	if (major != ANY) {
		emit_load(c, BPF_REG_3, offsetof(struct bpf_cgroup_dev_ctx, major));
		EMIT_JUMP(BPF_JMP | BPF_JNE | BPF_K, BPF_REG_3, 0, 0, (int)major);
	}
	if (minor != ANY) {
		emit_load(c, BPF_REG_3, offsetof(struct bpf_cgroup_dev_ctx, minor));
		EMIT_JUMP(BPF_JMP | BPF_JNE | BPF_K, BPF_REG_3, 0, 0, (int)minor);
	}
	if (access != ACCESS_ALL && r->allow) {
		emit(c, BPF_ALU64 | BPF_AND | BPF_K, BPF_REG_2, 0, 0, (int)(ACCESS_ALL & ~access));
		EMIT_JUMP(BPF_JMP | BPF_JNE | BPF_K, BPF_REG_2, 0, 0, 0);
	} else if (access != ACCESS_ALL) {
		emit(c, BPF_JMP | BPF_JSET | BPF_K, BPF_REG_2, 0, 1, (int)access);
		EMIT_JUMP(BPF_JMP | BPF_JA, 0, 0, 0, 0);
	}
	emit_answer(c, r->allow);
#undef EMIT_JUMP
	while (n-- > 0)
		c->v[jumps[n]].off = (int16_t)(c->n - jumps[n] - 1);
}

int devices_program(const struct oci_device_rule *v, size_t n, struct arena *a,
		    struct bpf_insn **ret, size_t *ret_n)
{
	struct code c = {.v = arena_array(a, n * INSNS_A_RULE + INSNS_AROUND, sizeof(*c.v))};

	emit_load(&c, BPF_REG_2, offsetof(struct bpf_cgroup_dev_ctx, access_type));
	emit(&c, BPF_ALU64 | BPF_RSH | BPF_K, BPF_REG_2, 0, 0, 16);
	while (n-- > 0) {
		emit_rule(&c, &v[n]);
		/* The verifier refuses code that nothing reaches. */
		if (is_everything(&v[n]))
			break;
	}
	if (n == (size_t)-1)
		emit_answer(&c, false);
	*ret = c.v;
	*ret_n = c.n;
	return 0;
}

/* Puts the program in the place of those that are there; returns 0 or -errno. */
static int put_program(int dir_fd, int prog_fd)
{
	uint32_t ids[64];
	int n = bpf_query_device(dir_fd, ids, ARRAY_LEN(ids)), r;

	if (n < 0)
		return n;
	if (n == 1) {
		auto_close int old_fd = bpf_open_id(ids[0]);

		if (old_fd >= 0 && bpf_attach_device(dir_fd, prog_fd, old_fd) == 0)
			return 0;
	}
	/* All attached programs must allow, so the new one beside the old ones never opens a gap.
	 */
	r = bpf_attach_device(dir_fd, prog_fd, -1);
	if (r < 0)
		return r;
	for (int i = 0; i < n && i < (int)ARRAY_LEN(ids); i++) {
		auto_close int old_fd = bpf_open_id(ids[i]);

		if (old_fd >= 0)
			(void)bpf_detach_device(dir_fd, old_fd);
	}
	return 0;
}

int devices_attach(int dir_fd, const struct oci_device_rule *v, size_t n, const char *path,
		   struct err *e)
{
	auto_arena struct arena a = {0};
	auto_close int prog_fd = -EBADF;
	struct bpf_insn *insns;
	char log[512];
	size_t count;
	int r;

	devices_program(v, n, &a, &insns, &count);
	prog_fd = bpf_load_device(insns, count, log, sizeof(log));
	if (prog_fd == -EPERM)
		return err_say(e, prog_fd,
			       "linux.resources.devices: loading the device program for"
			       " %s: operation not permitted (needs CAP_BPF and CAP_NET_ADMIN, or"
			       " CAP_SYS_ADMIN, in the first user namespace)",
			       path);
	if (prog_fd < 0)
		return err_sys(e, prog_fd,
			       "linux.resources.devices: loading the device program for"
			       " %s",
			       path);
	r = put_program(dir_fd, prog_fd);
	if (r < 0)
		return err_sys(e, r, "linux.resources.devices: attaching the device program to %s",
			       path);
	return 0;
}

void devices_print_rules(const struct oci_device_rule *v, size_t n, struct json_writer *w)
{
	json_key(w, "devices");
	json_begin_array(w);
	for (size_t i = 0; i < n; i++) {
		char text[64], line[80];

		print_rule(&v[i], text, sizeof(text));
		snprintf(line, sizeof(line), "%s %s", v[i].allow ? "allow" : "deny", text);
		json_string(w, line);
	}
	json_end_array(w);
}
