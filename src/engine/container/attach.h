/* SPDX-License-Identifier: Apache-2.0 */
/* The monitor's socket: what clients and the monitor say to each other. */
#ifndef BERTH_ENGINE_CONTAINER_ATTACH_H
#define BERTH_ENGINE_CONTAINER_ATTACH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

struct engine;

/*
 * Theory of operation
 *
 * RUN/ID/monitor.sock is a SOCK_SEQPACKET socket; each packet is a struct attach_message and up to
 * ATTACH_DATA bytes. The client says HELLO with what it wants; the monitor answers HELLO (or FAILED) and
 * then sends OUT and ERR as the container writes, EXIT at the end of a life that is not restarted, and
 * closes. `berth run` does not connect: its monitor gets a socketpair as descriptor 3 and serves it from
 * the first byte, so that nothing of the output is missed; it hears STARTED or FAILED first, and EXIT comes
 * after everything is cleaned up (--rm: after the container is gone).
 *
 * A client that does not read is no obstacle: what it misses is dropped for it alone, after a buffer of
 * 1 MiB, and it is told so by DROPPED; except the one that started the container in the foreground, for
 * which the container waits, as with a pipe. Input: IN and IN_EOF; the monitor answers nothing, but reads
 * no more packets of this client while the container does not take them (the socket's buffer is the
 * back-pressure).
 */

enum attach_type {
	ATTACH_HELLO, /* client: value = ATTACH_WANT_*; monitor: value = 1 where there is a terminal */
	ATTACH_STARTED, /* monitor: value = pid */
	ATTACH_FAILED,  /* monitor: data = struct err */
	ATTACH_OUT,
	ATTACH_ERR,
	ATTACH_IN,
	ATTACH_IN_EOF,
	ATTACH_RESIZE,   /* client: value = rows << 16 | columns */
	ATTACH_DROPPED,  /* monitor: value = bytes */
	ATTACH_EXIT,     /* monitor: value = exit code */
	ATTACH_STOPPING, /* client: a person ends it: no restart follows, was_stopped is noted */
	ATTACH_RELOAD,   /* client: record.json changed (update, rename) */
};

enum attach_want { ATTACH_WANT_STDIN = 1, ATTACH_WANT_STDOUT = 2, ATTACH_WANT_STDERR = 4 };

struct attach_message {
	uint32_t type; /* enum attach_type */
	uint32_t reserved;
	int64_t value;
};

enum { ATTACH_DATA = 32768 };

/* Connects and says hello; *ret_has_tty. Returns the socket or -errno (-ENOENT: no monitor). */
int attach_connect(const struct engine *g, const char *id, unsigned wants, bool *ret_has_tty,
		   struct err *e);
int attach_send(int socket, enum attach_type type, int64_t value, const void *data, size_t n);
/* One packet; data has room for ATTACH_DATA bytes. Returns the bytes of data, -ENODATA at the end, or
 * -errno. */
int attach_receive(int socket, struct attach_message *ret, void *data);

/* The client's side as a whole: pumps our descriptors 0, 1, 2 until the end, puts a terminal into raw mode
 * and passes its size on, forwards signals (to pid, where sig_proxy), heeds the detach keys. Returns the
 * exit code; -EINTR: detached by keys; or -errno. */
struct attach_options {
	unsigned wants;
	bool has_tty, sig_proxy;
	const char *detach_keys; /* "ctrl-p,ctrl-q"; "" : none */
	const char *id;          /* for signals */
};
int attach_pump(const struct engine *g, int socket, const struct attach_options *o, struct err *e);

#endif
