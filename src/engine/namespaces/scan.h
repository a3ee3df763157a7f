/* SPDX-License-Identifier: Apache-2.0 */
/* What /proc tells of namespaces: of every process, and of one in depth. */
#ifndef BERTH_ENGINE_NAMESPACES_SCAN_H
#define BERTH_ENGINE_NAMESPACES_SCAN_H

#include "engine/engine.h"
#include "engine/namespaces/map.h"

struct err;

/* Reads every process and the engine's own containers. */
int ns_scan_read(const struct engine *g, struct arena *a, struct ns_scan *ret, struct err *e);

/* One namespace of a process: who owns it (NS_GET_USERNS, NS_GET_OWNER_UID of ioctl_ns(2)). */
struct ns_owner {
	uint64_t
		user_inode; /* of the user namespace that owns it (of a user namespace: its parent); 0: not told */
	int64_t uid; /* who made that user namespace (of a user namespace: itself); -1: not told */
};
void ns_scan_owner(int64_t pid, enum ns_map_kind k, struct ns_owner *ret);

#endif
