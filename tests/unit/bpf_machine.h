/* SPDX-License-Identifier: Apache-2.0 */
/* A classic BPF machine for the instructions that seccomp programs have. */
#ifndef BERTH_TESTS_BPF_MACHINE_H
#define BERTH_TESTS_BPF_MACHINE_H

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* The answer to one call, or SECCOMP_RET_KILL_PROCESS | 0xffff for a broken program. */
static inline uint32_t bpf_machine_run(const struct sock_filter *f, size_t n,
				       const struct seccomp_data *d)
{
	uint32_t acc = 0;

	for (size_t pc = 0; pc < n; pc++) {
		const struct sock_filter *i = &f[pc];

		switch (i->code) {
		case BPF_LD | BPF_W | BPF_ABS:
			if (i->k + 4 > sizeof(*d))
				return SECCOMP_RET_KILL_PROCESS | 0xffff;
			memcpy(&acc, (const char *)d + i->k, 4);
			break;
		case BPF_ALU | BPF_AND | BPF_K:
			acc &= i->k;
			break;
		case BPF_JMP | BPF_JA:
			pc += i->k;
			break;
		case BPF_JMP | BPF_JEQ | BPF_K:
			pc += acc == i->k ? i->jt : i->jf;
			break;
		case BPF_JMP | BPF_JGT | BPF_K:
			pc += acc > i->k ? i->jt : i->jf;
			break;
		case BPF_JMP | BPF_JGE | BPF_K:
			pc += acc >= i->k ? i->jt : i->jf;
			break;
		case BPF_RET | BPF_K:
			return i->k;
		default:
			return SECCOMP_RET_KILL_PROCESS | 0xffff;
		}
	}
	return SECCOMP_RET_KILL_PROCESS | 0xffff;
}

#endif
