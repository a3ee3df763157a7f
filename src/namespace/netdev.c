/* SPDX-License-Identifier: Apache-2.0 */
/* linux.netDevices: devices of the runtime's network namespace become the container's (config-linux.md, "Network
 * Devices"). */
#include <linux/if_addr.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/auto.h"
#include "base/err.h"
#include "base/str.h"
#include "kernel/netlink.h"
#include "kernel/rtnl.h"
#include "kernel/sys.h"
#include "namespace/kinds.h"

/*
 * Theory of operation
 *
 * The parent moves them, since they are in its namespace, when the child's is there and before any hook runs. Everything
 * that can be refused is looked at for all devices before the first one moves: a move cannot be taken back for certain.
 * The kernel keeps a device's settings (MTU, hardware address, ...) and takes its addresses away: the permanent ones of
 * global scope are read before and added again behind, from a socket of the container's namespace; then the device is
 * brought up. Names: "%d" is filled in here with the first free number, so that the device can be found again.
 */

enum { NAME_SIZE = 16 }; /* IFNAMSIZ */

/* What dev_valid_name of net/core/dev.c takes. */
static bool is_name(const char *name)
{
	return *name && strlen(name) < NAME_SIZE && strcmp(name, ".") != 0 &&
	       strcmp(name, "..") != 0 && !strpbrk(name, "/: \t\n\v\f\r");
}

static const char *name_inside(const struct oci_net_device *d)
{
	return d->name && *d->name ? d->name : d->host_name;
}

static bool is_template(const char *name)
{
	return strchr(name, '%') != NULL;
}

static int check_name(const struct oci_net_device *d, struct err *e)
{
	const char *name = name_inside(d), *percent = strchr(name, '%');

	if (!is_name(d->host_name) || is_template(d->host_name))
		return err_say(e, -EINVAL,
			       "linux.netDevices: \"%.64s\" is not the name of a network device",
			       d->host_name);
	if (!is_name(name) || (percent && (percent[1] != 'd' || strchr(percent + 1, '%'))))
		return err_say(
			e, -EINVAL,
			"linux.netDevices: %s: \"%.64s\" cannot be its name in the container",
			d->host_name, name);
	return 0;
}

int ns_net_devices_check(const struct ns_plan *p, struct err *e)
{
	for (size_t i = 0; i < p->n_net_devices; i++) {
		const struct oci_net_device *d = &p->net_devices[i];
		int r = check_name(d, e);

		if (r < 0)
			return r;
		if (p->action[NS_NET] == NS_INHERIT)
			return err_say(
				e, -EINVAL,
				"linux.netDevices: %s: the container has no network namespace "
				"to move it to",
				d->host_name);
		for (size_t k = 0; k < i; k++)
			if (str_eq(name_inside(d), name_inside(&p->net_devices[k])) &&
			    !is_template(name_inside(d)))
				return err_say(
					e, -EINVAL,
					"linux.netDevices: %s and %s cannot both be called %s",
					p->net_devices[k].host_name, d->host_name, name_inside(d));
	}
	return 0;
}

/* ---- the move ---------------------------------------------------------------------------------- */

/* Both ends. */
struct move {
	int here, there; /* route netlink sockets */
	int ns_fd;
};

/* A socket keeps the namespace that it was made in. */
static int open_socket_in(int ns_fd)
{
	auto_close int own = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	int fd;

	if (own < 0 || setns(ns_fd, CLONE_NEWNET) < 0)
		return -errno;
	fd = netlink_open(NETLINK_ROUTE);
	if (setns(own, CLONE_NEWNET) < 0) {
		int r = -errno;

		if (fd >= 0)
			close(fd);
		return r;
	}
	return fd;
}

/* The device's name in the container, free there. */
static int choose_name(const struct move *m, const struct oci_net_device *d, char name[NAME_SIZE],
		       struct err *e)
{
	const char *wanted = name_inside(d), *percent = strchr(wanted, '%');
	int n = 0, r;

	for (unsigned i = 0; i < 32768; i++) {
		n = percent ? snprintf(name, NAME_SIZE, "%.*s%u%s", (int)(percent - wanted), wanted,
				       i, percent + 2)
			    : snprintf(name, NAME_SIZE, "%s", wanted);
		if (n < 0 || n >= NAME_SIZE)
			break;
		r = rtnl_index(m->there, name);
		if (r == -ENODEV)
			return 0;
		if (r < 0)
			return err_sys(e, r, "linux.netDevices: look for %s in the container",
				       name);
		if (!percent)
			break;
	}
	return err_say(e, -EEXIST,
		       "linux.netDevices: %s: the container's network namespace has a device %s "
		       "already%s",
		       d->host_name, wanted, percent ? " for every number" : "");
}

static int find_device(const struct move *m, const struct oci_net_device *d, struct err *e)
{
	int index = rtnl_index(m->here, d->host_name);

	if (index == -ENODEV)
		return err_say(e, index, "linux.netDevices: %s: there is no such network device",
			       d->host_name);
	return index < 0 ? err_sys(e, index, "linux.netDevices: %s", d->host_name) : index;
}

static bool is_kept(const struct rtnl_address *a)
{
	return a->flags & IFA_F_PERMANENT && a->scope == RT_SCOPE_UNIVERSE;
}

static int add_addresses(const struct move *m, int index, const struct rtnl_address *v, int n,
			 const char *name, struct err *e)
{
	for (int i = 0; i < n; i++) {
		struct rtnl_address a = v[i];
		int r;

		if (!is_kept(&a))
			continue;
		/* These are the kernel's to say. */
		a.flags &= ~(uint32_t)(IFA_F_SECONDARY | IFA_F_TENTATIVE | IFA_F_DADFAILED |
				       IFA_F_DEPRECATED);
		r = rtnl_add_address(m->there, index, &a);
		if (r < 0 && r != -EEXIST)
			return err_sys(e, r, "linux.netDevices: %s: give it its address %d again",
				       name, i + 1);
	}
	return 0;
}

static const char *reason(int r)
{
	return r == -EINVAL ? " (devices like lo, bridges and some tunnels stay in their namespace)"
	       : r == -EPERM || r == -EACCES
		       ? " (it takes CAP_NET_ADMIN over the host's and the container's network)"
		       : "";
}

static int move_one(const struct move *m, const struct oci_net_device *d, struct err *e)
{
	auto_free struct rtnl_address *addresses = NULL;
	char name[NAME_SIZE];
	int index = find_device(m, d, e), n, r;

	if (index < 0)
		return index;
	r = choose_name(m, d, name, e);
	if (r < 0)
		return r;
	n = rtnl_addresses(m->here, index, &addresses);
	if (n < 0)
		return err_sys(e, n, "linux.netDevices: %s: read its addresses", d->host_name);
	r = rtnl_move(m->here, index, m->ns_fd, name);
	if (r < 0)
		return err_sys(e, r, "linux.netDevices: move %s to the container as %s%s",
			       d->host_name, name, reason(r));
	index = rtnl_index(m->there, name); /* the kernel may have given it another */
	if (index < 0)
		return err_sys(e, index, "linux.netDevices: find %s in the container", name);
	r = add_addresses(m, index, addresses, n, name, e);
	if (r < 0)
		return r;
	r = rtnl_set_up(m->there, index, true);
	return r < 0 ? err_sys(e, r, "linux.netDevices: bring up %s", name) : 0;
}

static int check_all(const struct ns_plan *p, const struct move *m, struct err *e)
{
	char name[NAME_SIZE];
	int r = 0;

	for (size_t i = 0; r >= 0 && i < p->n_net_devices; i++) {
		r = find_device(m, &p->net_devices[i], e);
		if (r >= 0)
			r = choose_name(m, &p->net_devices[i], name, e);
	}
	return r;
}

int ns_net_devices_move(const struct ns_plan *p, pid_t child, struct err *e)
{
	auto_close int here = -EBADF, there = -EBADF, ns_fd = -EBADF;
	struct move m = {.ns_fd = -EBADF};
	char path[64];
	int r;

	if (!p->n_net_devices)
		return 0;
	snprintf(path, sizeof(path), "/proc/%d/ns/net", child);
	ns_fd = sys_return(open(path, O_RDONLY | O_CLOEXEC));
	if (ns_fd < 0)
		return err_sys(e, ns_fd, "linux.netDevices: open the container's network%s",
			       reason(ns_fd));
	if (ns_is_own(&ns_kind_net, ns_fd))
		return err_say(
			e, -EINVAL,
			"linux.netDevices: %s: the network namespace to move it to is our own",
			p->net_devices[0].host_name);
	here = netlink_open(NETLINK_ROUTE);
	there = here < 0 ? here : open_socket_in(ns_fd);
	if (there < 0)
		return err_sys(e, there, "linux.netDevices: open the container's network%s",
			       reason(there));
	m.ns_fd = ns_fd;
	m.here = here;
	m.there = there;
	r = check_all(p, &m, e);
	for (size_t i = 0; r >= 0 && i < p->n_net_devices; i++)
		r = move_one(&m, &p->net_devices[i], e);
	return r < 0 ? r : 0;
}
