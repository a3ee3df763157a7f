/* SPDX-License-Identifier: Apache-2.0 */
/* How names, ids, times and whole images are shown. */
#include "bin/berth/image_words.h"

#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/str.h"
#include "kernel/fd.h"
#include "kernel/tree.h"

struct image_name image_name_split(const char *reference, struct arena *a)
{
	struct image_name n = {.familiar = reference, .repository = reference};
	struct oci_reference r;

	if (oci_reference_parse(reference, a, &r, NULL) < 0)
		return n;
	n.familiar = r.familiar;
	n.tag = r.tag;
	n.digest = r.digest;
	n.repository = arena_strndup(a, r.familiar,
				     strlen(r.familiar) - (r.digest ? strlen(r.digest) + 1 : 0) -
					     (r.tag ? strlen(r.tag) + 1 : 0));
	return n;
}

const char *image_id_text(const char *id, bool is_whole, struct arena *a)
{
	return is_whole || strlen(id) < 7 + 12 ? id : arena_strndup(a, id + 7, 12);
}

static struct tm split_time(int64_t ns)
{
	time_t seconds = (time_t)(ns / 1000000000);
	struct tm tm;

	gmtime_r(&seconds, &tm);
	return tm;
}

const char *image_time_text(int64_t ns, struct arena *a)
{
	struct tm tm = split_time(ns);
	char text[64];

	if (!ns)
		return "N/A";
	strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S +0000 UTC", &tm);
	return arena_strdup(a, text);
}

const char *image_time_stamp(int64_t ns, struct arena *a)
{
	struct tm tm = split_time(ns);
	char text[64];

	strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &tm);
	return arena_strdup(a, text);
}

int64_t image_now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* ---- layers ------------------------------------------------------------------------------------- */

struct layer_file {
	int64_t unpacked_size;
};

int64_t image_layer_size(const struct engine *g, const char *chain)
{
	static const struct json_field fields[] = {
		JSON_FIELD("unpackedSize", struct layer_file, unpacked_size, &json_i64_type,
			   JSON_REQUIRED),
	};
	static const struct json_type type = JSON_OBJECT(struct layer_file, fields);
	auto_arena struct arena a = {0};
	struct layer_file file = {0};
	int64_t bytes = 0;
	size_t n = 0;
	char *text;

	if (file_read_at(g->data_fd, arena_printf(&a, "layers/%s/layer.json", chain), &a, 1 << 20,
			 &text, &n) == 0 &&
	    json_decode(text, n, &type, &file, &a, "layer.json", NULL) == 0)
		return file.unpacked_size;
	tree_size_at(g->data_fd, arena_printf(&a, "layers/%s/diff", chain), &bytes, NULL);
	return bytes;
}

/* ---- inspect ------------------------------------------------------------------------------------ */

static void put_strings(struct json_writer *w, const char *key, const struct str_slice *list,
			bool is_null_if_empty)
{
	json_key(w, key);
	if (list->n == 0 && is_null_if_empty) {
		json_null(w);
		return;
	}
	json_begin_array(w);
	for (size_t i = 0; i < list->n; i++)
		json_string(w, list->v[i]);
	json_end_array(w);
}

static void put_keys(struct json_writer *w, const char *key, const struct str_slice *list)
{
	json_key(w, key);
	if (list->n == 0) {
		json_null(w);
		return;
	}
	json_begin_object(w);
	for (size_t i = 0; i < list->n; i++) {
		json_key(w, list->v[i]);
		json_begin_object(w);
		json_end_object(w);
	}
	json_end_object(w);
}

static void put_pairs(struct json_writer *w, const char *key, const struct oci_pairs *pairs)
{
	json_key(w, key);
	if (pairs->n == 0) {
		json_null(w);
		return;
	}
	json_begin_object(w);
	for (size_t i = 0; i < pairs->n; i++)
		json_put_string(w, pairs->v[i].key, pairs->v[i].value);
	json_end_object(w);
}

static void put_text(struct json_writer *w, const char *key, const char *text)
{
	json_put_string(w, key, text ? text : "");
}

static void put_health(struct json_writer *w, const struct oci_health *h)
{
	if (!h->is_set)
		return;
	json_key(w, "Healthcheck");
	json_begin_object(w);
	put_strings(w, "Test", &h->test, false);
	if (h->interval)
		json_put_int(w, "Interval", h->interval);
	if (h->timeout)
		json_put_int(w, "Timeout", h->timeout);
	if (h->start_period)
		json_put_int(w, "StartPeriod", h->start_period);
	if (h->start_interval)
		json_put_int(w, "StartInterval", h->start_interval);
	if (h->retries)
		json_put_int(w, "Retries", h->retries);
	json_end_object(w);
}

static void put_config(struct json_writer *w, const struct oci_image_run *c)
{
	json_key(w, "Config");
	json_begin_object(w);
	put_text(w, "Hostname", c->hostname);
	put_text(w, "User", c->user);
	put_keys(w, "ExposedPorts", &c->exposed_ports);
	put_strings(w, "Env", &c->env, true);
	put_strings(w, "Cmd", &c->cmd, true);
	put_health(w, &c->health);
	if (c->args_escaped)
		json_put_bool(w, "ArgsEscaped", true);
	put_keys(w, "Volumes", &c->volumes);
	put_text(w, "WorkingDir", c->working_dir);
	put_strings(w, "Entrypoint", &c->entrypoint, true);
	put_strings(w, "OnBuild", &c->on_build, true);
	put_pairs(w, "Labels", &c->labels);
	put_text(w, "StopSignal", c->stop_signal);
	put_strings(w, "Shell", &c->shell, true);
	json_end_object(w);
}

static void put_names(struct json_writer *w, const char *key, const struct str_slice *names,
		      struct arena *a)
{
	json_key(w, key);
	json_begin_array(w);
	for (size_t i = 0; i < names->n; i++)
		json_string(w, image_name_split(names->v[i], a).familiar);
	json_end_array(w);
}

/* Where the layers are, for people and programs that look into them. */
static void put_driver(struct json_writer *w, const struct engine *g, const struct image *image,
		       struct arena *a)
{
	size_t n = image->layers.n;
	const char *lower = "";

	json_key(w, "GraphDriver");
	json_begin_object(w);
	json_put_string(w, "Name", "overlay2");
	json_key(w, "Data");
	json_begin_object(w);
	for (size_t i = n; i-- > 1;)
		lower = arena_printf(a, "%s%s%s/layers/%s/diff", lower, *lower ? ":" : "", g->data,
				     image->layers.v[i - 1]);
	if (*lower)
		json_put_string(w, "LowerDir", lower);
	if (n)
		json_put_string(
			w, "UpperDir",
			arena_printf(a, "%s/layers/%s/diff", g->data, image->layers.v[n - 1]));
	json_end_object(w);
	json_end_object(w);
}

void image_inspect_print(const struct engine *g, const struct image *image, struct arena *a,
			 struct json_writer *w)
{
	const struct oci_image_config *c = &image->config;
	const struct oci_history *last = c->history.n ? &c->history.v[c->history.n - 1] : NULL;

	json_begin_object(w);
	json_put_string(w, "Id", image->id);
	put_names(w, "RepoTags", &image->references, a);
	put_names(w, "RepoDigests", &image->digests, a);
	put_text(w, "Parent", NULL);
	put_text(w, "Comment", last ? last->comment : NULL);
	put_text(w, "Created", c->created ? c->created : image_time_stamp(image->created_ns, a));
	put_text(w, "DockerVersion", NULL);
	put_text(w, "Author", c->author);
	put_config(w, &c->config);
	put_text(w, "Architecture", c->architecture);
	if (c->variant)
		json_put_string(w, "Variant", c->variant);
	put_text(w, "Os", c->os);
	if (c->os_version)
		json_put_string(w, "OsVersion", c->os_version);
	json_put_int(w, "Size", image->size);
	json_put_int(w, "VirtualSize", image->size);
	put_driver(w, g, image, a);
	json_key(w, "RootFS");
	json_begin_object(w);
	json_put_string(w, "Type", "layers");
	put_strings(w, "Layers", &c->rootfs.diff_ids, false);
	json_end_object(w);
	put_text(w, "Manifest", image->manifest);
	json_end_object(w);
}
