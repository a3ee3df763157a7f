/* SPDX-License-Identifier: Apache-2.0 */
/* Uploads of blobs: not at all, mounted, in one piece, or as a stream that goes on after a break. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/log.h"
#include "base/str.h"
#include "image/registry.h"
#include "image/retry.h"

/*
 * Theory of operation
 *
 * HEAD tells whether the blob is there. POST opens a session, or mounts the blob from another repository and needs
 * none. Small blobs then go with one PUT. Others go with one PATCH and an empty PUT: all registries take that,
 * many have trouble with several PATCHes. Where the PATCH breaks, GET on the session tells how far it came
 * ("Range: 0-N") and a PATCH with Content-Range sends the rest; a session that is gone is begun again.
 */

enum { SMALL = 1 << 20 };

static const char octets[] = "Content-Type: application/octet-stream";

static const char *name_of(struct registry *r, const struct registry_upload *u)
{
	return arena_printf(r->arena, "push of blob %s to %s/%s", u->digest, r->domain,
			    r->repository);
}

/* What a mount needs a token for: both repositories. */
static const char *upload_scope(struct registry *r, const struct registry_upload *u)
{
	if (!u->mount_from)
		return r->scope;
	return arena_printf(r->arena, "%s repository:%s:pull", r->scope, u->mount_from);
}

/* Returns 1 where it is mounted, 0 with the session's address, or -errno. */
static int open_session(struct registry *r, const struct registry_upload *u, bool may_mount,
			const char **ret, struct err *e)
{
	struct http_request rq = {.method = "POST", .url = registry_url(r, "blobs/uploads/")};
	const char *scope = r->scope;
	struct http_answer answer = {0};
	int rc;

	if (may_mount) {
		scope = upload_scope(r, u);
		rq.url = arena_printf(r->arena, "%s?mount=%s&from=%s", rq.url,
				      http_escape(u->digest, r->arena),
				      http_escape(u->mount_from, r->arena));
	}
	rc = registry_request(r, &rq, scope, &answer, e);
	if (rc < 0)
		return rc;
	if (may_mount && answer.status == 201)
		return 1;
	/* No right to the other repository, or no such thing as a mount: then it is sent. */
	if (may_mount && answer.status != 202)
		return open_session(r, u, false, ret, e);
	if (answer.status != 202)
		return registry_fail(r, name_of(r, u), &answer, e);
	if (!answer.location)
		return err_say(e, -EPROTO, "%s: the registry names no place for it", name_of(r, u));
	*ret = answer.location;
	return 0;
}

/* Ends the session with the digest; a small blob goes along. */
static int close_session(struct registry *r, const struct registry_upload *u, const char *session,
			 bool has_data, struct err *e)
{
	const char *type = octets;
	struct http_request rq = {.method = "PUT",
				  .headers = {&type, 1},
				  .has_body = true,
				  .data = has_data ? u->data : "",
				  .fd = u->fd,
				  .body_size = has_data ? u->size : 0,
				  .sent = has_data ? u->sent : NULL,
				  .owner = u->owner};
	struct http_answer answer = {0};
	int rc;

	rq.url = arena_printf(r->arena, "%s%sdigest=%s", session, strchr(session, '?') ? "&" : "?",
			      http_escape(u->digest, r->arena));
	rc = registry_request(r, &rq, r->scope, &answer, e);
	if (rc < 0 || answer.status == 201)
		return rc;
	return registry_fail(r, name_of(r, u), &answer, e);
}

struct part {
	const struct registry_upload *upload;
	int64_t from;
};

static void part_sent(void *owner, int64_t n)
{
	const struct part *p = owner;

	if (p->upload->sent)
		p->upload->sent(p->upload->owner, p->from + n);
}

/* Sends what is left. Returns 0, -EAGAIN where it broke off and may go on, or -errno. */
static int send_part(struct registry *r, struct part *p, const char **session, struct err *e)
{
	const struct registry_upload *u = p->upload;
	const char *headers[2] = {octets};
	struct http_request rq = {.method = "PATCH",
				  .url = *session,
				  .headers = {headers, 1},
				  .has_body = true,
				  .data = u->data ? (const char *)u->data + p->from : NULL,
				  .fd = u->fd,
				  .offset = p->from,
				  .body_size = u->size - p->from,
				  .sent = part_sent,
				  .owner = p,
				  .is_once = true};
	struct http_answer answer = {0};
	struct err why = {0};
	int rc;

	if (p->from)
		headers[rq.headers.n++] = arena_printf(
			r->arena, "Content-Range: %" PRId64 "-%" PRId64, p->from, u->size - 1);
	rc = registry_request(r, &rq, r->scope, &answer, &why);
	if (rc == 0 && (answer.status == 202 || answer.status == 204)) {
		if (answer.location)
			*session = answer.location;
		return 0;
	}
	if (rc == 0)
		rc = registry_fail(r, name_of(r, u), &answer, &why);
	else if (rc != -EINTR && rc != -EPERM && rc != -EKEYREJECTED)
		answer.status = 503;
	if (e)
		*e = why;
	return retry_is_worth(answer.status) || answer.status == 416 ? -EAGAIN : rc;
}

/* How far did the session come? Returns 1 with *ret_from, 0: it is gone, or -errno. */
static int ask_session(struct registry *r, const char **session, int64_t size, int64_t *ret_from,
		       struct err *e)
{
	struct http_request rq = {.method = "GET", .url = *session};
	struct http_answer answer = {0};
	int64_t last = -1;
	int rc = registry_request(r, &rq, r->scope, &answer, e);

	if (rc < 0)
		return rc;
	if ((answer.status != 204 && answer.status != 202 && answer.status != 200) ||
	    !answer.range || sscanf(answer.range, "0-%" SCNd64, &last) != 1 || last >= size)
		return 0;
	if (answer.location)
		*session = answer.location;
	/* "0-0" is what an empty session says, too. */
	*ret_from = last > 0 ? last + 1 : 0;
	return *ret_from || last == 0;
}

static int stream(struct registry *r, const struct registry_upload *u, const char *session,
		  struct err *e)
{
	struct part part = {.upload = u};

	for (unsigned attempt = 1;; attempt++) {
		struct err why = {0};
		int64_t ms;
		int rc = send_part(r, &part, &session, &why);

		if (rc == 0)
			return close_session(r, u, session, false, e);
		ms = rc == -EAGAIN ? retry_delay_ms(attempt, -1, (uint32_t)u->size) : -1;
		if (ms < 0) {
			if (e)
				*e = why;
			return -why.code;
		}
		log_debug("%s: broke off: %s", name_of(r, u), why.text);
		if ((rc = http_wait(r->http, ms, e)) < 0)
			return rc;
		rc = ask_session(r, &session, u->size, &part.from, e);
		if (rc == 0) {
			part.from = 0;
			rc = open_session(r, u, false, &session, e);
		}
		if (rc < 0)
			return rc;
	}
}

int registry_upload(struct registry *r, const struct registry_upload *u, struct err *e)
{
	const char *session = "";
	int rc = registry_blob_exists(r, u->digest, e);

	if (rc)
		return rc < 0 ? rc : REGISTRY_WAS_THERE;
	rc = open_session(r, u, u->mount_from != NULL, &session, e);
	if (rc)
		return rc < 0 ? rc : REGISTRY_MOUNTED;
	rc = u->size <= SMALL ? close_session(r, u, session, true, e) : stream(r, u, session, e);
	return rc < 0 ? rc : REGISTRY_SENT;
}
