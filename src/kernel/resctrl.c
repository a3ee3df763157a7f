/* SPDX-License-Identifier: Apache-2.0 */
/* The resctrl file system: where it is, and its groups made and removed (Documentation/arch/x86/resctrl.rst). */
#include "kernel/resctrl.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>

#include "base/auto.h"
#include "kernel/sys.h"

enum { RESCTRL_MAGIC = 0x7655821 }; /* linux/magic.h: RDTGROUP_SUPER_MAGIC */

/* Returns the descriptor, -ENOENT where something else lies there, or -errno. */
static int open_at(const char *path)
{
	auto_close int fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct statfs s;

	if (fd < 0 || fstatfs(fd, &s) < 0)
		return -errno;
	return s.f_type == RESCTRL_MAGIC ? TAKE_FD(fd) : -ENOENT;
}

int resctrl_open(void)
{
	auto_fclose FILE *f = NULL;
	char line[8192], path[4096];
	int fd = open_at("/sys/fs/resctrl");

	if (fd >= 0)
		return fd;
	f = fopen("/proc/self/mountinfo", "re");
	if (!f)
		return -errno;
	while (fgets(line, sizeof(line), f))
		if (strstr(line, " - resctrl ") &&
		    sscanf(line, "%*s %*s %*s %*s %4095s", path) == 1 && (fd = open_at(path)) >= 0)
			return fd;
	return -ENOENT;
}

int resctrl_make(int dir_fd, const char *name)
{
	return sys_return(mkdirat(dir_fd, name, 0755));
}

int resctrl_remove(int dir_fd, const char *name)
{
	int r = sys_return(unlinkat(dir_fd, name, AT_REMOVEDIR));

	return r == -ENOENT ? 0 : r;
}
