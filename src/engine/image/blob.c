/* SPDX-License-Identifier: Apache-2.0 */
/* blobs/sha256: small ones read, checked and written; big ones come through src/image. */
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/arena.h"
#include "base/auto.h"
#include "base/err.h"
#include "base/sha256.h"
#include "base/str.h"
#include "engine/image/store.h"
#include "kernel/fd.h"

enum { BLOB_MAX = 4 << 20, PATH_SIZE = 128 };

static int blob_path(const char *digest, char ret[PATH_SIZE], struct err *e)
{
	if (!oci_digest_is_valid(digest))
		return err_say(e, -EINVAL, "blob %.100s: no digest", digest ? digest : "");
	snprintf(ret, PATH_SIZE, "blobs/sha256/%s", digest + 7);
	return 0;
}

int image_blob_open(const struct engine *g, const char *digest, int *ret_fd, int64_t *ret_size,
		    struct err *e)
{
	auto_close int fd = -EBADF;
	char path[PATH_SIZE];
	struct stat st;
	int r = blob_path(digest, path, e);

	if (r < 0)
		return r;
	fd = openat(g->data_fd, path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT)
		return err_say(e, -ENOENT, "blob %s is not in the local store", digest);
	if (fd < 0 || fstat(fd, &st) < 0)
		return err_sys(e, -errno, "open %s/%s", g->data, path);
	if (!S_ISREG(st.st_mode))
		return err_say(e, -EINVAL, "%s/%s is no regular file", g->data, path);
	*ret_fd = TAKE_FD(fd);
	if (ret_size)
		*ret_size = st.st_size;
	return 0;
}

int image_blob_read(const struct engine *g, const char *digest, struct arena *a, char **ret,
		    size_t *ret_n, struct err *e)
{
	auto_close int fd = -EBADF;
	char *data, hex[65];
	size_t n = 0;
	int r = image_blob_open(g, digest, &fd, NULL, e);

	if (r < 0)
		return r;
	r = fd_read_all(fd, a, BLOB_MAX, &data, &n);
	if (r < 0)
		return err_sys(e, r, "read blob %s", digest);
	sha256_hex(data, n, hex);
	if (!str_eq(hex, digest + 7))
		return err_say(
			e, -EBADMSG,
			"blob %s is damaged (its content is sha256:%s): pull the image again",
			digest, hex);
	*ret = data;
	if (ret_n)
		*ret_n = n;
	return 0;
}

int image_blob_write(const struct engine *g, const void *data, size_t n, struct arena *a,
		     const char **ret_digest, struct err *e)
{
	char hex[65], path[PATH_SIZE];
	struct stat st;
	int r;

	if (n > BLOB_MAX)
		return err_say(e, -EFBIG, "a manifest or configuration of %zu bytes: at most %d", n,
			       BLOB_MAX);
	sha256_hex(data, n, hex);
	snprintf(path, sizeof(path), "blobs/sha256/%s", hex);
	/* One that was cut short by a crash of the machine is written anew. */
	if (fstatat(g->data_fd, path, &st, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISREG(st.st_mode) ||
	    st.st_size != (off_t)n) {
		r = store_put(g, path, data, n);
		if (r < 0)
			return err_sys(e, r, "write %s/%s", g->data, path);
	}
	*ret_digest = arena_printf(a, "sha256:%s", hex);
	return 0;
}
