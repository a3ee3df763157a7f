/* SPDX-License-Identifier: Apache-2.0 */
/* What a program shall answer, call by call, and its translation to BPF (within security/). */
#ifndef BERTH_SECURITY_SECCOMP_TREE_H
#define BERTH_SECURITY_SECCOMP_TREE_H

#include <linux/filter.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "security/syscalls.h"

struct arena;
struct err;

#define SECCOMP_ARCH_MAX 24

enum seccomp_op {
	SECCOMP_OP_NE,
	SECCOMP_OP_LT,
	SECCOMP_OP_LE,
	SECCOMP_OP_EQ,
	SECCOMP_OP_GE,
	SECCOMP_OP_GT,
	SECCOMP_OP_MASKED_EQ,
	SECCOMP_OP_COUNT,
};

/* argument OP datum, or (argument & mask) == datum. */
struct seccomp_cond {
	unsigned index;
	enum seccomp_op op;
	uint64_t mask, datum;
};

/* The conditions that must all hold for an answer. */
struct seccomp_check {
	struct seccomp_check *next;
	struct seccomp_cond *conds;
	size_t n;
	uint32_t answer; /* SECCOMP_RET_* | data */
	bool is_mux;     /* only where the architecture has the multiplexing call */
};

/* One system call name: an answer, or checks in the order of the profile. */
struct seccomp_call {
	struct seccomp_check *first, *last;
	uint32_t answer;
	bool has_answer;
};

struct seccomp_tree {
	const struct syscall_arch *arches[SECCOMP_ARCH_MAX]; /* the native one first */
	size_t n_arches;
	uint32_t default_answer;
	struct seccomp_call *calls; /* syscall_name_count of them */
};

/* Writes the program. Returns 0, or -E2BIG where the kernel's limit of instructions is not enough. */
int seccomp_tree_emit(const struct seccomp_tree *t, struct arena *a, struct sock_filter **ret,
		      size_t *ret_n, struct err *e);

#endif
