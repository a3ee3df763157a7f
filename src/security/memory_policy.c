/* SPDX-License-Identifier: Apache-2.0 */
/* The NUMA memory policy of the process. */
#include "base/auto.h"
#include "base/err.h"
#include "base/str.h"
#include "kernel/sys.h"
#include "security/number_list.h"
#include "security/security.h"

/* set_mempolicy(2), linux/mempolicy.h; the flags are the bits above these modes. */
static const char *const modes[] = {
	"MPOL_DEFAULT",
	"MPOL_PREFERRED",
	"MPOL_BIND",
	"MPOL_INTERLEAVE",
	"MPOL_LOCAL",
	"MPOL_PREFERRED_MANY",
	"MPOL_WEIGHTED_INTERLEAVE",
};
_Static_assert(ARRAY_LEN(modes) == 7, "a name for each mode (MPOL_MAX)");

#define FIRST_FLAG_BIT 13

static const char *const flag_names[] = {
	"MPOL_F_NUMA_BALANCING",
	"MPOL_F_RELATIVE_NODES",
	"MPOL_F_STATIC_NODES",
};
_Static_assert(ARRAY_LEN(flag_names) == 3, "a name for each flag from bit 13 to 15");

struct policy {
	unsigned mode;
	bool has_nodes;
	struct number_list nodes;
};

static int make_policy(const struct oci_memory_policy *m, struct policy *ret, struct err *e)
{
	struct policy p = {0};
	int mode = str_index(m->mode, modes, ARRAY_LEN(modes));
	int r;

	if (mode < 0)
		return err_say(e, -EINVAL, "invalid memory policy mode \"%.80s\"", m->mode);
	p.mode = (unsigned)mode;
	for (size_t i = 0; i < m->flags.n; i++) {
		int bit = str_index(m->flags.v[i], flag_names, ARRAY_LEN(flag_names));

		if (bit < 0)
			return err_say(e, -EINVAL, "invalid memory policy flag \"%.80s\"",
				       m->flags.v[i]);
		p.mode |= 1u << (FIRST_FLAG_BIT + bit);
	}
	if (m->nodes && m->nodes[0]) {
		p.has_nodes = true;
		r = number_list_parse(m->nodes, &p.nodes);
		if (r < 0)
			return err_sys(e, r, "invalid memory policy nodes \"%.200s\"", m->nodes);
	}
	*ret = p;
	return 0;
}

int memory_policy_check(const struct oci_linux *l, struct err *e)
{
	const struct oci_memory_policy *m = &l->memory_policy;
	struct policy p;

	if (m->mode)
		return make_policy(m, &p, e);
	if (m->nodes || m->flags.n)
		return err_say(e, -EINVAL, "memory policy without a mode");
	return 0;
}

int memory_policy_apply(const struct oci_linux *l, struct err *e)
{
	const struct oci_memory_policy *m = &l->memory_policy;
	struct policy p = {0};
	int r;

	if (!m->mode)
		return 0;
	r = make_policy(m, &p, e);
	if (r < 0)
		return r;
	/* The kernel takes one off the number of bits (mm/mempolicy.c, get_nodes). */
	r = sys_return(syscall(SYS_set_mempolicy, p.mode, p.has_nodes ? p.nodes.bits : NULL,
			       p.has_nodes ? NUMBER_LIST_BITS + 1ul : 0ul));
	if (r == -ENOSYS)
		return err_say(e, r, "memory policy %s asked for, but this kernel has no NUMA",
			       m->mode);
	return r < 0 ? err_sys(e, r, "set memory policy %s, nodes \"%.200s\"", m->mode,
			       m->nodes ? m->nodes : "")
		     : 0;
}
