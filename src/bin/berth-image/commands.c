/* SPDX-License-Identifier: Apache-2.0 */
/* The commands of berth-image, in the order of the list. */
#include "bin/berth-image/commands.h"

#include <stddef.h>

const struct command *const commands[] = {
	&cmd_pull,
	&cmd_image_pull,
	&cmd_push,
	&cmd_image_push,
	&cmd_login,
	&cmd_logout,
	/* hidden: for the build and for shells */
	&cmd_man,
	&cmd_complete,
	NULL,
};
