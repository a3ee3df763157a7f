/* SPDX-License-Identifier: Apache-2.0 */
/* Inside cgroup/: a connection to a manager of systemd, one call at a time. */
#ifndef BERTH_CGROUP_SYSTEMD_BUS_H
#define BERTH_CGROUP_SYSTEMD_BUS_H

#include <stdbool.h>

#include "base/dbus.h"

struct err;

/*
 * Theory of operation
 *
 * The manager listens on a socket of its own (systemd/private in its run folder), on which it speaks D-Bus without a
 * bus between; systemctl uses it, too. Only where that cannot be reached is the bus asked. Identity is what the kernel
 * says of us (SASL EXTERNAL without a name), so it works from a user namespace as well. A job's end comes as the signal
 * JobRemoved, which a private connection gets unasked and a bus connection after Subscribe and AddMatch.
 */

#define SYSTEMD_NAME "org.freedesktop.systemd1"
#define SYSTEMD_PATH "/org/freedesktop/systemd1"
#define SYSTEMD_MANAGER SYSTEMD_NAME ".Manager"

enum { SYSTEMD_WAIT_SECONDS = 30, SYSTEMD_JOB_MAX = 128 };

struct systemd_bus {
	int fd;
	uint32_t serial;
	char job[SYSTEMD_JOB_MAX], result[32]; /* the last job that was removed */
	char error[128];                       /* the name of the last error */
	size_t n, used;                        /* bytes in buf; of these, the last message */
	struct dbus_writer out;
	char buf[DBUS_MESSAGE_MAX];
};

/* Connects to the system's manager or to the calling user's. Returns 0 or -errno. */
int systemd_bus_open(struct systemd_bus *b, bool is_user, struct err *e);
void systemd_bus_close(struct systemd_bus *b);
#define auto_systemd_bus __attribute__((cleanup(systemd_bus_close)))

/* Starts a call of the manager in b->out; its body is appended there. */
void systemd_bus_begin(struct systemd_bus *b, const char *member, const char *signature);
/* Sends it and waits for the answer, which is valid until the next call. Returns 0 or -errno; -EREMOTEIO: an error
 * answer (b->error names it, *e has its text). */
int systemd_bus_call(struct systemd_bus *b, struct dbus_message *ret, struct err *e);
/* The same for a call whose answer is a job, and waits for the job's end. */
int systemd_bus_call_job(struct systemd_bus *b, const char *unit, struct err *e);

#endif
