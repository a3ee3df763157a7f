/* SPDX-License-Identifier: Apache-2.0 */
/* An image of the store into a registry: layers, configuration, manifest. */
#include "image/push.h"

#include <errno.h>
#include <string.h>

#include "base/arena.h"
#include "base/auto.h"
#include "base/err.h"
#include "base/str.h"
#include "engine/event.h"

enum { DIGITS = 12 };

/* What is known to be in another repository of the same registry. */
struct elsewhere {
	const char *repository;
	struct oci_manifest manifest;
};

struct elsewhere_list {
	struct elsewhere *v;
	size_t n;
};

struct pushing {
	const struct push *push;
	struct registry registry;
	const struct oci_reference *reference;
	struct image image;
	struct registry_manifest text;
	struct oci_manifest manifest;
	struct elsewhere_list elsewhere;
};

/* ---- what is to go -------------------------------------------------------------------------------- */

static int load(struct pushing *s, struct err *e)
{
	const struct push *p = s->push;
	const struct oci_reference *ref = s->reference;
	char *text = NULL;
	int r;

	if (ref->digest)
		return err_say(e, -EINVAL, "cannot push a digest reference: %s", ref->familiar);
	r = image_find(p->g, ref->full, p->arena, &s->image, e);
	if (r < 0)
		return r;
	if (!s->image.manifest || !*s->image.manifest)
		return err_say(e, -ENODATA, "image %s has no manifest in the store", ref->familiar);
	r = image_blob_read(p->g, s->image.manifest, p->arena, &text, &s->text.n, e);
	if (r < 0)
		return r;
	s->text.text = text;
	s->text.digest = s->image.manifest;
	r = oci_decode_manifest(text, s->text.n, s->image.manifest, p->arena, &s->manifest, e);
	if (r < 0)
		return r;
	s->text.media_type = s->manifest.media_type ? s->manifest.media_type : OCI_TYPE_MANIFEST;
	return 0;
}

/* Before anything goes: is all of it here? */
static int check_blobs(const struct pushing *s, struct err *e)
{
	for (size_t i = 0; i < s->manifest.layers.n; i++) {
		const struct oci_descriptor *d = &s->manifest.layers.v[i];
		auto_close int fd = -EBADF;
		struct err why = {0};
		int64_t size = 0;
		int r = image_blob_open(s->push->g, d->digest, &fd, &size, &why);

		if (r == -ENOENT)
			return err_say(e, r,
				       "image %s: layer %s is here only unpacked, its blob is not: "
				       "pull the image again",
				       s->reference->familiar, d->digest);
		if (r < 0) {
			if (e)
				*e = why;
			return r;
		}
		if (size != d->size)
			return err_say(e, -EBADMSG,
				       "image %s: blob %s is damaged: pull the image again",
				       s->reference->familiar, d->digest);
	}
	return 0;
}

/* ---- mounts --------------------------------------------------------------------------------------- */

/* REPOSITORY, if DOMAIN/REPOSITORY@DIGEST is another one of our registry; else NULL. */
static const char *other_repository(const struct pushing *s, const char *digest)
{
	const struct oci_reference *ref = s->reference;
	struct oci_reference other;

	if (oci_reference_parse(digest, s->push->arena, &other, NULL) < 0 ||
	    !str_eq(other.domain, ref->domain) || str_eq(other.repository, ref->repository))
		return NULL;
	return other.repository;
}

static void add_elsewhere(struct pushing *s, const struct image *image, const char *repository)
{
	struct elsewhere_list *list = &s->elsewhere;
	struct elsewhere found = {.repository = repository};
	struct arena *a = s->push->arena;
	char *text = NULL;
	size_t n = 0;

	if (!image->manifest ||
	    image_blob_read(s->push->g, image->manifest, a, &text, &n, NULL) < 0 ||
	    oci_decode_manifest(text, n, "manifest", a, &found.manifest, NULL) < 0)
		return;
	list->v = arena_grow(a, list->v, list->n * sizeof(*list->v),
			     (list->n + 1) * sizeof(*list->v));
	list->v[list->n++] = found;
}

static void find_elsewhere(struct pushing *s)
{
	struct image *images = NULL;
	size_t n = 0;

	/* Only a help: without it all layers are sent. */
	if (image_list(s->push->g, s->push->arena, &images, &n, NULL) < 0)
		return;
	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < images[i].digests.n; k++) {
			const char *repository = other_repository(s, images[i].digests.v[k]);

			if (repository)
				add_elsewhere(s, &images[i], repository);
		}
}

static const char *mount_source(const struct pushing *s, const char *digest)
{
	for (size_t i = 0; i < s->elsewhere.n; i++) {
		const struct oci_descriptor_list *layers = &s->elsewhere.v[i].manifest.layers;

		for (size_t k = 0; k < layers->n; k++)
			if (str_eq(layers->v[k].digest, digest))
				return s->elsewhere.v[i].repository;
	}
	return NULL;
}

/* ---- sending -------------------------------------------------------------------------------------- */

struct moving {
	struct progress *progress;
	size_t row;
	int64_t size;
};

static void sent(void *owner, int64_t n)
{
	const struct moving *m = owner;

	progress_set(m->progress, m->row, "Pushing", n, m->size);
}

static int push_layer(struct pushing *s, size_t i, size_t row, struct err *e)
{
	const struct oci_descriptor *d = &s->manifest.layers.v[i];
	struct moving moving = {s->push->progress, row, d->size};
	struct registry_upload u = {.digest = d->digest,
				    .size = d->size,
				    .mount_from = mount_source(s, d->digest),
				    .sent = sent,
				    .owner = &moving};
	auto_close int fd = -EBADF;
	const char *text = "Pushed";
	int r = image_blob_open(s->push->g, d->digest, &fd, NULL, e);

	if (r < 0)
		return r;
	u.fd = fd;
	progress_set(s->push->progress, row, "Preparing", -1, -1);
	r = registry_upload(&s->registry, &u, e);
	if (r < 0)
		return r;
	if (r == REGISTRY_WAS_THERE)
		text = "Layer already exists";
	if (r == REGISTRY_MOUNTED)
		text = arena_printf(s->push->arena, "Mounted from %s", u.mount_from);
	progress_done(s->push->progress, row, text);
	return 0;
}

static int push_layers(struct pushing *s, struct err *e)
{
	struct arena *a = s->push->arena;
	size_t *rows = arena_array(a, s->manifest.layers.n + 1, sizeof(*rows));
	int r = 0;

	for (size_t i = 0; i < s->manifest.layers.n; i++)
		rows[i] =
			progress_row(s->push->progress,
				     arena_strndup(a, s->manifest.layers.v[i].digest + 7, DIGITS));
	for (size_t i = 0; r == 0 && i < s->manifest.layers.n; i++)
		r = push_layer(s, i, rows[i], e);
	return r;
}

static int push_config(struct pushing *s, struct err *e)
{
	struct registry_upload u = {.digest = s->manifest.config.digest};
	char *text = NULL;
	size_t n = 0;
	int r = image_blob_read(s->push->g, u.digest, s->push->arena, &text, &n, e);

	if (r < 0)
		return r;
	u.data = text;
	u.size = (int64_t)n;
	r = registry_upload(&s->registry, &u, e);
	return r < 0 ? r : 0;
}

int push_image(const struct push *p, const struct oci_reference *reference, struct push_result *ret,
	       struct err *e)
{
	auto_close int lock = engine_lock_store(p->g, false, true, e);
	struct pushing s = {.push = p, .reference = reference};
	int r = lock < 0 ? lock : load(&s, e);

	if (r == 0)
		r = check_blobs(&s, e);
	if (r == 0)
		r = registry_open(p->http, reference->domain, reference->repository, true, p->arena,
				  &s.registry, e);
	if (r < 0)
		return r;
	find_elsewhere(&s);
	if ((r = push_layers(&s, e)) < 0 || (r = push_config(&s, e)) < 0 ||
	    (r = registry_manifest_put(&s.registry, reference->tag, &s.text, e)) < 0)
		return r;
	r = image_tag(p->g, s.image.id,
		      arena_printf(p->arena, "%s/%s@%s", reference->domain, reference->repository,
				   s.text.digest),
		      e);
	if (r < 0)
		return r;
	ret->id = s.image.id;
	ret->digest = s.text.digest;
	ret->size = s.text.n;
	event_emit(p->g, "image", "push", s.image.id, reference->familiar, NULL);
	return 0;
}
