/* SPDX-License-Identifier: Apache-2.0 */
/* Inside cgroup/: the conversion of cpu shares, for cpu.c and its test. */
#ifndef BERTH_CGROUP_CPU_H
#define BERTH_CGROUP_CPU_H

#include <stdint.h>

/* v1 shares (2 to 262144, default 1024) as v2 weight (1 to 10000, default 100); 0 is "not set". */
uint64_t cpu_weight_of_shares(uint64_t shares);

#endif
