/* SPDX-License-Identifier: Apache-2.0 */
/* One try of one transfer: the curl handle with all that keeps it safe, and what its callbacks do. */
#include "image/http_transfer.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/str.h"
#include "image/trust.h"

enum {
	CONNECT_S = 30,
	COMMIT_FACTOR = 5, /* a registry may think for long about what it was sent */
	SMALL_S = 300,     /* an answer that is collected is here by then */
	/* libcurl takes up to 100 of these from one transfer before it looks at the next. */
	BUFFER = 16 << 10,
	HEADERS_MAX = 256 << 10,
	LIMIT_DEFAULT = 64 << 10,
};

/* ---- addresses ------------------------------------------------------------------------------------ */

static CURLU *url_parse(const char *url)
{
	CURLU *u = curl_url();

	if (u && curl_url_set(u, CURLUPART_URL, url, 0) != CURLUE_OK) {
		curl_url_cleanup(u);
		u = NULL;
	}
	return u;
}

static const char *url_part(CURLU *u, CURLUPart part, unsigned flags, struct arena *a)
{
	char *text = NULL;
	const char *copy = NULL;

	if (curl_url_get(u, part, &text, flags) == CURLUE_OK)
		copy = arena_strdup(a, text);
	curl_free(text);
	return copy;
}

struct origin {
	const char *scheme, *host, *port, *host_port; /* host_port: as written, HOST[:PORT] */
};

static int url_origin(const char *url, struct arena *a, struct origin *ret)
{
	CURLU *u = url_parse(url);
	struct origin o;

	if (!u)
		return -EINVAL;
	o.scheme = url_part(u, CURLUPART_SCHEME, 0, a);
	o.host = url_part(u, CURLUPART_HOST, 0, a);
	o.port = url_part(u, CURLUPART_PORT, CURLU_DEFAULT_PORT, a);
	o.host_port = url_part(u, CURLUPART_PORT, 0, a);
	o.host_port = o.host_port ? arena_printf(a, "%s:%s", o.host, o.host_port) : o.host;
	curl_url_cleanup(u);
	if (!o.scheme || !o.host || !o.port)
		return -EINVAL;
	*ret = o;
	return 0;
}

bool http_same_origin(const char *x, const char *y)
{
	auto_arena struct arena a = {0};
	struct origin o, p;

	return url_origin(x, &a, &o) == 0 && url_origin(y, &a, &p) == 0 &&
	       str_eq(o.scheme, p.scheme) && strcasecmp(o.host, p.host) == 0 &&
	       str_eq(o.port, p.port);
}

const char *transfer_name(struct http_transfer *t)
{
	return arena_printf(&t->arena, "%s %s", t->request.method,
			    http_clean(t->url, strcspn(t->url, "?"), &t->arena));
}

const char *transfer_host(const char *url, struct arena *a)
{
	struct origin o;

	return url_origin(url, a, &o) < 0 ? "" : o.host_port;
}

int transfer_check_url(const struct http *h, const char *url, struct arena *a, struct err *e)
{
	struct origin o;

	if (url_origin(url, a, &o) < 0)
		return err_say(e, -EINVAL, "%s is no address",
			       http_clean(url, strcspn(url, "?"), a));
	if (str_eq(o.scheme, "https") ||
	    (str_eq(o.scheme, "http") && http_may_be_plain(h, o.host_port)))
		return 0;
	if (!str_eq(o.scheme, "http"))
		return err_say(e, -EPERM, "%s: only https is spoken",
			       http_clean(url, strcspn(url, "?"), a));
	return err_say(e, -EPERM,
		       "%s: refused without TLS: name the registry with \"insecure %s\" in "
		       "/etc/berth/registries.conf if that is meant",
		       http_clean(url, strcspn(url, "?"), a), http_clean(o.host_port, 100, a));
}

const char *http_resolve(const char *base, const char *location, struct arena *a)
{
	CURLU *u = url_parse(base);
	const char *text = NULL;

	if (u && curl_url_set(u, CURLUPART_URL, location, 0) == CURLUE_OK) {
		/* What stood behind "#" is the sender's business. */
		curl_url_set(u, CURLUPART_FRAGMENT, NULL, 0);
		/* Security: no name and password from a server's text. */
		curl_url_set(u, CURLUPART_USER, NULL, 0);
		curl_url_set(u, CURLUPART_PASSWORD, NULL, 0);
		text = url_part(u, CURLUPART_URL, 0, a);
	}
	if (u)
		curl_url_cleanup(u);
	return text;
}

/* ---- what comes ----------------------------------------------------------------------------------- */

const char *transfer_header(const struct http_transfer *t, const char *name, size_t index)
{
	struct curl_header *header = NULL;

	if (curl_easy_header(t->easy, name, index, CURLH_HEADER, -1, &header) != CURLHE_OK)
		return NULL;
	return header->value;
}

static size_t on_header(char *data, size_t size, size_t n, void *owner)
{
	struct http_transfer *t = owner;

	(void)data;
	t->header_bytes += size * n;
	if (t->header_bytes <= HEADERS_MAX)
		return size * n;
	t->r = err_say(&t->e, -EFBIG, "%s: more than %d KiB of headers", transfer_name(t),
		       HEADERS_MAX >> 10);
	return 0;
}

/* The first byte "Content-Range: bytes N-M/SIZE" speaks of, or -1. */
static int64_t range_start(const char *range)
{
	int64_t from;

	if (!range || sscanf(range, "bytes %" SCNd64 "-", &from) != 1)
		return -1;
	return from;
}

/* The status is known: is this the body that was asked for, and where does it begin? */
static int begin_body(struct http_transfer *t)
{
	t->is_begun = true;
	curl_easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &t->status);
	t->is_streaming = t->request.take && (t->status == 200 || t->status == 206);
	if (!t->is_streaming)
		return 0;
	if (t->status == 200)
		t->skip = t->received;
	else if (range_start(transfer_header(t, "Content-Range", 0)) != t->received)
		return err_say(&t->e, -EPROTO,
			       "%s: asked for the bytes from %" PRId64 " on, got others",
			       transfer_name(t), t->received);
	return 0;
}

static int collect(struct http_transfer *t, const char *data, size_t n)
{
	size_t limit = t->request.limit ? t->request.limit : LIMIT_DEFAULT;

	if (n > limit - t->n) {
		/* Of an error's text the beginning is enough. */
		t->is_cut = t->status >= 300;
		if (t->is_cut)
			return -EFBIG;
		return err_say(&t->e, -EFBIG, "%s: the answer is longer than %zu bytes",
			       transfer_name(t), limit);
	}
	if (t->n + n + 1 > t->room) {
		size_t room = t->room ? t->room : 4096;
		char *body;

		while (room < t->n + n + 1)
			room *= 2;
		body = realloc(t->body, room);
		if (!body)
			return err_sys(&t->e, -ENOMEM, "%s", transfer_name(t));
		t->body = body;
		t->room = room;
	}
	memcpy(t->body + t->n, data, n);
	t->n += n;
	t->body[t->n] = '\0';
	return 0;
}

static int hand_on(struct http_transfer *t, const char *data, size_t n)
{
	size_t skipped = (int64_t)n < t->skip ? n : (size_t)t->skip;
	int r;

	t->skip -= (int64_t)skipped;
	data += skipped;
	n -= skipped;
	if (!n)
		return 0;
	if (t->request.size >= 0 && (int64_t)n > t->request.size - t->received)
		return err_say(&t->e, -EFBIG,
			       "%s: more than the %" PRId64 " bytes that were promised",
			       transfer_name(t), t->request.size);
	r = t->request.take(t->request.owner, data, n, &t->e);
	if (r == 0)
		t->received += (int64_t)n;
	return r;
}

static size_t on_body(char *data, size_t size, size_t n, void *owner)
{
	struct http_transfer *t = owner;
	int r = t->is_begun ? 0 : begin_body(t);

	if (r == 0)
		r = t->is_streaming ? hand_on(t, data, size * n) : collect(t, data, size * n);
	if (r < 0 && !t->is_cut)
		t->r = r;
	return r < 0 ? CURL_WRITEFUNC_ERROR : size * n;
}

/* ---- what goes ------------------------------------------------------------------------------------ */

static size_t on_send(char *buffer, size_t size, size_t n, void *owner)
{
	struct http_transfer *t = owner;
	const struct http_request *rq = &t->request;
	int64_t left = rq->body_size - t->sent;
	size_t want = (int64_t)(size * n) > left ? (size_t)left : size * n;
	ssize_t got = (ssize_t)want;

	if (rq->data)
		memcpy(buffer, (const char *)rq->data + t->sent, want);
	else if (want)
		got = pread(rq->fd, buffer, want, rq->offset + t->sent);
	if (got < 0 || (got == 0 && left > 0)) {
		t->r = err_sys(&t->e, got < 0 ? -errno : -ENODATA, "read what is to be sent");
		return CURL_READFUNC_ABORT;
	}
	t->sent += got;
	if (rq->sent)
		rq->sent(rq->owner, t->sent);
	return (size_t)got;
}

static int on_seek(void *owner, curl_off_t offset, int origin)
{
	struct http_transfer *t = owner;

	if (origin != SEEK_SET || offset < 0 || offset > t->request.body_size)
		return CURL_SEEKFUNC_FAIL;
	t->sent = offset;
	return CURL_SEEKFUNC_OK;
}

/* ---- the handle ----------------------------------------------------------------------------------- */

#define SET(option, value) curl_easy_setopt(t->easy, CURLOPT_##option, (value))

static void add_header(struct http_transfer *t, const char *line)
{
	struct curl_slist *list = curl_slist_append(t->headers, line);

	if (list)
		t->headers = list;
}

static void set_headers(struct http_transfer *t)
{
	const struct http_request *rq = &t->request;

	for (size_t i = 0; i < rq->headers.n; i++)
		add_header(t, rq->headers.v[i]);
	/* Security: what proves who we are is for the host that we chose, not for where it sends us. */
	if (rq->authorization && http_same_origin(rq->url, t->url))
		add_header(t, arena_printf(&t->arena, "Authorization: %s", rq->authorization));
	/* Registries answer at once anyway; waiting for "100 Continue" costs a second with those that do not. */
	add_header(t, "Expect:");
	SET(HTTPHEADER, t->headers);
}

static void set_method(struct http_transfer *t)
{
	const struct http_request *rq = &t->request;

	if (str_eq(rq->method, "HEAD"))
		SET(NOBODY, 1L);
	else if (rq->has_body) {
		SET(UPLOAD, 1L);
		SET(INFILESIZE_LARGE, (curl_off_t)rq->body_size);
		SET(READFUNCTION, on_send);
		SET(READDATA, t);
		SET(SEEKFUNCTION, on_seek);
		SET(SEEKDATA, t);
		SET(UPLOAD_BUFFERSIZE, (long)BUFFER);
	} else if (!str_eq(rq->method, "GET")) {
		SET(POST, 1L);
		SET(POSTFIELDSIZE, 0L);
		SET(POSTFIELDS, "");
	}
	if (!str_eq(rq->method, "HEAD"))
		SET(CUSTOMREQUEST, rq->method);
}

/* curl knows the lower-case names only (but no HTTP_PROXY, which a CGI program gets from its client); what
 * containers are pulled with is no CGI program. */
static void set_proxy(struct http_transfer *t, const struct origin *o)
{
	const char *upper = getenv("HTTP_PROXY");

	if (trust_is_loopback(o->host))
		SET(PROXY, "");
	else if (str_eq(o->scheme, "http") && upper && *upper && !getenv("http_proxy"))
		SET(PROXY, upper);
}

static int set_trust(struct http_transfer *t, const struct origin *o)
{
	struct trust_certificates c = {0};
	int r;

	if (!str_eq(o->scheme, "https"))
		return 0;
	r = trust_certificates(o->host_port, &t->arena, &c, &t->e);
	if (r < 0)
		return r;
	if (http_is_insecure(t->http, o->host_port)) {
		SET(SSL_VERIFYPEER, 0L);
		SET(SSL_VERIFYHOST, 0L);
	}
	if (c.authorities) {
		struct curl_blob blob = {
			.data = c.authorities, .len = c.authorities_n, .flags = CURL_BLOB_COPY};

		/* The system's own stay: they are in CURLOPT_CAPATH. */
		SET(CAINFO_BLOB, &blob);
	}
	if (c.certificate) {
		SET(SSLCERT, c.certificate);
		SET(SSLKEY, c.key);
	}
	return 0;
}

static void set_limits(struct http_transfer *t)
{
	const struct http_request *rq = &t->request;
	bool is_reading = str_eq(rq->method, "GET") || str_eq(rq->method, "HEAD");
	const char *connect = getenv("BERTH_REGISTRY_TIMEOUT");
	long stall = is_reading ? t->http->stall_s : t->http->stall_s * COMMIT_FACTOR;

	SET(CONNECTTIMEOUT,
	    connect && t->http->stall_s < CONNECT_S ? t->http->stall_s : (long)CONNECT_S);
	SET(LOW_SPEED_LIMIT, 1L);
	SET(LOW_SPEED_TIME, stall);
	if (is_reading && !rq->take)
		SET(TIMEOUT, (long)SMALL_S);
	SET(BUFFERSIZE, (long)BUFFER);
}

int transfer_prepare(struct http_transfer *t)
{
	struct origin o;
	int r = transfer_check_url(t->http, t->url, &t->arena, &t->e);

	if (r < 0 || (r = url_origin(t->url, &t->arena, &o)) < 0)
		return r;
	t->easy = curl_easy_init();
	t->text = arena_alloc(&t->arena, CURL_ERROR_SIZE);
	if (!t->easy)
		return err_sys(&t->e, -ENOMEM, "%s", transfer_name(t));
	SET(URL, t->url);
	SET(PROTOCOLS_STR, "http,https");
	SET(FOLLOWLOCATION, 0L);
	/* One connection each: several at once are faster than one that carries all. */
	SET(HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	SET(NOSIGNAL, 1L);
	SET(TCP_KEEPALIVE, 1L);
	SET(USERAGENT, "berth/" BERTH_VERSION);
	SET(ERRORBUFFER, t->text);
	SET(PRIVATE, t);
	SET(HEADERFUNCTION, on_header);
	SET(HEADERDATA, t);
	SET(WRITEFUNCTION, on_body);
	SET(WRITEDATA, t);
	SET(SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	set_method(t);
	set_headers(t);
	set_limits(t);
	set_proxy(t, &o);
	if (t->request.take && t->received)
		SET(RANGE, arena_printf(&t->arena, "%" PRId64 "-", t->received));
	return set_trust(t, &o);
}

void transfer_reset(struct http_transfer *t)
{
	if (t->easy) {
		curl_multi_remove_handle(t->http->multi, t->easy);
		curl_easy_cleanup(t->easy);
		t->easy = NULL;
	}
	curl_slist_free_all(t->headers);
	t->headers = NULL;
	free(t->body);
	t->body = NULL;
	t->n = t->room = t->header_bytes = 0;
	t->sent = t->skip = 0;
	t->status = 0;
	t->is_begun = t->is_streaming = t->is_cut = false;
}
