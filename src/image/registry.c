/* SPDX-License-Identifier: Apache-2.0 */
/* One repository of one registry: requests with their authorization, manifests, tags, blobs. */
#include "image/registry.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/auto.h"
#include "base/err.h"
#include "base/json.h"
#include "base/log.h"
#include "base/sha256.h"
#include "base/str.h"
#include "oci/image.h"
#include "oci/reference.h"

enum { MANIFEST_MAX = 4 << 20, TAGS_MAX = 100000, PAGES_MAX = 1000, PAGE_MAX = 8 << 20 };

const char *registry_url(struct registry *r, const char *path)
{
	return arena_printf(r->arena, "%s/v2/%s/%s", r->base, r->repository, path);
}

/* ---- opening -------------------------------------------------------------------------------------- */

/* https, unless plain http is allowed and nothing else is spoken. */
static int find_base(struct registry *r, struct err *e)
{
	const char *host = oci_registry_host(r->domain);
	struct http_request rq = {.method = "GET", .is_once = true};
	struct http_answer answer = {0};
	struct err why = {0};
	int rc;

	r->base = arena_printf(r->arena, "https://%s", host);
	if (!http_may_be_plain(r->http, host))
		return 0;
	rq.url = arena_printf(r->arena, "%s/v2/", r->base);
	rc = http_perform(r->http, &rq, r->arena, &answer, &why);
	if (rc == 0)
		return 0;
	/* Security: a certificate that does not fit is no reason to do without. */
	if (rc == -EKEYREJECTED || rc == -EINTR || rc == -EPERM) {
		if (e)
			*e = why;
		return rc;
	}
	log_debug("%s: no TLS (%s): using http", r->domain, why.text);
	r->base = arena_printf(r->arena, "http://%s", host);
	return 0;
}

int registry_open(struct http *h, const char *domain, const char *repository, bool will_push,
		  struct arena *a, struct registry *ret, struct err *e)
{
	struct registry r = {.http = h, .arena = a, .domain = domain, .repository = repository};
	int rc = find_base(&r, e);

	if (rc < 0)
		return rc;
	if (repository)
		r.scope = arena_printf(a, "repository:%s:pull%s", repository,
				       will_push ? ",push" : "");
	r.auth = (struct auth){.http = h,
			       .arena = a,
			       .domain = domain,
			       .repository = repository,
			       .is_tls = str_starts(r.base, "https:")};
	*ret = r;
	return 0;
}

/* ---- requests ------------------------------------------------------------------------------------- */

int registry_request(struct registry *r, struct http_request *rq, const char *scope,
		     struct http_answer *ret, struct err *e)
{
	/* Security: an upload's address comes from the registry and may be another host's. */
	bool is_ours = http_same_origin(rq->url, r->base);
	int rc;

	if (str_starts(r->base, "https:") && !str_starts(rq->url, "https:"))
		return err_say(e, -EPERM, "registry %s: refused: it leads away from https to %s",
			       r->domain, http_clean(rq->url, strcspn(rq->url, "?"), r->arena));
	rq->authorization = is_ours ? auth_header(&r->auth, scope) : NULL;
	rc = http_perform(r->http, rq, r->arena, ret, e);
	if (rc < 0 || ret->status != 401 || !is_ours)
		return rc;
	rc = auth_answer(&r->auth, &ret->challenges, scope, rq->authorization, &rq->authorization,
			 e);
	if (rc <= 0)
		return rc;
	return http_perform(r->http, rq, r->arena, ret, e);
}

int registry_ping(struct registry *r, bool *ret_challenged, struct err *e)
{
	struct http_request rq = {.method = "GET",
				  .url = arena_printf(r->arena, "%s/v2/", r->base)};
	struct http_answer answer = {0};
	int rc = registry_request(r, &rq, NULL, &answer, e);

	if (rc < 0)
		return rc;
	if (answer.status == 401 || answer.status == 403)
		return err_say(e, -EACCES, "%s: unauthorized: incorrect username or password",
			       r->domain);
	if (answer.status != 200)
		return registry_fail(r, r->domain, &answer, e);
	*ret_challenged = r->auth.challenge.scheme != AUTH_NONE;
	return 0;
}

/* "DOMAIN/REPOSITORY:TAG" or "...@DIGEST" */
static const char *object(struct registry *r, const char *which)
{
	return arena_printf(r->arena, "%s/%s%s%s", r->domain, r->repository,
			    oci_digest_is_valid(which) ? "@" : ":", which);
}

/* ---- manifests ------------------------------------------------------------------------------------ */

static int check_digest(struct registry *r, const char *which, const struct http_answer *answer,
			const char *digest, struct err *e)
{
	const char *wanted = oci_digest_is_valid(which)            ? which
			     : oci_digest_is_valid(answer->digest) ? answer->digest
								   : digest;

	if (str_eq(wanted, digest))
		return 0;
	return err_say(e, -EBADMSG, "manifest of %s: digest mismatch: want %s, got %s",
		       object(r, which), wanted, digest);
}

static const char *accept_types[] = {"Accept: " OCI_TYPE_INDEX ", " OCI_TYPE_MANIFEST
				     ", " DOCKER_TYPE_LIST ", " DOCKER_TYPE_MANIFEST};

int registry_manifest_get(struct registry *r, const char *which, struct registry_manifest *ret,
			  struct err *e)
{
	struct http_request rq = {
		.method = "GET", .headers = {accept_types, 1}, .limit = MANIFEST_MAX};
	struct http_answer answer = {0};
	char hex[65];
	int rc;

	rq.url = registry_url(r, arena_printf(r->arena, "manifests/%s", which));
	rc = registry_request(r, &rq, r->scope, &answer, e);
	if (rc < 0)
		return rc;
	if (answer.status == 401 || answer.status == 403)
		return registry_fail(r,
				     arena_printf(r->arena,
						  "pull access denied for %s, repository does not "
						  "exist or may require a login",
						  object(r, which)),
				     &answer, e);
	if (answer.status != 200)
		return registry_fail(r,
				     arena_printf(r->arena,
						  answer.status == 404 ? "manifest for %s not found"
								       : "manifest for %s",
						  object(r, which)),
				     &answer, e);
	sha256_hex(answer.body, answer.n, hex);
	ret->digest = arena_printf(r->arena, "sha256:%s", hex);
	ret->text = answer.body;
	ret->n = answer.n;
	ret->media_type = answer.content_type;
	return check_digest(r, which, &answer, ret->digest, e);
}

int registry_manifest_digest(struct registry *r, const char *which, const char **ret, struct err *e)
{
	struct http_request rq = {.method = "HEAD", .headers = {accept_types, 1}};
	struct http_answer answer = {0};
	int rc;

	rq.url = registry_url(r, arena_printf(r->arena, "manifests/%s", which));
	rc = registry_request(r, &rq, r->scope, &answer, e);
	if (rc < 0)
		return rc;
	if (answer.status != 200 || !oci_digest_is_valid(answer.digest))
		return 0;
	*ret = answer.digest;
	return 1;
}

int registry_manifest_put(struct registry *r, const char *which, const struct registry_manifest *m,
			  struct err *e)
{
	const char *type = arena_printf(r->arena, "Content-Type: %s", m->media_type);
	struct http_request rq = {.method = "PUT",
				  .headers = {&type, 1},
				  .has_body = true,
				  .data = m->text,
				  .body_size = (int64_t)m->n};
	struct http_answer answer = {0};
	int rc;

	rq.url = registry_url(r, arena_printf(r->arena, "manifests/%s", which));
	rc = registry_request(r, &rq, r->scope, &answer, e);
	if (rc < 0)
		return rc;
	if (answer.status != 201 && answer.status != 200 && answer.status != 202)
		return registry_fail(r, object(r, which), &answer, e);
	if (oci_digest_is_valid(answer.digest) && !str_eq(answer.digest, m->digest))
		return err_say(e, -EBADMSG, "%s: the registry took manifest %s for %s",
			       object(r, which), m->digest, answer.digest);
	return 0;
}

/* ---- tags ----------------------------------------------------------------------------------------- */

struct tags_answer {
	struct str_slice tags;
};
static const struct json_field tags_fields[] = {
	JSON_FIELD("tags", struct tags_answer, tags, &json_strings_type, 0),
};
static const struct json_type tags_type = JSON_OBJECT(struct tags_answer, tags_fields);

/* RFC 8288: "<URL>; rel="next"" */
static const char *next_page(struct registry *r, const struct http_answer *answer)
{
	const char *link = answer->link, *end, *url;

	if (!link || *link != '<' || !(end = strchr(link, '>')) || !strstr(end, "next"))
		return NULL;
	url = arena_strndup(r->arena, link + 1, (size_t)(end - link - 1));
	url = http_resolve(answer->url, url, r->arena);
	return url && http_same_origin(url, r->base) ? url : NULL;
}

int registry_tags(struct registry *r, struct str_slice *ret, struct err *e)
{
	struct http_request rq = {.method = "GET", .limit = PAGE_MAX};
	const char *what = arena_printf(r->arena, "%s/%s", r->domain, r->repository);
	struct str_slice all = {0};

	rq.url = registry_url(r, "tags/list");
	for (unsigned page = 0; rq.url && page < PAGES_MAX; page++) {
		struct tags_answer tags = {0};
		struct http_answer answer = {0};
		int rc = registry_request(r, &rq, r->scope, &answer, e);

		if (rc == 0 && answer.status != 200)
			rc = registry_fail(r, what, &answer, e);
		if (rc == 0)
			rc = json_decode(answer.body, answer.n, &tags_type, &tags, r->arena, what,
					 e);
		if (rc < 0)
			return rc;
		if (all.n + tags.tags.n > TAGS_MAX)
			return err_say(e, -EFBIG, "%s: more than %d tags", what, TAGS_MAX);
		all.v = arena_grow(r->arena, all.v, all.n * sizeof(*all.v),
				   (all.n + tags.tags.n) * sizeof(*all.v));
		for (size_t i = 0; i < tags.tags.n; i++)
			all.v[all.n++] = tags.tags.v[i];
		rq.url = next_page(r, &answer);
	}
	*ret = all;
	return 0;
}

/* ---- blobs ---------------------------------------------------------------------------------------- */

static const char *blob_url(struct registry *r, const char *digest)
{
	return registry_url(r, arena_printf(r->arena, "blobs/%s", digest));
}

static const char *blob_name(struct registry *r, const char *digest)
{
	return arena_printf(r->arena, "blob %s of %s/%s", digest, r->domain, r->repository);
}

int registry_blob_get(struct registry *r, const char *digest, int64_t size, const char **ret,
		      struct err *e)
{
	struct http_request rq = {
		.method = "GET", .url = blob_url(r, digest), .limit = MANIFEST_MAX};
	struct http_answer answer = {0};
	char hex[65];
	int rc;

	if (size < 0 || size > MANIFEST_MAX)
		return err_say(e, -EFBIG, "%s: larger than %d MiB", blob_name(r, digest),
			       MANIFEST_MAX >> 20);
	rq.limit = size ? (size_t)size : 1;
	rc = registry_request(r, &rq, r->scope, &answer, e);
	if (rc == 0 && answer.status != 200)
		rc = registry_fail(r, blob_name(r, digest), &answer, e);
	if (rc < 0)
		return rc;
	sha256_hex(answer.body, answer.n, hex);
	if (!str_eq(hex, digest + strlen("sha256:")) || (int64_t)answer.n != size)
		return err_say(e, -EBADMSG, "%s: digest mismatch: got sha256:%s of %zu bytes",
			       blob_name(r, digest), hex, answer.n);
	*ret = answer.body;
	return 0;
}

int registry_blob_exists(struct registry *r, const char *digest, struct err *e)
{
	struct http_request rq = {.method = "HEAD", .url = blob_url(r, digest)};
	struct http_answer answer = {0};
	int rc = registry_request(r, &rq, r->scope, &answer, e);

	if (rc < 0)
		return rc;
	if (answer.status == 200)
		return 1;
	return answer.status == 404 ? 0 : registry_fail(r, blob_name(r, digest), &answer, e);
}

static int take(void *owner, const void *data, size_t n, struct err *e)
{
	struct registry_download *d = owner;

	return d->take(d, data, n, e);
}

static int begin(struct registry *r, struct registry_download *d, int64_t from, struct err *e)
{
	const struct http_request rq = {.method = "GET",
					.url = blob_url(r, d->digest),
					.authorization = d->authorization,
					.take = take,
					.owner = d,
					.size = d->size,
					.from = from};

	d->mark = from;
	return http_start(r->http, &rq, &d->transfer, e);
}

int registry_download_start(struct registry *r, struct registry_download *d, struct err *e)
{
	d->authorization = auth_header(&r->auth, r->scope);
	d->is_answered = false;
	return begin(r, d, d->from, e);
}

/* A token may end in the middle of a long download. Returns 1 where it goes on. */
static int answer_challenge(struct registry *r, struct registry_download *d,
			    const struct http_answer *answer, int64_t received, struct err *e)
{
	int rc;

	if (received > d->mark)
		d->is_answered = false;
	if (d->is_answered)
		return 0;
	d->is_answered = true;
	rc = auth_answer(&r->auth, &answer->challenges, r->scope, d->authorization,
			 &d->authorization, e);
	if (rc > 0)
		rc = begin(r, d, received, e);
	return rc < 0 ? rc : d->transfer != NULL;
}

int registry_download_next(struct registry *r, struct registry_download **ret, struct err *e)
{
	*ret = NULL;
	for (;;) {
		struct http_transfer *t = NULL;
		struct http_answer answer = {0};
		struct registry_download *d;
		int64_t received;
		int rc = http_next(r->http, r->arena, &t, &answer, e);

		if (!t)
			return rc;
		d = http_owner(t);
		received = http_received(t);
		http_free(t);
		d->transfer = NULL;
		if (rc == 0 && answer.status == 401) {
			rc = answer_challenge(r, d, &answer, received, e);
			if (rc > 0)
				continue;
		}
		*ret = d;
		if (rc == 0 && answer.status != 200 && answer.status != 206)
			rc = registry_fail(r, blob_name(r, d->digest), &answer, e);
		return rc;
	}
}

void registry_download_stop(struct registry_download *d)
{
	if (d->transfer)
		http_free(TAKE_PTR(d->transfer));
}
