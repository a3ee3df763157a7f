/* SPDX-License-Identifier: Apache-2.0 */
/* All containers and pools at one moment: what they use, what they may use, what they wait for. */
#ifndef BERTH_ENGINE_STATS_SNAPSHOT_H
#define BERTH_ENGINE_STATS_SNAPSHOT_H

#include "base/arena.h"
#include "engine/container/container.h"
#include "engine/recorder/recorder.h"
#include "engine/stats/rates.h"

struct json_writer;

/*
 * Theory of operation
 *
 * A rate needs two points. The flight recorder (engine/recorder/recorder.h) has them both, so one look is enough, and
 * costs one pread a container. Who wants the figures of this moment (SNAPSHOT_NOW) has the kernel's files read as
 * the second point. A container that is younger than its first sample is read from the kernel, with its start as
 * the first point.
 *
 * A watcher keeps between two looks what seldom changes: the list of containers and their recorders, opened. It
 * lists anew when something was written to the file of events, and every ten seconds.
 *
 * A pool's rates are those of its containers together; what it holds and waits for is read from its groups.
 */

enum snapshot_flags {
	SNAPSHOT_ALL = 1, /* those that do not run, too */
	SNAPSHOT_NOW = 2, /* from the kernel */
};

struct subject { /* a container or a pool */
	bool is_pool;
	const char *id, *name; /* of a pool both are its name */
	const char *image, *pool;
	int above;      /* index of its pool in the snapshot, or -1 */
	unsigned depth; /* how many pools are above it */
	enum container_state state;
	const char *health, *network;
	int64_t pid, started_ns, finished_ns, exit_code, restarts;
	bool is_oom_killed;
	/* figures, for those that run */
	bool has_figures;
	struct sample before, now;
	struct rates rates;
	double entitled;       /* processors */
	uint64_t memory_limit; /* the tightest one: never 0 */
	const char *limit_of;  /* whose it is: "own", "pool NAME", "host" */
};

struct snapshot {
	int64_t time_ns;
	double processors;
	uint64_t memory_total; /* of the machine */
	struct subject *v; /* pools first, each before those in it; then containers, newest first */
	size_t n, n_pools;
};

struct watched;
struct pool;
struct watched_pools {
	struct pool *v;
	struct cgroup_saved *groups;
	size_t n;
};
struct watcher {
	const struct engine *engine;
	unsigned flags;
	struct arena arena; /* the list's */
	struct container_info *list;
	struct watched *watched; /* beside the list */
	size_t n;
	struct watched_pools pools;
	int64_t listed_ns;
	uint64_t events_mark;
};

void watcher_open(struct watcher *w, const struct engine *g, unsigned flags);
void watcher_close(struct watcher *w);
#define auto_watcher __attribute__((cleanup(watcher_close)))

/* Takes one. Strings are the watcher's until the next look, all else is in the arena. only (may be NULL): names or
 * ids of the containers to be in it; -ENOENT where there is none of a name. Returns 0 or -errno. */
int snapshot_take(struct watcher *w, const struct str_slice *only, struct arena *a,
		  struct snapshot *ret, struct err *e);

/* Pure: rates, entitled shares, tightest limits, from the samples. */
void snapshot_compute(struct snapshot *s);

/* Writes one subject as an object. */
void subject_print(const struct snapshot *s, const struct subject *x, struct json_writer *w);
/* A sample as an object, for histories. */
void sample_print(const struct sample *s, const struct rates *r, struct json_writer *w);

/* What each block device moved so far. */
struct device_figures {
	unsigned major, minor;
	uint64_t read_bytes, written_bytes, reads, writes;
};
/* Reads them from the container's groups. Returns 0 or -errno. */
int subject_devices(const struct engine *g, const struct subject *x, struct arena *a,
		    struct device_figures **ret, size_t *ret_n, struct err *e);

#endif
