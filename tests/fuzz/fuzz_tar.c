/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzz: any bytes as a layer, compressed or not, up to where the folder would be touched. */
#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <limits.h>
#include <locale.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/err.h"
#include "image/entry.h"
#include "image/inflate.h"
#include "image/unpack.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerInitialize(int *argc, char ***argv);

enum { TAR_MAX = 4 << 20, ENTRIES_MAX = 10000 };

struct tar {
	char *data;
	size_t n;
};

static void check(bool is_true)
{
	if (!is_true)
		abort();
}

/* ---- the names ----------------------------------------------------------------------------------- */

/* A clean relative path: nothing in it can lead out of a folder by itself. */
static void check_path(const char *path)
{
	size_t n = strlen(path), depth = 0;

	check(n < ENTRY_PATH_MAX);
	while (*path) {
		size_t length = strcspn(path, "/");

		check(length > 0 && length <= NAME_MAX && ++depth <= ENTRY_DEPTH_MAX);
		check(!(length == 1 && path[0] == '.') &&
		      !(length == 2 && memcmp(path, "..", 2) == 0));
		path += length;
		check(!*path || path[1]);
		path += *path == '/';
	}
}

static void check_name(const struct entry_name *name)
{
	struct entry_name again;

	check_path(name->path);
	check(name->base >= name->path && name->base <= name->path + strlen(name->path));
	check(!strchr(name->base, '/'));
	check(name->parent == 0 || name->path[name->parent] == '/');
	check(name->base == name->path + name->parent + (name->parent > 0));
	if (name->kind != ENTRY_NORMAL)
		return;
	check(entry_name_read(name->path, &again, NULL) == 0 && again.kind == ENTRY_NORMAL);
	check(strcmp(again.path, name->path) == 0);
}

static void try_facts(const struct entry_facts *f)
{
	struct entry_name name;
	char link[ENTRY_PATH_MAX] = "";
	struct err e = {0};
	int r = entry_check(f, &name, link, &e);

	check((r < 0) == (e.code != 0) && !strchr(e.text, '\n'));
	if (r < 0)
		return;
	check_name(&name);
	check_path(link);
}

/* ---- the stream ---------------------------------------------------------------------------------- */

static int collect(void *owner, const void *data, size_t n, struct err *e)
{
	struct tar *t = owner;

	if (t->n + n > TAR_MAX)
		return err_say(e, -EFBIG, "enough");
	memcpy(t->data + t->n, data, n);
	t->n += n;
	return 0;
}

static void try_data(struct archive *a)
{
	const void *data;
	int64_t offset;
	size_t n;

	for (int i = 0; i < ENTRIES_MAX; i++)
		if (archive_read_data_block(a, &data, &n, &offset) != ARCHIVE_OK)
			break;
}

static void try_tar(const struct tar *t)
{
	struct archive *a = unpack_open(NULL);
	struct archive_entry *entry;

	check(a != NULL);
	if (archive_read_open_memory(a, t->data, t->n) == ARCHIVE_OK) {
		for (int i = 0; i < ENTRIES_MAX; i++) {
			struct entry_facts facts;
			int r = archive_read_next_header(a, &entry);

			if (r != ARCHIVE_OK && r != ARCHIVE_WARN)
				break;
			facts = entry_facts_of(entry);
			try_facts(&facts);
			if (archive_entry_size(entry) > 0)
				try_data(a);
		}
	}
	archive_read_free(a);
}

/* The same in pieces of another size comes to the same end. */
static int inflate(const uint8_t *data, size_t size, size_t step, struct tar *ret)
{
	struct inflate *z = NULL;
	struct err e = {0};
	int r = inflate_open(collect, ret, &z, &e);

	for (size_t at = 0; r == 0 && at < size; at += step)
		r = inflate_feed(z, data + at, size - at < step ? size - at : step, &e);
	if (r == 0)
		r = inflate_finish(z, &e);
	check((r < 0) == (e.code != 0));
	inflate_close(z);
	return r;
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	setlocale(LC_CTYPE, "C.UTF-8");
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char first[TAR_MAX], second[TAR_MAX];
	struct tar whole = {first, 0}, pieces = {second, 0};
	char *text = malloc(size + 1);
	struct entry_facts facts = {.name = text, .type = S_IFREG};
	int r;

	check(text != NULL);
	if (size)
		memcpy(text, data, size);
	text[size] = '\0';
	/* "NAME\0LINK" as it is */
	if (strlen(text) < size)
		facts.hard_link = text + strlen(text) + 1;
	try_facts(&facts);
	free(text);

	r = inflate(data, size, size ? size : 1, &whole);
	check(inflate(data, size, 7, &pieces) == r);
	check(r < 0 || (whole.n == pieces.n && memcmp(first, second, whole.n) == 0));
	try_tar(&whole);
	return 0;
}
