/* SPDX-License-Identifier: Apache-2.0 */
/* Manifests and indexes: decoded, told apart, checked, printed. */
#include <errno.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/json.h"
#include "base/str.h"
#include "oci/image.h"
#include "oci/reference.h"
#include "oci/tables.h"

enum { LAYERS_MAX = 1024, MANIFESTS_MAX = 1024 };

static const struct json_type size_type = {
	.kind = JSON_KIND_INT, .size = sizeof(int64_t), .min = 0, .max = INT64_MAX};

static const struct json_field platform_fields[] = {
	JSON_FIELD("architecture", struct oci_platform, architecture, &json_string_type, 0),
	JSON_FIELD("os", struct oci_platform, os, &json_string_type, 0),
	JSON_FIELD("os.version", struct oci_platform, os_version, &json_string_type, 0),
	JSON_FIELD("variant", struct oci_platform, variant, &json_string_type, 0),
};
static const struct json_type platform_type = JSON_OBJECT_SET(struct oci_platform, platform_fields);

static const struct json_field descriptor_fields[] = {
	JSON_FIELD("mediaType", struct oci_descriptor, media_type, &json_string_type, 0),
	JSON_FIELD("digest", struct oci_descriptor, digest, &json_string_type, JSON_REQUIRED),
	JSON_FIELD("size", struct oci_descriptor, size, &size_type, JSON_REQUIRED),
	JSON_FIELD("annotations", struct oci_descriptor, annotations, &oci_pairs_type, 0),
	JSON_FIELD("platform", struct oci_descriptor, platform, &platform_type, 0),
};
static const struct json_type descriptor_type =
	JSON_OBJECT(struct oci_descriptor, descriptor_fields);
static const struct json_type descriptors_type = JSON_LIST(&descriptor_type);

/* Of the old schema 1 only its tell-tale list is looked at. */
struct manifest_file {
	struct oci_manifest m;
	SLICE(char) fs_layers; /* a byte for each */
};
static const struct json_type nothing_type = {.kind = JSON_KIND_OBJECT, .size = sizeof(char)};
static const struct json_type nothings_type = JSON_LIST(&nothing_type);

static const struct json_field manifest_fields[] = {
	JSON_FIELD("schemaVersion", struct manifest_file, m.schema_version, &json_i64_type,
		   JSON_ALWAYS),
	JSON_FIELD("mediaType", struct manifest_file, m.media_type, &json_string_type, 0),
	JSON_FIELD("config", struct manifest_file, m.config, &descriptor_type, 0),
	JSON_FIELD("layers", struct manifest_file, m.layers, &descriptors_type, 0),
	JSON_FIELD("manifests", struct manifest_file, m.manifests, &descriptors_type, 0),
	JSON_FIELD("annotations", struct manifest_file, m.annotations, &oci_pairs_type, 0),
	JSON_FIELD("fsLayers", struct manifest_file, fs_layers, &nothings_type, 0),
};
static const struct json_type manifest_type = JSON_OBJECT(struct manifest_file, manifest_fields);

/* What an empty list of an index or a manifest without layers is written as. */
static const struct json_field print_manifest_fields[] = {
	JSON_FIELD("schemaVersion", struct oci_manifest, schema_version, &json_i64_type,
		   JSON_ALWAYS),
	JSON_FIELD("mediaType", struct oci_manifest, media_type, &json_string_type, 0),
	JSON_FIELD("config", struct oci_manifest, config, &descriptor_type, JSON_ALWAYS),
	JSON_FIELD("layers", struct oci_manifest, layers, &descriptors_type, JSON_ALWAYS),
	JSON_FIELD("annotations", struct oci_manifest, annotations, &oci_pairs_type, 0),
};
static const struct json_field print_index_fields[] = {
	JSON_FIELD("schemaVersion", struct oci_manifest, schema_version, &json_i64_type,
		   JSON_ALWAYS),
	JSON_FIELD("mediaType", struct oci_manifest, media_type, &json_string_type, 0),
	JSON_FIELD("manifests", struct oci_manifest, manifests, &descriptors_type, JSON_ALWAYS),
	JSON_FIELD("annotations", struct oci_manifest, annotations, &oci_pairs_type, 0),
};
static const struct json_type print_manifest_type =
	JSON_OBJECT(struct oci_manifest, print_manifest_fields);
static const struct json_type print_index_type =
	JSON_OBJECT(struct oci_manifest, print_index_fields);

/* ---- checks -------------------------------------------------------------------------------------- */

static int check_descriptor(const struct oci_descriptor *d, const char *document, const char *what,
			    size_t i, struct err *e)
{
	if (oci_digest_is_valid(d->digest))
		return 0;
	return err_say(e, -EINVAL,
		       "%s: %s[%zu].digest: want sha256: and 64 lower-case hexadecimal digits, "
		       "found \"%.100s\"",
		       document, what, i, d->digest);
}

static int check_list(const struct oci_descriptor_list *list, size_t max, const char *document,
		      const char *what, struct err *e)
{
	if (list->n > max)
		return err_say(e, -EINVAL, "%s: %s: more than %zu entries", document, what, max);
	for (size_t i = 0; i < list->n; i++) {
		int r = check_descriptor(&list->v[i], document, what, i, e);

		if (r < 0)
			return r;
	}
	return 0;
}

static bool is_index_type(const char *type)
{
	return str_eq(type, OCI_TYPE_INDEX) || str_eq(type, DOCKER_TYPE_LIST);
}

static bool is_manifest_type(const char *type)
{
	return str_eq(type, OCI_TYPE_MANIFEST) || str_eq(type, DOCKER_TYPE_MANIFEST);
}

/* Security: what two readers could take for two things is refused (CVE-2021-41190). */
static int tell_apart(struct oci_manifest *m, const char *document, struct err *e)
{
	bool has_index = m->manifests.n > 0, has_manifest = m->config.digest || m->layers.n > 0;

	if ((has_index && has_manifest) || (has_manifest && is_index_type(m->media_type)) ||
	    (has_index && is_manifest_type(m->media_type)))
		return err_say(e, -EINVAL,
			       "%s: ambiguous: it could be read as a manifest and as an index",
			       document);
	m->is_index = has_index || is_index_type(m->media_type);
	if (m->media_type && !is_index_type(m->media_type) && !is_manifest_type(m->media_type))
		return err_say(e, -EINVAL, "%s: mediaType: \"%.200s\" is no image", document,
			       m->media_type);
	if (!m->is_index && !m->config.digest)
		return err_say(e, -EINVAL, "%s: neither a manifest nor an index: no config",
			       document);
	return 0;
}

int oci_decode_manifest(const char *text, size_t n, const char *document, struct arena *a,
			struct oci_manifest *ret, struct err *e)
{
	struct manifest_file file = {0};
	int r = json_decode(text, n, &manifest_type, &file, a, document, e);

	if (r < 0)
		return r;
	if (file.fs_layers.n || file.m.schema_version == 1)
		return err_say(e, -EINVAL,
			       "%s: a manifest of the old schema 1: push the image again with a "
			       "newer program",
			       document);
	if (file.m.schema_version != 2)
		return err_say(e, -EINVAL, "%s: schemaVersion: want 2", document);
	if ((r = tell_apart(&file.m, document, e)) < 0 ||
	    (r = check_list(&file.m.layers, LAYERS_MAX, document, "layers", e)) < 0 ||
	    (r = check_list(&file.m.manifests, MANIFESTS_MAX, document, "manifests", e)) < 0)
		return r;
	if (!file.m.is_index && !oci_digest_is_valid(file.m.config.digest))
		return err_say(e, -EINVAL,
			       "%s: config.digest: want sha256: and 64 lower-case hexadecimal "
			       "digits, found \"%.100s\"",
			       document, file.m.config.digest);
	*ret = file.m;
	return 0;
}

void oci_manifest_print(const struct oci_manifest *m, struct json_writer *w)
{
	json_encode(m->is_index ? &print_index_type : &print_manifest_type, m, w);
}
