/* SPDX-License-Identifier: Apache-2.0 */
/* The log of a program: levels, text or JSON lines, to a file or to stderr. */
#ifndef BERTH_BASE_LOG_H
#define BERTH_BASE_LOG_H

#include <stdbool.h>

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARNING, LOG_LEVEL_INFO, LOG_LEVEL_DEBUG };

struct log_options {
	int fd;       /* where lines go: stderr or the --log file, opened O_APPEND | O_CLOEXEC */
	bool is_json; /* {"level":..,"msg":..,"time":..} as runc writes it; else text */
	const char
		*name; /* of a program for people: lines are "NAME: LEVEL: TEXT"; NULL: as runc's */
	bool is_debug; /* let LOG_LEVEL_DEBUG and LOG_LEVEL_INFO through */
};

/* Sets where and how to log. Only programs call it. Until then the log is text on stderr. */
void log_setup(const struct log_options *o);

/* Writes one line with one write(2). Libraries log only debug lines and warnings (a capability that
 * cannot be granted), never an error: errors are returned. */
void log_write(enum log_level level, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

bool log_is_debug(void);

/* The arguments are not evaluated unless debug lines are wanted. */
#define log_debug(...)                                           \
	do {                                                     \
		if (log_is_debug())                              \
			log_write(LOG_LEVEL_DEBUG, __VA_ARGS__); \
	} while (0)
#define log_warning(...) log_write(LOG_LEVEL_WARNING, __VA_ARGS__)
#define log_error(...) log_write(LOG_LEVEL_ERROR, __VA_ARGS__)

#endif
