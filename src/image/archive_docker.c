/* SPDX-License-Identifier: Apache-2.0 */
/* docker-archive: manifest.json lists images, each with its configuration, names and layers. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/auto.h"
#include "base/err.h"
#include "base/json.h"
#include "base/sha256.h"
#include "base/str.h"
#include "engine/event.h"
#include "image/archive_read.h"

/* moby image/tarexport: the file "repositories" and the json files of each layer are of older times. */
struct item {
	const char *config;
	struct str_slice tags, layers; /* names of files, base first */
};

struct item_list {
	struct item *v;
	size_t n;
};

static const struct json_field item_fields[] = {
	JSON_FIELD("Config", struct item, config, &json_string_type, JSON_REQUIRED),
	JSON_FIELD("RepoTags", struct item, tags, &json_strings_type, 0),
	JSON_FIELD("Layers", struct item, layers, &json_strings_type, 0),
};
static const struct json_type item_type = JSON_OBJECT(struct item, item_fields);
static const struct json_type list_type = JSON_LIST(&item_type);

enum { HEX = 64 };

/* The 64 digits that a file is named by ("HEX.json", "blobs/sha256/HEX"), or NULL. */
static const char *name_hex(const char *name, struct arena *a)
{
	const char *slash = strrchr(name, '/');
	const char *base = slash ? slash + 1 : name;

	if (strspn(base, "0123456789abcdef") != HEX || (base[HEX] && base[HEX] != '.'))
		return NULL;
	return arena_strndup(a, base, HEX);
}

static int read_config(struct load *l, const struct item *item, char **ret, size_t *ret_n,
		       struct oci_image_config *ret_config, const char **ret_id, struct err *e)
{
	const char *hex = name_hex(item->config, l->a), *label;
	char is[HEX + 1];
	int r = source_read(&l->source, item->config, l->a, ret, ret_n, e);

	if (r < 0)
		return r;
	label = arena_printf(l->a, "%s: %.200s", l->source.label, item->config);
	sha256_hex(*ret, *ret_n, is);
	if (hex && !str_eq(hex, is))
		return err_say(e, -EBADMSG, "%s: digest mismatch: its content is sha256:%s", label,
			       is);
	*ret_id = arena_printf(l->a, "sha256:%s", is);
	r = oci_decode_image_config(*ret, *ret_n, label, l->a, ret_config, e);
	if (r == 0)
		r = load_check_platform(l, ret_config, e);
	if (r == 0 && ret_config->rootfs.diff_ids.n != item->layers.n)
		r = err_say(e, -EBADMSG, "%s names %zu layers, manifest.json %zu", label,
			    ret_config->rootfs.diff_ids.n, item->layers.n);
	return r;
}

static int load_layer(struct load *l, struct draft *d, const char *name, const char *diff_id,
		      struct err *e)
{
	auto_part struct part p = {.fd = -EBADF};
	struct oci_descriptor descriptor = {.size = -1};
	struct layer_job *job = NULL;
	char first[8] = {0};
	const char *hex;
	ssize_t n;
	int r = source_part(&l->source, name, l->a, &p, e);

	if (r < 0)
		return r;
	n = pread(p.fd, first, p.size < 8 ? (size_t)p.size : sizeof(first), p.offset);
	descriptor.media_type = draft_media_type(first, n > 0 ? (size_t)n : 0);
	descriptor.size = p.size;
	hex = str_starts(name, "blobs/sha256/") ? name_hex(name, l->a) : NULL;
	if (hex)
		descriptor.digest = arena_printf(l->a, "sha256:%s", hex);
	else if (str_eq(descriptor.media_type, OCI_TYPE_LAYER))
		descriptor.digest = diff_id;
	if (descriptor.digest && draft_reuse(d, &descriptor, diff_id))
		return 0;
	r = draft_layer_begin(d, &descriptor, diff_id, &job, e);
	if (r < 0)
		return r;
	load_watch(l, &p, diff_id);
	r = part_feed(&p, job, e);
	if (r < 0) {
		layer_abort(job);
		return r;
	}
	r = draft_layer_end(d, job, descriptor.media_type, e);
	if (r == 0 && p.progress)
		progress_done(p.progress, p.row, "Loaded");
	return r;
}

static int load_image(struct load *l, const struct item *item, struct err *e)
{
	struct str_slice references = {.v = arena_array(l->a, item->tags.n + 1, sizeof(char *))};
	auto_draft struct draft d = {.lock = -EBADF};
	struct oci_image_config config = {0};
	const char *id = NULL;
	char *text;
	size_t n = 0;
	int r = read_config(l, item, &text, &n, &config, &id, e);

	for (; r == 0 && references.n < item->tags.n; references.n++)
		r = load_reference(l, item->tags.v[references.n], &references.v[references.n], e);
	if (r == 0)
		r = draft_open(l->g, l->a, &d, e);
	if (r < 0)
		return r;
	if (draft_is_there(l->g, id, l->a)) {
		for (size_t i = 0; r == 0 && i < references.n; i++)
			r = image_tag(l->g, id, references.v[i], e);
	} else {
		for (size_t i = 0; r == 0 && i < config.rootfs.diff_ids.n; i++)
			r = load_layer(l, &d, item->layers.v[i], config.rootfs.diff_ids.v[i], e);
		if (r == 0)
			r = draft_save(&d, text, n, NULL, 0, &references, &id, e);
	}
	if (r < 0)
		return r;
	event_emit(l->g, "image", "load", id, references.n ? references.v[0] : id, NULL);
	return load_tell(l, id, &references, e);
}

int load_docker(struct load *l, struct err *e)
{
	struct item_list list = {0};
	size_t n = 0;
	char *text;
	int r = source_read(&l->source, "manifest.json", l->a, &text, &n, e);

	if (r == 0)
		r = json_decode(text, n, &list_type, &list, l->a,
				arena_printf(l->a, "%s: manifest.json", l->source.label), e);
	if (r == 0 && !list.n)
		r = err_say(e, -EINVAL, "%s: manifest.json lists no image", l->source.label);
	for (size_t i = 0; r == 0 && i < list.n; i++)
		r = load_image(l, &list.v[i], e);
	return r;
}
