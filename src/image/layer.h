/* SPDX-License-Identifier: Apache-2.0 */
/* One layer on its way into the store: checked, inflated, unpacked while its bytes come in. */
#ifndef BERTH_IMAGE_LAYER_H
#define BERTH_IMAGE_LAYER_H

#include <stddef.h>
#include <stdint.h>

#include "engine/engine.h"

/*
 * Theory of operation
 *
 * What comes in (by download or out of an archive) goes three ways at once: into a file below tmp/ that
 * becomes blobs/sha256/HEX, through SHA-256 (the blob's digest), and to the inflating side, which hashes
 * what it gets (the diff id) and feeds it through a pipe to the unpacking process. That one has no network, sees
 * nothing but the layer's folder (its root), and may not follow a link out of it; it writes tmp/RANDOM/diff,
 * with whiteouts in overlayfs's own form (char device 0/0, xattr trusted.overlay.opaque; in a user
 * namespace user.overlay.opaque). layer_finish compares both digests, waits for the unpacker, writes layer.json
 * (struct layer_result) and renames: first the folder to layers/CHAIN, then the blob. Somebody else was faster:
 * ours is thrown away, which is no error. Nothing half-made is ever visible; what a killed process
 * leaves in tmp/ is unlocked, so image_collect finds it.
 */

struct layer_job; /* opaque; one thread uses it at a time */

struct layer_wanted {
	const char *digest;     /* of the bytes fed, or NULL: not known (archives without) */
	const char *diff_id;    /* of the tar within, or NULL */
	const char *parent;     /* chain id "sha256:..." of the layer below, NULL for the first */
	const char *media_type; /* may be NULL: the first bytes tell (gzip, zstd, plain tar) */
	int64_t size;           /* of the bytes fed, -1: unknown */
};

struct layer_result {
	const char *digest, *diff_id, *chain; /* "sha256:..." */
	int64_t size, unpacked_size;          /* bytes: compressed; sum of the files */
	int64_t entries;
};

int layer_begin(const struct engine *g, const struct layer_wanted *w, struct layer_job **ret,
		struct err *e);
int layer_feed(struct layer_job *j, const void *data, size_t n, struct err *e);
/* Ends and frees the job in either case. Strings of *ret in the arena. Errors: a digest that does not match
 * ("layer sha256:...: digest mismatch"), what the unpacker found (hostile entry, limits, no space). */
int layer_finish(struct layer_job *j, struct arena *a, struct layer_result *ret, struct err *e);
void layer_abort(struct layer_job *j);

/* Is layers/CHAIN there (and its blob, if digest is not NULL)? */
int layer_exists(const struct engine *g, const char *chain, const char *digest);

#endif
