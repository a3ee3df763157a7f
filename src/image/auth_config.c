/* SPDX-License-Identifier: Apache-2.0 */
/* Credentials in Docker's config.json and containers' auth.json: read, picked, changed. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <openssl/evp.h>

#include "base/arena.h"
#include "base/auto.h"
#include "base/err.h"
#include "base/json.h"
#include "base/str.h"
#include "image/auth.h"
#include "kernel/fd.h"
#include "oci/reference.h"

enum { CONFIG_MAX = 4 << 20, BASE64_MAX = 1 << 20 };

const char *auth_base64(const char *text, size_t n, struct arena *a)
{
	char *out = arena_alloc(a, (n + 2) / 3 * 4 + 1);

	EVP_EncodeBlock((unsigned char *)out, (const unsigned char *)text, (int)n);
	return out;
}

char *auth_base64_decode(const char *text, struct arena *a)
{
	size_t n = strlen(text), pad = 0;
	char *out;

	if (n % 4 || n > BASE64_MAX)
		return NULL;
	while (pad < 2 && n > pad && text[n - 1 - pad] == '=')
		pad++;
	out = arena_alloc(a, n / 4 * 3 + 1);
	if (n && EVP_DecodeBlock((unsigned char *)out, (const unsigned char *)text, (int)n) < 0)
		return NULL;
	out[n / 4 * 3 - (n ? pad : 0)] = '\0';
	return out;
}

/* ---- reading -------------------------------------------------------------------------------------- */

struct entry_file {
	const char *key, *auth, *username, *password, *identity_token, *registry_token;
};
struct config_file {
	SLICE(struct entry_file) auths;
	const char *creds_store;
	SLICE(struct auth_helper_of) cred_helpers;
};

static const struct json_field entry_fields[] = {
	JSON_FIELD("auth", struct entry_file, auth, &json_string_type, 0),
	JSON_FIELD("username", struct entry_file, username, &json_string_type, 0),
	JSON_FIELD("password", struct entry_file, password, &json_string_type, 0),
	JSON_FIELD("identitytoken", struct entry_file, identity_token, &json_string_type, 0),
	JSON_FIELD("registrytoken", struct entry_file, registry_token, &json_string_type, 0),
};
static const struct json_type entry_type = JSON_OBJECT(struct entry_file, entry_fields);
static const struct json_type entries_type = JSON_MAP(struct entry_file, key, &entry_type);
static const struct json_type helpers_type =
	JSON_PAIRS(struct auth_helper_of, key, helper, &json_string_type);

static const struct json_field config_fields[] = {
	JSON_FIELD("auths", struct config_file, auths, &entries_type, 0),
	JSON_FIELD("credsStore", struct config_file, creds_store, &json_string_type, 0),
	JSON_FIELD("credHelpers", struct config_file, cred_helpers, &helpers_type, 0),
};
static const struct json_type config_type = JSON_OBJECT(struct config_file, config_fields);

static int read_entry(const struct entry_file *file, const char *document, struct arena *a,
		      struct auth_entry *ret, struct err *e)
{
	struct auth_credentials c = {.username = file->username,
				     .password = file->password,
				     .identity_token = file->identity_token,
				     .registry_token = file->registry_token};

	if (file->auth && *file->auth) {
		char *text = auth_base64_decode(file->auth, a);
		char *colon = text ? strchr(text, ':') : NULL;

		if (!colon)
			return err_say(e, -EINVAL,
				       "%s: auths[\"%.200s\"].auth: want USER:PASSWORD in base64",
				       document, file->key);
		*colon = '\0';
		c.username = text;
		c.password = colon + 1;
	}
	if (c.identity_token && !*c.identity_token)
		c.identity_token = NULL;
	if (c.registry_token && !*c.registry_token)
		c.registry_token = NULL;
	if (c.username && !*c.username)
		c.username = NULL;
	*ret = (struct auth_entry){file->key, c};
	return 0;
}

int auth_config_parse(const char *text, size_t n, const char *document, struct arena *a,
		      struct auth_config *ret, struct err *e)
{
	struct config_file file = {0};
	struct auth_config c = {0};
	int r = json_decode(text, n, &config_type, &file, a, document, e);

	if (r < 0)
		return r;
	c.creds_store = file.creds_store && *file.creds_store ? file.creds_store : NULL;
	c.cred_helpers.v = file.cred_helpers.v;
	c.cred_helpers.n = file.cred_helpers.n;
	c.auths.v = arena_array(a, file.auths.n + 1, sizeof(*c.auths.v));
	for (size_t i = 0; i < file.auths.n; i++) {
		r = read_entry(&file.auths.v[i], document, a, &c.auths.v[c.auths.n++], e);
		if (r < 0)
			return r;
	}
	*ret = c;
	return 0;
}

/* "https://HOST/v1/" and "HOST/v2" name the host; "HOST/team" a part of it. */
static const char *plain_key(const char *key, struct arena *a)
{
	const char *host = key;
	size_t n;

	if (str_starts(host, "https://"))
		host += strlen("https://");
	else if (str_starts(host, "http://"))
		host += strlen("http://");
	n = strlen(host);
	while (n && host[n - 1] == '/')
		n--;
	host = arena_strndup(a, host, n);
	if (str_ends(host, "/v1") || str_ends(host, "/v2"))
		host = arena_strndup(a, host, n - 3);
	return host;
}

const struct auth_entry *auth_config_pick(const struct auth_config *c, const char *domain,
					  const char *repository, struct arena *a)
{
	char *wanted = arena_printf(a, "%s%s%s", domain, repository ? "/" : "",
				    repository ? repository : "");

	for (;;) {
		char *slash = strrchr(wanted, '/');

		for (size_t i = 0; i < c->auths.n; i++) {
			const struct auth_entry *entry = &c->auths.v[i];
			const char *key = plain_key(entry->key, a);

			if (!strchr(key, '/'))
				key = oci_registry_domain(key, a);
			if (str_eq(key, wanted) && auth_has_credentials(&entry->credentials))
				return entry;
		}
		if (!slash)
			return NULL;
		*slash = '\0';
	}
}

const char *auth_config_helper(const struct auth_config *c, const char *domain)
{
	for (size_t i = 0; i < c->cred_helpers.n; i++)
		if (str_eq(c->cred_helpers.v[i].key, domain) ||
		    str_eq(c->cred_helpers.v[i].key, oci_registry_key(domain)))
			return c->cred_helpers.v[i].helper;
	return c->creds_store;
}

/* ---- which files ---------------------------------------------------------------------------------- */

/* ret[0] is Docker's own, the one that is written; NULL where there is no home. */
static size_t config_paths(struct arena *a, const char *ret[4])
{
	const char *docker = getenv("DOCKER_CONFIG"), *home = getenv("HOME");
	const char *file = getenv("REGISTRY_AUTH_FILE"), *run = getenv("XDG_RUNTIME_DIR");
	const char *config = getenv("XDG_CONFIG_HOME");
	size_t n = 1;

	ret[0] = docker && *docker ? arena_printf(a, "%s/config.json", docker)
		 : home && *home   ? arena_printf(a, "%s/.docker/config.json", home)
				   : NULL;
	if (file && *file)
		ret[n++] = file;
	if (run && *run)
		ret[n++] = arena_printf(a, "%s/containers/auth.json", run);
	if (config && *config)
		ret[n++] = arena_printf(a, "%s/containers/auth.json", config);
	else if (home && *home)
		ret[n++] = arena_printf(a, "%s/.config/containers/auth.json", home);
	return n;
}

/* Returns 1, 0 where there is no such file, or -errno. */
static int load(const char *path, struct arena *a, struct auth_config *ret, struct err *e)
{
	char *text = NULL;
	size_t n = 0;
	int r = path ? file_read_at(AT_FDCWD, path, a, CONFIG_MAX, &text, &n) : -ENOENT;

	if (r == -ENOENT || r == -ENOTDIR)
		return 0;
	if (r < 0)
		return err_sys(e, r, "read %s", path);
	if (n == 0)
		return 0;
	r = auth_config_parse(text, n, path, a, ret, e);
	return r < 0 ? r : 1;
}

int auth_find(const char *domain, const char *repository, struct arena *a,
	      struct auth_credentials *ret, struct err *e)
{
	const char *paths[4];
	size_t n = config_paths(a, paths);

	*ret = (struct auth_credentials){0};
	for (size_t i = 0; i < n; i++) {
		struct auth_config c = {0};
		const struct auth_entry *entry;
		const char *helper;
		int r = load(paths[i], a, &c, e);

		if (r < 0)
			return r;
		helper = auth_config_helper(&c, domain);
		r = helper ? auth_helper_get(helper, oci_registry_key(domain), a, ret, e) : 0;
		if (r < 0 || auth_has_credentials(ret))
			return r;
		entry = auth_config_pick(&c, domain, repository, a);
		if (entry) {
			*ret = entry->credentials;
			return 0;
		}
	}
	return 0;
}

/* ---- changing ------------------------------------------------------------------------------------- */

struct raw_entry {
	const char *key, *value;
};
struct raw_map {
	struct raw_entry *v;
	size_t n;
};
static const struct json_type raw_map_type =
	JSON_PAIRS(struct raw_entry, key, value, &json_raw_type);

/* Sets or, with value NULL, removes. Returns whether it was there. */
static bool map_set(struct raw_map *m, const char *key, const char *value, struct arena *a)
{
	struct raw_entry *v;

	for (size_t i = 0; i < m->n; i++) {
		if (!str_eq(m->v[i].key, key))
			continue;
		if (value)
			m->v[i].value = value;
		else
			memmove(&m->v[i], &m->v[i + 1], (--m->n - i) * sizeof(*m->v));
		return true;
	}
	if (!value)
		return false;
	v = arena_array(a, m->n + 1, sizeof(*v));
	if (m->n)
		memcpy(v, m->v, m->n * sizeof(*v));
	v[m->n++] = (struct raw_entry){key, value};
	m->v = v;
	return false;
}

static const char *map_get(const struct raw_map *m, const char *key)
{
	for (size_t i = 0; i < m->n; i++)
		if (str_eq(m->v[i].key, key))
			return m->v[i].value;
	return NULL;
}

static const char *map_text(const struct raw_map *m, bool is_pretty, struct arena *a)
{
	auto_json_writer struct json_writer w = {.is_pretty = is_pretty, .is_tabbed = true};

	json_encode(&raw_map_type, m, &w);
	return arena_strdup(a, w.buf);
}

static int make_folders(const char *path, struct err *e)
{
	char *copy = strdup(path), *p = copy;
	int r = 0;

	while (copy && (p = strchr(p + 1, '/'))) {
		*p = '\0';
		if (mkdir(copy, 0700) < 0 && errno != EEXIST)
			r = err_sys(e, -errno, "make %s", copy);
		*p = '/';
	}
	free(copy);
	return r;
}

/* Written beside and renamed, through a link to where it leads; mode 0600. */
static int save(const char *path, const char *text, struct arena *a, struct err *e)
{
	auto_free char *real = realpath(path, NULL);
	const char *target = real ? real : path, *slash = strrchr(target, '/');
	const char *dir = slash ? arena_strndup(a, target, (size_t)(slash - target) + 1) : ".";
	auto_close int fd = -EBADF;
	int r = real ? 0 : make_folders(target, e);

	if (r < 0)
		return r;
	fd = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return err_sys(e, -errno, "open the folder of %s", target);
	r = file_replace_at(fd, slash ? slash + 1 : target, text, strlen(text), 0600);
	return r < 0 ? err_sys(e, r, "write %s", target) : 0;
}

/* Sets (entry: JSON) or removes (NULL) all keys that mean the domain; everything else in the file
 * stays as it is. Returns 1 where there was one, 0, or -errno. */
static int change(const char *path, const char *domain, const char *entry, struct arena *a,
		  struct err *e)
{
	const char *keys[] = {oci_registry_key(domain), domain,
			      arena_printf(a, "https://%s", domain),
			      arena_printf(a, "https://%s/v1/", domain)};
	struct raw_map file = {0}, auths = {0};
	const char *text;
	char *old = NULL;
	bool was_there = false;
	size_t n = 0;
	int r = file_read_at(AT_FDCWD, path, a, CONFIG_MAX, &old, &n);

	if (r < 0 && r != -ENOENT && r != -ENOTDIR)
		return err_sys(e, r, "read %s", path);
	if (r == 0 && n && (r = json_decode(old, n, &raw_map_type, &file, a, path, e)) < 0)
		return r;
	text = map_get(&file, "auths");
	if (text && (r = json_decode(text, strlen(text), &raw_map_type, &auths, a, path, e)) < 0)
		return r;
	for (size_t i = 0; i < ARRAY_LEN(keys); i++)
		was_there |= map_set(&auths, keys[i], NULL, a);
	if (!was_there && !entry)
		return 0;
	if (entry)
		map_set(&auths, keys[0], entry, a);
	map_set(&file, "auths", map_text(&auths, false, a), a);
	r = save(path, arena_printf(a, "%s\n", map_text(&file, true, a)), a, e);
	return r < 0 ? r : was_there;
}

int auth_store(const char *domain, const struct auth_credentials *c, struct arena *a,
	       const char **ret_where, bool *ret_is_plain, struct err *e)
{
	auto_json_writer struct json_writer w = {0};
	struct auth_config config = {0};
	const char *paths[4], *helper, *both;
	int r;

	config_paths(a, paths);
	if (!paths[0])
		return err_say(e, -ENOENT, "neither DOCKER_CONFIG nor HOME is set");
	r = load(paths[0], a, &config, e);
	if (r < 0)
		return r;
	helper = auth_config_helper(&config, domain);
	*ret_is_plain = !helper;
	*ret_where = helper ? helper : paths[0];
	json_begin_object(&w);
	if (helper) {
		/* As Docker leaves it: a trace of the registry without its secret. */
		r = auth_helper_store(helper, oci_registry_key(domain), c, e);
	} else {
		both = arena_printf(a, "%s:%s", c->identity_token ? "" : c->username,
				    c->identity_token ? "" : c->password);
		json_put_string(&w, "auth", auth_base64(both, strlen(both), a));
		if (c->identity_token)
			json_put_string(&w, "identitytoken", c->identity_token);
		r = 0;
	}
	json_end_object(&w);
	if (r == 0)
		r = change(paths[0], domain, w.buf, a, e);
	return r < 0 ? r : 0;
}

int auth_erase(const char *domain, struct arena *a, struct err *e)
{
	struct auth_credentials old = {0};
	struct auth_config config = {0};
	const char *paths[4], *helper;
	bool was_there = false;
	int r;

	config_paths(a, paths);
	r = load(paths[0], a, &config, e);
	if (r <= 0)
		return r;
	helper = auth_config_helper(&config, domain);
	if (helper) {
		r = auth_helper_get(helper, oci_registry_key(domain), a, &old, e);
		was_there = r == 0 && auth_has_credentials(&old);
		if (was_there)
			r = auth_helper_erase(helper, oci_registry_key(domain), e);
		if (r < 0)
			return r;
	}
	r = change(paths[0], domain, NULL, a, e);
	return r < 0 ? r : r > 0 || was_there;
}
