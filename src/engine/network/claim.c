/* SPDX-License-Identifier: Apache-2.0 */
/* Addresses of a network, each claimed by one container: a file a claim, made with O_EXCL. */
#include "engine/network/claim.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "base/auto.h"
#include "base/err.h"
#include "base/str.h"
#include "engine/container/record.h"
#include "engine/network/store.h"
#include "kernel/fd.h"

/*
 * Theory of operation
 *
 * RUN/networks/ID/ADDRESS holds the id of a container. Addresses are given out in turn: RUN/networks/ID/next4 (next6)
 * says how far it has got. It is read and written without a lock, since it is only where the search begins: O_EXCL
 * decides. A claim whose container is dead (its lock is free) is taken over.
 */

enum { ID_LENGTH = 64, YOUNG_SECONDS = 5 };
#define TRIES_MAX ((int64_t)1 << 20)

int claim_folder(const struct engine *g, const struct network *n, struct err *e)
{
	char path[96];
	int fd;

	snprintf(path, sizeof(path), "networks/%s", n->id);
	fd = openat(g->run_fd, path, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd >= 0 || errno != ENOENT)
		return fd < 0 ? err_sys(e, -errno, "open %s/%s", g->run, path) : fd;
	if ((mkdirat(g->run_fd, "networks", 0700) < 0 && errno != EEXIST) ||
	    (mkdirat(g->run_fd, path, 0700) < 0 && errno != EEXIST))
		return err_sys(e, -errno, "make %s/%s", g->run, path);
	fd = openat(g->run_fd, path, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	return fd < 0 ? err_sys(e, -errno, "open %s/%s", g->run, path) : fd;
}

/* 0, -EEXIST or another -errno. */
static int try_claim(int folder, const struct address *a, const char *id)
{
	char name[ADDRESS_TEXT];
	auto_close int fd = openat(folder, address_print(a, name),
				   O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	int r;

	if (fd < 0)
		return -errno;
	r = fd_write_all(fd, id, strlen(id));
	if (r < 0)
		unlinkat(folder, name, 0);
	return r;
}

/* The lock under which claims of the dead are taken away: whoever reads a dead one's id there may remove the file. */
static int lock_folder(int folder)
{
	auto_close int fd = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	while (fd >= 0 && flock(fd, LOCK_EX) < 0)
		if (errno != EINTR)
			return -errno;
	return fd < 0 ? -errno : TAKE_FD(fd);
}

/* Whoever has it is dead, or never got as far as to write his name. Returns whether it is free now. */
static bool take_over(const struct engine *g, int folder, const struct address *a)
{
	char name[ADDRESS_TEXT], id[ID_LENGTH + 2];
	auto_close int lock = lock_folder(folder);
	int n = lock < 0 ? lock : file_read_small(folder, address_print(a, name), id, sizeof(id));
	auto_close int dir = n == ID_LENGTH ? record_open(g, id, NULL) : -EBADF;
	struct stat st;

	if (n < 0)
		return n == -ENOENT;
	if (n == 0 && (fstatat(folder, name, &st, 0) < 0 ||
		       network_now_ns() / 1000000000 - st.st_mtim.tv_sec < YOUNG_SECONDS))
		return false; /* he is about to write it */
	if (dir >= 0 && record_is_locked(dir))
		return false;
	unlinkat(folder, name, 0);
	return true;
}

static bool is_reserved(const struct network_range *r, const struct address *a)
{
	return address_equal(a, &r->gateway);
}

/* ---- given --------------------------------------------------------------------------------------- */

static int claim_wanted(const struct engine *g, int folder, const struct network *n, int family,
			const char *wanted, const char *id, struct address *ret, struct err *e)
{
	const struct network_range *range = &n->range[family];
	struct address a = {0}, last = subnet_last(&range->subnet);
	int r;

	if (!range->is_set || address_parse(wanted, &a) < 0 || !subnet_has(&range->subnet, &a))
		return err_say(e, -EINVAL,
			       "invalid address %s: it does not belong to any of network %s's "
			       "subnets",
			       wanted, n->name);
	if (is_reserved(range, &a) || address_equal(&a, &range->subnet.base) ||
	    (family == NETWORK_V4 && address_equal(&a, &last)))
		return err_say(e, -EADDRINUSE,
			       "address already in use: %s is network %s's own: the gateway, or no "
			       "host's",
			       wanted, n->name);
	r = try_claim(folder, &a, id);
	if (r == -EEXIST && take_over(g, folder, &a))
		r = try_claim(folder, &a, id);
	if (r == -EEXIST) {
		char name[ADDRESS_TEXT], holder[ID_LENGTH + 2] = "";

		file_read_small(folder, address_print(&a, name), holder, sizeof(holder));
		return err_say(e, -EADDRINUSE,
			       "address already in use: %s of network %s: container %.12s has it",
			       wanted, n->name, holder);
	}
	if (r < 0)
		return err_sys(e, r, "claim address %s of network %s", wanted, n->name);
	*ret = a;
	return 0;
}

/* ---- in turn ------------------------------------------------------------------------------------- */

static int open_turn(int folder, int family)
{
	return openat(folder, family == NETWORK_V4 ? "next4" : "next6",
		      O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
}

static int64_t read_turn(int fd, int64_t count)
{
	int64_t at = 0;

	if (fd < 0 || pread(fd, &at, sizeof(at), 0) != (ssize_t)sizeof(at) || at < 0 || at >= count)
		return 0;
	return at;
}

static int claim_next(const struct engine *g, int folder, const struct network *n, int family,
		      const char *id, struct address *ret, struct err *e)
{
	const struct network_range *range = &n->range[family];
	int64_t count = address_distance(&range->first, &range->last) + 1, at;
	int64_t tries = count < TRIES_MAX ? count : TRIES_MAX;
	auto_close int turn = open_turn(folder, family);

	at = read_turn(turn, count);
	/* In the second round the claims of the dead are looked at. */
	for (int round = 0; round < 2; round++)
		for (int64_t i = 0; i < tries; i++) {
			int64_t place = (at + i) % count, next = (place + 1) % count;
			struct address a = address_add(&range->first, place);
			int r = is_reserved(range, &a) ? -EEXIST : try_claim(folder, &a, id);

			if (r == -EEXIST && round > 0 && !is_reserved(range, &a) &&
			    take_over(g, folder, &a))
				r = try_claim(folder, &a, id);
			if (r == -EEXIST)
				continue;
			if (r < 0)
				return err_sys(e, r, "claim an address of network %s", n->name);
			if (turn >= 0 &&
			    pwrite(turn, &next, sizeof(next), 0) != (ssize_t)sizeof(next))
				return err_sys(e, -EIO, "write %s/networks/%s", g->run, n->id);
			*ret = a;
			return 0;
		}
	return err_say(e, -EADDRINUSE, "no available addresses in network %s", n->name);
}

int claim_address(const struct engine *g, int folder, const struct network *n, int family,
		  const char *wanted, const char *id, struct address *ret, struct err *e)
{
	return wanted ? claim_wanted(g, folder, n, family, wanted, id, ret, e)
		      : claim_next(g, folder, n, family, id, ret, e);
}

void claim_release(const struct engine *g, const char *network_id, const char *address,
		   const char *id)
{
	char path[96 + ADDRESS_TEXT], holder[ID_LENGTH + 2];

	snprintf(path, sizeof(path), "networks/%s/%s", network_id, address);
	if (file_read_small(g->run_fd, path, holder, sizeof(holder)) >= 0 && str_eq(holder, id))
		unlinkat(g->run_fd, path, 0);
}
