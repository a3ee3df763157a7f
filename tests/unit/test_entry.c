/* SPDX-License-Identifier: Apache-2.0 */
/* Entries of layers: what names mean, what is refused before a folder is touched; streams in pieces. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <zlib.h>

#include <cmocka.h>

#include "base/auto.h"
#include "base/err.h"
#include "image/entry.h"
#include "image/inflate.h"

static void test_names(void **state)
{
	static const struct {
		const char *name, *path, *base;
		enum entry_kind kind;
	} rows[] = {
		{"a", "a", "a", ENTRY_NORMAL},
		{"./a//b/./c/", "a/b/c", "c", ENTRY_NORMAL},
		{"/etc/passwd", "etc/passwd", "passwd", ENTRY_NORMAL},
		{"...", "...", "...", ENTRY_NORMAL},
		{"a/..b", "a/..b", "..b", ENTRY_NORMAL},
		{".", "", "", ENTRY_ROOT},
		{"./", "", "", ENTRY_ROOT},
		{"/", "", "", ENTRY_ROOT},
		{"a/.wh.b", "a/b", "b", ENTRY_WHITEOUT},
		{".wh.b", "b", "b", ENTRY_WHITEOUT},
		{".wh..b", ".b", ".b", ENTRY_WHITEOUT},
		{".wh..wh..opq", "", "", ENTRY_OPAQUE},
		{"a/b/.wh..wh..opq", "a/b", "b", ENTRY_OPAQUE},
		{".wh..wh.plnk/1.2", ".wh..wh.plnk/1.2", "1.2", ENTRY_IGNORED},
		{"a/.wh..wh.aufs", "a/.wh..wh.aufs", ".wh..wh.aufs", ENTRY_IGNORED},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct entry_name name;

		assert_int_equal(entry_name_read(rows[i].name, &name, NULL), 0);
		assert_string_equal(name.path, rows[i].path);
		assert_int_equal(name.kind, rows[i].kind);
		if (rows[i].kind != ENTRY_IGNORED)
			assert_string_equal(name.base, rows[i].base);
	}
}

static void test_refused_names(void **state)
{
	static const char *const names[] = {"",        "..",           "../a",    "a/..",
					    "a/../b",  ".wh.",         "a/.wh..", ".wh...",
					    "/../etc", "a/b/../../..", NULL};
	char longest[ENTRY_PATH_MAX * 2];

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		struct entry_name name;
		struct err e = {0};

		assert_int_equal(entry_name_read(names[i], &name, &e), -EINVAL);
		assert_int_equal(e.code, EINVAL);
	}
	for (size_t n = 256; n < sizeof(longest) - 1; n += 3000) {
		struct entry_name name;

		memset(longest, 'n', n);
		longest[n] = '\0';
		assert_int_equal(entry_name_read(longest, &name, NULL), -EINVAL);
		for (size_t k = 1; k < n; k += 2)
			longest[k] = '/';
		assert_int_equal(entry_name_read(longest, &name, NULL), n < 2000 ? 0 : -EINVAL);
	}
}

/* What a terminal would act on is not shown. */
static void test_shown_name(void **state)
{
	struct entry_name name;
	struct err e = {0};

	(void)state;
	assert_int_equal(entry_name_read("a\033[31m/../x", &name, &e), -EINVAL);
	assert_null(strchr(e.text, '\033'));
}

static void test_entries(void **state)
{
	static const struct {
		struct entry_facts facts;
		const char *said; /* NULL: fine */
	} rows[] = {
		{{"a", NULL, NULL, S_IFREG, 0}, NULL},
		{{"./", NULL, NULL, S_IFDIR, 0}, NULL},
		{{"./", NULL, NULL, S_IFREG, 0}, "no folder"},
		{{"./", NULL, "/", S_IFLNK, 0}, "no folder"},
		{{"/", "a", NULL, S_IFREG, 0}, "no folder"},
		{{"a", NULL, "../../../x", S_IFLNK, 0}, NULL},
		{{"a", NULL, "", S_IFLNK, 0}, "link to nothing"},
		{{"a", NULL, NULL, S_IFLNK, 0}, "link to nothing"},
		{{"a", "b", NULL, S_IFREG, 0}, NULL},
		{{"a", "", NULL, S_IFREG, 0}, "link to nothing"},
		{{"a", "./a", NULL, S_IFREG, 0}, "link to itself"},
		{{"a", "/", NULL, S_IFREG, 0}, "link to the layer itself"},
		{{"a", "b/../../c", NULL, S_IFREG, 0}, "\"..\""},
		{{"a", NULL, NULL, S_IFCHR, 0}, "device 0/0"},
		{{"a", NULL, NULL, S_IFBLK, 0}, NULL},
		{{"a", NULL, NULL, S_IFIFO, 0}, NULL},
		{{"a", NULL, NULL, S_IFSOCK, 0}, "no known type"},
		/* Of a whiteout only the name counts. */
		{{"d/.wh.a", NULL, NULL, S_IFCHR, 0}, NULL},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct entry_name name;
		char link[ENTRY_PATH_MAX];
		struct err e = {0};
		int r = entry_check(&rows[i].facts, &name, link, &e);

		assert_int_equal(r, rows[i].said ? -EINVAL : 0);
		if (rows[i].said)
			assert_non_null(strstr(e.text, rows[i].said));
	}
}

/* ---- streams ------------------------------------------------------------------------------------- */

struct sum {
	uLong crc;
	size_t n;
};

static int add(void *owner, const void *data, size_t n, struct err *e)
{
	struct sum *s = owner;

	(void)e;
	s->crc = crc32(s->crc, data, (uInt)n);
	s->n += n;
	return 0;
}

static size_t pack(const void *data, size_t n, unsigned char *to, size_t room)
{
	z_stream z = {0};

	assert_int_equal(deflateInit2(&z, 9, Z_DEFLATED, 31, 8, Z_DEFAULT_STRATEGY), Z_OK);
	z.next_in = (unsigned char *)(uintptr_t)data;
	z.avail_in = (uInt)n;
	z.next_out = to;
	z.avail_out = (uInt)room;
	assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
	deflateEnd(&z);
	return room - z.avail_out;
}

static int feed(const unsigned char *data, size_t n, size_t step, struct sum *ret)
{
	struct inflate *z = NULL;
	int r = inflate_open(add, ret, &z, NULL);

	for (size_t at = 0; r == 0 && at < n; at += step)
		r = inflate_feed(z, data + at, n - at < step ? n - at : step, NULL);
	if (r == 0)
		r = inflate_finish(z, NULL);
	inflate_close(z);
	return r;
}

/* Two members in a row, in pieces of any size, and cut anywhere. */
static void test_members(void **state)
{
	static const size_t steps[] = {1, 2, 3, 7, 64, 1000, SIZE_MAX / 2};
	static unsigned char text[700000], packed[300000];
	size_t n;
	uLong crc;

	(void)state;
	for (size_t i = 0; i < sizeof(text); i++)
		text[i] = (unsigned char)(i % 251 * (i / 1000));
	n = pack(text, 100, packed, sizeof(packed));
	n += pack(text + 100, sizeof(text) - 100, packed + n, sizeof(packed) - n);
	crc = crc32(0, text, sizeof(text));
	for (size_t i = 0; i < ARRAY_LEN(steps); i++) {
		struct sum s = {0};

		assert_int_equal(feed(packed, n, steps[i], &s), 0);
		assert_int_equal(s.n, sizeof(text));
		assert_int_equal(s.crc, crc);
	}
	for (size_t cut = 1; cut < n; cut += cut < 40 ? 1 : 997) {
		struct sum s = {0};
		int r = feed(packed, n - cut, 4096, &s);

		assert_int_equal(r, -EBADMSG);
	}
}

static void test_plain(void **state)
{
	struct sum s = {0};

	(void)state;
	assert_int_equal(feed((const unsigned char *)"abc", 3, 1, &s), 0);
	assert_int_equal(s.n, 3);
	assert_int_equal(feed((const unsigned char *)"BZh91AY", 7, 7, &s), -ENOTSUP);
	assert_int_equal(feed((const unsigned char *)"", 0, 1, &s), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),      cmocka_unit_test(test_refused_names),
		cmocka_unit_test(test_shown_name), cmocka_unit_test(test_entries),
		cmocka_unit_test(test_members),    cmocka_unit_test(test_plain),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
