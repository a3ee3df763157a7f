/* SPDX-License-Identifier: Apache-2.0 */
/* The commands of berth-image, in the order of the list. */
#include "bin/berth-image/commands.h"

#include <stddef.h>

const struct command *const commands[] = {
	NULL,
};
