/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzzes seccomp profiles of both formats, and compiles what comes out of them. */
#include <linux/audit.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/err.h"
#include "engine/container/spec_seccomp.h"
#include "security/seccomp.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	/* The bounding set: Docker's, and with CAP_SYS_ADMIN. */
	static const uint64_t caps[] = {0xa80425fb, 0xa82425fb};

	for (size_t i = 0; i < 2; i++) {
		struct arena a = {0};
		struct oci_seccomp s = {0};
		struct seccomp_program program = {0};
		struct err e = {0};
		int r = seccomp_read((const char *)data, n, "fuzz", caps[i], &a, &s, &e);

		if (r < 0 && !e.code)
			abort();
		if (r == 0)
			r = seccomp_compile(&s, AUDIT_ARCH_X86_64, &a, &program, &e);
		if (r == 0 && !program.n)
			abort();
		arena_free(&a);
	}
	return 0;
}
