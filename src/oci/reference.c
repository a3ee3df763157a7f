/* SPDX-License-Identifier: Apache-2.0 */
/* Image references: split, checked against the grammar, completed with Docker's defaults. */
#include "oci/reference.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"

/*
 * Theory of operation
 *
 * The grammar is that of the distribution project's reference package (reference.go, normalize.go):
 *   reference      := name [ ":" tag ] [ "@" digest ]
 *   name           := [ domain "/" ] component ( "/" component )*
 *   domain         := host [ ":" digits ]; host: labels with dots between, or an IPv6 address in brackets
 *   component      := [a-z0-9]+ ( separator [a-z0-9]+ )*; separator: ".", "_", "__", "-"+
 *   tag            := [A-Za-z0-9_] [A-Za-z0-9_.-]{0,127}
 * The first part is a domain if it has a "." or ":", is "localhost", or has an upper-case letter.
 */

#define DEFAULT_DOMAIN "docker.io"
#define DEFAULT_PREFIX "library/"
#define DEFAULT_TAG "latest"

enum { NAME_LENGTH_MAX = 255, TAG_LENGTH_MAX = 128, HEX_LENGTH = 64 };

static const char invalid[] = "invalid reference format";

static bool is_lower_hex(const char *s, size_t n)
{
	return strspn(s, "0123456789abcdef") >= n;
}

/* Would it be read as an image's id? */
static bool is_id_like(const char *name)
{
	return strlen(name) == HEX_LENGTH && is_lower_hex(name, HEX_LENGTH);
}

bool oci_digest_is_valid(const char *digest)
{
	return digest && str_starts(digest, "sha256:") && strlen(digest) == 7 + HEX_LENGTH &&
	       is_lower_hex(digest + 7, HEX_LENGTH);
}

static bool is_word(char c)
{
	return isalnum((unsigned char)c) && (unsigned char)c < 0x80;
}

static bool is_component_char(char c)
{
	return is_word(c) && !isupper((unsigned char)c);
}

/* ---- parts --------------------------------------------------------------------------------------- */

static bool is_port(const char *s)
{
	return *s && s[strspn(s, "0123456789")] == '\0';
}

static bool is_host(const char *s, size_t n)
{
	if (n > 2 && s[0] == '[' && s[n - 1] == ']')
		return strspn(s + 1, "0123456789abcdefABCDEF:") == n - 2;
	for (size_t i = 0; i < n; i++) {
		bool is_edge = i == 0 || i + 1 == n || s[i - 1] == '.' || s[i + 1] == '.';

		if (!is_word(s[i]) && (is_edge || (s[i] != '-' && s[i] != '.')))
			return false;
	}
	return n > 0;
}

static int check_domain(const char *domain, struct err *e)
{
	const char *port = strrchr(domain, ':');
	size_t n = port && !strchr(port, ']') ? (size_t)(port - domain) : strlen(domain);

	if (domain[n] && !is_port(domain + n + 1))
		return err_say(e, -EINVAL, "%s: registry %s: the port must be a number", invalid,
			       domain);
	if (!is_host(domain, n))
		return err_say(e, -EINVAL, "%s: registry %s is no host name", invalid, domain);
	return 0;
}

/* The length of a separator at s: "." or "_" or "__" or any number of "-"; 0: none. */
static size_t separator_length(const char *s)
{
	if (*s == '.')
		return 1;
	if (*s == '_')
		return s[1] == '_' ? 2 : 1;
	return strspn(s, "-");
}

static bool is_component(const char *s, size_t n)
{
	size_t i = 0;

	while (i < n && is_component_char(s[i])) {
		size_t gap;

		while (i < n && is_component_char(s[i]))
			i++;
		if (i == n)
			return true;
		gap = separator_length(s + i);
		if (!gap)
			return false;
		i += gap;
	}
	return false;
}

static int check_repository(const char *repository, struct err *e)
{
	for (const char *p = repository; *p; p++)
		if (isupper((unsigned char)*p))
			return err_say(e, -EINVAL, "%s: repository name (%s) must be lowercase",
				       invalid, repository);
	for (const char *p = repository;; p++) {
		size_t n = strcspn(p, "/");

		if (!is_component(p, n))
			return err_say(e, -EINVAL,
				       "%s: repository name (%s): want parts of a-z and 0-9 with "
				       "one of . _ __ - between",
				       invalid, repository);
		p += n;
		if (!*p)
			return 0;
	}
}

static int check_tag(const char *tag, struct err *e)
{
	size_t n = strlen(tag);
	bool is_good = n > 0 && n <= TAG_LENGTH_MAX && (is_word(tag[0]) || tag[0] == '_');

	for (size_t i = 1; is_good && i < n; i++)
		is_good = is_word(tag[i]) || strchr("_.-", tag[i]);
	if (is_good)
		return 0;
	return err_say(e, -EINVAL,
		       "%s: tag (%.140s): want at most %d letters, digits, and _ . - but not in "
		       "front",
		       invalid, tag, TAG_LENGTH_MAX);
}

/* ---- the whole ----------------------------------------------------------------------------------- */

static bool is_domain(const char *first, size_t n)
{
	bool has_mark = false;

	for (size_t i = 0; i < n; i++)
		has_mark |= first[i] == '.' || first[i] == ':' || isupper((unsigned char)first[i]);
	return has_mark || (n == strlen("localhost") && memcmp(first, "localhost", n) == 0);
}

/* Splits "DOMAIN/PATH" and fills in what was left out. */
static void split_name(const char *name, struct arena *a, struct oci_reference *r)
{
	const char *slash = strchr(name, '/');
	size_t n = slash ? (size_t)(slash - name) : 0;

	r->domain = DEFAULT_DOMAIN;
	r->repository = name;
	if (slash && is_domain(name, n)) {
		r->domain = arena_strndup(a, name, n);
		r->repository = slash + 1;
		/* An old second name of the same registry. */
		if (str_eq(r->domain, "index." DEFAULT_DOMAIN))
			r->domain = DEFAULT_DOMAIN;
	}
	if (str_eq(r->domain, DEFAULT_DOMAIN) && !strchr(r->repository, '/'))
		r->repository = arena_printf(a, DEFAULT_PREFIX "%s", r->repository);
}

static void write_forms(struct arena *a, struct oci_reference *r)
{
	const char *colon = r->tag ? ":" : "", *tag = r->tag ? r->tag : "";
	const char *at = r->digest ? "@" : "", *digest = r->digest ? r->digest : "";
	const char *brief = r->repository, *domain = "";

	r->full =
		arena_printf(a, "%s/%s%s%s%s%s", r->domain, r->repository, colon, tag, at, digest);
	/* 64 hexadecimal digits alone would be an image's id. */
	if (str_eq(r->domain, DEFAULT_DOMAIN) && str_starts(brief, DEFAULT_PREFIX) &&
	    !strchr(brief + strlen(DEFAULT_PREFIX), '/') &&
	    !is_id_like(brief + strlen(DEFAULT_PREFIX)))
		brief += strlen(DEFAULT_PREFIX);
	/* A first part that looks like another registry's name may not become one. */
	else if (!str_eq(r->domain, DEFAULT_DOMAIN) || is_domain(brief, strcspn(brief, "/")))
		domain = arena_printf(a, "%s/", r->domain);
	r->familiar = arena_printf(a, "%s%s%s%s%s%s", domain, brief, colon, tag, at, digest);
}

int oci_reference_parse(const char *text, struct arena *a, struct oci_reference *ret, struct err *e)
{
	struct oci_reference r = {0};
	char *name = arena_strdup(a, text), *at = strchr(name, '@'), *colon;
	int rc = 0;

	if (at) {
		*at = '\0';
		r.digest = at + 1;
		if (!oci_digest_is_valid(r.digest))
			return err_say(e, -EINVAL,
				       "%s: digest (%.100s): want sha256: and 64 lower-case "
				       "hexadecimal digits",
				       invalid, r.digest);
	}
	/* Behind the last slash: a colon before it belongs to a port. */
	colon = strrchr(name, '/');
	colon = strchr(colon ? colon : name, ':');
	if (colon) {
		*colon = '\0';
		r.tag = colon + 1;
	}
	if (!*name)
		return err_say(e, -EINVAL, "%s: the name is empty", invalid);
	if (is_id_like(name))
		return err_say(e, -EINVAL,
			       "invalid repository name (%s), cannot specify 64-byte hexadecimal "
			       "strings",
			       name);
	split_name(name, a, &r);
	if (!r.tag && !r.digest)
		r.tag = DEFAULT_TAG;
	if (strlen(r.domain) + 1 + strlen(r.repository) > NAME_LENGTH_MAX)
		return err_say(e, -EINVAL, "%s: the name is longer than %d bytes", invalid,
			       NAME_LENGTH_MAX);
	if ((rc = check_domain(r.domain, e)) < 0 || (rc = check_repository(r.repository, e)) < 0 ||
	    (r.tag && (rc = check_tag(r.tag, e)) < 0))
		return rc;
	write_forms(a, &r);
	*ret = r;
	return 0;
}

/* ---- the registry behind a domain ---------------------------------------------------------------- */

const char *oci_registry_host(const char *domain)
{
	return str_eq(domain, DEFAULT_DOMAIN) ? "registry-1." DEFAULT_DOMAIN : domain;
}

const char *oci_registry_key(const char *domain)
{
	return str_eq(domain, DEFAULT_DOMAIN) ? "https://index." DEFAULT_DOMAIN "/v1/" : domain;
}

const char *oci_registry_domain(const char *text, struct arena *a)
{
	const char *host = text ? text : DEFAULT_DOMAIN;

	if (str_starts(host, "https://"))
		host += strlen("https://");
	else if (str_starts(host, "http://"))
		host += strlen("http://");
	host = arena_strndup(a, host, strcspn(host, "/"));
	if (str_eq(host, "index." DEFAULT_DOMAIN) || str_eq(host, "registry-1." DEFAULT_DOMAIN))
		return DEFAULT_DOMAIN;
	return host;
}
