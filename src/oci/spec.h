/* SPDX-License-Identifier: Apache-2.0 */
/* config.json of the OCI runtime specification 1.3, decoded: pure data. */
#ifndef BERTH_OCI_SPEC_H
#define BERTH_OCI_SPEC_H

#include <stdbool.h>
#include <stdint.h>

#include "base/slice.h"

struct arena;
struct err;

/*
 * Every string and list lives in the arena given to the decoder; an absent string is NULL. Numbers
 * whose absence means something are `maybe_*`. Names follow the specification.
 */

struct oci_id_map {
	uint32_t container_id, host_id, size;
};

struct oci_id_maps {
	struct oci_id_map *v;
	size_t n;
};

struct oci_pair { /* one entry of a JSON object of strings, in document order */
	const char *key, *value;
};

struct oci_pairs {
	struct oci_pair *v;
	size_t n;
};

struct oci_root {
	const char *path;
	bool readonly;
};

struct oci_mount {
	const char *destination, *type, *source;
	struct str_slice options;
	struct oci_id_maps uid_mappings, gid_mappings;
};

struct oci_rlimit {
	const char *type; /* "RLIMIT_NOFILE" */
	uint64_t soft, hard;
};

struct oci_capabilities {
	bool is_set; /* the object was there */
	struct str_slice effective, bounding, inheritable, permitted, ambient;
};

struct oci_user {
	uint32_t uid, gid;
	struct maybe_u64 umask;
	SLICE(uint32_t) additional_gids;
};

struct oci_scheduler {
	const char *policy; /* NULL: no scheduler asked for */
	int64_t nice, priority;
	struct str_slice flags;
	uint64_t runtime, deadline, period; /* nanoseconds */
};

struct oci_io_priority {
	const char *class; /* NULL: none asked for */
	int64_t priority;
};

struct oci_process {
	bool is_set;
	bool terminal;
	struct {
		uint64_t height, width;
	} console_size;
	struct oci_user user;
	struct str_slice args, env;
	const char *cwd;
	struct oci_capabilities capabilities;
	SLICE(struct oci_rlimit) rlimits;
	bool no_new_privileges;
	const char *apparmor_profile, *selinux_label;
	struct maybe_i64 oom_score_adj;
	struct oci_scheduler scheduler;
	struct oci_io_priority io_priority;
	struct {
		const char *initial, *final; /* cpu lists, NULL: leave alone */
	} exec_cpu_affinity;
};

struct oci_hook {
	const char *path;
	struct str_slice args, env;
	struct maybe_i64 timeout; /* seconds */
};

struct oci_hook_list {
	struct oci_hook *v;
	size_t n;
};

struct oci_hooks {
	struct oci_hook_list prestart, create_runtime, create_container, start_container, poststart,
		poststop;
};

struct oci_namespace {
	const char *type, *path;
};

struct oci_device {
	const char *type, *path;
	int64_t major, minor;
	struct maybe_u64 file_mode, uid, gid;
};

struct oci_device_rule {
	bool allow;
	const char *type; /* "a" "c" "b"; NULL means a */
	struct maybe_i64 major, minor;
	const char *access;
};

struct oci_memory {
	struct maybe_i64 limit, reservation, swap, kernel, kernel_tcp; /* bytes */
	struct maybe_u64 swappiness;
	struct maybe_bool disable_oom_killer, use_hierarchy, check_before_update;
};

struct oci_cpu {
	struct maybe_u64 shares, burst, period, realtime_period; /* microseconds */
	struct maybe_i64 quota, realtime_runtime, idle;
	const char *cpus, *mems;
};

struct oci_weight_device {
	int64_t major, minor;
	struct maybe_u64 weight, leaf_weight;
};

struct oci_throttle_device {
	int64_t major, minor;
	uint64_t rate; /* bytes or operations a second */
};

struct oci_throttle_list {
	struct oci_throttle_device *v;
	size_t n;
};

struct oci_block_io {
	struct maybe_u64 weight, leaf_weight;
	SLICE(struct oci_weight_device) weight_device;
	struct oci_throttle_list throttle_read_bps, throttle_write_bps, throttle_read_iops,
		throttle_write_iops;
};

struct oci_hugepage_limit {
	const char *page_size; /* "2MB" */
	uint64_t limit;        /* bytes */
};

struct oci_net_priority {
	const char *name;
	uint32_t priority;
};

struct oci_rdma {
	const char *device;
	struct maybe_u64 hca_handles, hca_objects;
};

struct oci_resources {
	bool is_set;
	SLICE(struct oci_device_rule) devices;
	struct oci_memory memory;
	struct oci_cpu cpu;
	struct maybe_i64 pids_limit;
	struct oci_block_io block_io;
	SLICE(struct oci_hugepage_limit) hugepage_limits;
	struct {
		struct maybe_u64 class_id;
		SLICE(struct oci_net_priority) priorities;
	} network;
	SLICE(struct oci_rdma) rdma;
	struct oci_pairs unified;
};

struct oci_time_offset {
	bool is_set;
	int64_t secs;
	uint32_t nanosecs;
};

struct oci_net_device {
	const char *host_name, *name; /* name: in the container, NULL means unchanged */
};

struct oci_seccomp_arg {
	uint32_t index;
	uint64_t value, value_two;
	const char *op;
};

struct oci_seccomp_rule {
	struct str_slice names;
	const char *action;
	struct maybe_u64 errno_ret;
	SLICE(struct oci_seccomp_arg) args;
};

struct oci_seccomp {
	bool is_set;
	const char *default_action;
	struct maybe_u64 default_errno_ret;
	struct str_slice architectures, flags;
	const char *listener_path, *listener_metadata;
	SLICE(struct oci_seccomp_rule) syscalls;
};

struct oci_intel_rdt {
	bool is_set;
	const char *clos_id, *l3_cache_schema, *mem_bw_schema;
	struct str_slice schemata;
	bool enable_monitoring;
};

struct oci_memory_policy {
	const char *mode, *nodes;
	struct str_slice flags;
};

struct oci_linux {
	SLICE(struct oci_namespace) namespaces;
	struct oci_id_maps uid_mappings, gid_mappings;
	struct {
		struct oci_time_offset monotonic, boottime;
	} time_offsets;
	SLICE(struct oci_device) devices;
	SLICE(struct oci_net_device) net_devices;
	const char *cgroups_path;
	struct oci_resources resources;
	struct oci_pairs sysctl;
	struct oci_seccomp seccomp;
	const char *rootfs_propagation, *mount_label;
	struct str_slice masked_paths, readonly_paths;
	struct oci_intel_rdt intel_rdt;
	struct oci_memory_policy memory_policy;
	struct {
		const char *domain; /* "LINUX" or "LINUX32" */
		struct str_slice flags;
	} personality;
};

struct oci_spec {
	const char *oci_version, *hostname, *domainname;
	struct oci_process process;
	struct oci_root root;
	SLICE(struct oci_mount) mounts;
	struct oci_hooks hooks;
	struct oci_pairs annotations;
	struct oci_linux linux_; /* "linux"; the underscore because gcc defines that word */
};

#endif
