/* SPDX-License-Identifier: Apache-2.0 */
/* Names and images removed, by hand and by prune. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/auto.h"
#include "base/err.h"
#include "base/str.h"
#include "engine/event.h"
#include "engine/image/store.h"

/* One removal: the image with all its names, and what was done so far. */
struct removal {
	const struct engine *g;
	struct arena *a;
	struct image image;
	struct use_list uses;
	struct str_slice lines;
	size_t room;
};

static void tell(struct removal *m, const char *what, const char *name)
{
	if (m->lines.n == m->room) {
		m->lines.v = arena_grow(m->a, m->lines.v, m->room * sizeof(*m->lines.v),
					(m->room * 2 + 16) * sizeof(*m->lines.v));
		m->room = m->room * 2 + 16;
	}
	m->lines.v[m->lines.n++] = arena_printf(m->a, "%s: %s", what, name);
}

static const char *familiar(const char *name, struct arena *a)
{
	struct oci_reference r;

	return oci_reference_parse(name, a, &r, NULL) == 0 ? r.familiar : name;
}

static int untag(struct removal *m, const char *name, struct err *e)
{
	const char *brief = familiar(name, m->a);
	int r = ref_remove(m->g, name, e);

	if (r < 0)
		return r;
	tell(m, "Untagged", brief);
	event_emit(m->g, "image", "untag", m->image.id, brief, NULL);
	return 0;
}

static int untag_all(struct removal *m, struct err *e)
{
	const struct str_slice *lists[] = {&m->image.references, &m->image.digests};

	for (size_t k = 0; k < ARRAY_LEN(lists); k++)
		for (size_t i = 0; i < lists[k]->n; i++) {
			int r = untag(m, lists[k]->v[i], e);

			if (r < 0)
				return r;
		}
	return 0;
}

/* Its layers and blobs are garbage then. */
static int delete_image(struct removal *m, struct err *e)
{
	char path[96];

	snprintf(path, sizeof(path), "images/%s.json", m->image.id + 7);
	if (unlinkat(m->g->data_fd, path, 0) < 0 && errno != ENOENT)
		return err_sys(e, -errno, "remove %s/%s", m->g->data, path);
	tell(m, "Deleted", m->image.id);
	event_emit(m->g, "image", "delete", m->image.id, NULL, NULL);
	return 0;
}

/* The length of "DOMAIN/REPOSITORY" in a canonical name. */
static size_t repository_length(const char *name)
{
	const char *slash = strrchr(name, '/');

	return (size_t)(slash - name) + strcspn(slash, ":@");
}

static bool is_same_repository(const char *a, const char *b)
{
	size_t n = repository_length(a);

	return n == repository_length(b) && memcmp(a, b, n) == 0;
}

static int fail_in_use(const struct use *u, const char *what, struct err *e)
{
	return err_say(e, -EBUSY,
		       "%s is in use by container %s (%.12s): remove that first, or use --force to "
		       "take only the image's names away",
		       what, u->name, u->container);
}

/* Takes one name away, and with a repository's last tag its digests. */
static int remove_name(struct removal *m, const char *name, bool force, struct err *e)
{
	const struct str_slice *tags = &m->image.references, *digests = &m->image.digests;
	const struct use *u = use_find(&m->uses, m->image.id);
	size_t same = 0;
	int r;

	for (size_t i = 0; i < tags->n; i++)
		same += is_same_repository(tags->v[i], name);
	if (u && !force && tags->n + (strchr(name, '@') ? digests->n : 0) <= 1)
		return fail_in_use(u, familiar(name, m->a), e);
	r = untag(m, name, e);
	for (size_t i = 0; r == 0 && !strchr(name, '@') && same == 1 && i < digests->n; i++)
		if (is_same_repository(digests->v[i], name))
			r = untag(m, digests->v[i], e);
	return r;
}

static int remove_by_id(struct removal *m, bool force, struct err *e)
{
	const struct str_slice *tags = &m->image.references;
	const struct use *u = use_find(&m->uses, m->image.id);

	for (size_t i = 1; !force && i < tags->n; i++)
		if (!is_same_repository(tags->v[0], tags->v[i]))
			return err_say(e, -EBUSY,
				       "image %.12s has names in several repositories (%s, %s): "
				       "remove it by name, or use --force",
				       m->image.id + 7, familiar(tags->v[0], m->a),
				       familiar(tags->v[i], m->a));
	if (u && !force)
		return fail_in_use(u, arena_printf(m->a, "image %.12s", m->image.id + 7), e);
	return untag_all(m, e);
}

static int remove_locked(struct removal *m, const char *name, bool force, struct err *e)
{
	char hex[HEX_LENGTH + 1];
	struct ref_list refs = {0};
	const char *ref;
	int r = image_resolve(m->g, name, m->a, hex, &ref, e);

	if (r == -ENOENT)
		return err_say(e, r, "no such image: %s", name);
	if (r == 0)
		r = image_file_load(m->g, hex, m->a, &m->image, NULL);
	/* One that cannot be read is removed all the same; a name without image, too. */
	if (r < 0 && r != -EINVAL && r != -ENOENT)
		return r;
	m->image.id = arena_printf(m->a, "sha256:%s", hex);
	if ((r = ref_list(m->g, m->a, &refs, e)) < 0 || (r = use_list(m->g, m->a, &m->uses, e)) < 0)
		return r;
	ref_fill(&refs, m->a, &m->image);
	r = ref ? remove_name(m, ref, force, e) : remove_by_id(m, force, e);
	if (r < 0 || use_find(&m->uses, m->image.id) || (r = ref_list(m->g, m->a, &refs, e)) < 0)
		return r;
	ref_fill(&refs, m->a, &m->image);
	return m->image.references.n + m->image.digests.n > 0 ? 0 : delete_image(m, e);
}

int image_remove(const struct engine *g, const char *name, bool force, struct arena *a,
		 struct str_slice *ret_lines, struct err *e)
{
	struct removal m = {.g = g, .a = a};
	bool is_exclusive = false;
	auto_close int lock = store_lock_some(g, &is_exclusive, e);
	auto_close int names = lock < 0 ? lock : store_lock_names(g, e);
	int r;

	if (names < 0)
		return names;
	r = remove_locked(&m, name, force, e);
	/* Else somebody is at work: a later removal or prune collects. */
	if (r == 0 && is_exclusive)
		r = collect_locked(g, NULL, e);
	*ret_lines = m.lines;
	return r;
}

int image_prune(const struct engine *g, bool all, struct arena *a, struct str_slice *ret_lines,
		int64_t *ret_bytes, struct err *e)
{
	struct removal m = {.g = g, .a = a};
	bool is_exclusive = false;
	auto_close int lock = store_lock_some(g, &is_exclusive, e);
	auto_close int names = lock < 0 ? lock : store_lock_names(g, e);
	struct image *list = NULL;
	int64_t bytes = 0;
	size_t n = 0;
	int r;

	if (names < 0)
		return names;
	if ((r = image_list(g, a, &list, &n, e)) < 0 || (r = use_list(g, a, &m.uses, e)) < 0)
		return r;
	for (size_t i = 0; r == 0 && i < n; i++) {
		m.image = list[i];
		if ((m.image.references.n > 0 && !all) || use_find(&m.uses, m.image.id))
			continue;
		r = untag_all(&m, e);
		if (r == 0)
			r = delete_image(&m, e);
	}
	if (r == 0 && is_exclusive)
		r = collect_locked(g, &bytes, e);
	*ret_lines = m.lines;
	*ret_bytes = bytes;
	return r;
}
