/* SPDX-License-Identifier: Apache-2.0 */
/* What is asked of a new container, as people write it; turned into a specification by spec.c. */
#ifndef BERTH_ENGINE_CONTAINER_REQUEST_H
#define BERTH_ENGINE_CONTAINER_REQUEST_H

#include "base/opt.h"
#include "engine/engine.h"
#include "engine/image/image.h"
#include "oci/spec.h"

struct record;

/* Every member is the option of that name as Docker has it; NULL, false or empty: not given. The option
 * table of `create`, `run` (and, for limits, `update`) fills it directly. */
struct container_request {
	const char *image;
	struct str_slice command; /* the words after the image */

	bool interactive, tty, detach, rm, init, privileged, read_only, publish_all, no_healthcheck,
		oom_kill_disable, quiet, replace;
	const char *name, *hostname, *domainname, *user, *workdir, *entrypoint, *cidfile, *platform,
		*pull, *restart, *stop_signal, *stop_timeout, *detach_keys, *sig_proxy;
	struct str_slice env, env_file, label, label_file, annotation, group_add, attach;

	/* files */
	struct str_slice volume, mount, volumes_from, tmpfs, device;
	const char *shm_size;

	/* security */
	struct str_slice cap_add, cap_drop, security_opt, ulimit, sysctl, device_cgroup_rule;
	const char *oom_score_adj;

	/* namespaces */
	struct str_slice network; /* modes or names; several names */
	const char *pid, *ipc, *uts, *userns, *cgroupns, *cgroup_parent, *pool;
	struct str_slice time_offset; /* "monotonic=86400s", "boottime=-1h" */
	struct str_slice network_alias;
	const char *ip, *ip6, *mac_address, *net_rate_in, *net_rate_out;
	struct str_slice add_host, dns, dns_search, dns_option, publish, expose;

	/* limits */
	const char *memory, *memory_swap, *memory_reservation, *memory_min, *memory_high,
		*memory_swappiness, *cpus, *cpu_weight, *cpu_shares, *cpu_quota, *cpu_period,
		*cpu_burst, *cpu_idle, *cpuset_cpus, *cpuset_mems, *pids_limit, *blkio_weight,
		*cpu_rt_runtime, *cpu_rt_period;
	bool oom_group;
	struct str_slice blkio_weight_device, device_read_bps, device_write_bps, device_read_iops,
		device_write_iops, cgroup_conf;

	/* health */
	const char *health_cmd, *health_interval, *health_timeout, *health_retries,
		*health_start_period;

	/* log */
	const char *log_driver;
	struct str_slice log_opt;
};

/* Fills *ret with everything that can be said before anything is made: the record (but id, name, mounts
 * of volumes) and the specification with the image's defaults. Pure but for reading --env-file and the like
 * and /etc/passwd below root_fd (the mounted root; only where user or a group is a name). Bad values: -EINVAL
 * with a line that names the option and what would be right. */
int request_plan(const struct engine *g, const struct container_request *q,
		 const struct image *image, int root_fd, struct arena *a, struct record *ret_record,
		 struct oci_spec *ret_spec, struct err *e);

/* The limits alone, for `update` too: what is given in q goes over what is in *r. */
int request_limits(const struct container_request *q, struct arena *a, struct oci_resources *r,
		   struct err *e);

/* The options of `create` and `run`: values is a struct container_request. */
extern const struct opt request_options[];
/* The words after the options: the image, then the command. -EINVAL: there is none. */
int request_take_words(struct container_request *q, const struct str_slice *words, struct err *e);

/* The request as JSON and back: record.request. It is a list of words: the options that were given as
 * --name=value in the order of the table, the image, the command. */
void request_print(const struct container_request *q, struct json_writer *w);
int request_decode(const char *text, size_t n, struct arena *a, struct container_request *ret,
		   struct err *e);

/* Does the plan need the root mounted (names to look up, volumes to fill)? */
bool request_needs_root(const struct container_request *q, const struct image *image);

#endif
