/* SPDX-License-Identifier: Apache-2.0 */
/* A container's resolv.conf, from the host's and from what was asked for. */
#include "engine/network/resolv.h"

#include <fcntl.h>
#include <string.h>

#include "base/arena.h"
#include "base/auto.h"
#include "base/str.h"
#include "kernel/fd.h"

enum { RESOLV_MAX = 64 << 10, SERVERS_MAX = 3 };
#define BLANKS " \t\r"

/* What the host's file says; the words point into a copy of it. */
struct host_file {
	char *servers[SERVERS_MAX];
	size_t n_servers;
	const char *search, *options; /* the last line of each kind counts */
	bool has_loopback;
};

/* Can only the host itself reach it? A link-local address has a zone that means nothing elsewhere. */
static bool is_loopback(const char *server)
{
	return str_starts(server, "127.") || str_eq(server, "::1") || strchr(server, '%');
}

static void take_line(char *line, bool takes_loopback, struct host_file *f)
{
	char *key = line + strspn(line, BLANKS), *value = key + strcspn(key, BLANKS);

	if (*value)
		*value++ = '\0';
	value += strspn(value, BLANKS);
	for (size_t n = strlen(value); n && strchr(BLANKS, value[n - 1]); n--)
		value[n - 1] = '\0';
	if (!*value || strchr("#;", key[0]))
		return;
	if (str_eq(key, "nameserver") && is_loopback(value) && !takes_loopback)
		f->has_loopback = true;
	else if (str_eq(key, "nameserver") && f->n_servers < SERVERS_MAX)
		f->servers[f->n_servers++] = value;
	else if (str_eq(key, "search") || str_eq(key, "domain"))
		f->search = value;
	else if (str_eq(key, "options"))
		f->options = value;
}

static struct host_file read_host(const char *text, bool takes_loopback, struct arena *a)
{
	char *copy = arena_strdup(a, text), *save = NULL;
	struct host_file f = {0};

	for (char *line = strtok_r(copy, "\n", &save); line; line = strtok_r(NULL, "\n", &save))
		take_line(line, takes_loopback, &f);
	return f;
}

static char *join(const struct str_slice *words, struct arena *a)
{
	char *text = arena_strdup(a, "");

	for (size_t i = 0; i < words->n; i++)
		text = arena_printf(a, "%s%s%s", text, i ? " " : "", words->v[i]);
	return text;
}

char *resolv_text(const char *host, const struct resolv_wish *w, struct arena *a)
{
	struct host_file f = read_host(host, w->has_host_network, a);
	const char *search = w->search.n ? join(&w->search, a) : f.search;
	const char *options = w->options.n ? join(&w->options, a) : f.options;
	char *text = arena_strdup(a, "");
	size_t n = 0;

	for (size_t i = 0; i < w->gateways.n && n < SERVERS_MAX; i++, n++)
		text = arena_printf(a, "%snameserver %s\n", text, w->gateways.v[i]);
	for (size_t i = 0; i < w->dns.n && n < SERVERS_MAX; i++, n++)
		text = arena_printf(a, "%snameserver %s\n", text, w->dns.v[i]);
	/* The networks' servers ask the host's themselves. */
	for (size_t i = 0; !w->gateways.n && !w->dns.n && i < f.n_servers; i++)
		text = arena_printf(a, "%snameserver %s\n", text, f.servers[i]);
	if (search && !str_eq(search, "."))
		text = arena_printf(a, "%ssearch %s\n", text, search);
	/* A container's name has no dot, and is to be asked for as it is before the search list is tried. */
	if (w->gateways.n && !(options && strstr(options, "ndots:")))
		options = options ? arena_printf(a, "%s ndots:0", options) : "ndots:0";
	return options ? arena_printf(a, "%soptions %s\n", text, options) : text;
}

char *resolv_of_host(bool has_host_network, struct arena *a)
{
	char *text = NULL, *beside = NULL;
	struct host_file f;

	if (file_read_at(AT_FDCWD, "/etc/resolv.conf", a, RESOLV_MAX, &text, NULL) < 0)
		return arena_strdup(a, "");
	f = read_host(text, has_host_network, a);
	if (f.n_servers || !f.has_loopback ||
	    file_read_at(AT_FDCWD, "/run/systemd/resolve/resolv.conf", a, RESOLV_MAX, &beside,
			 NULL) < 0)
		return text;
	return beside;
}
