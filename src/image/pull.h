/* SPDX-License-Identifier: Apache-2.0 */
/* An image from a registry into the store. */
#ifndef BERTH_IMAGE_PULL_H
#define BERTH_IMAGE_PULL_H

#include "engine/image/image.h"
#include "image/progress.h"
#include "image/registry.h"

/*
 * Theory of operation
 *
 * manifest (or index, then the manifest for our platform) -> configuration -> layers, up to three at once ->
 * images/HEX.json and the names. Each step takes the next one's digest from what it has checked itself, so the
 * digest of the manifest vouches for everything. The bytes of a layer go into its layer_job as they come; a
 * connection that breaks is made again and goes on at the byte it stopped at, into the same job; what a killed pull
 * has of a blob is fed first (partial.h). The store's
 * lock is held shared all the time: what came stays until it has its name, and what is here already stays, too.
 */

struct pull {
	const struct engine *g;
	struct http *http;
	struct arena *arena;
	struct progress *progress;
	const char *platform; /* NULL: this machine's */
};

struct pull_result {
	const char *id, *digest; /* digest: of what the name meant, an index or a manifest */
	bool is_new;             /* the name meant nothing or another image before */
};

/* Returns 0 or -errno; the names are there only if everything is. */
int pull_image(const struct pull *p, const struct oci_reference *reference, struct pull_result *ret,
	       struct err *e);
/* Every tag of the reference's repository, one after the other. Calls each for each. */
int pull_all(const struct pull *p, const struct oci_reference *reference,
	     int (*each)(void *owner, const struct oci_reference *reference,
			 const struct pull_result *result, struct err *e),
	     void *owner, struct err *e);

/* ---- for pull*.c ---------------------------------------------------------------------------------- */

/* Gets what is missing of an image's layers. chains: "sha256:..."; *ret_size: bytes of the files of all.
 * Returns 0 or -errno. */
int pull_layers(const struct pull *p, struct registry *r, const struct oci_descriptor_list *layers,
		const struct str_slice *diff_ids, const struct str_slice *chains, int64_t *ret_size,
		struct err *e);

#endif
