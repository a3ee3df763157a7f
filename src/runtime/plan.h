/* SPDX-License-Identifier: Apache-2.0 */
/* The whole plan of a container: pure data made from config.json before anything is done. */
#ifndef BERTH_RUNTIME_PLAN_H
#define BERTH_RUNTIME_PLAN_H

#include "cgroup/cgroup.h"
#include "namespace/namespace.h"
#include "oci/spec.h"
#include "rootfs/rootfs.h"
#include "runtime/process.h"
#include "runtime/runtime.h"

struct plan {
	struct container container; /* id, bundle, ...: as the state will tell it */
	const char *config;         /* the text of config.json */
	size_t config_n;
	struct oci_spec spec;
	struct ns_plan ns;
	struct cgroup_layout layout;
	struct cgroup_plan cgroup;
	struct rootfs_plan rootfs;
	struct process_plan process;
};

/* Reads the bundle's config.json and plans every module. Touches nothing but files it reads. ret
 * must stay where it is: the parts point at one another. */
int plan_make(const struct runtime *rt, const struct create_request *q, struct arena *a,
	      struct plan *ret, struct err *e);

/* The name of the session keyring of a container. */
const char *plan_keyring(const char *id, struct arena *a);

/* Reads and decodes a config.json (a bundle's or the copy in a state folder). dir names it in
 * errors. ret_text may be NULL. */
int plan_read_config(int dir_fd, const char *dir, struct arena *a, struct oci_spec *ret,
		     const char **ret_text, size_t *ret_n, struct err *e);

#endif
