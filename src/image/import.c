/* SPDX-License-Identifier: Apache-2.0 */
/* An image of one layer from a tar file of a root, and a container's root as such a file. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/auto.h"
#include "base/err.h"
#include "base/str.h"
#include "engine/event.h"
#include "image/archive_write.h"
#include "image/commit.h"
#include "image/draft.h"
#include "image/pack.h"
#include "image/raw_read.h"
#include "image/sink.h"

enum { PIECE = 1 << 18, HEAD = 6 };

/* ---- import ------------------------------------------------------------------------------------- */

struct input {
	int fd;
	const char *label;
	uint8_t head[HEAD]; /* what was read to see of what kind it is */
	size_t n;
};

static int open_input(const char *path, struct input *ret, struct err *e)
{
	bool is_stdin = str_eq(path, "-");
	struct input in = {.label = is_stdin ? "standard input" : path};
	auto_close int fd = is_stdin ? fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 3)
				     : open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0 && (str_starts(path, "http://") || str_starts(path, "https://")))
		return err_say(e, -EINVAL, "%s: fetch it first: curl URL | berth import -", path);
	if (fd < 0)
		return err_sys(e, -errno, "open %s", in.label);
	if (isatty(fd))
		return err_say(e, -EINVAL,
			       "the files of a root, as a tar file, are expected on standard "
			       "input, which is a terminal");
	while (in.n < HEAD) {
		ssize_t n = read(fd, in.head + in.n, HEAD - in.n);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_sys(e, -errno, "read %s", in.label);
		if (n == 0)
			break;
		in.n += (size_t)n;
	}
	if (in.n == 0)
		return err_say(e, -EBADMSG, "%s is empty", in.label);
	in.fd = TAKE_FD(fd);
	*ret = in;
	return 0;
}

/* gzip and zstd go as they are; what else there is goes through gzip. */
static int feed_as_is(const struct input *in, struct layer_job *job, struct err *e)
{
	auto_arena struct arena a = {0};
	char *buf = arena_alloc(&a, PIECE);
	int r = layer_feed(job, in->head, in->n, e);

	while (r == 0) {
		ssize_t n = read(in->fd, buf, PIECE);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_sys(e, -errno, "read %s", in->label);
		if (n == 0)
			break;
		r = layer_feed(job, buf, (size_t)n, e);
	}
	return r;
}

static int feed_as_gzip(const struct input *in, struct layer_job *job, struct err *e)
{
	auto_raw struct raw *raw = raw_open_after(in->fd, in->head, in->n, in->label);
	auto_sink_gzip struct sink_gzip *gzip = sink_gzip_open((struct sink){commit_feed, job});
	auto_arena struct arena a = {0};
	char *buf = arena_alloc(&a, PIECE);
	ssize_t n;
	int r = 0;

	if (!raw || !gzip)
		return err_sys(e, -ENOMEM, "read %s", in->label);
	while (r == 0 && (n = raw_read(raw, buf, PIECE, e)) != 0)
		r = n < 0 ? (int)n : sink_gzip_write(gzip, buf, (size_t)n, e);
	return r < 0 ? r : sink_gzip_finish(gzip, e);
}

static int import_layer(struct draft *d, const struct input *in, struct err *e)
{
	struct oci_descriptor descriptor = {.media_type = draft_media_type(in->head, in->n),
					    .size = -1};
	bool is_plain = str_eq(descriptor.media_type, OCI_TYPE_LAYER);
	struct layer_job *job = NULL;
	int r;

	if (is_plain)
		descriptor.media_type = OCI_TYPE_LAYER_GZIP;
	r = draft_layer_begin(d, &descriptor, NULL, &job, e);
	if (r < 0)
		return r;
	r = is_plain ? feed_as_gzip(in, job, e) : feed_as_is(in, job, e);
	if (r < 0) {
		layer_abort(job);
		return r;
	}
	return draft_layer_end(d, job, descriptor.media_type, e);
}

int import_root(const struct engine *g, const char *path, const struct commit_request *q,
		struct arena *a, const char **ret_id, struct err *e)
{
	auto_draft struct draft d = {.lock = -EBADF};
	struct oci_platform platform = oci_platform_own();
	struct oci_image_config config = {0};
	struct oci_history step = {.created = commit_time(a), .comment = q->message};
	struct input in = {.fd = -EBADF};
	int r = commit_check(q, a, e);

	if (r == 0 && q->platform)
		r = oci_platform_parse(q->platform, a, &platform, e);
	if (r == 0)
		r = open_input(path, &in, e);
	if (r == 0)
		r = draft_open(g, a, &d, e);
	if (r == 0)
		r = import_layer(&d, &in, e);
	auto_close_fn(&in.fd);
	if (r < 0)
		return r;
	config.architecture = platform.architecture;
	config.variant = platform.variant;
	config.os = platform.os ? platform.os : "linux";
	config.author = q->author;
	if (!step.comment)
		step.comment = arena_printf(a, "Imported from %s", path);
	r = commit_save(&d, &config, &step, q, ret_id, e);
	if (r == 0)
		event_emit(g, "image", "import", *ret_id, q->reference ? q->reference : *ret_id,
			   NULL);
	return r;
}

/* ---- export ------------------------------------------------------------------------------------- */

int export_container(const struct engine *g, const struct container_info *c, const char *path,
		     struct err *e)
{
	const struct pack_options options = {.is_rootless = g->is_rootless};
	auto_arena struct arena a = {0};
	auto_output struct output o = {.file = {.fd = -EBADF}};
	auto_close int dir = record_open(g, c->record.id, e), root = -EBADF;
	int r;

	if (dir < 0)
		return dir;
	r = output_open(path, "container", &a, &o, e);
	if (r < 0)
		return r;
	root = image_mount_view(g, &c->record.layers, dir, e);
	if (root < 0)
		return root;
	r = pack_folder(root, &options, &(struct sink){sink_file_write, &o.file}, NULL, e);
	if (r == 0)
		r = output_finish(&o, e);
	if (r == 0)
		event_emit(g, "container", "export", c->record.id, c->record.name, NULL);
	return r;
}
