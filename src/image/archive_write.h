/* SPDX-License-Identifier: Apache-2.0 */
/* Images into archives: docker-archive, oci-archive and OCI layouts. */
#ifndef BERTH_IMAGE_ARCHIVE_WRITE_H
#define BERTH_IMAGE_ARCHIVE_WRITE_H

#include "engine/image/image.h"
#include "image/sink.h"

/*
 * Theory of operation
 *
 * What will be written is known before the first byte: images by id with their names, manifests, and each blob
 * once. Blobs are written as they lie in the store and checked meanwhile; docker-archive has layers as plain tar
 * files, as all its readers expect, named by their diff id and checked against it. How long such a layer is shows only when it is
 * inflated: a file gets its header afterwards, for a pipe it is inflated twice.
 *
 * A file grows as .NAME.RANDOM beside its place and is renamed once whole; a folder likewise.
 */

enum archive_format { ARCHIVE_DOCKER, ARCHIVE_OCI, ARCHIVE_OCI_DIR };
extern const char *const archive_format_names[]; /* "docker-archive", ...; ends with NULL */

struct save_request {
	enum archive_format format;
	const char *path;        /* NULL: standard output (not for ARCHIVE_OCI_DIR) */
	struct str_slice images; /* names or ids */
};

/* Returns 0 or -errno; on failure nothing is left at path. */
int archive_save(const struct engine *g, const struct save_request *q, struct err *e);

/* ---- a file that is replaced at once ------------------------------------------------------------- */

struct output {
	const char *path;  /* NULL: standard output */
	const char *draft; /* NULL: written in place (a device, a pipe) */
	struct sink_file file;
	bool is_seekable;
};

/* what: "archive" and the like, for the refusal to write to a terminal. */
int output_open(const char *path, const char *what, struct arena *a, struct output *ret,
		struct err *e);
/* Flushes and puts the file in its place. */
int output_finish(struct output *o, struct err *e);
/* Closes; removes what is unfinished. */
void output_close(struct output *o);
#define auto_output __attribute__((cleanup(output_close)))

#endif
