/* SPDX-License-Identifier: Apache-2.0 */
/* What is kept of a container between commands: one folder a container below the runtime's root. */
#include "runtime/state.h"

#include <dirent.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "base/arena.h"
#include "base/auto.h"
#include "base/err.h"
#include "base/json.h"
#include "base/log.h"
#include "base/str.h"
#include "kernel/fd.h"
#include "kernel/process.h"
#include "kernel/sys.h"

enum { STATE_LIMIT = 4 << 20, ID_MAX = 1024 };

const char *const runtime_status_names[] = {
	[STATUS_CREATING] = "creating", [STATUS_CREATED] = "created", [STATUS_RUNNING] = "running",
	[STATUS_PAUSED] = "paused",     [STATUS_STOPPED] = "stopped",
};
_Static_assert(ARRAY_LEN(runtime_status_names) == STATUS_STOPPED + 1, "a name for each status");

/* ---- state.json ------------------------------------------------------------------------------ */

struct state_file {
	struct container c;
	int64_t pid;
	uint32_t uid;
};

#define SAVED_GROUP __typeof__(*((struct cgroup_saved *)0)->v)
struct saved_group_layout { /* mirrors cgroup_saved's element, which has no name */
	bool v2;
	uint64_t controllers;
	const char *mount, *path;
};
_Static_assert(sizeof(struct saved_group_layout) == sizeof(SAVED_GROUP), "same layout");

static const struct json_field group_fields[] = {
	JSON_FIELD("v2", struct saved_group_layout, v2, &json_bool_type, 0),
	JSON_FIELD("controllers", struct saved_group_layout, controllers, &json_u64_type, 0),
	JSON_FIELD("mount", struct saved_group_layout, mount, &json_string_type, JSON_REQUIRED),
	JSON_FIELD("path", struct saved_group_layout, path, &json_string_type, JSON_REQUIRED),
};
static const struct json_type group_type = JSON_OBJECT(struct saved_group_layout, group_fields);
static const struct json_type groups_type = JSON_LIST(&group_type);
static const struct json_type pairs_type =
	JSON_PAIRS(struct oci_pair, key, value, &json_string_type);

static const struct json_field state_fields[] = {
	JSON_FIELD("ociVersion", struct state_file, c.oci_version, &json_string_type,
		   JSON_REQUIRED),
	JSON_FIELD("id", struct state_file, c.id, &json_string_type, JSON_REQUIRED),
	JSON_FIELD("pid", struct state_file, pid, &json_i64_type, JSON_ALWAYS),
	JSON_FIELD("startTicks", struct state_file, c.start_ticks, &json_u64_type, JSON_ALWAYS),
	JSON_FIELD("bundle", struct state_file, c.bundle, &json_string_type, JSON_REQUIRED),
	JSON_FIELD("rootfs", struct state_file, c.rootfs, &json_string_type, 0),
	JSON_FIELD("created", struct state_file, c.created_ns, &json_i64_type, JSON_ALWAYS),
	JSON_FIELD("annotations", struct state_file, c.annotations, &pairs_type, 0),
	JSON_FIELD("cgroup", struct state_file, c.cgroup, &groups_type, 0),
	JSON_FIELD("cgroupUnit", struct state_file, c.cgroup.unit.name, &json_string_type, 0),
	JSON_FIELD("cgroupUnitOfUser", struct state_file, c.cgroup.unit.is_user, &json_bool_type,
		   0),
	JSON_FIELD("rdtClos", struct state_file, c.rdt.clos, &json_string_type, 0),
	JSON_FIELD("rdtMade", struct state_file, c.rdt.is_made, &json_bool_type, 0),
	JSON_FIELD("rdtMonitored", struct state_file, c.rdt.is_monitored, &json_bool_type, 0),
	JSON_FIELD("rootless", struct state_file, c.is_rootless, &json_bool_type, 0),
	JSON_FIELD("noNewKeyring", struct state_file, c.no_new_keyring, &json_bool_type, 0),
	JSON_FIELD("uid", struct state_file, uid, &json_u32_type, JSON_ALWAYS),
};
static const struct json_type state_type = JSON_OBJECT(struct state_file, state_fields);

int state_save(int dir_fd, const struct container *c, struct err *e)
{
	struct state_file s = {.c = *c, .pid = c->pid, .uid = geteuid()};
	auto_json_writer struct json_writer w = {0};
	int r;

	json_encode(&state_type, &s, &w);
	r = file_replace_at(dir_fd, STATE_FILE, w.buf, w.len, 0600);
	return r < 0 ? err_sys(e, r, "write the state of container %s", c->id) : 0;
}

/* The name of an account, as `list` shows it; the number where there is none. No NSS: a line of
 * /etc/passwd of the host. */
static const char *owner_name(uint32_t uid, struct arena *a)
{
	char *text, *line, *next;

	if (uid == 0)
		return "root";
	if (file_read_at(AT_FDCWD, "/etc/passwd", a, 1 << 20, &text, NULL) < 0)
		text = arena_strdup(a, "");
	for (line = text; *line; line = next) {
		char *name_end = strchr(line, ':'), *id;
		uint32_t found;

		next = line + strcspn(line, "\n");
		if (*next)
			*next++ = '\0';
		id = name_end ? strchr(name_end + 1, ':') : NULL;
		if (!id)
			continue;
		id[1 + strcspn(id + 1, ":")] = '\0';
		if (str_to_u32(id + 1, &found) == 0 && found == uid)
			return arena_strndup(a, line, (size_t)(name_end - line));
	}
	return arena_printf(a, "%u", uid);
}

/* ---- status ---------------------------------------------------------------------------------- */

static enum runtime_status find_status(int dir_fd, struct container *c)
{
	uint64_t ticks;
	char letter;
	enum runtime_status status;

	if (c->pid <= 0)
		return STATUS_CREATING;
	if (process_start_time(c->pid, &ticks, &letter) < 0 || ticks != c->start_ticks ||
	    letter == 'Z' || letter == 'X')
		return STATUS_STOPPED;
	status = faccessat(dir_fd, STATE_SOCKET, F_OK, 0) == 0 ? STATUS_CREATED : STATUS_RUNNING;
	/* A created container can be paused as well: who does not see it could not resume it. */
	return cgroup_is_frozen(&c->cgroup) > 0 ? STATUS_PAUSED : status;
}

int state_load(int dir_fd, const char *id, struct arena *a, struct container *ret, struct err *e)
{
	struct state_file s;
	char *text;
	size_t n;
	int r = file_read_at(dir_fd, STATE_FILE, a, STATE_LIMIT, &text, &n);

	if (r == -ENOENT)
		return err_say(e, -ENOENT, "container %s does not exist", id);
	if (r < 0)
		return err_sys(e, r, "read the state of container %s", id);
	r = json_decode(text, n, &state_type, &s, a, STATE_FILE, e);
	if (r < 0) {
		err_within(e, "container %s", id);
		return r;
	}
	if (s.pid < 0 || s.pid > INT32_MAX)
		return err_say(e, -EINVAL, "container %s: " STATE_FILE ": impossible pid %lld", id,
			       (long long)s.pid);
	s.c.pid = (pid_t)s.pid;
	s.c.owner = owner_name(s.uid, a);
	s.c.status = find_status(dir_fd, &s.c);
	if (s.c.status == STATUS_STOPPED)
		s.c.pid = 0;
	*ret = s.c;
	return 0;
}

/* ---- the folder ------------------------------------------------------------------------------ */

int state_check_id(const char *id, struct err *e)
{
	size_t n = id ? strlen(id) : 0;

	if (n == 0)
		return err_say(e, -EINVAL, "container id must not be empty");
	if (n > ID_MAX ||
	    strspn(id, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
		       "_+-.") != n ||
	    str_eq(id, ".") || str_eq(id, ".."))
		return err_say(e, -EINVAL,
			       "invalid container id \"%.64s\": use letters, digits and _+-.", id);
	return 0;
}

static int make_root(const char *root)
{
	char path[PATH_MAX];

	if (mkdir(root, 0700) == 0 || errno == EEXIST)
		return 0;
	if (errno != ENOENT || strlen(root) >= sizeof(path))
		return -errno;
	strcpy(path, root);
	for (char *p = path + 1; *p; p++) {
		if (*p != '/')
			continue;
		*p = '\0';
		if (mkdir(path, 0755) < 0 && errno != EEXIST)
			return -errno;
		*p = '/';
	}
	return mkdir(root, 0700) < 0 && errno != EEXIST ? -errno : 0;
}

int state_claim(const struct runtime *rt, const char *id, struct err *e)
{
	auto_close int root = -EBADF;
	int r = state_check_id(id, e), fd;

	if (r < 0)
		return r;
	root = open(rt->root, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (root < 0 && errno == ENOENT) {
		r = make_root(rt->root);
		if (r < 0)
			return err_sys(e, r, "make the state folder %s", rt->root);
		root = open(rt->root, O_PATH | O_DIRECTORY | O_CLOEXEC);
	}
	if (root < 0)
		return err_sys(e, -errno, "open the state folder %s", rt->root);
	if (mkdirat(root, id, 0700) < 0) {
		if (errno == EEXIST)
			return err_say(e, -EEXIST, "container with id exists: %s", id);
		return err_sys(e, -errno, "make %s/%s", rt->root, id);
	}
	fd = openat(root, id, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return fd < 0 ? err_sys(e, -errno, "open %s/%s", rt->root, id) : fd;
}

int state_open(const struct runtime *rt, const char *id, struct err *e)
{
	auto_close int root = -EBADF;
	int r = state_check_id(id, e), fd;

	if (r < 0)
		return r;
	root = open(rt->root, O_PATH | O_DIRECTORY | O_CLOEXEC);
	fd = root < 0 ? -1 : openat(root, id, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT)
		return err_say(e, -ENOENT, "container %s does not exist", id);
	return fd < 0 ? err_sys(e, -errno, "open %s/%s", rt->root, id) : fd;
}

/* The folder is flat; files only. */
static int empty_folder(int fd)
{
	auto_closedir DIR *d = fdopendir(fd);

	if (!d) {
		close(fd);
		return -errno;
	}
	for (struct dirent *entry; (entry = readdir(d));)
		if (!str_eq(entry->d_name, ".") && !str_eq(entry->d_name, "..") &&
		    unlinkat(dirfd(d), entry->d_name, 0) < 0 && errno != ENOENT)
			return -errno;
	return 0;
}

int state_remove(const struct runtime *rt, const char *id, struct err *e)
{
	auto_close int root = open(rt->root, O_PATH | O_DIRECTORY | O_CLOEXEC);
	int fd, r;

	if (root < 0)
		return errno == ENOENT ? 0 : err_sys(e, -errno, "open %s", rt->root);
	fd = openat(root, id, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? 0 : err_sys(e, -errno, "open %s/%s", rt->root, id);
	/* Order: the name goes last, so that nobody claims it while files are being removed. */
	r = empty_folder(fd);
	if (r == 0 && unlinkat(root, id, AT_REMOVEDIR) < 0 && errno != ENOENT)
		r = -errno;
	return r < 0 ? err_sys(e, r, "remove %s/%s", rt->root, id) : 0;
}

/* ---- the views ------------------------------------------------------------------------------- */

int runtime_load(const struct runtime *rt, const char *id, struct arena *a, struct container *ret,
		 struct err *e)
{
	auto_close int fd = state_open(rt, id, e);

	return fd < 0 ? fd : state_load(fd, id, a, ret, e);
}

static int compare_ids(const void *a, const void *b)
{
	return strcmp(((const struct container *)a)->id, ((const struct container *)b)->id);
}

int runtime_list(const struct runtime *rt, struct arena *a, struct container **ret, size_t *ret_n,
		 struct err *e)
{
	auto_closedir DIR *d = opendir(rt->root);
	struct container *list = NULL;
	size_t n = 0, size = 0;

	if (!d && errno != ENOENT)
		return err_sys(e, -errno, "open the state folder %s", rt->root);
	for (struct dirent *entry; d && (entry = readdir(d));) {
		struct err why = {0};
		struct container *grown;

		if (state_check_id(entry->d_name, NULL) < 0)
			continue;
		if (n == size) {
			size = size ? 2 * size : 16;
			grown = arena_array(a, size, sizeof(*list));
			if (n)
				memcpy(grown, list, n * sizeof(*list));
			list = grown;
		}
		if (runtime_load(rt, entry->d_name, a, &list[n], &why) == 0)
			n++;
		else if (why.code != ENOENT)
			log_warning("%s", why.text);
	}
	if (n)
		qsort(list, n, sizeof(*list), compare_ids);
	*ret = list;
	*ret_n = n;
	return 0;
}

static void put_annotations(const struct container *c, struct json_writer *w)
{
	if (!c->annotations.n)
		return;
	json_key(w, "annotations");
	json_begin_object(w);
	for (size_t i = 0; i < c->annotations.n; i++)
		json_put_string(w, c->annotations.v[i].key, c->annotations.v[i].value);
	json_end_object(w);
}

void runtime_state_print(const struct container *c, struct json_writer *w)
{
	json_begin_object(w);
	json_put_string(w, "ociVersion", c->oci_version);
	json_put_string(w, "id", c->id);
	json_put_string(w, "status", runtime_status_names[c->status]);
	json_put_int(w, "pid", c->pid);
	json_put_string(w, "bundle", c->bundle);
	put_annotations(c, w);
	json_end_object(w);
}

const char *runtime_time_text(int64_t ns, struct arena *a)
{
	time_t seconds = ns / 1000000000;
	struct tm tm;
	char text[32];

	gmtime_r(&seconds, &tm);
	strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &tm);
	return arena_printf(a, "%s.%09lldZ", text, (long long)(ns % 1000000000));
}

void runtime_container_print(const struct container *c, struct arena *a, struct json_writer *w)
{
	json_begin_object(w);
	json_put_string(w, "ociVersion", c->oci_version);
	json_put_string(w, "id", c->id);
	json_put_int(w, "pid", c->pid);
	json_put_string(w, "status", runtime_status_names[c->status]);
	json_put_string(w, "bundle", c->bundle);
	json_put_string(w, "rootfs", c->rootfs);
	json_put_string(w, "created", runtime_time_text(c->created_ns, a));
	put_annotations(c, w);
	json_put_string(w, "owner", c->owner);
	json_end_object(w);
}
