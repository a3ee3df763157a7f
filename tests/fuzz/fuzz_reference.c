/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzz: any bytes as an image's reference and as a platform; what is taken means the same when read again. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "oci/image.h"
#include "oci/reference.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool is_true)
{
	if (!is_true)
		abort();
}

static void try_reference(const char *text, struct arena *a)
{
	struct oci_reference r, again;
	struct err e = {0};
	int rc = oci_reference_parse(text, a, &r, &e);

	check((rc < 0) == (e.code != 0));
	if (rc < 0)
		return;
	check(r.tag || r.digest);
	/* It becomes a file's name with '+' for '/', and a part of addresses. */
	check(!strpbrk(r.full, "+ \t\n?#%\\\"'") && r.full[0] != '/');
	check(!strstr(r.repository, "..") && !strstr(r.domain, ".."));
	check(strlen(r.domain) + 1 + strlen(r.repository) <= 255);
	check(oci_reference_parse(r.full, a, &again, NULL) == 0);
	check(strcmp(r.full, again.full) == 0);
	check(oci_reference_parse(r.familiar, a, &again, NULL) == 0);
	check(strcmp(r.full, again.full) == 0 && strcmp(r.familiar, again.familiar) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct oci_platform p;
	struct arena a = {0};
	struct err e = {0};
	char *text = arena_strndup(&a, (const char *)data, size);

	try_reference(text, &a);
	check((oci_platform_parse(text, &a, &p, &e) < 0) == (e.code != 0));
	arena_free(&a);
	return 0;
}
