/* SPDX-License-Identifier: Apache-2.0 */
/* The options that set limits, for containers and for pools, and requests as lists of such words. */
#ifndef BERTH_ENGINE_LIMITS_OPTIONS_H
#define BERTH_ENGINE_LIMITS_OPTIONS_H

#include <stddef.h>

#include "engine/container/request.h"

struct err;

/* Rows of a table whose values are, or begin with, a struct container_request. */
#define LIMIT_STRING(name, letter, member, arg, help)                                            \
	{                                                                                        \
		name, letter, OPT_STRING, offsetof(struct container_request, member), arg, help, \
			false                                                                    \
	}
#define LIMIT_HIDDEN(name, letter, member)                                                        \
	{                                                                                         \
		name, letter, OPT_STRING, offsetof(struct container_request, member), NULL, NULL, \
			true                                                                      \
	}
#define LIMIT_LIST(name, member, arg, help)                                                     \
	{                                                                                       \
		name, 0, OPT_LIST, offsetof(struct container_request, member), arg, help, false \
	}

/* What a pool can have. */
#define LIMIT_ROWS_POOL                                                                            \
	LIMIT_STRING("cpu-weight", 0, cpu_weight, "NUMBER", "its share, 1 to 10000 (100)"),        \
		LIMIT_STRING("cpu-shares", 'c', cpu_shares, "NUMBER",                              \
			     "the same in Docker's unit (1024)"),                                  \
		LIMIT_STRING("cpus", 0, cpus, "NUMBER", "so many processors' time, such as 1.5"),  \
		LIMIT_STRING("memory", 'm', memory, "SIZE", "limit, such as 2g; -1: none"),        \
		LIMIT_STRING("memory-high", 0, memory_high, "SIZE",                                \
			     "beyond that it is slowed down (cgroup v2)"),                         \
		LIMIT_STRING("memory-reservation", 0, memory_reservation, "SIZE",                  \
			     "what is taken from it last when memory is short"),                   \
		LIMIT_STRING("memory-min", 0, memory_min, "SIZE",                                  \
			     "what is never taken from it (cgroup v2)"),                           \
		LIMIT_STRING("io-weight", 0, blkio_weight, "NUMBER",                               \
			     "its share of the disks, 10 to 1000"),                                \
		LIMIT_HIDDEN("blkio-weight", 0, blkio_weight),                                     \
		LIMIT_LIST("device-read-bps", device_read_bps, "DEVICE:SIZE", "bytes a second"),   \
		LIMIT_LIST("device-write-bps", device_write_bps, "DEVICE:SIZE", "bytes a second"), \
		LIMIT_LIST("device-read-iops", device_read_iops, "DEVICE:NUMBER",                  \
			   "operations a second"),                                                 \
		LIMIT_LIST("device-write-iops", device_write_iops, "DEVICE:NUMBER",                \
			   "operations a second"),                                                 \
		LIMIT_STRING("pids-limit", 0, pids_limit, "NUMBER",                                \
			     "processes and threads; -1: no limit")

/* What `update` can change of a container. */
#define LIMIT_ROWS_CONTAINER                                                                       \
	LIMIT_STRING("memory", 'm', memory, "SIZE", "limit, such as 512m; -1: none"),              \
		LIMIT_STRING("memory-swap", 0, memory_swap, "SIZE",                                \
			     "memory and swap together; -1: no limit"),                            \
		LIMIT_STRING("memory-reservation", 0, memory_reservation, "SIZE",                  \
			     "what it keeps under pressure"),                                      \
		LIMIT_STRING("memory-min", 0, memory_min, "SIZE",                                  \
			     "what is never taken from it (cgroup v2)"),                           \
		LIMIT_STRING("memory-high", 0, memory_high, "SIZE",                                \
			     "beyond that it is slowed down (cgroup v2)"),                         \
		LIMIT_STRING("cpus", 0, cpus, "NUMBER", "so many processors' time, such as 1.5"),  \
		LIMIT_STRING("cpu-shares", 'c', cpu_shares, "NUMBER",                              \
			     "weight against others (1024)"),                                      \
		LIMIT_STRING("cpu-weight", 0, cpu_weight, "NUMBER",                                \
			     "the same from 1 to 10000 (100)"),                                    \
		LIMIT_STRING("cpu-quota", 0, cpu_quota, "MICROSECONDS",                            \
			     "processor time in each period"),                                     \
		LIMIT_STRING("cpu-period", 0, cpu_period, "MICROSECONDS", "length of the period"), \
		LIMIT_STRING("cpu-burst", 0, cpu_burst, "MICROSECONDS",                            \
			     "unused quota that may be saved up"),                                 \
		LIMIT_STRING("cpu-idle", 0, cpu_idle, "0|1",                                       \
			     "1: only when nobody else wants to run"),                             \
		LIMIT_STRING("cpu-rt-runtime", 0, cpu_rt_runtime, "MICROSECONDS",                  \
			     "real-time share of a period"),                                       \
		LIMIT_STRING("cpu-rt-period", 0, cpu_rt_period, "MICROSECONDS", "that period"),    \
		LIMIT_STRING("cpuset-cpus", 0, cpuset_cpus, "LIST", "processors, such as 0-2,4"),  \
		LIMIT_STRING("cpuset-mems", 0, cpuset_mems, "LIST", "memory nodes"),               \
		LIMIT_STRING("pids-limit", 0, pids_limit, "NUMBER",                                \
			     "processes and threads; -1: no limit"),                               \
		LIMIT_STRING("blkio-weight", 0, blkio_weight, "NUMBER", "10 to 1000"),             \
		LIMIT_LIST("blkio-weight-device", blkio_weight_device, "DEVICE:WEIGHT",            \
			   "for one device"),                                                      \
		LIMIT_LIST("device-read-bps", device_read_bps, "DEVICE:SIZE", "bytes a second"),   \
		LIMIT_LIST("device-write-bps", device_write_bps, "DEVICE:SIZE", "bytes a second"), \
		LIMIT_LIST("device-read-iops", device_read_iops, "DEVICE:NUMBER",                  \
			   "operations a second"),                                                 \
		LIMIT_LIST("device-write-iops", device_write_iops, "DEVICE:NUMBER",                \
			   "operations a second"),                                                 \
		LIMIT_LIST("cgroup-conf", cgroup_conf, "FILE=VALUE",                               \
			   "any file of its group (cgroup v2)"),                                   \
		LIMIT_STRING("net-rate-in", 0, net_rate_in, "RATE[:BURST]",                        \
			     "bits a second to the container, such as 10mbit; 0: no limit"),       \
		LIMIT_STRING("net-rate-out", 0, net_rate_out, "RATE[:BURST]", "and from it"),      \
		LIMIT_STRING("restart", 0, restart, "POLICY",                                      \
			     "no, on-failure[:NUMBER], always, unless-stopped")

extern const struct opt limit_options_pool[];
extern const struct opt limit_options_container[];

/* The options of the table that q gives, as "--name=value" words in the order of the table. */
void limit_words(const struct opt *table, const struct container_request *q, struct arena *a,
		 struct str_slice *ret);
/* And back; what the words do not mention is zero. Returns 0 or -EINVAL. */
int limit_words_read(const struct opt *table, const struct str_slice *words, struct arena *a,
		     struct container_request *ret, struct err *e);

/* What q gives goes over what is in *to; of two ways to say one thing the one in q stays. */
void limit_merge(const struct opt *table, const struct container_request *q,
		 struct container_request *to);
/* The first option that q gives and the table has not, of those in `all`; NULL: none. */
const char *limit_outside(const struct opt *all, const struct opt *table,
			  const struct container_request *q);
bool limit_is_empty(const struct opt *table, const struct container_request *q);

#endif
