/* SPDX-License-Identifier: Apache-2.0 */
/* One transfer from within; for http.c and http_transfer.c alone. */
#ifndef BERTH_IMAGE_HTTP_TRANSFER_H
#define BERTH_IMAGE_HTTP_TRANSFER_H

#include <curl/curl.h>

#include "base/arena.h"
#include "base/err.h"
#include "image/http.h"

enum transfer_state { TRANSFER_RUNNING, TRANSFER_WAITING, TRANSFER_DONE };

struct http {
	struct http_settings settings;
	CURLM *multi;
	struct http_transfer *transfers;
	long stall_s; /* seconds without a byte after which a connection counts as broken */
	uint32_t random;
};

struct http_transfer {
	struct http *http;
	struct http_transfer *next;
	struct http_request request;
	struct arena arena;
	enum transfer_state state;
	bool is_own; /* of http_perform: http_next does not show it */
	CURL *easy;
	struct curl_slist *headers;
	char *text; /* curl's own words for an error */
	const char *url;
	unsigned hops, attempt;
	int64_t wake_ms;  /* WAITING: when to go on (CLOCK_MONOTONIC) */
	int64_t received; /* bytes given to take, over all tries */
	int64_t mark;     /* what `received` was when the present count of tries began */
	/* of the present try */
	bool is_begun, is_streaming, is_cut;
	int64_t skip; /* bytes to throw away: those of the last try again */
	size_t header_bytes;
	int64_t sent;
	char *body;
	size_t n, room;
	/* its end */
	int r;
	struct err e;
	long status;
};

/* Makes the curl handle for the present try at t->url. Returns 0 or -errno with t->e filled. */
int transfer_prepare(struct http_transfer *t);
/* Lets go of the handle and of what the try collected. */
void transfer_reset(struct http_transfer *t);

/* May this address be spoken to? Returns 0 or -EPERM. */
int transfer_check_url(const struct http *h, const char *url, struct arena *a, struct err *e);
/* "GET https://HOST/PATH" for errors. Without the query: it may hold what only we should know. */
const char *transfer_name(struct http_transfer *t);
/* HOST[:PORT] of an address. */
const char *transfer_host(const char *url, struct arena *a);

/* The value of a header of the last answer, or NULL; index: which of several. */
const char *transfer_header(const struct http_transfer *t, const char *name, size_t index);

#endif
