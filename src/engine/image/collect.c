/* SPDX-License-Identifier: Apache-2.0 */
/* Garbage: layers, blobs and drafts that no image and no container needs. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/auto.h"
#include "base/err.h"
#include "base/log.h"
#include "base/str.h"
#include "engine/image/store.h"
#include "kernel/tree.h"

/*
 * Theory of operation
 *
 * With the store's lock exclusive nobody adds an image or makes a container. Needed are the layers of all images
 * and of all containers' records; the manifest, configuration and layer blobs of all images; and blobs that a
 * reference names by digest. Where one of these lists cannot be known (a record or a manifest is unreadable)
 * nothing of that kind is removed. A layer leaves by one rename to tmp/, so it is never seen half there.
 * Entries of tmp/ whose maker lives are locked (flock); all others were left by killed processes.
 */

struct keep {
	struct str_slice names; /* sorted once complete */
	size_t room;
	bool is_partial;
};

struct collection {
	const struct engine *g;
	struct arena *a;
	struct keep layers, blobs;
	int64_t bytes;
};

/* ---- what is needed ------------------------------------------------------------------------------ */

static void keep_add(struct keep *k, struct arena *a, const char *name)
{
	if (k->names.n == k->room) {
		k->names.v = arena_grow(a, k->names.v, k->room * sizeof(*k->names.v),
					(k->room * 2 + 64) * sizeof(*k->names.v));
		k->room = k->room * 2 + 64;
	}
	k->names.v[k->names.n++] = name;
}

static int compare(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void keep_sort(struct keep *k)
{
	if (k->names.n)
		qsort(k->names.v, k->names.n, sizeof(*k->names.v), compare);
}

static bool keep_has(const struct keep *k, const char *name)
{
	return k->names.n &&
	       bsearch(&name, k->names.v, k->names.n, sizeof(*k->names.v), compare) != NULL;
}

static void keep_digest(struct collection *c, const char *digest)
{
	if (oci_digest_is_valid(digest))
		keep_add(&c->blobs, c->a, digest + 7);
}

/* A manifest's parts; of an index nothing below it is known to be here. */
static void keep_manifest(struct collection *c, const char *digest)
{
	struct oci_manifest m = {0};
	struct err why = {0};
	size_t n = 0;
	char *text;
	int r;

	keep_digest(c, digest);
	r = image_blob_read(c->g, digest, c->a, &text, &n, &why);
	if (r == -ENOENT)
		return;
	if (r == 0)
		r = oci_decode_manifest(text, n, digest, c->a, &m, &why);
	if (r < 0) {
		log_warning("%s", why.text);
		c->blobs.is_partial = true;
		return;
	}
	keep_digest(c, m.config.digest);
	for (size_t i = 0; i < m.layers.n; i++)
		keep_digest(c, m.layers.v[i].digest);
}

static int keep_images(struct collection *c, struct err *e)
{
	struct str_slice files = {0};
	struct image *list = NULL;
	size_t n = 0;
	int r = store_names(c->g, "images", c->a, &files, e);

	if (r == 0)
		r = image_list(c->g, c->a, &list, &n, e);
	if (r < 0)
		return r;
	/* One could not be read, and a warning told so. */
	c->layers.is_partial |= n < files.n;
	c->blobs.is_partial |= n < files.n;
	for (size_t i = 0; i < n; i++) {
		const struct image *image = &list[i];

		for (size_t k = 0; k < image->layers.n; k++)
			keep_add(&c->layers, c->a, image->layers.v[k]);
		keep_digest(c, image->id);
		if (image->manifest)
			keep_manifest(c, image->manifest);
		for (size_t k = 0; k < image->digests.n; k++)
			keep_digest(c, strchr(image->digests.v[k], '@') + 1);
	}
	return 0;
}

static int keep_containers(struct collection *c, struct err *e)
{
	struct use_list uses = {0};
	int r = use_list(c->g, c->a, &uses, e);

	if (r < 0)
		return r;
	c->layers.is_partial |= uses.is_partial;
	for (size_t i = 0; i < uses.n; i++)
		for (size_t k = 0; k < uses.v[i].layers.n; k++)
			keep_add(&c->layers, c->a, uses.v[i].layers.v[k]);
	return 0;
}

/* ---- what goes ----------------------------------------------------------------------------------- */

static int remove_tree(struct collection *c, const char *path, struct err *e)
{
	int64_t bytes = 0;
	int r;

	tree_size_at(c->g->data_fd, path, &bytes, NULL);
	r = tree_remove_at(c->g->data_fd, path);
	if (r < 0)
		return err_sys(e, r, "remove %s/%s", c->g->data, path);
	c->bytes += bytes;
	return 0;
}

static int sweep_layers(struct collection *c, struct err *e)
{
	struct str_slice names = {0};
	int r = c->layers.is_partial ? 0 : store_names(c->g, "layers", c->a, &names, e);

	for (size_t i = 0; r == 0 && i < names.n; i++) {
		const char *path, *grave;

		if (!is_hex_name(names.v[i], HEX_LENGTH) || keep_has(&c->layers, names.v[i]))
			continue;
		path = arena_printf(c->a, "layers/%s", names.v[i]);
		grave = arena_printf(c->a, "tmp/removed-layer-%s", names.v[i]);
		/* One that a killed collector left is in the way. */
		r = tree_remove_at(c->g->data_fd, grave);
		if (r < 0)
			return err_sys(e, r, "remove %s/%s", c->g->data, grave);
		if (renameat(c->g->data_fd, path, c->g->data_fd, grave) < 0)
			return err_sys(e, -errno, "remove %s/%s", c->g->data, path);
		r = remove_tree(c, grave, e);
	}
	return r;
}

static int sweep_blobs(struct collection *c, struct err *e)
{
	struct str_slice names = {0};
	int r = c->blobs.is_partial ? 0 : store_names(c->g, "blobs/sha256", c->a, &names, e);

	for (size_t i = 0; r == 0 && i < names.n; i++)
		if (!keep_has(&c->blobs, names.v[i]))
			r = remove_tree(c, arena_printf(c->a, "blobs/sha256/%s", names.v[i]), e);
	return r;
}

/* Does its maker live? Links cannot be locked and belong to nobody. */
static bool is_locked(const struct engine *g, const char *path)
{
	auto_close int fd =
		openat(g->data_fd, path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);

	return fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) < 0 && errno == EWOULDBLOCK;
}

static int sweep_drafts(struct collection *c, struct err *e)
{
	struct str_slice names = {0};
	int r = store_names(c->g, "tmp", c->a, &names, e);

	for (size_t i = 0; r == 0 && i < names.n; i++) {
		const char *path = arena_printf(c->a, "tmp/%s", names.v[i]);

		if (!is_locked(c->g, path))
			r = remove_tree(c, path, e);
	}
	return r;
}

int collect_locked(const struct engine *g, int64_t *ret_bytes, struct err *e)
{
	auto_arena struct arena a = {0};
	struct collection c = {.g = g, .a = &a};
	int r;

	if ((r = keep_images(&c, e)) < 0 || (r = keep_containers(&c, e)) < 0)
		return r;
	keep_sort(&c.layers);
	keep_sort(&c.blobs);
	if ((r = sweep_layers(&c, e)) < 0 || (r = sweep_blobs(&c, e)) < 0 ||
	    (r = sweep_drafts(&c, e)) < 0)
		return r;
	if (ret_bytes)
		*ret_bytes = c.bytes;
	return 0;
}

int image_collect(const struct engine *g, int64_t *ret_bytes, struct err *e)
{
	bool is_exclusive = false;
	auto_close int lock = store_lock_some(g, &is_exclusive, e);

	if (ret_bytes)
		*ret_bytes = 0;
	if (lock < 0)
		return lock;
	return is_exclusive ? collect_locked(g, ret_bytes, e) : 0;
}
