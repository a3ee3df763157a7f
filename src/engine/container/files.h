/* SPDX-License-Identifier: Apache-2.0 */
/* /etc/hosts, /etc/hostname and /etc/resolv.conf of one container, in its folder. */
#ifndef BERTH_ENGINE_CONTAINER_FILES_H
#define BERTH_ENGINE_CONTAINER_FILES_H

#include "engine/container/record.h"
#include "engine/container/request.h"

/* Writes hosts (with --add-host), hostname and resolv.conf (engine/network/resolv.h). */
int files_write(const struct engine *g, int dir_fd, const struct container_request *q,
		const struct record *r, struct err *e);

#endif
