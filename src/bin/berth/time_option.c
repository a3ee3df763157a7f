/* SPDX-License-Identifier: Apache-2.0 */
/* Points in time as people give them. */
#include "bin/berth/time_option.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/auto.h"
#include "base/quantity.h"
#include "base/str.h"

int64_t time_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* ".5" behind a second: nanoseconds; *at moves behind it. */
static int64_t parse_fraction(const char **at)
{
	int64_t ns = 0, unit = 100000000;

	if (**at != '.')
		return 0;
	for ((*at)++; **at >= '0' && **at <= '9'; (*at)++, unit /= 10)
		ns += (**at - '0') * unit;
	return ns;
}

/* "Z", "+02:00", or nothing: the local zone. Returns 0 or -EINVAL. */
static int parse_zone(const char *at, struct tm *tm, time_t *ret)
{
	int hours, minutes, n = 0;

	if (!*at) {
		tm->tm_isdst = -1;
		*ret = mktime(tm);
		return 0;
	}
	*ret = timegm(tm);
	if (str_eq(at, "Z"))
		return 0;
	if ((*at != '+' && *at != '-') || sscanf(at + 1, "%2d:%2d%n", &hours, &minutes, &n) != 2 ||
	    at[1 + n])
		return -EINVAL;
	*ret += (*at == '-' ? 1 : -1) * (hours * 3600 + minutes * 60);
	return 0;
}

static int parse_date(const char *text, int64_t *ret)
{
	static const char *const forms[] = {"%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M", "%Y-%m-%d"};

	for (size_t i = 0; i < ARRAY_LEN(forms); i++) {
		struct tm tm = {0};
		const char *at = strptime(text, forms[i], &tm);
		int64_t fraction = at ? parse_fraction(&at) : 0;
		time_t seconds;

		if (at && parse_zone(at, &tm, &seconds) == 0) {
			*ret = (int64_t)seconds * 1000000000 + fraction;
			return 0;
		}
	}
	return -EINVAL;
}

static int parse_seconds(const char *text, int64_t *ret)
{
	char whole[24];
	const char *at = text + strcspn(text, ".");
	int64_t seconds;

	if ((size_t)(at - text) >= sizeof(whole))
		return -EINVAL;
	memcpy(whole, text, (size_t)(at - text));
	whole[at - text] = '\0';
	if (str_to_i64(whole, &seconds) < 0 || seconds < 0 || seconds > INT64_MAX / 1000000000 - 1)
		return -EINVAL;
	*ret = seconds * 1000000000 + parse_fraction(&at);
	return *at ? -EINVAL : 0;
}

int time_option_read(const char *text, const char *option, int64_t *ret, struct err *e)
{
	int64_t ago;

	if (!text || parse_seconds(text, ret) == 0 || parse_date(text, ret) == 0)
		return 0;
	if (quantity_to_ns(text, &ago) < 0)
		return err_say(
			e, -EINVAL,
			"--%s \"%s\": no time (2026-01-31T12:00:00Z, seconds since 1970, or 10m "
			"for ten minutes ago)",
			option, text);
	*ret = time_now() - ago;
	return 0;
}
