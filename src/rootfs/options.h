/* SPDX-License-Identifier: Apache-2.0 */
/* The mount options of the OCI specification as one table. */
#ifndef BERTH_ROOTFS_OPTIONS_H
#define BERTH_ROOTFS_OPTIONS_H

#include <stdbool.h>

#include "rootfs/rootfs.h"

/* What an option is besides flags. */
enum mount_word {
	WORD_NONE,
	WORD_BIND,
	WORD_RBIND,
	WORD_REMOUNT,
	WORD_COPY_UP,
	WORD_IDMAP,
	WORD_RIDMAP
};

/* Applies one option to m; a later option overrides an earlier one. *ret_word tells the rest. Returns
 * true, or false for an option that is the file system's own. */
bool mount_option_apply(const char *option, struct rootfs_mount *m, enum mount_word *ret_word);

#endif
