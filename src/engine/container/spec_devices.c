/* SPDX-License-Identifier: Apache-2.0 */
/* Devices of the host for the container: --device, --device-cgroup-rule, and all for --privileged. */
#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "base/arena.h"
#include "base/auto.h"
#include "base/err.h"
#include "base/str.h"
#include "engine/container/spec_parts.h"

/*
 * Theory of operation
 *
 * A device is three things: a node (linux.devices), a rule of the devices cgroup, and the rights of the
 * node. As root we name the number, mode and owner of the host's node and the runtime makes one like it.
 * Where the container has a user namespace, which ordinary users always need, nobody can make a node that
 * works: the host's is bound instead, which also leaves its rights with the host's owner.
 *
 * What every container has (null, zero, full, random, urandom, tty, ptmx, the pty) the runtime adds by
 * itself, and the making of any node (reading it is another matter) is allowed as with Docker.
 */

enum { DEPTH_MAX = 8 };

struct device_wish {
	const char *given; /* the option, for errors; NULL: --privileged */
	const char *access;
	bool is_optional; /* part of a folder: a node that went meanwhile is no error */
};

static bool has_mode_letters(const char *text)
{
	size_t n = strspn(text, "rwm");

	return n > 0 && n <= 3 && !text[n];
}

static struct oci_device_rule *add_rule(struct spec_plan *p, bool is_allowed, const char *type,
					const char *access)
{
	struct oci_device_rule *rule = &LIST_ADD(&p->s->linux_.resources.devices, p->a);

	p->s->linux_.resources.is_set = true;
	*rule = (struct oci_device_rule){.allow = is_allowed, .type = type, .access = access};
	return rule;
}

static bool binds_nodes(const struct spec_plan *p)
{
	return p->g->is_rootless || p->mode[SPEC_USER] != SPEC_HOST;
}

static bool has_device(const struct spec_plan *p, const char *path)
{
	for (size_t i = 0; i < p->s->linux_.devices.n; i++)
		if (str_eq(p->s->linux_.devices.v[i].path, path))
			return true;
	return false;
}

static void add_node(struct spec_plan *p, const struct device_wish *w, const struct stat *st,
		     const char *source, const char *path)
{
	static const char *const options[] = {"bind", "rprivate", "nosuid", "noexec", NULL};
	const char *type = S_ISBLK(st->st_mode) ? "b" : "c";
	struct oci_device_rule *rule;
	struct oci_device *device;

	if (w->given || !p->q->privileged) {
		rule = add_rule(p, true, type, w->access);
		rule->major = (struct maybe_i64){true, (int64_t)major(st->st_rdev)};
		rule->minor = (struct maybe_i64){true, (int64_t)minor(st->st_rdev)};
	}
	if (binds_nodes(p)) {
		mounts_add_bind(p, source, path, options);
		return;
	}
	if (has_device(p, path))
		return;
	device = &LIST_ADD(&p->s->linux_.devices, p->a);
	*device = (struct oci_device){
		.type = type,
		.path = path,
		.major = (int64_t)major(st->st_rdev),
		.minor = (int64_t)minor(st->st_rdev),
		.file_mode = {true, st->st_mode & 0777},
		.uid = {true, st->st_uid},
		.gid = {true, st->st_gid},
	};
}

/* Names in /dev that are no devices of the host: file systems, and what every container has of its own. */
static bool is_left_out(const char *name)
{
	static const char *const own[] = {
		"pts",  "shm",  "fd",   "mqueue", ".lxc",   ".lxd-mounts", ".udev", "console",
		"ptmx", "null", "zero", "full",   "random", "urandom",     "tty",
	};

	return str_index(name, own, ARRAY_LEN(own)) >= 0;
}

static int add_folder(struct spec_plan *p, const struct device_wish *w, const char *source,
		      const char *path, unsigned depth, struct err *e);

static int add_one(struct spec_plan *p, const struct device_wish *w, const char *source,
		   const char *path, unsigned depth, struct err *e)
{
	struct stat st;
	int r = depth ? lstat(source, &st) : stat(source, &st);

	if (r < 0 && w->is_optional)
		return 0;
	if (r < 0 && errno == ENOENT)
		return err_say(e, -ENOENT,
			       "error gathering device information while adding custom "
			       "device \"%s\": no such file or directory",
			       source);
	if (r < 0)
		return err_sys(e, -errno, "%s", w->given);
	if (S_ISCHR(st.st_mode) || S_ISBLK(st.st_mode))
		add_node(p, w, &st, source, path);
	else if (S_ISDIR(st.st_mode) && depth < DEPTH_MAX)
		return add_folder(p, w, source, path, depth, e);
	else if (!w->is_optional)
		return err_say(e, -EINVAL, "%s: %s is not a device node", w->given, source);
	return 0;
}

static int add_folder(struct spec_plan *p, const struct device_wish *w, const char *source,
		      const char *path, unsigned depth, struct err *e)
{
	struct device_wish part = *w;
	auto_closedir DIR *dir = opendir(source);
	const struct dirent *entry;
	int r = 0;

	part.is_optional = true;
	if (!dir)
		return w->is_optional ? 0 : err_sys(e, -errno, "%s", w->given);
	while (r == 0 && (entry = readdir(dir))) {
		if (str_eq(entry->d_name, ".") || str_eq(entry->d_name, "..") ||
		    is_left_out(entry->d_name) || entry->d_type == DT_LNK)
			continue;
		r = add_one(p, &part, arena_printf(p->a, "%s/%s", source, entry->d_name),
			    arena_printf(p->a, "%s/%s", path, entry->d_name), depth + 1, e);
	}
	return r;
}

/* "HOST[:CONTAINER][:ACCESS]"; a second word of the letters r, w and m is the access. */
static int plan_device(struct spec_plan *p, const char *text, struct err *e)
{
	struct device_wish w = {.given = arena_printf(p->a, "--device %s", text), .access = "rwm"};
	struct str_slice words = {0};
	const char *source, *path;

	strings_split(text, ':', p->a, &words);
	if (words.n == 0 || words.n > 3)
		return err_say(e, -EINVAL, "%s: want HOST[:CONTAINER][:rwm]", w.given);
	source = path = words.v[0];
	if (strchr(source, '=') && source[0] != '/')
		return err_say(e, -ENOTSUP,
			       "%s: names of the Container Device Interface are not "
			       "supported: name the device's path",
			       w.given);
	if (words.n == 2 && has_mode_letters(words.v[1]))
		w.access = words.v[1];
	else if (words.n >= 2)
		path = words.v[1];
	if (words.n == 3)
		w.access = words.v[2];
	if (!has_mode_letters(w.access))
		return err_say(e, -EINVAL, "%s: invalid mode %s: want letters of rwm", w.given,
			       w.access);
	if (source[0] != '/' || path[0] != '/')
		return err_say(e, -EINVAL, "%s: %s is not an absolute path", w.given,
			       source[0] != '/' ? source : path);
	return add_one(p, &w, str_clean_path(p->a, source), str_clean_path(p->a, path), 0, e);
}

/* ---- rules --------------------------------------------------------------------------------------- */

/* A number or "*". Moves *text behind it. */
static int read_number(const char **text, char stop, struct maybe_i64 *ret)
{
	int64_t value = 0;
	const char *s = *text;

	if (*s == '*') {
		s++;
	} else {
		while (*s >= '0' && *s <= '9' && value <= INT_MAX)
			value = value * 10 + (*s++ - '0');
		if (s == *text || value > INT_MAX)
			return -EINVAL;
		*ret = (struct maybe_i64){true, value};
	}
	if (*s != stop)
		return -EINVAL;
	*text = s + 1;
	return 0;
}

/* "c 10:200 rwm" */
static int plan_rule(struct spec_plan *p, const char *text, struct err *e)
{
	const char *rest = *text && text[1] == ' ' ? text + 2 : "";
	struct maybe_i64 major = {0}, minor = {0};
	struct oci_device_rule *rule;

	if (!*rest || !strchr("abc", text[0]) || read_number(&rest, ':', &major) < 0 ||
	    read_number(&rest, ' ', &minor) < 0 || !has_mode_letters(rest))
		return err_say(e, -EINVAL,
			       "invalid device cgroup format '%s': want --device-cgroup-rule \"c "
			       "10:200 rwm\": a, b or c, numbers or *, letters of rwm",
			       text);
	rule = add_rule(p, true, arena_strndup(p->a, text, 1), rest);
	rule->major = major;
	rule->minor = minor;
	return 0;
}

int devices_plan(struct spec_plan *p, struct err *e)
{
	static const struct device_wish all = {.access = "rwm", .is_optional = true};
	const struct container_request *q = p->q;
	int r = 0;

	add_rule(p, q->privileged, NULL, "rwm");
	if (q->privileged)
		r = add_folder(p, &all, "/dev", "/dev", 0, e);
	for (size_t i = 0; r == 0 && i < q->device.n; i++)
		r = plan_device(p, q->device.v[i], e);
	for (size_t i = 0; r == 0 && i < q->device_cgroup_rule.n; i++)
		r = plan_rule(p, q->device_cgroup_rule.v[i], e);
	return r;
}
