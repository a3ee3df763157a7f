/* SPDX-License-Identifier: Apache-2.0 */
/* Who runs in the container: ids, groups and supplementary groups. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "base/arena.h"
#include "base/auto.h"
#include "base/err.h"
#include "base/str.h"
#include "engine/container/spec_parts.h"
#include "engine/container/user.h"
#include "kernel/fd.h"
#include "kernel/path.h"

/*
 * Security: both files are the image's. They are opened below its root without a look at what lies outside, must be
 * regular (a FIFO would hold us for ever, CVE-2024-9676) and small, and numbers are read whole: "1000x" is a name,
 * and what is beyond 2^31-1 is refused instead of wrapping around to root (CVE-2024-40635).
 */

enum { FILE_MAX = 1 << 20, FIELDS = 4 };
#define ID_MAX 0x7fffffffU

struct search {
	int root_fd;
	const char *option, *words;
	struct arena *a;
	struct err *e;
};

/* *ret is NULL where there is no such file. */
static int read_file(const struct search *s, const char *path, char **ret)
{
	auto_close int fd =
		path_open_in_root(s->root_fd, path, O_RDONLY | O_NONBLOCK | O_NOCTTY, 0);
	struct stat st;
	int r = fd < 0 ? fd : fstat(fd, &st) < 0 ? -errno : 0;

	*ret = NULL;
	if (r == -ENOENT || r == -ENOTDIR)
		return 0;
	if (r == 0 && !S_ISREG(st.st_mode))
		return err_say(s->e, -EINVAL, "%s of the image is not a regular file", path);
	if (r == 0)
		r = fd_read_all(fd, s->a, FILE_MAX, ret, NULL);
	return r < 0 ? err_sys(s->e, r, "read %s of the image", path) : 0;
}

/* "name:x:number:more" in place. Returns false for what is no such line. */
static bool cut_line(char *line, char *field[FIELDS])
{
	for (size_t i = 0; i < FIELDS; i++) {
		size_t n = strcspn(line, ":");

		field[i] = line;
		if (!line[n] && i + 1 < FIELDS)
			return false;
		line += n + (line[n] == ':');
		if (field[i] + n < line)
			field[i][n] = '\0';
	}
	return field[0][0] != '\0';
}

/* 1: a number; 0: a name; -EINVAL: a number that is none of an id. */
static int read_id(const struct search *s, const char *word, uint32_t *ret)
{
	uint64_t value;
	int r = str_to_u64(word, &value);

	if (r == -EINVAL)
		return 0;
	if (r < 0 || value > ID_MAX)
		return err_say(s->e, -EINVAL, "%s %s: ids are within 0 and %u", s->option, s->words,
			       ID_MAX);
	*ret = (uint32_t)value;
	return 1;
}

bool user_has_name(const char *words)
{
	if (!words)
		return false;
	return words[strspn(words, "0123456789:")] != '\0';
}

struct found_user {
	uint32_t uid, gid;
	const char *name; /* NULL: not in the file */
};

static int find_user(const struct search *s, const char *user, struct found_user *ret)
{
	struct found_user u = {0};
	char *text = NULL, *line;
	int is_number = 1, r;

	if (user[0]) {
		is_number = read_id(s, user, &u.uid);
		if (is_number < 0)
			return is_number;
	}
	r = s->root_fd < 0 ? 0 : read_file(s, "/etc/passwd", &text);
	if (r < 0)
		return r;
	while (!u.name && (line = next_line(&text))) {
		char *field[FIELDS];
		uint32_t uid, gid;

		if (!cut_line(line, field) || str_to_u32(field[2], &uid) < 0)
			continue;
		if (str_to_u32(field[3], &gid) < 0 || uid > ID_MAX || gid > ID_MAX ||
		    !(str_eq(field[0], user) || (is_number && uid == u.uid)))
			continue;
		u = (struct found_user){.uid = uid, .gid = gid, .name = field[0]};
	}
	if (!is_number && !u.name)
		return err_say(s->e, -EINVAL,
			       "%s %s: unable to find user %s: no matching entries in passwd file "
			       "of the image; a number needs none",
			       s->option, s->words, user);
	*ret = u;
	return 0;
}

static bool is_member(char *list, const char *name)
{
	char *save = NULL;

	for (char *word = strtok_r(list, ",", &save); word; word = strtok_r(NULL, ",", &save))
		if (str_eq(word, name))
			return true;
	return false;
}

static void add_gid(struct oci_user *u, uint32_t gid, struct arena *a)
{
	for (size_t i = 0; i < u->additional_gids.n; i++)
		if (u->additional_gids.v[i] == gid)
			return;
	LIST_ADD(&u->additional_gids, a) = gid;
}

/* The number of one group by name or number. */
static int find_group(const struct search *s, const char *group, uint32_t *ret)
{
	char *text = NULL, *line, *field[FIELDS];
	uint32_t gid, wanted = 0;
	int is_number = read_id(s, group, &wanted), r;

	if (is_number < 0)
		return is_number;
	r = s->root_fd < 0 || is_number ? 0 : read_file(s, "/etc/group", &text);
	if (r < 0)
		return r;
	while (!is_number && (line = next_line(&text)))
		if (cut_line(line, field) && str_eq(field[0], group) &&
		    str_to_u32(field[2], &gid) == 0 && gid <= ID_MAX) {
			*ret = gid;
			return 0;
		}
	if (!is_number)
		return err_say(s->e, -EINVAL,
			       "%s %s: unable to find group %s: no matching entries in group file "
			       "of the image; a number needs none",
			       s->option, s->words, group);
	*ret = wanted;
	return 0;
}

static int add_supplementary(const struct search *s, const char *name, struct oci_user *u)
{
	char *text = NULL, *line, *field[FIELDS];
	uint32_t gid;
	int r = s->root_fd < 0 ? 0 : read_file(s, "/etc/group", &text);

	if (r < 0)
		return r;
	while ((line = next_line(&text)))
		if (cut_line(line, field) && is_member(field[3], name) &&
		    str_to_u32(field[2], &gid) == 0 && gid <= ID_MAX)
			add_gid(u, gid, s->a);
	return 0;
}

int user_find(int root_fd, const char *words, const struct str_slice *groups, const char *option,
	      struct arena *a, struct oci_user *ret, struct err *e)
{
	struct search s = {root_fd, option, words ? words : "", a, e};
	size_t n = strcspn(s.words, ":");
	const char *user = arena_strndup(a, s.words, n);
	const char *group = s.words[n] && s.words[n + 1] ? s.words + n + 1 : NULL;
	struct oci_user u = {.umask = ret->umask};
	struct found_user found = {0};
	int r = find_user(&s, user, &found);

	if (r < 0)
		return r;
	u.uid = found.uid;
	u.gid = found.gid;
	if (group && (r = find_group(&s, group, &u.gid)) < 0)
		return r;
	add_gid(&u, u.gid, a);
	if (!group && found.name && (r = add_supplementary(&s, found.name, &u)) < 0)
		return r;
	for (size_t i = 0; groups && i < groups->n; i++) {
		uint32_t gid = 0;

		s.option = "--group-add";
		s.words = groups->v[i];
		r = find_group(&s, groups->v[i], &gid);
		if (r < 0)
			return r;
		add_gid(&u, gid, a);
	}
	*ret = u;
	return 0;
}

/* Where one id only is mapped, setgroups(2) is denied (user_namespaces(7)). */
static bool can_set_groups(void)
{
	char text[16];

	return file_read_small(AT_FDCWD, "/proc/self/setgroups", text, sizeof(text)) <= 0 ||
	       !str_eq(text, "deny");
}

int user_plan(struct spec_plan *p, struct err *e)
{
	const struct container_request *q = p->q;
	struct oci_user *u = &p->s->process.user;
	const char *words = q->user;
	int r;

	if (!words && !p->has_kept_user)
		words = p->image->config.config.user;
	if (!words && p->has_kept_user)
		words = arena_printf(p->a, "%u:%u", p->g->uid, p->g->gid);
	r = user_find(p->root_fd, words, &q->group_add, q->user ? "--user" : "user", p->a, u, e);
	if (r < 0)
		return r;
	p->r->user = words && words[0] ? words : NULL;
	if (!p->g->is_rootless || can_set_groups())
		return 0;
	if (q->group_add.n)
		return err_say(e, -EPERM,
			       "--group-add %s: needs subordinate group ids of yours in "
			       "/etc/subgid (see `berth doctor`)",
			       q->group_add.v[0]);
	u->additional_gids.n = 0;
	return 0;
}
