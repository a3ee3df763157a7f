/* SPDX-License-Identifier: Apache-2.0 */
/* The process that unpacks a layer: alone with its folder. */
#include "image/unpack.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <locale.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/auto.h"
#include "image/entry.h"
#include "kernel/fd.h"
#include "kernel/sys.h"
#include "kernel/tree.h"

/*
 * Theory of operation
 *
 * Security: the tar is hostile. The process that reads it has the layer's folder as its root, so no absolute name, link
 * or ".." leads out of it, whatever the code below does; it has no network, no other descriptors, and cannot gain
 * privileges. Names with ".." are refused all the same. Whoever else reads the folder later treats it as hostile, too.
 *
 * A folder's times are set at the end, since everything put into it changes them. The folder that the last entry
 * was put into stays open: most entries follow one from the same folder.
 */

enum {
	ENTRIES_MAX = 4 << 20,
	XATTR_MAX = 64 << 10,
	XATTRS_MAX = 256,
	READ_SIZE = 256 << 10,
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
	bool is_user;
	struct entry_name name;
	char parent[ENTRY_PATH_MAX]; /* of parent_fd */
	int root_fd, parent_fd;
	struct folder *folders;
	size_t n_folders, room;
};

static int fail(struct unpack *u, int r, const char *what)
{
	return err_sys(u->e, r, "%s %s of the layer", what, u->name.path);
}

/* ---- folders ------------------------------------------------------------------------------------- */

/* Makes the missing ones of the first n bytes of path; what is there and is no folder gives way to one. */
static int make_parents(struct unpack *u, size_t n)
{
	char part[ENTRY_PATH_MAX];

	for (size_t i = 1; i <= n; i++) {
		struct stat s;

		if (i < n && u->name.path[i] != '/')
			continue;
		memcpy(part, u->name.path, i);
		part[i] = '\0';
		if (mkdirat(u->root_fd, part, 0755) == 0)
			continue;
		if (errno != EEXIST)
			return -errno;
		if (fstatat(u->root_fd, part, &s, 0) < 0 || !S_ISDIR(s.st_mode))
			return -ENOTDIR;
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
	if (fd < 0 && errno == ENOENT) {
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

static void set_folder_times(struct unpack *u)
{
	while (u->n_folders > 0) {
		struct folder *f = &u->folders[--u->n_folders];
		const struct timespec times[2] = {f->mtime, f->mtime};

		/* One that is gone or was replaced since: nothing to set. */
		utimensat(u->root_fd, f->path, times, AT_SYMLINK_NOFOLLOW);
		free(f->path);
	}
}

/* ---- attributes ---------------------------------------------------------------------------------- */

static const char *opaque_name(const struct unpack *u)
{
	return u->is_user ? "user.overlay.opaque" : "trusted.overlay.opaque";
}

/* By /proc where there is no other way: fsetxattr wants no O_PATH descriptor. The root has no /proc, so folders are
 * opened for reading. */
static int set_opaque(struct unpack *u, int dir_fd, const char *base)
{
	auto_close int fd = openat(dir_fd, base, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0)
		return errno == ENOENT || errno == ENOTDIR ? 0 : -errno;
	return fsetxattr(fd, opaque_name(u), "y", 1, 0) < 0 ? -errno : 0;
}

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
		return err_say(u->e, -E2BIG, "entry %s of the layer has %d extended attributes",
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
	bool is_ours = uid == 0 && gid == 0;
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
 * went, 2 for a folder that stays. */
static int make_room(struct unpack *u, int dir_fd, bool is_folder)
{
	struct stat s;
	int r;

	if (fstatat(dir_fd, u->name.base, &s, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : -errno;
	if (S_ISDIR(s.st_mode)) {
		if (is_folder)
			return 2;
		forget_parent(u);
		dir_fd = open_parent(u);
		if (dir_fd < 0)
			return dir_fd;
		r = tree_remove_at(dir_fd, u->name.base);
		return r < 0 ? r : 0;
	}
	if (unlinkat(dir_fd, u->name.base, 0) < 0)
		return -errno;
	return S_ISCHR(s.st_mode) && s.st_rdev == makedev(0, 0);
}

static int put_data(struct unpack *u, int fd)
{
	const void *data;
	int64_t offset = 0;
	size_t n;
	int r;

	while ((r = archive_read_data_block(u->tar, &data, &n, &offset)) == ARCHIVE_OK) {
		const char *p = data;

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
				: err_say(u->e, -EBADMSG, "file %s of the layer: %s", u->name.path,
					  archive_error_string(u->tar));
}

static int put_file(struct unpack *u, int dir_fd, struct archive_entry *entry)
{
	const int flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
	const struct timespec times[2] = {time_of(entry), time_of(entry)};
	mode_t mode = archive_entry_perm(entry) & 07777;
	int64_t size = archive_entry_size(entry);
	auto_close int fd = openat(dir_fd, u->name.base, flags, mode);
	int r = 0;

	if (fd < 0 && errno == EEXIST) {
		r = make_room(u, dir_fd, false);
		dir_fd = r < 0 ? r : open_parent(u);
		fd = dir_fd < 0 ? dir_fd : openat(dir_fd, u->name.base, flags, mode);
		r = dir_fd;
	}
	if (fd < 0)
		return fail(u, r < 0 ? r : -errno, "make");
	if (size < 0 || u->result.bytes + size > BYTES_MAX)
		return fail(u, -EFBIG, "unpack");
	u->result.bytes += size;
	r = size ? put_data(u, fd) : 0;
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
		had = errno == EEXIST ? make_room(u, dir_fd, true) : -errno;
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
	return r < 0 ? fail(u, r, "make") : remember_folder(u, &mtime);
}

static int put_link(struct unpack *u, int dir_fd, struct archive_entry *entry)
{
	char target[ENTRY_PATH_MAX];
	int r = entry_link_read(archive_entry_hardlink(entry), target, u->e);

	if (r < 0)
		return r;
	if (strcmp(target, u->name.path) == 0)
		return err_say(u->e, -EINVAL, "entry %s of the layer is a link to itself", target);
	/* Without AT_SYMLINK_FOLLOW: a link to a symbolic link is one more of those. */
	if (linkat(u->root_fd, target, dir_fd, u->name.base, 0) == 0)
		return 0;
	if (errno == EEXIST) {
		r = make_room(u, dir_fd, false);
		dir_fd = r < 0 ? r : open_parent(u);
		if (dir_fd < 0)
			return fail(u, dir_fd, "make");
		if (linkat(u->root_fd, target, dir_fd, u->name.base, 0) == 0)
			return 0;
	}
	return err_sys(u->e, -errno, "link %s of the layer to %s", u->name.path, target);
}

static int put_symlink(struct unpack *u, int dir_fd, struct archive_entry *entry)
{
	const struct timespec times[2] = {time_of(entry), time_of(entry)};
	const char *target = archive_entry_symlink(entry);
	int r;

	if (!target || !*target)
		return err_say(u->e, -EINVAL, "entry %s of the layer is a link to nothing",
			       u->name.path);
	if (symlinkat(target, dir_fd, u->name.base) < 0) {
		r = errno == EEXIST ? make_room(u, dir_fd, false) : -errno;
		dir_fd = r < 0 ? r : open_parent(u);
		if (dir_fd < 0 || symlinkat(target, dir_fd, u->name.base) < 0)
			return fail(u, dir_fd < 0 ? dir_fd : -errno, "make");
	}
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
	int r = make_room(u, dir_fd, false);

	dir_fd = r < 0 ? r : open_parent(u);
	if (dir_fd < 0)
		return fail(u, dir_fd, "make");
	/* Security: a device 0/0 is a whiteout to overlayfs, which only .wh. may ask for. */
	if (type == S_IFCHR && device == makedev(0, 0))
		return err_say(u->e, -EINVAL, "entry %s of the layer is a device 0/0",
			       u->name.path);
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

	/* Whiteouts speak of lower layers: what this layer itself has there stays. */
	if (fstatat(dir_fd, u->name.base, &s, AT_SYMLINK_NOFOLLOW) == 0)
		return S_ISDIR(s.st_mode) ? set_opaque(u, dir_fd, u->name.base) : 0;
	return mknodat(dir_fd, u->name.base, S_IFCHR, makedev(0, 0)) < 0
		       ? fail(u, -errno, "make the whiteout for")
		       : 0;
}

static int put_opaque(struct unpack *u)
{
	const char *path = u->name.path[0] ? u->name.path : ".";
	int r;

	/* Its folder may not be in the tar. */
	r = u->name.path[0] ? make_parents(u, strlen(u->name.path)) : 0;
	if (r == 0)
		r = set_opaque(u, u->root_fd, path);
	return r < 0 ? fail(u, r, "make opaque") : 0;
}

/* ---- all ----------------------------------------------------------------------------------------- */

static int put_entry(struct unpack *u, struct archive_entry *entry)
{
	int r = entry_name_read(archive_entry_pathname(entry), &u->name, u->e), dir_fd;
	mode_t type = archive_entry_filetype(entry);

	if (r < 0 || u->name.kind == ENTRY_IGNORED)
		return r;
	if (u->name.kind == ENTRY_OPAQUE)
		return put_opaque(u);
	dir_fd = open_parent(u);
	if (dir_fd < 0)
		return fail(u, dir_fd, "make the folder of");
	if (u->name.kind == ENTRY_WHITEOUT)
		return put_whiteout(u, dir_fd);
	if (u->name.kind == ENTRY_ROOT && type != S_IFDIR)
		return err_say(u->e, -EINVAL, "the root of the layer is no folder");
	if (archive_entry_hardlink(entry))
		return put_link(u, dir_fd, entry);
	switch (type) {
	case S_IFREG:
		return put_file(u, dir_fd, entry);
	case S_IFDIR:
		return put_folder(u, dir_fd, entry);
	case S_IFLNK:
		return put_symlink(u, dir_fd, entry);
	case S_IFCHR:
	case S_IFBLK:
	case S_IFIFO:
		return put_node(u, dir_fd, entry);
	default:
		return err_say(u->e, -EINVAL, "entry %s of the layer is of no known type",
			       u->name.path);
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

/* ---- the process --------------------------------------------------------------------------------- */

/* Order: the root last, then nothing of the host is left to name. */
static int confine(int dir_fd, struct err *e)
{
	const struct rlimit none = {0, 0};

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	setrlimit(RLIMIT_CORE, &none);
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return err_sys(e, -errno, "confine the unpacking process");
	if (unshare(CLONE_NEWNET | CLONE_NEWNS | CLONE_NEWIPC) < 0)
		return err_sys(e, -errno, "give the unpacking process namespaces of its own");
	if (fchdir(dir_fd) < 0 || chroot(".") < 0)
		return err_sys(e, -errno, "confine the unpacking process to the layer's folder");
	return 0;
}

/* The rest of the stream belongs to the layer's digest. */
static void drain(int fd)
{
	static char buf[READ_SIZE];

	while (read(fd, buf, sizeof(buf)) > 0)
		continue;
}

static int unpack(struct unpack *u, int tar_fd)
{
	int r;

	u->tar = archive_read_new();
	if (!u->tar || archive_read_support_format_tar(u->tar) != ARCHIVE_OK ||
	    archive_read_support_format_empty(u->tar) != ARCHIVE_OK ||
	    archive_read_open_fd(u->tar, tar_fd, READ_SIZE) != ARCHIVE_OK)
		return err_say(u->e, -EBADMSG, "the layer's tar cannot be read: %s",
			       u->tar ? archive_error_string(u->tar) : "out of memory");
	r = put_all(u);
	if (r == 0)
		set_folder_times(u);
	return r;
}

void unpack_main(int tar_fd, int dir_fd, int result_fd, bool is_user)
{
	struct unpack u = {.is_user = is_user, .root_fd = dir_fd, .parent_fd = -EBADF};
	int fds[] = {tar_fd, dir_fd, result_fd};
	int r;

	u.e = &u.result.err;
	/* Everything else that the program has open is none of its business. */
	for (int i = 0; i < 3; i++)
		fds[i] = fcntl(fds[i], F_DUPFD_CLOEXEC, 10);
	for (int i = 0; i < 3; i++)
		dup2(fds[i], 3 + i);
	sys_close_range(6, ~0U, 0);
	u.root_fd = 4;
	umask(0);
	/* Names in pax headers are UTF-8; those that are not are taken as they are. */
	setlocale(LC_CTYPE, "C.UTF-8");
	r = confine(u.root_fd, u.e);
	if (r == 0)
		r = unpack(&u, 3);
	if (r == 0)
		drain(3);
	_exit(fd_write_all(5, &u.result, sizeof(u.result)) < 0);
}
