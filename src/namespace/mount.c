/* SPDX-License-Identifier: Apache-2.0 */
/* The mount namespace: joined last, since it takes the caller's root and working directory along. */
#include "kernel/sys.h"
#include "namespace/kinds.h"

const struct ns_kind ns_kind_mount = {
	.oci_name = "mount",
	.proc_name = "mnt",
	.clone_flag = CLONE_NEWNS,
};
