/* SPDX-License-Identifier: Apache-2.0 */
/* The commands of berth-image, one a file cmd_NAME.c. */
#ifndef BERTH_BIN_BERTH_IMAGE_COMMANDS_H
#define BERTH_BIN_BERTH_IMAGE_COMMANDS_H

#include "bin/berth/command.h"

extern const struct command cmd_pull, cmd_image_pull;
extern const struct command cmd_push, cmd_image_push, cmd_login, cmd_logout;
extern const struct command cmd_man, cmd_complete, cmd_pack, cmd_unpack;
extern const struct command cmd_load, cmd_image_load, cmd_save, cmd_image_save, cmd_import,
	cmd_image_import, cmd_export, cmd_container_export, cmd_commit, cmd_container_commit;

#endif
