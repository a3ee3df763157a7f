/* SPDX-License-Identifier: Apache-2.0 */
/* Blobs on their way out of the store: inflated where that is wanted, and checked. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/auto.h"
#include "base/err.h"
#include "base/str.h"
#include "image/archive_format.h"
#include "image/digest.h"
#include "image/inflate.h"

enum { PIECE = 1 << 18 };

struct content {
	struct digest digest;
	const struct sink *to;
	int64_t size;
};

static int take(void *owner, const void *data, size_t n, struct err *e)
{
	struct content *c = owner;
	int r = digest_add(&c->digest, data, n);

	c->size += (int64_t)n;
	return r < 0 || !c->to ? r : sink_write(c->to, data, n, e);
}

/* Everything from fd to take, through z unless that is NULL. */
static int copy(int fd, struct inflate *z, const char *name, struct content *c, struct err *e)
{
	auto_arena struct arena a = {0};
	char *buf = arena_alloc(&a, PIECE);
	int r = 0;

	while (r >= 0) {
		ssize_t n = read(fd, buf, PIECE);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_sys(e, -errno, "read blob %s", name);
		if (n == 0)
			return z ? inflate_finish(z, e) : 0;
		r = z ? inflate_feed(z, buf, (size_t)n, e) : take(c, buf, (size_t)n, e);
	}
	return r;
}

int save_content(int fd, bool inflates, const char *digest, const struct sink *to,
		 int64_t *ret_size, struct err *e)
{
	struct content c = {.to = to};
	struct inflate *z = NULL;
	char is[DIGEST_SIZE];
	int r = digest_begin(&c.digest, e);

	if (r == 0 && inflates)
		r = inflate_open(take, &c, &z, e);
	if (r == 0)
		r = copy(fd, z, digest, &c, e);
	if (z)
		inflate_close(z);
	if (r == 0)
		r = digest_end(&c.digest, is);
	digest_free(&c.digest);
	if (r < 0)
		return err_sys(e, r, "read blob %s", digest);
	if (!str_eq(is, digest))
		return err_say(e, -EBADMSG,
			       "%s is damaged in the local store (its content is %s): pull the "
			       "image again",
			       digest, is);
	if (ret_size)
		*ret_size = c.size;
	return 0;
}
