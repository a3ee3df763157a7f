/* SPDX-License-Identifier: Apache-2.0 */
/* A container brought into a network, or taken out of one, whether it runs or not. */
#include <stdio.h>
#include <string.h>
#include <sys/file.h>

#include "base/arena.h"
#include "base/auto.h"
#include "base/err.h"
#include "base/log.h"
#include "base/str.h"
#include "engine/container/attach.h"
#include "engine/container/spec_parts.h"
#include "engine/event.h"
#include "engine/network/attach.h"
#include "engine/network/firewall.h"
#include "engine/network/join.h"
#include "engine/network/state.h"
#include "kernel/netlink.h"
#include "kernel/rtnl.h"
#include "kernel/sys.h"

/*
 * Theory of operation
 *
 * The container's folder is locked (flock) by who changes its record's networks; RUN/ID by who changes what it has,
 * the monitor at its end included: so whoever finds network.json under that lock may rely on the container's namespace.
 * The file is written before anything is made, as at a start.
 */

struct change {
	const struct engine *g;
	const struct container_info *c;
	struct arena *a;
	struct record record;
	struct network network;
	int dir_fd, lock_fd, live_fd; /* live_fd: the lock of RUN/ID, or -ENOENT */
	struct network_state state;
};

static int lock_folder(int fd)
{
	while (flock(fd, LOCK_EX) < 0)
		if (errno != EINTR)
			return -errno;
	return 0;
}

static int begin(struct change *c, const char *network, struct err *e)
{
	const struct record *given = &c->c->record;
	int r;

	if (!network_is_ours(given))
		return err_say(e, -EINVAL,
			       "container %s cannot be connected to or disconnected from networks: "
			       "its network mode is %s",
			       given->name, given->network);
	r = network_find(c->g, network, c->a, &c->network, e);
	if (r < 0 || (c->dir_fd = r = record_open(c->g, given->id, e)) < 0)
		return r;
	c->lock_fd = openat(c->dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	r = c->lock_fd < 0 ? -errno : lock_folder(c->lock_fd);
	if (r < 0)
		return err_sys(e, r, "lock container %s", given->name);
	/* As it is now, under the lock. */
	r = record_load(c->dir_fd, given->id, c->a, &c->record, e);
	if (r < 0)
		return r;
	c->live_fd = state_lock(c->g, given->id);
	if (c->live_fd < 0 && c->live_fd != -ENOENT)
		return err_sys(e, c->live_fd, "lock %s/%s", c->g->run, given->id);
	if (c->live_fd < 0)
		return 0;
	r = network_state_load(c->g, given->id, c->a, &c->state, e);
	if (r == -ENOENT) {
		auto_close_fn(&c->live_fd);
		c->live_fd = -ENOENT;
		return 0;
	}
	return r;
}

static void end(struct change *c)
{
	auto_close_fn(&c->live_fd);
	auto_close_fn(&c->lock_fd);
	auto_close_fn(&c->dir_fd);
}

/* The record is kept, and the monitor told: the next life begins with it. */
static int finish(struct change *c, const char *action, struct err *e)
{
	struct oci_pair pairs[] = {{"container", c->record.id}, {"name", c->network.name}};
	struct oci_pairs attributes = {pairs, ARRAY_LEN(pairs)};
	auto_close int socket = -EBADF;
	bool has_tty;
	int r;

	r = record_save(c->dir_fd, &c->record, e);
	if (r < 0)
		return r;
	socket = c->live_fd >= 0 ? attach_connect(c->g, c->record.id, 0, &has_tty, NULL) : -EBADF;
	if (socket >= 0)
		attach_send(socket, ATTACH_RELOAD, 0, NULL, 0);
	event_emit(c->g, "network", action, c->network.id, c->network.name, &attributes);
	return 0;
}

/* New links may be what ports lead to: elements are taken away before a change and added after it. */
static int save_state(const struct change *c, struct network_state *s, struct err *e)
{
	int r = firewall_withdraw(c->g, &c->state, e);

	return r < 0 ? r : network_state_save(c->g, s, e);
}

static int open_netns(const struct change *c, struct err *e)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/proc/%lld/ns/net", (long long)c->c->status.pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	return fd < 0 ? err_sys(e, -errno, "open the net namespace of container %s", c->record.name)
		      : fd;
}

static const char *free_interface(const struct network_state *s, struct arena *a)
{
	for (unsigned n = 0;; n++) {
		const char *name = arena_printf(a, "eth%u", n);
		bool is_taken = false;

		for (size_t i = 0; i < s->endpoints.n; i++)
			is_taken |= str_eq(s->endpoints.v[i].interface, name);
		if (!is_taken)
			return name;
	}
}

static void copy_endpoints(const struct change *c, const char *without, struct network_state *ret)
{
	*ret = c->state;
	ret->endpoints.v = NULL;
	ret->endpoints.n = 0;
	for (size_t i = 0; i < c->state.endpoints.n; i++)
		if (!str_eq(c->state.endpoints.v[i].network, without))
			LIST_ADD(&ret->endpoints, c->a) = c->state.endpoints.v[i];
}

/* ---- connect ------------------------------------------------------------------------------------- */

static int connect_live(struct change *c, const struct record_network *wish, struct err *e)
{
	auto_close int netns = open_netns(c, e);
	struct network_state s;
	struct endpoint p;
	int r;

	if (netns < 0)
		return netns;
	r = firewall_need(c->g, e);
	if (r == 0)
		r = endpoint_claim(c->g, c->record.id, wish, free_interface(&c->state, c->a), c->a,
				   &p, e);
	if (r < 0)
		return r;
	copy_endpoints(c, NULL, &s);
	LIST_ADD(&s.endpoints, c->a) = p;
	r = save_state(c, &s, e);
	if (r == 0)
		r = endpoints_attach(&s, s.endpoints.n - 1, netns, e);
	if (r == 0)
		r = endpoint_join(c->g, &s, &p, e);
	if (r == 0)
		r = firewall_publish(c->g, &s, e);
	if (r == 0)
		return 0;
	endpoint_unlink(&p, netns);
	endpoint_release(c->g, c->record.id, &p);
	if (network_state_save(c->g, &c->state, NULL) < 0 ||
	    firewall_publish(c->g, &c->state, NULL) < 0)
		log_warning("container %s: its networks are not as they were", c->record.name);
	return r;
}

static int connect_container(struct change *c, const struct record_network *n, struct err *e)
{
	struct record_network wish = *n;
	int r = begin(c, n->name, e);

	if (r < 0)
		return r;
	wish.name = c->network.name;
	for (size_t i = 0; i < c->record.networks.n; i++)
		if (str_eq(c->record.networks.v[i].name, wish.name))
			return err_say(e, -EEXIST,
				       "endpoint with name %s already exists in network %s",
				       c->record.name, wish.name);
	r = network_check_wish(&wish, &c->network, e);
	if (r == 0 && c->live_fd >= 0)
		r = connect_live(c, &wish, e);
	if (r < 0)
		return r;
	/* The decoded list is no list of the arena's that grows. */
	c->record.networks.v =
		arena_grow(c->a, c->record.networks.v, c->record.networks.n * sizeof(wish),
			   (c->record.networks.n + 1) * sizeof(wish));
	c->record.networks.v[c->record.networks.n++] = wish;
	return finish(c, "connect", e);
}

int network_connect(const struct engine *g, const struct container_info *c,
		    const struct record_network *n, struct err *e)
{
	auto_arena struct arena a = {0};
	struct change change = {
		.g = g, .c = c, .a = &a, .dir_fd = -EBADF, .lock_fd = -EBADF, .live_fd = -EBADF};
	int r = connect_container(&change, n, e);

	end(&change);
	return r;
}

/* ---- disconnect ---------------------------------------------------------------------------------- */

static int disconnect_live(struct change *c, struct err *e)
{
	auto_close int netns = open_netns(c, e);
	const struct endpoint *p = NULL;
	struct network_state s;
	int r;

	for (size_t i = 0; i < c->state.endpoints.n; i++)
		if (str_eq(c->state.endpoints.v[i].network_id, c->network.id))
			p = &c->state.endpoints.v[i];
	if (!p || netns < 0)
		return p ? netns : 0;
	copy_endpoints(c, p->network, &s);
	r = firewall_withdraw(c->g, &c->state, e);
	if (r == 0)
		r = endpoint_unlink(p, netns) < 0
			    ? err_say(e, -EIO, "remove link %s of container %s", p->interface,
				      c->record.name)
			    : 0;
	if (r < 0)
		return r;
	endpoint_release(c->g, c->record.id, p);
	/* Order: until here network.json says that the address may be claimed. */
	r = network_state_save(c->g, &s, e);
	return r < 0 ? r : firewall_publish(c->g, &s, e);
}

static int disconnect(struct change *c, const char *network, bool force, struct err *e)
{
	size_t n = 0;
	int r = begin(c, network, e);

	if (r < 0)
		return r;
	for (size_t i = 0; i < c->record.networks.n; i++)
		if (!str_eq(c->record.networks.v[i].name, c->network.name))
			c->record.networks.v[n++] = c->record.networks.v[i];
	if (n == c->record.networks.n && !force)
		return err_say(e, -ENOENT, "container %s is not connected to network %s",
			       c->record.name, c->network.name);
	c->record.networks.n = n;
	r = c->live_fd >= 0 ? disconnect_live(c, e) : 0;
	return r < 0 ? r : finish(c, "disconnect", e);
}

int network_disconnect(const struct engine *g, const struct container_info *c, const char *network,
		       bool force, struct err *e)
{
	auto_arena struct arena a = {0};
	struct change change = {
		.g = g, .c = c, .a = &a, .dir_fd = -EBADF, .lock_fd = -EBADF, .live_fd = -EBADF};
	int r = disconnect(&change, network, force, e);

	end(&change);
	return r;
}
