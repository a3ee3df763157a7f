/* SPDX-License-Identifier: Apache-2.0 */
/* oci-archive and OCI layouts: oci-layout, index.json and blobs as they are in the store. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/auto.h"
#include "base/err.h"
#include "base/json.h"
#include "base/str.h"
#include "image/archive_format.h"
#include "image/tar_write.h"
#include "kernel/fd.h"

/* ---- index.json --------------------------------------------------------------------------------- */

static const char layout_text[] = "{\"imageLayoutVersion\":\"1.0.0\"}";

static void print_entry(const struct saved_image *s, const char *name, struct json_writer *w)
{
	const struct oci_image_config *c = &s->image.config;

	json_begin_object(w);
	json_put_string(w, "mediaType", OCI_TYPE_MANIFEST);
	json_put_string(w, "digest", s->manifest_digest);
	json_put_int(w, "size", (int64_t)s->n_manifest);
	if (c->architecture) {
		json_key(w, "platform");
		json_begin_object(w);
		json_put_string(w, "architecture", c->architecture);
		json_put_string(w, "os", c->os ? c->os : "linux");
		if (c->variant)
			json_put_string(w, "variant", c->variant);
		json_end_object(w);
	}
	if (name) {
		json_key(w, "annotations");
		json_begin_object(w);
		json_put_string(w, "io.containerd.image.name", name);
		json_put_string(w, "org.opencontainers.image.ref.name", name);
		json_end_object(w);
	}
	json_end_object(w);
}

static void print_index(const struct saved_list *list, struct json_writer *w)
{
	json_begin_object(w);
	json_put_int(w, "schemaVersion", 2);
	json_put_string(w, "mediaType", OCI_TYPE_INDEX);
	json_key(w, "manifests");
	json_begin_array(w);
	for (size_t i = 0; i < list->n; i++) {
		const struct saved_image *s = &list->v[i];

		for (size_t k = 0; k < s->names.n; k++)
			print_entry(s, s->names.v[k], w);
		if (!s->names.n)
			print_entry(s, NULL, w);
	}
	json_end_array(w);
	json_end_object(w);
}

/* ---- blobs -------------------------------------------------------------------------------------- */

/* A blob: of the store, or a text that is not there. */
struct blob {
	const char *digest, *text;
	int64_t size;
};

struct blob_list {
	struct blob *v;
	size_t n;
};

static void add_blob(struct blob_list *list, struct blob b)
{
	for (size_t i = 0; i < list->n; i++)
		if (str_eq(list->v[i].digest, b.digest))
			return;
	list->v[list->n++] = b;
}

static struct blob_list list_blobs(const struct saved_list *list, struct arena *a)
{
	struct blob_list blobs = {0};
	size_t room = 0;

	for (size_t i = 0; i < list->n; i++)
		room += list->v[i].layers.n + 2;
	blobs.v = arena_array(a, room + 1, sizeof(*blobs.v));
	for (size_t i = 0; i < list->n; i++) {
		const struct saved_image *s = &list->v[i];

		add_blob(&blobs,
			 (struct blob){s->manifest_digest, s->manifest, (int64_t)s->n_manifest});
		add_blob(&blobs, (struct blob){s->image.id, s->config, (int64_t)s->n_config});
		for (size_t k = 0; k < s->layers.n; k++)
			add_blob(&blobs, (struct blob){s->layers.v[k].digest, NULL, 0});
	}
	return blobs;
}

static const char *blob_name(const struct blob *b, struct arena *a)
{
	return arena_printf(a, "blobs/sha256/%s", b->digest + strlen("sha256:"));
}

static int write_blob(const struct engine *g, const struct blob *b, const struct sink *to,
		      struct arena *a, struct err *e)
{
	struct tar_entry entry = {.name = blob_name(b, a), .type = '0', .mode = 0644};
	auto_close int fd = -EBADF;
	int64_t size = 0;
	int r;

	if (b->text)
		return tar_write_text(to, entry.name, b->text, (size_t)b->size, e);
	r = image_blob_open(g, b->digest, &fd, &entry.size, e);
	if (r == 0)
		r = tar_write_entry(to, &entry, e);
	if (r == 0)
		r = save_content(fd, false, b->digest, to, &size, e);
	return r < 0 ? r : tar_write_padding(to, size, e);
}

int save_oci(const struct engine *g, const struct saved_list *list, struct output *o,
	     struct arena *a, struct err *e)
{
	const struct sink to = {sink_file_write, &o->file};
	const struct blob_list blobs = list_blobs(list, a);
	auto_json_writer struct json_writer w = {0};
	int r = tar_write_text(&to, "oci-layout", layout_text, sizeof(layout_text) - 1, e);

	print_index(list, &w);
	if (r == 0)
		r = tar_write_text(&to, "index.json", w.buf, w.len, e);
	if (r == 0)
		r = tar_write_folder(&to, "blobs/", e);
	if (r == 0)
		r = tar_write_folder(&to, "blobs/sha256/", e);
	for (size_t i = 0; r == 0 && i < blobs.n; i++)
		r = write_blob(g, &blobs.v[i], &to, a, e);
	return r < 0 ? r : tar_write_end(&to, e);
}

/* ---- a folder ----------------------------------------------------------------------------------- */

static int make_file(int folder_fd, const char *name, const struct blob *b, const struct engine *g,
		     struct err *e)
{
	struct sink_file file = {.label = name};
	const struct sink to = {sink_file_write, &file};
	auto_close int out = openat(folder_fd, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	auto_close int fd = -EBADF;
	int r;

	if (out < 0)
		return err_sys(e, -errno, "create %s", name);
	if (b->text) {
		r = fd_write_all(out, b->text, (size_t)b->size);
		return r < 0 ? err_sys(e, r, "write %s", name) : 0;
	}
	file.fd = out;
	r = image_blob_open(g, b->digest, &fd, NULL, e);
	if (r == 0)
		r = save_content(fd, false, b->digest, &to, NULL, e);
	if (r == 0)
		r = sink_file_flush(&file, e);
	sink_file_free(&file);
	return r;
}

int save_oci_folder(const struct engine *g, const struct saved_list *list, int folder_fd,
		    struct arena *a, struct err *e)
{
	const struct blob_list blobs = list_blobs(list, a);
	auto_json_writer struct json_writer w = {0};
	const struct blob layout = {.text = layout_text, .size = sizeof(layout_text) - 1};
	struct blob index = {0};
	int r;

	print_index(list, &w);
	index = (struct blob){.text = w.buf, .size = (int64_t)w.len};
	if (mkdirat(folder_fd, "blobs", 0755) < 0 || mkdirat(folder_fd, "blobs/sha256", 0755) < 0)
		return err_sys(e, -errno, "make folder blobs/sha256");
	r = make_file(folder_fd, "oci-layout", &layout, g, e);
	if (r == 0)
		r = make_file(folder_fd, "index.json", &index, g, e);
	for (size_t i = 0; r == 0 && i < blobs.n; i++)
		r = make_file(folder_fd, blob_name(&blobs.v[i], a), &blobs.v[i], g, e);
	return r;
}
