/* SPDX-License-Identifier: Apache-2.0 */
/* A request and an image become a record and a specification: every part in turn. */
#include <errno.h>
#include <string.h>

#include "base/arena.h"
#include "base/auto.h"
#include "base/err.h"
#include "base/str.h"
#include "engine/container/spec_parts.h"
#include "engine/container/user.h"
#include "engine/pool/pool.h"

/* The group of the pool, as the group to make the container's in. */
static int find_parent(struct spec_plan *p, const char **ret, struct err *e)
{
	struct pool pool = {0};
	int r;

	if (!p->q->pool) {
		*ret = p->q->cgroup_parent;
		return 0;
	}
	if (p->q->cgroup_parent)
		return err_say(e, -EINVAL,
			       "conflicting options: --pool and --cgroup-parent both say where its "
			       "group is");
	r = pool_find(p->g, p->q->pool, p->a, &pool, e);
	p->r->pool = pool.name;
	return r < 0 ? r : pool_path(p->g, &pool, p->a, ret, e);
}

static int groups_plan(struct spec_plan *p, struct err *e)
{
	const char *given = NULL, *parent;
	int r = find_parent(p, &given, e);

	if (r < 0)
		return r;
	parent = given ? given : "/berth";

	if (parent[0] != '/' || strstr(parent, "/.."))
		return err_say(e, -EINVAL,
			       "--cgroup-parent %s: want an absolute path below the hierarchy's "
			       "root, such as /team",
			       parent);
	/* The runtime chooses an ordinary user's: below the own group, or none where no limit needs one. */
	if (!p->g->is_rootless || given)
		p->r->cgroup_path =
			arena_printf(p->a, "%s/%s", str_eq(parent, "/") ? "" : parent, p->r->id);
	p->s->linux_.cgroups_path = p->r->cgroup_path;
	return request_limits(p->q, p->a, &p->s->linux_.resources, e);
}

int request_plan(const struct engine *g, const struct container_request *q,
		 const struct image *image, int root_fd, struct arena *a, struct record *ret_record,
		 struct oci_spec *ret_spec, struct err *e)
{
	static int (*const parts[])(struct spec_plan * p, struct err * e) = {
		policy_plan,         namespaces_plan, command_plan, user_plan,   security_plan,
		process_limits_plan, groups_plan,     devices_plan, mounts_plan,
	};
	struct spec_plan p = {.g = g,
			      .q = q,
			      .image = image,
			      .root_fd = root_fd,
			      .a = a,
			      .r = ret_record,
			      .s = ret_spec};
	int r = 0;

	ret_record->platform = q->platform;
	ret_spec->oci_version = "1.3.0";
	ret_spec->root.path = "rootfs";
	ret_spec->root.readonly = q->read_only;
	for (size_t i = 0; r == 0 && i < ARRAY_LEN(parts); i++)
		r = parts[i](&p, e);
	/* An ordinary user's kernel has no id-mapped mounts: the files stay as they are. */
	if (!g->is_rootless && p.mode[SPEC_USER] == SPEC_PRIVATE) {
		ret_record->uid_maps = ret_spec->linux_.uid_mappings;
		ret_record->gid_maps = ret_spec->linux_.gid_mappings;
	}
	return r;
}

bool request_needs_root(const struct container_request *q, const struct image *image)
{
	const char *user = q->user ? q->user : image->config.config.user;

	for (size_t i = 0; i < q->group_add.n; i++)
		if (user_has_name(q->group_add.v[i]))
			return true;
	/* A number is looked up, too: for its groups. */
	if ((user && *user && !str_eq(user, "0") && !str_eq(user, "0:0")) ||
	    image->config.config.volumes.n)
		return true;
	for (size_t i = 0; i < q->volume.n; i++)
		if (q->volume.v[i][0] != '/' || !strchr(q->volume.v[i], ':'))
			return true;
	return q->mount.n > 0;
}
