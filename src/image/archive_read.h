/* SPDX-License-Identifier: Apache-2.0 */
/* Images out of archives: docker-archive, oci-archive and oci-layout, from files, folders and pipes. */
#ifndef BERTH_IMAGE_ARCHIVE_READ_H
#define BERTH_IMAGE_ARCHIVE_READ_H

#include "engine/image/image.h"
#include "image/archive_index.h"
#include "image/draft.h"
#include "image/progress.h"

/*
 * Theory of operation
 *
 * A tar file that can be read anywhere is indexed by one pass over its headers, then its parts are read in
 * the order that the images want them. A pipe, and what is compressed as a whole, is written to a nameless
 * file below tmp/ first. Names in an archive are keys of the index and nothing more: no path is opened by
 * them. In a folder only oci-layout, index.json and blobs/ALGORITHM/HEX are opened, below the folder.
 *
 * An image is read from its names upwards: manifest and configuration (small, checked, decoded), then layer
 * by layer through layer_begin/feed/finish, and is added to the store at the end by one rename. What a broken archive
 * left behind in layers/ and blobs/ is complete and named by its content, and collected at once.
 */

struct source {
	const char *label; /* for errors: the file's name, "standard input" */
	int fd;            /* the tar file, or the folder (O_PATH) */
	bool is_folder;
	struct tar_index index; /* of the tar file */
};

/* A part of an archive: size bytes at offset of fd. Closed with part_close. */
struct part {
	const char *label; /* "FILE: NAME" */
	int fd;
	int64_t offset, size;
	bool is_own;               /* fd is the part's */
	struct progress *progress; /* NULL: nobody watches */
	size_t row;
};

/* path NULL or "-": standard input. The source is to be closed with source_close. */
int source_open(const struct engine *g, const char *path, struct arena *a, struct source *ret,
		struct err *e);
void source_close(struct source *s);

bool source_has(const struct source *s, const char *name);
/* -ENOENT: "FILE: NAME is missing". */
int source_part(const struct source *s, const char *name, struct arena *a, struct part *ret,
		struct err *e);
void part_close(struct part *p);
#define auto_part __attribute__((cleanup(part_close)))
/* A small one whole, NUL-terminated; more than 4 MiB is refused. */
int source_read(const struct source *s, const char *name, struct arena *a, char **ret,
		size_t *ret_n, struct err *e);
/* Feeds a part into a layer that was begun. */
int part_feed(const struct part *p, struct layer_job *job, struct err *e);

struct load_request {
	const char *path;     /* NULL: standard input */
	const char *platform; /* NULL: this machine's */
	/* Called after each image is in the store; reference NULL: it has no name. */
	int (*tell)(void *arg, const char *id, const char *reference, struct err *e);
	void *arg;
	struct progress *progress; /* NULL: none */
};

/* Loads every image of an archive; each is there whole or not at all. Returns 0 or -errno. */
int archive_load(const struct engine *g, const struct load_request *q, struct err *e);

/* ---- between archive_*.c ------------------------------------------------------------------------- */

struct load {
	const struct engine *g;
	const struct load_request *q;
	struct arena *a;
	struct source source;
	struct oci_platform platform;
	bool has_platform; /* asked for: what is not of it is refused */
};

int load_docker(struct load *l, struct err *e);
int load_oci(struct load *l, struct err *e);
/* A layer, named by its diff id, gets a row of its own. */
void load_watch(const struct load *l, struct part *p, const char *diff_id);
/* Tells of an image once for each of its names. */
int load_tell(const struct load *l, const char *id, const struct str_slice *references,
	      struct err *e);
/* Is the image of the platform that was asked for? 0 or -ENOEXEC. */
int load_check_platform(const struct load *l, const struct oci_image_config *c, struct err *e);
/* Canonical form of an image's name in an archive, in the arena. */
int load_reference(const struct load *l, const char *name, const char **ret, struct err *e);

#endif
