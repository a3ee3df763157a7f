/* SPDX-License-Identifier: Apache-2.0 */
/* Images into archives: what belongs into one is found first, then written. */
#include "image/archive_write.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/auto.h"
#include "base/err.h"
#include "base/json.h"
#include "base/sha256.h"
#include "base/str.h"
#include "image/archive_format.h"
#include "image/draft.h"
#include "kernel/tree.h"

const char *const archive_format_names[] = {"docker-archive", "oci-archive", "oci-dir", NULL};
_Static_assert(ARRAY_LEN(archive_format_names) == ARCHIVE_OCI_DIR + 2, "one name a format");

/* ---- what is to be written ----------------------------------------------------------------------- */

/* Docker's media types have no place in an OCI layout of ours: a manifest is made anew there. */
static bool is_oci(const struct oci_manifest *m)
{
	if (!str_eq(m->media_type, OCI_TYPE_MANIFEST) ||
	    !str_eq(m->config.media_type, OCI_TYPE_CONFIG))
		return false;
	for (size_t i = 0; i < m->layers.n; i++)
		if (!str_starts(m->layers.v[i].media_type, "application/vnd.oci."))
			return false;
	return true;
}

static int read_manifest(const struct engine *g, struct saved_image *s, struct arena *a,
			 struct err *e)
{
	struct oci_descriptor config = {.media_type = OCI_TYPE_CONFIG, .digest = s->image.id};
	auto_json_writer struct json_writer w = {0};
	auto_draft struct draft d = {.g = g, .a = a, .lock = -EBADF};
	struct oci_manifest m = {0};
	char hex[65];
	size_t n = 0;
	int r;

	r = image_blob_read(g, s->image.id, a, &s->config, &s->n_config, e);
	if (r < 0)
		return r;
	if (s->image.manifest) {
		r = image_blob_read(g, s->image.manifest, a, &s->manifest, &n, e);
		if (r == 0)
			r = oci_decode_manifest(s->manifest, n, s->image.manifest, a, &m, e);
		if (r < 0)
			return r;
	}
	r = draft_inherit(&d, &s->image, e);
	if (r < 0)
		return r;
	s->layers = d.layers;
	s->manifest_digest = s->image.manifest;
	s->n_manifest = n;
	if (s->image.manifest && is_oci(&m))
		return 0;
	config.size = (int64_t)s->n_config;
	draft_manifest_print(&config, &s->layers, &w);
	s->manifest = arena_strndup(a, w.buf, w.len);
	s->n_manifest = w.len;
	sha256_hex(w.buf, w.len, hex);
	s->manifest_digest = arena_printf(a, "sha256:%s", hex);
	return 0;
}

/* The images, each once with all the names by which it was asked for. */
static int find_images(const struct engine *g, const struct save_request *q, struct arena *a,
		       struct saved_list *ret, struct err *e)
{
	struct saved_list list = {.v = arena_array(a, q->images.n, sizeof(*list.v))};

	for (size_t i = 0; i < q->images.n; i++) {
		struct oci_reference reference;
		struct saved_image *s = list.v;
		struct image image;
		int r = image_find(g, q->images.v[i], a, &image, e);

		if (r < 0)
			return r;
		while (s < list.v + list.n && !str_eq(s->image.id, image.id))
			s++;
		if (s == list.v + list.n) {
			list.n++;
			s->image = image;
			s->names.v = arena_array(a, q->images.n, sizeof(char *));
			r = read_manifest(g, s, a, e);
			if (r < 0)
				return r;
		}
		/* An id may look like a name; only those that the image has are names. */
		if (oci_reference_parse(q->images.v[i], a, &reference, NULL) < 0 ||
		    str_index(reference.full, image.references.v, image.references.n) < 0 ||
		    (s->names.n && str_index(reference.full, s->names.v, s->names.n) >= 0))
			continue;
		s->names.v[s->names.n++] = reference.full;
	}
	*ret = list;
	return 0;
}

/* ---- the whole ---------------------------------------------------------------------------------- */

static int save_file(const struct engine *g, const struct save_request *q,
		     const struct saved_list *list, struct arena *a, struct err *e)
{
	auto_output struct output o = {.file = {.fd = -EBADF}};
	int r = output_open(q->path, "archive", a, &o, e);

	if (r < 0)
		return r;
	r = q->format == ARCHIVE_DOCKER ? save_docker(g, list, &o, a, e)
					: save_oci(g, list, &o, a, e);
	return r < 0 ? r : output_finish(&o, e);
}

static int save_folder(const struct engine *g, const struct save_request *q,
		       const struct saved_list *list, struct arena *a, struct err *e)
{
	const char *path = q->path ? str_clean_path(a, q->path) : NULL, *draft;
	auto_close int fd = -EBADF;
	char id[65];
	int r;

	if (!path)
		return err_say(e, -EINVAL, "--format oci-dir writes a folder: name it with -o");
	engine_make_id(id);
	draft = arena_printf(a, "%s.%.12s", path, id);
	if (mkdir(draft, 0755) < 0)
		return err_sys(e, -errno, "make folder %s", path);
	fd = open(draft, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	r = fd < 0 ? err_sys(e, -errno, "open folder %s", draft)
		   : save_oci_folder(g, list, fd, a, e);
	/* rename(2) replaces an empty folder and refuses any other. */
	if (r == 0 && rename(draft, path) < 0)
		r = errno == ENOTEMPTY || errno == EEXIST
			    ? err_say(e, -EEXIST, "%s is there already and not empty", path)
			    : err_sys(e, -errno, "write %s", path);
	if (r < 0)
		tree_remove_at(AT_FDCWD, draft);
	return r;
}

int archive_save(const struct engine *g, const struct save_request *q, struct err *e)
{
	auto_arena struct arena a = {0};
	auto_close int lock = engine_lock_store(g, false, true, e);
	struct saved_list list;
	int r;

	if (lock < 0)
		return lock;
	r = find_images(g, q, &a, &list, e);
	if (r < 0)
		return r;
	return q->format == ARCHIVE_OCI_DIR ? save_folder(g, q, &list, &a, e)
					    : save_file(g, q, &list, &a, e);
}
