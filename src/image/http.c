/* SPDX-License-Identifier: Apache-2.0 */
/* HTTP for registries: the loop over all transfers, redirects, tries, and what came of them. */
#include "image/http.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "base/auto.h"
#include "base/log.h"
#include "base/str.h"
#include "image/http_transfer.h"
#include "image/retry.h"
#include "image/trust.h"

enum {
	HOPS_MAX = 10,
	STALL_S = 60,
	STALL_MAX_S = 3600,
	POLL_MS = 1000,
	PROGRESS_BYTES = 16 << 10, /* a try that brought so much starts the count of tries anew */
};

/* ---- the handle ----------------------------------------------------------------------------------- */

int http_open(const struct http_settings *s, struct http **ret, struct err *e)
{
	struct http *h = calloc(1, sizeof(*h));
	const char *stall = getenv("BERTH_REGISTRY_TIMEOUT");
	uint32_t seconds = 0;

	if (!h || curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK ||
	    !(h->multi = curl_multi_init())) {
		free(h);
		return err_sys(e, -ENOMEM, "start the HTTP client");
	}
	h->settings = *s;
	h->stall_s = STALL_S;
	if (stall && str_to_u32(stall, &seconds) == 0 && seconds && seconds <= STALL_MAX_S)
		h->stall_s = seconds;
	if (getrandom(&h->random, sizeof(h->random), 0) < 0)
		h->random = (uint32_t)time(NULL);
	*ret = h;
	return 0;
}

void http_close(struct http *h)
{
	while (h->transfers)
		http_free(h->transfers);
	curl_multi_cleanup(h->multi);
	free(h);
}

bool http_is_insecure(const struct http *h, const char *host_port)
{
	for (size_t i = 0; !h->settings.needs_tls && i < h->settings.insecure.n; i++)
		if (str_eq(h->settings.insecure.v[i], host_port))
			return true;
	return false;
}

bool http_may_be_plain(const struct http *h, const char *host_port)
{
	const char *colon = strrchr(host_port, ':');
	size_t n = colon && !strchr(colon, ']') ? (size_t)(colon - host_port) : strlen(host_port);
	char host[256];

	if (h->settings.needs_tls || n >= sizeof(host))
		return false;
	if (http_is_insecure(h, host_port))
		return true;
	memcpy(host, host_port, n);
	host[n] = '\0';
	return trust_is_loopback(host);
}

static int64_t now_ms(void)
{
	struct timespec t = {0};

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

const char *http_clean(const char *text, size_t n, struct arena *a)
{
	char *copy = arena_strndup(a, text, strnlen(text, n));

	for (char *p = copy; *p; p++)
		if (iscntrl((unsigned char)*p))
			*p = ' ';
	return copy;
}

const char *http_escape(const char *text, struct arena *a)
{
	char *escaped = curl_easy_escape(NULL, text, 0);
	const char *copy = arena_strdup(a, escaped ? escaped : "");

	curl_free(escaped);
	return copy;
}

/* ---- one transfer --------------------------------------------------------------------------------- */

static void finish(struct http_transfer *t, int r)
{
	t->r = r;
	t->state = TRANSFER_DONE;
	/* The handle stays: its headers are the answer's. */
}

static void run(struct http_transfer *t)
{
	int r;

	transfer_reset(t);
	t->state = TRANSFER_RUNNING;
	r = transfer_prepare(t);
	if (r == 0 && curl_multi_add_handle(t->http->multi, t->easy) != CURLM_OK)
		r = err_sys(&t->e, -ENOMEM, "%s", transfer_name(t));
	if (r < 0)
		finish(t, r);
}

static void redirect(struct http_transfer *t)
{
	const char *location = transfer_header(t, "Location", 0);
	const char *url = location ? http_resolve(t->url, location, &t->arena) : NULL;

	if (!url)
		finish(t, err_say(&t->e, -EPROTO, "%s: a redirect to nowhere", transfer_name(t)));
	else if (++t->hops > HOPS_MAX)
		finish(t, err_say(&t->e, -ELOOP, "%s: more than %d redirects", transfer_name(t),
				  HOPS_MAX));
	/* Security: who asked for TLS gets nothing without. */
	else if (str_starts(t->url, "https:") && !str_starts(url, "https:"))
		finish(t, err_say(&t->e, -EPERM, "%s: refused: redirected away from https to %s",
				  transfer_name(t), http_clean(url, strcspn(url, "?"), &t->arena)));
	else {
		log_debug("%s: redirected to %s", transfer_name(t), url);
		t->url = url;
		run(t);
	}
}

/* Seconds, or an HTTP date. */
static int64_t retry_after(const struct http_transfer *t)
{
	const char *text = t->easy ? transfer_header(t, "Retry-After", 0) : NULL;
	int64_t seconds;
	time_t date;

	if (!text)
		return -1;
	if (str_to_i64(text, &seconds) == 0)
		return seconds;
	date = curl_getdate(text, NULL);
	return date == -1 ? -1 : date > time(NULL) ? (int64_t)(date - time(NULL)) : 0;
}

/* Begins to wait for another try. false: there is none. */
static bool try_again(struct http_transfer *t, const char *why)
{
	int64_t ms;

	if (t->request.is_once)
		return false;
	if (t->received - t->mark >= PROGRESS_BYTES) {
		t->mark = t->received;
		t->attempt = 0;
	}
	t->http->random = t->http->random * 1664525 + 1013904223;
	ms = retry_delay_ms(++t->attempt, retry_after(t), t->http->random >> 8);
	if (ms < 0)
		return false;
	log_debug("%s: %s: try %u in %" PRId64 " ms", transfer_name(t), why, t->attempt + 1, ms);
	transfer_reset(t);
	t->e = (struct err){0};
	t->url = t->request.url;
	t->hops = 0;
	t->wake_ms = now_ms() + ms;
	t->state = TRANSFER_WAITING;
	return true;
}

static bool is_breakage(CURLcode code)
{
	switch (code) {
	case CURLE_COULDNT_RESOLVE_PROXY:
	case CURLE_COULDNT_RESOLVE_HOST:
	case CURLE_COULDNT_CONNECT:
	case CURLE_PARTIAL_FILE:
	case CURLE_OPERATION_TIMEDOUT:
	case CURLE_GOT_NOTHING:
	case CURLE_SEND_ERROR:
	case CURLE_RECV_ERROR:
	case CURLE_SSL_CONNECT_ERROR:
	case CURLE_SEND_FAIL_REWIND:
		return true;
	default:
		return false;
	}
}

/* A host that was never there is mostly a slip of the hand or a missing network: people want to know soon. */
static bool is_nobody_there(const struct http_transfer *t, CURLcode code)
{
	return t->attempt >= 1 && !t->received &&
	       (code == CURLE_COULDNT_RESOLVE_HOST || code == CURLE_COULDNT_CONNECT ||
		code == CURLE_COULDNT_RESOLVE_PROXY);
}

static int code_errno(CURLcode code)
{
	switch (code) {
	case CURLE_SSL_CONNECT_ERROR:
		return -EPROTO;
	case CURLE_PEER_FAILED_VERIFICATION:
	case CURLE_SSL_ISSUER_ERROR:
	case CURLE_SSL_CACERT_BADFILE:
		return -EKEYREJECTED;
	case CURLE_COULDNT_CONNECT:
		return -ECONNREFUSED;
	case CURLE_OPERATION_TIMEDOUT:
		return -ETIMEDOUT;
	default:
		return -EIO;
	}
}

static int describe_code(struct http_transfer *t, CURLcode code)
{
	char *text = t->text[0] ? t->text : (char *)curl_easy_strerror(code);
	int r = code_errno(code);
	const char *mend = "";
	long number = 0;

	if (r == -EKEYREJECTED)
		mend = arena_printf(&t->arena,
				    " (an authority of your own goes to "
				    "/etc/berth/certs.d/%s/ca.crt)",
				    http_clean(transfer_host(t->url, &t->arena), 100, &t->arena));
	curl_easy_getinfo(t->easy, CURLINFO_OS_ERRNO, &number);
	text = code == CURLE_COULDNT_CONNECT && number > 0
		       ? arena_printf(&t->arena, "connect: %s", err_text((int)number))
		       : arena_strdup(&t->arena, text);
	text[0] = (char)tolower((unsigned char)text[0]);
	return err_say(&t->e, r, "%s: %s%s", transfer_name(t),
		       http_clean(text, CURL_ERROR_SIZE, &t->arena), mend);
}

static bool is_redirect(long status)
{
	return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

/* curl is done with a try: on, again, or the end. */
static void settle(struct http_transfer *t, CURLcode code)
{
	const struct http_request *rq = &t->request;
	bool is_reading = str_eq(rq->method, "GET") || str_eq(rq->method, "HEAD"), is_streaming;

	if (t->r < 0) {
		finish(t, t->r);
		return;
	}
	curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &t->status);
	is_streaming = rq->take && (t->status == 200 || t->status == 206);
	if (code != CURLE_OK && !t->is_cut) {
		if (!is_breakage(code) || is_nobody_there(t, code) ||
		    !try_again(t, curl_easy_strerror(code)))
			finish(t, describe_code(t, code));
	} else if (is_reading && is_redirect(t->status)) {
		redirect(t);
	} else if (retry_is_worth(t->status)) {
		if (!try_again(t, "status"))
			finish(t, 0);
	} else if (is_streaming && rq->size >= 0 && t->received < rq->size) {
		if (!try_again(t, "too short"))
			finish(t,
			       err_say(&t->e, -EPIPE,
				       "%s: the body ended after %" PRId64 " of %" PRId64 " bytes",
				       transfer_name(t), t->received, rq->size));
	} else {
		finish(t, 0);
	}
}

int http_start(struct http *h, const struct http_request *rq, struct http_transfer **ret,
	       struct err *e)
{
	struct http_transfer *t = calloc(1, sizeof(*t));

	if (!t)
		return err_sys(e, -ENOMEM, "%s %s", rq->method, rq->url);
	t->http = h;
	t->request = *rq;
	t->url = rq->url;
	t->received = t->mark = rq->from;
	t->next = h->transfers;
	h->transfers = t;
	run(t);
	*ret = t;
	return 0;
}

void *http_owner(const struct http_transfer *t)
{
	return t->request.owner;
}

int64_t http_received(const struct http_transfer *t)
{
	return t->received;
}

void http_free(struct http_transfer *t)
{
	struct http_transfer **at = &t->http->transfers;

	while (*at && *at != t)
		at = &(*at)->next;
	if (*at)
		*at = t->next;
	transfer_reset(t);
	arena_free(&t->arena);
	free(t);
}

/* ---- the loop ------------------------------------------------------------------------------------- */

/* Wakes those whose time has come; the milliseconds until the next one, at most POLL_MS. */
static int wake(struct http *h)
{
	int64_t now = now_ms(), ms = POLL_MS;

	for (struct http_transfer *t = h->transfers; t; t = t->next) {
		if (t->state != TRANSFER_WAITING)
			continue;
		if (t->wake_ms <= now)
			run(t);
		else if (t->wake_ms - now < ms)
			ms = t->wake_ms - now;
	}
	return (int)ms;
}

/* One turn of at most max_ms. Returns 0 or -errno: -EINTR where it was cancelled. */
static int turn(struct http *h, int max_ms, struct err *e)
{
	struct curl_waitfd cancel = {.fd = h->settings.cancel_fd, .events = CURL_WAIT_POLLIN};
	int timeout = wake(h), running = 0, left = 0;
	bool is_settled = false;
	CURLMsg *m;

	if (curl_multi_perform(h->multi, &running) != CURLM_OK)
		return err_say(e, -EIO, "the HTTP client failed");
	while ((m = curl_multi_info_read(h->multi, &left))) {
		struct http_transfer *t = NULL;
		CURLcode code = m->data.result;

		if (m->msg != CURLMSG_DONE)
			continue;
		curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, (char **)&t);
		settle(t, code);
		is_settled = true;
	}
	if (curl_multi_poll(h->multi, cancel.fd >= 0 ? &cancel : NULL, cancel.fd >= 0,
			    is_settled         ? 0
			    : timeout < max_ms ? timeout
					       : max_ms,
			    NULL) != CURLM_OK)
		return err_say(e, -EIO, "the HTTP client failed");
	return cancel.revents ? err_say(e, -EINTR, "interrupted") : 0;
}

static const char *keep(const char *text, struct arena *a)
{
	return text ? arena_strdup(a, text) : NULL;
}

static void fill_answer(struct http_transfer *t, struct arena *a, struct http_answer *ret)
{
	struct http_answer answer = {.status = (int)t->status, .length = -1};
	const char *location, *length, *challenge;
	struct str_slice *list = &answer.challenges;

	answer.url = arena_strdup(a, t->url);
	answer.body = arena_strndup(a, t->body ? t->body : "", 0);
	if (t->body && t->n) {
		answer.body = arena_alloc(a, t->n + 1);
		memcpy(answer.body, t->body, t->n);
	}
	answer.n = t->n;
	answer.content_type = keep(transfer_header(t, "Content-Type", 0), a);
	answer.digest = keep(transfer_header(t, "Docker-Content-Digest", 0), a);
	answer.range = keep(transfer_header(t, "Range", 0), a);
	answer.link = keep(transfer_header(t, "Link", 0), a);
	location = transfer_header(t, "Location", 0);
	answer.location = location ? http_resolve(t->url, location, a) : NULL;
	length = transfer_header(t, "Content-Length", 0);
	if (length)
		str_to_i64(length, &answer.length);
	while ((challenge = transfer_header(t, "WWW-Authenticate", list->n))) {
		list->v = arena_grow(a, list->v, list->n * sizeof(*list->v),
				     (list->n + 1) * sizeof(*list->v));
		list->v[list->n++] = arena_strdup(a, challenge);
	}
	*ret = answer;
}

static int take_result(struct http_transfer *t, struct arena *a, struct http_answer *ret,
		       struct err *e)
{
	if (t->r < 0) {
		if (e)
			*e = t->e;
		return t->r;
	}
	fill_answer(t, a, ret);
	return 0;
}

int http_next(struct http *h, struct arena *a, struct http_transfer **ret,
	      struct http_answer *answer, struct err *e)
{
	*ret = NULL;
	for (;;) {
		int r;

		for (struct http_transfer *t = h->transfers; t; t = t->next)
			if (t->state == TRANSFER_DONE && !t->is_own) {
				*ret = t;
				return take_result(t, a, answer, e);
			}
		r = turn(h, POLL_MS, e);
		if (r < 0)
			return r;
	}
}

int http_perform(struct http *h, const struct http_request *rq, struct arena *a,
		 struct http_answer *ret, struct err *e)
{
	struct http_transfer *t = NULL;
	int r = http_start(h, rq, &t, e);

	if (r < 0 || !t)
		return r;
	t->is_own = true;
	while (r == 0 && t->state != TRANSFER_DONE)
		r = turn(h, POLL_MS, e);
	if (r == 0)
		r = take_result(t, a, ret, e);
	http_free(t);
	return r;
}

int http_wait(struct http *h, int64_t ms, struct err *e)
{
	int64_t end = now_ms() + ms, left;
	int r = 0;

	while (r == 0 && (left = end - now_ms()) > 0)
		r = turn(h, left < POLL_MS ? (int)left : POLL_MS, e);
	return r;
}
