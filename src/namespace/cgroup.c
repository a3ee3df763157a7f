/* SPDX-License-Identifier: Apache-2.0 */
/* The cgroup namespace: its root is the group that its creator is in at that moment. */
#include "base/err.h"
#include "kernel/sys.h"
#include "namespace/kinds.h"

const struct ns_kind ns_kind_cgroup = {
	.oci_name = "cgroup",
	.proc_name = "cgroup",
	.clone_flag = CLONE_NEWCGROUP,
};

int ns_cgroup_create(const struct ns_plan *p, struct err *e)
{
	if (p->action[NS_CGROUP] != NS_CREATE)
		return 0;
	/* Order: after the group is joined (kernel/cgroup/namespace.c, copy_cgroup_ns). */
	if (unshare(CLONE_NEWCGROUP) < 0)
		return err_sys(e, -errno, "create the cgroup namespace");
	return 0;
}
