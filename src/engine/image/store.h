/* SPDX-License-Identifier: Apache-2.0 */
/* The files of the image store, for engine/image/ alone: images/, refs/, who uses what, the lock. */
#ifndef BERTH_ENGINE_IMAGE_STORE_H
#define BERTH_ENGINE_IMAGE_STORE_H

#include "engine/image/image.h"

/*
 * Theory of operation
 *
 * images/HEX.json is one image, refs/NAME holds the HEX that a name means ('/' is written as '+', which no
 * reference has). A name with a digest, DOMAIN/REPOSITORY@DIGEST, is a reference like any other: it is how
 * an image is found by the digest of its manifest, and what RepoDigests shows. Files are written below tmp/
 * and renamed: readers take no lock and see the old or the new one.
 *
 * Who changes names (add, tag, remove) holds a lock of refs/ itself (flock) for that moment, within the store's
 * lock: of a removal and a tag at the same time one comes first, and no name is left without its image.
 *
 * Order: an image is made from its parts upwards (layers, blobs, images/HEX.json, refs/NAME) and unmade
 * downwards, so whatever a killed process leaves is either whole or garbage that nothing names.
 */

enum { HEX_LENGTH = 64 };

bool is_hex_name(const char *s, size_t n);

/* Writes DIR/NAME by way of tmp/. Returns 0 or -errno. */
int store_put(const struct engine *g, const char *path, const void *data, size_t n);

/* The store's lock for who wants to clear up: exclusive if that can be had soon, else shared.
 * *ret_is_exclusive tells. Returns a descriptor or -errno. */
int store_lock_some(const struct engine *g, bool *ret_is_exclusive, struct err *e);

/* The lock of refs/. Returns a descriptor or -errno. */
int store_lock_names(const struct engine *g, struct err *e);

/* Names in DATA/dir that begin with no dot, unsorted. */
int store_names(const struct engine *g, const char *dir, struct arena *a, struct str_slice *ret,
		struct err *e);

/* ---- images/ ------------------------------------------------------------------------------------ */

/* Without references and digests. -ENOENT: no such file. */
int image_file_load(const struct engine *g, const char *hex, struct arena *a, struct image *ret,
		    struct err *e);
int image_file_save(const struct engine *g, const struct image *image, struct err *e);

/* The id that a name means; *ret_ref: the reference in refs/ by which it was found, NULL: by its id.
 * -ENOENT with *e empty: none; -EINVAL: it cannot be a name. */
int image_resolve(const struct engine *g, const char *name, struct arena *a,
		  char ret[HEX_LENGTH + 1], const char **ret_ref, struct err *e);
/* image_find without looking for the image's names: what a start needs. */
int image_find_bare(const struct engine *g, const char *name, struct arena *a, struct image *ret,
		    struct err *e);

/* ---- refs/ -------------------------------------------------------------------------------------- */

struct ref {
	const char *name; /* canonical, as oci_reference.full (with a digest: without tag) */
	const char *hex;  /* of the image */
	bool is_digest;
};

struct ref_list {
	struct ref *v;
	size_t n;
};

/* The name under which a reference is kept, in the arena. */
const char *ref_name(const struct oci_reference *r, struct arena *a);
/* Which image. -ENOENT where the name is not there. */
int ref_load(const struct engine *g, const char *name, char ret[HEX_LENGTH + 1]);
int ref_save(const struct engine *g, const char *name, const char *hex, struct err *e);
int ref_remove(const struct engine *g, const char *name, struct err *e);
/* All, sorted by name. */
int ref_list(const struct engine *g, struct arena *a, struct ref_list *ret, struct err *e);
/* Fills image->references and ->digests. */
void ref_fill(const struct ref_list *refs, struct arena *a, struct image *image);

/* ---- who uses images ---------------------------------------------------------------------------- */

struct use {
	const char *image_id, *container, *name;
	struct str_slice layers;
};

struct use_list {
	struct use *v;
	size_t n;
	bool is_partial; /* a container's record is unreadable: what it needs is not known */
};

int use_list(const struct engine *g, struct arena *a, struct use_list *ret, struct err *e);
/* The first container of an image, or NULL. */
const struct use *use_find(const struct use_list *uses, const char *image_id);

/* image_collect with the exclusive lock held already. */
int collect_locked(const struct engine *g, int64_t *ret_bytes, struct err *e);

#endif
