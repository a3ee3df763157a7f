/* SPDX-License-Identifier: Apache-2.0 */
/* AppArmor and SELinux: what the kernel has, and the label that the next exec takes. */
#include <stdio.h>

#include "base/err.h"
#include "base/str.h"
#include "kernel/fd.h"
#include "kernel/proc.h"
#include "kernel/sys.h"
#include "security/security.h"

static bool is_asked(const char *label)
{
	return label && label[0];
}

/* "unconfined" is what a kernel without AppArmor gives anyway. */
static bool is_profile_asked(const struct oci_process *p)
{
	return is_asked(p->apparmor_profile) && !str_eq(p->apparmor_profile, "unconfined");
}

bool lsm_has_apparmor(void)
{
	char text[8];

	return file_read_small(AT_FDCWD, "/sys/module/apparmor/parameters/enabled", text,
			       sizeof(text)) > 0 &&
	       text[0] == 'Y';
}

bool lsm_has_selinux(void)
{
	return access("/sys/fs/selinux/enforce", F_OK) == 0;
}

int lsm_check(const struct oci_process *p, const char *mount_label, struct err *e)
{
	const char *label = is_asked(p->selinux_label) ? p->selinux_label : mount_label;

	if (is_profile_asked(p) && !lsm_has_apparmor())
		return err_say(e, -ENOTSUP,
			       "apparmor profile \"%s\" asked for, but this kernel has no AppArmor",
			       p->apparmor_profile);
	if (is_asked(label) && !lsm_has_selinux())
		return err_say(e, -ENOTSUP,
			       "selinux label \"%s\" asked for, but this kernel has no SELinux, or "
			       "it is disabled",
			       label);
	return 0;
}

static int set_profile(const char *profile, int proc_fd, struct err *e)
{
	char text[512];
	int r;

	if (snprintf(text, sizeof(text), "exec %s", profile) >= (int)sizeof(text))
		return err_say(e, -EINVAL, "apparmor profile \"%.80s...\": the name is too long",
			       profile);
	/* AppArmor's own file is there from Linux 5.8; the other is shared with SELinux. */
	r = proc_write_at(proc_fd, "self/attr/apparmor/exec", text);
	if (r == -ENOENT)
		r = proc_write_at(proc_fd, "self/attr/exec", text);
	if (r == -ENOENT)
		return err_say(e, r,
			       "apparmor profile \"%s\" is not loaded; see apparmor_parser(8)",
			       profile);
	return r < 0 ? err_sys(e, r, "set apparmor profile \"%s\"", profile) : 0;
}

int lsm_set_exec_label(const struct oci_process *p, int proc_fd, struct err *e)
{
	int r;

	if (is_profile_asked(p) || (is_asked(p->apparmor_profile) && lsm_has_apparmor())) {
		r = set_profile(p->apparmor_profile, proc_fd, e);
		if (r < 0)
			return r;
	}
	if (!is_asked(p->selinux_label))
		return 0;
	r = proc_write_at(proc_fd, "self/attr/exec", p->selinux_label);
	return r < 0 ? err_sys(e, r, "set selinux label \"%s\"", p->selinux_label) : 0;
}
