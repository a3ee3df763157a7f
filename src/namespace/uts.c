/* SPDX-License-Identifier: Apache-2.0 */
/* The uts namespace: host name and NIS domain name. */
#include <string.h>

#include "base/err.h"
#include "kernel/sys.h"
#include "namespace/kinds.h"

/* __NEW_UTS_LEN of <linux/utsname.h>. */
#define NAME_LEN_MAX 64

const struct ns_kind ns_kind_uts = {
	.oci_name = "uts",
	.proc_name = "uts",
	.clone_flag = CLONE_NEWUTS,
};

static int check_name(const struct ns_plan *p, const char *what, const char *name, struct err *e)
{
	if (!name)
		return 0;
	/* runc's words, callers know them. */
	if (p->action[NS_UTS] == NS_INHERIT)
		return err_say(e, -EINVAL, "unable to set %s without a private UTS namespace",
			       what);
	if (strlen(name) > NAME_LEN_MAX)
		return err_say(e, -EINVAL, "%s \"%.80s\" is longer than %d bytes", what, name,
			       NAME_LEN_MAX);
	return 0;
}

int ns_uts_check(const struct ns_plan *p, struct err *e)
{
	int r = check_name(p, "hostname", p->hostname, e);

	return r < 0 ? r : check_name(p, "domainname", p->domainname, e);
}

int ns_uts_prepare(const struct ns_plan *p, struct err *e)
{
	if (p->hostname && sethostname(p->hostname, strlen(p->hostname)) < 0)
		return err_sys(e, -errno, "set hostname \"%s\"", p->hostname);
	if (p->domainname && setdomainname(p->domainname, strlen(p->domainname)) < 0)
		return err_sys(e, -errno, "set domainname \"%s\"", p->domainname);
	return 0;
}
