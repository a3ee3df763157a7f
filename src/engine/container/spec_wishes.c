/* SPDX-License-Identifier: Apache-2.0 */
/* Every way to ask for a mount: --volume, --mount, --tmpfs, --volumes-from and the image's volumes. */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/auto.h"
#include "base/err.h"
#include "base/str.h"
#include "engine/container/container.h"
#include "engine/container/spec_parts.h"

/* ---- words --------------------------------------------------------------------------------------- */

/* Words that are no option of the mount itself; all others go to the runtime, which knows them. */
enum word {
	WORD_OTHER,
	WORD_RO,
	WORD_RW,
	WORD_OWN,
	WORD_NO_COPY,
	WORD_SPREAD,
	WORD_FLAT,
	WORD_NOTHING
};
static const struct {
	const char *name;
	enum word word;
} words[] = {
	{"ro", WORD_RO},
	{"readonly", WORD_RO},
	{"rw", WORD_RW},
	{"U", WORD_OWN},
	{"nocopy", WORD_NO_COPY},
	{"copy", WORD_NOTHING},
	{"private", WORD_SPREAD},
	{"rprivate", WORD_SPREAD},
	{"shared", WORD_SPREAD},
	{"rshared", WORD_SPREAD},
	{"slave", WORD_SPREAD},
	{"rslave", WORD_SPREAD},
	{"unbindable", WORD_SPREAD},
	{"runbindable", WORD_SPREAD},
	{"bind", WORD_FLAT},
	{"rbind", WORD_NOTHING},
	/* SELinux labels: nothing to do where the kernel has none; elsewhere the runtime would say so. */
	{"z", WORD_NOTHING},
	{"Z", WORD_NOTHING},
	/* of Docker on a Mac */
	{"cached", WORD_NOTHING},
	{"delegated", WORD_NOTHING},
	{"consistent", WORD_NOTHING},
};

/* What the runtime takes as an option of a bind. */
static const char *const bind_words[] = {
	"rro",     "rrw",   "nosuid",   "suid",       "nodev",   "dev",    "noexec",  "exec",
	"noatime", "atime", "relatime", "nodiratime", "rnosuid", "rnodev", "rnoexec", "nosymfollow",
};

int wish_read_words(struct spec_plan *p, struct mount_wish *w, struct err *e)
{
	struct str_slice kept = {0};

	for (size_t i = 0; i < w->words.n; i++) {
		const char *text = w->words.v[i];
		enum word word = WORD_OTHER;

		for (size_t k = 0; k < ARRAY_LEN(words); k++)
			if (str_eq(words[k].name, text))
				word = words[k].word;
		w->is_readonly |= word == WORD_RO;
		w->gives_away |= word == WORD_OWN;
		w->copies_not |= word == WORD_NO_COPY;
		w->is_flat |= word == WORD_FLAT;
		if (word == WORD_SPREAD)
			w->propagation = text;
		if (word != WORD_OTHER)
			continue;
		if (str_eq(text, "idmap") || str_starts(text, "idmap=")) {
			w->is_idmap = true;
			w->idmap = text[strlen("idmap")] ? text + strlen("idmap=") : NULL;
			continue;
		}
		if (str_index(text, bind_words, ARRAY_LEN(bind_words)) < 0)
			return err_say(e, -EINVAL,
				       "%s: invalid mode: %s: want ro, rw, U, idmap, nocopy, bind, "
				       "rprivate, rshared, rslave, noexec, nosuid, nodev, ...",
				       w->given, text);
		strings_add(&kept, text, p->a);
	}
	w->words = kept;
	return 0;
}

/* ---- --volume ------------------------------------------------------------------------------------ */

static int check_destination(struct spec_plan *p, struct mount_wish *w, struct err *e)
{
	if (!w->destination || w->destination[0] != '/')
		return err_say(e, -EINVAL,
			       "%s: invalid mount path: '%s' mount path must be absolute", w->given,
			       w->destination ? w->destination : "");
	w->destination = str_clean_path(p->a, w->destination);
	if (str_eq(w->destination, "/"))
		return err_say(e, -EINVAL, "%s: invalid specification: destination can't be '/'",
			       w->given);
	return 0;
}

/* A path of the caller's, from where he is. */
static int absolute(struct spec_plan *p, const char *path, const char **ret, struct err *e)
{
	char cwd[PATH_MAX];

	if (path[0] == '/') {
		*ret = str_clean_path(p->a, path);
		return 0;
	}
	if (!getcwd(cwd, sizeof(cwd)))
		return err_sys(e, -errno, "find the current folder, for %s", path);
	*ret = str_clean_path(p->a, arena_printf(p->a, "%s/%s", cwd, path));
	return 0;
}

/* A folder of the host or the name of a volume. */
static int set_source(struct spec_plan *p, struct mount_wish *w, const char *source, struct err *e)
{
	if (!*source)
		return err_say(e, -EINVAL, "%s: empty section before ':'", w->given);
	if (source[0] != '/' && source[0] != '.') {
		w->type = WISH_VOLUME;
		w->source = source;
		return 0;
	}
	w->type = WISH_BIND;
	w->makes_source = true;
	return absolute(p, source, &w->source, e);
}

/* [SOURCE:]DESTINATION[:WORDS] */
static int parse_volume(struct spec_plan *p, const char *text, struct mount_wish *w, struct err *e)
{
	size_t n = strcspn(text, ":"), m;
	int r;

	w->given = arena_printf(p->a, "--volume %s", text);
	if (!text[n]) {
		w->type = WISH_VOLUME;
		w->is_anonymous = true;
		w->destination = text;
		return check_destination(p, w, e);
	}
	r = set_source(p, w, arena_strndup(p->a, text, n), e);
	if (r < 0)
		return r;
	text += n + 1;
	m = strcspn(text, ":");
	w->destination = arena_strndup(p->a, text, m);
	if (text[m])
		strings_split(text + m + 1, ',', p->a, &w->words);
	r = check_destination(p, w, e);
	return r < 0 ? r : wish_read_words(p, w, e);
}

static int parse_tmpfs(struct spec_plan *p, const char *text, struct mount_wish *w, struct err *e)
{
	size_t n = strcspn(text, ":");

	w->given = arena_printf(p->a, "--tmpfs %s", text);
	w->type = WISH_TMPFS;
	w->destination = arena_strndup(p->a, text, n);
	strings_add(&w->words, "noexec", p->a);
	strings_add(&w->words, "nosuid", p->a);
	strings_add(&w->words, "nodev", p->a);
	strings_add(&w->words, "mode=1777", p->a);
	if (text[n])
		strings_split(text + n + 1, ',', p->a, &w->words);
	return check_destination(p, w, e);
}

/* ---- what others bring --------------------------------------------------------------------------- */

static bool is_wished(const struct spec_plan *p, const char *destination)
{
	for (size_t i = 0; i < p->wishes.n; i++)
		if (str_eq(p->wishes.v[i].destination, destination))
			return true;
	return false;
}

static int copy_from(struct spec_plan *p, const char *text, struct err *e)
{
	size_t n = strcspn(text, ":");
	const char *mode = text[n] ? text + n + 1 : "";
	struct container_info other = {0};
	int r;

	if (*mode && !str_eq(mode, "ro") && !str_eq(mode, "rw") && !str_eq(mode, "z"))
		return err_say(e, -EINVAL, "--volumes-from %s: invalid mode: %s: want ro or rw",
			       text, mode);
	r = container_find(p->g, arena_strndup(p->a, text, n), p->a, &other, e);
	if (r < 0)
		return err_within(e, "--volumes-from %s", text);
	for (size_t i = 0; i < other.record.n_mounts; i++) {
		const struct record_mount *m = &other.record.mounts[i];
		bool is_volume = str_eq(m->type, "volume");
		struct mount_wish w = {.type = is_volume ? WISH_VOLUME : WISH_BIND,
				       .given = arena_printf(p->a, "--volumes-from %s", text),
				       .source = is_volume ? m->name : m->source,
				       .destination = m->destination,
				       .is_readonly = !m->is_writable || str_eq(mode, "ro"),
				       .copies_not = true};

		if ((is_volume || str_eq(m->type, "bind")) && !is_wished(p, m->destination))
			LIST_ADD(&p->wishes, p->a) = w;
	}
	return 0;
}

static int add_image_volumes(struct spec_plan *p, struct err *e)
{
	const struct str_slice *list = &p->image->config.config.volumes;

	for (size_t i = 0; i < list->n; i++) {
		struct mount_wish w = {
			.type = WISH_VOLUME,
			.given = arena_printf(p->a, "volume %s of the image", list->v[i]),
			.destination = list->v[i],
			.is_anonymous = true,
			.is_from_image = true};
		int r = check_destination(p, &w, e);

		if (r < 0)
			return r;
		if (!is_wished(p, w.destination))
			LIST_ADD(&p->wishes, p->a) = w;
	}
	return 0;
}

/* ---- all ----------------------------------------------------------------------------------------- */

static int add_list(struct spec_plan *p, const struct str_slice *list,
		    int (*parse)(struct spec_plan *p, const char *text, struct mount_wish *ret,
				 struct err *e),
		    struct err *e)
{
	for (size_t i = 0; i < list->n; i++) {
		struct mount_wish w = {0};
		int r = parse(p, list->v[i], &w, e);

		if (r == 0)
			r = check_destination(p, &w, e);
		if (r < 0)
			return r;
		if (is_wished(p, w.destination))
			return err_say(e, -EINVAL, "%s: duplicate mount point: %s", w.given,
				       w.destination);
		LIST_ADD(&p->wishes, p->a) = w;
	}
	return 0;
}

int wishes_collect(struct spec_plan *p, struct err *e)
{
	int r;

	if ((r = add_list(p, &p->q->volume, parse_volume, e)) < 0 ||
	    (r = add_list(p, &p->q->mount, wish_parse_mount, e)) < 0 ||
	    (r = add_list(p, &p->q->tmpfs, parse_tmpfs, e)) < 0)
		return r;
	for (size_t i = 0; r == 0 && i < p->q->volumes_from.n; i++)
		r = copy_from(p, p->q->volumes_from.v[i], e);
	return r < 0 ? r : add_image_volumes(p, e);
}
