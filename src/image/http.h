/* SPDX-License-Identifier: Apache-2.0 */
/* HTTP for registries: several transfers at once, tried again, resumed, limited, never without TLS by accident. */
#ifndef BERTH_IMAGE_HTTP_H
#define BERTH_IMAGE_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"

struct arena;
struct err;

/*
 * Theory of operation
 *
 * One thread, one curl multi handle. A transfer is one request with all its hops and tries:
 *
 *   running -> answer        -> done
 *           -> redirect      -> running, at the new address (GET and HEAD only, at most 10)
 *           -> broken or 5xx -> waiting (retry.h) -> running, from the first address again; a body that is
 *                               handed on while it comes (take) goes on where it stopped ("Range: bytes=N-"; a
 *                               server that sends all of it again has the first N bytes thrown away)
 *
 * Security: redirects are followed here and not by curl. Authorization goes to the scheme, host and port of the
 * first address alone. From https nothing leads to http. http is spoken only to loopback hosts and to those
 * named insecure; only the latter are believed without a certificate. Every body has a limit, and so have
 * all headers of an answer together.
 */

struct http;

struct http_settings {
	struct str_slice insecure; /* HOST[:PORT]: plain http and unknown certificates are fine */
	bool needs_tls;            /* no plain http and no unknown certificate, whoever is named */
	int cancel_fd;             /* readable: what waits returns -EINTR; -1: none */
};

/* The settings are to live as long as *ret. Returns 0 or -errno. */
int http_open(const struct http_settings *s, struct http **ret, struct err *e);
void http_close(struct http *h);
static inline void http_close_fn(struct http **h)
{
	if (*h)
		http_close(*h);
}
#define auto_http __attribute__((cleanup(http_close_fn)))

/* May http be spoken to this HOST[:PORT]? */
bool http_may_be_plain(const struct http *h, const char *host_port);
/* Named insecure: also https without a known certificate. */
bool http_is_insecure(const struct http *h, const char *host_port);

/* All strings are to live until the transfer is done. */
struct http_request {
	const char *method, *url;
	const char *authorization; /* value of the header; NULL: none */
	struct str_slice headers;  /* "Accept: text/plain" */
	/* What is sent: data, or size bytes of fd from offset. */
	bool has_body;
	const void *data;
	int fd;
	int64_t offset, body_size;
	/* What comes, if the status is 200 or 206: take gets each piece (returns 0 or -errno: the transfer
	 * ends with that) and exactly `size` bytes must come; else it is collected, at most limit bytes
	 * (0: 64 KiB). */
	int (*take)(void *owner, const void *data, size_t n, struct err *e);
	int64_t size, from; /* from: bytes that take got already, by an earlier transfer */
	size_t limit;
	/* Bytes sent of the body so far; may be NULL. */
	void (*sent)(void *owner, int64_t n);
	void *owner;
	bool is_once; /* no second try: the caller knows better how to go on */
};

struct http_answer {
	int status;
	const char *url; /* where the answer came from */
	char *body;      /* NUL-terminated; cut at the limit where status is an error */
	size_t n;
	/* Headers; NULL where there is none. location: made absolute. */
	const char *content_type, *location, *digest, *range, *link;
	struct str_slice challenges; /* each WWW-Authenticate */
	int64_t length;              /* Content-Length, -1: none */
};

struct http_transfer;

/* Begins. Returns 0 or -errno. */
int http_start(struct http *h, const struct http_request *rq, struct http_transfer **ret,
	       struct err *e);
/* Waits until any of those begun by http_start is done; what had no success has its error in *e, but
 * *ret in either case. Returns the transfer's result: 0 (whatever the status), or -errno; -EINTR with
 * *ret NULL: cancelled. The answer in the arena. Free it with http_free. */
int http_next(struct http *h, struct arena *a, struct http_transfer **ret,
	      struct http_answer *answer, struct err *e);
/* The owner that the request named. */
void *http_owner(const struct http_transfer *t);
/* Bytes that take got so far. */
int64_t http_received(const struct http_transfer *t);
/* Also ends one that is under way. */
void http_free(struct http_transfer *t);

/* Begins one and waits for it; others go on meanwhile. -EPROTO: no TLS was spoken; -EKEYREJECTED: the
 * certificate is not known. Returns 0 whatever the status, or -errno. */
int http_perform(struct http *h, const struct http_request *rq, struct arena *a,
		 struct http_answer *ret, struct err *e);

/* Waits so long; others go on meanwhile. Returns 0 or -errno (-EINTR: cancelled). */
int http_wait(struct http *h, int64_t ms, struct err *e);

/* "https://HOST:PORT" of two addresses: are they the same? */
bool http_same_origin(const char *a, const char *b);
/* location as seen from base; NULL: it cannot be an address. */
const char *http_resolve(const char *base, const char *location, struct arena *a);

/* text for a query or a path part, percent-encoded. */
const char *http_escape(const char *text, struct arena *a);

/* What a server sent, fit for a line of an error: no control characters, at most n bytes. */
const char *http_clean(const char *text, size_t n, struct arena *a);

#endif
