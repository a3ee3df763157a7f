/* SPDX-License-Identifier: Apache-2.0 */
/* The files of a log in the order of their making. */
#include "engine/log/chain.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/log/sink.h"

enum { WALK_MAX = 1001, TRIES = 1000 };

static int open_numbered(int dir_fd, unsigned i, struct chain_file *ret)
{
	char name[32];
	struct stat st;
	int fd;

	snprintf(name, sizeof(name), i ? LOG_FILE ".%u" : LOG_FILE, i);
	fd = openat(dir_fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) < 0) {
		close(fd);
		return -EIO;
	}
	*ret = (struct chain_file){.fd = fd, .inode = st.st_ino};
	return 0;
}

static int append(struct chain *c, const struct chain_file *file)
{
	if (c->n == c->room) {
		unsigned room = c->room ? c->room * 2 : 16;
		struct chain_file *files = realloc(c->files, room * sizeof(*files));

		if (!files)
			return -ENOMEM;
		c->files = files;
		c->room = room;
	}
	c->files[c->n++] = *file;
	return 0;
}

static bool is_newest(int dir_fd, uint64_t inode)
{
	struct stat st;

	return fstatat(dir_fd, LOG_FILE, &st, AT_SYMLINK_NOFOLLOW) == 0 && st.st_ino == inode;
}

/* Opens log.json, log.json.1, ... into found until `last` (0: none known) or the end. Returns how many, or
 * -EAGAIN where a rotation came between; *ret_met: last was met. */
static int walk(int dir_fd, uint64_t last, struct chain_file *found, bool *ret_met)
{
	int n = 0, r = 0;

	*ret_met = false;
	while (n < WALK_MAX && (r = open_numbered(dir_fd, (unsigned)n, &found[n])) == 0) {
		if (last && found[n].inode == last) {
			*ret_met = true;
			close(found[n].fd);
			break;
		}
		n++;
	}
	/* Between the renames and the making of the new file there is no log.json for a moment. */
	if (n == 0)
		return *ret_met || r == -ENOENT ? 0 : r;
	if (is_newest(dir_fd, found[0].inode))
		return n;
	while (n > 0)
		close(found[--n].fd);
	return -EAGAIN;
}

int chain_look(struct chain *c)
{
	uint64_t last = c->n > c->first ? c->files[c->n - 1].inode : 0;
	struct chain_file *found;
	bool is_met = false;
	int n = -EAGAIN, r = 0;

	if (last && is_newest(c->dir_fd, last))
		return 0;
	found = calloc(WALK_MAX, sizeof(*found));
	if (!found)
		return -ENOMEM;
	for (int i = 0; i < TRIES && n == -EAGAIN; i++)
		n = walk(c->dir_fd, last, found, &is_met);
	for (int i = n - 1; i >= 0; i--)
		if (r < 0 || (r = append(c, &found[i])) < 0)
			close(found[i].fd);
	free(found);
	if (n < 0 || r < 0)
		return n < 0 ? n : r;
	return n == 0 ? 0 : last && !is_met ? 2 : 1;
}

void chain_shift(struct chain *c)
{
	close(c->files[c->first++].fd);
	if (c->first < c->n)
		return;
	c->first = c->n = 0;
}

void chain_close(struct chain *c)
{
	while (c->first < c->n)
		chain_shift(c);
	free(c->files);
	c->files = NULL;
	c->room = 0;
}
