/* SPDX-License-Identifier: Apache-2.0 */
/* berth system df: what takes up room. */
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "base/auto.h"
#include "base/str.h"
#include "bin/berth/container_words.h"
#include "bin/berth/image_words.h"
#include "engine/volume/volume.h"
#include "kernel/tree.h"
#include "view/view.h"

struct options {
	bool verbose;
	const char *format;
};

static const struct opt options[] = {
	{"verbose", 'v', OPT_FLAG, offsetof(struct options, verbose), NULL,
	 "each image, container and volume", false},
	{"format", 0, OPT_STRING, offsetof(struct options, format), "TEMPLATE",
	 "json, or such as '{{.Size}}'", false},
	{0},
};

static const struct view_column sum_columns[] = {
	{"TYPE", "Type", false}, {"TOTAL", "TotalCount", false},        {"ACTIVE", "Active", false},
	{"SIZE", "Size", false}, {"RECLAIMABLE", "Reclaimable", false}, {0},
};
static const struct view_column item_columns[] = {
	{"TYPE", "Type", false},
	{"NAME", "Name", false},
	{"SIZE", "Size", false},
	{"IN USE", "InUse", false},
	{0},
};

struct sums {
	const struct invocation *in;
	struct json_writer items; /* a list */
	struct json_writer sums;  /* a list */
};

struct sum {
	size_t n, active;
	int64_t bytes, reclaimable;
};

static void add_item(struct sums *s, struct sum *sum, const char *type, const char *name,
		     int64_t bytes, bool is_used)
{
	sum->n++;
	sum->active += is_used;
	sum->bytes += bytes;
	sum->reclaimable += is_used ? 0 : bytes;
	json_begin_object(&s->items);
	json_put_string(&s->items, "Type", type);
	json_put_string(&s->items, "Name", name);
	json_put_string(&s->items, "Size", view_size(bytes, s->in->arena));
	json_put_bool(&s->items, "InUse", is_used);
	json_end_object(&s->items);
}

static void add_sum(struct sums *s, const char *type, const struct sum *sum)
{
	struct arena *a = s->in->arena;
	long long percent = sum->bytes ? sum->reclaimable * 100 / sum->bytes : 0;

	json_begin_object(&s->sums);
	json_put_string(&s->sums, "Type", type);
	json_put_uint(&s->sums, "TotalCount", sum->n);
	json_put_uint(&s->sums, "Active", sum->active);
	json_put_string(&s->sums, "Size", view_size(sum->bytes, a));
	json_put_string(&s->sums, "Reclaimable",
			arena_printf(a, "%s (%lld%%)", view_size(sum->reclaimable, a), percent));
	json_end_object(&s->sums);
}

/* Layers are shared: each counts once, with the first image that has it. */
static int64_t own_bytes(const struct engine *g, const struct image *list, size_t at)
{
	int64_t bytes = 0;

	for (size_t k = 0; k < list[at].layers.n; k++) {
		bool is_counted = false;

		for (size_t i = 0; i < at && !is_counted; i++)
			for (size_t m = 0; m < list[i].layers.n; m++)
				is_counted |= str_eq(list[i].layers.v[m], list[at].layers.v[k]);
		if (!is_counted)
			bytes += image_layer_size(g, list[at].layers.v[k]);
	}
	return bytes;
}

static bool is_image_used(const char *id, const struct container_info *list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (str_eq(list[i].record.image_id, id))
			return true;
	return false;
}

static int add_images(struct sums *s, const struct container_info *containers, size_t n_containers,
		      struct err *e)
{
	struct sum sum = {0};
	struct image *list;
	size_t n;
	int r = image_list(&s->in->engine, s->in->arena, &list, &n, e);

	for (size_t i = 0; r == 0 && i < n; i++)
		add_item(s, &sum, "Images",
			 list[i].references.n
				 ? image_name_split(list[i].references.v[0], s->in->arena).familiar
				 : image_id_text(list[i].id, false, s->in->arena),
			 own_bytes(&s->in->engine, list, i),
			 is_image_used(list[i].id, containers, n_containers));
	add_sum(s, "Images", &sum);
	return r;
}

static void add_containers(struct sums *s, const struct container_info *list, size_t n)
{
	struct sum sum = {0};

	for (size_t i = 0; i < n; i++) {
		int64_t bytes = 0;

		tree_size_at(s->in->engine.data_fd,
			     arena_printf(s->in->arena, "containers/%s", list[i].record.id), &bytes,
			     NULL);
		add_item(s, &sum, "Containers", list[i].record.name, bytes,
			 list[i].status.state == CONTAINER_RUNNING ||
				 list[i].status.state == CONTAINER_PAUSED);
	}
	add_sum(s, "Containers", &sum);
}

static int add_volumes(struct sums *s, struct err *e)
{
	struct sum sum = {0};
	struct volume *list;
	size_t n;
	int r = volume_list(&s->in->engine, s->in->arena, &list, &n, e);

	for (size_t i = 0; r == 0 && i < n; i++) {
		struct str_slice users = {0};
		int64_t bytes = 0;

		tree_size_at(s->in->engine.data_fd,
			     arena_printf(s->in->arena, "volumes/%s/data", list[i].name), &bytes,
			     NULL);
		r = volume_users(&s->in->engine, list[i].name, s->in->arena, &users, e);
		add_item(s, &sum, "Local Volumes", list[i].name, bytes, users.n > 0);
	}
	add_sum(s, "Local Volumes", &sum);
	return r;
}

static int collect(struct sums *s, struct err *e)
{
	struct container_info *list;
	size_t n;
	int r = container_list(&s->in->engine, false, s->in->arena, &list, &n, e);

	if (r < 0)
		return r;
	json_begin_array(&s->items);
	json_begin_array(&s->sums);
	r = add_images(s, list, n, e);
	add_containers(s, list, n);
	if (r == 0)
		r = add_volumes(s, e);
	json_end_array(&s->items);
	json_end_array(&s->sums);
	return r;
}

static int df_main(const struct invocation *in, int *ret_code, struct err *e)
{
	const struct options *o = in->values;
	const struct view_list list = {.columns = o->verbose ? item_columns : sum_columns,
				       .format = o->format};
	auto_view_text struct view_text text = {0};
	struct sums s = {.in = in};
	struct view_value rows;
	int r = collect(&s, e);
	const struct json_writer *w = o->verbose ? &s.items : &s.sums;

	(void)ret_code;
	if (r == 0)
		r = view_parse(w->buf, w->len, in->arena, &rows, e);
	if (r == 0)
		r = view_rows(&list, rows.items, rows.n, &text, e);
	json_writer_free(&s.items);
	json_writer_free(&s.sums);
	return r < 0 ? r : print_text(text.buf ? text.buf : "", text.len, e);
}

const struct command cmd_system_df = {
	.name = "system df",
	.usage = "",
	.help = "Show what takes up room on the disk",
	.group = "system",
	.options = options,
	.values_size = sizeof(struct options),
	.enters = true,
	.main = df_main,
};
