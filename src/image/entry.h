/* SPDX-License-Identifier: Apache-2.0 */
/* One entry of a layer's tar: what its name and kind mean, before anything is touched. */
#ifndef BERTH_IMAGE_ENTRY_H
#define BERTH_IMAGE_ENTRY_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

enum { ENTRY_PATH_MAX = 4096, ENTRY_DEPTH_MAX = 1024 };

enum entry_kind {
	ENTRY_NORMAL,
	ENTRY_ROOT,     /* "." : the layer's folder itself */
	ENTRY_WHITEOUT, /* .wh.NAME: path is the one that is hidden */
	ENTRY_OPAQUE,   /* .wh..wh..opq: path is the folder */
	ENTRY_IGNORED,  /* other .wh..wh.* of aufs */
};

struct entry_name {
	enum entry_kind kind;
	char path[ENTRY_PATH_MAX]; /* clean, relative, "" for the root */
	size_t parent;             /* length of the part before the last component; 0: none */
	const char *base;          /* the last component, within path */
};

/* Pure. "./a//b/" is "a/b", "/a" is "a"; "..", an empty name, one that is too long or too deep: -EINVAL with a line
 * that names it. (image-spec layer.md, "Whiteouts".) */
int entry_name_read(const char *name, struct entry_name *ret, struct err *e);

/* Pure. The target of a hard link, cleaned as a name. */
int entry_link_read(const char *name, char ret[ENTRY_PATH_MAX], struct err *e);

#endif
