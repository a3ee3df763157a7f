/* SPDX-License-Identifier: Apache-2.0 */
/* The pid namespace: who joins it stays outside, only children that are made afterwards are in it. */
#include "kernel/sys.h"
#include "namespace/kinds.h"

const struct ns_kind ns_kind_pid = {
	.oci_name = "pid",
	.proc_name = "pid",
	.clone_flag = CLONE_NEWPID,
};
