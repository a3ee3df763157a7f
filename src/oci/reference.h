/* SPDX-License-Identifier: Apache-2.0 */
/* Image references as people type them: "busybox", "host:5000/team/app:1.2@sha256:...". */
#ifndef BERTH_OCI_REFERENCE_H
#define BERTH_OCI_REFERENCE_H

#include <stdbool.h>

struct arena;
struct err;

/* Parts of a reference with Docker's defaults filled in. Strings in the arena. */
struct oci_reference {
	const char *domain;     /* "localhost:5000"; the default registry where none was named */
	const char *repository; /* "library/busybox" */
	const char *tag;        /* "latest"; NULL where only a digest was given */
	const char *digest;     /* "sha256:HEX" or NULL */
	const char *full;       /* canonical: DOMAIN/REPOSITORY[:TAG][@DIGEST] */
	const char *familiar;   /* short: "busybox:latest", as Docker shows it */
};

/* Pure; the grammar of the distribution project's reference package: a first part with "." or ":" or
 * equal to "localhost" is the domain, one word means library/WORD of the default registry, the tag
 * defaults to "latest" where neither tag nor digest is given. Returns 0 or -EINVAL with a line that
 * says which part is wrong ("repository name must be lowercase"). */
int oci_reference_parse(const char *text, struct arena *a, struct oci_reference *ret,
			struct err *e);

/* "sha256:" and 64 lower-case hexadecimal digits. */
bool oci_digest_is_valid(const char *digest);

/* Where a domain's registry is spoken to: HOST[:PORT]. Only the default one differs from its name. */
const char *oci_registry_host(const char *domain);
/* Under which name Docker's config.json keeps its credentials. */
const char *oci_registry_key(const char *domain);
/* The domain that such a name, an address or a host belongs to; text NULL: the default registry's. */
const char *oci_registry_domain(const char *text, struct arena *a);

#endif
