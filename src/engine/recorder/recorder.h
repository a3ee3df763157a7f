/* SPDX-License-Identifier: Apache-2.0 */
/* The flight recorder: the last day of a container in a file of fixed size. */
#ifndef BERTH_ENGINE_RECORDER_RECORDER_H
#define BERTH_ENGINE_RECORDER_RECORDER_H

#include <stddef.h>

#include "engine/recorder/sample.h"

struct arena;
struct err;

/*
 * Theory of operation
 *
 * containers/ID/recorder belongs to the present life (or the last one, when it is over); the one before
 * is recorder.1. The monitor makes it with the first sample, about a second after the start: a life
 * shorter than that has none, and a start pays nothing.
 *
 *   page 0     magic, version, sizes, begin of the life; two heads
 *   fine       ring of 900 samples, one a second
 *   coarse     ring of 1440 samples, one a minute
 *
 * A head holds the newest sample in full, how many samples each ring has seen, and a checksum. Sample n is
 * written so: its slot in the rings, then head n % 2. Whenever the writer is killed or a reader looks, the
 * other head is whole; the newest head whose checksum is right counts. Nobody waits for anybody.
 *
 * A sample in a ring has 108 bytes: counters are kept modulo 2^32 in coarse units. The head has their full
 * values, and the way back from there tells those of every older sample, since no counter moves by 2^32 units
 * from one sample to the next. While a reader copies, the writer may overwrite the oldest slots: the reader
 * looks at the heads again afterwards and leaves those out.
 *
 * The writer uses pwrite(2): pages that it had mapped would be its memory. Readers may map the file or not.
 */

#define RECORDER_FILE "recorder"
#define RECORDER_OLD_FILE "recorder.1"

enum { RECORDER_FINE = 900, RECORDER_COARSE = 1440, RECORDER_SIZE_MAX = 256 << 10 };

struct recorder {
	int fd; /* -EBADF: closed */
	uint64_t n, n_coarse;
	int64_t coarse_ns; /* time of the newest coarse sample */
};

/* Makes the file; one that is there becomes RECORDER_OLD_FILE. dir_fd: containers/ID. started_ns: begin of
 * the life. Returns 0 or -errno. */
int recorder_create(struct recorder *r, int dir_fd, int64_t started_ns, struct err *e);
/* Adds one; every minute it goes into the coarse ring as well. Returns 0 or -errno. */
int recorder_add(struct recorder *r, const struct sample *s);
void recorder_close(struct recorder *r);

/* Oldest first. The limits are those of the newest sample only. */
struct recording {
	int64_t started_ns;
	struct sample *fine, *coarse;
	size_t n_fine, n_coarse;
};

/* Returns 0, -ENOENT (no such file), -ENODATA (nothing in it yet, or damaged), -EPROTONOSUPPORT
 * (another version), or -errno. file: RECORDER_FILE or RECORDER_OLD_FILE. */
int recorder_read(int dir_fd, const char *file, struct arena *a, struct recording *ret,
		  struct err *e);

/* Opens one to be looked at again and again. Returns a descriptor or -errno. */
int recorder_open(int dir_fd, const char *file);
/* The newest sample and the one before, newest first, with one pread. Returns how many (1, 2) or -errno as
 * above. ret_started may be NULL. */
int recorder_latest(int fd, struct sample ret[2], int64_t *ret_started);

#endif
