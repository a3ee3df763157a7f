/* SPDX-License-Identifier: Apache-2.0 */
/* One --mount: type=bind,source=/srv,target=/data,readonly. */
#include <errno.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/auto.h"
#include "base/err.h"
#include "base/quantity.h"
#include "base/str.h"
#include "engine/container/spec_parts.h"

enum {
	BIND = 1 << WISH_BIND,
	VOLUME = 1 << WISH_VOLUME,
	TMPFS = 1 << WISH_TMPFS,
	IMAGE = 1 << WISH_IMAGE,
	ANY = BIND | VOLUME | TMPFS | IMAGE
};

static const char *const types[] = {
	[WISH_BIND] = "bind",
	[WISH_VOLUME] = "volume",
	[WISH_TMPFS] = "tmpfs",
	[WISH_IMAGE] = "image",
};

static int read_bool(const char *text, bool *ret)
{
	static const char *const yes[] = {"true", "1"}, *const no[] = {"false", "0"};

	if (str_index(text, yes, 2) < 0 && str_index(text, no, 2) < 0)
		return -EINVAL;
	*ret = str_index(text, yes, 2) >= 0;
	return 0;
}

/* ---- values: each reads one ("true" where none was given) and returns 0 or -EINVAL ---------------- */

static int take_source(struct spec_plan *p, struct mount_wish *w, const char *value)
{
	(void)p;
	w->source = value;
	return 0;
}

static int take_target(struct spec_plan *p, struct mount_wish *w, const char *value)
{
	(void)p;
	w->destination = value;
	return 0;
}

static int take_readonly(struct spec_plan *p, struct mount_wish *w, const char *value)
{
	(void)p;
	if (str_eq(value, "ro"))
		value = "true";
	return read_bool(value, &w->is_readonly);
}

static int take_writable(struct spec_plan *p, struct mount_wish *w, const char *value)
{
	bool is_writable;

	(void)p;
	if (read_bool(value, &is_writable) < 0)
		return -EINVAL;
	w->is_readonly = !is_writable;
	return 0;
}

static int take_propagation(struct spec_plan *p, struct mount_wish *w, const char *value)
{
	static const char *const known[] = {"private", "rprivate", "shared",
					    "rshared", "slave",    "rslave"};

	(void)p;
	if (str_index(value, known, ARRAY_LEN(known)) < 0)
		return -EINVAL;
	w->propagation = value;
	return 0;
}

static int take_flat(struct spec_plan *p, struct mount_wish *w, const char *value)
{
	(void)p;
	return read_bool(value, &w->is_flat);
}

static int take_recursive(struct spec_plan *p, struct mount_wish *w, const char *value)
{
	if (str_eq(value, "readonly"))
		strings_add(&w->words, "rro", p->a);
	else if (str_eq(value, "disabled"))
		w->is_flat = true;
	else if (!str_eq(value, "enabled") && !str_eq(value, "writable"))
		return -EINVAL;
	return 0;
}

static int take_create(struct spec_plan *p, struct mount_wish *w, const char *value)
{
	(void)p;
	return read_bool(value, &w->makes_source);
}

static int take_subpath(struct spec_plan *p, struct mount_wish *w, const char *value)
{
	value = str_clean_path(p->a, value);
	if (value[0] == '/' || str_eq(value, "..") || str_starts(value, "../"))
		return -EINVAL;
	w->subpath = value;
	return 0;
}

static int take_no_copy(struct spec_plan *p, struct mount_wish *w, const char *value)
{
	(void)p;
	return read_bool(value, &w->copies_not);
}

static int take_pair(struct spec_plan *p, struct oci_pairs *to, const char *value)
{
	size_t n = strcspn(value, "=");

	if (!n)
		return -EINVAL;
	pairs_set(to, arena_strndup(p->a, value, n), value[n] ? value + n + 1 : "", p->a);
	return 0;
}

static int take_label(struct spec_plan *p, struct mount_wish *w, const char *value)
{
	return take_pair(p, &w->labels, value);
}

static int take_option(struct spec_plan *p, struct mount_wish *w, const char *value)
{
	return take_pair(p, &w->driver_options, value);
}

static int take_driver(struct spec_plan *p, struct mount_wish *w, const char *value)
{
	(void)p;
	(void)w;
	return str_eq(value, "local") ? 0 : -EINVAL;
}

static int take_size(struct spec_plan *p, struct mount_wish *w, const char *value)
{
	int64_t bytes;

	if (quantity_to_bytes(value, &bytes) < 0 || bytes < 0)
		return -EINVAL;
	strings_add(&w->words, arena_printf(p->a, "size=%lld", (long long)bytes), p->a);
	return 0;
}

static int take_mode(struct spec_plan *p, struct mount_wish *w, const char *value)
{
	size_t n = strlen(value);

	if (n < 1 || n > 5 || strspn(value, "01234567") != n)
		return -EINVAL;
	strings_add(&w->words, arena_printf(p->a, "mode=%s", value), p->a);
	return 0;
}

static int take_idmap(struct spec_plan *p, struct mount_wish *w, const char *value)
{
	(void)p;
	w->is_idmap = true;
	w->idmap = str_eq(value, "true") ? NULL : value;
	return 0;
}

static int take_given(struct spec_plan *p, struct mount_wish *w, const char *value)
{
	(void)p;
	return read_bool(value, &w->gives_away);
}

static int take_nothing(struct spec_plan *p, struct mount_wish *w, const char *value)
{
	(void)p;
	(void)w;
	(void)value;
	return 0;
}

static const struct key {
	const char *name;
	unsigned types;
	bool wants_value;
	int (*take)(struct spec_plan *p, struct mount_wish *w, const char *value);
	const char *wants;
} keys[] = {
	{"type", ANY, true, take_nothing, ""},
	{"source", BIND | VOLUME | IMAGE, true, take_source, ""},
	{"src", BIND | VOLUME | IMAGE, true, take_source, ""},
	{"target", ANY, true, take_target, ""},
	{"destination", ANY, true, take_target, ""},
	{"dst", ANY, true, take_target, ""},
	{"readonly", ANY, false, take_readonly, "true or false"},
	{"ro", ANY, false, take_readonly, "true or false"},
	{"rw", ANY, false, take_writable, "true or false"},
	{"consistency", BIND, true, take_nothing, ""},
	{"bind-propagation", BIND, true, take_propagation,
	 "private, rprivate, shared, rshared, slave or rslave"},
	{"bind-nonrecursive", BIND, false, take_flat, "true or false"},
	{"bind-recursive", BIND, true, take_recursive, "enabled, disabled, writable or readonly"},
	{"bind-create-src", BIND, false, take_create, "true or false"},
	{"idmap", BIND | VOLUME, false, take_idmap, ""},
	{"chown", BIND | VOLUME, false, take_given, "true or false"},
	{"U", BIND | VOLUME, false, take_given, "true or false"},
	{"relabel", BIND | VOLUME, true, take_nothing, ""},
	{"volume-subpath", VOLUME, true, take_subpath, "a path below the volume, without \"..\""},
	{"subpath", VOLUME | IMAGE, true, take_subpath, "a path below it, without \"..\""},
	{"image-subpath", IMAGE, true, take_subpath, "a path below the image's root"},
	{"volume-nocopy", VOLUME, false, take_no_copy, "true or false"},
	{"volume-label", VOLUME, true, take_label, "NAME=VALUE"},
	{"volume-opt", VOLUME, true, take_option, "NAME=VALUE"},
	{"volume-driver", VOLUME, true, take_driver, "local, the only one"},
	{"tmpfs-size", TMPFS, true, take_size, "a size such as 64m"},
	{"tmpfs-mode", TMPFS, true, take_mode, "an octal mode such as 1777"},
};

/* Commas separate; a field in double quotes may hold some. */
static int split_fields(struct spec_plan *p, const char *text, struct str_slice *ret)
{
	while (*text) {
		bool is_quoted = *text == '"';
		size_t n = is_quoted ? strcspn(text + 1, "\"") : strcspn(text, ",");

		if (is_quoted && (!text[n + 1] || (text[n + 2] && text[n + 2] != ',')))
			return -EINVAL;
		strings_add(ret, arena_strndup(p->a, text + is_quoted, n), p->a);
		text += n + (is_quoted ? 2 : 0);
		text += *text == ',';
	}
	return 0;
}

static int take_field(struct spec_plan *p, struct mount_wish *w, const char *field, struct err *e)
{
	size_t n = strcspn(field, "=");
	const char *name = arena_strndup(p->a, field, n);
	const struct key *k = NULL;

	for (size_t i = 0; i < ARRAY_LEN(keys); i++)
		if (str_eq(keys[i].name, name))
			k = &keys[i];
	if (!k)
		return err_say(e, -EINVAL, "%s: unexpected key '%s' in '%s'", w->given, name,
			       field);
	if (!(k->types & (1U << w->type)))
		return err_say(e, -EINVAL, "%s: a mount of type %s has no %s", w->given,
			       types[w->type], name);
	if (k->wants_value && (!field[n] || !field[n + 1]))
		return err_say(e, -EINVAL, "%s: invalid field '%s' must be a key=value pair",
			       w->given, field);
	if (k->take(p, w, field[n] ? field + n + 1 : "true") < 0)
		return err_say(e, -EINVAL, "%s: invalid value for %s: %s: want %s", w->given, name,
			       field + n + (field[n] == '='), k->wants);
	return 0;
}

static int find_type(const struct str_slice *fields, struct mount_wish *w, struct err *e)
{
	const char *type = "volume";
	int i;

	for (size_t k = 0; k < fields->n; k++)
		if (str_starts(fields->v[k], "type="))
			type = fields->v[k] + strlen("type=");
	i = str_index(type, types, ARRAY_LEN(types));
	if (i < 0)
		return err_say(e, -EINVAL,
			       "%s: mount type unknown: \"%s\": want bind, volume, tmpfs or image",
			       w->given, type);
	w->type = (enum wish_type)i;
	return 0;
}

static int finish(struct spec_plan *p, struct mount_wish *w, struct err *e)
{
	char cwd[PATH_MAX];

	if (!w->destination)
		return err_say(e, -EINVAL, "%s: target is required", w->given);
	if ((w->type == WISH_BIND || w->type == WISH_IMAGE) && !w->source)
		return err_say(e, -EINVAL, "%s: source is required for type %s", w->given,
			       types[w->type]);
	if (w->type == WISH_BIND && w->source[0] != '/') {
		if (w->source[0] != '.' || !getcwd(cwd, sizeof(cwd)))
			return err_say(e, -EINVAL,
				       "%s: invalid mount path: '%s' mount path must be absolute",
				       w->given, w->source);
		w->source = arena_printf(p->a, "%s/%s", cwd, w->source);
	}
	if (w->type == WISH_BIND)
		w->source = str_clean_path(p->a, w->source);
	if (w->type == WISH_BIND && !w->makes_source && access(w->source, F_OK) < 0)
		return err_say(e, -EINVAL, "%s: bind source path does not exist: %s", w->given,
			       w->source);
	w->is_anonymous = w->type == WISH_VOLUME && !w->source;
	return 0;
}

int wish_parse_mount(struct spec_plan *p, const char *text, struct mount_wish *ret, struct err *e)
{
	struct mount_wish w = {.given = arena_printf(p->a, "--mount %s", text)};
	struct str_slice fields = {0};
	int r;

	if (split_fields(p, text, &fields) < 0)
		return err_say(e, -EINVAL, "%s: a quote is not closed", w.given);
	r = find_type(&fields, &w, e);
	for (size_t i = 0; r == 0 && i < fields.n; i++)
		r = take_field(p, &w, fields.v[i], e);
	if (r == 0)
		r = finish(p, &w, e);
	if (r == 0)
		*ret = w;
	return r;
}
