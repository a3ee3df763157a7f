/* SPDX-License-Identifier: Apache-2.0 */
/* Terminals of containers: made inside, handed out, or pumped in the foreground. */
#ifndef BERTH_RUNTIME_CONSOLE_H
#define BERTH_RUNTIME_CONSOLE_H

#include <termios.h>

#include "oci/spec.h"

struct err;

/* In the child: a new pty pair from the devpts whose directory or mount dev_fd holds ("pts/ptmx"
 * below it). The window size is set. Returns the master; *ret_peer gets the other end. */
int console_open(int dev_fd, const struct oci_process *process, int *ret_peer, struct err *e);

/* In the child, a session leader: makes the peer the controlling terminal and streams 0 to 2. */
int console_adopt(int peer, struct err *e);

/* Sends the master to whoever listens on the unix socket `path`. */
int console_send(const char *path, int master, struct err *e);

/* For a master that we pump ourselves, before its program runs: ONLCR off, as runc has it, so that a line
 * ends in "\n" where our output is a file. Who gets a master over a socket decides for himself. */
void console_clear_onlcr(int master);

/* The foreground: our own streams pumped to and from a master. Zero-initialise with master -EBADF. */
struct console_pump {
	int master;
	bool is_raw; /* our stdin was a terminal and is raw now */
	struct termios saved;
	bool has_stdin; /* our stdin still gives input */
};

void console_pump_start(struct console_pump *p, int master);
void console_pump_resize(const struct console_pump *p);
/* Moves what is there; returns 1 while the container's side is open, else 0. */
int console_pump_input(struct console_pump *p);
int console_pump_output(struct console_pump *p);
void console_pump_stop(struct console_pump *p); /* drains, puts our terminal back */

#endif
