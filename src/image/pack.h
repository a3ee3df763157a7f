/* SPDX-License-Identifier: Apache-2.0 */
/* A folder as a tar stream: a container's upper as a layer, a root as an archive. */
#ifndef BERTH_IMAGE_PACK_H
#define BERTH_IMAGE_PACK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"
#include "image/sink.h"
#include "oci/spec.h"

/*
 * Theory of operation
 *
 * The folder is walked by descriptors, names sorted by their bytes, no link followed, so the same files give the
 * same stream. Times are whole seconds. Of extended attributes user.*, security.capability and POSIX
 * access lists go along; a label of SELinux belongs to the host, not to the files. Sockets are left out. A file that grows or shrinks
 * meanwhile keeps the size that its header says (the rest is zero). Files with holes become GNU sparse 1.0 where
 * the holes are worth it.
 *
 * A layer (overlayfs.rst to image-spec layer.md): char device 0/0, or a file with the attribute overlay.whiteout,
 * is ".wh.NAME"; a folder with overlay.opaque=y begins with ".wh..wh..opq". A folder with overlay.redirect, or a
 * file with overlay.metacopy, has its content elsewhere: it cannot be told from upper alone and is refused (berth mounts without both).
 */

struct pack_options {
	bool is_layer;    /* whiteouts become entries; the root itself is an entry, too */
	bool is_rootless; /* overlayfs's attributes are user.overlay.* */
	/* Absolute paths. Empty files there are left out: the runtime made them to mount onto. */
	struct str_slice targets;
	/* NULL, or the maps of the container whose ids the entries get; one without is 65534. */
	const struct oci_id_maps *uid_maps, *gid_maps;
};

struct pack_count {
	int64_t entries, bytes; /* bytes: of the files' contents */
};

/* Writes everything in folder_fd to the sink, and the end of the archive. ret may be NULL. Returns 0 or
 * -errno; errors name the path below the folder. */
int pack_folder(int folder_fd, const struct pack_options *o, const struct sink *to,
		struct pack_count *ret, struct err *e);

#endif
