/* SPDX-License-Identifier: Apache-2.0 */
/* The network namespace: new ones get their loopback up. */
#include <linux/netlink.h>

#include "base/auto.h"
#include "base/err.h"
#include "kernel/netlink.h"
#include "kernel/rtnl.h"
#include "kernel/sys.h"
#include "namespace/kinds.h"

const struct ns_kind ns_kind_net = {
	.oci_name = "network",
	.proc_name = "net",
	.clone_flag = CLONE_NEWNET,
};

int ns_net_prepare(const struct ns_plan *p, struct err *e)
{
	auto_close int socket = -EBADF;
	int r;

	/* A joined namespace belongs to whoever made it. */
	if (p->action[NS_NET] != NS_CREATE)
		return 0;
	socket = netlink_open(NETLINK_ROUTE);
	if (socket < 0)
		return err_sys(e, socket, "open a route netlink socket");
	r = rtnl_set_up(socket, RTNL_LOOPBACK, true);
	if (r < 0)
		return err_sys(e, r, "bring up the loopback device");
	return 0;
}
