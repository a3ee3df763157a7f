/* SPDX-License-Identifier: Apache-2.0 */
/* WWW-Authenticate, read (RFC 9110 11.6.1). */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/arena.h"
#include "base/auto.h"
#include "base/str.h"
#include "image/auth.h"

/* RFC 9110 5.6.2 */
static bool is_token_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       (c && strchr("!#$%&'*+-.^_`|~", c));
}

static const char *skip_blanks(const char *p)
{
	return p + strspn(p, " \t");
}

static const char *read_token(const char **p, struct arena *a)
{
	const char *from = *p;

	while (is_token_char(**p))
		(*p)++;
	return arena_strndup(a, from, (size_t)(*p - from));
}

/* A quoted string or a token behind "=". */
static const char *read_value(const char **p, struct arena *a)
{
	char *text, *to;

	*p = skip_blanks(*p);
	if (**p != '"')
		return read_token(p, a);
	to = text = arena_strdup(a, ++*p);
	while (**p && **p != '"') {
		if (**p == '\\' && (*p)[1])
			(*p)++;
		*to++ = *(*p)++;
	}
	*to = '\0';
	if (**p)
		(*p)++;
	return text;
}

static void set_parameter(struct auth_challenge *c, const char *name, const char *value)
{
	const struct {
		const char *name;
		const char **place;
	} rows[] = {{"realm", &c->realm},
		    {"service", &c->service},
		    {"scope", &c->scope},
		    {"error", &c->error}};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (strcasecmp(rows[i].name, name) == 0)
			*rows[i].place = value;
}

/* A complete one: is it better than what we have? */
static void consider(struct auth_challenge *best, const struct auth_challenge *c)
{
	if (c->scheme == AUTH_BEARER && !c->realm)
		return;
	if (c->scheme > best->scheme)
		*best = *c;
}

void auth_challenge_parse(const char *header, struct arena *a, struct auth_challenge *ret)
{
	struct auth_challenge best = {0}, c = {0};
	const char *p = header;

	while (*p) {
		const char *word, *after;

		if (!is_token_char(*p)) {
			p++;
			continue;
		}
		word = read_token(&p, a);
		after = skip_blanks(p);
		/* NAME = VALUE belongs to the scheme before it; a word alone is the next scheme. */
		if (*after == '=') {
			p = after + 1;
			set_parameter(&c, word, read_value(&p, a));
			continue;
		}
		consider(&best, &c);
		c = (struct auth_challenge){0};
		if (strcasecmp(word, "bearer") == 0)
			c.scheme = AUTH_BEARER;
		else if (strcasecmp(word, "basic") == 0)
			c.scheme = AUTH_BASIC;
	}
	consider(&best, &c);
	*ret = best;
}
