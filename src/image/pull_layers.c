/* SPDX-License-Identifier: Apache-2.0 */
/* The layers of a pull: which are here, which come from the registry, three at once. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "base/arena.h"
#include "base/auto.h"
#include "base/err.h"
#include "base/json.h"
#include "base/str.h"
#include "image/layer.h"
#include "image/partial.h"
#include "image/pull.h"
#include "kernel/fd.h"
#include "kernel/tree.h"

enum { AT_ONCE = 3, DIGITS = 12, PIECE = 256 << 10, LAYER_FILE_MAX = 1 << 20 };

enum part_state { PART_WAITING, PART_COMING, PART_HERE };

struct part {
	struct registry_download download; /* first: its owner is found through it */
	const struct pull *pull;
	const struct oci_descriptor *descriptor;
	const char *diff_id, *chain, *parent;
	size_t row;
	enum part_state state;
	struct layer_job *job;
	bool is_resumed;  /* began with what a killed pull left */
	int64_t got;      /* bytes so far */
	int64_t unpacked; /* bytes of its files */
};

struct parts {
	const struct pull *pull;
	struct registry *registry;
	struct part *v;
	size_t n, coming, here;
};

/* ---- layers that are here ------------------------------------------------------------------------- */

static int64_t known_size(const struct pull *p, const char *chain)
{
	static const struct json_field fields[] = {
		JSON_FIELD("unpackedSize", struct layer_result, unpacked_size, &json_i64_type,
			   JSON_REQUIRED),
	};
	static const struct json_type type = JSON_OBJECT(struct layer_result, fields);
	const char *folder = arena_printf(p->arena, "layers/%s", chain + strlen("sha256:"));
	struct layer_result known = {0};
	int64_t bytes = 0;
	size_t n = 0;
	char *text;

	if (file_read_at(p->g->data_fd, arena_printf(p->arena, "%s/layer.json", folder), p->arena,
			 LAYER_FILE_MAX, &text, &n) == 0 &&
	    json_decode(text, n, &type, &known, p->arena, "layer.json", NULL) == 0)
		return known.unpacked_size;
	tree_size_at(p->g->data_fd, arena_printf(p->arena, "%s/diff", folder), &bytes, NULL);
	return bytes;
}

static void mark_here(struct parts *parts, struct part *part, int64_t unpacked, const char *status)
{
	part->state = PART_HERE;
	part->unpacked = unpacked;
	parts->here++;
	progress_done(parts->pull->progress, part->row, status);
}

/* ---- bytes ---------------------------------------------------------------------------------------- */

static int feed(struct part *part, const void *data, size_t n, struct err *e)
{
	int r = layer_feed(part->job, data, n, e);

	if (r < 0)
		return r;
	part->got += (int64_t)n;
	progress_set(part->pull->progress, part->row, "Pulling", part->got, part->descriptor->size);
	return 0;
}

static int take(void *owner, const void *data, size_t n, struct err *e)
{
	struct part *part = owner;

	return feed(part, data, n, e);
}

/* A blob that is here, of a layer that is not (the same bytes upon other layers, or removed), or what a killed pull
 * has of it: so much less to download. */
static int feed_blob(struct part *part, int fd, struct err *e)
{
	auto_free char *buffer = malloc(PIECE);
	ssize_t n;
	int r = 0;

	if (!buffer)
		return err_sys(e, -ENOMEM, "read blob %s", part->descriptor->digest);
	while (r == 0 && (n = read(fd, buffer, PIECE)) != 0)
		r = n > 0 ? feed(part, buffer, (size_t)n, e)
			  : err_sys(e, -errno, "read blob %s", part->descriptor->digest);
	return r;
}

/* ---- the life of one ------------------------------------------------------------------------------ */

static int finish(struct parts *parts, struct part *part, struct err *e)
{
	struct layer_result result = {0};
	int r;

	progress_set(parts->pull->progress, part->row, "Extracting", part->got,
		     part->descriptor->size);
	r = layer_finish(TAKE_PTR(part->job), parts->pull->arena, &result, e);
	if (r == 0)
		mark_here(parts, part, result.unpacked_size, "Pull complete");
	return r;
}

static int begin(struct parts *parts, struct part *part, struct err *e)
{
	const struct layer_wanted wanted = {.digest = part->descriptor->digest,
					    .diff_id = part->diff_id,
					    .parent = part->parent,
					    .media_type = part->descriptor->media_type,
					    .size = part->descriptor->size};
	const struct engine *g = parts->pull->g;
	auto_close int blob = -EBADF;
	int64_t size = -1;
	int r;

	/* Another pull may have been faster. */
	if (layer_exists(g, part->chain, part->descriptor->digest)) {
		mark_here(parts, part, known_size(parts->pull, part->chain), "Already exists");
		return 0;
	}
	r = layer_begin(g, &wanted, &part->job, e);
	if (r < 0)
		return r;
	if (image_blob_open(g, part->descriptor->digest, &blob, &size, NULL) < 0)
		part->is_resumed = (blob = partial_take(g, part->descriptor->digest, &size)) >= 0;
	if (blob >= 0 && size <= part->descriptor->size) {
		r = feed_blob(part, blob, e);
		if (r < 0 || part->got == part->descriptor->size)
			return r < 0 ? r : finish(parts, part, e);
	}
	part->download = (struct registry_download){.digest = part->descriptor->digest,
						    .size = part->descriptor->size,
						    .from = part->got,
						    .take = take};
	r = registry_download_start(parts->registry, &part->download, e);
	if (r < 0)
		return r;
	part->state = PART_COMING;
	parts->coming++;
	return 0;
}

/* One whose bytes are on their way already waits for them: then they come from the store. */
static bool is_coming(const struct parts *parts, const char *digest)
{
	for (size_t i = 0; i < parts->n; i++)
		if (parts->v[i].state == PART_COMING &&
		    str_eq(parts->v[i].descriptor->digest, digest))
			return true;
	return false;
}

/* What a killed pull left may have suffered with the machine: then once more without it. */
static bool may_begin_again(struct part *part, int r, struct err *e)
{
	if (!part->is_resumed || r == -EINTR || r == -ENOSPC)
		return false;
	registry_download_stop(&part->download);
	if (part->job)
		layer_abort(TAKE_PTR(part->job));
	if (e)
		*e = (struct err){0};
	part->is_resumed = false;
	part->got = 0;
	part->state = PART_WAITING;
	return true;
}

static int begin_some(struct parts *parts, struct err *e)
{
	for (size_t i = 0; i < parts->n && parts->coming < AT_ONCE; i++) {
		struct part *part = &parts->v[i];
		int r;

		if (part->state != PART_WAITING || is_coming(parts, part->descriptor->digest))
			continue;
		r = begin(parts, part, e);
		if (r < 0 && may_begin_again(part, r, e))
			r = begin(parts, part, e);
		if (r < 0)
			return r;
	}
	return 0;
}

static int run(struct parts *parts, struct err *e)
{
	int r = begin_some(parts, e);

	while (r == 0 && parts->here < parts->n) {
		struct registry_download *done = NULL;
		struct part *part;

		r = registry_download_next(parts->registry, &done, e);
		if (!done)
			return r < 0 ? r : -EIO;
		part = (struct part *)done;
		parts->coming--;
		if (r == 0)
			r = finish(parts, part, e);
		if (r < 0 && may_begin_again(part, r, e))
			r = 0;
		if (r == 0)
			r = begin_some(parts, e);
	}
	return r;
}

static void drop(struct parts *parts)
{
	for (size_t i = 0; i < parts->n; i++) {
		registry_download_stop(&parts->v[i].download);
		if (parts->v[i].job)
			layer_abort(parts->v[i].job);
	}
}

int pull_layers(const struct pull *p, struct registry *r, const struct oci_descriptor_list *layers,
		const struct str_slice *diff_ids, const struct str_slice *chains, int64_t *ret_size,
		struct err *e)
{
	struct parts parts = {.pull = p, .registry = r, .n = layers->n};
	int64_t size = 0;
	int rc;

	parts.v = arena_array(p->arena, layers->n + 1, sizeof(*parts.v));
	for (size_t i = 0; i < layers->n; i++) {
		struct part *part = &parts.v[i];
		const char *hex = layers->v[i].digest + strlen("sha256:");

		*part = (struct part){.pull = p,
				      .descriptor = &layers->v[i],
				      .diff_id = diff_ids->v[i],
				      .chain = chains->v[i],
				      .parent = i ? chains->v[i - 1] : NULL};
		part->row = progress_row(p->progress, arena_strndup(p->arena, hex, DIGITS));
	}
	rc = run(&parts, e);
	drop(&parts);
	for (size_t i = 0; i < parts.n; i++)
		size += parts.v[i].unpacked;
	if (rc == 0)
		*ret_size = size;
	return rc;
}
