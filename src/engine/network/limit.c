/* SPDX-License-Identifier: Apache-2.0 */
/* Rates of a live container, changed. */
#include <errno.h>

#include "base/arena.h"
#include "base/auto.h"
#include "base/err.h"
#include "base/str.h"
#include "engine/network/rate.h"
#include "engine/network/state.h"
#include "kernel/netlink.h"

static int read_rates(const struct network_state *s, struct rate *in, struct rate *out,
		      struct err *e)
{
	int r = s->rate_in ? rate_parse("--net-rate-in", s->rate_in, in, e) : 0;

	return r == 0 && s->rate_out ? rate_parse("--net-rate-out", s->rate_out, out, e) : r;
}

int network_set_rates(const struct engine *g, const char *id, const char *rate_in,
		      const char *rate_out, struct err *e)
{
	auto_arena struct arena a = {0};
	auto_close int lock = state_lock(g, id), socket = -EBADF;
	struct rate in = {0}, out = {0};
	struct network_state s = {0};
	int r = lock < 0 ? lock : network_state_load(g, id, &a, &s, e);

	/* It does not live: its next life begins with what the record says. */
	if (r < 0)
		return r == -ENOENT ? 0 : r;
	/* Kept, since network_detach looks for an ifb only where there was a limit. */
	s.rate_in = rate_in ? rate_in : s.rate_in;
	s.rate_out = rate_out ? rate_out : s.rate_out;
	socket = netlink_open(NETLINK_ROUTE);
	if (socket < 0)
		return err_sys(e, socket, "speak to the kernel's network");
	r = read_rates(&s, &in, &out, e);
	/* Order: the file first, so that whoever is killed in between leaves nothing that is not in it. */
	if (r == 0)
		r = network_state_save(g, &s, e);
	for (size_t i = 0; r == 0 && i < s.endpoints.n; i++)
		if (!str_eq(s.endpoints.v[i].driver, "macvlan"))
			r = rate_apply(socket, s.endpoints.v[i].host_interface, &in, &out, e);
	return r;
}
