/* SPDX-License-Identifier: Apache-2.0 */
/* Who we are to a registry: challenges, credentials, tokens. */
#ifndef BERTH_IMAGE_AUTH_H
#define BERTH_IMAGE_AUTH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"

struct arena;
struct err;
struct http;

/*
 * Theory of operation
 *
 * A registry answers 401 with a challenge (RFC 9110 11.6.1). "Basic": the credentials go with each request.
 * "Bearer" (the distribution project's token specification): a token for the scope ("repository:NAME:pull") comes
 * from the realm that the challenge names, in exchange for the credentials, or for nothing where there are
 * none; it is kept until it ends, a scope each. Credentials come from Docker's config.json (credHelpers,
 * credsStore, auths), else from containers' auth.json.
 *
 * Security: credentials go to a realm by https only, unless the registry itself is spoken to without TLS.
 */

struct auth_credentials {
	const char *username, *password; /* NULL: none */
	const char *identity_token;      /* instead of a password: OAuth2's refresh token */
	const char *registry_token;      /* to be sent as it is */
};

static inline bool auth_has_credentials(const struct auth_credentials *c)
{
	return c->username || c->identity_token || c->registry_token;
}

/* ---- challenges: pure ----------------------------------------------------------------------------- */

struct auth_challenge {
	enum { AUTH_NONE, AUTH_BASIC, AUTH_BEARER } scheme;
	const char *realm, *service, *scope, *error;
};

/* Of all challenges in one WWW-Authenticate header, the best that we can answer: Bearer, else Basic. The
 * text is untrusted: what is malformed is skipped. */
void auth_challenge_parse(const char *header, struct arena *a, struct auth_challenge *ret);

/* ---- credentials ---------------------------------------------------------------------------------- */

/* One file as Docker or containers write it. */
struct auth_entry {
	const char *key;
	struct auth_credentials credentials;
};
struct auth_helper_of {
	const char *key, *helper;
};
struct auth_config {
	SLICE(struct auth_entry) auths;
	const char *creds_store;
	SLICE(struct auth_helper_of) cred_helpers;
};

/* Pure. An entry that cannot be read (bad base64) is an error that names it. */
int auth_config_parse(const char *text, size_t n, const char *document, struct arena *a,
		      struct auth_config *ret, struct err *e);
/* Pure: the entry for a domain and repository, the most exact one ("HOST/team/app" before "HOST/team" before
 * "HOST"); also keys as "https://HOST/v1/". NULL: none. */
const struct auth_entry *auth_config_pick(const struct auth_config *c, const char *domain,
					  const char *repository, struct arena *a);
/* The name of the helper program's last part for a domain, or NULL. */
const char *auth_config_helper(const struct auth_config *c, const char *domain);

/* Looks through all files and helpers. Nothing found: 0 and all of *ret NULL. */
int auth_find(const char *domain, const char *repository, struct arena *a,
	      struct auth_credentials *ret, struct err *e);
/* Stores into config.json, or the helper that it names; *ret_where: the file or helper. */
int auth_store(const char *domain, const struct auth_credentials *c, struct arena *a,
	       const char **ret_where, bool *ret_is_plain, struct err *e);
/* Removes. Returns 1, 0 where there was nothing, or -errno. */
int auth_erase(const char *domain, struct arena *a, struct err *e);

/* Runs docker-credential-NAME. Returns 0 (get: *ret all NULL where it has none) or -errno. */
int auth_helper_get(const char *name, const char *server, struct arena *a,
		    struct auth_credentials *ret, struct err *e);
int auth_helper_store(const char *name, const char *server, const struct auth_credentials *c,
		      struct err *e);
int auth_helper_erase(const char *name, const char *server, struct err *e);

/* ---- one registry's tokens ------------------------------------------------------------------------ */

struct auth_token {
	const char *scope, *header;
	int64_t ends_s; /* CLOCK_MONOTONIC */
};

struct auth {
	struct http *http;
	struct arena *arena;
	const char *domain, *repository;
	bool is_tls; /* the registry is spoken to with TLS */
	bool is_looked_up;
	struct auth_credentials credentials; /* set is_looked_up to give some (login) */
	struct auth_challenge challenge;
	SLICE(struct auth_token) tokens;
};

/* The value of Authorization for a scope (may be NULL) as far as it is known; NULL: none. */
const char *auth_header(struct auth *auth, const char *scope);
/* After a 401: takes its challenges, gets a token or credentials. used: what the refused request had sent, or
 * NULL. Returns 1 with *ret to try with, 0: nothing better is known, or -errno. */
int auth_answer(struct auth *auth, const struct str_slice *challenges, const char *scope,
		const char *used, const char **ret, struct err *e);

const char *auth_base64(const char *text, size_t n, struct arena *a);
/* NUL-terminated; NULL: it is none. */
char *auth_base64_decode(const char *text, struct arena *a);

#endif
