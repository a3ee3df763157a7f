/* SPDX-License-Identifier: Apache-2.0 */
/* An image from a registry into the store: manifest, configuration, layers, names. */
#include "image/pull.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "base/arena.h"
#include "base/auto.h"
#include "base/err.h"
#include "base/log.h"
#include "base/str.h"
#include "engine/event.h"
#include "image/layer.h"

struct fetched {
	const char *top;    /* digest of what the name meant */
	const char *digest; /* of the manifest */
	struct oci_manifest manifest;
	struct oci_image_config config;
	struct str_slice chains;
	int64_t size;
};

static int wanted_platform(const struct pull *p, struct oci_platform *ret, struct err *e)
{
	if (p->platform && *p->platform)
		return oci_platform_parse(p->platform, p->arena, ret, e);
	*ret = oci_platform_own();
	return 0;
}

static const char *platform_text(const struct oci_platform *p, struct arena *a)
{
	return arena_printf(a, "%s/%s%s%s", p->os ? p->os : "linux", p->architecture,
			    p->variant ? "/" : "", p->variant ? p->variant : "");
}

/* ---- manifest ------------------------------------------------------------------------------------- */

static int get_manifest(const struct pull *p, struct registry *r, const char *which,
			struct oci_manifest *ret, const char **ret_digest, struct err *e)
{
	const char *document =
		arena_printf(p->arena, "manifest of %s/%s%s%s", r->domain, r->repository,
			     oci_digest_is_valid(which) ? "@" : ":", which);
	struct registry_manifest m = {0};
	const char *digest;
	int rc = registry_manifest_get(r, which, &m, e);

	if (rc == 0)
		rc = oci_decode_manifest(m.text, m.n, document, p->arena, ret, e);
	if (rc == 0)
		rc = image_blob_write(p->g, m.text, m.n, p->arena, &digest, e);
	if (rc == 0)
		*ret_digest = digest;
	return rc;
}

/* Of an index the manifest for the platform. */
static int choose_manifest(const struct pull *p, struct registry *r, struct fetched *f,
			   struct err *e)
{
	struct oci_platform wanted;
	int rc = wanted_platform(p, &wanted, e), i;

	if (rc < 0)
		return rc;
	i = oci_platform_choose(&f->manifest.manifests, &wanted);
	if (i < 0)
		return err_say(e, -ENOENT,
			       "%s/%s: no matching manifest for %s in the manifest list entries",
			       r->domain, r->repository, platform_text(&wanted, p->arena));
	rc = get_manifest(p, r, f->manifest.manifests.v[i].digest, &f->manifest, &f->digest, e);
	if (rc == 0 && f->manifest.is_index)
		return err_say(e, -EINVAL, "%s/%s: manifest %s: an index within an index",
			       r->domain, r->repository, f->digest);
	return rc;
}

/* ---- configuration -------------------------------------------------------------------------------- */

static struct oci_platform config_platform(const struct oci_image_config *c)
{
	return (struct oci_platform){.is_set = true,
				     .os = c->os ? c->os : "linux",
				     .architecture = c->architecture,
				     .variant = c->variant};
}

static bool is_for(const struct oci_image_config *c, const struct oci_platform *wanted)
{
	struct oci_descriptor own = {.platform = config_platform(c)};
	const struct oci_descriptor_list list = {&own, 1};

	return !c->architecture || oci_platform_choose(&list, wanted) >= 0;
}

static int check_platform(const struct pull *p, const struct registry *r,
			  const struct oci_image_config *c, struct err *e)
{
	struct oci_platform wanted, own = config_platform(c);
	int rc = wanted_platform(p, &wanted, e);

	if (rc < 0)
		return rc;
	if (!str_eq(own.os, "linux"))
		return err_say(e, -ENOEXEC, "%s/%s: an image for %s, not for linux", r->domain,
			       r->repository, http_clean(own.os, 40, p->arena));
	if (is_for(c, &wanted))
		return 0;
	if (p->platform && *p->platform)
		return err_say(e, -ENOEXEC,
			       "image %s/%s was found but does not match the specified platform: "
			       "wanted %s, actual: %s",
			       r->domain, r->repository, platform_text(&wanted, p->arena),
			       http_clean(platform_text(&own, p->arena), 80, p->arena));
	log_warning("image %s/%s is made for %s, this machine is %s", r->domain, r->repository,
		    http_clean(platform_text(&own, p->arena), 80, p->arena),
		    platform_text(&wanted, p->arena));
	return 0;
}

static int get_config(const struct pull *p, struct registry *r, struct fetched *f, struct err *e)
{
	const struct oci_descriptor *d = &f->manifest.config;
	const char *text = NULL, *digest;
	char *kept = NULL;
	size_t n = 0;
	int rc;

	/* What holds no image is told by the type of its configuration: charts, signatures, modules. */
	if (d->media_type && *d->media_type && !str_eq(d->media_type, OCI_TYPE_CONFIG) &&
	    !str_eq(d->media_type, DOCKER_TYPE_CONFIG))
		return err_say(e, -EINVAL,
			       "%s/%s is no container image: its configuration is of type %s",
			       r->domain, r->repository, http_clean(d->media_type, 100, p->arena));
	if (image_blob_read(p->g, d->digest, p->arena, &kept, &n, NULL) == 0) {
		text = kept;
	} else {
		rc = registry_blob_get(r, d->digest, d->size, &text, e);
		n = (size_t)d->size;
		if (rc == 0)
			rc = image_blob_write(p->g, text, n, p->arena, &digest, e);
		if (rc < 0)
			return rc;
	}
	rc = oci_decode_image_config(
		text, n, arena_printf(p->arena, "configuration of %s/%s", r->domain, r->repository),
		p->arena, &f->config, e);
	if (rc < 0)
		return rc;
	if (f->config.rootfs.diff_ids.n != f->manifest.layers.n)
		return err_say(e, -EINVAL,
			       "%s/%s: the manifest has %zu layers, the configuration %zu",
			       r->domain, r->repository, f->manifest.layers.n,
			       f->config.rootfs.diff_ids.n);
	oci_chain_ids(&f->config.rootfs.diff_ids, p->arena, &f->chains);
	return check_platform(p, r, &f->config, e);
}

/* ---- the whole ------------------------------------------------------------------------------------ */

static int fetch(const struct pull *p, struct registry *r, const char *which, struct fetched *f,
		 struct err *e)
{
	int rc = get_manifest(p, r, which, &f->manifest, &f->digest, e);

	f->top = f->digest;
	if (rc == 0 && f->manifest.is_index)
		rc = choose_manifest(p, r, f, e);
	if (rc == 0)
		rc = get_config(p, r, f, e);
	if (rc == 0)
		rc = pull_layers(p, r, &f->manifest.layers, &f->config.rootfs.diff_ids, &f->chains,
				 &f->size, e);
	return rc;
}

static int add(const struct pull *p, const struct oci_reference *ref, const struct fetched *f,
	       struct pull_result *ret, struct err *e)
{
	const char *digest =
		arena_printf(p->arena, "%s/%s@%s", ref->domain, ref->repository, f->top);
	const char *name = ref->digest ? NULL : ref->full;
	struct image before = {0}, image = {.id = f->manifest.config.digest,
					    .manifest = f->digest,
					    .size = f->size,
					    .config = f->config,
					    .digests = {&digest, 1}};
	int rc;

	image.layers.v = arena_array(p->arena, f->chains.n + 1, sizeof(*image.layers.v));
	for (; image.layers.n < f->chains.n; image.layers.n++)
		image.layers.v[image.layers.n] = f->chains.v[image.layers.n] + strlen("sha256:");
	ret->is_new = image_find(p->g, name ? name : digest, p->arena, &before, NULL) < 0 ||
		      !str_eq(before.id, image.id);
	rc = image_add(p->g, &image, name, e);
	if (rc < 0)
		return rc;
	ret->id = image.id;
	ret->digest = f->top;
	event_emit(p->g, "image", "pull", image.id, ref->familiar, NULL);
	return 0;
}

/* Does the name mean here what it means there? One HEAD tells, which registries that count pulls do not count.
 * Returns 1 with *ret, 0: no, or not known. */
static int is_up_to_date(const struct pull *p, struct registry *r, const struct oci_reference *ref,
			 struct pull_result *ret)
{
	const char *digest = ref->digest;
	struct image named = {0}, image = {0};
	struct oci_platform wanted;

	if (!digest && (image_find(p->g, ref->full, p->arena, &named, NULL) < 0 ||
			registry_manifest_digest(r, ref->tag, &digest, NULL) <= 0))
		return 0;
	if (image_find(p->g,
		       arena_printf(p->arena, "%s/%s@%s", ref->domain, ref->repository, digest),
		       p->arena, &image, NULL) < 0 ||
	    (!ref->digest && !str_eq(image.id, named.id)) ||
	    wanted_platform(p, &wanted, NULL) < 0 || !is_for(&image.config, &wanted))
		return 0;
	for (size_t i = 0; i < image.layers.n; i++)
		if (!layer_exists(p->g, arena_printf(p->arena, "sha256:%s", image.layers.v[i]),
				  NULL))
			return 0;
	*ret = (struct pull_result){.id = image.id, .digest = digest};
	return 1;
}

static int pull_one(const struct pull *p, struct registry *r, const struct oci_reference *ref,
		    struct pull_result *ret, struct err *e)
{
	auto_close int lock = engine_lock_store(p->g, false, true, e);
	const char *which = ref->digest ? ref->digest : ref->tag;
	struct fetched f = {0};
	int rc;

	if (lock < 0)
		return lock;
	progress_line(p->progress, "%s: Pulling from %s", which, ref->repository);
	if (is_up_to_date(p, r, ref, ret))
		return 0;
	rc = fetch(p, r, which, &f, e);
	return rc < 0 ? rc : add(p, ref, &f, ret, e);
}

/* What a killed pull left below tmp/ goes when one succeeds; before, its finished layers spare a download. */
static void clear_drafts(const struct pull *p)
{
	int fd = openat(p->g->data_fd, "tmp", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	auto_closedir DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *entry;
	struct err why = {0};

	if (!dir && fd >= 0)
		close(fd);
	while (dir && (entry = readdir(dir)))
		if (entry->d_name[0] != '.') {
			if (image_collect(p->g, NULL, &why) < 0)
				log_warning("%s", why.text);
			return;
		}
}

int pull_image(const struct pull *p, const struct oci_reference *reference, struct pull_result *ret,
	       struct err *e)
{
	struct registry r;
	int rc = registry_open(p->http, reference->domain, reference->repository, false, p->arena,
			       &r, e);

	if (rc == 0)
		rc = pull_one(p, &r, reference, ret, e);
	if (rc == 0)
		clear_drafts(p);
	return rc;
}

int pull_all(const struct pull *p, const struct oci_reference *reference,
	     int (*each)(void *owner, const struct oci_reference *reference,
			 const struct pull_result *result, struct err *e),
	     void *owner, struct err *e)
{
	struct str_slice tags = {0};
	struct registry r;
	int rc = registry_open(p->http, reference->domain, reference->repository, false, p->arena,
			       &r, e);

	if (rc == 0)
		rc = registry_tags(&r, &tags, e);
	for (size_t i = 0; rc == 0 && i < tags.n; i++) {
		const char *name = arena_printf(p->arena, "%s/%s:%s", reference->domain,
						reference->repository, tags.v[i]);
		struct pull_result result = {0};
		struct oci_reference ref;

		rc = oci_reference_parse(name, p->arena, &ref, e);
		if (rc == 0)
			rc = pull_one(p, &r, &ref, &result, e);
		if (rc == 0)
			rc = each(owner, &ref, &result, e);
	}
	return rc;
}
