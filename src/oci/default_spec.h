/* SPDX-License-Identifier: Apache-2.0 */
/* The config.json that `spec` writes for a start. */
#ifndef BERTH_OCI_DEFAULT_SPEC_H
#define BERTH_OCI_DEFAULT_SPEC_H

#include <stdbool.h>

struct json_writer;

/* Writes what `runc spec` writes, or with is_rootless `runc spec --rootless`, which maps root in
 * the container to the caller's own ids. One difference: a cgroup namespace is part of it, so that
 * the container sees only its own groups. Returns 0. */
int oci_default_spec_print(bool is_rootless, struct json_writer *w);

#endif
