/* SPDX-License-Identifier: Apache-2.0 */
/* Networks: made, found and removed; containers attached to them, live or at their start. */
#ifndef BERTH_ENGINE_NETWORK_NETWORK_H
#define BERTH_ENGINE_NETWORK_NETWORK_H

#include "engine/container/record.h"
#include "engine/network/address.h"

/*
 * Theory of operation
 *
 * A network is a file, DATA/networks/NAME.json, made with link(2) and replaced by nobody. "bridge" is always there:
 * its file is written at its first use. All else that exists of a network is of this boot and in RUN or the kernel:
 *
 *   the link            a bridge (BERTH0 or br-ID), made when the first container needs it; or the macvlan's parent
 *   the firewall        one table, `inet berth` (with a hash behind it where DATA is not the default); its rules are
 *                       laid once and never change, networks and published ports are elements of its sets
 *   RUN/networks/ID/    claimed addresses: a file a claim, made with O_EXCL, with the container's id in it
 *   RUN/CONTAINER/network.json   what a live container has: struct network_state
 *
 * The way of a start (berth-monitor):
 *
 *   network_prepare   before the container's namespaces: finds the networks of the record, makes links and table where
 *                     they are missing, claims addresses and ports, writes network.json, then hosts and resolv.conf
 *   network_attach    right after the clone, while the child goes on with its mounts: for each endpoint one request
 *                     makes the veth with its peer inside the container's namespace, up and in the bridge; one batch
 *                     inside gives addresses and routes; one batch adds the published ports' elements
 *   network_detach    at the end of a life: elements and claims go by what network.json says; veths go with the
 *                     namespace. The same is done by container_repair for a monitor that was killed
 *
 * Order: network.json is written before anything that it names is made, and removed after all of it is gone. So
 * whoever is killed in between leaves either nothing or a file that says what there may be.
 *
 * Locks: none on the way of a start but O_EXCL. DATA/networks is flocked (exclusive) by create and rm, shared from
 * finding a network until its claims are made; RUN/CONTAINER/network.lock by whoever changes what a live container has.
 * The making of a bridge and of the table races benignly: EEXIST is success.
 */

#define NETWORK_DEFAULT "bridge"

/* One family's part of a network. */
struct network_range {
	bool is_set;
	struct subnet subnet;
	struct address gateway;     /* of internal networks too: the bridge's own address */
	struct address first, last; /* of --ip-range, else of the subnet: what is given out */
};

struct network {
	const char *name, *id;         /* id: 64 hexadecimal digits */
	const char *driver;            /* "bridge" or "macvlan" */
	const char *interface;         /* the bridge; the parent of a macvlan */
	struct network_range range[2]; /* NETWORK_V4, NETWORK_V6 */
	uint32_t mtu;                  /* 0: the kernel's own */
	bool is_internal, is_default;  /* is_default: "bridge", which serves no names */
	struct oci_pairs labels, options;
	int64_t created_ns;
};
enum { NETWORK_V4, NETWORK_V6, NETWORK_FAMILIES };

/* A container's place in one network, as it lives. Addresses are text: "" or NULL where there is none. */
struct endpoint {
	const char *network, *network_id, *driver, *bridge;
	const char *interface;      /* in the container: "eth0" */
	const char *host_interface; /* its other end; NULL: macvlan */
	const char *mac;            /* "02:be:0a:58:00:02" */
	const char *address[NETWORK_FAMILIES];
	const char *gateway[NETWORK_FAMILIES]; /* NULL: internal */
	int64_t prefix[NETWORK_FAMILIES];
	int64_t mtu;
	bool is_internal, is_default;
	struct str_slice aliases; /* --network-alias alone; name and short id are understood */
};

/* Published: host ports [host_first, host_last] lead to [container_first, ...] of the same number. */
struct published {
	const char *address;  /* "" : every address of the host, of both families */
	const char *protocol; /* "tcp", "udp", "sctp" */
	int64_t host_first, host_last, container_first;
};

/* RUN/CONTAINER/network.json */
struct network_state {
	const char *id, *name; /* of the container */
	SLICE(struct endpoint) endpoints;
	SLICE(struct published) ports;
	const char *rate_in, *rate_out; /* --net-rate-in, --net-rate-out, or NULL */
};

/* What `network create` asks for; NULL: not given. */
struct network_request {
	const char *name, *driver;
	struct str_slice subnet, gateway, ip_range; /* at most one of each family */
	bool ipv6, internal;
	struct oci_pairs labels,
		options; /* options: "mtu", "parent", "bridge" (name of the interface) */
};

/* ---- store.c ------------------------------------------------------------------------------------- */

/* -EEXIST: "network with name NAME already exists"; overlapping subnets, absurd masks, bad names: -EINVAL. */
int network_create(const struct engine *g, const struct network_request *q, struct arena *a,
		   struct network *ret, struct err *e);
/* By name, id or unique prefix of an id. -ENOENT: "network NAME not found". */
int network_find(const struct engine *g, const char *name, struct arena *a, struct network *ret,
		 struct err *e);
/* All, by name; "bridge" always among them. */
int network_list(const struct engine *g, struct arena *a, struct network **ret, size_t *ret_n,
		 struct err *e);
/* -EBUSY with a container's name where one uses it, alive or not. */
int network_remove(const struct engine *g, const char *name, struct err *e);
/* Removes all that no container uses; their names to *ret. */
int network_prune(const struct engine *g, struct arena *a, struct str_slice *ret, struct err *e);
/* The containers that name it in their records, by name. */
int network_users(const struct engine *g, const char *name, struct arena *a, struct str_slice *ret,
		  struct err *e);

/* ---- attach.c: the way of a start ---------------------------------------------------------------- */

/* Is there anything to do for this container? ("none", "host", "container:" and "ns:": no.) */
bool network_is_ours(const struct record *r);
/* Fills *ret (in the arena) and claims everything it names. On failure nothing is left. */
int network_prepare(const struct engine *g, const struct record *r, struct arena *a,
		    struct network_state *ret, struct err *e);
/* netns: the container's. The caller has one thread. On failure network_detach undoes. */
int network_attach(const struct engine *g, const struct network_state *s, int netns, struct err *e);
/* The end of a life, or of one that never came to be; also by whoever repairs. What is gone already is fine. */
int network_detach(const struct engine *g, const char *id, struct err *e);
/* network.json of a live container; -ENOENT: it has none. */
int network_state_load(const struct engine *g, const char *id, struct arena *a,
		       struct network_state *ret, struct err *e);
/* Of every live container (its networks need not be ours: those are left out). */
int network_states(const struct engine *g, struct arena *a, struct network_state **ret,
		   size_t *ret_n, struct err *e);

/* spec_network.c, of container/: is what is asked of the network possible? */
int network_check_wish(const struct record_network *w, const struct network *n, struct err *e);

/* ---- connect.c ----------------------------------------------------------------------------------- */

/* Live or not: the record is changed, and with a live one its namespace. */
int network_connect(const struct engine *g, const struct container_info *c,
		    const struct record_network *n, struct err *e);
int network_disconnect(const struct engine *g, const struct container_info *c, const char *network,
		       bool force, struct err *e);

/* ---- join.c -------------------------------------------------------------------------------------- */

/* Starts each dnsmasq that has died, and takes away the names of containers that are gone. */
int network_revive_names(const struct engine *g, struct err *e);

/* ---- limit.c ------------------------------------------------------------------------------------- */

/* Other rates for a live container; NULL: as it is. Of one that does not live, nothing is changed. */
int network_set_rates(const struct engine *g, const char *id, const char *rate_in,
		      const char *rate_out, struct err *e);

/* ---- firewall.c ---------------------------------------------------------------------------------- */

/* Lays the table again with the elements of all networks and live containers: one batch. */
int network_reload(const struct engine *g, struct err *e);

#endif
