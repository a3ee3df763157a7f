/* SPDX-License-Identifier: Apache-2.0 */
/* A container from a request: id, name, folder, volumes, files, specification. */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "base/arena.h"
#include "base/auto.h"
#include "base/err.h"
#include "base/json.h"
#include "base/str.h"
#include "engine/container/container.h"
#include "engine/container/files.h"
#include "engine/container/names.h"
#include "engine/container/remove.h"
#include "engine/container/sources.h"
#include "engine/event.h"
#include "engine/pool/pool.h"
#include "engine/volume/volume.h"
#include "kernel/fd.h"
#include "kernel/sys.h"
#include "kernel/tree.h"
#include "oci/encode.h"

/*
 * Theory of operation
 *
 * The folder is made in tmp/, locked, and moved to containers/: so whoever sees it there finds the lock held,
 * and a folder that is not locked and has no record.json is what a killed create left. record.json comes last: with
 * it the container is there. The store is locked (shared) all the while, so the image cannot go.
 */

/* What is under way. */
struct making {
	const struct engine *g;
	const struct container_request *q;
	struct arena *a;
	struct image image;
	struct record record;
	struct oci_spec spec;
	int dir_fd, lock_fd, root_fd;
	int volumes_fd; /* the lock of volumes/, until the record names them */
	bool has_folder, has_name;
	struct str_slice volumes; /* the anonymous ones that were made */
};

static int64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static enum image_pull pull_policy(const char *word, struct err *e)
{
	if (!word || str_eq(word, "missing"))
		return IMAGE_PULL_MISSING;
	if (str_eq(word, "always"))
		return IMAGE_PULL_ALWAYS;
	if (str_eq(word, "never"))
		return IMAGE_PULL_NEVER;
	return (enum image_pull)err_say(e, -EINVAL, "--pull %s: missing, always or never", word);
}

static int make_folder(struct making *m, struct err *e)
{
	char draft[96], path[96];

	snprintf(draft, sizeof(draft), "tmp/%s", m->record.id);
	snprintf(path, sizeof(path), "containers/%s", m->record.id);
	if (mkdirat(m->g->data_fd, draft, 0700) < 0)
		return err_sys(e, -errno, "make %s/%s", m->g->data, draft);
	m->has_folder = true;
	m->dir_fd = openat(m->g->data_fd, draft, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (m->dir_fd < 0)
		return err_sys(e, -errno, "open %s/%s", m->g->data, draft);
	m->lock_fd = record_lock(m->dir_fd, false, e);
	if (m->lock_fd < 0)
		return m->lock_fd;
	if (mkdirat(m->dir_fd, "rootfs", 0755) < 0 ||
	    renameat(m->g->data_fd, draft, m->g->data_fd, path) < 0)
		return err_sys(e, -errno, "make %s/%s", m->g->data, path);
	return 0;
}

static int take_name(struct making *m, struct err *e)
{
	int r = -EEXIST;

	if (m->q->name) {
		m->record.name = m->q->name;
		r = name_check(m->q->name, e);
		if (r == 0)
			r = name_claim(m->g, m->q->name, m->record.id, e);
	}
	for (unsigned i = 0; !m->q->name && r == -EEXIST && i < 64; i++) {
		struct err why = {0};

		m->record.name = name_invent(m->a);
		r = name_claim(m->g, m->record.name, m->record.id, &why);
		if (r < 0 && r != -EEXIST)
			*e = why;
	}
	m->has_name = r == 0;
	return r < 0 ? err_sys(e, r, "find a free name") : 0;
}

/* Does it get ids of its own? Then its root is mounted with them, which the plan finds out. */
static bool has_own_ids(const struct making *m)
{
	return !m->g->is_rootless && m->q->userns && !str_eq(m->q->userns, "host");
}

/* For the plan, where names are looked up or volumes filled. */
static int mount_for_plan(struct making *m, bool is_wanted, struct err *e)
{
	if (has_own_ids(m))
		m->root_fd = image_mount(m->g, &m->record.layers, -1, e);
	else if (is_wanted || request_needs_root(m->q, &m->image))
		m->root_fd = record_mount_root(m->g, &m->record, m->dir_fd, e);
	else
		return 0;
	return m->root_fd < 0 ? m->root_fd : 0;
}

/* For a start that follows at once. */
static int mount_for_start(struct making *m, bool is_wanted, struct err *e)
{
	if (!has_own_ids(m))
		return 0;
	close(TAKE_FD(m->root_fd));
	if (is_wanted)
		m->root_fd = record_mount_root(m->g, &m->record, m->dir_fd, e);
	return is_wanted && m->root_fd < 0 ? m->root_fd : 0;
}

static int write_files(struct making *m, struct err *e)
{
	auto_json_writer struct json_writer request = {0}, config = {0};
	int r;

	request_print(m->q, &request);
	m->record.request = request.buf;
	oci_spec_print(&m->spec, &config);
	r = file_replace_at(m->dir_fd, "config.json", config.buf, config.len, 0600);
	if (r < 0)
		r = err_sys(e, r, "write config.json of the container");
	if (r == 0)
		r = files_write(m->g, m->dir_fd, m->q, &m->record, e);
	/* Order: last, it is what makes the container one. */
	if (r == 0)
		r = record_save(m->dir_fd, &m->record, e);
	m->record.request = arena_strdup(m->a, request.buf);
	return r;
}

static int make(struct making *m, bool mounts, struct err *e)
{
	char id[65];
	int r;

	engine_make_id(id);
	m->record.id = arena_strdup(m->a, id);
	m->record.created_ns = now_ns();
	m->record.image = m->q->image;
	m->record.removes_itself = m->q->rm;
	m->record.image_id = m->image.id;
	m->record.layers = m->image.layers;
	if ((r = make_folder(m, e)) < 0 || (r = take_name(m, e)) < 0 ||
	    (r = mount_for_plan(m, mounts, e)) < 0 ||
	    (r = request_plan(m->g, m->q, &m->image, m->root_fd, m->a, &m->record, &m->spec, e)) <
		    0 ||
	    (r = sources_make(m->g, &m->record, m->root_fd, m->a, &m->volumes, &m->volumes_fd, e)) <
		    0 ||
	    (r = mount_for_start(m, mounts, e)) < 0)
		return r;
	return write_files(m, e);
}

static void undo(struct making *m)
{
	char path[96];

	auto_close_fn(&m->volumes_fd);
	for (size_t i = 0; i < m->volumes.n; i++)
		volume_remove(m->g, m->volumes.v[i], true, NULL);
	auto_close_fn(&m->root_fd);
	if (m->has_name)
		name_release(m->g, m->record.name, m->record.id);
	snprintf(path, sizeof(path), "containers/%s", m->record.id ? m->record.id : "");
	if (m->has_folder) {
		tree_remove_at(m->g->data_fd, path);
		snprintf(path, sizeof(path), "tmp/%s", m->record.id);
		tree_remove_at(m->g->data_fd, path);
	}
	auto_close_fn(&m->lock_fd);
}

/* --replace: whoever has the name goes. */
static int replace(const struct engine *g, const struct container_request *q, struct arena *a,
		   struct err *e)
{
	struct container_info old;
	struct err why = {0};

	if (!q->replace || !q->name || container_find(g, q->name, a, &old, &why) < 0)
		return 0;
	return container_remove(g, &old, true, true, e);
}

int container_create(const struct engine *g, const struct container_request *q, struct arena *a,
		     struct record *ret, int *ret_lock, int *ret_root, struct err *e)
{
	struct making m = {.g = g,
			   .q = q,
			   .a = a,
			   .dir_fd = -EBADF,
			   .lock_fd = -EBADF,
			   .root_fd = -EBADF,
			   .volumes_fd = -EBADF};
	auto_close int store = -EBADF, pools = -EBADF;
	int r, policy = (int)pull_policy(q->pull, e);

	if (policy < 0)
		return policy;
	if ((r = replace(g, q, a, e)) < 0)
		return r;
	/* Order: a pool cannot go before our record names it. */
	pools = q->pool ? pool_lock(g, false, e) : -EBADF;
	if (q->pool && pools < 0)
		return pools;
	store = engine_lock_store(g, false, true, e);
	if (store < 0)
		return store;
	r = image_need(g, q->image, (enum image_pull)policy, q->platform, q->quiet, a, &m.image, e);
	if (r == 0) {
		r = make(&m, ret_root != NULL, e);
		if (r < 0)
			undo(&m);
	}
	auto_close_fn(&m.dir_fd);
	if (r < 0)
		return r;
	auto_close_fn(&m.volumes_fd);
	event_emit(g, "container", "create", m.record.id, m.record.name, NULL);
	*ret = m.record;
	if (ret_lock)
		*ret_lock = m.lock_fd;
	else
		auto_close_fn(&m.lock_fd);
	if (ret_root)
		*ret_root = m.root_fd;
	else
		auto_close_fn(&m.root_fd);
	return 0;
}
