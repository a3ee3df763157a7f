/* SPDX-License-Identifier: Apache-2.0 */
/* The hooks of config.json: programs run at six points of a container's life. */
#ifndef BERTH_RUNTIME_HOOKS_H
#define BERTH_RUNTIME_HOOKS_H

#include <stddef.h>

#include "oci/spec.h"

struct err;

/* Runs the hooks in order with the state on their standard input, each in dir_fd as its working
 * directory (-EBADF: stay). name: "prestart", for errors. The first failure (exit code, signal,
 * timeout: the hook is killed) ends the list. Returns 0 or -errno. Source: runtime-spec config.md,
 * "POSIX-platform Hooks". */
int hooks_run(const struct oci_hook_list *hooks, const char *name, const char *state, size_t n,
	      int dir_fd, struct err *e);

/* The poststop hooks: a failure is a warning in the log, and the next one runs all the same. Source:
 * runtime-spec runtime.md, "Lifecycle", the last step. */
void hooks_run_poststop(const struct oci_hook_list *hooks, const char *state, size_t n, int dir_fd);

#endif
