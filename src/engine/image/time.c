/* SPDX-License-Identifier: Apache-2.0 */
/* RFC 3339: "2024-05-01T12:34:56.789Z". */
#include "engine/image/time.h"

#include <ctype.h>
#include <stddef.h>
#include <time.h>

/* Takes exactly n digits. Returns their value, -1: something else is there. */
static int take_digits(const char **p, int n)
{
	int value = 0;

	for (int i = 0; i < n; i++, (*p)++) {
		if (!isdigit((unsigned char)**p))
			return -1;
		value = value * 10 + (**p - '0');
	}
	return value;
}

static int64_t take_fraction(const char **p)
{
	int64_t ns = 0, unit = 100000000;

	if (**p != '.')
		return 0;
	for ((*p)++; isdigit((unsigned char)**p); (*p)++, unit /= 10)
		ns += (**p - '0') * unit;
	return ns;
}

/* Takes "Z" or "+HH:MM". Returns 0, or -1. *ret_seconds: east of Greenwich. */
static int take_zone(const char **p, int *ret_seconds)
{
	char sign = *(*p)++;
	int hours, minutes;

	*ret_seconds = 0;
	if (sign == 'Z' || sign == 'z')
		return 0;
	if (sign != '+' && sign != '-')
		return -1;
	hours = take_digits(p, 2);
	if (hours < 0 || hours > 23 || *(*p)++ != ':')
		return -1;
	minutes = take_digits(p, 2);
	if (minutes < 0 || minutes > 59)
		return -1;
	*ret_seconds = (hours * 60 + minutes) * 60 * (sign == '-' ? -1 : 1);
	return 0;
}

int64_t time_parse(const char *text)
{
	static const char marks[] = "--T::";
	const char *p = text;
	int part[6], zone;
	int64_t ns, seconds;
	struct tm tm;

	for (int i = 0; p && i < 6; i++) {
		part[i] = take_digits(&p, i == 0 ? 4 : 2);
		if (part[i] < 0 || (i < 5 && *p++ != marks[i]))
			return 0;
	}
	if (!p)
		return 0;
	ns = take_fraction(&p);
	if (take_zone(&p, &zone) < 0 || *p)
		return 0;
	tm = (struct tm){.tm_year = part[0] - 1900,
			 .tm_mon = part[1] - 1,
			 .tm_mday = part[2],
			 .tm_hour = part[3],
			 .tm_min = part[4],
			 .tm_sec = part[5]};
	seconds = (int64_t)timegm(&tm) - zone;
	/* "0001-01-01", Go's zero time, and all else that nanoseconds cannot hold: unknown. */
	if (seconds <= 0 || seconds > INT64_MAX / 1000000000 - 1)
		return 0;
	return seconds * 1000000000 + ns;
}
