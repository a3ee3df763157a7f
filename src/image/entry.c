/* SPDX-License-Identifier: Apache-2.0 */
/* One entry of a layer's tar: what its name and kind mean, before anything is touched. */
#include "image/entry.h"

#include <archive_entry.h>
#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#define WHITEOUT ".wh."
#define SPECIAL ".wh..wh."
#define OPAQUE ".wh..wh..opq"

/* A name for an error: what a terminal would act on is not shown. */
static int refuse(const char *name, const char *why, struct err *e)
{
	char shown[128];
	size_t n = 0;

	for (; name[n] && n + 1 < sizeof(shown); n++)
		shown[n] = isprint((unsigned char)name[n]) ? name[n] : '?';
	shown[n] = '\0';
	return err_say(e, -EINVAL, "entry \"%s\" of the layer %s", shown, why);
}

static int clean(const char *name, char ret[ENTRY_PATH_MAX], struct err *e)
{
	size_t n = 0, depth = 0;

	while (*name) {
		size_t length = strcspn(name, "/");

		if (length == 2 && memcmp(name, "..", 2) == 0)
			return refuse(name, "has \"..\" in its name", e);
		if (length > NAME_MAX)
			return refuse(name, "has too long a name", e);
		if (length && !(length == 1 && *name == '.')) {
			if (n + length + 2 > ENTRY_PATH_MAX)
				return refuse(name, "has too long a path", e);
			if (++depth > ENTRY_DEPTH_MAX)
				return refuse(name, "lies too deep", e);
			if (n)
				ret[n++] = '/';
			memcpy(ret + n, name, length);
			n += length;
		}
		name += length + (name[length] == '/');
	}
	ret[n] = '\0';
	return 0;
}

static void set_base(struct entry_name *to)
{
	const char *slash = strrchr(to->path, '/');

	to->parent = slash ? (size_t)(slash - to->path) : 0;
	to->base = slash ? slash + 1 : to->path;
}

int entry_name_read(const char *name, struct entry_name *ret, struct err *e)
{
	char *base;
	int r;

	if (!name || !*name)
		return err_say(e, -EINVAL, "an entry of the layer has no name");
	r = clean(name, ret->path, e);
	if (r < 0)
		return r;
	set_base(ret);
	ret->kind = ret->path[0] ? ENTRY_NORMAL : ENTRY_ROOT;
	/* Docker's rule: by the beginning of the whole name (".wh..wh.plnk/1.2"). */
	if (strncmp(ret->path, SPECIAL, strlen(SPECIAL)) == 0 && strcmp(ret->path, OPAQUE) != 0) {
		ret->kind = ENTRY_IGNORED;
		return 0;
	}
	base = ret->path + (ret->base - ret->path);
	if (strncmp(base, WHITEOUT, strlen(WHITEOUT)) != 0)
		return 0;
	if (strcmp(base, OPAQUE) == 0) {
		ret->kind = ENTRY_OPAQUE;
		ret->path[ret->parent] = '\0';
		set_base(ret);
		return 0;
	}
	if (strncmp(base, SPECIAL, strlen(SPECIAL)) == 0) {
		ret->kind = ENTRY_IGNORED;
		return 0;
	}
	ret->kind = ENTRY_WHITEOUT;
	memmove(base, base + strlen(WHITEOUT), strlen(base) - strlen(WHITEOUT) + 1);
	if (!*base || strcmp(base, ".") == 0 || strcmp(base, "..") == 0)
		return refuse(name, "hides nothing that could be there", e);
	return 0;
}

/* ---- the entry ----------------------------------------------------------------------------------- */

struct entry_facts entry_facts_of(struct archive_entry *entry)
{
	return (struct entry_facts){
		.name = archive_entry_pathname(entry),
		.hard_link = archive_entry_hardlink(entry),
		.soft_link = archive_entry_symlink(entry),
		.type = archive_entry_filetype(entry),
		.device = archive_entry_rdev(entry),
	};
}

static int read_link(const struct entry_facts *f, const struct entry_name *name,
		     char ret[ENTRY_PATH_MAX], struct err *e)
{
	int r;

	if (!*f->hard_link)
		return refuse(f->name, "is a link to nothing", e);
	r = clean(f->hard_link, ret, e);
	if (r < 0)
		return r;
	if (!ret[0])
		return refuse(f->name, "is a link to the layer itself", e);
	return strcmp(ret, name->path) == 0 ? refuse(f->name, "is a link to itself", e) : 0;
}

int entry_check(const struct entry_facts *f, struct entry_name *ret, char ret_link[ENTRY_PATH_MAX],
		struct err *e)
{
	int r = entry_name_read(f->name, ret, e);

	if (r < 0 || (ret->kind != ENTRY_NORMAL && ret->kind != ENTRY_ROOT))
		return r;
	if (ret->kind == ENTRY_ROOT && (f->hard_link || f->type != S_IFDIR))
		return err_say(e, -EINVAL, "the root of the layer is no folder");
	if (f->hard_link)
		return read_link(f, ret, ret_link, e);
	switch (f->type) {
	case S_IFLNK:
		return f->soft_link && *f->soft_link ? 0
						     : refuse(f->name, "is a link to nothing", e);
	case S_IFCHR:
		/* Security: a whiteout is what only .wh. may ask for. */
		return f->device == makedev(0, 0) ? refuse(f->name, "is a device 0/0", e) : 0;
	case S_IFREG:
	case S_IFDIR:
	case S_IFBLK:
	case S_IFIFO:
		return 0;
	default:
		return refuse(f->name, "is of no known type", e);
	}
}
