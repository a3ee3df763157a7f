/* SPDX-License-Identifier: Apache-2.0 */
/* What the control groups of a container tell of its life. */
#ifndef BERTH_ENGINE_WHY_EVIDENCE_H
#define BERTH_ENGINE_WHY_EVIDENCE_H

#include "cgroup/cgroup.h"
#include "engine/container/record.h"

/* Fills the members of *x that the groups and the kernel's log tell; started_ns and signal must be right. pid: the
 * first process, or 0. Strings in the arena. */
void evidence_read(const struct cgroup *c, pid_t pid, struct arena *a, struct exit_record *x);

/* The group with the memory controller below its mount, or NULL. */
const char *evidence_memory_group(const struct cgroup *c);

#endif
