/* SPDX-License-Identifier: Apache-2.0 */
/* What keeps a container from working: it is frozen, its check fails, a disk is full, its log loses lines. */
#include <string.h>

#include "base/arena.h"
#include "base/str.h"
#include "engine/why/case.h"

void why_detect_pause(const struct why_case *c, struct why_report *r)
{
	if (!c->is_paused)
		return;
	why_say(c, r, WHY_PROBLEM, "paused", arena_printf(c->a, "berth unpause %s", c->record.name),
		"it is frozen%s: nothing of it runs",
		c->paused_ns ? arena_printf(c->a, " since %s",
					    why_duration(c->now_ns - c->paused_ns, c->a))
			     : "");
	why_prove(c, r, "its freezer: frozen");
	why_prove(c, r, "events.jsonl: %s",
		  c->paused_ns ? "pause" : "no pause: it was frozen by somebody else");
}

void why_detect_health(const struct why_case *c, struct why_report *r)
{
	const char *output = c->health_output;

	if (!str_eq(c->status.health, "unhealthy") && c->status.health_failures <= 0)
		return;
	why_say(c, r, str_eq(c->status.health, "unhealthy") ? WHY_PROBLEM : WHY_WARNING,
		"health-check",
		arena_printf(c->a, "run the check by hand: berth exec %s COMMAND", c->record.name),
		"its health check failed %lld times in a row%s",
		(long long)c->status.health_failures,
		str_eq(c->status.health, "unhealthy") ? ": it is unhealthy" : "");
	why_prove(c, r, "status.jsonl: health %s, healthFailures %lld", c->status.health,
		  (long long)c->status.health_failures);
	if (output)
		why_prove(c, r, "health.json: exitCode %lld, output: %s", (long long)c->health_code,
			  *output ? output : "(nothing)");
}

/* Less than one part in a hundred, or 64 KiB. */
static bool is_full(uint64_t free, uint64_t all, uint64_t least)
{
	return all > 0 && (free < least || free < all / 100);
}

void why_detect_disks(const struct why_case *c, struct why_report *r)
{
	for (size_t i = 0; i < c->disks.n; i++) {
		const struct why_disk *d = &c->disks.v[i];
		bool has_files = !is_full(d->files_free, d->files, 1);

		if (!is_full(d->free, d->size, 64 << 10) && has_files)
			continue;
		why_say(c, r, WHY_PROBLEM, "disk-full",
			"free some room, or make the file system larger; berth system df, berth "
			"system "
			"prune",
			has_files ? "the file system of %s is full: %s of %s left"
				  : "the file system of %s has no room for more files (%s of %s "
				    "left)",
			d->place, why_size((int64_t)d->free, c->a),
			why_size((int64_t)d->size, c->a));
		why_prove(c, r, "statfs %s: %llu bytes and %llu files free", d->source,
			  (unsigned long long)d->free, (unsigned long long)d->files_free);
	}
}

void why_detect_log(const struct why_case *c, struct why_report *r)
{
	if (c->status.log_dropped <= 0)
		return;
	why_say(c, r, WHY_WARNING, "log-lost",
		"--log-opt mode=blocking, a larger buffer, or more room on the disk",
		"%lld lines of its log were lost", (long long)c->status.log_dropped);
	why_prove(c, r, "status.jsonl: logDropped %lld", (long long)c->status.log_dropped);
}
