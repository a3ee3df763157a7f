/* SPDX-License-Identifier: Apache-2.0 */
/* images/HEX.json and refs/NAME: read, written, listed. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/auto.h"
#include "base/err.h"
#include "base/json.h"
#include "base/str.h"
#include "engine/image/store.h"
#include "kernel/fd.h"
#include "oci/image_tables.h"

enum { IMAGE_FILE_MAX = 8 << 20 };

/* ---- images/ ------------------------------------------------------------------------------------ */

static const struct json_field image_fields[] = {
	JSON_FIELD("id", struct image, id, &json_string_type, JSON_REQUIRED),
	JSON_FIELD("manifest", struct image, manifest, &json_string_type, 0),
	JSON_FIELD("created", struct image, created_ns, &json_i64_type, 0),
	JSON_FIELD("size", struct image, size, &json_i64_type, 0),
	JSON_FIELD("layers", struct image, layers, &json_strings_type, JSON_ALWAYS),
	JSON_FIELD("config", struct image, config, &oci_image_config_type, JSON_REQUIRED),
};
static const struct json_type image_type = JSON_OBJECT(struct image, image_fields);

int image_file_load(const struct engine *g, const char *hex, struct arena *a, struct image *ret,
		    struct err *e)
{
	struct image image = {0};
	char path[96], *text;
	size_t n = 0;
	int r;

	snprintf(path, sizeof(path), "images/%s.json", hex);
	r = file_read_at(g->data_fd, path, a, IMAGE_FILE_MAX, &text, &n);
	if (r < 0)
		return err_sys(e, r, "read %s/%s", g->data, path);
	r = json_decode(text, n, &image_type, &image, a, path, e);
	if (r < 0)
		return r;
	if (!str_starts(image.id, "sha256:") || !str_eq(image.id + 7, hex))
		return err_say(e, -EINVAL, "%s/%s: it says that it is %.80s", g->data, path,
			       image.id);
	/* They become paths. */
	for (size_t i = 0; i < image.layers.n; i++)
		if (!is_hex_name(image.layers.v[i], HEX_LENGTH))
			return err_say(e, -EINVAL, "%s/%s: layers[%zu] is no chain id", g->data,
				       path, i);
	*ret = image;
	return 0;
}

int image_file_save(const struct engine *g, const struct image *image, struct err *e)
{
	auto_json_writer struct json_writer w = {0};
	char path[96];
	int r;

	json_encode(&image_type, image, &w);
	snprintf(path, sizeof(path), "images/%s.json", image->id + 7);
	r = store_put(g, path, w.buf, w.len);
	return r < 0 ? err_sys(e, r, "write %s/%s", g->data, path) : 0;
}

/* ---- refs/ -------------------------------------------------------------------------------------- */

const char *ref_name(const struct oci_reference *r, struct arena *a)
{
	if (r->digest)
		return arena_printf(a, "%s/%s@%s", r->domain, r->repository, r->digest);
	return r->full;
}

/* refs/NAME with '+' for '/'. */
static int ref_path(const char *name, char ret[NAME_MAX + 8], struct err *e)
{
	size_t n = strlen(name);

	if (n > NAME_MAX)
		return err_say(e, -ENAMETOOLONG,
			       "reference %s: longer than %d bytes, which is more than a file's "
			       "name can hold",
			       name, NAME_MAX);
	snprintf(ret, NAME_MAX + 8, "refs/%s", name);
	for (char *p = ret + strlen("refs/"); (p = strchr(p, '/'));)
		*p = '+';
	return 0;
}

int ref_load(const struct engine *g, const char *name, char ret[HEX_LENGTH + 1])
{
	char path[NAME_MAX + 8];
	int n = ref_path(name, path, NULL);

	if (n < 0)
		return -ENOENT;
	n = file_read_small(g->data_fd, path, ret, HEX_LENGTH + 1);
	if (n < 0)
		return n;
	return is_hex_name(ret, HEX_LENGTH) ? 0 : -ENOENT;
}

int ref_save(const struct engine *g, const char *name, const char *hex, struct err *e)
{
	char path[NAME_MAX + 8];
	int r = ref_path(name, path, e);

	if (r < 0)
		return r;
	r = store_put(g, path, hex, HEX_LENGTH);
	return r < 0 ? err_sys(e, r, "write %s/%s", g->data, path) : 0;
}

int ref_remove(const struct engine *g, const char *name, struct err *e)
{
	char path[NAME_MAX + 8];
	int r = ref_path(name, path, e);

	if (r < 0)
		return r;
	if (unlinkat(g->data_fd, path, 0) < 0 && errno != ENOENT)
		return err_sys(e, -errno, "remove %s/%s", g->data, path);
	return 0;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct ref *)a)->name, ((const struct ref *)b)->name);
}

int ref_list(const struct engine *g, struct arena *a, struct ref_list *ret, struct err *e)
{
	struct ref_list refs = {0};
	struct str_slice names = {0};
	int r = store_names(g, "refs", a, &names, e);

	if (r < 0)
		return r;
	refs.v = arena_array(a, names.n + 1, sizeof(*refs.v));
	for (size_t i = 0; i < names.n; i++) {
		char hex[HEX_LENGTH + 1], *name = arena_strdup(a, names.v[i]);

		for (char *p = name; (p = strchr(p, '+'));)
			*p = '/';
		if (ref_load(g, name, hex) < 0)
			continue;
		refs.v[refs.n++] = (struct ref){.name = name,
						.hex = arena_strdup(a, hex),
						.is_digest = strchr(name, '@') != NULL};
	}
	if (refs.n)
		qsort(refs.v, refs.n, sizeof(*refs.v), by_name);
	*ret = refs;
	return 0;
}

void ref_fill(const struct ref_list *refs, struct arena *a, struct image *image)
{
	size_t n = 0;

	for (size_t i = 0; i < refs->n; i++)
		n += str_eq(refs->v[i].hex, image->id + 7);
	image->references = (struct str_slice){.v = arena_array(a, n + 1, sizeof(char *))};
	image->digests = (struct str_slice){.v = arena_array(a, n + 1, sizeof(char *))};
	for (size_t i = 0; i < refs->n; i++) {
		const struct ref *ref = &refs->v[i];
		struct str_slice *list = ref->is_digest ? &image->digests : &image->references;

		if (str_eq(ref->hex, image->id + 7))
			list->v[list->n++] = ref->name;
	}
}
