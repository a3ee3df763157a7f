/* SPDX-License-Identifier: Apache-2.0 */
/* Which hosts may be spoken to without TLS, and whose certificates are believed. */
#ifndef BERTH_IMAGE_TRUST_H
#define BERTH_IMAGE_TRUST_H

#include <stdbool.h>
#include <stddef.h>

#include "base/slice.h"

struct arena;
struct err;

/* "localhost", "x.localhost", 127.0.0.0/8, ::1: by name or address alone, nothing is resolved. host without
 * port, an IPv6 address with or without brackets. */
bool trust_is_loopback(const char *host);

/* Reads the registries that are named insecure: lines "insecure HOST[:PORT]" ("#" begins a comment) of
 * /etc/berth/registries.conf and $XDG_CONFIG_HOME/berth/registries.conf (~/.config). A missing file is no
 * error. Returns 0 or -errno. */
int trust_load(struct arena *a, struct str_slice *ret, struct err *e);

/* The same for one text; names go behind those of *list. */
int trust_parse(const char *text, const char *document, struct arena *a, struct str_slice *list,
		struct err *e);

/* What certs.d/HOST[:PORT]/ holds, as Docker's: *.crt are authorities (all in one PEM text), NAME.cert
 * with NAME.key a client's own. Everything NULL where there is nothing. */
struct trust_certificates {
	char *authorities;
	size_t authorities_n;
	const char *certificate, *key; /* paths */
};

/* Looks into $XDG_CONFIG_HOME/{berth,docker,containers}/certs.d, then /etc/{berth,docker,containers}/certs.d;
 * the first folder that is there counts. Returns 0 or -errno. */
int trust_certificates(const char *host_port, struct arena *a, struct trust_certificates *ret,
		       struct err *e);

#endif
