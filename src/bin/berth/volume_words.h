/* SPDX-License-Identifier: Apache-2.0 */
/* How volumes are shown. */
#ifndef BERTH_BIN_BERTH_VOLUME_WORDS_H
#define BERTH_BIN_BERTH_VOLUME_WORDS_H

#include "bin/berth/command.h"
#include "engine/volume/volume.h"

/* One object as `docker volume inspect` prints it. */
void volume_print(struct json_writer *w, const struct volume *v, struct arena *a);

#endif
