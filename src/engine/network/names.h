/* SPDX-License-Identifier: Apache-2.0 */
/* Names of the containers of a user-defined network: one dnsmasq a network, and its folder of hosts files. */
#ifndef BERTH_ENGINE_NETWORK_NAMES_H
#define BERTH_ENGINE_NETWORK_NAMES_H

#include <stdbool.h>

#include "base/slice.h"
#include "engine/engine.h"

/*
 * Theory of operation
 *
 *   RUN/names/NETWORK/hosts/ID   the names of one container, a hosts file; put there by rename
 *   RUN/names/NETWORK/pid        dnsmasq's own pid file
 *
 * dnsmasq watches hosts/ by itself (inotify): a container comes and goes by one file, and nobody is told.
 * It listens on the bridge's gateway alone, for names only (no DHCP), knows neither the host's /etc/hosts nor a
 * configuration file, and asks the host's name servers what it does not know: it lives in the host's net
 * namespace, so it reaches also those on the host's loopback (systemd-resolved's 127.0.0.53 among them).
 *
 * RUN/names/NETWORK is locked (flock) shared by whoever adds a file and then sees that dnsmasq lives,
 * exclusively by whoever starts it, or finds hosts/ empty and ends it. So the last one that goes and the next one that
 * comes cannot miss each other, and of sixteen that come at once one starts it. A folder that was removed while
 * somebody waited for its lock has no link any more: he makes a new one.
 *
 * It is dnsmasq who lives when the process of the pid file names our pid file in its command line: a number that is used
 * again deceives nobody. Who finds it dead starts it again: every container that comes, every monitor whose pidfd (names_watch)
 * tells so, and names_repair. Files of containers that are gone (their lock is free) go in names_repair.
 */

struct names_network {
	const char *name;    /* of the network: a file name */
	const char *gateway; /* the address that dnsmasq listens on, as text */
	const char *resolv;  /* upstream servers; NULL: the host's /etc/resolv.conf */
	bool is_internal;    /* no upstream at all */
};

struct names_entry {
	const char *id;           /* of the container: the file's name */
	const char *addresses[2]; /* as text; NULL: none */
	struct str_slice names;   /* name, aliases, short id */
};

/* Is dnsmasq installed? Where it is not, networks work without names; who plans a container says so. */
bool names_is_available(void);

/* Writes the container's file and sees that dnsmasq lives. Called again, the file is replaced. Returns 0 (also without
 * dnsmasq installed) or -errno. */
int names_add(const struct engine *g, const struct names_network *n, const struct names_entry *c,
	      struct err *e);

/* Takes the container's file away, and after the last one dnsmasq and the folder. What is not there is fine. */
int names_remove(const struct engine *g, const char *network, const char *id, struct err *e);

/* A pidfd of the network's dnsmasq, started if it is not there; -ENOENT: the network has no containers, or there is no
 * dnsmasq at all. */
int names_watch(const struct engine *g, const struct names_network *n, struct err *e);

/* Takes away what containers that do not run any more left, of all networks. */
void names_repair(const struct engine *g);

/* The hosts file's text, in the arena. */
struct arena;
char *names_text(const struct names_entry *c, struct arena *a);
/* dnsmasq's command line; folder: RUN/names/NETWORK. NULL-terminated, in the arena. */
const char *const *names_argv(const struct names_network *n, const char *program,
			      const char *folder, const char *user, struct arena *a);

#endif
