/* SPDX-License-Identifier: Apache-2.0 */
/* The user of the process: groups, ids and umask. */
#include <grp.h>
#include <sys/stat.h>

#include "base/err.h"
#include "kernel/sys.h"
#include "security/security.h"

/* The C library's setgroups and setresuid would do for all threads; there is one. The raw calls take
 * ids as the specification has them. */
static int set_groups(const struct oci_user *u, bool can_setgroups, struct err *e)
{
	size_t n = u->additional_gids.n;
	int r;

	if (!can_setgroups && n > 0)
		return err_say(e, -EPERM,
			       "additional groups asked for, but setgroups is denied in this user "
			       "namespace; they need gid mappings through newgidmap");
	if (!can_setgroups)
		return 0;
	/* Nothing to set, and nothing inherited that would have to go (CVE-2022-36109). */
	if (n == 0 && getgroups(0, NULL) == 0)
		return 0;
	r = sys_return(syscall(SYS_setgroups, n, u->additional_gids.v));
	if (r == -EINVAL)
		return err_say(e, r,
			       "one of %zu additional groups is not mapped in the container's user "
			       "namespace",
			       n);
	return r < 0 ? err_sys(e, r, "set %zu additional groups", n) : 0;
}

int user_apply(const struct oci_user *u, bool can_setgroups, struct err *e)
{
	/* Order: groups before the user, whose change takes the right to change groups away. */
	int r = set_groups(u, can_setgroups, e);

	if (r < 0)
		return r;
	r = sys_return(syscall(SYS_setresgid, u->gid, u->gid, u->gid));
	if (r == -EINVAL)
		return err_say(e, r, "gid %u is not mapped in the container's user namespace",
			       u->gid);
	if (r < 0)
		return err_sys(e, r, "set gid %u", u->gid);
	r = sys_return(syscall(SYS_setresuid, u->uid, u->uid, u->uid));
	if (r == -EINVAL)
		return err_say(e, r, "uid %u is not mapped in the container's user namespace",
			       u->uid);
	if (r < 0)
		return err_sys(e, r, "set uid %u", u->uid);
	/* The caller's own is no business of the container's; 022 is what runc gives as well. */
	umask(u->umask.is_set ? (mode_t)(u->umask.value & 0777) : 022);
	return 0;
}
