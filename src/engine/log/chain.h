/* SPDX-License-Identifier: Apache-2.0 */
/* Inside log/: the files of a log in the order of their making, opened before rotation takes them away. */
#ifndef BERTH_ENGINE_LOG_CHAIN_H
#define BERTH_ENGINE_LOG_CHAIN_H

#include <stdint.h>

/*
 * Theory of operation
 *
 * A file's name changes under a reader, its inode does not. The chain holds descriptors, oldest first; new files
 * are found by walking from log.json up to the newest that we hold. A file that has a successor is complete.
 * Whoever looks at least once per rotation misses nothing, however far behind its reading is.
 */

struct chain_file {
	int fd;
	uint64_t inode;
	int64_t at; /* the next line that was not read begins here */
};

struct chain {
	int dir_fd;
	struct chain_file *files; /* malloc'd */
	unsigned first, n, room;  /* in use: first .. n - 1 */
};

/* Adds what is new. Returns 1 if something is, 2 if besides files went before we could look, 0 or -errno. */
int chain_look(struct chain *c);
/* Closes the oldest. */
void chain_shift(struct chain *c);
void chain_close(struct chain *c);

#endif
