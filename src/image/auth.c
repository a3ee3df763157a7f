/* SPDX-License-Identifier: Apache-2.0 */
/* Answers to challenges: basic credentials and bearer tokens, kept a scope each. */
#include "image/auth.h"

#include <errno.h>
#include <string.h>
#include <time.h>

#include "base/arena.h"
#include "base/auto.h"
#include "base/err.h"
#include "base/json.h"
#include "base/str.h"
#include "image/http.h"

enum {
	LIFE_S =
		60, /* of a token that does not say (token specification: "defaults to 60 seconds") */
	MARGIN_S = 10, /* a token that is about to end is not used any more */
	LIFE_MAX_S = 24 * 3600,
	ANSWER_MAX = 1 << 20,
};

struct token_answer {
	const char *token, *access_token;
	int64_t expires_in;
};
static const struct json_field token_fields[] = {
	JSON_FIELD("token", struct token_answer, token, &json_string_type, 0),
	JSON_FIELD("access_token", struct token_answer, access_token, &json_string_type, 0),
	JSON_FIELD("expires_in", struct token_answer, expires_in, &json_i64_type, 0),
};
static const struct json_type token_type = JSON_OBJECT(struct token_answer, token_fields);

static int64_t now_s(void)
{
	struct timespec t = {0};

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec;
}

static const char *basic_header(const struct auth *auth)
{
	const struct auth_credentials *c = &auth->credentials;
	const char *both;

	if (!c->username)
		return NULL;
	both = arena_printf(auth->arena, "%s:%s", c->username, c->password ? c->password : "");
	return arena_printf(auth->arena, "Basic %s", auth_base64(both, strlen(both), auth->arena));
}

static int look_up(struct auth *auth, struct err *e)
{
	int r = auth->is_looked_up ? 0
				   : auth_find(auth->domain, auth->repository, auth->arena,
					       &auth->credentials, e);

	auth->is_looked_up |= r == 0;
	return r;
}

/* ---- tokens --------------------------------------------------------------------------------------- */

const char *auth_header(struct auth *auth, const char *scope)
{
	if (auth->challenge.scheme == AUTH_BASIC)
		return basic_header(auth);
	for (size_t i = 0; i < auth->tokens.n; i++)
		if (str_eq(auth->tokens.v[i].scope, scope) && auth->tokens.v[i].ends_s > now_s())
			return auth->tokens.v[i].header;
	return NULL;
}

static const char *keep_token(struct auth *auth, const char *scope, const char *token,
			      int64_t life_s)
{
	struct auth_token *v;
	size_t i = 0;

	while (i < auth->tokens.n && !str_eq(auth->tokens.v[i].scope, scope))
		i++;
	if (i == auth->tokens.n) {
		v = arena_array(auth->arena, i + 1, sizeof(*v));
		if (i)
			memcpy(v, auth->tokens.v, i * sizeof(*v));
		auth->tokens.v = v;
		auth->tokens.n++;
	}
	if (life_s <= 0 || life_s > LIFE_MAX_S)
		life_s = life_s > 0 ? LIFE_MAX_S : LIFE_S;
	auth->tokens.v[i] =
		(struct auth_token){.scope = scope ? arena_strdup(auth->arena, scope) : NULL,
				    .header = arena_printf(auth->arena, "Bearer %s", token),
				    .ends_s = now_s() + life_s - MARGIN_S};
	return auth->tokens.v[i].header;
}

/* "&scope=.." for each word of it. */
static const char *scope_query(const char *scope, struct arena *a)
{
	char *rest = arena_strdup(a, scope ? scope : ""), *word, *text = arena_strdup(a, "");

	while ((word = strsep(&rest, " ")))
		if (*word)
			text = arena_printf(a, "%s&scope=%s", text, http_escape(word, a));
	return text;
}

/* What the realm is asked: with credentials by GET, with an identity token by POST (OAuth2). */
static void make_request(const struct auth *auth, const char *scope, struct http_request *rq)
{
	static const char *const form[] = {"Content-Type: application/x-www-form-urlencoded"};
	const struct auth_challenge *c = &auth->challenge;
	struct arena *a = auth->arena;
	const char *service = c->service ? http_escape(c->service, a) : "";

	*rq = (struct http_request){.method = "GET", .limit = ANSWER_MAX};
	if (auth->credentials.identity_token) {
		rq->method = "POST";
		rq->url = c->realm;
		rq->headers = (struct str_slice){(const char **)form, 1};
		rq->has_body = true;
		rq->data = arena_printf(
			a, "grant_type=refresh_token&client_id=berth&service=%s&refresh_token=%s%s",
			service, http_escape(auth->credentials.identity_token, a),
			scope_query(scope, a));
		rq->body_size = (int64_t)strlen(rq->data);
		return;
	}
	rq->authorization = basic_header(auth);
	rq->url =
		arena_printf(a, "%s%sservice=%s%s%s%s", c->realm, strchr(c->realm, '?') ? "&" : "?",
			     service, scope_query(scope, a), rq->authorization ? "&account=" : "",
			     rq->authorization ? http_escape(auth->credentials.username, a) : "");
}

static int fetch_token(struct auth *auth, const char *scope, const char **ret, struct err *e)
{
	struct token_answer token = {0};
	struct http_answer answer = {0};
	struct http_request rq;
	int r;

	if (auth->is_tls && !str_starts(auth->challenge.realm, "https:"))
		return err_say(e, -EPERM,
			       "registry %s: refused: it wants credentials sent without TLS, to %s",
			       auth->domain, http_clean(auth->challenge.realm, 200, auth->arena));
	make_request(auth, scope, &rq);
	r = http_perform(auth->http, &rq, auth->arena, &answer, e);
	if (r < 0)
		return r;
	if (answer.status == 401 || answer.status == 403)
		return 0;
	if (answer.status != 200)
		return err_say(e, -EACCES, "registry %s: no token from %s: status %d", auth->domain,
			       http_clean(auth->challenge.realm, 200, auth->arena), answer.status);
	r = json_decode(answer.body, answer.n, &token_type, &token, auth->arena, "token", e);
	if (r < 0)
		return r;
	if (!token.token || !*token.token)
		token.token = token.access_token;
	/* Security: it becomes a line of a header. */
	if (!token.token || !*token.token || token.token[strcspn(token.token, "\r\n")])
		return err_say(e, -EPROTO, "registry %s: %s sent no token", auth->domain,
			       http_clean(auth->challenge.realm, 200, auth->arena));
	*ret = keep_token(auth, scope, token.token, token.expires_in);
	return 1;
}

int auth_answer(struct auth *auth, const struct str_slice *challenges, const char *scope,
		const char *used, const char **ret, struct err *e)
{
	struct auth_challenge best = {0};
	const char *header = NULL;
	int r = look_up(auth, e);

	if (r < 0)
		return r;
	for (size_t i = 0; i < challenges->n; i++) {
		struct auth_challenge c;

		auth_challenge_parse(challenges->v[i], auth->arena, &c);
		if (c.scheme > best.scheme)
			best = c;
	}
	if (best.scheme == AUTH_NONE)
		return 0;
	auth->challenge = best;
	if (best.scheme == AUTH_BASIC) {
		header = basic_header(auth);
	} else if (auth->credentials.registry_token) {
		header = keep_token(auth, scope, auth->credentials.registry_token, LIFE_MAX_S);
	} else {
		r = fetch_token(auth, scope ? scope : best.scope, &header, e);
		if (r < 0)
			return r;
	}
	/* The same again would be refused again. */
	if (!header || str_eq(header, used))
		return 0;
	*ret = header;
	return 1;
}
