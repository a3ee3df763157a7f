/* SPDX-License-Identifier: Apache-2.0 */
/* Images in the local store: found, listed, named, removed, and mounted as a container's root. */
#ifndef BERTH_ENGINE_IMAGE_IMAGE_H
#define BERTH_ENGINE_IMAGE_IMAGE_H

#include "engine/engine.h"
#include "oci/image.h"
#include "oci/reference.h"

/* images/HEX.json: all that a start needs, in one small file. Strings in the arena. */
struct image {
	const char *id;          /* "sha256:HEX": the digest of its configuration */
	const char *manifest;    /* digest of the manifest it came with */
	int64_t created_ns;      /* from the configuration; 0: unknown */
	int64_t size;            /* bytes of its unpacked layers */
	struct str_slice layers; /* chain ids as HEX, base first: layers/HEX/diff */
	struct oci_image_config config;
	struct str_slice references; /* canonical names; filled by image_find and image_list */
	struct str_slice digests;    /* DOMAIN/REPOSITORY@DIGEST of pulled or pushed manifests */
};

/* By reference, "sha256:HEX", or a unique prefix of the id (12 digits and the like; a reference goes
 * first). -ENOENT: "no such image: NAME"; -EEXIST: the prefix is not unique. */
int image_find(const struct engine *g, const char *name, struct arena *a, struct image *ret,
	       struct err *e);
/* The same; where it is not there: the built-in image (by berth-image load), then, if pulls,
 * `berth-image pull`, with its output on our standard error. platform may be NULL. Its references and
 * digests are not looked up: a start needs none. */
enum image_pull { IMAGE_PULL_MISSING, IMAGE_PULL_ALWAYS, IMAGE_PULL_NEVER };
int image_need(const struct engine *g, const char *name, enum image_pull policy,
	       const char *platform, bool is_quiet, struct arena *a, struct image *ret,
	       struct err *e);
/* All, newest first. Dangling ones have no references. */
int image_list(const struct engine *g, struct arena *a, struct image **ret, size_t *ret_n,
	       struct err *e);

/* Makes images/HEX.json and its names: reference (may be NULL), image->references and image->digests. A
 * created_ns of 0 is filled from the configuration. To be called with the store lock shared, after blobs
 * and layers are in place. */
int image_add(const struct engine *g, const struct image *image, const char *reference,
	      struct err *e);
/* Gives an image one more name (an old owner of the name loses it). NAME@DIGEST is a name, too: what
 * image->digests shows, for the manifest of a push. */
int image_tag(const struct engine *g, const char *id, const char *reference, struct err *e);
/* Removes one name; with the last one, or by id, the image itself. In use by a container: -EBUSY
 * unless force (then only names go). What was done, one line each ("Untagged: ...", "Deleted: ..."),
 * goes to *ret_lines. */
int image_remove(const struct engine *g, const char *name, bool force, struct arena *a,
		 struct str_slice *ret_lines, struct err *e);
/* Removes dangling images (all: every one that no container uses), then garbage. */
int image_prune(const struct engine *g, bool all, struct arena *a, struct str_slice *ret_lines,
		int64_t *ret_bytes, struct err *e);
/* Removes layers, blobs and tmp entries that nothing needs. Where a pull or create is under way (lock
 * shared) it does nothing. *ret_bytes: what it freed. */
int image_collect(const struct engine *g, int64_t *ret_bytes, struct err *e);

/* A detached overlay mount: the image's layers below container_fd's upper/ and work/ (made if absent).
 * container_fd -1: read-only, the layers alone. layers: image.layers. Where the kernel lacks lowerdir+
 * (before 6.5) and the paths are too long for one option, a private mount namespace and mount(2).
 * Returns a descriptor or -errno. */
int image_mount(const struct engine *g, const struct str_slice *layers, int container_fd,
		struct err *e);

/* The same for a container. is_volatile (it is removed at its end): spares the sync of the whole file system that unmounting
 * an overlay is (Linux 5.10 and later), and fsync in the container does nothing. uid_maps, gid_maps (of its user
 * namespace; NULL or empty: none): what the disk has as an id inside is seen as the one outside; for root only. */
struct image_mount_options {
	bool is_volatile;
	const struct oci_id_maps *uid_maps, *gid_maps;
};
int image_mount_container(const struct engine *g, const struct str_slice *layers, int container_fd,
			  const struct image_mount_options *options, struct err *e);

/* A container's root as it is, to be read: its upper/ (if it has one) above the layers, read-only. Also while the
 * container runs; what it changes meanwhile may show or not. */
int image_mount_view(const struct engine *g, const struct str_slice *layers, int container_fd,
		     struct err *e);

/* ---- the store's folders, for berth-image --------------------------------------------------------- */

/* Opens blobs/sha256/HEX; -ENOENT. */
int image_blob_open(const struct engine *g, const char *digest, int *ret_fd, int64_t *ret_size,
		    struct err *e);
/* Reads a small blob (manifest, configuration; at most 4 MiB) and checks its digest. */
int image_blob_read(const struct engine *g, const char *digest, struct arena *a, char **ret,
		    size_t *ret_n, struct err *e);
/* Puts a small blob in place. *ret_digest in the arena. */
int image_blob_write(const struct engine *g, const void *data, size_t n, struct arena *a,
		     const char **ret_digest, struct err *e);

#endif
