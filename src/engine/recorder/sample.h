/* SPDX-License-Identifier: Apache-2.0 */
/* What is known of one control group at one moment. */
#ifndef BERTH_ENGINE_RECORDER_SAMPLE_H
#define BERTH_ENGINE_RECORDER_SAMPLE_H

#include <stdbool.h>
#include <stdint.h>

/* Which parts of a sample the kernel told. */
enum sample_known {
	SAMPLE_CPU = 1,
	SAMPLE_MEMORY = 2,
	SAMPLE_IO = 4,
	SAMPLE_PIDS = 8,
	SAMPLE_PRESSURE = 16,
	SAMPLE_NET = 32,
	SAMPLE_LIMITS =
		64, /* the limits at the end: only the newest samples of a recording have them */
};

enum sample_resource { PRESSURE_CPU, PRESSURE_MEMORY, PRESSURE_IO, PRESSURE_COUNT };

/* Pressure stall information of one resource: microseconds waited so far, and the mean of the last
 * ten seconds in hundredths of a percent. */
struct sample_pressure {
	uint64_t some_us, full_us;
	uint32_t some10, full10;
};

/* Times in nanoseconds, memory and traffic in bytes. Counters run from the start of the group. */
struct sample {
	int64_t time_ns; /* CLOCK_REALTIME */
	uint64_t cpu_ns, throttled_ns;
	uint64_t periods, throttled_periods;
	uint64_t memory, anon, file, kernel, swap;
	uint64_t working_set; /* memory without the inactive pages of files: what Docker shows */
	uint64_t read_bytes, written_bytes, reads, writes;
	uint64_t pids;
	struct sample_pressure pressure[PRESSURE_COUNT];
	uint64_t oom_kills;
	uint64_t rx_bytes, tx_bytes;
	uint64_t memory_peak;
	/* the group's own limits; 0: none */
	uint64_t memory_limit, pids_limit;
	uint64_t quota_us, period_us;
	uint64_t cpu_weight; /* cpu.weight, or cpu.shares where is_shares */
	uint32_t known;      /* enum sample_known */
	bool is_shares;
};

#endif
