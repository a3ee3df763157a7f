/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzz: any bytes as a tar file with images; what is listed lies within the file. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/err.h"
#include "image/archive_index.h"
#include "kernel/fd.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool is_true)
{
	if (!is_true)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	int fd = memfd_create("tar", MFD_CLOEXEC), r;
	struct tar_index index = {0};
	struct arena a = {0};
	struct err e = {0};

	check(fd >= 0 && fd_write_all(fd, data, size) == 0);
	r = tar_index_read(fd, 0, "tar", &a, &index, &e);
	check((r < 0) == (e.code != 0));
	for (size_t i = 0; i < index.n; i++) {
		const struct tar_member *m = &index.v[i];
		const struct tar_member *found = tar_index_find(&index, m->name);

		check(m->offset >= 0 && m->size >= 0 && m->offset + m->size <= (int64_t)size);
		check(m->name[0] != '/' && strcmp(m->name, "..") != 0 &&
		      strncmp(m->name, "../", 3) != 0);
		check(m->link ? !found || !found->link : found == m);
		check(i == 0 || strcmp(index.v[i - 1].name, m->name) < 0);
	}
	arena_free(&a);
	close(fd);
	return 0;
}
