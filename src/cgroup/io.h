/* SPDX-License-Identifier: Apache-2.0 */
/* Inside cgroup/: the conversion of I/O weights, for io.c and its test. */
#ifndef BERTH_CGROUP_IO_H
#define BERTH_CGROUP_IO_H

#include <stdint.h>

/* blkio.weight (10 to 1000) as io.weight (1 to 10000); 0 is "not set". */
uint64_t io_weight_v2(uint64_t weight);

#endif
