/* SPDX-License-Identifier: Apache-2.0 */
/* Inside cgroup/: groups that systemd makes as units; see cgroup_unit in cgroup.h. */
#ifndef BERTH_CGROUP_SYSTEMD_H
#define BERTH_CGROUP_SYSTEMD_H

#include "cgroup/cgroup.h"
#include "cgroup/systemd_bus.h"

/*
 * Theory of operation
 *
 * cgroupsPath is "SLICE:PREFIX:NAME": the unit PREFIX-NAME.scope (or NAME, where that is a slice) in SLICE. systemd
 * makes a scope only around a process that is there, and we want to start the container's first process inside; so a
 * process of ours that does nothing, the keeper, is put there first and ended once the container's own one is in.
 * systemd is told every limit that it has a property for, since it writes them again at each daemon-reload; the files
 * are written by us all the same, for the exact values and for what systemd has no name for.
 */

/* "a-b.slice" as a path, "/a.slice/a-b.slice"; "-.slice" is "". Returns 0 or -EINVAL. */
int systemd_expand_slice(const char *slice, struct arena *a, const char **ret, struct err *e);

/* cgroupsPath (NULL: none) of a container to its unit and the unit's path below the manager's own group. */
int systemd_plan_unit(const char *cgroups_path, const char *id, bool is_user, struct arena *a,
		      struct cgroup_unit *ret, const char **ret_path, struct err *e);

/* Makes the unit with the properties that the writes say; *ret_keeper: a child of ours in it, or 0. */
int systemd_start(const struct cgroup_plan *p, pid_t *ret_keeper, struct err *e);
/* Tells systemd the new limits. A unit that is gone is no error. */
int systemd_update(const struct cgroup_unit *u, const struct cgroup_layout *layout,
		   const struct cgroup_write *v, size_t n, struct err *e);
/* Forgets the unit; one that is gone is fine. */
int systemd_stop(const struct cgroup_unit *u, struct err *e);

/* Appends (sv) for each write that systemd has a property for. */
void systemd_put_limits(struct dbus_writer *w, const struct cgroup_layout *layout,
			const struct cgroup_write *v, size_t n);
/* DevicePolicy and DeviceAllow, on v1 only: there systemd would allow all devices at a reload. */
void systemd_put_devices(struct dbus_writer *w, const struct oci_resources *r);
/* The annotation org.systemd.property.NAME: value in the text form of GVariant. Returns 0 or -EINVAL. */
int systemd_put_annotation(struct dbus_writer *w, const char *name, const char *value,
			   struct err *e);
#define SYSTEMD_ANNOTATION "org.systemd.property."

#endif
