/* SPDX-License-Identifier: Apache-2.0 */
/* What a container's first process and the runtime say to one another until the exec. */
#ifndef BERTH_RUNTIME_HANDSHAKE_H
#define BERTH_RUNTIME_HANDSHAKE_H

#include <stdint.h>

#include "base/err.h"

/*
 * Theory of operation
 *
 * One SOCK_SEQPACKET connection, one message a packet: step, value, at most one descriptor, and for
 * FAILED a filled error. The child speaks first at each step and waits for the answer of the same
 * step; steps that have nothing to do for the parent are left out by both, since both read the same
 * plan. End of file means that the peer died, and after the last step (EXEC) that the program runs:
 * the child's end is closed by the exec itself. Which of both it was, the kernel keeps in the
 * process's flags (process_died_before_exec).
 *
 * order    child says            parent does, then answers
 * STAGED   first process made    (only with a process in between) takes pidfd and pid
 * USERNS   in its user namespace writes the id maps and oom_score_adj
 * BORN     namespaces are there  network devices, prestart and createRuntime hooks; of an exec (only
 *                                with a unit of a user's manager or linux.intelRdt): puts it there
 * SOURCE   cannot reach mount N  a descriptor of the detached tree
 * CONSOLE  pty master            hands it to the console socket or keeps it
 * HOOKS    before the pivot      the state as JSON for the createContainer hooks (text of the answer)
 * LISTENER seccomp descriptor    hands it to the seccomp agent
 * READY    only exec is left     state file "created", then answers; `run` answers only
 *                                where the caller had something to do meanwhile (on_born): its state
 *                                is written while the child goes on
 * EXEC     start was asked for   (on the connection of `start`)
 */
enum handshake_step {
	STEP_STAGED,
	STEP_USERNS,
	STEP_BORN,
	STEP_SOURCE,
	STEP_CONSOLE,
	STEP_HOOKS,
	STEP_LISTENER,
	STEP_READY,
	STEP_EXEC,
	STEP_FAILED,
	STEP_COUNT,
};

struct message {
	uint32_t step; /* enum handshake_step */
	int32_t value;
	struct err err; /* sent only with STEP_FAILED */
};

/* Sends one message with an optional descriptor (-1). err: for STEP_FAILED, else NULL. Returns 0 or
 * -errno. */
int handshake_send(int socket, enum handshake_step step, int32_t value, int fd,
		   const struct err *err);

/* Receives one message. ret_fd (may be NULL: a descriptor is an error). Returns 1, 0 at end of file,
 * or -errno; a malformed message is -EPROTO. */
int handshake_receive(int socket, struct message *ret, int *ret_fd);

/* For the child: says the step and waits for its answer. Returns 0; a FAILED answer fills *e; end of
 * file is -EPIPE ("the runtime died"). ret_value and ret_fd may be NULL. */
int handshake_ask(int socket, enum handshake_step step, int32_t value, int fd, int32_t *ret_value,
		  int *ret_fd, struct err *e);

#endif
