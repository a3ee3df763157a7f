/* SPDX-License-Identifier: Apache-2.0 */
/* One entry of a layer's tar: what its name and kind mean, before anything is touched. */
#ifndef BERTH_IMAGE_ENTRY_H
#define BERTH_IMAGE_ENTRY_H

#include <stddef.h>
#include <sys/types.h>

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

/* What decides about an entry; names as the tar has them, NULL: none. */
struct entry_facts {
	const char *name, *hard_link, *soft_link;
	mode_t type; /* S_IFREG and the like; of no account to a hard link */
	dev_t device;
};

struct archive_entry;
struct entry_facts entry_facts_of(struct archive_entry *entry);

/* Pure. All that can be told of an entry without looking at the layer's folder: reads the name, and the target of a
 * hard link into ret_link (clean, relative). Refused (-EINVAL, a line that names it): a root that is no folder, links
 * to nothing and to themselves, devices that overlayfs takes for whiteouts, unknown types. */
int entry_check(const struct entry_facts *f, struct entry_name *ret, char ret_link[ENTRY_PATH_MAX],
		struct err *e);

#endif
