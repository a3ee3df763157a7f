/* SPDX-License-Identifier: Apache-2.0 */
/* The configuration of an image: decoded, checked, printed; the names of its layers. */
#include <errno.h>
#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/json.h"
#include "base/sha256.h"
#include "oci/image.h"
#include "oci/image_tables.h"
#include "oci/reference.h"
#include "oci/tables.h"

enum { LAYERS_MAX = 1024, HISTORY_MAX = 8192 };

static const struct json_field health_fields[] = {
	JSON_FIELD("Test", struct oci_health, test, &json_strings_type, 0),
	JSON_FIELD("Interval", struct oci_health, interval, &json_i64_type, 0),
	JSON_FIELD("Timeout", struct oci_health, timeout, &json_i64_type, 0),
	JSON_FIELD("StartPeriod", struct oci_health, start_period, &json_i64_type, 0),
	JSON_FIELD("StartInterval", struct oci_health, start_interval, &json_i64_type, 0),
	JSON_FIELD("Retries", struct oci_health, retries, &json_i64_type, 0),
};
static const struct json_type health_type = JSON_OBJECT_SET(struct oci_health, health_fields);

/* {"80/tcp": {}}: only the keys count. */
static const struct json_type nothing_type = {.kind = JSON_KIND_OBJECT};
static const struct json_type keys_type = {
	.kind = JSON_KIND_MAP,
	.size = sizeof(struct str_slice),
	.element = &nothing_type,
	.entry_size = sizeof(const char *),
};

static const struct json_field run_fields[] = {
	JSON_FIELD("Hostname", struct oci_image_run, hostname, &json_string_type, 0),
	JSON_FIELD("User", struct oci_image_run, user, &json_string_type, 0),
	JSON_FIELD("ExposedPorts", struct oci_image_run, exposed_ports, &keys_type, 0),
	JSON_FIELD("Env", struct oci_image_run, env, &json_strings_type, 0),
	JSON_FIELD("Cmd", struct oci_image_run, cmd, &json_strings_type, 0),
	JSON_FIELD("Healthcheck", struct oci_image_run, health, &health_type, 0),
	JSON_FIELD("ArgsEscaped", struct oci_image_run, args_escaped, &json_bool_type, 0),
	JSON_FIELD("Volumes", struct oci_image_run, volumes, &keys_type, 0),
	JSON_FIELD("WorkingDir", struct oci_image_run, working_dir, &json_string_type, 0),
	JSON_FIELD("Entrypoint", struct oci_image_run, entrypoint, &json_strings_type, 0),
	JSON_FIELD("OnBuild", struct oci_image_run, on_build, &json_strings_type, 0),
	JSON_FIELD("Labels", struct oci_image_run, labels, &oci_pairs_type, 0),
	JSON_FIELD("StopSignal", struct oci_image_run, stop_signal, &json_string_type, 0),
	JSON_FIELD("Shell", struct oci_image_run, shell, &json_strings_type, 0),
};
const struct json_type oci_image_run_type = JSON_OBJECT(struct oci_image_run, run_fields);

static const struct json_field history_fields[] = {
	JSON_FIELD("created", struct oci_history, created, &json_string_type, 0),
	JSON_FIELD("created_by", struct oci_history, created_by, &json_string_type, 0),
	JSON_FIELD("author", struct oci_history, author, &json_string_type, 0),
	JSON_FIELD("comment", struct oci_history, comment, &json_string_type, 0),
	JSON_FIELD("empty_layer", struct oci_history, empty_layer, &json_bool_type, 0),
};
static const struct json_type history_item_type = JSON_OBJECT(struct oci_history, history_fields);
static const struct json_type history_type = JSON_LIST(&history_item_type);

static const struct json_field rootfs_fields[] = {
	OCI_INNER_FIELD("type", struct oci_image_config, rootfs, type, &json_string_type, 0),
	OCI_INNER_FIELD("diff_ids", struct oci_image_config, rootfs, diff_ids, &json_strings_type,
			JSON_ALWAYS),
};
static const struct json_type rootfs_type =
	OCI_INNER(struct oci_image_config, rootfs, rootfs_fields);

static const struct json_field config_fields[] = {
	JSON_FIELD("created", struct oci_image_config, created, &json_string_type, 0),
	JSON_FIELD("author", struct oci_image_config, author, &json_string_type, 0),
	JSON_FIELD("architecture", struct oci_image_config, architecture, &json_string_type, 0),
	JSON_FIELD("variant", struct oci_image_config, variant, &json_string_type, 0),
	JSON_FIELD("os", struct oci_image_config, os, &json_string_type, 0),
	JSON_FIELD("os.version", struct oci_image_config, os_version, &json_string_type, 0),
	JSON_FIELD("config", struct oci_image_config, config, &oci_image_run_type, JSON_ALWAYS),
	JSON_FIELD("rootfs", struct oci_image_config, rootfs, &rootfs_type, JSON_ALWAYS),
	JSON_FIELD("history", struct oci_image_config, history, &history_type, 0),
};
const struct json_type oci_image_config_type = JSON_OBJECT(struct oci_image_config, config_fields);

int oci_decode_image_config(const char *text, size_t n, const char *document, struct arena *a,
			    struct oci_image_config *ret, struct err *e)
{
	struct oci_image_config c = {0};
	int r = json_decode(text, n, &oci_image_config_type, &c, a, document, e);

	if (r < 0)
		return r;
	if (c.rootfs.type && strcmp(c.rootfs.type, "layers") != 0)
		return err_say(e, -EINVAL, "%s: rootfs.type: want \"layers\", found \"%.100s\"",
			       document, c.rootfs.type);
	if (c.rootfs.diff_ids.n > LAYERS_MAX)
		return err_say(e, -EINVAL, "%s: rootfs.diff_ids: more than %d layers", document,
			       LAYERS_MAX);
	if (c.history.n > HISTORY_MAX)
		return err_say(e, -EINVAL, "%s: history: more than %d entries", document,
			       HISTORY_MAX);
	for (size_t i = 0; i < c.rootfs.diff_ids.n; i++)
		if (!oci_digest_is_valid(c.rootfs.diff_ids.v[i]))
			return err_say(e, -EINVAL,
				       "%s: rootfs.diff_ids[%zu]: want sha256: and 64 lower-case "
				       "hexadecimal digits, found \"%.100s\"",
				       document, i, c.rootfs.diff_ids.v[i]);
	*ret = c;
	return 0;
}

void oci_image_config_print(const struct oci_image_config *c, struct json_writer *w)
{
	json_encode(&oci_image_config_type, c, w);
}

void oci_chain_ids(const struct str_slice *diff_ids, struct arena *a, struct str_slice *ret)
{
	struct str_slice ids = {.v = arena_array(a, diff_ids->n + 1, sizeof(*ids.v))};

	for (; ids.n < diff_ids->n; ids.n++) {
		const char *text;
		char hex[65];

		if (ids.n == 0) {
			ids.v[0] = arena_strdup(a, diff_ids->v[0]);
			continue;
		}
		text = arena_printf(a, "%s %s", ids.v[ids.n - 1], diff_ids->v[ids.n]);
		sha256_hex(text, strlen(text), hex);
		ids.v[ids.n] = arena_printf(a, "sha256:%s", hex);
	}
	*ret = ids;
}
