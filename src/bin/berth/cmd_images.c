/* SPDX-License-Identifier: Apache-2.0 */
/* berth images: what the store has. */
#include <errno.h>
#include <fnmatch.h>
#include <stddef.h>
#include <string.h>

#include "base/auto.h"
#include "base/str.h"
#include "bin/berth/image_words.h"
#include "view/view.h"

struct options {
	bool all, digests, no_trunc, quiet, no_heading;
	const char *format;
	struct str_slice filters;
};

static const struct opt options[] = {
	{"all", 'a', OPT_FLAG, offsetof(struct options, all), NULL,
	 "also intermediate images (there are none)", false},
	{"digests", 0, OPT_FLAG, offsetof(struct options, digests), NULL, "show digests", false},
	{"filter", 'f', OPT_LIST, offsetof(struct options, filters), "KEY=VALUE",
	 "only those with dangling=true|false, reference=PATTERN, label=KEY[=VALUE], before=IMAGE, "
	 "since=IMAGE",
	 false},
	{"format", 0, OPT_STRING, offsetof(struct options, format), "TEMPLATE",
	 "table, json, or a template: '{{.Repository}}:{{.Tag}} {{.ID}}'", false},
	{"no-trunc", 0, OPT_FLAG, offsetof(struct options, no_trunc), NULL, "show whole ids",
	 false},
	{"noheading", 'n', OPT_FLAG, offsetof(struct options, no_heading), NULL, "no heading",
	 false},
	{"quiet", 'q', OPT_FLAG, offsetof(struct options, quiet), NULL, "only ids", false},
	{0},
};

/* One line: a name of an image, or an image without any. */
struct row {
	const struct invocation *in;
	const struct image *image;
	const char *repository, *tag, *digest, *familiar; /* NULL: none */
};

struct rows {
	const struct invocation *in;
	struct row *v;
	size_t n, room;
};

/* ---- filters ------------------------------------------------------------------------------------ */

static int match_flag(const char *value, bool is_true, struct err *e)
{
	if (str_eq(value, "true") || str_eq(value, "1"))
		return is_true;
	if (str_eq(value, "false") || str_eq(value, "0"))
		return !is_true;
	return err_say(e, -EINVAL, "--filter dangling=%s: want true or false", value);
}

static int match_label(const struct image *image, const char *value)
{
	const struct oci_pairs *labels = &image->config.config.labels;
	size_t n = strcspn(value, "=");

	for (size_t i = 0; i < labels->n; i++)
		if (strncmp(labels->v[i].key, value, n) == 0 && !labels->v[i].key[n] &&
		    (!value[n] || str_eq(labels->v[i].value, value + n + 1)))
			return 1;
	return 0;
}

static int match_reference(const struct row *row, const char *pattern)
{
	if (!row->familiar)
		return 0;
	return fnmatch(pattern, row->familiar, FNM_PATHNAME) == 0 ||
	       fnmatch(pattern, row->repository, FNM_PATHNAME) == 0;
}

/* Older (before) or newer (since) than another image. */
static int match_age(const struct row *row, const char *name, bool is_before, struct err *e)
{
	struct image other;
	int r = image_find(&row->in->engine, name, row->in->arena, &other, e);

	if (r < 0)
		return r;
	return is_before ? row->image->created_ns < other.created_ns
			 : row->image->created_ns > other.created_ns;
}

static int match(void *arg, const char *key, const char *value, struct err *e)
{
	const struct row *row = arg;

	if (str_eq(key, "dangling"))
		return match_flag(value, row->image->references.n == 0, e);
	if (str_eq(key, "reference"))
		return match_reference(row, value);
	if (str_eq(key, "label"))
		return match_label(row->image, value);
	if (str_eq(key, "before") || str_eq(key, "since"))
		return match_age(row, value, str_eq(key, "before"), e);
	return err_say(e, -EINVAL,
		       "invalid filter '%s': want dangling, reference, label, before or since",
		       key);
}

/* ---- rows --------------------------------------------------------------------------------------- */

static void add_row(struct rows *rows, const struct image *image, const struct image_name *name,
		    const char *digest)
{
	struct row row = {.in = rows->in, .image = image, .digest = digest};

	if (name) {
		row.repository = name->repository;
		row.tag = name->tag;
		row.familiar = name->familiar;
	}
	if (rows->n == rows->room) {
		rows->v = arena_grow(rows->in->arena, rows->v, rows->room * sizeof(row),
				     (rows->room * 2 + 32) * sizeof(row));
		rows->room = rows->room * 2 + 32;
	}
	rows->v[rows->n++] = row;
}

/* Adds the digests of a repository, each with the name given. Returns how many. */
static size_t add_digests(struct rows *rows, const struct image *image,
			  const struct image_name *name)
{
	size_t added = 0;

	for (size_t i = 0; i < image->digests.n; i++) {
		struct image_name d = image_name_split(image->digests.v[i], rows->in->arena);

		if (!str_eq(d.repository, name->repository))
			continue;
		add_row(rows, image, name, d.digest);
		added++;
	}
	return added;
}

static void add_image(struct rows *rows, const struct image *image, bool digests)
{
	struct arena *a = rows->in->arena;
	const char *last = NULL;
	size_t before = rows->n;

	for (size_t i = 0; i < image->references.n; i++) {
		struct image_name name = image_name_split(image->references.v[i], a);

		if (!digests || add_digests(rows, image, &name) == 0)
			add_row(rows, image, &name, NULL);
	}
	/* Repositories of which only digests are left: they are sorted. */
	for (size_t i = 0; i < image->digests.n; i++) {
		struct image_name name = image_name_split(image->digests.v[i], a);
		bool has_tag = str_eq(last, name.repository);

		for (size_t k = 0; !has_tag && k < image->references.n; k++)
			has_tag = str_eq(image_name_split(image->references.v[k], a).repository,
					 name.repository);
		if (has_tag)
			continue;
		last = name.repository;
		if (digests)
			add_digests(rows, image, &name);
		else
			add_row(rows, image, &name, NULL);
	}
	if (rows->n == before)
		add_row(rows, image, NULL, NULL);
}

static void print_row(const struct row *row, const struct options *o, struct json_writer *w)
{
	struct arena *a = row->in->arena;
	const struct image *image = row->image;

	json_begin_object(w);
	json_put_string(w, "Containers", "N/A");
	json_put_string(w, "CreatedAt", image_time_text(image->created_ns, a));
	json_put_string(w, "CreatedSince",
			image->created_ns ? view_ago(image->created_ns, image_now_ns(), a) : "N/A");
	json_put_string(w, "Digest", row->digest ? row->digest : "<none>");
	json_put_string(w, "ID", image_id_text(image->id, o->no_trunc, a));
	json_put_string(w, "Repository", row->repository ? row->repository : "<none>");
	json_put_string(w, "SharedSize", "N/A");
	json_put_string(w, "Size", view_size(image->size, a));
	json_put_string(w, "Tag", row->tag ? row->tag : "<none>");
	json_put_string(w, "UniqueSize", "N/A");
	json_put_string(w, "VirtualSize", view_size(image->size, a));
	json_end_object(w);
}

static const struct view_column plain_columns[] = {
	{"REPOSITORY", "Repository", false}, {"TAG", "Tag", false},   {"IMAGE ID", "ID", false},
	{"CREATED", "CreatedSince", false},  {"SIZE", "Size", false}, {0},
};
static const struct view_column digest_columns[] = {
	{"REPOSITORY", "Repository", false},
	{"TAG", "Tag", false},
	{"DIGEST", "Digest", false},
	{"IMAGE ID", "ID", false},
	{"CREATED", "CreatedSince", false},
	{"SIZE", "Size", false},
	{0},
};

static int choose_rows(const struct invocation *in, const struct options *o, struct json_writer *w,
		       struct err *e)
{
	struct rows rows = {.in = in};
	struct image *list;
	size_t n;
	int r = image_list(&in->engine, in->arena, &list, &n, e);

	if (r < 0)
		return r;
	for (size_t i = 0; i < n; i++)
		add_image(&rows, &list[i], o->digests);
	json_begin_array(w);
	for (size_t i = 0; i < rows.n; i++) {
		/* "images NAME" is a filter, too. */
		if (in->words.n && !match_reference(&rows.v[i], in->words.v[0]))
			continue;
		r = o->filters.n ? view_filter(&o->filters, match, &rows.v[i], e) : 1;
		if (r < 0)
			return r;
		if (r > 0)
			print_row(&rows.v[i], o, w);
	}
	json_end_array(w);
	return 0;
}

static int images_main(const struct invocation *in, int *ret_code, struct err *e)
{
	const struct options *o = in->values;
	const struct view_list list = {.columns = o->digests ? digest_columns : plain_columns,
				       .format = o->format,
				       .quiet_key = o->quiet ? "ID" : NULL,
				       .no_heading = o->no_heading};
	auto_json_writer struct json_writer w = {0};
	auto_view_text struct view_text text = {0};
	struct view_value rows;
	int r = choose_rows(in, o, &w, e);

	(void)ret_code;
	if (r == 0)
		r = view_parse(w.buf, w.len, in->arena, &rows, e);
	if (r == 0)
		r = view_rows(&list, rows.items, rows.n, &text, e);
	return r < 0 ? r : print_text(text.buf ? text.buf : "", text.len, e);
}

#define IMAGES(words, hidden)                                                                 \
	{                                                                                     \
		.name = (words), .usage = "[REPOSITORY[:TAG]]", .help = "List images",        \
		.group = "images", .options = options, .values_size = sizeof(struct options), \
		.words_max = 1, .is_hidden = (hidden), .enters = true, .main = images_main,   \
	}

const struct command cmd_images = IMAGES("images", false);
const struct command cmd_image_ls = IMAGES("image ls", true);
const struct command cmd_image_list = IMAGES("image list", true);
