/* SPDX-License-Identifier: Apache-2.0 */
/* An image's layers and a container's own as one overlay mount that nobody else sees. */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <sys/xattr.h>

#include "base/arena.h"
#include "base/auto.h"
#include "base/err.h"
#include "engine/image/store.h"
#include "kernel/sys.h"
#include "kernel/tree.h"
#include "kernel/userns.h"

/*
 * Theory of operation
 *
 * The new mount calls, so that the mount is in no mount namespace until the runtime attaches it.
 * Three ways, the first that serves:
 *   1. "lowerdir+" once a layer (Linux 6.5 and later), with paths of up to 255 bytes: what mountinfo
 *      shows afterwards are those paths.
 *   2. One option "lowerdir=3:4:5": the numbers are descriptors of the layers, looked up from the
 *      working directory /proc/self/fd, so that paths may be long and layers many (fsconfig(2) takes
 *      255 bytes a value).
 *   3. The same with mount(2), which takes a page, in a child with a mount namespace of its own and our
 *      table of descriptors: it mounts onto a folder there and leaves a clone of the mount behind.
 * Everything is opened by its absolute path in the namespace that mounts it: overlayfs refuses folders
 * that were opened in another one (clone_private_mount of fs/namespace.c), as engine->data_fd may be.
 * Unmounting an overlay syncs the whole file system below (ovl_sync_fs); "volatile" spares that where
 * the container's files go with it anyway.
 * A root that is only read and has one layer is no overlay (the kernel wants two): a read-only clone of it.
 * With id maps it is way 3 as well: in the child's namespace a mapped clone of each layer, and of the container's
 * folder, is mounted over it (overlayfs knows such layers since Linux 5.19). On the disk the files of a container have
 * the ids that it sees itself, so all containers share the layers whatever their maps are.
 * Whiteouts are in trusted.overlay.*, in a user namespace in user.overlay.* ("userxattr").
 */

#ifndef FSCONFIG_VALUE_MAX
#define FSCONFIG_VALUE_MAX 255 /* fs/fsopen.c: strndup_user(_value, 256) */
#endif

enum { STACK_MAX = 500 /* OVL_MAX_STACK of fs/overlayfs */, PATH_SIZE = 4096 };

struct overlay {
	const struct engine *g;
	const struct str_slice *layers; /* base first */
	int container_fd;               /* -1: nothing to write to */
	struct arena *a;
	bool is_volatile, is_view;
	const struct oci_id_maps *uid_maps, *gid_maps; /* NULL: as the ids are on the disk */
	const char *upper, *work;                      /* absolute */
	const char *top; /* of a view: upper as the topmost of the lower ones; absolute */
};

/* Ways 2 and 3: layers, upper and work as numbers. */
struct numbers {
	int *fds;
	size_t n;
	char *lower, *upper, *work;
};

static size_t lower_count(const struct overlay *o)
{
	return o->layers->n + (o->top != NULL);
}

static const char *lower_path(const struct overlay *o, size_t i)
{
	if (i == o->layers->n)
		return o->top;
	return arena_printf(o->a, "%s/layers/%s/diff", o->g->data, o->layers->v[i]);
}

/* ---- upper and work ------------------------------------------------------------------------------ */

/* The root of the whole looks as upper does, so that takes after the topmost layer's root. */
static int make_upper(const struct overlay *o, struct err *e)
{
	struct stat st = {.st_mode = 0755};
	char path[96];

	if (o->layers->n > 0) {
		snprintf(path, sizeof(path), "layers/%s/diff", o->layers->v[o->layers->n - 1]);
		if (fstatat(o->g->data_fd, path, &st, AT_SYMLINK_NOFOLLOW) < 0)
			return err_sys(e, -errno, "look at %s/%s", o->g->data, path);
	}
	/* Order: work first, since it is upper that tells that both are there. */
	if (mkdirat(o->container_fd, "work", 0700) < 0 && errno != EEXIST)
		return err_sys(e, -errno, "make the container's folder work");
	if (mkdirat(o->container_fd, "upper", 0700) < 0)
		return errno == EEXIST ? 0
				       : err_sys(e, -errno, "make the container's folder upper");
	if (((st.st_uid || st.st_gid) &&
	     fchownat(o->container_fd, "upper", st.st_uid, st.st_gid, AT_SYMLINK_NOFOLLOW) < 0) ||
	    fchmodat(o->container_fd, "upper", st.st_mode & 07777, 0) < 0)
		return err_sys(e, -errno, "set mode and owner of the container's folder upper");
	return 0;
}

/* What a volatile mount leaves so that nobody takes its unsynced files for safe; we know that they are not
 * (fs/overlayfs/super.c, ovl_workdir_cleanup). Found only behind a container that is started again. */
static int remove_mark(const struct overlay *o, struct err *e)
{
	int r = tree_remove_at(o->container_fd, "work/work/incompat");

	return r < 0 && r != -ENOENT && r != -ENOTDIR
		       ? err_sys(e, r, "remove work/work/incompat of the container")
		       : 0;
}

static int container_path(const struct overlay *o, const char **ret, struct err *e)
{
	char self[32], path[PATH_SIZE];
	ssize_t n;

	snprintf(self, sizeof(self), "/proc/self/fd/%d", o->container_fd);
	n = readlink(self, path, sizeof(path) - 1);
	if (n < 0)
		return err_sys(e, -errno, "read %s", self);
	*ret = arena_strndup(o->a, path, (size_t)n);
	return 0;
}

/* Where the container's folder is, in words: also mountinfo will show them. */
static int find_upper(struct overlay *o, struct err *e)
{
	const char *path = NULL;
	struct stat st;
	int r = 0;

	if (fstatat(o->container_fd, "upper", &st, AT_SYMLINK_NOFOLLOW) < 0)
		r = make_upper(o, e);
	else
		r = remove_mark(o, e);
	if (r == 0)
		r = container_path(o, &path, e);
	if (r < 0)
		return r;
	o->upper = arena_printf(o->a, "%s/upper", path);
	o->work = arena_printf(o->a, "%s/work", path);
	return 0;
}

/* A container that never ran has nothing of its own. */
static int find_top(struct overlay *o, struct err *e)
{
	const char *path = NULL;
	struct stat st;
	int r;

	if (fstatat(o->container_fd, "upper", &st, AT_SYMLINK_NOFOLLOW) < 0)
		return 0;
	r = container_path(o, &path, e);
	if (r == 0)
		o->top = arena_printf(o->a, "%s/upper", path);
	return r;
}

/* A root of no layer at all (FROM scratch) still needs something below. */
static int make_empty(const struct engine *g, struct err *e)
{
	if ((mkdirat(g->data_fd, "layers/empty", 0700) < 0 && errno != EEXIST) ||
	    (mkdirat(g->data_fd, "layers/empty/diff", 0755) < 0 && errno != EEXIST))
		return err_sys(e, -errno, "make %s/layers/empty", g->data);
	return 0;
}

/* ---- way 1 and 2: fsopen ------------------------------------------------------------------------- */

/* What the kernel says: "e overlay: ...". */
static int fail_fs(int fs_fd, int r, const char *what, struct err *e)
{
	char text[256];
	ssize_t n = fs_fd < 0 ? -1 : read(fs_fd, text, sizeof(text) - 1);

	if (n > 2) {
		text[n] = '\0';
		text[strcspn(text, "\n")] = '\0';
		return err_sys(e, r, "mount the image (%s): %s", what, text + 2);
	}
	return err_sys(e, r, "mount the image (%s)", what);
}

static int set_string(int fs_fd, const char *key, const char *value)
{
	return sys_fsconfig(fs_fd, FSCONFIG_SET_STRING, key, value, 0);
}

static int set_flag(int fs_fd, const char *key)
{
	return sys_fsconfig(fs_fd, FSCONFIG_SET_FLAG, key, NULL, 0);
}

/* Everything but the lower layers, and the mount. */
static int finish(const struct overlay *o, int fs_fd, const char *upper, const char *work,
		  struct err *e)
{
	int r = set_string(fs_fd, "source", "overlay"), fd;

	if (r >= 0 && upper)
		r = set_string(fs_fd, "upperdir", upper);
	if (r >= 0 && work)
		r = set_string(fs_fd, "workdir", work);
	if (r >= 0 && o->g->is_rootless)
		r = set_flag(fs_fd, "userxattr");
	if (r >= 0 && upper && o->is_volatile)
		r = set_flag(fs_fd, "volatile");
	if (r >= 0)
		r = sys_fsconfig(fs_fd, FSCONFIG_CMD_CREATE, NULL, NULL, 0);
	if (r < 0)
		return fail_fs(fs_fd, r, "overlay", e);
	fd = sys_fsmount(fs_fd, FSMOUNT_CLOEXEC, upper ? 0 : MOUNT_ATTR_RDONLY);
	return fd < 0 ? fail_fs(fs_fd, fd, "overlay", e) : fd;
}

static bool is_short(const struct overlay *o)
{
	return strlen(o->g->data) + strlen("/layers//diff") + HEX_LENGTH <= FSCONFIG_VALUE_MAX &&
	       (!o->upper || strlen(o->upper) <= FSCONFIG_VALUE_MAX) &&
	       (!o->top || strlen(o->top) <= FSCONFIG_VALUE_MAX);
}

/* Way 1. */
static int mount_by_paths(const struct overlay *o, struct err *e)
{
	auto_close int fs_fd = sys_fsopen("overlay", FSOPEN_CLOEXEC);
	int r = 0;

	if (fs_fd < 0)
		return fail_fs(fs_fd, fs_fd, "overlay", e);
	for (size_t i = lower_count(o); r >= 0 && i-- > 0;) {
		const char *path = lower_path(o, i);

		r = set_string(fs_fd, "lowerdir+", path);
		if (r < 0)
			fail_fs(fs_fd, r, path, e);
	}
	return r < 0 ? r : finish(o, fs_fd, o->upper, o->work, e);
}

static int open_number(struct numbers *n, const char *path, struct err *e)
{
	int fd = open(path, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0)
		return err_sys(e, -errno, "open %s", path);
	n->fds[n->n++] = fd;
	return fd;
}

static int open_numbers(const struct overlay *o, struct numbers *n, struct err *e)
{
	size_t size = (lower_count(o) + 1) * 12, at = 0;
	int fd;

	n->fds = arena_array(o->a, lower_count(o) + 2, sizeof(*n->fds));
	n->lower = arena_alloc(o->a, size);
	for (size_t i = lower_count(o); i-- > 0;) {
		fd = open_number(n, lower_path(o, i), e);
		if (fd < 0)
			return fd;
		at += (size_t)snprintf(n->lower + at, size - at, "%s%d", at ? ":" : "", fd);
	}
	if (!o->upper)
		return 0;
	fd = open_number(n, o->upper, e);
	if (fd < 0)
		return fd;
	n->upper = arena_printf(o->a, "%d", fd);
	fd = open_number(n, o->work, e);
	if (fd < 0)
		return fd;
	n->work = arena_printf(o->a, "%d", fd);
	return 0;
}

static void close_numbers(struct numbers *n)
{
	for (size_t i = 0; i < n->n; i++)
		close(n->fds[i]);
	n->n = 0;
}

/* Way 2. -E2BIG: more than one value can hold. */
static int mount_by_numbers(const struct overlay *o, struct err *e)
{
	auto_close int here = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);
	auto_close int fs_fd = sys_fsopen("overlay", FSOPEN_CLOEXEC);
	struct numbers n = {0};
	int r;

	if (fs_fd < 0)
		return fail_fs(fs_fd, fs_fd, "overlay", e);
	r = open_numbers(o, &n, e);
	if (r == 0 && strlen(n.lower) > FSCONFIG_VALUE_MAX)
		r = -E2BIG;
	if (r == 0 && (here < 0 || chdir("/proc/self/fd") < 0))
		r = err_sys(e, -errno, "enter /proc/self/fd");
	if (r == 0) {
		r = set_string(fs_fd, "lowerdir", n.lower);
		r = r < 0 ? fail_fs(fs_fd, r, "overlay", e) : finish(o, fs_fd, n.upper, n.work, e);
		if (fchdir(here) < 0 && r >= 0) {
			close(r);
			r = err_sys(e, -errno, "go back to the working directory");
		}
	}
	close_numbers(&n);
	return r;
}

/* ---- way 3: mount(2) ----------------------------------------------------------------------------- */

/* With one more line for ourselves, an id beyond the container's: overlayfs makes its work folder as us. */
static const char *maps_text(const struct oci_id_maps *maps, struct arena *a)
{
	const char *text = "";
	uint32_t beyond = 0;

	for (size_t i = 0; i < maps->n; i++) {
		const struct oci_id_map *m = &maps->v[i];

		text = arena_printf(a, "%s%u %u %u\n", text, m->container_id, m->host_id, m->size);
		if (m->container_id + m->size > beyond)
			beyond = m->container_id + m->size;
	}
	return arena_printf(a, "%s%u 0 1\n", text, beyond);
}

/* A mapped clone over the folder itself. */
static int map_folder(const char *path, int userns_fd, struct err *e)
{
	auto_close int fd = sys_open_tree(AT_FDCWD, path, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
	int r;

	if (fd < 0)
		return err_sys(e, fd, "clone %s", path);
	r = userns_map_mount(fd, userns_fd, false);
	if (r < 0)
		return err_sys(e, r,
			       "map the ids of %s (its file system has no id-mapped mounts: keep "
			       "images on ext4, xfs, btrfs or tmpfs, or leave out --userns)",
			       path);
	r = sys_move_mount(fd, "", AT_FDCWD, path, MOVE_MOUNT_F_EMPTY_PATH);
	return r < 0 ? err_sys(e, r, "mount %s with other ids", path) : 0;
}

static int map_folders(const struct overlay *o, struct err *e)
{
	auto_close int userns = -EBADF;
	const char *path = NULL;
	int r = 0;

	if (!o->uid_maps)
		return 0;
	userns = userns_make(maps_text(o->uid_maps, o->a), maps_text(o->gid_maps, o->a));
	if (userns < 0)
		return err_sys(e, userns, "make a user namespace with the container's ids");
	for (size_t i = 0; r == 0 && i < lower_count(o); i++)
		r = map_folder(lower_path(o, i), userns, e);
	if (r == 0 && o->upper)
		r = container_path(o, &path, e);
	return r < 0 || !path ? r : map_folder(path, userns, e);
}

/* The child. Returns the clone's number in the common table, or -errno. */
static int mount_in_child(const struct overlay *o, struct err *e)
{
	const char *place = arena_printf(o->a, "%s/tmp", o->g->data), *options;
	struct numbers n = {0};
	int r = 0;

	if (mount(NULL, "/", NULL, MS_PRIVATE | MS_REC, NULL) < 0)
		r = err_sys(e, -errno, "make mounts of our own");
	if (r == 0)
		r = map_folders(o, e);
	if (r == 0)
		r = open_numbers(o, &n, e);
	if (r == 0 && chdir("/proc/self/fd") < 0)
		r = err_sys(e, -errno, "enter /proc/self/fd");
	if (r == 0) {
		options = arena_printf(o->a, "lowerdir=%s%s", n.lower,
				       o->g->is_rootless ? ",userxattr" : "");
		if (n.upper)
			options = arena_printf(o->a, "%s,upperdir=%s,workdir=%s%s", options,
					       n.upper, n.work, o->is_volatile ? ",volatile" : "");
		if (mount("overlay", place, "overlay", n.upper ? 0 : MS_RDONLY, options) < 0)
			r = err_sys(e, -errno, "mount the image (overlay of %zu layers)",
				    o->layers->n);
	}
	if (r == 0) {
		r = sys_open_tree(AT_FDCWD, place, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
		if (r < 0)
			err_sys(e, r, "clone the mount of the image");
	}
	close_numbers(&n);
	return r;
}

struct child_result {
	int value;
	struct err e;
};

static int mount_by_mount(const struct overlay *o, struct err *e)
{
	struct clone_args args = {.flags = CLONE_NEWNS | CLONE_FILES};
	auto_close int read_fd = -EBADF, write_fd = -EBADF;
	struct child_result result = {0};
	int ends[2];
	pid_t child;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return err_sys(e, -errno, "make a pipe");
	read_fd = ends[0];
	write_fd = ends[1];
	child = sys_clone3(&args);
	if (child < 0)
		return err_sys(e, child, "start a process with mounts of its own");
	if (child == 0) {
		result.value = mount_in_child(o, &result.e);
		_exit(write(ends[1], &result, sizeof(result)) != sizeof(result));
	}
	/* Without a signal at its end: our caller may be waiting for other children by SIGCHLD. */
	while (waitpid(child, NULL, __WALL) < 0 && errno == EINTR)
		continue;
	/* The table is shared: once the child is gone this is the last end of the pipe. */
	close(TAKE_FD(write_fd));
	if (read(read_fd, &result, sizeof(result)) != sizeof(result))
		return err_say(e, -EIO, "mount the image: the process that does it has died");
	if (result.value < 0 && e)
		*e = result.e;
	return result.value;
}

/* ---- the whole ----------------------------------------------------------------------------------- */

static int clone_layer(const struct overlay *o, struct err *e)
{
	struct mount_attr attr = {.attr_set = MOUNT_ATTR_RDONLY};
	const char *path = lower_path(o, 0);
	auto_close int fd = sys_open_tree(AT_FDCWD, path, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
	int r;

	if (fd < 0)
		return err_sys(e, fd, "clone %s", path);
	r = sys_mount_setattr(fd, "", AT_EMPTY_PATH, &attr);
	return r < 0 ? err_sys(e, r, "make %s read-only", path) : TAKE_FD(fd);
}

static const char *empty_name = "empty";

static int mount_layers(struct overlay *o, struct err *e)
{
	struct err why = {0};
	int r = 0;

	if (o->container_fd >= 0 && !o->is_view)
		r = find_upper(o, e);
	else if (o->container_fd >= 0)
		r = find_top(o, e);
	if (r < 0)
		return r;
	if (o->uid_maps)
		return mount_by_mount(o, e);
	if (!o->upper && lower_count(o) == 1)
		return clone_layer(o, e);
	r = is_short(o) ? mount_by_paths(o, &why) : -EINVAL;
	/* Before 6.5 an unknown option is -EINVAL, and that only at the end. */
	if (r == -EINVAL) {
		why = (struct err){0};
		r = mount_by_numbers(o, &why);
	}
	if (r == -E2BIG || r == -EINVAL || r == -ENOSYS || r == -EPERM) {
		why = (struct err){0};
		r = mount_by_mount(o, &why);
	}
	if (r < 0 && e)
		*e = why;
	return r;
}

/* All layers from the topmost on whose root is opaque (image-spec layer.md, "Opaque Whiteout"): overlayfs reads that
 * attribute of every folder but of roots. */
static struct str_slice visible_layers(const struct overlay *o)
{
	const char *name = o->g->is_rootless ? "user.overlay.opaque" : "trusted.overlay.opaque";
	struct str_slice all = *o->layers;

	for (size_t i = all.n; i-- > 1;) {
		char value;

		if (getxattr(lower_path(o, i), name, &value, 1) == 1 && value == 'y')
			return (struct str_slice){.v = all.v + i, .n = all.n - i};
	}
	return all;
}

/* what: layers, container_fd and how; the rest is filled in. */
static int mount_image(const struct overlay *what, struct err *e)
{
	const struct str_slice empty = {.v = &empty_name, .n = 1}, *layers = what->layers;
	const struct engine *g = what->g;
	auto_arena struct arena a = {0};
	struct overlay o = *what;
	struct str_slice visible;
	struct err why = {0};
	int r;

	o.a = &a;
	if (layers->n > STACK_MAX)
		return err_say(e, -E2BIG, "the image has %zu layers: the kernel stacks at most %d",
			       layers->n, STACK_MAX);
	/* They become paths; a record may have been tampered with. */
	for (size_t i = 0; i < layers->n; i++)
		if (!is_hex_name(layers->v[i], HEX_LENGTH))
			return err_say(e, -EINVAL, "layer %.100s: no chain id", layers->v[i]);
	if (layers->n == 0) {
		r = make_empty(g, e);
		if (r < 0)
			return r;
		o.layers = &empty;
	}
	visible = visible_layers(&o);
	o.layers = &visible;
	r = mount_layers(&o, &why);
	/* Before 5.10 there is no such option. */
	if (r == -EINVAL && o.is_volatile) {
		o.is_volatile = false;
		why = (struct err){0};
		r = mount_layers(&o, &why);
	}
	if (r < 0 && e)
		*e = why;
	return r;
}

int image_mount_container(const struct engine *g, const struct str_slice *layers, int container_fd,
			  const struct image_mount_options *options, struct err *e)
{
	bool is_mapped = options->uid_maps && options->uid_maps->n;

	return mount_image(&(struct overlay){.g = g,
					     .layers = layers,
					     .container_fd = container_fd,
					     .is_volatile = options->is_volatile,
					     .uid_maps = is_mapped ? options->uid_maps : NULL,
					     .gid_maps = is_mapped ? options->gid_maps : NULL},
			   e);
}

int image_mount_view(const struct engine *g, const struct str_slice *layers, int container_fd,
		     struct err *e)
{
	return mount_image(
		&(struct overlay){
			.g = g, .layers = layers, .container_fd = container_fd, .is_view = true},
		e);
}

int image_mount(const struct engine *g, const struct str_slice *layers, int container_fd,
		struct err *e)
{
	return mount_image(
		&(struct overlay){.g = g, .layers = layers, .container_fd = container_fd}, e);
}
