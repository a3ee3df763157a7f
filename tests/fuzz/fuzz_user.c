/* SPDX-License-Identifier: Apache-2.0 */
/* Fuzz: USER[:GROUP] (up to the first NUL), /etc/passwd (up to the second) and /etc/group (the rest) of a container. */
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/err.h"
#include "engine/container/user.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char root[] = "/dev/shm/fuzz-user-XXXXXX";
static int root_fd = -1;

static void check(bool is_true)
{
	if (!is_true)
		abort();
}

static void clean(void)
{
	unlinkat(root_fd, "etc/passwd", 0);
	unlinkat(root_fd, "etc/group", 0);
	unlinkat(root_fd, "etc", AT_REMOVEDIR);
	rmdir(root);
}

static void prepare(void)
{
	check(mkdtemp(root) != NULL);
	root_fd = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
	check(root_fd >= 0 && mkdirat(root_fd, "etc", 0755) == 0 && atexit(clean) == 0);
}

static void save(const char *name, const char *text, size_t n)
{
	int fd = openat(root_fd, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	check(fd >= 0 && write(fd, text, n) == (ssize_t)n);
	close(fd);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct oci_user user = {0};
	struct arena a = {0};
	struct err e = {0};
	char *text = arena_strndup(&a, (const char *)data, size), *end = text + size;
	char *passwd = text + strlen(text) + (strlen(text) < size), *group;
	int r;

	if (root_fd < 0)
		prepare();
	group = memchr(passwd, '\0', (size_t)(end - passwd));
	group = group ? group : end;
	save("etc/passwd", passwd, (size_t)(group - passwd));
	group += group < end;
	save("etc/group", group, (size_t)(end - group));
	r = user_find(root_fd, text, NULL, "--user", &a, &user, &e);
	check((r < 0) == (e.code != 0));
	check(r < 0 || user.additional_gids.n > 0);
	arena_free(&a);
	return 0;
}
