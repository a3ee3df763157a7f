/* SPDX-License-Identifier: Apache-2.0 */
/* oci-archive and oci-layout (image-spec image-layout.md): index.json leads to manifests, these to blobs. */
#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "base/arena.h"
#include "base/auto.h"
#include "base/err.h"
#include "base/sha256.h"
#include "base/str.h"
#include "engine/event.h"
#include "image/archive_read.h"

enum { INDEXES_MAX = 4 /* one within the other */ };

static const char *blob_name(const struct load *l, const char *digest)
{
	return arena_printf(l->a, "blobs/sha256/%s", digest + strlen("sha256:"));
}

/* A small blob, checked against its descriptor. */
static int read_blob(struct load *l, const struct oci_descriptor *d, char **ret, size_t *ret_n,
		     struct err *e)
{
	char hex[65];
	int r;

	if (!oci_digest_is_valid(d->digest))
		return err_say(e, -EINVAL, "%s: %.100s is no digest that is known here",
			       l->source.label, d->digest ? d->digest : "");
	r = source_read(&l->source, blob_name(l, d->digest), l->a, ret, ret_n, e);
	if (r < 0)
		return r;
	sha256_hex(*ret, *ret_n, hex);
	if (!str_eq(hex, d->digest + strlen("sha256:")))
		return err_say(e, -EBADMSG,
			       "%s: blob %s: digest mismatch: its content is sha256:%s",
			       l->source.label, d->digest, hex);
	if (d->size != (int64_t)*ret_n)
		return err_say(e, -EBADMSG, "%s: blob %s has %zu bytes, not %lld", l->source.label,
			       d->digest, *ret_n, (long long)d->size);
	return 0;
}

/* ---- one image ---------------------------------------------------------------------------------- */

/* An image as its manifest describes it. */
struct found {
	struct oci_manifest manifest;
	struct oci_image_config config;
	char *manifest_text, *config_text;
	size_t n_manifest, n_config;
};

/* Down to the manifest of our platform, through indexes within indexes. */
static int find_manifest(struct load *l, struct oci_descriptor d, struct found *ret, struct err *e)
{
	for (unsigned depth = 0; depth < INDEXES_MAX; depth++) {
		int i, r = read_blob(l, &d, &ret->manifest_text, &ret->n_manifest, e);

		if (r == 0)
			r = oci_decode_manifest(ret->manifest_text, ret->n_manifest, d.digest, l->a,
						&ret->manifest, e);
		if (r < 0 || !ret->manifest.is_index)
			return r;
		i = oci_platform_choose(&ret->manifest.manifests, &l->platform);
		if (i < 0)
			return err_say(e, -ENOEXEC, "%s: index %s has no image for %s/%s",
				       l->source.label, d.digest, l->platform.os,
				       l->platform.architecture);
		d = ret->manifest.manifests.v[i];
	}
	return err_say(e, -ELOOP, "%s: more than %d indexes one within the other", l->source.label,
		       INDEXES_MAX);
}

static int read_image(struct load *l, const struct oci_descriptor *d, struct found *ret,
		      struct err *e)
{
	const struct oci_descriptor *config = &ret->manifest.config;
	int r = find_manifest(l, *d, ret, e);

	if (r < 0)
		return r;
	if (!str_eq(config->media_type, OCI_TYPE_CONFIG) &&
	    !str_eq(config->media_type, DOCKER_TYPE_CONFIG))
		return err_say(e, -EINVAL,
			       "%s: manifest %s is of no image: its configuration is %.100s",
			       l->source.label, d->digest,
			       config->media_type ? config->media_type : "of no type");
	r = read_blob(l, config, &ret->config_text, &ret->n_config, e);
	if (r == 0)
		r = oci_decode_image_config(ret->config_text, ret->n_config, config->digest, l->a,
					    &ret->config, e);
	if (r == 0)
		r = load_check_platform(l, &ret->config, e);
	if (r == 0 && ret->config.rootfs.diff_ids.n != ret->manifest.layers.n)
		r = err_say(e, -EBADMSG, "%s: manifest %s has %zu layers, its configuration %zu",
			    l->source.label, d->digest, ret->manifest.layers.n,
			    ret->config.rootfs.diff_ids.n);
	return r;
}

static int load_layer(struct load *l, struct draft *d, const struct oci_descriptor *layer,
		      const char *diff_id, struct err *e)
{
	auto_part struct part p = {.fd = -EBADF};
	struct layer_job *job = NULL;
	int r;

	if (!oci_digest_is_valid(layer->digest))
		return err_say(e, -EINVAL, "%s: layer %.100s: no digest that is known here",
			       l->source.label, layer->digest ? layer->digest : "");
	if (draft_reuse(d, layer, diff_id))
		return 0;
	r = source_part(&l->source, blob_name(l, layer->digest), l->a, &p, e);
	if (r == 0 && p.size != layer->size)
		r = err_say(e, -EBADMSG, "%s has %lld bytes, not %lld", p.label, (long long)p.size,
			    (long long)layer->size);
	if (r == 0)
		r = draft_layer_begin(d, layer, diff_id, &job, e);
	if (r < 0)
		return r;
	load_watch(l, &p, diff_id);
	r = part_feed(&p, job, e);
	if (r < 0) {
		layer_abort(job);
		return r;
	}
	r = draft_layer_end(d, job, layer->media_type, e);
	if (r == 0 && p.progress)
		progress_done(p.progress, p.row, "Loaded");
	return r;
}

static int load_image(struct load *l, const struct oci_descriptor *descriptor,
		      const struct str_slice *references, struct err *e)
{
	auto_draft struct draft d = {.lock = -EBADF};
	struct found f = {0};
	const char *id = NULL;
	int r = read_image(l, descriptor, &f, e);

	if (r == 0)
		r = draft_open(l->g, l->a, &d, e);
	if (r < 0)
		return r;
	if (draft_is_there(l->g, f.manifest.config.digest, l->a)) {
		id = f.manifest.config.digest;
		for (size_t i = 0; r == 0 && i < references->n; i++)
			r = image_tag(l->g, id, references->v[i], e);
	} else {
		for (size_t i = 0; r == 0 && i < f.manifest.layers.n; i++)
			r = load_layer(l, &d, &f.manifest.layers.v[i],
				       f.config.rootfs.diff_ids.v[i], e);
		if (r == 0)
			r = draft_save(&d, f.config_text, f.n_config, f.manifest_text, f.n_manifest,
				       references, &id, e);
	}
	if (r < 0)
		return r;
	event_emit(l->g, "image", "load", id, references->n ? references->v[0] : id, NULL);
	return load_tell(l, id, references, e);
}

/* ---- index.json --------------------------------------------------------------------------------- */

static const char *annotation(const struct oci_descriptor *d, const char *key)
{
	for (size_t i = 0; i < d->annotations.n; i++)
		if (str_eq(d->annotations.v[i].key, key))
			return d->annotations.v[i].value;
	return NULL;
}

/* "latest", "1.36", "v2": the specification wants a mere tag there, which names no image. */
static bool is_mere_tag(const char *name)
{
	if (strpbrk(name, ":/"))
		return false;
	return str_eq(name, "latest") || isdigit((unsigned char)*name) ||
	       (*name == 'v' && isdigit((unsigned char)name[1]));
}

/* What an entry is called, or NULL. */
static const char *entry_name(const struct oci_descriptor *d)
{
	const char *name = annotation(d, "io.containerd.image.name");

	if (name && *name)
		return name;
	name = annotation(d, "org.opencontainers.image.ref.name");
	return name && *name && !is_mere_tag(name) ? name : NULL;
}

/* Entries of one name (or all without) that differ in their platform are one image. */
static int load_group(struct load *l, const struct oci_descriptor_list *all, size_t first,
		      bool *is_done, struct err *e)
{
	struct oci_descriptor_list group = {.v = arena_array(l->a, all->n, sizeof(*group.v))};
	struct str_slice references = {.v = arena_array(l->a, 1, sizeof(char *))};
	const char *name = entry_name(&all->v[first]);
	bool has_platforms = true;
	int r = 0, i = 0;

	for (size_t k = first; k < all->n; k++) {
		if (is_done[k] || !str_eq(name, entry_name(&all->v[k])))
			continue;
		is_done[k] = true;
		has_platforms &= all->v[k].platform.is_set;
		group.v[group.n++] = all->v[k];
	}
	if (name)
		r = load_reference(l, name, &references.v[references.n++], e);
	if (r == 0 && group.n > 1 && has_platforms) {
		i = oci_platform_choose(&group, &l->platform);
		if (i < 0)
			return err_say(e, -ENOEXEC, "%s has no image for %s/%s", l->source.label,
				       l->platform.os, l->platform.architecture);
		return load_image(l, &group.v[i], &references, e);
	}
	for (size_t k = 0; r == 0 && k < group.n; k++)
		r = load_image(l, &group.v[k], &references, e);
	return r;
}

int load_oci(struct load *l, struct err *e)
{
	struct oci_manifest index = {0};
	bool *is_done;
	size_t n = 0;
	char *text;
	int r = source_read(&l->source, "index.json", l->a, &text, &n, e);

	if (r == 0)
		r = oci_decode_manifest(text, n,
					arena_printf(l->a, "%s: index.json", l->source.label), l->a,
					&index, e);
	if (r == 0 && (!index.is_index || !index.manifests.n))
		r = err_say(e, -EINVAL, "%s: index.json lists no image", l->source.label);
	if (r < 0)
		return r;
	is_done = arena_array(l->a, index.manifests.n, sizeof(*is_done));
	for (size_t i = 0; r == 0 && i < index.manifests.n; i++)
		if (!is_done[i])
			r = load_group(l, &index.manifests, i, is_done, e);
	return r;
}
