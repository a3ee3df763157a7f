/* SPDX-License-Identifier: Apache-2.0 */
/* Between archive_write*.c: images that were found, and the formats they are written in. */
#ifndef BERTH_IMAGE_ARCHIVE_FORMAT_H
#define BERTH_IMAGE_ARCHIVE_FORMAT_H

#include "image/archive_write.h"

struct saved_image {
	struct image image;
	struct str_slice names; /* canonical */
	char *config, *manifest;
	size_t n_config, n_manifest;
	const char *manifest_digest;
	struct oci_descriptor_list layers; /* as in the store, OCI media types */
};

struct saved_list {
	struct saved_image *v;
	size_t n;
};

int save_docker(const struct engine *g, const struct saved_list *list, struct output *o,
		struct arena *a, struct err *e);
int save_oci(const struct engine *g, const struct saved_list *list, struct output *o,
	     struct arena *a, struct err *e);
int save_oci_folder(const struct engine *g, const struct saved_list *list, int folder_fd,
		    struct arena *a, struct err *e);

/* Copies what can be read from fd (inflated: without its compression) to the sink (NULL: nowhere) and
 * insists on its digest. *ret_size: bytes (may be NULL). */
int save_content(int fd, bool inflates, const char *digest, const struct sink *to,
		 int64_t *ret_size, struct err *e);

#endif
