/* SPDX-License-Identifier: Apache-2.0 */
/* Mounts made detached and attached by descriptor, with mount(2) behind the same calls. */
#include "kernel/mount.h"

#include <limits.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/vfs.h>

#include "base/auto.h"
#include "base/err.h"
#include "kernel/path.h"

enum { VALUE_MAX = 255 }; /* fsconfig(2) takes no longer strings: fs/fsopen.c */

static bool is_fallback;    /* the new calls are not there, or a test says so */
static bool lacks_setattr;  /* mount_setattr(2) alone is not there: Linux 5.2 to 5.11 */
static int fd_dir = -EBADF; /* /proc/self/fd, once a call had to fall back */
static pid_t fd_dir_owner;  /* whose: a child must open its own */

void mount_use_fallback(bool is_on)
{
	is_fallback = is_on;
}

/* Refused as a whole: not there (ENOSYS), or by a filter (EPERM; then mount(2) tells the truth). */
static bool is_refused(int r)
{
	if (r == -ENOSYS)
		is_fallback = true;
	return r == -ENOSYS || r == -EPERM || r == -EOPNOTSUPP;
}

/* ---- mount(2) ---------------------------------------------------------------------------------- */

static int enter_fd_dir(void)
{
	if (fd_dir < 0 || fd_dir_owner != getpid()) {
		auto_close int fd = open("/proc/self/fd", O_PATH | O_DIRECTORY | O_CLOEXEC);
		struct statfs s;

		if (fd < 0 || fstatfs(fd, &s) < 0)
			return -errno;
		/* Security: a made-up /proc could lead the mount anywhere. */
		if (s.f_type != PROC_SUPER_MAGIC)
			return -EXDEV;
		auto_close_fn(&fd_dir);
		fd_dir = TAKE_FD(fd);
		fd_dir_owner = getpid();
	}
	return fchdir(fd_dir) < 0 ? -errno : 0;
}

static int mount_by_name(const char *source, int target_fd, const char *type, unsigned long flags,
			 const char *data)
{
	char target[16];
	int r = enter_fd_dir();

	if (r < 0)
		return r;
	snprintf(target, sizeof(target), "%d", target_fd);
	return sys_return(syscall(SYS_mount, source, target, type, flags, data));
}

/* After mount(2) the target's descriptor is what lies below; this finds what lies on top. */
static int open_top(const struct mount_target *t)
{
	int r;

	if (t->root_fd >= 0)
		return path_open_in_root(t->root_fd, t->path, O_PATH, 0);
	r = open(t->path, O_PATH | O_CLOEXEC);
	return r < 0 ? -errno : r;
}

static const struct {
	uint64_t attr;
	unsigned ms, st; /* for mount(2), from statfs(2) */
} flag_table[] = {
	{MOUNT_ATTR_RDONLY, MS_RDONLY, 0x1},
	{MOUNT_ATTR_NOSUID, MS_NOSUID, 0x2},
	{MOUNT_ATTR_NODEV, MS_NODEV, 0x4},
	{MOUNT_ATTR_NOEXEC, MS_NOEXEC, 0x8},
	{MOUNT_ATTR_NODIRATIME, MS_NODIRATIME, 0x800},
	{MOUNT_ATTR_NOSYMFOLLOW, MS_NOSYMFOLLOW, 0x2000},
	{MOUNT_ATTR_NOATIME, MS_NOATIME, 0x400},
};

static unsigned long attrs_to_flags(uint64_t attrs)
{
	unsigned long flags = 0;

	for (size_t i = 0; i < ARRAY_LEN(flag_table); i++)
		if (attrs & flag_table[i].attr)
			flags |= flag_table[i].ms;
	if ((attrs & MOUNT_ATTR__ATIME) == MOUNT_ATTR_STRICTATIME)
		flags |= MS_STRICTATIME;
	return flags;
}

static int attrs_of(int mount_fd, uint64_t *ret)
{
	uint64_t attrs = 0;
	struct statfs s;

	if (fstatfs(mount_fd, &s) < 0)
		return -errno;
	for (size_t i = 0; i < ARRAY_LEN(flag_table); i++)
		if ((unsigned long)s.f_flags & flag_table[i].st)
			attrs |= flag_table[i].attr;
	if (!(s.f_flags & (0x400 | 0x1000))) /* neither ST_NOATIME nor ST_RELATIME */
		attrs |= MOUNT_ATTR_STRICTATIME;
	*ret = attrs;
	return 0;
}

static int change_by_name(int mount_fd, const struct mount_change *c)
{
	uint64_t attrs = 0;
	int r = 0;

	if (c->set || c->clear) {
		if (c->is_recursive)
			return -ENOSYS;
		r = attrs_of(mount_fd, &attrs);
		if (r < 0)
			return r;
		attrs = (attrs & ~c->clear) | c->set;
		r = mount_by_name(NULL, mount_fd, NULL,
				  MS_REMOUNT | MS_BIND | attrs_to_flags(attrs), NULL);
	}
	if (r >= 0 && c->propagation)
		r = mount_by_name(NULL, mount_fd, NULL,
				  c->propagation | (c->is_recursive ? MS_REC : 0), NULL);
	return r;
}

/* ---- attributes -------------------------------------------------------------------------------- */

static int change_once(int mount_fd, const struct mount_change *c)
{
	struct mount_attr attr = {
		.attr_set = c->set,
		.attr_clr = c->clear,
		.propagation = c->propagation,
	};
	int r = -ENOSYS;

	if (!is_fallback)
		r = sys_mount_setattr(mount_fd, "",
				      AT_EMPTY_PATH | (c->is_recursive ? AT_RECURSIVE : 0), &attr);
	if (r != -ENOSYS)
		return r;
	/* Not is_refused: a kernel may have the other calls without this one. */
	lacks_setattr = true;
	return change_by_name(mount_fd, c);
}

int mount_set(int mount_fd, const struct mount_change *change)
{
	struct mount_change kept = *change;
	int r;

	if (!change->set && !change->clear && !change->propagation)
		return 0;
	r = change_once(mount_fd, change);
	if (r != -EPERM)
		return r;
	/* Locked flags cannot be cleared in a user namespace, nor the access time mode changed. */
	kept.clear = 0;
	kept.set &= ~(uint64_t)(MOUNT_ATTR__ATIME | MOUNT_ATTR_NODIRATIME);
	r = is_fallback || !(kept.set || kept.propagation) ? -EPERM : change_once(mount_fd, &kept);
	if (r == -EPERM)
		r = change_by_name(mount_fd, &kept);
	return !kept.set && !kept.propagation ? 0 : r;
}

int mount_detach(const char *path)
{
	return sys_return(syscall(SYS_umount2, path, MNT_DETACH));
}

/* ---- new file systems -------------------------------------------------------------------------- */

/* common_set_sb_flag and common_clear_sb_flag of fs/fs_context.c */
static const struct sb_flag {
	unsigned flag;
	const char *key;
} sb_table[] =
	{
		{MS_RDONLY, "ro"},     {MS_SYNCHRONOUS, "sync"},  {MS_DIRSYNC, "dirsync"},
		{MS_MANDLOCK, "mand"}, {MS_LAZYTIME, "lazytime"},
},
  sb_clear_table[] = {
	  {MS_RDONLY, "rw"},
	  {MS_SYNCHRONOUS, "async"},
	  {MS_MANDLOCK, "nomand"},
	  {MS_LAZYTIME, "nolazytime"},
};

/* Cuts the next option off the data: commas split, but not between double quotes, which are dropped
 * (context="system_u:object_r:x:s0:c1,c2"). Returns false at the end; key is empty for ",,". */
static bool next_option(const char **data, char *key, size_t size, char **ret_value, int *ret_r)
{
	bool is_quoted = false;
	const char *p = *data;
	size_t n = 0;

	*ret_r = 0;
	*ret_value = NULL;
	if (!p || !*p)
		return false;
	for (; *p && (is_quoted || *p != ','); p++) {
		if (*p == '"') {
			is_quoted = !is_quoted;
			continue;
		}
		if (n + 1 >= size) {
			*ret_r = -E2BIG;
			return false;
		}
		key[n] = (char)(*p == '=' && !*ret_value ? 0 : *p);
		if (*p == '=' && !*ret_value)
			*ret_value = key + n + 1;
		n++;
	}
	key[n] = '\0';
	*data = p + (*p == ',');
	return true;
}

static bool is_data_long(const char *data)
{
	for (const char *p = data; p && *p; p += strcspn(p, ","), p += *p == ',')
		if (strcspn(p, ",") > VALUE_MAX)
			return true;
	return false;
}

static int set_data(int fs_fd, const char *data)
{
	char key[2 * VALUE_MAX], *value;
	int r = 0;

	while (r >= 0 && next_option(&data, key, sizeof(key), &value, &r)) {
		if (!*key)
			continue;
		r = value ? sys_fsconfig(fs_fd, FSCONFIG_SET_STRING, key, value, 0)
			  : sys_fsconfig(fs_fd, FSCONFIG_SET_FLAG, key, NULL, 0);
	}
	return r;
}

static int set_flags(int fs_fd, unsigned flags, const struct sb_flag *table, size_t n)
{
	int r = 0;

	for (size_t i = 0; r >= 0 && i < n; i++)
		if (flags & table[i].flag)
			r = sys_fsconfig(fs_fd, FSCONFIG_SET_FLAG, table[i].key, NULL, 0);
	return r;
}

static int configure(int fs_fd, const struct mount_new *n)
{
	int r = 0;

	if (n->source)
		r = sys_fsconfig(fs_fd, FSCONFIG_SET_STRING, "source", n->source, 0);
	if (r >= 0)
		r = set_flags(fs_fd, n->sb_flags, sb_table, ARRAY_LEN(sb_table));
	if (r >= 0)
		r = set_data(fs_fd, n->data);
	return r < 0 ? r : sys_fsconfig(fs_fd, FSCONFIG_CMD_CREATE, NULL, NULL, 0);
}

/* The first message of the kernel: "e tmpfs: Unknown parameter 'x'". */
static void take_message(int fs_fd, int r, struct err *e)
{
	char text[256];
	ssize_t n = read(fs_fd, text, sizeof(text) - 1);

	if (n <= 2)
		return;
	text[n] = '\0';
	text[strcspn(text, "\n")] = '\0';
	err_sys(e, r, "%s", text + 2);
}

static int new_by_name(const struct mount_new *n, const struct mount_target *t)
{
	int r = mount_by_name(n->source ? n->source : "none", t->fd, n->type,
			      n->sb_flags | attrs_to_flags(n->attrs), n->data);

	return r < 0 ? r : open_top(t);
}

int mount_make(const struct mount_new *n, struct err *e)
{
	auto_close int fs_fd = -EBADF;
	int r;

	if (is_fallback || is_data_long(n->data))
		return -ENOSYS;
	fs_fd = sys_fsopen(n->type, FSOPEN_CLOEXEC);
	if (fs_fd < 0)
		return is_refused(fs_fd) ? -ENOSYS : fs_fd;
	r = configure(fs_fd, n);
	if (r < 0) {
		take_message(fs_fd, r, e);
		return r;
	}
	return sys_fsmount(fs_fd, FSMOUNT_CLOEXEC, (unsigned)n->attrs);
}

int mount_new(const struct mount_new *n, const struct mount_target *t, struct err *e)
{
	auto_close int mount_fd = mount_make(n, e);
	int r;

	if (mount_fd == -ENOSYS)
		return new_by_name(n, t);
	if (mount_fd < 0)
		return mount_fd;
	r = sys_move_mount(mount_fd, "", t->fd, "",
			   MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH);
	return r < 0 ? r : TAKE_FD(mount_fd);
}

/* mount(2) sets all flags anew: those of the mount are given as they are. */
static int reconfigure_by_name(int mount_fd, unsigned set, const char *data)
{
	uint64_t attrs;
	int r = attrs_of(mount_fd, &attrs);

	return r < 0 ? r
		     : mount_by_name(NULL, mount_fd, NULL, MS_REMOUNT | set | attrs_to_flags(attrs),
				     data);
}

int mount_reconfigure(int mount_fd, unsigned set, unsigned clear, const char *data, struct err *e)
{
	auto_close int fs_fd = -EBADF;
	int r;

	if (is_fallback || is_data_long(data))
		return reconfigure_by_name(mount_fd, set, data);
	fs_fd = sys_fspick(mount_fd, "", FSPICK_CLOEXEC | FSPICK_EMPTY_PATH);
	if (fs_fd == -ENOSYS)
		return reconfigure_by_name(mount_fd, set, data);
	if (fs_fd < 0)
		return fs_fd;
	/* EINVAL for what cannot change (MS_RMT_MASK of linux/fs.h); mount(2) ignores it */
	r = set_flags(fs_fd, set & ~(unsigned)MS_DIRSYNC, sb_table, ARRAY_LEN(sb_table));
	if (r >= 0)
		r = set_flags(fs_fd, clear, sb_clear_table, ARRAY_LEN(sb_clear_table));
	if (r >= 0)
		r = set_data(fs_fd, data);
	if (r >= 0)
		r = sys_fsconfig(fs_fd, FSCONFIG_CMD_RECONFIGURE, NULL, NULL, 0);
	if (r < 0)
		take_message(fs_fd, r, e);
	return r;
}

/* ---- binds ------------------------------------------------------------------------------------- */

int mount_clone(int dir_fd, const char *path, bool is_recursive, struct mount_tree *ret)
{
	unsigned flags = OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | (*path ? 0 : AT_EMPTY_PATH) |
			 (is_recursive ? AT_RECURSIVE : 0);
	int fd = -ENOSYS;

	if (!is_fallback) {
		fd = sys_open_tree(dir_fd, path, flags);
		if (fd < 0 && !is_refused(fd))
			return fd;
	}
	ret->is_recursive = is_recursive;
	ret->is_detached = fd >= 0;
	if (fd < 0) {
		fd = *path ? openat(dir_fd, path, O_PATH | O_CLOEXEC)
			   : fcntl(dir_fd, F_DUPFD_CLOEXEC, 3);
		if (fd < 0)
			return -errno;
	}
	ret->fd = fd;
	return 0;
}

static int attach_by_name(struct mount_tree *tree, const struct mount_target *t)
{
	char source[16];
	int r;

	snprintf(source, sizeof(source), "%d", tree->fd);
	r = mount_by_name(source, t->fd, NULL, MS_BIND | (tree->is_recursive ? MS_REC : 0), NULL);
	if (r < 0)
		return r;
	r = open_top(t);
	if (r < 0)
		return r;
	close(tree->fd);
	tree->fd = r;
	return 0;
}

static int change_all(int mount_fd, const struct mount_change *change, size_t n)
{
	int r = 0;

	for (size_t i = 0; r >= 0 && i < n; i++)
		r = mount_set(mount_fd, &change[i]);
	return r;
}

int mount_attach(struct mount_tree *tree, const struct mount_change *change, size_t n,
		 const struct mount_target *t)
{
	int r = tree->is_detached ? 0 : attach_by_name(tree, t);

	if (r >= 0)
		r = change_all(tree->fd, change, n);
	if (!tree->is_detached || (r < 0 && !lacks_setattr))
		return r;
	r = sys_move_mount(tree->fd, "", t->fd, "",
			   MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH);
	/* mount(2) changes nothing that is detached (EINVAL): it must wait until here. */
	return r >= 0 && lacks_setattr ? change_all(tree->fd, change, n) : r;
}
