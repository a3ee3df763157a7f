/* SPDX-License-Identifier: Apache-2.0 */
/* Where the runtime keeps its state, and with which rights it works. */
#include <stdio.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/err.h"
#include "kernel/fd.h"
#include "kernel/sys.h"
#include "runtime/runtime.h"

/* Root of a user namespace of its own has no more rights over the machine than an ordinary user. */
static bool owns_machine(void)
{
	char map[64];
	unsigned inside, outside, count;

	if (geteuid() != 0)
		return false;
	if (file_read_small(AT_FDCWD, "/proc/self/uid_map", map, sizeof(map)) < 0)
		return true;
	return sscanf(map, "%u %u %u", &inside, &outside, &count) == 3 && inside == 0 &&
	       outside == 0 && count == ~0U;
}

int runtime_init(struct runtime *rt, const char *root, int rootless, bool has_systemd_cgroup,
		 struct arena *a, struct err *e)
{
	const char *dir = getenv("XDG_RUNTIME_DIR");
	bool is_rootless = rootless < 0 ? !owns_machine() : rootless;
	char *absolute;

	if (!root && !is_rootless)
		root = "/run/berth";
	if (!root && (!dir || dir[0] != '/'))
		return err_say(e, -ENOENT, "no place for the state: set XDG_RUNTIME_DIR or --root");
	if (!root)
		root = arena_printf(a, "%s/berth", dir);
	if (root[0] != '/') {
		absolute = getcwd(NULL, 0);
		if (!absolute)
			return err_sys(e, -errno, "find the working directory for --root %s", root);
		root = arena_printf(a, "%s/%s", absolute, root);
		free(absolute);
	}
	*rt = (struct runtime){
		.root = root, .is_rootless = is_rootless, .has_systemd_cgroup = has_systemd_cgroup};
	return 0;
}
