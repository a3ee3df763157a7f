/* SPDX-License-Identifier: Apache-2.0 */
/* What the commands that show containers have in common. */
#ifndef BERTH_BIN_BERTH_CONTAINER_WORDS_H
#define BERTH_BIN_BERTH_CONTAINER_WORDS_H

#include "bin/berth/command.h"
#include "engine/container/container.h"

/* The program with its arguments, blanks between. */
const char *container_command_text(const struct record *r, struct arena *a);

/* "Up 3 minutes (healthy)", "Exited (0) 5 seconds ago", "Created": as Docker's ps has it. */
const char *container_status_text(const struct container_info *c, int64_t now_ns, struct arena *a);

/* "2026-01-31T12:00:00.123456789Z"; 0: "0001-01-01T00:00:00Z", Go's zero time. */
const char *container_time_text(int64_t ns, struct arena *a);

/* One object as `docker inspect` prints it. */
void container_inspect_print(const struct engine *g, const struct container_info *c, bool has_size,
			     struct arena *a, struct json_writer *w);

#endif
