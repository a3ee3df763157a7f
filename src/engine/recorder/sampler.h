/* SPDX-License-Identifier: Apache-2.0 */
/* A control group read again and again: its files are opened once. */
#ifndef BERTH_ENGINE_RECORDER_SAMPLER_H
#define BERTH_ENGINE_RECORDER_SAMPLER_H

#include <sys/types.h>

#include "cgroup/cgroup.h"
#include "engine/recorder/sample.h"

enum { SAMPLER_FILES = 34 };

struct sampler {
	int fd[SAMPLER_FILES]; /* by the rows of sampler.c's table; -1: not there */
	int net_fd;            /* /proc/PID/net/dev */
	bool is_open;
};

/* Opens what there is of the group's files. pid: a process of the container whose network is counted,
 * or 0. Files that are missing are no error: the sample says what is known. */
void sampler_open(struct sampler *s, const struct cgroup *c, pid_t pid);
/* One pread a file. */
void sampler_read(const struct sampler *s, struct sample *ret);
void sampler_close(struct sampler *s);
#define auto_sampler __attribute__((cleanup(sampler_close)))

/* The same in one go, which keeps nothing open. */
void sample_read(const struct cgroup_saved *c, pid_t pid, struct sample *ret);

/* What pid may be: 0 where the container has no network of its own to be counted. network: as in the
 * record ("none", "host", ...). */
pid_t sampler_net_pid(const char *network, int64_t pid);

/* Pure: adds what the text of one kernel file tells. name: as in the group's folder. Returns 0, or
 * -ENOENT: there is no such row. For tests. */
int sample_parse(const char *name, bool is_v2, const char *text, struct sample *ret);
/* Pure: /proc/PID/net/dev without the loopback. */
void sample_parse_net(const char *text, struct sample *ret);

#endif
