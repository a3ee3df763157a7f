/* SPDX-License-Identifier: Apache-2.0 */
/* An image in the making: layer by layer, then configuration, manifest and names. */
#ifndef BERTH_IMAGE_DRAFT_H
#define BERTH_IMAGE_DRAFT_H

#include "engine/image/image.h"
#include "image/layer.h"

/*
 * Theory of operation
 *
 * The store's lock is held shared from draft_open to draft_close, so what is put into the store stays there until
 * the image names it. Order: layers and their blobs, then manifest and configuration as blobs, then images/HEX.json
 * and the names (image_add). Whoever dies in between leaves only garbage that has no name.
 *
 * Blobs of layers are kept as they came (gzip, zstd or plain tar), so that save and push give the same bytes
 * again; a layer made here (commit, import of a plain tar) is gzip of the fastest kind.
 */

struct draft {
	const struct engine *g;
	struct arena *a;
	int lock;
	struct oci_descriptor_list layers; /* base first */
	struct str_slice diff_ids, chains; /* "sha256:..." */
	size_t room;
	int64_t size; /* bytes of the layers' files */
};

int draft_open(const struct engine *g, struct arena *a, struct draft *ret, struct err *e);
void draft_close(struct draft *d);
#define auto_draft __attribute__((cleanup(draft_close)))

/* Takes the next layer from the store if it is there, with its blob if digest is not NULL. 1: taken. */
int draft_reuse(struct draft *d, const struct oci_descriptor *descriptor, const char *diff_id);
/* Begins the next layer; descriptor and diff_id may be NULL (unknown). */
int draft_layer_begin(struct draft *d, const struct oci_descriptor *descriptor, const char *diff_id,
		      struct layer_job **ret, struct err *e);
/* Ends it, in either case; media_type of what was fed. */
int draft_layer_end(struct draft *d, struct layer_job *job, const char *media_type, struct err *e);

/* Layers that are in the store already, from an image: for one that is built upon it. */
int draft_inherit(struct draft *d, const struct image *image, struct err *e);

/* Writes configuration and manifest (NULL: one is made of the layers) and adds the image with its names
 * (canonical). *ret_id in the arena. */
int draft_save(struct draft *d, const char *config, size_t n_config, const char *manifest,
	       size_t n_manifest, const struct str_slice *references, const char **ret_id,
	       struct err *e);

/* "…tar+gzip", "…tar+zstd" or "…tar", from the first bytes of a layer. */
const char *draft_media_type(const void *data, size_t n);

/* Is the image of this id in the store with all that belongs to it (layers, blobs)? Then it only needs
 * names. */
bool draft_is_there(const struct engine *g, const char *id, struct arena *a);

/* A manifest for layers that are in the store: what draft_save and archive_write make. */
void draft_manifest_print(const struct oci_descriptor *config,
			  const struct oci_descriptor_list *layers, struct json_writer *w);

#endif
