/* SPDX-License-Identifier: Apache-2.0 */
/* An image of the store into a registry. */
#ifndef BERTH_IMAGE_PUSH_H
#define BERTH_IMAGE_PUSH_H

#include "engine/image/image.h"
#include "image/progress.h"
#include "image/registry.h"

/*
 * Theory of operation
 *
 * Order: layers, configuration, manifest, so a registry never has a manifest whose parts are missing. What goes
 * is what came: the blobs of blobs/sha256, byte for byte, so digests stay. A layer that the registry has in
 * another repository that we pulled from or pushed to is mounted from there.
 */

struct push {
	const struct engine *g;
	struct http *http;
	struct arena *arena;
	struct progress *progress;
};

struct push_result {
	const char *id, *digest; /* digest: of the manifest */
	size_t size;             /* bytes of the manifest */
};

/* The reference names the image here and the place there. Returns 0 or -errno. */
int push_image(const struct push *p, const struct oci_reference *reference, struct push_result *ret,
	       struct err *e);

#endif
