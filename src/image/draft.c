/* SPDX-License-Identifier: Apache-2.0 */
/* An image in the making: layer by layer, then configuration, manifest and names. */
#include "image/draft.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/auto.h"
#include "base/err.h"
#include "base/json.h"
#include "base/sha256.h"
#include "base/str.h"
#include "kernel/fd.h"

int draft_open(const struct engine *g, struct arena *a, struct draft *ret, struct err *e)
{
	int lock = engine_lock_store(g, false, true, e);

	if (lock < 0)
		return lock;
	*ret = (struct draft){.g = g, .a = a, .lock = lock};
	return 0;
}

void draft_close(struct draft *d)
{
	if (d->g)
		auto_close_fn(&d->lock);
	d->g = NULL;
}

/* ---- layers ------------------------------------------------------------------------------------- */

static const char *parent_of(const struct draft *d)
{
	return d->chains.n ? d->chains.v[d->chains.n - 1] : NULL;
}

/* image-spec config.md "Layer ChainID" */
static const char *chain_of(const struct draft *d, const char *diff_id)
{
	const char *parent = parent_of(d), *both;
	char hex[65];

	if (!parent)
		return diff_id;
	both = arena_printf(d->a, "%s %s", parent, diff_id);
	sha256_hex(both, strlen(both), hex);
	return arena_printf(d->a, "sha256:%s", hex);
}

static void add_layer(struct draft *d, const struct oci_descriptor *descriptor, const char *diff_id,
		      const char *chain)
{
	size_t n = d->layers.n;

	if (n == d->room) {
		size_t room = d->room * 2 + 16;

		d->layers.v = arena_grow(d->a, d->layers.v, n * sizeof(*d->layers.v),
					 room * sizeof(*d->layers.v));
		d->diff_ids.v =
			arena_grow(d->a, d->diff_ids.v, n * sizeof(char *), room * sizeof(char *));
		d->chains.v =
			arena_grow(d->a, d->chains.v, n * sizeof(char *), room * sizeof(char *));
		d->room = room;
	}
	d->layers.v[n] = *descriptor;
	d->diff_ids.v[n] = diff_id;
	d->chains.v[n] = chain;
	d->layers.n = d->diff_ids.n = d->chains.n = n + 1;
}

/* What layer.json says of a layer's files. */
static int64_t unpacked_size(const struct draft *d, const char *chain)
{
	struct known {
		int64_t size;
	} known = {0};
	static const struct json_field fields[] = {
		JSON_FIELD("unpackedSize", struct known, size, &json_i64_type, 0),
	};
	static const struct json_type type = JSON_OBJECT(struct known, fields);
	const char *path = arena_printf(d->a, "layers/%s/layer.json", chain + strlen("sha256:"));
	size_t n = 0;
	char *text;

	if (file_read_at(d->g->data_fd, path, d->a, 1 << 20, &text, &n) < 0 ||
	    json_decode(text, n, &type, &known, d->a, "layer.json", NULL) < 0)
		return 0;
	return known.size;
}

int draft_reuse(struct draft *d, const struct oci_descriptor *descriptor, const char *diff_id)
{
	const char *chain = chain_of(d, diff_id);

	if (layer_exists(d->g, chain, descriptor->digest) <= 0)
		return 0;
	add_layer(d, descriptor, diff_id, chain);
	d->size += unpacked_size(d, chain);
	return 1;
}

int draft_layer_begin(struct draft *d, const struct oci_descriptor *descriptor, const char *diff_id,
		      struct layer_job **ret, struct err *e)
{
	const struct layer_wanted w = {
		.digest = descriptor ? descriptor->digest : NULL,
		.diff_id = diff_id,
		.parent = parent_of(d),
		.media_type = descriptor ? descriptor->media_type : NULL,
		.size = descriptor ? descriptor->size : -1,
	};

	return layer_begin(d->g, &w, ret, e);
}

int draft_layer_end(struct draft *d, struct layer_job *job, const char *media_type, struct err *e)
{
	struct layer_result result = {0};
	struct oci_descriptor descriptor;
	int r = layer_finish(job, d->a, &result, e);

	if (r < 0)
		return r;
	descriptor = (struct oci_descriptor){
		.media_type = media_type, .digest = result.digest, .size = result.size};
	add_layer(d, &descriptor, result.diff_id, result.chain);
	d->size += result.unpacked_size;
	return 0;
}

static const struct {
	const char *docker, *oci;
} type_pairs[] = {
	{DOCKER_TYPE_LAYER, OCI_TYPE_LAYER},
	{DOCKER_TYPE_LAYER_GZIP, OCI_TYPE_LAYER_GZIP},
	{DOCKER_TYPE_CONFIG, OCI_TYPE_CONFIG},
};

static const char *oci_type(const char *media_type)
{
	for (size_t i = 0; i < ARRAY_LEN(type_pairs); i++)
		if (str_eq(media_type, type_pairs[i].docker))
			return type_pairs[i].oci;
	return media_type;
}

int draft_inherit(struct draft *d, const struct image *image, struct err *e)
{
	const struct str_slice *diff_ids = &image->config.rootfs.diff_ids;
	struct oci_manifest m = {0};
	size_t n = 0;
	char *text;
	int r = 0;

	if (!diff_ids->n)
		return 0;
	if (!image->manifest)
		return err_say(e, -ENOENT, "image %s has no manifest: pull it again", image->id);
	r = image_blob_read(d->g, image->manifest, d->a, &text, &n, e);
	if (r == 0)
		r = oci_decode_manifest(text, n, image->manifest, d->a, &m, e);
	if (r < 0)
		return r;
	if (m.layers.n != diff_ids->n)
		return err_say(e, -EBADMSG, "image %s: its manifest has %zu layers, not %zu",
			       image->id, m.layers.n, diff_ids->n);
	for (size_t i = 0; i < diff_ids->n; i++) {
		m.layers.v[i].media_type = oci_type(m.layers.v[i].media_type);
		add_layer(d, &m.layers.v[i], diff_ids->v[i], chain_of(d, diff_ids->v[i]));
		if (layer_exists(d->g, d->chains.v[i], m.layers.v[i].digest) <= 0)
			return err_say(e, -ENOENT,
				       "layer %s of image %s is not whole in the local store: pull "
				       "it again",
				       diff_ids->v[i], image->id);
	}
	d->size += image->size;
	return 0;
}

const char *draft_media_type(const void *data, size_t n)
{
	static const uint8_t gzip[] = {0x1f, 0x8b}, zstd[] = {0x28, 0xb5, 0x2f, 0xfd};

	if (n >= sizeof(gzip) && memcmp(data, gzip, sizeof(gzip)) == 0)
		return OCI_TYPE_LAYER_GZIP;
	if (n >= sizeof(zstd) && memcmp(data, zstd, sizeof(zstd)) == 0)
		return OCI_TYPE_LAYER_ZSTD;
	return OCI_TYPE_LAYER;
}

/* ---- the image ---------------------------------------------------------------------------------- */

void draft_manifest_print(const struct oci_descriptor *config,
			  const struct oci_descriptor_list *layers, struct json_writer *w)
{
	struct oci_manifest m = {.schema_version = 2,
				 .media_type = OCI_TYPE_MANIFEST,
				 .config = *config,
				 .layers = *layers};

	oci_manifest_print(&m, w);
}

static int write_manifest(struct draft *d, const char *id, size_t n_config, const char *text,
			  size_t n, const char **ret, struct err *e)
{
	const struct oci_descriptor config = {
		.media_type = OCI_TYPE_CONFIG, .digest = id, .size = (int64_t)n_config};
	auto_json_writer struct json_writer w = {0};

	if (text)
		return image_blob_write(d->g, text, n, d->a, ret, e);
	draft_manifest_print(&config, &d->layers, &w);
	return image_blob_write(d->g, w.buf, w.len, d->a, ret, e);
}

/* The configuration must name the very layers that are here. */
static int check_diff_ids(const struct draft *d, const struct oci_image_config *c, struct err *e)
{
	bool is_same = c->rootfs.diff_ids.n == d->diff_ids.n;

	for (size_t i = 0; is_same && i < d->diff_ids.n; i++)
		is_same = str_eq(c->rootfs.diff_ids.v[i], d->diff_ids.v[i]);
	return is_same ? 0
		       : err_say(e, -EBADMSG,
				 "the image's configuration names other layers than it came with");
}

int draft_save(struct draft *d, const char *config, size_t n_config, const char *manifest,
	       size_t n_manifest, const struct str_slice *references, const char **ret_id,
	       struct err *e)
{
	struct image image = {.size = d->size};
	int r = oci_decode_image_config(config, n_config, "the image's configuration", d->a,
					&image.config, e);

	if (r == 0)
		r = check_diff_ids(d, &image.config, e);
	if (r == 0)
		r = image_blob_write(d->g, config, n_config, d->a, &image.id, e);
	if (r == 0)
		r = write_manifest(d, image.id, n_config, manifest, n_manifest, &image.manifest, e);
	if (r < 0)
		return r;
	if (references)
		image.references = *references;
	image.layers.v = arena_array(d->a, d->chains.n + 1, sizeof(char *));
	for (size_t i = 0; i < d->chains.n; i++)
		image.layers.v[image.layers.n++] = d->chains.v[i] + strlen("sha256:");
	r = image_add(d->g, &image, NULL, e);
	if (r == 0)
		*ret_id = image.id;
	return r;
}

bool draft_is_there(const struct engine *g, const char *id, struct arena *a)
{
	struct draft d = {.g = g, .a = a, .lock = -EBADF};
	struct image image;

	/* Whatever is missing is no error here: then the image is loaded anew. */
	return image_find(g, id, a, &image, NULL) == 0 && str_eq(image.id, id) && image.manifest &&
	       draft_inherit(&d, &image, NULL) == 0;
}
