/* SPDX-License-Identifier: Apache-2.0 */
/* A connection to a manager of systemd. */
#include "cgroup/systemd_bus.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/err.h"
#include "base/str.h"
#include "kernel/fd.h"

#define BUS_NAME "org.freedesktop.DBus"
#define BUS_PATH "/org/freedesktop/DBus"
#define MATCH_JOBS "type='signal',sender='" SYSTEMD_NAME "',member='JobRemoved'"

static int connect_to(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	const struct timeval limit = {.tv_sec = SYSTEMD_WAIT_SECONDS};
	auto_close int fd = -EBADF;

	if (strlen(path) >= sizeof(address.sun_path))
		return -ENAMETOOLONG;
	strcpy(address.sun_path, path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		return -errno;
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
	return TAKE_FD(fd);
}

static int fill(struct systemd_bus *b)
{
	ssize_t r;

	if (b->n == sizeof(b->buf))
		return -EBADMSG;
	do
		r = recv(b->fd, b->buf + b->n, sizeof(b->buf) - b->n, 0);
	while (r < 0 && errno == EINTR);
	if (r < 0)
		return errno == EAGAIN ? -ETIMEDOUT : -errno;
	if (r == 0)
		return -ECONNRESET;
	b->n += (size_t)r;
	return 0;
}

static void consume(struct systemd_bus *b, size_t n)
{
	b->n -= n;
	memmove(b->buf, b->buf + n, b->n);
}

/* Without waiting between: the answers are "DATA" and "OK ...", and whatever is not is a refusal. */
static int authenticate(struct systemd_bus *b)
{
	static const char words[] = "\0AUTH EXTERNAL\r\nDATA\r\nBEGIN\r\n";
	int r = fd_write_all(b->fd, words, sizeof(words) - 1);

	for (int lines = 0; r == 0 && lines < 2;) {
		const char *end = memmem(b->buf, b->n, "\r\n", 2);

		if (!end) {
			r = fill(b);
			continue;
		}
		if (memcmp(b->buf, lines ? "OK" : "DATA", lines ? 2 : 4) != 0)
			return -EACCES;
		consume(b, (size_t)(end - b->buf) + 2);
		lines++;
	}
	return r;
}

/* The next message; valid until the next call. */
static int next_message(struct systemd_bus *b, struct dbus_message *ret)
{
	consume(b, b->used);
	b->used = 0;
	for (;;) {
		int r = b->n < DBUS_HEADER_SIZE ? 0 : dbus_message_size(b->buf);

		if (r < 0)
			return r;
		if (r > 0 && b->n >= (size_t)r) {
			b->used = (size_t)r;
			return dbus_parse(b->buf, b->used, ret);
		}
		r = fill(b);
		if (r < 0)
			return r;
	}
}

static void take_signal(struct systemd_bus *b, const struct dbus_message *m)
{
	struct dbus_reader body = m->body;
	const char *job = "", *unit = "", *result = "";
	uint32_t id = 0;

	if (m->type != DBUS_SIGNAL || !str_eq(m->member, "JobRemoved") ||
	    !str_eq(m->signature, "uoss") || dbus_get_u32(&body, &id) < 0 ||
	    dbus_get_string(&body, &job) < 0 || dbus_get_string(&body, &unit) < 0 ||
	    dbus_get_string(&body, &result) < 0)
		return;
	snprintf(b->job, sizeof(b->job), "%s", job);
	snprintf(b->result, sizeof(b->result), "%s", result);
}

static int fail(struct systemd_bus *b, const struct dbus_message *m, struct err *e)
{
	struct dbus_reader body = m->body;
	const char *text = m->error;

	snprintf(b->error, sizeof(b->error), "%s", m->error);
	if (m->signature[0] == 's')
		(void)dbus_get_string(&body, &text);
	return err_say(e, -EREMOTEIO, "systemd: %s", text);
}

int systemd_bus_call(struct systemd_bus *b, struct dbus_message *ret, struct err *e)
{
	struct dbus_message m = {0};
	int r = dbus_end(&b->out);

	b->error[0] = '\0';
	if (r == 0)
		r = fd_write_all(b->fd, b->out.buf, b->out.n);
	while (r == 0) {
		r = next_message(b, &m);
		if (r == 0 && m.type == DBUS_ERROR && m.reply_serial == b->serial)
			return fail(b, &m, e);
		if (r == 0 && m.type == DBUS_RETURN && m.reply_serial == b->serial) {
			*ret = m;
			return 0;
		}
		if (r == 0)
			take_signal(b, &m);
	}
	return err_sys(e, r, "ask systemd");
}

void systemd_bus_begin(struct systemd_bus *b, const char *member, const char *signature)
{
	dbus_begin(&b->out, ++b->serial, SYSTEMD_NAME, SYSTEMD_PATH, SYSTEMD_MANAGER, member,
		   signature);
}

int systemd_bus_call_job(struct systemd_bus *b, const char *unit, struct err *e)
{
	char wanted[SYSTEMD_JOB_MAX];
	struct dbus_message m = {0};
	const char *job = "";
	int r;

	b->job[0] = '\0';
	r = systemd_bus_call(b, &m, e);
	if (r < 0)
		return r;
	if (dbus_get_string(&m.body, &job) < 0)
		return err_say(e, -EBADMSG, "systemd: the answer names no job");
	snprintf(wanted, sizeof(wanted), "%s", job);
	/* Its end may have come before the answer. */
	while (!str_eq(b->job, wanted)) {
		r = next_message(b, &m);
		if (r < 0)
			return err_sys(e, r, "wait for systemd's job on unit %s", unit);
		take_signal(b, &m);
	}
	if (!str_eq(b->result, "done"))
		return err_say(e, -EREMOTEIO,
			       "systemd: the job on unit %s ended as \"%s\" (`systemctl status %s` "
			       "may tell why)",
			       unit, b->result, unit);
	return 0;
}

/* ---- finding the manager ------------------------------------------------------------------------- */

static int join_bus(struct systemd_bus *b, struct err *e)
{
	struct dbus_message m;
	int r;

	dbus_begin(&b->out, ++b->serial, BUS_NAME, BUS_PATH, BUS_NAME, "Hello", "");
	r = systemd_bus_call(b, &m, e);
	if (r < 0)
		return r;
	dbus_begin(&b->out, ++b->serial, BUS_NAME, BUS_PATH, BUS_NAME, "AddMatch", "s");
	dbus_put_string(&b->out, MATCH_JOBS);
	r = systemd_bus_call(b, &m, e);
	if (r < 0)
		return r;
	systemd_bus_begin(b, "Subscribe", "");
	return systemd_bus_call(b, &m, e);
}

/* "unix:path=PATH" alone or first in a list; else the usual place. */
static void user_bus_path(char *buf, size_t size, const char *run)
{
	const char *address = getenv("DBUS_SESSION_BUS_ADDRESS");

	if (address && str_starts(address, "unix:path="))
		snprintf(buf, size, "%.*s", (int)strcspn(address + 10, ",;"), address + 10);
	else
		snprintf(buf, size, "%s/bus", run);
}

static int open_one(struct systemd_bus *b, const char *path, bool is_bus, struct err *e)
{
	int r;

	memset(b, 0, offsetof(struct systemd_bus, out));
	b->fd = r = connect_to(path);
	if (r >= 0)
		r = authenticate(b);
	if (r < 0)
		err_sys(e, r, "connect to %s", path);
	else if (is_bus)
		r = join_bus(b, e);
	if (r < 0)
		systemd_bus_close(b);
	return r < 0 ? r : 0;
}

int systemd_bus_open(struct systemd_bus *b, bool is_user, struct err *e)
{
	const char *run = is_user ? getenv("XDG_RUNTIME_DIR") : "/run";
	char private[256], bus[256];
	struct err first = {0}, second = {0};

	b->fd = -EBADF;
	if (!run || !*run)
		return err_say(
			e, -ENOENT,
			"--systemd-cgroup: XDG_RUNTIME_DIR is not set, so your systemd "
			"cannot be found: log in through a session, or leave the option out");
	snprintf(private, sizeof(private), "%s/systemd/private", run);
	if (is_user)
		user_bus_path(bus, sizeof(bus), run);
	else
		snprintf(bus, sizeof(bus), "/run/dbus/system_bus_socket");
	if (open_one(b, private, false, &first) == 0 || open_one(b, bus, true, &second) == 0)
		return 0;
	return err_say(e, second.code ? -second.code : -ENOENT,
		       "--systemd-cgroup: no systemd can be reached (%s; %s): leave the option out "
		       "where systemd is not pid 1",
		       first.text, second.text);
}

void systemd_bus_close(struct systemd_bus *b)
{
	if (b->fd >= 0)
		close(b->fd);
	b->fd = -EBADF;
}
