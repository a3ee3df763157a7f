/* SPDX-License-Identifier: Apache-2.0 */
/* What the commands for images have in common: how names, ids and times are shown, and inspect's JSON. */
#ifndef BERTH_BIN_BERTH_IMAGE_WORDS_H
#define BERTH_BIN_BERTH_IMAGE_WORDS_H

#include "bin/berth/command.h"
#include "engine/image/image.h"

/* A canonical reference in its short form, cut into pieces: "busybox" and "1.36", or "busybox" and a digest. */
struct image_name {
	const char *familiar, *repository;
	const char *tag, *digest; /* NULL where it has none */
};
struct image_name image_name_split(const char *reference, struct arena *a);

/* "sha256:HEX" whole, or the first twelve digits. */
const char *image_id_text(const char *id, bool is_whole, struct arena *a);

/* "2024-05-01 12:34:56 +0000 UTC"; 0: "N/A". */
const char *image_time_text(int64_t ns, struct arena *a);
/* "2024-05-01T12:34:56Z" */
const char *image_time_stamp(int64_t ns, struct arena *a);

int64_t image_now_ns(void);

/* One object as `docker image inspect` prints it. */
void image_inspect_print(const struct engine *g, const struct image *image, struct arena *a,
			 struct json_writer *w);

/* Bytes of a layer's files: what layer.json says, else as they lie on the disk. */
int64_t image_layer_size(const struct engine *g, const char *chain);

#endif
