/* SPDX-License-Identifier: Apache-2.0 */
/* How volumes are shown. */
#include "bin/berth/volume_words.h"

static void print_pairs(struct json_writer *w, const char *key, const struct oci_pairs *pairs)
{
	json_key(w, key);
	json_begin_object(w);
	for (size_t i = 0; i < pairs->n; i++)
		json_put_string(w, pairs->v[i].key, pairs->v[i].value);
	json_end_object(w);
}

void volume_print(struct json_writer *w, const struct volume *v, struct arena *a)
{
	json_begin_object(w);
	json_put_string(w, "CreatedAt", runtime_time_text(v->created_ns, a));
	json_put_string(w, "Driver", "local");
	print_pairs(w, "Labels", &v->labels);
	json_put_string(w, "Mountpoint", v->path);
	json_put_string(w, "Name", v->name);
	print_pairs(w, "Options", &v->options);
	json_put_string(w, "Scope", "local");
	json_put_bool(w, "Anonymous", v->is_anonymous);
	json_end_object(w);
}
