/* SPDX-License-Identifier: Apache-2.0 */
/* Entries of a layer's tar into its folder. */
#include "image/unpack.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/auto.h"
#include "image/entry.h"
#include "kernel/tree.h"

/*
 * Theory of operation
 *
 * Security: the tar is hostile. What runs this has the layer's folder as its root (unpack_process.c), so no absolute
 * name, link or ".." leads out of it, whatever the code below does. Names with ".." are refused all the same.
 *
 * A folder's times are set at the end, since everything put into it changes them. The folder that the last entry
 * was put into stays open: most entries follow one from the same folder. Whatever may have been part of its path goes
 * by make_room, which closes it.
 *
 * What a new file has anyway is not set again: owner 0:0, unless a folder with the set-group-id bit was made, which
 * hands on its group.
 */

enum {
	ENTRIES_MAX = 2000000,
	XATTR_MAX = 64 << 10,
	XATTRS_MAX = 256,
	READ_SIZE = 256 << 10,
	FOLDERS_MAX = 256 << 20, /* bytes of the names of all folders */
};
#define BYTES_MAX (INT64_C(1) << 40)

struct folder {
	char *path;
	struct timespec mtime;
};

struct unpack {
	struct archive *tar;
	struct err *e;
	struct unpack_result result;
	bool is_user, has_setgid;
	struct entry_name name;
	char link[ENTRY_PATH_MAX];   /* the target of a hard link */
	char parent[ENTRY_PATH_MAX]; /* of parent_fd */
	int root_fd, parent_fd;
	struct folder *folders;
	size_t n_folders, room, folder_bytes;
};

static int fail(struct unpack *u, int r, const char *what)
{
	return err_sys(u->e, r, "%s %.200s of the layer", what, u->name.path);
}

/* ---- what overlayfs reads ------------------------------------------------------------------------ */

static const char *opaque_name(const struct unpack *u)
{
	return u->is_user ? "user.overlay.opaque" : "trusted.overlay.opaque";
}

/* fsetxattr(2) wants no O_PATH descriptor, and there is no /proc here: the folder is opened for reading. */
static int set_opaque(struct unpack *u, int dir_fd, const char *base)
{
	auto_close int fd = openat(dir_fd, base, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	return fsetxattr(fd, opaque_name(u), "y", 1, 0) < 0 ? -errno : 0;
}

static bool is_whiteout(const struct stat *s)
{
	return S_ISCHR(s->st_mode) && s->st_rdev == makedev(0, 0);
}

/* ---- folders ------------------------------------------------------------------------------------- */

/* A whiteout gives way to a folder that is opaque: what lies below it in lower layers stays hidden. */
static int replace_whiteout(struct unpack *u, const char *path)
{
	struct stat s;

	if (fstatat(u->root_fd, path, &s, 0) < 0)
		return -ENOTDIR;
	if (S_ISDIR(s.st_mode))
		return 0;
	if (fstatat(u->root_fd, path, &s, AT_SYMLINK_NOFOLLOW) < 0 || !is_whiteout(&s))
		return -ENOTDIR;
	if (unlinkat(u->root_fd, path, 0) < 0 || mkdirat(u->root_fd, path, 0755) < 0)
		return -errno;
	return set_opaque(u, u->root_fd, path);
}

/* Makes the missing ones of the first n bytes of the entry's path. */
static int make_parents(struct unpack *u, size_t n)
{
	char part[ENTRY_PATH_MAX];

	for (size_t i = 1; i <= n; i++) {
		int r;

		if (i < n && u->name.path[i] != '/')
			continue;
		memcpy(part, u->name.path, i);
		part[i] = '\0';
		if (mkdirat(u->root_fd, part, 0755) < 0) {
			r = errno == EEXIST ? replace_whiteout(u, part) : -errno;
			if (r < 0)
				return r;
		} else if (u->has_setgid &&
			   (fchownat(u->root_fd, part, 0, 0, AT_SYMLINK_NOFOLLOW) < 0 ||
			    fchmodat(u->root_fd, part, 0755, 0) < 0)) {
			return -errno;
		}
	}
	return 0;
}

/* The descriptor of the folder that the entry goes into. */
static int open_parent(struct unpack *u)
{
	char path[ENTRY_PATH_MAX];
	size_t n = u->name.parent;
	int fd, r;

	if (n == 0)
		return u->root_fd;
	memcpy(path, u->name.path, n);
	path[n] = '\0';
	if (u->parent_fd >= 0 && strcmp(path, u->parent) == 0)
		return u->parent_fd;
	fd = openat(u->root_fd, path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 && (errno == ENOENT || errno == ENOTDIR)) {
		r = make_parents(u, n);
		if (r < 0)
			return r;
		fd = openat(u->root_fd, path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	}
	if (fd < 0)
		return -errno;
	auto_close_fn(&u->parent_fd);
	u->parent_fd = fd;
	memcpy(u->parent, path, n + 1);
	return fd;
}

static void forget_parent(struct unpack *u)
{
	auto_close_fn(&u->parent_fd);
	u->parent_fd = -EBADF;
}

static int remember_folder(struct unpack *u, const struct timespec *mtime)
{
	/* Security: names are short in a compressed stream and long in memory. */
	u->folder_bytes += strlen(u->name.path) + sizeof(struct folder);
	if (u->folder_bytes > FOLDERS_MAX)
		return err_say(u->e, -E2BIG,
			       "the names of the layer's folders take up too much memory");
	if (u->n_folders == u->room) {
		size_t room = u->room ? u->room * 2 : 256;
		struct folder *grown = realloc(u->folders, room * sizeof(*grown));

		if (!grown)
			return -ENOMEM;
		u->folders = grown;
		u->room = room;
	}
	u->folders[u->n_folders].path = strdup(u->name.path[0] ? u->name.path : ".");
	u->folders[u->n_folders].mtime = *mtime;
	return u->folders[u->n_folders++].path ? 0 : -ENOMEM;
}

static void set_folder_times(struct unpack *u, bool is_whole)
{
	while (u->n_folders > 0) {
		struct folder *f = &u->folders[--u->n_folders];
		const struct timespec times[2] = {f->mtime, f->mtime};

		/* One that is gone or was replaced since: nothing to set. */
		if (is_whole)
			utimensat(u->root_fd, f->path, times, AT_SYMLINK_NOFOLLOW);
		free(f->path);
	}
}

/* ---- attributes ---------------------------------------------------------------------------------- */

/* Security: overlay's own attributes in a tar would redirect or hide what is in lower layers. */
static bool may_have(const char *name)
{
	return strncmp(name, "trusted.", 8) != 0 && strncmp(name, "user.overlay.", 13) != 0 &&
	       strncmp(name, "system.", 7) != 0 && strncmp(name, "security.selinux", 16) != 0 &&
	       strncmp(name, "security.ima", 12) != 0 && strncmp(name, "security.evm", 12) != 0;
}

static int set_xattrs(struct unpack *u, struct archive_entry *entry, int fd, const char *link)
{
	int n = archive_entry_xattr_reset(entry);
	const char *name;
	const void *value;
	size_t size;

	if (n > XATTRS_MAX)
		return err_say(u->e, -E2BIG, "entry %.200s of the layer has %d extended attributes",
			       u->name.path, n);
	while (n > 0 && archive_entry_xattr_next(entry, &name, &value, &size) == ARCHIVE_OK) {
		int r;

		if (!may_have(name))
			continue;
		if (size > XATTR_MAX)
			return fail(u, -E2BIG, "set an attribute of");
		r = link ? lsetxattr(link, name, value, size, 0)
			 : fsetxattr(fd, name, value, size, 0);
		/* A file system or a user namespace that has none of the kind. */
		if (r < 0 && errno != ENOTSUP && errno != EPERM)
			return fail(u, -errno, "set an attribute of");
	}
	return 0;
}

/* An owner that is not mapped here stays ours. */
static int own(struct unpack *u, int r)
{
	if (r < 0 && errno == EINVAL && u->is_user) {
		u->result.unowned++;
		return 0;
	}
	return r < 0 ? -errno : 0;
}

/* Order: a change of the owner takes set-user-id bits and capabilities away, so they come after it. */
static int set_attributes(struct unpack *u, struct archive_entry *entry, int fd, mode_t made)
{
	uid_t uid = (uid_t)archive_entry_uid(entry);
	gid_t gid = (gid_t)archive_entry_gid(entry);
	mode_t mode = archive_entry_perm(entry) & 07777;
	bool is_ours = uid == 0 && gid == 0 && !u->has_setgid;
	int r = is_ours ? 0 : own(u, fchown(fd, uid, gid));

	if (r == 0 && (made != mode || (!is_ours && mode & 07000)) && fchmod(fd, mode) < 0)
		r = -errno;
	if (r < 0)
		return fail(u, r, "set the owner of");
	return set_xattrs(u, entry, fd, NULL);
}

static struct timespec time_of(struct archive_entry *entry)
{
	return (struct timespec){archive_entry_mtime(entry), archive_entry_mtime_nsec(entry)};
}

/* ---- kinds --------------------------------------------------------------------------------------- */

/* Makes room for the entry: what has its name goes, except a folder for a folder. Returns 1 for a whiteout that
 * went, 2 for a folder that stays. *dir_fd is opened anew where it may lead elsewhere now. */
static int make_room(struct unpack *u, int *dir_fd, bool is_folder)
{
	struct stat s;
	int r;

	if (fstatat(*dir_fd, u->name.base, &s, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : -errno;
	if (S_ISDIR(s.st_mode) && is_folder)
		return 2;
	r = S_ISDIR(s.st_mode)                       ? tree_remove_at(*dir_fd, u->name.base)
	    : unlinkat(*dir_fd, u->name.base, 0) < 0 ? -errno
						     : is_whiteout(&s);
	if (r < 0 || !(S_ISDIR(s.st_mode) || S_ISLNK(s.st_mode)))
		return r;
	forget_parent(u);
	*dir_fd = open_parent(u);
	return *dir_fd < 0 ? *dir_fd : r;
}

static int put_data(struct unpack *u, int fd, int64_t size)
{
	const void *data;
	int64_t offset = 0;
	size_t n;
	int r;

	while ((r = archive_read_data_block(u->tar, &data, &n, &offset)) == ARCHIVE_OK) {
		const char *p = data;

		/* Security: the map of a sparse file may lie. */
		if (offset < 0 || offset > size || (int64_t)n > size - offset)
			return fail(u, -EFBIG, "unpack");
		while (n > 0) {
			ssize_t done = pwrite(fd, p, n, offset);

			if (done < 0 && errno == EINTR)
				continue;
			if (done < 0)
				return fail(u, -errno, "write");
			p += done;
			n -= (size_t)done;
			offset += done;
		}
	}
	return r == ARCHIVE_EOF ? 0
				: err_say(u->e, -EBADMSG, "file %.200s of the layer: %s",
					  u->name.path, archive_error_string(u->tar));
}

static int put_file(struct unpack *u, int dir_fd, struct archive_entry *entry)
{
	const int flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
	const struct timespec times[2] = {time_of(entry), time_of(entry)};
	mode_t mode = archive_entry_perm(entry) & 07777;
	int64_t size = archive_entry_size(entry);
	auto_close int fd = openat(dir_fd, u->name.base, flags, mode);
	int r = fd < 0 ? -errno : 0;

	if (r == -EEXIST) {
		r = make_room(u, &dir_fd, false);
		if (r >= 0)
			fd = openat(dir_fd, u->name.base, flags, mode);
		if (r >= 0 && fd < 0)
			r = -errno;
	}
	if (r < 0)
		return fail(u, r, "make");
	if (size < 0 || size > BYTES_MAX - u->result.bytes)
		return fail(u, -EFBIG, "unpack");
	u->result.bytes += size;
	r = size ? put_data(u, fd, size) : 0;
	/* A hole at its end is nothing that was written. */
	if (r == 0 && archive_entry_sparse_count(entry) > 0 && ftruncate(fd, size) < 0)
		r = fail(u, -errno, "write");
	if (r == 0)
		r = set_attributes(u, entry, fd, mode);
	if (r == 0 && futimens(fd, times) < 0)
		r = fail(u, -errno, "set the time of");
	return r;
}

static int put_folder(struct unpack *u, int dir_fd, struct archive_entry *entry)
{
	const struct timespec mtime = time_of(entry);
	auto_close int fd = -EBADF;
	int had = 0, r = 0;

	if (u->name.kind != ENTRY_ROOT && mkdirat(dir_fd, u->name.base, 0755) < 0) {
		had = errno == EEXIST ? make_room(u, &dir_fd, true) : -errno;
		if (had >= 0 && had < 2 && mkdirat(dir_fd, u->name.base, 0755) < 0)
			had = -errno;
		if (had < 0)
			return fail(u, had, "make");
	}
	fd = openat(dir_fd, u->name.kind == ENTRY_ROOT ? "." : u->name.base,
		    O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return fail(u, -errno, "open");
	/* It was hidden and is made anew: what lies below it in lower layers is hidden, too. */
	if (had == 1 && fsetxattr(fd, opaque_name(u), "y", 1, 0) < 0)
		r = -errno;
	if (r == 0)
		r = set_attributes(u, entry, fd, (mode_t)-1);
	u->has_setgid |= (archive_entry_perm(entry) & S_ISGID) != 0;
	return r < 0 ? fail(u, r, "make") : remember_folder(u, &mtime);
}

/* Without AT_SYMLINK_FOLLOW: a link to a symbolic link is one more of those. */
static int make_link(struct unpack *u, const char *target, int dir_fd)
{
	return linkat(u->root_fd, target, dir_fd, u->name.base, 0) < 0 ? -errno : 0;
}

static int put_link(struct unpack *u, int dir_fd)
{
	struct stat s;
	int r;

	/* Security: a whiteout is what only .wh. may ask for. */
	if (fstatat(u->root_fd, u->link, &s, AT_SYMLINK_NOFOLLOW) == 0 && is_whiteout(&s))
		return err_say(u->e, -EINVAL, "entry %.200s of the layer links to a whiteout",
			       u->name.path);
	r = make_link(u, u->link, dir_fd);
	if (r == -EEXIST) {
		r = make_room(u, &dir_fd, false);
		if (r >= 0)
			r = make_link(u, u->link, dir_fd);
	}
	return r < 0 ? err_sys(u->e, r, "link %.200s of the layer to %.200s", u->name.path, u->link)
		     : 0;
}

static int put_symlink(struct unpack *u, int dir_fd, struct archive_entry *entry)
{
	const struct timespec times[2] = {time_of(entry), time_of(entry)};
	const char *target = archive_entry_symlink(entry);
	int r = symlinkat(target, dir_fd, u->name.base) < 0 ? -errno : 0;

	if (r == -EEXIST) {
		r = make_room(u, &dir_fd, false);
		if (r >= 0)
			r = symlinkat(target, dir_fd, u->name.base) < 0 ? -errno : 0;
	}
	if (r < 0)
		return fail(u, r, "make");
	r = own(u, fchownat(dir_fd, u->name.base, (uid_t)archive_entry_uid(entry),
			    (gid_t)archive_entry_gid(entry), AT_SYMLINK_NOFOLLOW));
	if (r < 0)
		return fail(u, r, "set the owner of");
	utimensat(dir_fd, u->name.base, times, AT_SYMLINK_NOFOLLOW);
	return set_xattrs(u, entry, -EBADF, u->name.path);
}

static int put_node(struct unpack *u, int dir_fd, struct archive_entry *entry)
{
	const struct timespec times[2] = {time_of(entry), time_of(entry)};
	mode_t type = archive_entry_filetype(entry), mode = archive_entry_perm(entry) & 07777;
	dev_t device = type == S_IFIFO ? 0 : archive_entry_rdev(entry);
	int r = make_room(u, &dir_fd, false);

	if (r < 0)
		return fail(u, r, "make");
	if (mknodat(dir_fd, u->name.base, type | mode, device) < 0) {
		if (errno != EPERM || !u->is_user)
			return fail(u, -errno, "make");
		u->result.skipped++;
		return 0;
	}
	r = own(u, fchownat(dir_fd, u->name.base, (uid_t)archive_entry_uid(entry),
			    (gid_t)archive_entry_gid(entry), AT_SYMLINK_NOFOLLOW));
	if (r < 0)
		return fail(u, r, "set the owner of");
	utimensat(dir_fd, u->name.base, times, AT_SYMLINK_NOFOLLOW);
	return 0;
}

/* ---- whiteouts ----------------------------------------------------------------------------------- */

static int put_whiteout(struct unpack *u, int dir_fd)
{
	struct stat s;
	int r = 0;

	/* Whiteouts speak of lower layers: what this layer itself has there stays. */
	if (fstatat(dir_fd, u->name.base, &s, AT_SYMLINK_NOFOLLOW) < 0)
		r = mknodat(dir_fd, u->name.base, S_IFCHR, makedev(0, 0)) < 0 ? -errno : 0;
	else if (S_ISDIR(s.st_mode))
		r = set_opaque(u, dir_fd, u->name.base);
	return r < 0 ? fail(u, r, "make the whiteout for") : 0;
}

static int put_opaque(struct unpack *u)
{
	const char *path = u->name.path[0] ? u->name.path : ".";
	int r;

	/* Its folder may not be in the tar. */
	r = u->name.path[0] ? make_parents(u, strlen(u->name.path)) : 0;
	if (r == 0)
		r = set_opaque(u, u->root_fd, path);
	if (r == -ENOTSUP)
		return err_say(
			u->e, r,
			"the layer hides a folder, and the file system of the images has no %s "
			"attributes for that: keep them elsewhere (--root)",
			u->is_user ? "user.*" : "trusted.*");
	return r < 0 ? fail(u, r, "make opaque") : 0;
}

/* ---- all ----------------------------------------------------------------------------------------- */

static int put_entry(struct unpack *u, struct archive_entry *entry)
{
	struct entry_facts facts = entry_facts_of(entry);
	int r = entry_check(&facts, &u->name, u->link, u->e), dir_fd;

	if (r < 0 || u->name.kind == ENTRY_IGNORED)
		return r;
	if (u->name.kind == ENTRY_OPAQUE)
		return put_opaque(u);
	dir_fd = open_parent(u);
	if (dir_fd < 0)
		return fail(u, dir_fd, "make the folder of");
	if (u->name.kind == ENTRY_WHITEOUT)
		return put_whiteout(u, dir_fd);
	if (facts.hard_link)
		return put_link(u, dir_fd);
	switch (facts.type) {
	case S_IFREG:
		return put_file(u, dir_fd, entry);
	case S_IFDIR:
		return put_folder(u, dir_fd, entry);
	case S_IFLNK:
		return put_symlink(u, dir_fd, entry);
	default:
		return put_node(u, dir_fd, entry);
	}
}

static int put_all(struct unpack *u)
{
	struct archive_entry *entry;
	int r;

	for (;;) {
		r = archive_read_next_header(u->tar, &entry);
		if (r == ARCHIVE_EOF)
			return 0;
		/* A warning is about text that is no UTF-8, which is fine: names are bytes. */
		if (r != ARCHIVE_OK && r != ARCHIVE_WARN)
			return err_say(u->e, -EBADMSG, "the layer's tar is damaged: %s",
				       archive_error_string(u->tar));
		if (++u->result.entries > ENTRIES_MAX)
			return err_say(u->e, -E2BIG, "the layer has more than %d entries",
				       ENTRIES_MAX);
		r = put_entry(u, entry);
		if (r < 0)
			return r;
	}
}

struct archive *unpack_open(struct err *e)
{
	struct archive *tar = archive_read_new();

	if (tar && archive_read_support_format_tar(tar) == ARCHIVE_OK &&
	    archive_read_support_format_empty(tar) == ARCHIVE_OK)
		return tar;
	archive_read_free(tar);
	err_sys(e, -ENOMEM, "read a layer's tar");
	return NULL;
}

static int unpack_all(struct unpack *u, int tar_fd)
{
	u->tar = unpack_open(u->e);
	if (!u->tar)
		return -ENOMEM;
	if (archive_read_open_fd(u->tar, tar_fd, READ_SIZE) != ARCHIVE_OK)
		return err_say(u->e, -EBADMSG, "the layer's tar cannot be read: %s",
			       archive_error_string(u->tar));
	/* Made under the umask and perhaps below a folder with the set-group-id bit. */
	if (fchown(u->root_fd, 0, 0) < 0 || fchmod(u->root_fd, 0755) < 0)
		return err_sys(u->e, -errno, "set the owner of the layer's folder");
	return put_all(u);
}

int unpack_tar(int tar_fd, int dir_fd, bool is_user, struct unpack_result *ret)
{
	struct unpack u = {.is_user = is_user, .root_fd = dir_fd, .parent_fd = -EBADF};
	struct err e = {0};
	int r;

	u.e = &e;
	r = unpack_all(&u, tar_fd);
	set_folder_times(&u, r == 0);
	free(u.folders);
	forget_parent(&u);
	archive_read_free(u.tar);
	u.result.err = e;
	*ret = u.result;
	return r;
}
