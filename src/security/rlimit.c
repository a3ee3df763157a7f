/* SPDX-License-Identifier: Apache-2.0 */
/* Resource limits of the process. */
#include <inttypes.h>
#include <sys/resource.h>

#include "base/auto.h"
#include "base/err.h"
#include "base/str.h"
#include "kernel/sys.h"
#include "security/security.h"

/* The numbers of the kernel (asm-generic/resource.h; MIPS, SPARC and Alpha take theirs from the same
 * macros). */
static const char *const names[] = {
	[RLIMIT_CPU] = "RLIMIT_CPU",           [RLIMIT_FSIZE] = "RLIMIT_FSIZE",
	[RLIMIT_DATA] = "RLIMIT_DATA",         [RLIMIT_STACK] = "RLIMIT_STACK",
	[RLIMIT_CORE] = "RLIMIT_CORE",         [RLIMIT_RSS] = "RLIMIT_RSS",
	[RLIMIT_NPROC] = "RLIMIT_NPROC",       [RLIMIT_NOFILE] = "RLIMIT_NOFILE",
	[RLIMIT_MEMLOCK] = "RLIMIT_MEMLOCK",   [RLIMIT_AS] = "RLIMIT_AS",
	[RLIMIT_LOCKS] = "RLIMIT_LOCKS",       [RLIMIT_SIGPENDING] = "RLIMIT_SIGPENDING",
	[RLIMIT_MSGQUEUE] = "RLIMIT_MSGQUEUE", [RLIMIT_NICE] = "RLIMIT_NICE",
	[RLIMIT_RTPRIO] = "RLIMIT_RTPRIO",     [RLIMIT_RTTIME] = "RLIMIT_RTTIME",
};
_Static_assert(ARRAY_LEN(names) == 16, "a name for each limit (RLIM_NLIMITS)");

/* struct rlimit64 of prlimit(2). */
struct limit {
	uint64_t soft, hard;
};

int rlimits_check(const struct oci_process *p, struct err *e)
{
	uint32_t seen = 0;

	for (size_t i = 0; i < p->rlimits.n; i++) {
		const struct oci_rlimit *l = &p->rlimits.v[i];
		int number = l->type ? str_index(l->type, names, ARRAY_LEN(names)) : -1;

		/* runc's words. */
		if (number < 0)
			return err_say(e, -EINVAL, "wrong rlimit value: %.80s",
				       l->type ? l->type : "without a type");
		if (seen & 1u << number)
			return err_say(e, -EINVAL, "rlimit %s is given twice", l->type);
		if (l->soft > l->hard)
			return err_say(e, -EINVAL,
				       "rlimit %s: soft limit %" PRIu64
				       " is above hard limit %" PRIu64,
				       l->type, l->soft, l->hard);
		seen |= 1u << number;
	}
	return 0;
}

static int set_one(const struct oci_rlimit *l, int number, struct err *e)
{
	const struct limit want = {l->soft, l->hard};
	struct limit old = {0, 0};
	int r = sys_return(syscall(SYS_prlimit64, 0, number, &want, NULL));

	if (r != -EPERM)
		return r < 0 ? err_sys(e, r, "rlimit %s: soft %" PRIu64 ", hard %" PRIu64, l->type,
				       l->soft, l->hard)
			     : 0;
	syscall(SYS_prlimit64, 0, number, NULL, &old);
	if (l->hard > old.hard)
		return err_say(e, r,
			       "rlimit %s: hard limit %" PRIu64 " -> %" PRIu64
			       ": operation not permitted; raising a hard limit needs "
			       "CAP_SYS_RESOURCE",
			       l->type, old.hard, l->hard);
	return err_say(e, r,
		       "rlimit %s: %" PRIu64 ": operation not permitted; is it above fs.nr_open?",
		       l->type, l->hard);
}

int rlimits_apply(const struct oci_process *p, struct err *e)
{
	int r = rlimits_check(p, e);

	for (size_t i = 0; r >= 0 && i < p->rlimits.n; i++) {
		const struct oci_rlimit *l = &p->rlimits.v[i];

		r = set_one(l, str_index(l->type, names, ARRAY_LEN(names)), e);
	}
	return r;
}
