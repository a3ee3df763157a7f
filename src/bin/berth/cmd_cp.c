/* SPDX-License-Identifier: Apache-2.0 */
/* berth cp: files between a container and the host. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stddef.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/str.h"
#include "bin/berth/command.h"
#include "engine/container/copy.h"
#include "engine/container/spec_parts.h"
#include "kernel/path.h"

struct options {
	bool archive, follow, quiet;
};

static const struct opt options[] = {
	{"archive", 'a', OPT_FLAG, offsetof(struct options, archive), NULL,
	 "keep users and groups as they are", false},
	{"follow-link", 'L', OPT_FLAG, offsetof(struct options, follow), NULL,
	 "copy what a link leads to", false},
	{"quiet", 'q', OPT_FLAG, offsetof(struct options, quiet), NULL, "accepted: it is quiet",
	 true},
	{0},
};

/* One side as it was given. */
struct side {
	const char *container; /* NULL: the host */
	const char *path;
	bool is_stream;
};

/* "CONTAINER:PATH"; a path that begins with "/" or "." is the host's. */
static int parse(const char *word, struct arena *a, struct side *ret, struct err *e)
{
	size_t n = strcspn(word, ":");
	char cwd[PATH_MAX];

	*ret = (struct side){.path = word, .is_stream = str_eq(word, "-")};
	if (ret->is_stream)
		return 0;
	if (word[n] && n && word[0] != '/' && word[0] != '.') {
		ret->container = arena_strndup(a, word, n);
		ret->path =
			word[n + 1] == '/' ? word + n + 1 : arena_printf(a, "/%s", word + n + 1);
		return 0;
	}
	if (!*word)
		return err_say(e, -EINVAL, "an empty path names nothing");
	if (word[0] == '/')
		return 0;
	if (!getcwd(cwd, sizeof(cwd)))
		return err_sys(e, -errno, "find the current folder");
	ret->path = arena_printf(a, "%s/%s", cwd, word);
	return 0;
}

/* ---- streams ------------------------------------------------------------------------------------- */

/* A folder of ours, locked so that nobody clears it away; berth-image packs it or unpacks into it. */
static int make_stage(const struct engine *g, struct arena *a, const char **ret, int *ret_fd,
		      struct err *e)
{
	char random[65];
	int fd;

	engine_make_id(random);
	*ret = arena_printf(a, "tmp/cp-%.32s", random);
	if (mkdirat(g->data_fd, *ret, 0700) < 0)
		return err_sys(e, -errno, "make %s/%s", g->data, *ret);
	fd = openat(g->data_fd, *ret, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || flock(fd, LOCK_EX) < 0)
		return err_sys(e, -errno, "open %s/%s", g->data, *ret);
	*ret_fd = fd;
	return 0;
}

/* container: whose ids the stream has, or NULL. */
static int run_image(const struct engine *g, const char *what, const char *folder,
		     const char *container, struct arena *a, struct err *e)
{
	const char *argv[] = {"berth-image", what, arena_printf(a, "%s/%s", g->data, folder),
			      container, NULL};
	int r = engine_run_program(g, "berth-image", argv, e);

	return r > 0 ? err_say(e, -EIO, "the tar stream could not be %s",
			       str_eq(what, "__pack") ? "written" : "read")
		     : r;
}

/* ---- both sides ---------------------------------------------------------------------------------- */

struct copy {
	const struct invocation *in;
	struct engine engine;
	struct container_info c;
	int root_fd, lock_fd, host_fd;
	bool is_in_volume; /* root_fd is a volume of a stopped container */
};

static int open_both(struct copy *c, const char *container, struct err *e)
{
	int r = container_find(&c->in->engine, container, c->in->arena, &c->c, e);

	/* Order: before the monitor's mount namespace is joined, which may lack what the host has mounted since. */
	c->host_fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (r == 0 && c->host_fd < 0)
		r = err_sys(e, -errno, "open /");
	if (r == 0)
		r = c->c.status.pid > 0
			    ? engine_enter_monitor(&c->engine, (pid_t)c->c.status.monitor_pid, e)
			    : engine_enter(&c->engine, e);
	if (r < 0)
		return r;
	c->root_fd = copy_open_root(&c->engine, &c->c, &c->lock_fd, e);
	return c->root_fd < 0 ? c->root_fd : 0;
}

/* The mount that a path of the container is in, and what of the path is below it; NULL: none. */
static const struct record_mount *find_mount(const struct copy *c, const char *path,
					     const char **ret_rest)
{
	const struct record *r = &c->c.record;
	const struct record_mount *found = NULL;
	size_t longest = 0;

	for (size_t i = 0; i < r->n_mounts; i++) {
		const char *place = str_clean_path(c->in->arena, r->mounts[i].destination);
		size_t n = strlen(place);

		if (n > longest && strncmp(path, place, n) == 0 && (!path[n] || path[n] == '/')) {
			found = &r->mounts[i];
			longest = n;
		}
	}
	*ret_rest = path[longest] ? path + longest : "/";
	return found;
}

/* What is mounted in a container is there only while it runs: of one that is stopped, a path below a volume leads
 * there, and what is nowhere any more is an error. */
static int follow_mount(struct copy *c, struct side *side, bool is_target, struct err *e)
{
	const char *whole = side->path, *path = str_clean_path(c->in->arena, whole), *rest;
	const struct record_mount *m = c->c.status.pid > 0 ? NULL : find_mount(c, path, &rest);
	auto_close int fd = -EBADF;

	if (!m)
		return 0;
	if (is_target && !m->is_writable)
		return err_say(e, -EROFS, "%s:%s: the %s mounted at %s is read-only",
			       c->c.record.name, path, m->type, m->destination);
	if (str_eq(m->type, "volume") || str_eq(m->type, "bind"))
		fd = open(m->source, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return err_say(e, -ENOTSUP,
			       "%s:%s is in the %s mounted at %s: start the container first",
			       c->c.record.name, path, m->type, m->destination);
	if (!is_target && str_eq(rest, "/") && !str_ends(whole, "/."))
		return err_say(
			e, -ENOTSUP,
			"%s:%s is where a %s is mounted: write %s/. for what is in it, or start "
			"the container first",
			c->c.record.name, path, m->type, path);
	close(c->root_fd);
	c->root_fd = TAKE_FD(fd);
	/* A volume has the ids that the container sees. */
	c->is_in_volume = str_eq(m->type, "volume");
	side->path = str_ends(whole, "/.")             ? arena_printf(c->in->arena, "%s/.", rest)
		     : str_ends(whole, "/") && rest[1] ? arena_printf(c->in->arena, "%s/", rest)
						       : rest;
	return 0;
}

/* Who gets the files: the container's root, or us. */
static struct tree_owner owner_of(const struct copy *c, bool is_to_container)
{
	const struct record *r = &c->c.record;

	if (!is_to_container)
		return (struct tree_owner){geteuid(), getegid()};
	if (c->is_in_volume)
		return (struct tree_owner){0, 0};
	return (struct tree_owner){userns_outer_id(&r->uid_maps, 0),
				   userns_outer_id(&r->gid_maps, 0)};
}

static int copy_plain(struct copy *c, const struct side *from, const struct side *to, struct err *e)
{
	const struct options *o = c->in->values;
	struct tree_owner owner = owner_of(c, to->container != NULL);
	struct copy_place places[2] = {
		{from->container ? c->root_fd : c->host_fd, from->path, c->in->words.v[0]},
		{to->container ? c->root_fd : c->host_fd, to->path, c->in->words.v[1]},
	};

	return copy_files(&places[0], &places[1], o->follow, o->archive ? NULL : &owner,
			  c->in->arena, e);
}

/* Out: a copy on the stage, packed. In: unpacked onto the stage, and what is there copied. */
static int copy_stream(struct copy *c, const struct side *from, const struct side *to,
		       struct err *e)
{
	const struct options *o = c->in->values;
	struct arena *a = c->in->arena;
	struct tree_owner owner = owner_of(c, true);
	const char *stage = NULL;
	auto_close int fd = -EBADF;
	struct stat s;
	int r = make_stage(&c->engine, a, &stage, &fd, e);

	if (r == 0 && to->is_stream) {
		const struct copy_place place = {c->root_fd, from->path, c->in->words.v[0]},
					on_stage = {fd, "/", "the stage"};

		r = copy_files(&place, &on_stage, o->follow, NULL, a, e);
		if (r == 0)
			r = run_image(&c->engine, "__pack", stage,
				      c->is_in_volume ? NULL : c->c.record.id, a, e);
	} else if (r == 0) {
		const struct copy_place on_stage = {fd, "/.", "-"},
					place = {c->root_fd, to->path, c->in->words.v[1]};
		auto_close int target =
			path_open_in_root(c->root_fd, to->path, O_PATH | O_DIRECTORY, 0);

		if (target < 0 || fstat(target, &s) < 0)
			r = err_say(e, -ENOTDIR, "%s must be a directory: the stream goes into it",
				    c->in->words.v[1]);
		if (r == 0)
			r = run_image(&c->engine, "__unpack", stage, NULL, a, e);
		if (r == 0)
			r = copy_files(&on_stage, &place, false, o->archive ? NULL : &owner, a, e);
	}
	if (stage)
		tree_remove_at(c->engine.data_fd, stage);
	return r;
}

static int check(const struct side *from, const struct side *to, struct err *e)
{
	if (from->container && to->container)
		return err_say(e, -EINVAL, "copying between containers is not supported");
	if (!from->container && !to->container)
		return err_say(e, -EINVAL, "must specify at least one container source");
	if (to->is_stream && isatty(STDOUT_FILENO))
		return err_say(e, -EINVAL, "a tar stream is not for a terminal: redirect it");
	return 0;
}

static int cp_main(const struct invocation *in, int *ret_code, struct err *e)
{
	struct copy c = {.in = in,
			 .engine = in->engine,
			 .root_fd = -EBADF,
			 .lock_fd = -EBADF,
			 .host_fd = -EBADF};
	struct side from, to;
	int r;

	(void)ret_code;
	if ((r = parse(in->words.v[0], in->arena, &from, e)) < 0 ||
	    (r = parse(in->words.v[1], in->arena, &to, e)) < 0 || (r = check(&from, &to, e)) < 0)
		return r;
	r = open_both(&c, from.container ? from.container : to.container, e);
	if (r == 0)
		r = follow_mount(&c, from.container ? &from : &to, to.container != NULL, e);
	if (r == 0)
		r = from.is_stream || to.is_stream ? copy_stream(&c, &from, &to, e)
						   : copy_plain(&c, &from, &to, e);
	auto_close_fn(&c.root_fd);
	auto_close_fn(&c.host_fd);
	auto_close_fn(&c.lock_fd);
	return r;
}

static const char details[] = "Into a folder that is there, else under the new name; \"FOLDER/.\" "
			      "copies what is in it. \"-\" is a\n"
			      "tar stream on standard input or output. Files in the container get "
			      "its root as owner, files on the\n"
			      "host the caller, but with --archive.";

const struct command cmd_cp = {
	.name = "cp",
	.usage = "CONTAINER:PATH PATH|-   or   PATH|- CONTAINER:PATH",
	.help = "Copy files between a container and the host",
	.group = "containers",
	.details = details,
	.options = options,
	.values_size = sizeof(struct options),
	.words_min = 2,
	.words_max = 2,
	.main = cp_main,
};
