/* SPDX-License-Identifier: Apache-2.0 */
/* One layer on its way into the store: checked, inflated, unpacked while its bytes come in. */
#include "image/layer.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/auto.h"
#include "base/err.h"
#include "base/json.h"
#include "base/log.h"
#include "base/sha256.h"
#include "base/str.h"
#include "image/digest.h"
#include "image/inflate.h"
#include "image/unpack.h"
#include "kernel/fd.h"
#include "kernel/tree.h"

/*
 * Theory of operation (see also layer.h)
 *
 * layer_feed writes the blob, hashes it, and passes the bytes through a pipe to a thread that inflates them into a
 * second one. There another thread hashes them once more and doubles them, without a copy (tee(2)), into the third
 * pipe, which the unpacking process reads. So all four go side by side. A failure behind closes the pipes in front of
 * it: layer_feed sees EPIPE, and the reason is taken from whoever failed first.
 *
 * tmp/layer-[HEX-]RANDOM is locked by its maker as long as it lives: {blob, layer/{diff, layer.json}}. HEX: the digest
 * that is wanted. Order: the lock comes before the blob, so a draft with a blob and no lock has no maker any more.
 *
 * Nothing is synced to the disk: a killed process loses nothing by that, and after a power failure within the seconds
 * before the kernel writes by itself a layer may have empty files, as with Docker. Remove the image and pull it again.
 */

enum {
	PIPE_SIZE = 1 << 20,
	CHUNK = 256 << 10,
	HASH_CHUNK = 64 << 10,
	ERRNO_MAX = 4095 /* MAX_ERRNO of linux/err.h */
};

struct layer_job {
	const struct engine *g;
	struct arena arena;
	struct layer_wanted wanted;
	char draft[96]; /* "tmp/layer-HEX" */
	int dir_fd;     /* of it; locked */
	int blob_fd, feed_fd;
	struct digest digest;
	int64_t size;

	pthread_t inflater, hasher;
	bool has_inflater, has_hasher;
	int compressed_fd, plain_fd; /* the inflater's: from, to */
	int inflated_fd, tar_fd;     /* the hasher's */
	struct digest diff_digest;
	struct err inflater_err, hasher_err;

	pid_t child;
	int result_fd;
};

/* ---- the inflating thread ------------------------------------------------------------------------ */

static int pass_on(void *owner, const void *data, size_t n, struct err *e)
{
	struct layer_job *j = owner;
	int r = fd_write_all(j->plain_fd, data, n);

	return r < 0 ? err_sys(e, r, "pass a layer on to be unpacked") : 0;
}

static int inflate_all(struct layer_job *j, struct inflate *z, struct err *e)
{
	auto_free char *buf = malloc(CHUNK);

	if (!buf)
		return err_sys(e, -ENOMEM, "inflate a layer");
	for (;;) {
		ssize_t n = read(j->compressed_fd, buf, CHUNK);
		int r;

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_sys(e, -errno, "read a layer");
		if (n == 0)
			return inflate_finish(z, e);
		r = inflate_feed(z, buf, (size_t)n, e);
		if (r < 0)
			return r;
	}
}

/* Order: who feeds a thread hears of its end by EPIPE, whom it feeds by the end of file. */
static void close_both(int *from, int *to)
{
	close(TAKE_FD(*from));
	close(TAKE_FD(*to));
}

static void *inflate_thread(void *arg)
{
	struct layer_job *j = arg;
	struct inflate *z = NULL;

	if (inflate_open(pass_on, j, &z, &j->inflater_err) == 0)
		inflate_all(j, z, &j->inflater_err);
	inflate_close(z);
	close_both(&j->compressed_fd, &j->plain_fd);
	return NULL;
}

/* ---- the hashing thread -------------------------------------------------------------------------- */

/* The bytes that tee(2) has doubled, which may be more than one read gives. */
static int hash_some(struct layer_job *j, char *buf, size_t n)
{
	while (n > 0) {
		ssize_t got = read(j->inflated_fd, buf, n < HASH_CHUNK ? n : HASH_CHUNK);
		int r;

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return got < 0 ? -errno : -EPIPE;
		r = digest_add(&j->diff_digest, buf, (size_t)got);
		if (r < 0)
			return r;
		n -= (size_t)got;
	}
	return 0;
}

static int hash_all(struct layer_job *j)
{
	char buf[HASH_CHUNK];

	for (;;) {
		ssize_t n = tee(j->inflated_fd, j->tar_fd, PIPE_SIZE, 0);
		int r;

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : 0;
		r = hash_some(j, buf, (size_t)n);
		if (r < 0)
			return r;
	}
}

static void *hash_thread(void *arg)
{
	struct layer_job *j = arg;
	int r = hash_all(j);

	if (r < 0)
		err_sys(&j->hasher_err, r, "hash a layer");
	close_both(&j->inflated_fd, &j->tar_fd);
	return NULL;
}

/* ---- begin --------------------------------------------------------------------------------------- */

static int make_draft(struct layer_job *j, struct err *e)
{
	char random[65];

	engine_make_id(random);
	/* Named by its digest, what a killed pull leaves can be found (partial.c). */
	if (j->wanted.digest)
		snprintf(j->draft, sizeof(j->draft), "tmp/layer-%.64s-%.16s",
			 j->wanted.digest + strlen("sha256:"), random);
	else
		snprintf(j->draft, sizeof(j->draft), "tmp/layer-%.32s", random);
	if (mkdirat(j->g->data_fd, j->draft, 0700) < 0)
		return err_sys(e, -errno, "make %s/%s", j->g->data, j->draft);
	j->dir_fd = openat(j->g->data_fd, j->draft, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (j->dir_fd < 0 || flock(j->dir_fd, LOCK_EX) < 0 ||
	    mkdirat(j->dir_fd, "layer", 0755) < 0 || mkdirat(j->dir_fd, "layer/diff", 0755) < 0)
		return err_sys(e, -errno, "make %s/%s", j->g->data, j->draft);
	j->blob_fd = openat(j->dir_fd, "blob", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	return j->blob_fd < 0 ? err_sys(e, -errno, "make %s/%s/blob", j->g->data, j->draft) : 0;
}

static int make_pipe(int *ret_read, int *ret_write, struct err *e)
{
	int ends[2];

	if (pipe2(ends, O_CLOEXEC) < 0)
		return err_sys(e, -errno, "make a pipe");
	fcntl(ends[1], F_SETPIPE_SZ, PIPE_SIZE); /* less is slower, not wrong */
	*ret_read = ends[0];
	*ret_write = ends[1];
	return 0;
}

static int start_unpacker(struct layer_job *j, struct err *e)
{
	auto_close int tar = -EBADF, result = -EBADF, diff = -EBADF;
	int r = make_pipe(&tar, &j->tar_fd, e);

	if (r == 0)
		r = make_pipe(&j->result_fd, &result, e);
	if (r < 0)
		return r;
	diff = openat(j->dir_fd, "layer/diff", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (diff < 0)
		return err_sys(e, -errno, "open %s/%s/layer/diff", j->g->data, j->draft);
	j->child = fork();
	if (j->child < 0)
		return err_sys(e, -errno, "start the unpacking process");
	if (j->child == 0)
		unpack_main(tar, diff, result, j->g->is_rootless);
	return 0;
}

static int start_threads(struct layer_job *j, struct err *e)
{
	int r = make_pipe(&j->compressed_fd, &j->feed_fd, e);

	if (r == 0)
		r = make_pipe(&j->inflated_fd, &j->plain_fd, e);
	if (r < 0)
		return r;
	r = -pthread_create(&j->hasher, NULL, hash_thread, j);
	j->has_hasher = r == 0;
	if (r == 0)
		r = -pthread_create(&j->inflater, NULL, inflate_thread, j);
	j->has_inflater = r == 0;
	return r < 0 ? err_sys(e, r, "start a thread for a layer") : 0;
}

static const char *keep(struct layer_job *j, const char *text)
{
	return text ? arena_strdup(&j->arena, text) : NULL;
}

int layer_begin(const struct engine *g, const struct layer_wanted *w, struct layer_job **ret,
		struct err *e)
{
	struct layer_job *j = calloc(1, sizeof(*j));
	int r;

	if (!j)
		return err_sys(e, -ENOMEM, "begin a layer");
	j->g = g;
	j->dir_fd = j->blob_fd = j->feed_fd = j->compressed_fd = j->plain_fd = -EBADF;
	j->inflated_fd = j->tar_fd = j->result_fd = -EBADF;
	j->wanted = (struct layer_wanted){.digest = keep(j, w->digest),
					  .diff_id = keep(j, w->diff_id),
					  .parent = keep(j, w->parent),
					  .size = w->size};
	if ((r = make_draft(j, e)) < 0 || (r = digest_begin(&j->digest, e)) < 0 ||
	    (r = digest_begin(&j->diff_digest, e)) < 0 || (r = start_unpacker(j, e)) < 0 ||
	    (r = start_threads(j, e)) < 0) {
		layer_abort(j);
		return r;
	}
	*ret = j;
	return 0;
}

/* ---- feed ---------------------------------------------------------------------------------------- */

/* What the unpacker said; where it said nothing, what ended it. */
static int take_result(struct layer_job *j, struct unpack_result *ret, struct err *e)
{
	ssize_t n;
	int status = 0;

	if (j->child <= 0)
		return err_say(e, -EPIPE, "the unpacking process is gone");
	do
		n = read(j->result_fd, ret, sizeof(*ret));
	while (n < 0 && errno == EINTR);
	while (waitpid(j->child, &status, 0) < 0 && errno == EINTR)
		continue;
	j->child = 0;
	if (n != (ssize_t)sizeof(*ret))
		return err_say(e, -EIO, "the process that unpacks the layer was ended by signal %d",
			       WIFSIGNALED(status) ? WTERMSIG(status) : 0);
	/* Security: a layer may have taken the process over; of what it says only this is used and shown. */
	ret->err.text[sizeof(ret->err.text) - 1] = '\0';
	if (ret->err.code < 0 || ret->err.code > ERRNO_MAX || ret->bytes < 0 || ret->entries < 0)
		return err_say(e, -EIO, "the process that unpacks the layer makes no sense");
	return ret->err.code ? err_say(e, -ret->err.code, "%s", ret->err.text) : 0;
}

static void end_threads(struct layer_job *j)
{
	if (j->has_inflater)
		pthread_join(j->inflater, NULL);
	else
		auto_close_fn(&j->plain_fd); /* where nobody else ends the hasher */
	if (j->has_hasher)
		pthread_join(j->hasher, NULL);
	j->has_inflater = j->has_hasher = false;
}

/* A thread's own reason, or NULL: a closed pipe is somebody else's. */
static const struct err *threads_err(const struct layer_job *j)
{
	const struct err *const list[] = {&j->inflater_err, &j->hasher_err};

	for (size_t i = 0; i < ARRAY_LEN(list); i++)
		if (list[i]->code && list[i]->code != EPIPE)
			return list[i];
	return NULL;
}

/* A thread or the unpacker gave up: why? */
static int find_reason(struct layer_job *j, struct err *e)
{
	struct unpack_result result;
	const struct err *own;
	struct err why = {0};
	int r;

	auto_close_fn(&j->feed_fd);
	j->feed_fd = -EBADF;
	end_threads(j);
	own = threads_err(j);
	if (own) {
		if (e)
			*e = *own;
		return -own->code;
	}
	r = take_result(j, &result, &why);
	if (r == 0)
		r = err_say(&why, -EPIPE, "the layer's stream was closed");
	if (e)
		*e = why;
	return r;
}

int layer_feed(struct layer_job *j, const void *data, size_t n, struct err *e)
{
	int r;

	if (j->wanted.size >= 0 && j->size + (int64_t)n > j->wanted.size)
		return err_say(e, -EBADMSG, "layer %s: more bytes came than the %lld announced",
			       j->wanted.digest ? j->wanted.digest : "(unknown)",
			       (long long)j->wanted.size);
	r = fd_write_all(j->blob_fd, data, n);
	if (r < 0)
		return err_sys(e, r, "write a layer to %s", j->g->data);
	r = digest_add(&j->digest, data, n);
	if (r == 0)
		r = fd_write_all(j->feed_fd, data, n);
	if (r == -EPIPE)
		return find_reason(j, e);
	if (r < 0)
		return err_sys(e, r, "inflate a layer");
	j->size += (int64_t)n;
	return 0;
}

/* ---- finish -------------------------------------------------------------------------------------- */

static int compare(const char *what, const char *wanted, const char *is, struct err *e)
{
	if (!wanted || str_eq(wanted, is))
		return 0;
	return err_say(e, -EBADMSG, "layer %s: %s mismatch: the content has %s", wanted, what, is);
}

/* image-spec config.md, "Layer ChainID". */
static const char *chain_of(const char *parent, const char *diff_id, struct arena *a)
{
	const char *both;
	char hex[65];

	if (!parent)
		return arena_strdup(a, diff_id);
	both = arena_printf(a, "%s %s", parent, diff_id);
	sha256_hex(both, strlen(both), hex);
	return arena_printf(a, "sha256:%s", hex);
}

static int write_description(struct layer_job *j, const struct layer_result *l, struct err *e)
{
	auto_json_writer struct json_writer w = {0};
	auto_close int fd = -EBADF;
	int r;

	json_begin_object(&w);
	json_put_string(&w, "digest", l->digest);
	json_put_string(&w, "diffId", l->diff_id);
	json_put_string(&w, "chain", l->chain);
	if (j->wanted.parent)
		json_put_string(&w, "parent", j->wanted.parent);
	json_put_int(&w, "size", l->size);
	json_put_int(&w, "unpackedSize", l->unpacked_size);
	json_put_int(&w, "entries", l->entries);
	json_end_object(&w);
	fd = openat(j->dir_fd, "layer/layer.json", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
	r = fd < 0 ? -errno : fd_write_all(fd, w.buf, w.len);
	return r < 0 ? err_sys(e, r, "write layer.json of a layer") : 0;
}

/* Order: the layer first; a blob that no layer names is garbage, a layer without blob cannot be pushed. */
static int publish(struct layer_job *j, const struct layer_result *l, struct err *e)
{
	char path[128];
	int r = write_description(j, l, e);

	if (r < 0)
		return r;
	snprintf(path, sizeof(path), "layers/%s", l->chain + strlen("sha256:"));
	/* Somebody else was faster: that one is as good. */
	if (renameat(j->dir_fd, "layer", j->g->data_fd, path) < 0 && errno != EEXIST &&
	    errno != ENOTEMPTY)
		return err_sys(e, -errno, "make %s/%s", j->g->data, path);
	snprintf(path, sizeof(path), "blobs/sha256/%s", l->digest + strlen("sha256:"));
	if (renameat(j->dir_fd, "blob", j->g->data_fd, path) < 0)
		return err_sys(e, -errno, "make %s/%s", j->g->data, path);
	return 0;
}

static void warn(const struct unpack_result *u)
{
	if (u->skipped)
		log_warning(
			"%lld device(s) of the layer are left out: an ordinary user cannot make "
			"them",
			(long long)u->skipped);
	if (u->unowned)
		log_warning(
			"%lld file(s) of the layer are yours instead of their owners': there are "
			"no subordinate ids for you (see `berth doctor`)",
			(long long)u->unowned);
}

static int finish(struct layer_job *j, struct arena *a, struct layer_result *ret, struct err *e)
{
	struct unpack_result unpacked = {0};
	char digest[DIGEST_SIZE], diff_id[DIGEST_SIZE];
	struct layer_result l = {0};
	int r;

	auto_close_fn(&j->feed_fd);
	j->feed_fd = -EBADF;
	end_threads(j);
	if (j->inflater_err.code || j->hasher_err.code)
		return find_reason(j, e);
	r = take_result(j, &unpacked, e);
	if (r < 0)
		return r;
	if (digest_end(&j->digest, digest) < 0 || digest_end(&j->diff_digest, diff_id) < 0)
		return err_say(e, -EIO, "libcrypto gives no SHA-256");
	if (j->wanted.size >= 0 && j->size != j->wanted.size)
		return err_say(e, -EBADMSG, "layer %s: %lld bytes came instead of %lld",
			       j->wanted.digest ? j->wanted.digest : diff_id, (long long)j->size,
			       (long long)j->wanted.size);
	if ((r = compare("digest", j->wanted.digest, digest, e)) < 0 ||
	    (r = compare("diff id", j->wanted.diff_id, diff_id, e)) < 0)
		return r;
	l = (struct layer_result){.digest = arena_strdup(a, digest),
				  .diff_id = arena_strdup(a, diff_id),
				  .chain = chain_of(j->wanted.parent, diff_id, a),
				  .size = j->size,
				  .unpacked_size = unpacked.bytes,
				  .entries = unpacked.entries};
	r = publish(j, &l, e);
	if (r < 0)
		return r;
	warn(&unpacked);
	*ret = l;
	return 0;
}

int layer_finish(struct layer_job *j, struct arena *a, struct layer_result *ret, struct err *e)
{
	int r = finish(j, a, ret, e);

	layer_abort(j);
	return r;
}

void layer_abort(struct layer_job *j)
{
	int *const fds[] = {&j->feed_fd, &j->result_fd, &j->blob_fd};

	if (j->child > 0)
		kill(j->child, SIGKILL);
	for (size_t i = 0; i < ARRAY_LEN(fds); i++)
		auto_close_fn(fds[i]);
	end_threads(j);
	/* Only where a thread was never there to close them. */
	auto_close_fn(&j->compressed_fd);
	auto_close_fn(&j->inflated_fd);
	auto_close_fn(&j->tar_fd);
	while (j->child > 0 && waitpid(j->child, NULL, 0) < 0 && errno == EINTR)
		continue;
	digest_free(&j->digest);
	digest_free(&j->diff_digest);
	if (j->dir_fd >= 0)
		tree_remove_at(j->g->data_fd, j->draft);
	auto_close_fn(&j->dir_fd);
	arena_free(&j->arena);
	free(j);
}

int layer_exists(const struct engine *g, const char *chain, const char *digest)
{
	char path[128];

	snprintf(path, sizeof(path), "layers/%s/layer.json", chain + strlen("sha256:"));
	if (faccessat(g->data_fd, path, F_OK, 0) < 0)
		return false;
	if (!digest)
		return true;
	snprintf(path, sizeof(path), "blobs/sha256/%s", digest + strlen("sha256:"));
	return faccessat(g->data_fd, path, F_OK, 0) == 0;
}
