/* SPDX-License-Identifier: Apache-2.0 */
/* The hand-over of a seccomp listener to the agent that answers its notifications. */
#ifndef BERTH_RUNTIME_LISTENER_H
#define BERTH_RUNTIME_LISTENER_H

#include "oci/spec.h"
#include "runtime/launch.h"
#include "runtime/runtime.h"

struct listener {
	const struct oci_seccomp *seccomp;
	const struct container *container;
};

/* The handler of STEP_LISTENER; arg is a struct listener. Sends one ContainerProcessState with the
 * descriptor to seccomp.listenerPath. Source: runtime-spec config-linux.md, "The Container Process
 * State". */
int listener_send(const struct listener *l, pid_t pid, int fd, struct err *e);
int listener_on_step(void *arg, struct request *q, struct err *e);

#endif
