/* SPDX-License-Identifier: Apache-2.0 */
/* What each kind of namespace gives to the common plan; only for the files of this folder. */
#ifndef BERTH_NAMESPACE_KINDS_H
#define BERTH_NAMESPACE_KINDS_H

#include "namespace/namespace.h"

extern const struct ns_kind ns_kind_user, ns_kind_mount, ns_kind_pid, ns_kind_net, ns_kind_ipc,
	ns_kind_uts, ns_kind_cgroup, ns_kind_time;

/* The pure checks of a kind, after all actions are known. Each returns 0 or -errno. */
int ns_user_check(const struct ns_plan *p, struct err *e);
int ns_user_check_ids(const struct ns_plan *p, const struct oci_user *user, struct err *e);
int ns_uts_check(const struct ns_plan *p, struct err *e);
int ns_time_check(const struct ns_plan *p, struct err *e);
int ns_sysctl_check(const struct ns_plan *p, struct err *e);
int ns_net_devices_check(const struct ns_plan *p, struct err *e);

bool ns_time_has_offsets(const struct ns_plan *p);

/* The name of the plan's first sysctl that belongs to a namespace of this type, or NULL. */
const char *ns_sysctl_of(const struct ns_plan *p, enum ns_type type);

/* The steps of ns_prepare, in the child. */
int ns_time_prepare(const struct ns_plan *p, struct err *e);
int ns_net_prepare(const struct ns_plan *p, struct err *e);
int ns_uts_prepare(const struct ns_plan *p, struct err *e);
int ns_user_prepare(const struct ns_plan *p, struct err *e); /* become its root */

#endif
