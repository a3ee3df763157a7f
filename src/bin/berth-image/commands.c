/* SPDX-License-Identifier: Apache-2.0 */
/* The commands of berth-image, in the order of the list. */
#include "bin/berth-image/commands.h"

#include <stddef.h>

/* clang-format off */
const struct command *const commands[] = {
	&cmd_pull,
	&cmd_image_pull,
	&cmd_push,
	&cmd_image_push,
	&cmd_login,
	&cmd_logout,
	&cmd_load,
	&cmd_image_load,
	&cmd_save,
	&cmd_image_save,
	&cmd_import,
	&cmd_image_import,
	&cmd_export,
	&cmd_container_export,
	&cmd_commit,
	&cmd_container_commit,
	/* hidden: for the build, for shells and for `berth cp` */
	&cmd_man,
	&cmd_complete,
	&cmd_pack,
	&cmd_unpack,
	NULL,
};
