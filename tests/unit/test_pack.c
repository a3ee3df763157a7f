/* SPDX-License-Identifier: Apache-2.0 */
/* Folders packed, and what was packed found again by the index of tar files. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the four above first */
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/auto.h"
#include "base/err.h"
#include "base/str.h"
#include "image/archive_index.h"
#include "image/pack.h"
#include "image/raw_read.h"
#include "image/tar.h"
#include "image/tar_write.h"
#include "kernel/fd.h"
#include "kernel/tree.h"

struct room {
	char path[64];
	int fd;
};

static int set_up(void **state)
{
	struct room *room = calloc(1, sizeof(*room));

	strcpy(room->path, "/tmp/berth-pack-XXXXXX");
	if (!mkdtemp(room->path))
		return -1;
	room->fd = open(room->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	*state = room;
	return room->fd < 0;
}

static int tear_down(void **state)
{
	struct room *room = *state;

	close(room->fd);
	tree_remove_at(AT_FDCWD, room->path);
	free(room);
	return 0;
}

static int pack(const struct room *room, bool is_layer, struct pack_count *count)
{
	const struct pack_options o = {.is_layer = is_layer, .is_rootless = true};
	struct sink_file file = {.fd = memfd_create("tar", MFD_CLOEXEC), .label = "memory"};
	struct err e = {0};
	int r = pack_folder(room->fd, &o, &(struct sink){sink_file_write, &file}, count, &e);

	assert_string_equal(e.text, "");
	assert_int_equal(r, 0);
	assert_int_equal(sink_file_flush(&file, &e), 0);
	sink_file_free(&file);
	return file.fd;
}

static void put(const struct room *room, const char *name, const char *text)
{
	auto_close int fd = openat(room->fd, name, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);

	assert_true(fd >= 0);
	assert_int_equal(fd_write_all(fd, text, strlen(text)), 0);
}

static void test_names(void **state)
{
	const struct room *room = *state;
	auto_arena struct arena a = {0};
	struct pack_count count = {0};
	struct tar_index index;
	const struct tar_member *m;
	char longest[200], text[8] = "";
	auto_close int tar = -EBADF;
	struct err e = {0};

	memset(longest, 'n', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = '\0';
	assert_int_equal(mkdirat(room->fd, "d", 0755), 0);
	put(room, "d/file", "content");
	put(room, "odd\nname \xff", "x");
	put(room, longest, "long");
	assert_int_equal(symlinkat("d/file", room->fd, "pointer"), 0);
	assert_int_equal(linkat(room->fd, "d/file", room->fd, "z", 0), 0);
	assert_int_equal(mkfifoat(room->fd, "fifo", 0600), 0);
	tar = pack(room, true, &count);
	assert_int_equal(count.entries, 7);
	assert_int_equal(tar_index_read(tar, 0, "tar", &a, &index, &e), 0);
	m = tar_index_find(&index, "d/file");
	assert_true(m && m->size == 7 && pread(tar, text, 7, m->offset) == 7);
	assert_string_equal(text, "content");
	assert_ptr_equal(tar_index_find(&index, "z"), m);
	assert_ptr_equal(tar_index_find(&index, "pointer"), m);
	assert_non_null(tar_index_find(&index, longest));
	assert_non_null(tar_index_find(&index, "odd\nname \xff"));
	assert_null(tar_index_find(&index, "fifo"));
	assert_null(tar_index_find(&index, "d"));
}

static void test_holes(void **state)
{
	const struct room *room = *state;
	auto_close int fd = openat(room->fd, "sparse", O_RDWR | O_CREAT | O_CLOEXEC, 0644), tar;
	struct stat st;

	assert_int_equal(ftruncate(fd, INT64_C(1) << 33), 0);
	assert_int_equal(pwrite(fd, "x", 1, INT64_C(1) << 32), 1);
	tar = pack(room, false, NULL);
	assert_int_equal(fstat(tar, &st), 0);
	assert_true(st.st_size < 100000);
}

static void test_whiteouts(void **state)
{
	const struct room *room = *state;
	auto_arena struct arena a = {0};
	struct tar_index index;
	auto_close int tar = -EBADF;
	char path[128];

	assert_int_equal(mkdirat(room->fd, "opaque", 0755), 0);
	put(room, "gone", "");
	snprintf(path, sizeof(path), "%s/opaque", room->path);
	if (setxattr(path, "user.overlay.opaque", "y", 1, 0) < 0)
		skip(); /* a file system without attributes */
	snprintf(path, sizeof(path), "%s/gone", room->path);
	assert_int_equal(setxattr(path, "user.overlay.whiteout", "", 0, 0), 0);
	tar = pack(room, true, NULL);
	assert_int_equal(tar_index_read(tar, 0, "tar", &a, &index, NULL), 0);
	assert_non_null(tar_index_find(&index, "opaque/.wh..wh..opq"));
	assert_non_null(tar_index_find(&index, ".wh.gone"));
	assert_null(tar_index_find(&index, "gone"));
}

static int memory_of(const void *data, size_t n)
{
	int fd = memfd_create("tar", MFD_CLOEXEC);

	assert_int_equal(fd_write_all(fd, data, n), 0);
	return fd;
}

/* Every beginning of an archive, and every byte of its first header changed: refused or read, never worse. */
static void test_broken(void **state)
{
	struct sink_file file = {.fd = memfd_create("tar", MFD_CLOEXEC), .label = "memory"};
	const struct sink to = {sink_file_write, &file};
	const struct tar_record record = {"SCHILY.xattr.user.a", "b", 1};
	const struct tar_entry entry = {
		.name = "file", .type = '0', .size = 5, .records = &record, .n_records = 1};
	auto_arena struct arena a = {0};
	struct tar_index index;
	char buf[4096];
	ssize_t n;

	(void)state;
	assert_int_equal(tar_write_entry(&to, &entry, NULL), 0);
	assert_int_equal(sink_write(&to, "12345", 5, NULL), 0);
	assert_int_equal(tar_write_padding(&to, 5, NULL), 0);
	assert_int_equal(tar_write_end(&to, NULL), 0);
	assert_int_equal(sink_file_flush(&file, NULL), 0);
	sink_file_free(&file);
	n = pread(file.fd, buf, sizeof(buf), 0);
	close(file.fd);
	assert_true(n == 6 * TAR_BLOCK);
	for (ssize_t i = 0; i < n; i += 100) {
		auto_close int fd = memory_of(buf, (size_t)i);

		/* At a header's place the end is an end. */
		if (tar_index_read(fd, 0, "tar", &a, &index, NULL) == 0)
			assert_true(i >= 4 * TAR_BLOCK);
	}
	for (size_t i = 0; i < 3 * TAR_BLOCK; i++) {
		struct err e = {0};
		auto_close int fd = -EBADF;

		buf[i] ^= 0x55;
		fd = memory_of(buf, (size_t)n);
		assert_true(tar_index_read(fd, 0, "tar", &a, &index, &e) == -e.code);
		buf[i] ^= 0x55;
	}
}

static void test_numbers(void **state)
{
	struct sink_file file = {.fd = memfd_create("tar", MFD_CLOEXEC), .label = "memory"};
	const struct sink to = {sink_file_write, &file};
	const struct tar_entry entry = {.name = "large",
					.type = '0',
					.uid = UINT32_MAX - 1,
					.mtime = -5,
					.size = INT64_C(1) << 40};
	auto_arena struct arena a = {0};
	struct tar_index index;

	(void)state;
	assert_int_equal(tar_write_entry(&to, &entry, NULL), 0);
	assert_int_equal(sink_file_flush(&file, NULL), 0);
	sink_file_free(&file);
	assert_int_equal(tar_index_read(file.fd, 0, "tar", &a, &index, NULL), -EBADMSG);
	assert_int_equal(ftruncate(file.fd, TAR_BLOCK + entry.size), 0);
	assert_int_equal(tar_index_read(file.fd, 0, "tar", &a, &index, NULL), 0);
	assert_int_equal(tar_index_find(&index, "large")->size, entry.size);
	close(file.fd);
}

static void test_gzip(void **state)
{
	struct sink_file file = {.fd = memfd_create("gz", MFD_CLOEXEC), .label = "memory"};
	auto_sink_gzip struct sink_gzip *z = sink_gzip_open((struct sink){sink_file_write, &file});
	auto_raw struct raw *raw = NULL;
	const size_t size = 3 << 20;
	auto_free char *data = malloc(size), *back = malloc(size + 1);
	size_t n = 0;
	ssize_t got;

	(void)state;
	for (size_t i = 0; i < size; i++)
		data[i] = (char)(i * i >> 7);
	for (size_t i = 0; i < size; i += 65537)
		assert_int_equal(
			sink_gzip_write(z, data + i, size - i < 65537 ? size - i : 65537, NULL), 0);
	assert_int_equal(sink_gzip_finish(z, NULL), 0);
	assert_int_equal(sink_file_flush(&file, NULL), 0);
	assert_true(raw_is_compressed(file.fd, 0));
	lseek(file.fd, 0, SEEK_SET);
	raw = raw_open(file.fd, "memory");
	while ((got = raw_read(raw, back + n, size + 1 - n, NULL)) > 0)
		n += (size_t)got;
	assert_true(got == 0 && n == size && memcmp(data, back, size) == 0);
	sink_file_free(&file);
	close(file.fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_names, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_holes, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_whiteouts, set_up, tear_down),
		cmocka_unit_test(test_broken),
		cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_gzip),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
