/* SPDX-License-Identifier: Apache-2.0 */
/* cgroup/devices: the eBPF program decides as a plain walk over the rules does. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/err.h"
#include "cgroup/devices.h"
#include "kernel/bpf.h"

/* ---- a small eBPF interpreter: what the generator emits, and nothing else ----------------------
 */

static uint64_t run(const struct bpf_insn *v, size_t n, const struct bpf_cgroup_dev_ctx *ctx)
{
	uint64_t reg[11] = {0};
	size_t steps = 0;

	reg[1] = (uint64_t)(uintptr_t)ctx;
	for (size_t pc = 0; pc < n; pc++) {
		const struct bpf_insn *i = &v[pc];
		uint64_t *dst = &reg[i->dst_reg], imm = (uint64_t)(int64_t)i->imm;
		uint32_t word;

		assert_true(++steps < 100000);
		switch (i->code) {
		case BPF_LDX | BPF_MEM | BPF_W:
			assert_int_equal(i->src_reg, 1);
			memcpy(&word, (const char *)ctx + i->off, sizeof(word));
			*dst = word;
			break;
		case BPF_ALU64 | BPF_MOV | BPF_X:
			*dst = reg[i->src_reg];
			break;
		case BPF_ALU64 | BPF_MOV | BPF_K:
			*dst = imm;
			break;
		case BPF_ALU64 | BPF_AND | BPF_K:
			*dst &= imm;
			break;
		case BPF_ALU64 | BPF_RSH | BPF_K:
			*dst >>= imm;
			break;
		case BPF_JMP | BPF_JNE | BPF_K:
			pc += *dst != imm ? (size_t)i->off : 0;
			break;
		case BPF_JMP | BPF_JSET | BPF_K:
			pc += *dst & imm ? (size_t)i->off : 0;
			break;
		case BPF_JMP | BPF_JA:
			pc += (size_t)i->off;
			break;
		case BPF_JMP | BPF_EXIT:
			return reg[0];
		default:
			fail_msg("unknown instruction 0x%x", i->code);
		}
	}
	fail_msg("the program ends without exit");
	return 0;
}

/* Each instruction can be reached: the verifier refuses others. */
static void assert_reachable(const struct bpf_insn *v, size_t n)
{
	char *is_reached = calloc(n + 1, 1);

	is_reached[0] = 1;
	for (size_t pc = 0; pc < n; pc++) {
		int class = BPF_CLASS(v[pc].code), op = BPF_OP(v[pc].code);

		assert_true(is_reached[pc]);
		if (class != BPF_JMP) {
			is_reached[pc + 1] = 1;
		} else if (op != BPF_EXIT) {
			assert_true(v[pc].off >= 0 && pc + 1 + (size_t)v[pc].off < n);
			is_reached[pc + 1 + (size_t)v[pc].off] = 1;
			if (op != BPF_JA)
				is_reached[pc + 1] = 1;
		}
	}
	assert_false(is_reached[n]);
	free(is_reached);
}

/* ---- the plain walk ---------------------------------------------------------------------------
 */

static int matches(const struct oci_device_rule *r, char type, int major, int minor)
{
	if (r->type && *r->type && *r->type != 'a' && (*r->type == 'u' ? 'c' : *r->type) != type)
		return 0;
	return (!r->major.is_set || r->major.value < 0 || r->major.value == major) &&
	       (!r->minor.is_set || r->minor.value < 0 || r->minor.value == minor);
}

static int walk(const struct oci_device_rule *v, size_t n, char type, int major, int minor,
		const char *access)
{
	for (; *access; access++) {
		int is_allowed = 0;

		for (size_t i = 0; i < n; i++)
			if (matches(&v[i], type, major, minor) && strchr(v[i].access, *access))
				is_allowed = v[i].allow;
		if (!is_allowed)
			return 0;
	}
	return 1;
}

static uint32_t access_type(char type, const char *access)
{
	uint32_t bits = 0;

	for (; *access; access++)
		bits |= *access == 'r'   ? BPF_DEVCG_ACC_READ
			: *access == 'w' ? BPF_DEVCG_ACC_WRITE
					 : BPF_DEVCG_ACC_MKNOD;
	return bits << 16 | (type == 'c' ? BPF_DEVCG_DEV_CHAR : BPF_DEVCG_DEV_BLOCK);
}

static const char *const accesses[] = {"r", "w", "m", "rw", "rm", "wm", "rwm"};

static void compare(struct arena *a, const struct oci_device_rule *program_rules, size_t n_program,
		    const struct oci_device_rule *rules, size_t n)
{
	struct bpf_insn *v;
	size_t count;

	assert_int_equal(devices_program(program_rules, n_program, a, &v, &count), 0);
	assert_reachable(v, count);
	for (int major = 0; major < 12; major++)
		for (int minor = 0; minor < 12; minor++)
			for (int t = 0; t < 2; t++)
				for (size_t k = 0; k < 7; k++) {
					char type = t ? 'b' : 'c';
					struct bpf_cgroup_dev_ctx ctx = {
						.access_type = access_type(type, accesses[k]),
						.major = (uint32_t)major,
						.minor = (uint32_t)minor,
					};

					assert_int_equal(
						run(v, count, &ctx),
						walk(rules, n, type, major, minor, accesses[k]));
				}
}

static struct oci_device_rule random_rule(unsigned *seed)
{
	static const char *const types[] = {"a", "b", "c", "c", "u", NULL};
	struct oci_device_rule r = {
		.allow = rand_r(seed) % 3 != 0,
		.type = types[rand_r(seed) % 6],
		.access = accesses[rand_r(seed) % 7],
	};

	if (rand_r(seed) % 3)
		r.major = (struct maybe_i64){true, rand_r(seed) % 6 - 1};
	if (rand_r(seed) % 3)
		r.minor = (struct maybe_i64){true, rand_r(seed) % 6 - 1};
	return r;
}

static void test_program(void **state)
{
	unsigned seed = 7;

	(void)state;
	for (int round = 0; round < 300; round++) {
		struct arena a = {0};
		struct oci_device_rule v[12];
		size_t n = (size_t)rand_r(&seed) % 12;

		for (size_t i = 0; i < n; i++)
			v[i] = random_rule(&seed);
		compare(&a, v, n, v, n);
		arena_free(&a);
	}
}

/* Leaving out void and repeated rules changes no answer. */
static void test_effective(void **state)
{
	static const struct {
		const char *type;
		int major, minor;
		const char *access;
	} always[] = {
		{"c", -1, -1, "m"}, {"b", -1, -1, "m"}, {"c", 1, 3, "rwm"},
		{"c", 1, 5, "rwm"}, {"c", 1, 7, "rwm"}, {"c", 1, 8, "rwm"},
		{"c", 1, 9, "rwm"}, {"c", 5, 0, "rwm"}, {"c", 5, 2, "rwm"},
	};
	unsigned seed = 11;

	(void)state;
	for (int round = 0; round < 300; round++) {
		struct arena a = {0};
		struct oci_device_rule v[24] = {{.allow = false, .access = "rwm"}}, *effective;
		size_t n = 1 + (size_t)rand_r(&seed) % 12, count;
		struct oci_resources r = {.devices = {.v = v + 1, .n = n - 1}};

		for (size_t i = 1; i < n; i++)
			v[i] = random_rule(&seed);
		assert_int_equal(devices_effective(&r, &a, &effective, &count, NULL), 0);
		for (size_t i = 0; i < sizeof(always) / sizeof(always[0]); i++)
			v[n++] = (struct oci_device_rule){
				.allow = true,
				.type = always[i].type,
				.major = {true, always[i].major},
				.minor = {true, always[i].minor},
				.access = always[i].access,
			};
		compare(&a, effective, count, v, n);
		arena_free(&a);
	}
}

static void test_everything_allowed(void **state)
{
	struct oci_device_rule all = {.allow = true, .access = "rwm"}, *v;
	struct oci_resources r = {.devices = {.v = &all, .n = 1}};
	struct arena a = {0};
	size_t n;

	(void)state;
	assert_int_equal(devices_effective(&r, &a, &v, &n, NULL), 0);
	assert_int_equal(n, 1);
	assert_true(v[0].allow);
	arena_free(&a);
}

static void test_bad_rules(void **state)
{
	static const struct {
		struct oci_device_rule rule;
		const char *text;
	} cases[] = {
		{{.type = "p", .access = "r"},
		 "linux.resources.devices[0].type: \"p\" is not one of a, b, c"},
		{{.type = "c", .access = "x"},
		 "linux.resources.devices[0].access: \"x\" is not made of r, w, m"},
		{{.type = "c", .access = ""},
		 "linux.resources.devices[0].access: must not be empty"},
		{{.type = "c"}, "linux.resources.devices[0].access: must not be empty"},
		{{.type = "c", .access = "r", .major = {true, 1LL << 40}},
		 "linux.resources.devices[0]: no device has a number that large"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct oci_device_rule rule = cases[i].rule, *v;
		struct oci_resources r = {.devices = {.v = &rule, .n = 1}};
		struct arena a = {0};
		struct err e = {0};
		size_t n;

		assert_true(devices_effective(&r, &a, &v, &n, &e) < 0);
		assert_string_equal(e.text, cases[i].text);
		arena_free(&a);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_program),
		cmocka_unit_test(test_effective),
		cmocka_unit_test(test_everything_allowed),
		cmocka_unit_test(test_bad_rules),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
