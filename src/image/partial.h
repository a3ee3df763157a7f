/* SPDX-License-Identifier: Apache-2.0 */
/* What a killed pull left of a layer's blob: found, so that it need not be fetched again. */
#ifndef BERTH_IMAGE_PARTIAL_H
#define BERTH_IMAGE_PARTIAL_H

#include "engine/engine.h"

/* The start of the blob with this digest out of a draft (tmp/layer-HEX-RANDOM/blob, layer.c) whose maker is dead: the
 * largest. It is unlinked: only the descriptor leads to it, and nobody takes it twice. Its bytes are unchecked, as
 * those from a network are. Returns a descriptor to read from, with *ret_size bytes (above 0), or -ENOENT. */
int partial_take(const struct engine *g, const char *digest, int64_t *ret_size);

#endif
