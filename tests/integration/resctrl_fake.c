/* SPDX-License-Identifier: Apache-2.0 */
/* Stands in for src/kernel/resctrl.c in build/berth-runtime-resctrl: groups are folders below RESCTRL_FAKE. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "kernel/resctrl.h"
#include "kernel/tree.h"

int resctrl_open(void)
{
	const char *path = getenv("RESCTRL_FAKE");
	int fd = path ? open(path, O_PATH | O_DIRECTORY | O_CLOEXEC) : -1;

	return fd < 0 ? -ENOENT : fd;
}

/* As the kernel does: with its files. What is written to them stays, one line after the other. */
int resctrl_make(int dir_fd, const char *name)
{
	static const char *const files[] = {"schemata", "tasks"};
	char path[512];

	if (mkdirat(dir_fd, name, 0755) < 0)
		return -errno;
	for (int i = 0; i < 2; i++) {
		snprintf(path, sizeof(path), "%s/%s", name, files[i]);
		close(openat(dir_fd, path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644));
	}
	snprintf(path, sizeof(path), "%s/mon_groups", name);
	return mkdirat(dir_fd, path, 0755) < 0 ? -errno : 0;
}

int resctrl_remove(int dir_fd, const char *name)
{
	return tree_remove_at(dir_fd, name);
}
