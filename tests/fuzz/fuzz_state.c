/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as the state file of a container. */
#include <fcntl.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/json.h"
#include "runtime/state.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

static char path[] = "/tmp/berth-fuzz-XXXXXX";

static void remove_folder(void)
{
	rmdir(path);
}

static int open_folder(void)
{
	int fd = mkdtemp(path) ? open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;

	if (fd < 0 || atexit(remove_folder) != 0)
		abort();
	return fd;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	static int folder = -1;
	auto_arena struct arena a = {0};
	auto_json_writer struct json_writer w = {0};
	struct container c;
	struct err e = {0};
	int fd, r;

	if (folder < 0)
		folder = open_folder();
	fd = openat(folder, STATE_FILE, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0 || write(fd, data, n) != (ssize_t)n)
		abort();
	close(fd);
	r = state_load(folder, "c", &a, &c, &e);
	unlinkat(folder, STATE_FILE, 0);
	if (r < 0) {
		if (!e.code || !e.text[0])
			abort();
		return 0;
	}
	runtime_container_print(&c, &a, &w);
	return 0;
}
