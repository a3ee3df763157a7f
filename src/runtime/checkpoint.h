/* SPDX-License-Identifier: Apache-2.0 */
/* What checkpoint and restore must know alike of a container: the things outside of it. */
#ifndef BERTH_RUNTIME_CHECKPOINT_H
#define BERTH_RUNTIME_CHECKPOINT_H

#include "namespace/namespace.h"
#include "oci/spec.h"
#include "runtime/criu.h"

/* In the image folder: the names of the standard streams, as an array of three strings; "": nothing to give. */
#define CHECKPOINT_STREAMS "descriptors.json"
#define CHECKPOINT_NULL "/dev/null=" /* before the name of a stream that was the host's /dev/null */

/* The name under which a joined namespace is given back; NULL: criu makes that kind anew. */
const char *checkpoint_outer_key(enum ns_type type);

/* True for a mount whose source the host gives. */
bool checkpoint_is_bind(const struct oci_mount *m);

/* True for a `cgroup` mount that is made of binds of the groups, which come from the host as well. */
bool checkpoint_shows_groups(const struct oci_mount *m, const struct oci_spec *spec);

/* Where a path of the container really is (links are resolved below the root); the path itself where it leads
 * nowhere, as below a mount. */
const char *checkpoint_mount_point(int root_fd, const char *root, const char *path,
				   struct arena *a);

#endif
