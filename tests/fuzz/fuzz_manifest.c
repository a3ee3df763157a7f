/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzz: any bytes as a manifest, an index and an image's configuration, decoded, used and printed. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/json.h"
#include "oci/image.h"
#include "oci/reference.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool is_true)
{
	if (!is_true)
		abort();
}

static void try_manifest(const char *text, size_t n, struct arena *a)
{
	struct oci_platform own = oci_platform_own();
	struct json_writer first = {0}, second = {0};
	struct oci_manifest m, again;
	struct err e = {0};
	int r = oci_decode_manifest(text, n, "manifest", a, &m, &e);

	check((r < 0) == (e.code != 0));
	if (r < 0)
		return;
	check(m.is_index || oci_digest_is_valid(m.config.digest));
	check(!m.is_index || (!m.layers.n && !m.config.digest));
	for (size_t i = 0; i < m.layers.n; i++)
		check(oci_digest_is_valid(m.layers.v[i].digest) && m.layers.v[i].size >= 0);
	check(oci_platform_choose(&m.manifests, &own) < (int)m.manifests.n);
	oci_manifest_print(&m, &first);
	r = oci_decode_manifest(first.buf, first.len, "printed", a, &again, NULL);
	/* An index without entries and without a type is nothing. */
	check(r == 0 && again.is_index == m.is_index);
	oci_manifest_print(&again, &second);
	check(strcmp(first.buf, second.buf) == 0);
	json_writer_free(&first);
	json_writer_free(&second);
}

static void try_config(const char *text, size_t n, struct arena *a)
{
	struct json_writer first = {0}, second = {0};
	struct oci_image_config c, again;
	struct str_slice chain;
	struct err e = {0};
	int r = oci_decode_image_config(text, n, "config", a, &c, &e);

	check((r < 0) == (e.code != 0));
	if (r < 0)
		return;
	oci_chain_ids(&c.rootfs.diff_ids, a, &chain);
	check(chain.n == c.rootfs.diff_ids.n);
	for (size_t i = 0; i < chain.n; i++)
		check(oci_digest_is_valid(chain.v[i]));
	oci_image_config_print(&c, &first);
	check(oci_decode_image_config(first.buf, first.len, "printed", a, &again, NULL) == 0);
	oci_image_config_print(&again, &second);
	check(strcmp(first.buf, second.buf) == 0);
	json_writer_free(&first);
	json_writer_free(&second);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena a = {0};

	try_manifest((const char *)data, size, &a);
	try_config((const char *)data, size, &a);
	arena_free(&a);
	return 0;
}
