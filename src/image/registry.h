/* SPDX-License-Identifier: Apache-2.0 */
/* One repository of one registry (OCI distribution specification 1.1): manifests, blobs, uploads, tags. */
#ifndef BERTH_IMAGE_REGISTRY_H
#define BERTH_IMAGE_REGISTRY_H

#include "image/auth.h"
#include "image/http.h"

/*
 * Theory of operation
 *
 * Requests go to BASE/v2/REPOSITORY/...; a 401 is answered once (auth.h) and the request repeated. BASE is
 * https; only where plain http is allowed (http.h) https is tried first and http where no TLS is spoken.
 * What a registry sends is believed only as far as its digest: a manifest fetched by digest must have it, one
 * fetched by tag must have what Docker-Content-Digest says; layers are checked by who takes them.
 */
struct registry {
	struct http *http;
	struct arena *arena; /* for all that lives as long as this */
	const char *domain, *repository, *base;
	const char *scope; /* of tokens: "repository:NAME:pull" */
	struct auth auth;
};

/* repository NULL: the registry itself (login). Returns 0 or -errno. */
int registry_open(struct http *h, const char *domain, const char *repository, bool will_push,
		  struct arena *a, struct registry *ret, struct err *e);

/* Asks BASE/v2/, with the credentials of r->auth. *ret_challenged: they were asked for. -EACCES: they were
 * refused. */
int registry_ping(struct registry *r, bool *ret_challenged, struct err *e);

struct registry_manifest {
	const char *text, *digest, *media_type; /* digest: of the text */
	size_t n;
};

/* which: a tag or a digest. -ENOENT: there is none. */
int registry_manifest_get(struct registry *r, const char *which, struct registry_manifest *ret,
			  struct err *e);
/* What it has for that now, without fetching it. Returns 1 with *ret, 0 where it does not say, or -errno. */
int registry_manifest_digest(struct registry *r, const char *which, const char **ret,
			     struct err *e);
int registry_manifest_put(struct registry *r, const char *which, const struct registry_manifest *m,
			  struct err *e);
int registry_tags(struct registry *r, struct str_slice *ret, struct err *e);

/* A small blob (a configuration), whole; its digest is checked. */
int registry_blob_get(struct registry *r, const char *digest, int64_t size, const char **ret,
		      struct err *e);
/* Returns 1, 0 or -errno. */
int registry_blob_exists(struct registry *r, const char *digest, struct err *e);

/* ---- downloads ------------------------------------------------------------------------------------ */

struct registry_download {
	const char *digest;
	int64_t size; /* -1: unknown */
	int64_t from; /* bytes that are here already */
	int (*take)(void *owner, const void *data, size_t n,
		    struct err *e); /* owner: this struct */
	/* the registry's own */
	struct http_transfer *transfer;
	const char *authorization;
	int64_t mark;
	bool is_answered;
};

/* Begins one; d and what it points to live until it ends. Returns 0 or -errno. */
int registry_download_start(struct registry *r, struct registry_download *d, struct err *e);
/* Waits until one ends: *ret with its result as the return value; *ret NULL: cancelled or broken. */
int registry_download_next(struct registry *r, struct registry_download **ret, struct err *e);
/* Ends one that is under way. */
void registry_download_stop(struct registry_download *d);

/* ---- uploads -------------------------------------------------------------------------------------- */

struct registry_upload {
	const char *digest;
	const void *data; /* or fd */
	int fd;
	int64_t size;
	const char *mount_from; /* another repository of this registry that has it, or NULL */
	void (*sent)(void *owner, int64_t n);
	void *owner;
};

enum registry_sent { REGISTRY_WAS_THERE, REGISTRY_MOUNTED, REGISTRY_SENT };

/* Returns an enum registry_sent or -errno. */
int registry_upload(struct registry *r, const struct registry_upload *u, struct err *e);

/* ---- for registry_*.c ----------------------------------------------------------------------------- */

/* One request with a 401 answered. Returns 0 whatever the status, or -errno. */
int registry_request(struct registry *r, struct http_request *rq, const char *scope,
		     struct http_answer *ret, struct err *e);
/* What an unwelcome answer says, as one line "WHAT: REASON". Returns -errno. */
int registry_fail(struct registry *r, const char *what, const struct http_answer *answer,
		  struct err *e);
const char *registry_url(struct registry *r, const char *path);

#endif
