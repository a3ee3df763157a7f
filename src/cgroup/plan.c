/* SPDX-License-Identifier: Apache-2.0 */
/* From the specification to the plan: where the groups are and what is written into them. */
#include <errno.h>
#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/json.h"
#include "base/str.h"
#include "cgroup/devices.h"
#include "cgroup/limits.h"
#include "cgroup/systemd.h"

static int (*const limit_parts[])(struct limits *l, const struct oci_resources *r) = {
	cpu_limits,     cpuset_limits, memory_limits, io_limits,      pids_limits,
	hugetlb_limits, rdma_limits,   net_limits,    unified_limits, /* last: it has the last word
								       */
};

int limits_collect(struct limits *l, const struct oci_resources *r)
{
	for (size_t i = 0; i < sizeof(limit_parts) / sizeof(limit_parts[0]); i++) {
		int ret = limit_parts[i](l, r);

		if (ret < 0)
			return ret;
	}
	return 0;
}

/* With systemd the unit's name gives the path. */
static int plan_unit(struct cgroup_plan *p, const struct oci_spec *spec, const char *id,
		     struct arena *a, struct err *e)
{
	const struct cgroup_layout *layout = p->layout;
	const char *path = NULL;
	int r = systemd_plan_unit(spec->linux_.cgroups_path, id, layout->is_systemd_user, a,
				  &p->unit, &path, e);

	if (r < 0)
		return r;
	p->annotations = &spec->annotations;
	p->path = arena_printf(a, "%s%s", layout->systemd_root, path);
	for (unsigned i = 0; i < layout->n; i++)
		p->group_path[i] = p->path;
	return 0;
}

/* cgroupsPath: absolute is below the mount; relative is below the caller's own group, as runc does;
 * absent is /berth/ID, for a rootless caller below its own group. ".." cannot climb out. */
static int plan_paths(struct cgroup_plan *p, const char *cgroups_path, const char *id,
		      struct arena *a, struct err *e)
{
	p->is_default_path = !cgroups_path || !*cgroups_path;
	if (p->is_default_path) {
		p->path = arena_printf(a, "/berth/%s", id);
		p->is_relative = p->is_rootless;
	} else {
		p->is_relative = cgroups_path[0] != '/';
		p->path = str_clean_path(a, arena_printf(a, "/%s", cgroups_path));
	}
	if (str_eq(p->path, "/"))
		return err_say(e, -EINVAL, "linux.cgroupsPath: \"%s\" names no group of its own",
			       cgroups_path ? cgroups_path : "");
	for (unsigned i = 0; i < p->layout->n; i++) {
		const char *own = p->layout->hierarchy[i].own;

		if (!p->is_relative || str_eq(own, "/"))
			p->group_path[i] = p->path;
		else
			p->group_path[i] = arena_printf(a, "%s%s", own, p->path);
	}
	return 0;
}

static void use_controllers(struct cgroup_plan *p, uint32_t controllers)
{
	for (unsigned c = 0; c < CG_CONTROLLER_COUNT; c++)
		if ((controllers & 1U << c) && p->layout->of[c] >= 0)
			p->used |= 1U << p->layout->of[c];
}

static bool has_own_cgroup_namespace(const struct oci_linux *l)
{
	for (size_t i = 0; i < l->namespaces.n; i++)
		if (str_eq(l->namespaces.v[i].type, "cgroup"))
			return !l->namespaces.v[i].path;
	return false;
}

static bool has_writable_cgroup_mount(const struct oci_spec *spec)
{
	for (size_t i = 0; i < spec->mounts.n; i++) {
		const struct oci_mount *m = &spec->mounts.v[i];
		bool is_ro = false;

		if (!str_eq(m->type, "cgroup") && !str_eq(m->type, "cgroup2"))
			continue;
		for (size_t k = 0; k < m->options.n; k++)
			is_ro = str_eq(m->options.v[k], "ro")   ? true
				: str_eq(m->options.v[k], "rw") ? false
								: is_ro;
		if (!is_ro)
			return true;
	}
	return false;
}

/* config-linux.md, "Cgroup ownership": only v2, an own cgroup namespace and a writable mount; the
 * owner is the host's uid of process.user.uid. */
static void plan_owner(struct cgroup_plan *p, const struct oci_spec *spec)
{
	const struct oci_id_maps *maps = &spec->linux_.uid_mappings;
	uint32_t uid = spec->process.user.uid;

	if (p->layout->mode != CGROUP_V2 || !has_own_cgroup_namespace(&spec->linux_) ||
	    !has_writable_cgroup_mount(spec))
		return;
	if (!maps->n) {
		if (uid)
			p->owner_uid = (struct maybe_u64){.is_set = true, .value = uid};
		return;
	}
	for (size_t i = 0; i < maps->n; i++) {
		const struct oci_id_map *m = &maps->v[i];

		if (uid >= m->container_id && uid - m->container_id < m->size)
			p->owner_uid = (struct maybe_u64){
				.is_set = true,
				.value = (uint64_t)m->host_id + (uid - m->container_id),
			};
	}
}

int cgroup_plan_make(const struct cgroup_layout *layout, const struct oci_spec *spec,
		     const char *id, bool is_rootless, struct arena *a, struct cgroup_plan *ret,
		     struct err *e)
{
	const struct oci_resources *r = &spec->linux_.resources;
	struct cgroup_plan p = {.layout = layout, .resources = r, .is_rootless = is_rootless};
	struct limits l = {.layout = layout, .is_rootless = is_rootless, .arena = a, .err = e};
	int n = layout->systemd_root ? plan_unit(&p, spec, id, a, e)
				     : plan_paths(&p, spec->linux_.cgroups_path, id, a, e);

	if (n < 0)
		return n;
	/* First, for the order in the plan: a group that denies is never without its devices. */
	n = devices_limits(&l, r, &p.device_rules.v, &p.device_rules.n);
	if (n < 0)
		return n;
	n = limits_collect(&l, r);
	if (n < 0)
		return n;
	if (layout->mode != CGROUP_V2)
		use_controllers(&p, controllers_always_v1);
	else if (layout->n)
		p.used = 1;
	use_controllers(&p, l.controllers);
	/* systemd follows the processes in a hierarchy without controllers, or in v2. */
	for (unsigned i = 0; p.unit.name && i < layout->n; i++)
		if (layout->hierarchy[i].is_v2 || !layout->hierarchy[i].controllers)
			p.used |= 1U << i;
	p.needed = l.controllers;
	p.controllers = l.controllers;
	if (layout->mode == CGROUP_V2)
		p.controllers |= controllers_always_v2;
	for (unsigned i = 0; i < layout->n; i++)
		if (layout->hierarchy[i].is_v2) {
			p.controllers &= layout->hierarchy[i].controllers;
			p.needed &= layout->hierarchy[i].controllers;
		}
	p.writes.v = l.v;
	p.writes.n = l.n;
	plan_owner(&p, spec);
	*ret = p;
	return 0;
}

static const char *const mode_names[] = {
	[CGROUP_NONE] = "none",
	[CGROUP_V1] = "v1",
	[CGROUP_HYBRID] = "hybrid",
	[CGROUP_V2] = "v2",
};

static void print_controllers(struct json_writer *w, const char *key, uint32_t bits, bool is_v2)
{
	json_key(w, key);
	json_begin_array(w);
	for (unsigned c = 0; c < CG_CONTROLLER_COUNT; c++)
		if (bits & 1U << c)
			json_string(w, is_v2 ? controller_names[c].v2 : controller_names[c].v1);
	json_end_array(w);
}

void cgroup_plan_print(const struct cgroup_plan *p, struct json_writer *w)
{
	json_begin_object(w);
	json_put_string(w, "mode", mode_names[p->layout->mode]);
	if (p->unit.name)
		json_put_string(w, "unit", p->unit.name);
	json_key(w, "groups");
	json_begin_array(w);
	for (unsigned i = 0; i < p->layout->n; i++) {
		const struct cgroup_hierarchy *h = &p->layout->hierarchy[i];

		if (!(p->used & 1U << i))
			continue;
		json_begin_object(w);
		json_put_string(w, "mount", h->mount);
		json_put_string(w, "path", p->group_path[i]);
		json_put_bool(w, "v2", h->is_v2);
		print_controllers(w, "controllers", h->is_v2 ? p->controllers : h->controllers,
				  h->is_v2);
		json_end_object(w);
	}
	json_end_array(w);
	json_key(w, "writes");
	json_begin_array(w);
	for (size_t i = 0; i < p->writes.n; i++) {
		const struct cgroup_write *o = &p->writes.v[i];

		json_begin_object(w);
		json_put_string(w, "mount", p->layout->hierarchy[o->hierarchy].mount);
		json_put_string(w, "file", o->file);
		json_put_string(w, "value", o->value);
		json_put_string(w, "property", o->property);
		if (o->is_optional)
			json_put_bool(w, "optional", true);
		if (o->is_alternative)
			json_put_bool(w, "alternative", true);
		json_end_object(w);
	}
	json_end_array(w);
	if (p->device_rules.n)
		devices_print_rules(p->device_rules.v, p->device_rules.n, w);
	if (p->owner_uid.is_set)
		json_put_uint(w, "ownerUid", p->owner_uid.value);
	json_end_object(w);
}
