/* SPDX-License-Identifier: Apache-2.0 */
/* A session keyring of the container's own, so that it does not hold the keys of its caller. */
#include <linux/keyctl.h>

#include "base/err.h"
#include "kernel/sys.h"
#include "security/security.h"

/* What the kernel gives a new session keyring (possessor: all; user: view, read, link) and the right
 * of the user to search it, which runc adds as well: keyrings(7), include/linux/key.h. */
#define SESSION_RIGHTS 0x3f1b0000u

int keyring_join(const char *name, struct err *e)
{
	int ring = sys_return(syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, name));

	if (ring == -ENOSYS)
		return 0;
	if (ring == -EDQUOT)
		return err_say(e, ring,
			       "join session keyring \"%s\": this user has too many keys; see "
			       "/proc/key-users and the sysctls kernel.keys.maxkeys, "
			       "kernel.keys.root_maxkeys",
			       name);
	if (ring < 0)
		return err_sys(e, ring, "join session keyring \"%s\"", name);
	/* One that was there already may belong to somebody else: then it stays as it is. */
	syscall(SYS_keyctl, KEYCTL_SETPERM, ring, SESSION_RIGHTS);
	return 0;
}
