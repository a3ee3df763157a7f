/* SPDX-License-Identifier: Apache-2.0 */
/* Programs of the host that networks need (dnsmasq, pasta, slirp4netns): found and run. */
#ifndef BERTH_ENGINE_NETWORK_PROGRAM_H
#define BERTH_ENGINE_NETWORK_PROGRAM_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

/* Its path, from PATH and from the folders of administrators, which an ordinary user's PATH lacks. */
bool program_find(const char *name, char *ret, size_t size);

/* Runs it with nothing but /dev/null and waits until it has ended or gone to the background. Where it fails, *e holds
 * the last line that it complained with. argv[0] is its path. Returns 0 or -errno. */
int program_run(const char *const *argv, struct err *e);

#endif
