/* SPDX-License-Identifier: Apache-2.0 */
/* The files of a log in the order of their making. */
#include "engine/log/chain.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/log/sink.h"

enum { WALK_MAX = 1001, QUICK_TRIES = 20, TRIES = 300 };

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

/* A rotation moves the oldest file first: while it is at work there is one number without a file, and more behind. */
static bool is_gap(int dir_fd, unsigned i)
{
	char name[32];

	snprintf(name, sizeof(name), LOG_FILE ".%u", i + 1);
	return faccessat(dir_fd, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

/* Opens log.json, log.json.1, ... into found until `last` (0: none known) or the end. Returns how many, or
 * -EAGAIN where a rotation came between; *ret_met: last was met. spans: a number without a file is passed over: whoever
 * rotated was killed at it. */
static int walk(int dir_fd, uint64_t last, bool spans, struct chain_file *found, bool *ret_met)
{
	unsigned i = 0;
	int n = 0, r = 0;
	bool is_torn;

	*ret_met = false;
	while (n < WALK_MAX && !*ret_met) {
		r = open_numbered(dir_fd, i, &found[n]);
		if (r == -ENOENT && spans && is_gap(dir_fd, i))
			i++;
		else if (r < 0)
			break;
		else if (last && found[n].inode == last)
			*ret_met = true;
		else {
			i++;
			n++;
		}
	}
	if (*ret_met)
		close(found[n].fd);
	is_torn = !spans && r == -ENOENT && is_gap(dir_fd, i);
	/* Between the renames and the making of the new file there is no log.json for a moment. */
	if (n == 0 && !is_torn)
		return *ret_met || r == -ENOENT ? 0 : r;
	if (n > 0 && !is_torn && (spans || is_newest(dir_fd, found[0].inode)))
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
	for (int i = 0; i < TRIES && n == -EAGAIN; i++) {
		n = walk(c->dir_fd, last, i + 1 >= TRIES, found, &is_met);
		/* Whoever rotates may be waiting for our processor. */
		if (n == -EAGAIN && i >= QUICK_TRIES)
			poll(NULL, 0, 1);
	}
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
