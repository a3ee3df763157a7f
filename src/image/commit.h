/* SPDX-License-Identifier: Apache-2.0 */
/* Images made here: of a container, of the files of a root; and a container's root as a tar file. */
#ifndef BERTH_IMAGE_COMMIT_H
#define BERTH_IMAGE_COMMIT_H

#include "engine/container/container.h"

struct commit_request {
	const char *author, *message; /* may be NULL */
	const char *reference;        /* of the new image; NULL: none */
	struct str_slice changes;     /* instructions of a Dockerfile, see change.h */
	const char *platform;         /* import; NULL: this machine's */
};

/* A container's upper/ becomes one layer above those that it was made of; how it runs becomes what the image
 * runs. To be called inside engine_enter's namespaces; whether it is frozen meanwhile is the caller's
 * choice. *ret_id: "sha256:HEX" in the arena. */
int commit_container(const struct engine *g, const struct container_info *c,
		     const struct commit_request *q, struct arena *a, const char **ret_id,
		     struct err *e);

/* The files of a root, as a tar file (path "-": standard input), plain or compressed, as an image of one
 * layer. */
int import_root(const struct engine *g, const char *path, const struct commit_request *q,
		struct arena *a, const char **ret_id, struct err *e);

/* A container's whole root as a tar file. path NULL: standard output. */
int export_container(const struct engine *g, const struct container_info *c, const char *path,
		     struct err *e);

/* ---- between commit.c and import.c --------------------------------------------------------------- */

struct draft;

/* "2024-05-01T12:34:56.789Z", now. */
const char *commit_time(struct arena *a);
/* Finds out what is wrong with a request before there is work done for it. */
int commit_check(const struct commit_request *q, struct arena *a, struct err *e);
/* Adds a step to the history, applies the changes, and saves the image with its name. diff_ids are
 * the draft's. */
int commit_save(struct draft *d, struct oci_image_config *c, const struct oci_history *step,
		const struct commit_request *q, const char **ret_id, struct err *e);
/* A sink's write that feeds a layer: arg is a struct layer_job. */
int commit_feed(void *job, const void *data, size_t n, struct err *e);

#endif
