/* SPDX-License-Identifier: Apache-2.0 */
/* Images found by any of their names, listed, added and named. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/auto.h"
#include "base/err.h"
#include "base/log.h"
#include "base/str.h"
#include "engine/event.h"
#include "engine/image/store.h"
#include "engine/image/time.h"

/* ---- finding ------------------------------------------------------------------------------------ */

static const char *const image_suffix = ".json";

/* "HEX.json" -> true, and HEX. */
static bool is_image_file(const char *name, char ret[HEX_LENGTH + 1])
{
	if (strlen(name) != HEX_LENGTH + strlen(image_suffix) || !str_ends(name, image_suffix))
		return false;
	memcpy(ret, name, HEX_LENGTH);
	ret[HEX_LENGTH] = '\0';
	return is_hex_name(ret, HEX_LENGTH);
}

static int find_by_prefix(const struct engine *g, const char *prefix, struct arena *a, char ret[65],
			  struct err *e)
{
	struct str_slice names = {0};
	char hex[HEX_LENGTH + 1];
	unsigned found = 0;
	int r = store_names(g, "images", a, &names, e);

	if (r < 0)
		return r;
	for (size_t i = 0; i < names.n; i++)
		if (is_image_file(names.v[i], hex) && str_starts(hex, prefix)) {
			memcpy(ret, hex, sizeof(hex));
			found++;
		}
	if (found > 1)
		return err_say(e, -EEXIST, "%s is the beginning of %u images' ids: give more of it",
			       prefix, found);
	return found ? 0 : -ENOENT;
}

int image_resolve(const struct engine *g, const char *name, struct arena *a, char ret[65],
		  const char **ret_ref, struct err *e)
{
	const char *prefix = str_starts(name, "sha256:") ? name + 7 : name;
	struct oci_reference reference;
	struct err why = {0};
	int r = -ENOENT;

	if (prefix == name) {
		r = oci_reference_parse(name, a, &reference, &why);
		if (r == 0)
			r = ref_load(g, ref_name(&reference, a), ret);
		if (r == 0) {
			*ret_ref = ref_name(&reference, a);
			return 0;
		}
	}
	*ret_ref = NULL;
	if (*prefix && strlen(prefix) <= HEX_LENGTH && is_hex_name(prefix, strlen(prefix)))
		return find_by_prefix(g, prefix, a, ret, e);
	if (r == -EINVAL && e)
		*e = why;
	return r;
}

int image_find_bare(const struct engine *g, const char *name, struct arena *a, struct image *ret,
		    struct err *e)
{
	char hex[HEX_LENGTH + 1];
	struct err why = {0};
	const char *ref;
	int r = image_resolve(g, name, a, hex, &ref, e);

	if (r == 0)
		r = image_file_load(g, hex, a, ret, &why);
	if (r == -ENOENT)
		return err_say(e, r, "no such image: %s", name);
	if (r < 0 && why.code && e)
		*e = why;
	return r;
}

int image_find(const struct engine *g, const char *name, struct arena *a, struct image *ret,
	       struct err *e)
{
	struct ref_list refs = {0};
	int r = image_find_bare(g, name, a, ret, e);

	if (r == 0)
		r = ref_list(g, a, &refs, e);
	if (r == 0)
		ref_fill(&refs, a, ret);
	return r;
}

static int newest_first(const void *a, const void *b)
{
	const struct image *x = a, *y = b;

	return x->created_ns > y->created_ns   ? -1
	       : x->created_ns < y->created_ns ? 1
					       : strcmp(x->id, y->id);
}

int image_list(const struct engine *g, struct arena *a, struct image **ret, size_t *ret_n,
	       struct err *e)
{
	struct str_slice names = {0};
	struct ref_list refs = {0};
	struct image *list;
	size_t n = 0;
	int r;

	if ((r = store_names(g, "images", a, &names, e)) < 0 || (r = ref_list(g, a, &refs, e)) < 0)
		return r;
	list = arena_array(a, names.n + 1, sizeof(*list));
	for (size_t i = 0; i < names.n; i++) {
		char hex[HEX_LENGTH + 1];
		struct err why = {0};

		if (!is_image_file(names.v[i], hex))
			continue;
		r = image_file_load(g, hex, a, &list[n], &why);
		if (r == 0)
			ref_fill(&refs, a, &list[n++]);
		else if (r != -ENOENT)
			log_warning("%s", why.text);
	}
	if (n)
		qsort(list, n, sizeof(*list), newest_first);
	*ret = list;
	*ret_n = n;
	return 0;
}

/* ---- adding ------------------------------------------------------------------------------------- */

static int save_name(const struct engine *g, const char *id, const char *reference, struct err *e)
{
	auto_arena struct arena a = {0};
	struct oci_reference parsed;
	int r = oci_reference_parse(reference, &a, &parsed, e);

	return r < 0 ? r : ref_save(g, ref_name(&parsed, &a), id + 7, e);
}

static int check_layers(const struct engine *g, const struct image *image, struct err *e)
{
	if (!oci_digest_is_valid(image->id))
		return err_say(e, -EINVAL, "image %.100s: its id is no digest",
			       image->id ? image->id : "");
	for (size_t i = 0; i < image->layers.n; i++) {
		char path[96];

		if (!is_hex_name(image->layers.v[i], HEX_LENGTH))
			return err_say(e, -EINVAL, "image %s: layer %.100s: no chain id", image->id,
				       image->layers.v[i]);
		snprintf(path, sizeof(path), "layers/%s/diff", image->layers.v[i]);
		if (faccessat(g->data_fd, path, F_OK, 0) < 0)
			return err_sys(e, -errno, "image %s: %s/%s", image->id, g->data, path);
	}
	return 0;
}

int image_add(const struct engine *g, const struct image *image, const char *reference,
	      struct err *e)
{
	auto_close int names = -EBADF;
	struct image kept = *image;
	int r = check_layers(g, image, e);

	if (r < 0)
		return r;
	names = store_lock_names(g, e);
	if (names < 0)
		return names;
	if (!kept.created_ns)
		kept.created_ns = time_parse(kept.config.created);
	/* Order: the names last, they promise that the image is there. */
	r = image_file_save(g, &kept, e);
	for (size_t i = 0; r == 0 && i < image->digests.n; i++)
		r = save_name(g, image->id, image->digests.v[i], e);
	for (size_t i = 0; r == 0 && i < image->references.n; i++)
		r = save_name(g, image->id, image->references.v[i], e);
	return r == 0 && reference ? save_name(g, image->id, reference, e) : r;
}

int image_tag(const struct engine *g, const char *id, const char *reference, struct err *e)
{
	auto_close int lock = engine_lock_store(g, false, true, e);
	auto_close int names = lock < 0 ? lock : store_lock_names(g, e);
	char path[96];
	int r;

	if (names < 0)
		return names;
	if (!oci_digest_is_valid(id))
		return err_say(e, -EINVAL, "image %.100s: no id", id);
	snprintf(path, sizeof(path), "images/%s.json", id + 7);
	/* With the lock held: nobody removes it under us. */
	if (faccessat(g->data_fd, path, F_OK, 0) < 0)
		return err_say(e, -ENOENT, "no such image: %s", id);
	r = save_name(g, id, reference, e);
	if (r == 0)
		event_emit(g, "image", "tag", id, reference, NULL);
	return r;
}
