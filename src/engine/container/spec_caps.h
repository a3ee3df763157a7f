/* SPDX-License-Identifier: Apache-2.0 */
/* Inside container/: capabilities by name, as people write them. */
#ifndef BERTH_ENGINE_CONTAINER_SPEC_CAPS_H
#define BERTH_ENGINE_CONTAINER_SPEC_CAPS_H

#include <stdint.h>

#include "base/slice.h"

#define CAP_BIT(cap) (UINT64_C(1) << (cap))

/* "CAP_NET_RAW", "net_raw": the number, or -EINVAL. */
int caps_find(const char *name);

/* The bits of a list of known names; unknown ones have none. */
uint64_t caps_mask(const struct str_slice *names);

#endif
