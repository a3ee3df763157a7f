/* SPDX-License-Identifier: Apache-2.0 */
/* The image store: adding, finding, naming, removing, collecting; by many at once, some of them killed. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/auto.h"
#include "base/err.h"
#include "base/str.h"
#include "engine/container/record.h"
#include "engine/event.h"
#include "engine/image/image.h"
#include "engine/image/time.h"
#include "kernel/fd.h"
#include "kernel/tree.h"

struct place {
	char dir[64];
	struct arena a;
	struct engine g;
	struct err e;
};

static int set_up(void **state)
{
	struct place *p = calloc(1, sizeof(*p));

	strcpy(p->dir, "/tmp/berth-store-XXXXXX");
	if (!p || !mkdtemp(p->dir) ||
	    engine_open(arena_printf(&p->a, "%s/data", p->dir),
			arena_printf(&p->a, "%s/run", p->dir), &p->a, &p->g, &p->e) < 0)
		return -1;
	*state = p;
	return 0;
}

static int tear_down(void **state)
{
	struct place *p = *state;

	engine_close(&p->g);
	tree_remove_at(AT_FDCWD, p->dir);
	arena_free(&p->a);
	free(p);
	return 0;
}

#define ok(call)                                                     \
	do {                                                         \
		int r_ = (call);                                     \
		if (r_ < 0)                                          \
			fail_msg("%s: %d %s", #call, r_, p->e.text); \
	} while (0)

/* The call fails with -code and words in the error. */
#define refused(call, errnum, words)                                              \
	do {                                                                      \
		p->e = (struct err){0};                                           \
		assert_int_equal((call), -(errnum));                              \
		if (!strstr(p->e.text, (words)))                                  \
			fail_msg("\"%s\" does not say \"%s\"", p->e.text, words); \
		p->e = (struct err){0};                                           \
	} while (0)

/* 64 digits: c and then n. */
static const char *hex(struct arena *a, char c, unsigned n)
{
	char *s = arena_printf(a, "%064u", n);

	s[0] = c;
	return s;
}

static bool is_there(const struct place *p, const char *path)
{
	return faccessat(p->g.data_fd, path, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

static void put_layer(struct place *p, const char *chain)
{
	const char *dir = arena_printf(&p->a, "layers/%s", chain);

	mkdirat(p->g.data_fd, dir, 0700);
	mkdirat(p->g.data_fd, arena_printf(&p->a, "%s/diff", dir), 0755);
}

/* An image of one common layer and one of its own; its manifest and blobs are there. */
static struct image put_image(struct place *p, unsigned n, const char *reference)
{
	static const char layer_bytes[] = "compressed";
	const char **chains = arena_array(&p->a, 2, sizeof(*chains)), *config, *layer;
	struct image image = {.created_ns = 1000 + n, .size = 10, .layers = {chains, 2}};
	const char *manifest;

	for (unsigned i = 0; i < 2; i++) {
		chains[i] = hex(&p->a, 'c', i * n);
		put_layer(p, chains[i]);
	}
	config = arena_printf(&p->a, "{\"config\":{\"Env\":[\"N=%u\"]},\"rootfs\":{}}", n);
	image.config.config.env =
		(struct str_slice){.v = arena_array(&p->a, 1, sizeof(char *)), .n = 1};
	image.config.config.env.v[0] = arena_printf(&p->a, "N=%u", n);
	ok(image_blob_write(&p->g, config, strlen(config), &p->a, &image.id, &p->e));
	ok(image_blob_write(&p->g, layer_bytes, sizeof(layer_bytes), &p->a, &layer, &p->e));
	manifest = arena_printf(&p->a,
				"{\"schemaVersion\":2,\"config\":{\"digest\":\"%s\",\"size\":1},"
				"\"layers\":[{\"digest\":\"%s\",\"size\":1}]}",
				image.id, layer);
	ok(image_blob_write(&p->g, manifest, strlen(manifest), &p->a, &image.manifest, &p->e));
	ok(image_add(&p->g, &image, reference, &p->e));
	return image;
}

static void put_container(struct place *p, const struct image *image, unsigned n)
{
	const char *id = hex(&p->a, 'd', n);
	struct record r = {.id = id,
			   .name = arena_printf(&p->a, "box%u", n),
			   .image_id = image->id,
			   .layers = image->layers};
	auto_close int dir = -EBADF;

	mkdirat(p->g.data_fd, arena_printf(&p->a, "containers/%s", id), 0700);
	dir = record_open(&p->g, id, &p->e);
	ok(dir);
	ok(record_save(dir, &r, &p->e));
}

static void remove_container(struct place *p, unsigned n)
{
	ok(tree_remove_at(p->g.data_fd, arena_printf(&p->a, "containers/%s", hex(&p->a, 'd', n))));
}

static bool has_image(struct place *p, const struct image *image)
{
	return is_there(p, arena_printf(&p->a, "images/%s.json", image->id + 7));
}

static void assert_lines(const struct str_slice *lines, size_t n, const char *first)
{
	assert_int_equal(lines->n, n);
	if (n)
		assert_string_equal(lines->v[0], first);
}

/* ---- blobs -------------------------------------------------------------------------------------- */

static void test_blobs(void **state)
{
	struct place *p = *state;
	const char *digest, *again;
	char *data;
	size_t n;
	int fd;

	ok(image_blob_write(&p->g, "text", 4, &p->a, &digest, &p->e));
	ok(image_blob_write(&p->g, "text", 4, &p->a, &again, &p->e));
	assert_string_equal(digest, again);
	ok(image_blob_read(&p->g, digest, &p->a, &data, &n, &p->e));
	assert_int_equal(n, 4);
	assert_string_equal(data, "text");
	refused(image_blob_read(&p->g, "sha256:zz", &p->a, &data, &n, &p->e), EINVAL, "no digest");
	refused(image_blob_read(&p->g, "sha256:../../store.lock", &p->a, &data, &n, &p->e), EINVAL,
		"no digest");
	refused(image_blob_read(&p->g, arena_printf(&p->a, "sha256:%s", hex(&p->a, 'a', 1)), &p->a,
				&data, &n, &p->e),
		ENOENT, "is not in the local store");
	fd = openat(p->g.data_fd, arena_printf(&p->a, "blobs/sha256/%s", digest + 7),
		    O_WRONLY | O_TRUNC | O_CLOEXEC);
	assert_int_equal(write(fd, "evil", 4), 4);
	close(fd);
	refused(image_blob_read(&p->g, digest, &p->a, &data, &n, &p->e), EBADMSG, "is damaged");
}

/* ---- names -------------------------------------------------------------------------------------- */

static void test_find(void **state)
{
	struct place *p = *state;
	struct image one = put_image(p, 1, "box:1"), two = put_image(p, 2, NULL), found;
	const char *pinned = arena_printf(&p->a, "box@%s", one.manifest);

	ok(image_find(&p->g, "box:1", &p->a, &found, &p->e));
	assert_string_equal(found.id, one.id);
	assert_string_equal(found.config.config.env.v[0], "N=1");
	assert_int_equal(found.layers.n, 2);
	assert_int_equal(found.references.n, 1);
	assert_true(str_ends(found.references.v[0], "/library/box:1"));
	ok(image_find(&p->g, two.id, &p->a, &found, &p->e));
	assert_string_equal(found.id, two.id);
	assert_int_equal(found.references.n, 0);
	ok(image_find(&p->g, two.id + 7, &p->a, &found, &p->e));
	ok(image_find(&p->g, arena_strndup(&p->a, two.id, 7 + 12), &p->a, &found, &p->e));
	ok(image_find(&p->g, arena_strndup(&p->a, two.id + 7, 12), &p->a, &found, &p->e));
	assert_string_equal(found.id, two.id);
	refused(image_find(&p->g, "box", &p->a, &found, &p->e), ENOENT, "no such image: box");
	refused(image_find(&p->g, pinned, &p->a, &found, &p->e), ENOENT, "no such image: box@");
	refused(image_find(&p->g, "sha256:", &p->a, &found, &p->e), ENOENT, "no such image");
	refused(image_find(&p->g, "", &p->a, &found, &p->e), EINVAL, "empty");
	refused(image_find(&p->g, "Box", &p->a, &found, &p->e), EINVAL, "lowercase");
	refused(image_find(&p->g, "../../etc", &p->a, &found, &p->e), EINVAL, "no host name");
	ok(image_tag(&p->g, one.id, pinned, &p->e));
	ok(image_find(&p->g, pinned, &p->a, &found, &p->e));
	/* A tag beside a digest says nothing more. */
	ok(image_find(&p->g, arena_printf(&p->a, "box:any@%s", one.manifest), &p->a, &found,
		      &p->e));
	assert_string_equal(found.id, one.id);
	assert_int_equal(found.references.n, 1);
	assert_int_equal(found.digests.n, 1);
}

/* Two ids that begin alike. */
static void test_prefix(void **state)
{
	struct place *p = *state;
	struct image image = {.id = arena_printf(&p->a, "sha256:%s", hex(&p->a, 'e', 1))}, found;

	ok(image_add(&p->g, &image, "named", &p->e));
	image.id = arena_printf(&p->a, "sha256:%s", hex(&p->a, 'e', 2));
	ok(image_add(&p->g, &image, NULL, &p->e));
	refused(image_find(&p->g, "e0000", &p->a, &found, &p->e), EEXIST, "2 images' ids");
	/* A reference goes before an id. */
	ok(image_tag(&p->g, image.id, "e0000", &p->e));
	ok(image_find(&p->g, "e0000", &p->a, &found, &p->e));
	assert_string_equal(found.id, image.id);
}

static void test_tag(void **state)
{
	struct place *p = *state;
	struct image one = put_image(p, 1, "box"), two = put_image(p, 2, "other"), found, *list;
	char name[300] = "localhost/";
	size_t n;

	ok(image_tag(&p->g, two.id, "box", &p->e));
	ok(image_find(&p->g, "box", &p->a, &found, &p->e));
	assert_string_equal(found.id, two.id);
	ok(image_find(&p->g, one.id, &p->a, &found, &p->e));
	assert_int_equal(found.references.n, 0);
	ok(image_list(&p->g, &p->a, &list, &n, &p->e));
	assert_int_equal(n, 2);
	assert_string_equal(list[0].id, two.id);
	assert_int_equal(list[0].references.n, 2);
	refused(image_tag(&p->g, arena_printf(&p->a, "sha256:%s", hex(&p->a, 'a', 9)), "x", &p->e),
		ENOENT, "no such image");
	refused(image_tag(&p->g, two.id, "a b", &p->e), EINVAL, "invalid reference");
	/* A good reference whose file would have too long a name. */
	memset(name + 10, 'a', 245);
	refused(image_tag(&p->g, two.id, name, &p->e), ENAMETOOLONG, "longer than 255 bytes");
}

static void test_add_refuses(void **state)
{
	struct place *p = *state;
	const char *chain = hex(&p->a, 'c', 77), *odd = "../../x";
	struct image image = {.id = arena_printf(&p->a, "sha256:%s", hex(&p->a, 'e', 1)),
			      .layers = {&chain, 1}};

	refused(image_add(&p->g, &image, "box", &p->e), ENOENT, "layers/c00");
	assert_false(has_image(p, &image));
	image.layers.v = &odd;
	refused(image_add(&p->g, &image, "box", &p->e), EINVAL, "no chain id");
	image.id = "sha256:../x";
	refused(image_add(&p->g, &image, "box", &p->e), EINVAL, "its id is no digest");
}

/* ---- removal ------------------------------------------------------------------------------------ */

static void test_remove_names(void **state)
{
	struct place *p = *state;
	struct image one = put_image(p, 1, "box:1");
	struct str_slice lines;

	ok(image_tag(&p->g, one.id, "box:2", &p->e));
	ok(image_tag(&p->g, one.id, arena_printf(&p->a, "box@%s", one.manifest), &p->e));
	ok(image_remove(&p->g, "box:1", false, &p->a, &lines, &p->e));
	assert_lines(&lines, 1, "Untagged: box:1");
	assert_true(has_image(p, &one));
	/* The last tag of its repository takes the digest along, and then the image goes. */
	ok(image_remove(&p->g, "box:2", false, &p->a, &lines, &p->e));
	assert_lines(&lines, 3, "Untagged: box:2");
	assert_true(str_starts(lines.v[1], "Untagged: box@sha256:"));
	assert_string_equal(lines.v[2], arena_printf(&p->a, "Deleted: %s", one.id));
	assert_false(has_image(p, &one));
	assert_false(is_there(p, arena_printf(&p->a, "layers/%s", one.layers.v[1])));
	assert_false(is_there(p, arena_printf(&p->a, "blobs/sha256/%s", one.manifest + 7)));
	refused(image_remove(&p->g, "box:2", false, &p->a, &lines, &p->e), ENOENT,
		"no such image: box:2");
}

static void test_remove_by_id(void **state)
{
	struct place *p = *state;
	struct image one = put_image(p, 1, "box:1"), two = put_image(p, 2, "two");
	struct str_slice lines;

	ok(image_tag(&p->g, one.id, "box:2", &p->e));
	ok(image_tag(&p->g, one.id, "other", &p->e));
	refused(image_remove(&p->g, one.id, false, &p->a, &lines, &p->e), EBUSY,
		"several repositories");
	ok(image_remove(&p->g, "other", false, &p->a, &lines, &p->e));
	ok(image_remove(&p->g, arena_strndup(&p->a, one.id + 7, 12), false, &p->a, &lines, &p->e));
	assert_int_equal(lines.n, 3);
	assert_false(has_image(p, &one));
	/* The common layer stays. */
	assert_true(has_image(p, &two));
	assert_true(is_there(p, arena_printf(&p->a, "layers/%s/diff", two.layers.v[0])));
}

static void test_remove_used(void **state)
{
	struct place *p = *state;
	struct image one = put_image(p, 1, "box:1");
	struct str_slice lines;
	int64_t bytes;

	put_container(p, &one, 1);
	refused(image_remove(&p->g, "box:1", false, &p->a, &lines, &p->e), EBUSY,
		"in use by container box1");
	refused(image_remove(&p->g, one.id, false, &p->a, &lines, &p->e), EBUSY,
		"in use by container box1");
	ok(image_tag(&p->g, one.id, "box:2", &p->e));
	ok(image_remove(&p->g, "box:2", false, &p->a, &lines, &p->e));
	ok(image_remove(&p->g, "box:1", true, &p->a, &lines, &p->e));
	assert_lines(&lines, 1, "Untagged: box:1");
	assert_true(has_image(p, &one));
	ok(image_prune(&p->g, true, &p->a, &lines, &bytes, &p->e));
	assert_int_equal(lines.n, 0);
	assert_true(has_image(p, &one));
	remove_container(p, 1);
	ok(image_prune(&p->g, false, &p->a, &lines, &bytes, &p->e));
	assert_lines(&lines, 1, arena_printf(&p->a, "Deleted: %s", one.id));
	assert_false(has_image(p, &one));
}

static void test_prune(void **state)
{
	struct place *p = *state;
	struct image one = put_image(p, 1, "box:1"), two = put_image(p, 2, "box:1");
	struct str_slice lines;
	int64_t bytes;

	/* Only its digest is left of the first one's names: that keeps it from nothing. */
	ok(image_tag(&p->g, one.id, arena_printf(&p->a, "box@%s", one.manifest), &p->e));
	ok(image_prune(&p->g, false, &p->a, &lines, &bytes, &p->e));
	assert_int_equal(lines.n, 2);
	assert_true(bytes > 0);
	assert_false(has_image(p, &one));
	assert_true(has_image(p, &two));
	ok(image_prune(&p->g, true, &p->a, &lines, &bytes, &p->e));
	assert_lines(&lines, 2, "Untagged: box:1");
	assert_false(is_there(p, arena_printf(&p->a, "layers/%s", two.layers.v[0])));
}

/* ---- garbage ------------------------------------------------------------------------------------ */

static void put_file(struct place *p, const char *path)
{
	auto_close int fd = openat(p->g.data_fd, path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
}

static void test_collect(void **state)
{
	struct place *p = *state;
	struct image one = put_image(p, 1, "box"), gone = put_image(p, 2, NULL);
	const char *stray = hex(&p->a, 'c', 99), *blob = hex(&p->a, 'b', 1);
	auto_close int held = -EBADF, shared = -EBADF;
	int64_t bytes;

	put_container(p, &gone, 1);
	unlinkat(p->g.data_fd, arena_printf(&p->a, "images/%s.json", gone.id + 7), 0);
	put_layer(p, stray);
	put_file(p, arena_printf(&p->a, "blobs/sha256/%s", blob));
	put_file(p, "tmp/dead");
	mkdirat(p->g.data_fd, "tmp/dead-layer", 0700);
	put_file(p, "tmp/dead-layer/file");
	assert_int_equal(symlinkat("/", p->g.data_fd, "tmp/link"), 0);
	mkdirat(p->g.data_fd, "tmp/live", 0700);
	held = openat(p->g.data_fd, "tmp/live", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_int_equal(flock(held, LOCK_EX), 0);

	/* Somebody is at work. */
	shared = engine_lock_store(&p->g, false, true, &p->e);
	ok(image_collect(&p->g, &bytes, &p->e));
	assert_true(is_there(p, "tmp/dead"));
	close(TAKE_FD(shared));

	ok(image_collect(&p->g, &bytes, &p->e));
	assert_true(bytes > 0);
	assert_true(is_there(p, "tmp/live"));
	assert_false(is_there(p, "tmp/dead"));
	assert_false(is_there(p, "tmp/dead-layer"));
	assert_false(is_there(p, "tmp/link"));
	assert_false(is_there(p, arena_printf(&p->a, "layers/%s", stray)));
	assert_false(is_there(p, arena_printf(&p->a, "blobs/sha256/%s", blob)));
	assert_true(is_there(p, arena_printf(&p->a, "layers/%s", one.layers.v[1])));
	assert_true(is_there(p, arena_printf(&p->a, "blobs/sha256/%s", one.manifest + 7)));
	assert_true(is_there(p, arena_printf(&p->a, "blobs/sha256/%s", one.id + 7)));
	/* The container's layer outlives its image. */
	assert_true(is_there(p, arena_printf(&p->a, "layers/%s", gone.layers.v[1])));
	assert_false(is_there(p, arena_printf(&p->a, "blobs/sha256/%s", gone.id + 7)));
}

static void damage(struct place *p, const char *path)
{
	auto_close int fd = openat(p->g.data_fd, path, O_WRONLY | O_TRUNC | O_CLOEXEC);

	assert_int_equal(write(fd, "{", 1), 1);
}

/* What cannot be read might need anything. */
static void test_collect_is_careful(void **state)
{
	struct place *p = *state;
	struct image one = put_image(p, 1, "box");
	const char *stray = hex(&p->a, 'c', 99), *blob = hex(&p->a, 'b', 1), *manifest;
	const char *stray_path = arena_printf(&p->a, "layers/%s", stray);
	const char *blob_path = arena_printf(&p->a, "blobs/sha256/%s", blob);

	put_layer(p, stray);
	put_file(p, blob_path);
	put_container(p, &one, 1);
	damage(p, arena_printf(&p->a, "containers/%s/record.json", hex(&p->a, 'd', 1)));
	ok(image_collect(&p->g, NULL, &p->e));
	assert_true(is_there(p, stray_path));
	assert_false(is_there(p, blob_path));
	remove_container(p, 1);

	put_file(p, blob_path);
	manifest = arena_printf(&p->a, "blobs/sha256/%s", one.manifest + 7);
	damage(p, manifest);
	ok(image_collect(&p->g, NULL, &p->e));
	assert_false(is_there(p, stray_path));
	assert_true(is_there(p, blob_path));
}

/* ---- many at once ------------------------------------------------------------------------------- */

enum { WORKERS = 5, IMAGES = 6, KILLS = 60 };

/* One worker: adds, names, removes and collects for ever. */
static void __attribute__((noreturn)) work(struct place *p, unsigned seed)
{
	for (;;) {
		const char *name = arena_printf(&p->a, "box:%d", rand_r(&seed) % 4);
		struct arena scratch = {0};
		struct err e = {0};
		struct image image;
		struct str_slice lines;
		int lock, r = 0;

		switch (rand_r(&seed) % 6) {
		case 0:
		case 1:
			lock = engine_lock_store(&p->g, false, true, &e);
			image = put_image(p, 1 + (unsigned)rand_r(&seed) % IMAGES, name);
			close(lock);
			break;
		case 2:
			if (image_find(&p->g, "box:0", &scratch, &image, NULL) == 0)
				r = image_tag(&p->g, image.id, name, &e);
			break;
		case 3:
			r = image_remove(&p->g, name, false, &scratch, &lines, &e);
			break;
		case 4:
			r = image_collect(&p->g, NULL, &e);
			break;
		default:
			r = image_find(&p->g, name, &scratch, &image, &e);
		}
		if (r < 0 && r != -ENOENT) {
			fprintf(stderr, "%s\n", e.text);
			_exit(1);
		}
		arena_free(&scratch);
		arena_free(&p->a);
	}
}

/* With nobody at work: names have their images, images their layers and blobs, and nothing else is left. */
static void check_whole(struct place *p)
{
	struct arena a = {0};
	struct image *list;
	size_t n, named = 0, blobs = 0;
	struct dirent *entry;
	DIR *d;
	char *text;

	ok(image_collect(&p->g, NULL, &p->e));
	ok(image_list(&p->g, &a, &list, &n, &p->e));
	for (size_t i = 0; i < n; i++) {
		named += list[i].references.n;
		for (size_t k = 0; k < list[i].layers.n; k++)
			assert_true(is_there(
				p, arena_printf(&a, "layers/%s/diff", list[i].layers.v[k])));
		ok(image_blob_read(&p->g, list[i].id, &a, &text, NULL, &p->e));
		ok(image_blob_read(&p->g, list[i].manifest, &a, &text, NULL, &p->e));
	}
	d = opendir(arena_printf(&a, "%s/refs", p->g.data));
	while ((entry = readdir(d)))
		named -= entry->d_name[0] != '.';
	closedir(d);
	assert_int_equal(named, 0);
	d = opendir(arena_printf(&a, "%s/tmp", p->g.data));
	while ((entry = readdir(d)))
		assert_true(entry->d_name[0] == '.');
	closedir(d);
	d = opendir(arena_printf(&a, "%s/blobs/sha256", p->g.data));
	while ((entry = readdir(d)))
		blobs += entry->d_name[0] != '.';
	closedir(d);
	assert_int_equal(blobs, n ? 2 * n + 1 : 0);
	arena_free(&a);
}

static pid_t start_worker(struct place *p, unsigned seed)
{
	pid_t pid = fork();

	if (pid == 0)
		work(p, seed);
	return pid;
}

static void test_killed(void **state)
{
	struct place *p = *state;
	pid_t workers[WORKERS];
	unsigned seed = 4711;
	int status;

	/* The workers free their arena; the engine's strings must not be in it. */
	p->g.data = strdup(p->g.data);
	p->g.run = strdup(p->g.run);
	fflush(NULL);
	for (unsigned i = 0; i < WORKERS; i++)
		workers[i] = start_worker(p, i);
	for (unsigned i = 0; i < KILLS; i++) {
		const struct timespec pause = {.tv_nsec = 1000000 + rand_r(&seed) % 20000000};
		unsigned k = (unsigned)rand_r(&seed) % WORKERS;

		nanosleep(&pause, NULL);
		kill(workers[k], SIGKILL);
		assert_int_equal(waitpid(workers[k], &status, 0), workers[k]);
		/* It was our signal that ended it, no error of its own. */
		assert_true(WIFSIGNALED(status));
		workers[k] = start_worker(p, 100 + i);
		if (i % 20 != 19)
			continue;
		for (unsigned w = 0; w < WORKERS; w++) {
			kill(workers[w], SIGKILL);
			assert_int_equal(waitpid(workers[w], &status, 0), workers[w]);
			assert_true(WIFSIGNALED(status));
		}
		check_whole(p);
		for (unsigned w = 0; w < WORKERS; w++)
			workers[w] = start_worker(p, 1000 + i + w);
	}
	for (unsigned i = 0; i < WORKERS; i++) {
		kill(workers[i], SIGKILL);
		waitpid(workers[i], &status, 0);
	}
	check_whole(p);
	free((char *)(uintptr_t)p->g.data);
	free((char *)(uintptr_t)p->g.run);
}

/* ---- events and times --------------------------------------------------------------------------- */

static void test_events(void **state)
{
	struct place *p = *state;
	struct oci_pair pair = {"exitCode", "3"};
	const struct oci_pairs pairs = {&pair, 1};
	auto_close int fd = -EBADF;
	struct stat st;
	char *text;

	event_emit(&p->g, "container", "die", "abc", "box", &pairs);
	event_emit(&p->g, "image", "pull", NULL, "x\n", NULL);
	ok(file_read_at(p->g.run_fd, "events.jsonl", &p->a, 1 << 20, &text, NULL));
	assert_true(str_starts(text, "{\"time\":1"));
	assert_non_null(strstr(text, "\"type\":\"container\",\"action\":\"die\",\"id\":\"abc\","
				     "\"name\":\"box\",\"attributes\":{\"exitCode\":\"3\"}}\n{"));
	assert_true(str_ends(text, "\"name\":\"x\\n\",\"attributes\":{}}\n"));
	/* Full: it moves away, and the next one begins anew. */
	fd = openat(p->g.run_fd, "events.jsonl", O_WRONLY | O_CLOEXEC);
	assert_int_equal(ftruncate(fd, 8 << 20), 0);
	event_emit(&p->g, "image", "tag", NULL, NULL, NULL);
	assert_int_equal(fstatat(p->g.run_fd, "events.1.jsonl", &st, 0), 0);
	assert_int_equal(fstatat(p->g.run_fd, "events.jsonl", &st, 0), -1);
	event_emit(&p->g, "image", "tag", NULL, NULL, NULL);
	assert_int_equal(fstatat(p->g.run_fd, "events.jsonl", &st, 0), 0);
}

static void test_times(void **state)
{
	(void)state;
	assert_int_equal(time_parse("1970-01-01T00:00:01Z"), 1000000000);
	assert_int_equal(time_parse("2024-02-29T12:34:56.789012345Z"), 1709210096789012345);
	assert_int_equal(time_parse("2024-02-29T14:34:56+02:00"), 1709210096000000000);
	assert_int_equal(time_parse("2024-02-29T10:04:56-02:30"), 1709210096000000000);
	assert_int_equal(time_parse("0001-01-01T00:00:00Z"), 0);
	assert_int_equal(time_parse("9999-12-31T23:59:59Z"), 0);
	assert_int_equal(time_parse(NULL), 0);
	assert_int_equal(time_parse(""), 0);
	assert_int_equal(time_parse("2024-02-29"), 0);
	assert_int_equal(time_parse("2024-02-29T12:34:56"), 0);
	assert_int_equal(time_parse("2024-02-29T12:34:56+2:00"), 0);
	assert_int_equal(time_parse("2024-02-29T12:34:56Z "), 0);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_blobs),
		TEST(test_find),
		TEST(test_prefix),
		TEST(test_tag),
		TEST(test_add_refuses),
		TEST(test_remove_names),
		TEST(test_remove_by_id),
		TEST(test_remove_used),
		TEST(test_prune),
		TEST(test_collect),
		TEST(test_collect_is_careful),
		TEST(test_killed),
		TEST(test_events),
		cmocka_unit_test(test_times),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
