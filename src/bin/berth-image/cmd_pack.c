/* SPDX-License-Identifier: Apache-2.0 */
/* __pack and __unpack: the tar streams of `berth cp`, for a folder that it has made. */
#include <errno.h>
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/auto.h"
#include "bin/berth-image/commands.h"
#include "engine/container/record.h"
#include "image/pack.h"
#include "image/sink.h"
#include "image/unpack.h"

static const struct opt options[] = {{0}};

static int open_folder(const char *path, struct err *e)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	return fd < 0 ? err_sys(e, -errno, "open %s", path) : fd;
}

static int pack_main(const struct invocation *in, int *ret_code, struct err *e)
{
	struct pack_options o = {.is_rootless = in->engine.is_rootless};
	struct record record = {0};
	auto_close int fd = open_folder(in->words.v[0], e);
	auto_sink_file struct sink_file out = {.fd = STDOUT_FILENO, .label = "standard output"};
	const struct sink to = {sink_file_write, &out};
	int r;

	(void)ret_code;
	if (fd < 0)
		return fd;
	if (in->words.n > 1) {
		auto_close int container = record_open(&in->engine, in->words.v[1], e);

		r = container < 0 ? container
				  : record_load(container, in->words.v[1], in->arena, &record, e);
		if (r < 0)
			return r;
		o.uid_maps = &record.uid_maps;
		o.gid_maps = &record.gid_maps;
	}
	r = pack_folder(fd, &o, &to, NULL, e);
	return r < 0 ? r : sink_file_flush(&out, e);
}

static int unpack(const struct invocation *in, int dir, struct err *e)
{
	auto_close int result_fd = -EBADF, far = -EBADF;
	struct unpack_result result = {0};
	int ends[2], status;
	ssize_t n;
	pid_t child;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return err_sys(e, -errno, "make a pipe");
	result_fd = ends[0];
	far = ends[1];
	child = fork();
	if (child < 0)
		return err_sys(e, -errno, "start the unpacking process");
	if (child == 0)
		unpack_main(STDIN_FILENO, dir, far, in->engine.is_rootless);
	close(TAKE_FD(far));
	n = read(result_fd, &result, sizeof(result));
	while (waitpid(child, &status, 0) < 0 && errno == EINTR)
		continue;
	if (n != (ssize_t)sizeof(result))
		return err_say(e, -EIO, "the unpacking process has died");
	if (result.err.code)
		*e = result.err;
	return -result.err.code;
}

static int unpack_stream_main(const struct invocation *in, int *ret_code, struct err *e)
{
	auto_close int fd = open_folder(in->words.v[0], e);

	(void)ret_code;
	return fd < 0 ? fd : unpack(in, fd, e);
}

const struct command cmd_pack = {
	.name = "__pack",
	.usage = "FOLDER [CONTAINER]",
	.help = "Write a folder as tar, with a container's ids",
	.group = "images",
	.options = options,
	.words_min = 1,
	.words_max = 2,
	.is_hidden = true,
	.enters = true,
	.main = pack_main,
};

const struct command cmd_unpack = {
	.name = "__unpack",
	.usage = "FOLDER",
	.help = "Unpack a tar into a folder",
	.group = "images",
	.options = options,
	.words_min = 1,
	.words_max = 1,
	.is_hidden = true,
	.enters = true,
	.main = unpack_stream_main,
};
