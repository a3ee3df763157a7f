/* SPDX-License-Identifier: Apache-2.0 */
/* Pools: groups of containers that share processor, memory, disks and process numbers. */
#ifndef BERTH_ENGINE_POOL_POOL_H
#define BERTH_ENGINE_POOL_POOL_H

#include "engine/container/request.h"
#include "engine/engine.h"

/*
 * Theory of operation
 *
 * A pool is a file, DATA/pools/NAME.json ("/" in the name is "+" there), and a control group in every hierarchy that
 * containers use: below /berth, beside the containers without a pool; a pool "a/b" below the group of "a". So
 * the kernel shares out by weight first among the pools and the containers without one, then inside each pool,
 * whoever starts more processes. The name of the group ends in random digits: two stores never meet in one.
 *
 * The group is made with the pool, and, since a reboot takes groups away, its limits are written again before
 * each start of a container in it. The groups of an ordinary user are below the topmost group that is his (a
 * user manager's), so that all his sessions find them.
 *
 * DATA/pools is locked: shared by who makes a container in a pool until its record says so, exclusively by who
 * makes, changes or removes pools or changes limits.
 */

struct pool {
	const char *name;  /* "team/web" */
	const char *group; /* below the base: "berth/pool-team-1a2b3c/pool-web-4d5e6f" */
	int64_t created_ns;
	struct str_slice limits; /* words of limit_options_pool: "--cpu-weight=200" */
};

/* flock of DATA/pools. Returns a descriptor or -errno. */
int pool_lock(const struct engine *g, bool is_exclusive, struct err *e);

/* -ENOENT: "no such pool: NAME". */
int pool_find(const struct engine *g, const char *name, struct arena *a, struct pool *ret,
	      struct err *e);
/* All, by name: a pool comes before those below it. */
int pool_list(const struct engine *g, struct arena *a, struct pool **ret, size_t *ret_n,
	      struct err *e);

/* Makes the pool and its groups; the parent, if it names one, must be there. The caller holds the lock exclusively.
 * On failure nothing is left. */
int pool_create(const struct engine *g, const char *name, const struct container_request *limits,
		struct arena *a, struct pool *ret, struct err *e);
/* Refuses (-EBUSY) while containers, also stopped ones, or other pools are in it, and names them. Locks by itself. */
int pool_remove(const struct engine *g, const char *name, struct err *e);
/* Writes the file. */
int pool_save(const struct engine *g, const struct pool *p, struct err *e);
/* The text of the file, for who writes it later. */
void pool_print(const struct pool *p, struct json_writer *w);
/* Its file in DATA/pools, in the arena. */
const char *pool_file(const struct pool *p, struct arena *a);

/* The names of the containers whose record names the pool, and of the pools right below it. */
int pool_members(const struct engine *g, const char *name, struct arena *a,
		 struct str_slice *ret_containers, struct str_slice *ret_pools, struct err *e);

/* The name of the pool above, in the arena; NULL: it is at the top. */
const char *pool_parent(const char *name, struct arena *a);

/* The whole path of the group below each hierarchy's mount: "/berth/pool-web-4d5e6f". -EACCES for an ordinary user
 * who has no groups. */
int pool_path(const struct engine *g, const struct pool *p, struct arena *a, const char **ret,
	      struct err *e);
/* Its limits as resources of a specification. */
int pool_resources(const struct container_request *limits, struct arena *a,
		   struct oci_resources *ret, struct err *e);
/* Makes sure that its group and those above it are there with their limits. */
int pool_use(const struct engine *g, const char *name, struct arena *a, struct err *e);

#endif
