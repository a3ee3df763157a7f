/* SPDX-License-Identifier: Apache-2.0 */
/* docker-archive: manifest.json, HEX.json for each configuration, HEX.tar for each layer. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/auto.h"
#include "base/err.h"
#include "base/json.h"
#include "base/str.h"
#include "image/archive_format.h"
#include "image/tar.h"
#include "image/tar_write.h"

static const char *hex_of(const char *digest)
{
	return digest + strlen("sha256:");
}

static const char *layer_name(const char *diff_id, struct arena *a)
{
	return arena_printf(a, "%s.tar", hex_of(diff_id));
}

static void print_item(const struct saved_image *s, struct json_writer *w, struct arena *a)
{
	const struct str_slice *diff_ids = &s->image.config.rootfs.diff_ids;

	json_begin_object(w);
	json_put_string(w, "Config", arena_printf(a, "%s.json", hex_of(s->image.id)));
	/* In full: Podman takes a short name for one of localhost. */
	json_key(w, "RepoTags");
	json_begin_array(w);
	for (size_t i = 0; i < s->names.n; i++)
		if (!strchr(s->names.v[i], '@'))
			json_string(w, s->names.v[i]);
	json_end_array(w);
	json_key(w, "Layers");
	json_begin_array(w);
	for (size_t i = 0; i < diff_ids->n; i++)
		json_string(w, layer_name(diff_ids->v[i], a));
	json_end_array(w);
	json_end_object(w);
}

/* Header with no size yet, content, then the header again where it was. */
static int write_seekable(struct output *o, const struct sink *to, struct tar_entry *entry, int fd,
			  const char *diff_id, struct err *e)
{
	int64_t place = o->file.at;
	struct tar_header h;
	int r = tar_write_entry(to, entry, e);

	if (r == 0)
		r = save_content(fd, true, diff_id, to, &entry->size, e);
	if (r == 0)
		r = tar_write_padding(to, entry->size, e);
	if (r == 0)
		r = sink_file_flush(&o->file, e);
	if (r < 0)
		return r;
	tar_fill_header(entry, &h);
	return pwrite(o->file.fd, &h, sizeof(h), place) == sizeof(h)
		       ? 0
		       : err_sys(e, -errno, "write to %s", o->file.label);
}

static int write_layer(const struct engine *g, struct output *o, const struct sink *to,
		       const struct oci_descriptor *layer, const char *diff_id, struct arena *a,
		       struct err *e)
{
	struct tar_entry entry = {.name = layer_name(diff_id, a), .type = '0', .mode = 0644};
	auto_close int fd = -EBADF;
	int r = image_blob_open(g, layer->digest, &fd, &entry.size, e);
	bool is_plain = str_eq(layer->digest, diff_id);

	if (r < 0)
		return r;
	if (!is_plain && o->is_seekable) {
		entry.size = 0;
		return write_seekable(o, to, &entry, fd, diff_id, e);
	}
	if (!is_plain) {
		r = save_content(fd, true, diff_id, NULL, &entry.size, e);
		if (r == 0 && lseek(fd, 0, SEEK_SET) < 0)
			r = err_sys(e, -errno, "read blob %s", layer->digest);
	}
	if (r == 0)
		r = tar_write_entry(to, &entry, e);
	if (r == 0)
		r = save_content(fd, !is_plain, diff_id, to, NULL, e);
	return r < 0 ? r : tar_write_padding(to, entry.size, e);
}

int save_docker(const struct engine *g, const struct saved_list *list, struct output *o,
		struct arena *a, struct err *e)
{
	const struct sink to = {sink_file_write, &o->file};
	auto_json_writer struct json_writer w = {0};
	struct str_slice done = {0};
	size_t room = 0;
	int r;

	json_begin_array(&w);
	for (size_t i = 0; i < list->n; i++)
		print_item(&list->v[i], &w, a);
	json_end_array(&w);
	r = tar_write_text(&to, "manifest.json", w.buf, w.len, e);
	for (size_t i = 0; i < list->n; i++)
		room += list->v[i].layers.n;
	done.v = arena_array(a, room + 1, sizeof(char *));
	for (size_t i = 0; r == 0 && i < list->n; i++) {
		const struct saved_image *s = &list->v[i];

		r = tar_write_text(&to, arena_printf(a, "%s.json", hex_of(s->image.id)), s->config,
				   s->n_config, e);
		for (size_t k = 0; r == 0 && k < s->layers.n; k++) {
			const char *diff_id = s->image.config.rootfs.diff_ids.v[k];

			if (str_index(diff_id, done.v, done.n) >= 0)
				continue;
			done.v[done.n++] = diff_id;
			r = write_layer(g, o, &to, &s->layers.v[k], diff_id, a, e);
		}
	}
	return r < 0 ? r : tar_write_end(&to, e);
}
