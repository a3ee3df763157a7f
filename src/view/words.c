/* SPDX-License-Identifier: Apache-2.0 */
/* Durations and sizes as people say them, with the words of Docker's tools (go-units). */
#include <stdio.h>

#include "base/arena.h"
#include "base/auto.h"
#include "view/view.h"

#define NS_PER_SECOND 1000000000LL

const char *view_duration(int64_t ns, struct arena *a)
{
	long long seconds = ns / NS_PER_SECOND, minutes = seconds / 60;
	long long hours = (ns / (NS_PER_SECOND * 60) + 30) / 60;
	const struct {
		long long below, unit; /* both in hours */
		const char *word;
	} rows[] = {
		{48, 1, "hours"},
		{24LL * 14, 24, "days"},
		{24LL * 60, 24LL * 7, "weeks"},
		{24LL * 365 * 2, 24LL * 30, "months"},
		{0, 24LL * 365, "years"},
	};
	size_t i = 0;

	if (seconds < 1)
		return "Less than a second";
	if (seconds == 1)
		return "1 second";
	if (seconds < 60)
		return arena_printf(a, "%lld seconds", seconds);
	if (minutes == 1)
		return "About a minute";
	if (minutes < 60)
		return arena_printf(a, "%lld minutes", minutes);
	if (hours == 1)
		return "About an hour";
	while (rows[i].below && hours >= rows[i].below)
		i++;
	return arena_printf(a, "%lld %s", hours / rows[i].unit, rows[i].word);
}

const char *view_ago(int64_t ns, int64_t now_ns, struct arena *a)
{
	return arena_printf(a, "%s ago", view_duration(now_ns - ns, a));
}

static const char *size_text(double bytes, double base, const char *const *units, size_t n,
			     struct arena *a)
{
	size_t i = 0;

	while (bytes >= base && i + 1 < n) {
		bytes /= base;
		i++;
	}
	return arena_printf(a, "%.4g%s", bytes, units[i]);
}

const char *view_size(int64_t bytes, struct arena *a)
{
	static const char *const units[] = {"B", "kB", "MB", "GB", "TB", "PB", "EB"};

	return size_text((double)bytes, 1000, units, ARRAY_LEN(units), a);
}

const char *view_binary_size(int64_t bytes, struct arena *a)
{
	static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};

	return size_text((double)bytes, 1024, units, ARRAY_LEN(units), a);
}
