/* SPDX-License-Identifier: Apache-2.0 */
/* The commands of berth-image, one a file cmd_NAME.c. */
#ifndef BERTH_BIN_BERTH_IMAGE_COMMANDS_H
#define BERTH_BIN_BERTH_IMAGE_COMMANDS_H

#include "bin/berth/command.h"

extern const struct command cmd_pull, cmd_image_pull;
extern const struct command cmd_push, cmd_image_push, cmd_login, cmd_logout;
extern const struct command cmd_man, cmd_complete;

#endif
