/* SPDX-License-Identifier: Apache-2.0 */
/* Which hosts may be spoken to without TLS, and whose certificates are believed. */
#include "image/trust.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/arena.h"
#include "base/auto.h"
#include "base/err.h"
#include "base/str.h"
#include "kernel/fd.h"

enum { FILE_MAX = 1 << 20 };

bool trust_is_loopback(const char *host)
{
	size_t n = strlen(host);
	struct in6_addr v6;
	struct in_addr v4;
	char text[64];

	if (n > 2 && host[0] == '[' && host[n - 1] == ']') {
		host++;
		n -= 2;
	}
	if (n >= sizeof(text))
		return str_ends(host, ".localhost");
	memcpy(text, host, n);
	text[n] = '\0';
	if (str_eq(text, "localhost") || str_ends(text, ".localhost"))
		return true;
	if (inet_pton(AF_INET, text, &v4) == 1)
		return ntohl(v4.s_addr) >> 24 == 127;
	return inet_pton(AF_INET6, text, &v6) == 1 && IN6_IS_ADDR_LOOPBACK(&v6);
}

/* ---- registries.conf ------------------------------------------------------------------------------ */

static void add_name(struct str_slice *list, const char *name, struct arena *a)
{
	list->v = arena_grow(a, list->v, list->n * sizeof(*list->v),
			     (list->n + 1) * sizeof(*list->v));
	list->v[list->n++] = name;
}

int trust_parse(const char *text, const char *document, struct arena *a, struct str_slice *list,
		struct err *e)
{
	char *rest = arena_strdup(a, text), *line;

	for (unsigned number = 1; (line = strsep(&rest, "\n")); number++) {
		char *save = NULL, *word, *name;

		line[strcspn(line, "#\r")] = '\0';
		word = strtok_r(line, " \t", &save);
		if (!word)
			continue;
		name = strtok_r(NULL, " \t", &save);
		if (!str_eq(word, "insecure") || !name || strtok_r(NULL, " \t", &save))
			return err_say(e, -EINVAL, "%s: line %u: want \"insecure HOST[:PORT]\"",
				       document, number);
		add_name(list, name, a);
	}
	return 0;
}

/* $XDG_CONFIG_HOME, or ~/.config, or NULL. */
static const char *config_home(struct arena *a)
{
	const char *xdg = getenv("XDG_CONFIG_HOME"), *home = getenv("HOME");

	if (xdg && xdg[0] == '/')
		return xdg;
	return home && home[0] == '/' ? arena_printf(a, "%s/.config", home) : NULL;
}

int trust_load(struct arena *a, struct str_slice *ret, struct err *e)
{
	const char *folders[] = {"/etc", config_home(a)};
	struct str_slice list = {0};

	for (size_t i = 0; i < ARRAY_LEN(folders); i++) {
		const char *path =
			arena_printf(a, "%s/berth/registries.conf", folders[i] ? folders[i] : "");
		char *text = NULL;
		int r = folders[i] ? file_read_at(AT_FDCWD, path, a, FILE_MAX, &text, NULL)
				   : -ENOENT;

		if (r == -ENOENT || r == -ENOTDIR)
			continue;
		if (r < 0)
			return err_sys(e, r, "read %s", path);
		r = trust_parse(text, path, a, &list, e);
		if (r < 0)
			return r;
	}
	*ret = list;
	return 0;
}

/* ---- certs.d -------------------------------------------------------------------------------------- */

static int add_authority(int dir_fd, const char *name, struct arena *a,
			 struct trust_certificates *c)
{
	char *text, *all;
	size_t n = 0;
	int r = file_read_at(dir_fd, name, a, FILE_MAX, &text, &n);

	if (r < 0)
		return r;
	all = arena_alloc(a, c->authorities_n + n + 2);
	if (c->authorities)
		memcpy(all, c->authorities, c->authorities_n);
	memcpy(all + c->authorities_n, text, n);
	all[c->authorities_n + n] = '\n';
	c->authorities = all;
	c->authorities_n += n + 1;
	return 0;
}

static int read_folder(DIR *dir, const char *path, struct arena *a, struct trust_certificates *c,
		       struct err *e)
{
	struct dirent *entry;

	while ((entry = readdir(dir))) {
		const char *name = entry->d_name;
		const char *key;
		int r = 0;

		if (str_ends(name, ".crt"))
			r = add_authority(dirfd(dir), name, a, c);
		if (r < 0)
			return err_sys(e, r, "read %s/%s", path, name);
		if (!str_ends(name, ".cert"))
			continue;
		key = arena_printf(a, "%.*s.key", (int)(strlen(name) - strlen(".cert")), name);
		if (faccessat(dirfd(dir), key, R_OK, 0) < 0)
			return err_sys(e, -errno, "read %s/%s, the key of %s", path, key, name);
		c->certificate = arena_printf(a, "%s/%s", path, name);
		c->key = arena_printf(a, "%s/%s", path, key);
	}
	return 0;
}

int trust_certificates(const char *host_port, struct arena *a, struct trust_certificates *ret,
		       struct err *e)
{
	static const char *const owners[] = {"berth", "docker", "containers"};
	const char *folders[] = {config_home(a), "/etc"};
	struct trust_certificates c = {0};

	for (size_t i = 0; i < ARRAY_LEN(folders) * ARRAY_LEN(owners); i++) {
		const char *folder = folders[i / ARRAY_LEN(owners)];
		const char *path = arena_printf(a, "%s/%s/certs.d/%s", folder ? folder : "",
						owners[i % ARRAY_LEN(owners)], host_port);
		auto_closedir DIR *dir = folder ? opendir(path) : NULL;
		int r;

		if (!dir)
			continue;
		r = read_folder(dir, path, a, &c, e);
		if (r < 0)
			return r;
		break;
	}
	*ret = c;
	return 0;
}
