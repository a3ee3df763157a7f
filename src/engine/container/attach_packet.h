/* SPDX-License-Identifier: Apache-2.0 */
/* Inside container/: packets to a monitor, with flags of sendmsg(2). */
#ifndef BERTH_ENGINE_CONTAINER_ATTACH_PACKET_H
#define BERTH_ENGINE_CONTAINER_ATTACH_PACKET_H

#include "engine/container/attach.h"

/* attach_send with MSG_DONTWAIT and the like. Returns 0 or -errno. */
int attach_send_with(int socket, enum attach_type type, int64_t value, const void *data, size_t n,
		     int flags);

/* The bytes of "ctrl-p,ctrl-q" or "a,ctrl-]" into keys. Returns how many, or -EINVAL. */
int attach_parse_keys(const char *text, char *keys, size_t size);

#endif
