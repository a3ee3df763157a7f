/* SPDX-License-Identifier: Apache-2.0 */
/* What a container's mounts come from: made before its first start. */
#include "engine/container/sources.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/arena.h"
#include "base/auto.h"
#include "base/err.h"
#include "base/str.h"
#include "engine/volume/volume.h"
#include "kernel/sys.h"
#include "kernel/tree.h"

static int make_folders(const char *path, struct err *e)
{
	char part[PATH_MAX];
	size_t n = strlen(path);

	if (n >= sizeof(part))
		return err_sys(e, -ENAMETOOLONG, "make %s", path);
	for (size_t i = 1; i <= n; i++) {
		if (path[i] != '/' && path[i])
			continue;
		memcpy(part, path, i);
		part[i] = '\0';
		if (mkdir(part, 0755) < 0 && errno != EEXIST && errno != EISDIR)
			return err_sys(e, -errno, "make the folder %s for --volume", part);
	}
	return 0;
}

static int make_bind(const struct record_mount *m, struct err *e)
{
	if (!m->makes_source || access(m->source, F_OK) == 0)
		return 0;
	return make_folders(m->source, e);
}

static int make_volume(const struct engine *g, const struct record_mount *m, int root_fd,
		       struct arena *a, struct str_slice *made, struct err *e)
{
	struct volume v = {0};
	bool is_new = false;
	int r = volume_need(g, m->name, m->is_anonymous, &m->labels, &m->options, a, &v, &is_new,
			    e);

	if (r < 0)
		return r;
	if (is_new && m->is_anonymous)
		made->v[made->n++] = v.name;
	if (!is_new || v.options.n || root_fd < 0 || m->copies_not)
		return 0;
	return volume_copy_up(g, &v, root_fd, m->destination, e);
}

static int give_away(const struct record_mount *m, struct err *e)
{
	int r = tree_own_at(AT_FDCWD, m->source, m->owner_uid, m->owner_gid);

	return r < 0 ? err_sys(e, r, "give %s to user %u (option U of the mount at %s)", m->source,
			       m->owner_uid, m->destination)
		     : 0;
}

int sources_make(const struct engine *g, const struct record *r, int root_fd, struct arena *a,
		 struct str_slice *made, int *ret_lock, struct err *e)
{
	int rc = 0;

	*made = (struct str_slice){arena_array(a, r->n_mounts + 1, sizeof(*made->v)), 0};
	for (size_t i = 0; rc == 0 && i < r->n_mounts; i++) {
		const struct record_mount *m = &r->mounts[i];

		if (str_eq(m->type, "volume")) {
			if (*ret_lock < 0 && (*ret_lock = volume_lock(g, false, e)) < 0)
				return *ret_lock;
			rc = make_volume(g, m, root_fd, a, made, e);
		} else if (str_eq(m->type, "bind")) {
			rc = make_bind(m, e);
		}
		if (rc == 0 && m->is_given)
			rc = give_away(m, e);
	}
	return rc;
}
