/* SPDX-License-Identifier: Apache-2.0 */
/* The ipc namespace: System V objects and message queues; empty when new, nothing to prepare. */
#include "kernel/sys.h"
#include "namespace/kinds.h"

const struct ns_kind ns_kind_ipc = {
	.oci_name = "ipc",
	.proc_name = "ipc",
	.clone_flag = CLONE_NEWIPC,
};
