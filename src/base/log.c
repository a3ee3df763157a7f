/* SPDX-License-Identifier: Apache-2.0 */
/* The log of a program: levels, text or JSON lines, to a file or to stderr. */
#include "base/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/json.h"

static struct log_options options = {.fd = STDERR_FILENO};

/* The words of logrus, which callers of a runtime read. */
static const char *const level_names[] = {
	[LOG_LEVEL_ERROR] = "error",
	[LOG_LEVEL_WARNING] = "warning",
	[LOG_LEVEL_INFO] = "info",
	[LOG_LEVEL_DEBUG] = "debug",
};

_Static_assert(sizeof(level_names) / sizeof(level_names[0]) == LOG_LEVEL_DEBUG + 1,
	       "a name a level");

void log_setup(const struct log_options *o)
{
	options = *o;
}

bool log_is_debug(void)
{
	return options.is_debug;
}

static void format_time(char *buf, size_t size)
{
	struct timespec now = {0};
	struct tm tm;

	clock_gettime(CLOCK_REALTIME, &now);
	gmtime_r(&now.tv_sec, &tm);
	strftime(buf, size, "%Y-%m-%dT%H:%M:%SZ", &tm);
}

static void write_line(const char *line, size_t n)
{
	/* One write: with O_APPEND lines of several processes do not mix. A log that cannot be
	 * written has nobody to be told. */
	while (write(options.fd, line, n) < 0 && errno == EINTR)
		;
}

static void write_json(enum log_level level, const char *msg, const char *when)
{
	auto_json_writer struct json_writer w = {0};

	json_begin_object(&w);
	json_put_string(&w, "level", level_names[level]);
	json_put_string(&w, "msg", msg);
	json_put_string(&w, "time", when);
	json_end_object(&w);
	/* The NUL behind the text becomes the end of the line. */
	w.buf[w.len] = '\n';
	write_line(w.buf, w.len + 1);
}

static void write_text(enum log_level level, const char *msg, const char *when)
{
	auto_json_writer struct json_writer quoted = {0};
	char line[6 * 4096 + 128];
	int n;

	/* A message in quotes: the escapes of JSON do for logrus's readers. */
	json_string(&quoted, msg);
	n = snprintf(line, sizeof(line), "time=\"%s\" level=%s msg=%s\n", when, level_names[level],
		     quoted.buf);
	write_line(line, (size_t)n < sizeof(line) ? (size_t)n : sizeof(line) - 1);
}

static void write_plain(enum log_level level, const char *msg)
{
	char line[4096 + 64];
	int n = snprintf(line, sizeof(line), "%s: %s: %s\n", options.name, level_names[level], msg);

	/* Security: a name of somebody else's may not steer the terminal. */
	for (int i = 0; i < n - 1; i++)
		if ((unsigned char)line[i] < ' ' || line[i] == 0x7f)
			line[i] = '?';
	write_line(line, (size_t)n);
}

void log_write(enum log_level level, const char *fmt, ...)
{
	int saved = errno;
	char msg[4096], when[32];
	va_list ap;

	if (level > LOG_LEVEL_WARNING && !options.is_debug)
		return;
	va_start(ap, fmt);
	vsnprintf(msg, sizeof(msg), fmt, ap);
	va_end(ap);
	format_time(when, sizeof(when));
	if (options.is_json)
		write_json(level, msg, when);
	else if (options.name)
		write_plain(level, msg);
	else
		write_text(level, msg, when);
	errno = saved;
}
