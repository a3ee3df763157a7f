/* SPDX-License-Identifier: Apache-2.0 */
/* What a killed pull left of a layer's blob: found, so that it need not be fetched again. */
#include "image/partial.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/str.h"
#include "kernel/tree.h"

enum { PREFIX_SIZE = sizeof("layer-") + 64 + 1 };

/* Opens the blob of one draft if nobody works on it. The lock goes with dir_fd. */
static int take_one(int tmp_fd, const char *name, int64_t *ret_size)
{
	auto_close int dir_fd =
		openat(tmp_fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	auto_close int blob = -EBADF;
	struct stat st;

	if (dir_fd < 0 || flock(dir_fd, LOCK_EX | LOCK_NB) < 0)
		return -EBUSY;
	blob = openat(dir_fd, "blob", O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	if (blob < 0 || fstat(blob, &st) < 0 || !S_ISREG(st.st_mode))
		return -ENOENT;
	/* Order: with the lock held, so that of two who want it one is late. */
	tree_remove_at(tmp_fd, name);
	*ret_size = st.st_size;
	return TAKE_FD(blob);
}

int partial_take(const struct engine *g, const char *digest, int64_t *ret_size)
{
	int tmp_fd = openat(g->data_fd, "tmp", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	auto_closedir DIR *dir = tmp_fd < 0 ? NULL : fdopendir(tmp_fd);
	auto_close int best = -EBADF;
	char prefix[PREFIX_SIZE + 1];
	struct dirent *entry;
	int64_t best_size = 0;

	if (!dir) {
		if (tmp_fd >= 0)
			close(tmp_fd);
		return -ENOENT;
	}
	snprintf(prefix, sizeof(prefix), "layer-%.64s-", digest + strlen("sha256:"));
	while ((entry = readdir(dir))) {
		int64_t size = 0;
		int fd = str_starts(entry->d_name, prefix) ? take_one(tmp_fd, entry->d_name, &size)
							   : -ENOENT;

		if (fd >= 0 && size > best_size) {
			int worse = best;

			best = fd;
			best_size = size;
			fd = worse;
		}
		if (fd >= 0)
			close(fd);
	}
	if (best < 0)
		return -ENOENT;
	*ret_size = best_size;
	return TAKE_FD(best);
}
