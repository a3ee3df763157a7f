/* SPDX-License-Identifier: Apache-2.0 */
/* Inside cgroup/: rules about devices, as v1 writes or as a v2 program. */
#ifndef BERTH_CGROUP_DEVICES_H
#define BERTH_CGROUP_DEVICES_H

#include <stddef.h>

#include "cgroup/limits.h"

struct bpf_insn;

/* Adds the v1 writes to the list, or gives the rules for a v2 program (*ret_n == 0 on v1 and for a
 * rootless container, whose kernel lets it set neither). */
int devices_limits(struct limits *l, const struct oci_resources *r, struct oci_device_rule **ret,
		   size_t *ret_n);

/* The rules that take effect: "everything is denied", the specification's in their order, the
 * devices that every container has; without those that a later one makes void. In the arena. */
int devices_effective(const struct oci_resources *r, struct arena *a, struct oci_device_rule **ret,
		      size_t *ret_n, struct err *e);

/* The program for BPF_PROG_TYPE_CGROUP_DEVICE; the last rule that matches decides, without one it
 * is denied. In the arena. */
int devices_program(const struct oci_device_rule *v, size_t n, struct arena *a,
		    struct bpf_insn **ret, size_t *ret_n);

/* Loads the program and makes it the only one of ours on the group; replaces in one step. */
int devices_attach(int dir_fd, const struct oci_device_rule *v, size_t n, const char *path,
		   struct err *e);

/* update on v1: from the group's present list to the one wanted, without denying for a moment what
 * both allow. */
int devices_update_v1(struct limits *l, const struct oci_resources *r);

void devices_print_rules(const struct oci_device_rule *v, size_t n, struct json_writer *w);

#endif
