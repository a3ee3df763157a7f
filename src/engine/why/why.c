/* SPDX-License-Identifier: Apache-2.0 */
/* Why a container ended, or is slow: the table of detectors and the report. */
#include "engine/why/why.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/auto.h"
#include "base/err.h"
#include "base/str.h"
#include "engine/container/spec_parts.h"
#include "engine/why/case.h"

const char *const why_severity_names[] = {
	[WHY_OK] = "ok",
	[WHY_NOTE] = "note",
	[WHY_WARNING] = "warning",
	[WHY_PROBLEM] = "problem",
};
_Static_assert(ARRAY_LEN(why_severity_names) == WHY_PROBLEM + 1, "one name for each");

/* Of two that are as grave the earlier row is told first. */
static void (*const detectors[])(const struct why_case *c, struct why_report *r) = {
	why_detect_oom,   why_detect_start,    why_detect_denial,     why_detect_signal,
	why_detect_code,  why_detect_pause,    why_detect_health,     why_detect_restarts,
	why_detect_disks, why_detect_pids,     why_detect_throttling, why_detect_memory,
	why_detect_io,    why_detect_pressure, why_detect_log,
};

/* ---- words --------------------------------------------------------------------------------------- */

__attribute__((format(printf, 2, 0))) static const char *format(struct arena *a, const char *fmt,
								va_list ap)
{
	char text[2048];

	vsnprintf(text, sizeof(text), fmt, ap);
	return arena_strdup(a, text);
}

void why_say(const struct why_case *c, struct why_report *r, enum why_severity severity,
	     const char *cause, const char *mend, const char *fmt, ...)
{
	struct why_statement s = {.severity = severity, .cause = cause, .mend = mend};
	va_list ap;

	va_start(ap, fmt);
	s.text = format(c->a, fmt, ap);
	va_end(ap);
	LIST_ADD(&r->statements, c->a) = s;
}

void why_prove(const struct why_case *c, struct why_report *r, const char *fmt, ...)
{
	struct why_statement *s = &r->statements.v[r->statements.n - 1];
	va_list ap;

	va_start(ap, fmt);
	strings_add(&s->evidence, format(c->a, fmt, ap), c->a);
	va_end(ap);
}

const char *why_size(int64_t bytes, struct arena *a)
{
	static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
	double v = (double)bytes;
	size_t i = 0;

	for (; v >= 1024 && i + 1 < ARRAY_LEN(units); i++)
		v /= 1024;
	return arena_printf(a, i ? "%.1f %s" : "%.0f %s", v, units[i]);
}

const char *why_duration(int64_t ns, struct arena *a)
{
	double s = (double)ns / 1e9;

	if (s < 0)
		s = 0;
	if (s < 10)
		return arena_printf(a, "%.1f s", s);
	if (s < 120)
		return arena_printf(a, "%.0f s", s);
	if (s < 7200)
		return arena_printf(a, "%.0f min", s / 60);
	return s < 172800 ? arena_printf(a, "%.0f h", s / 3600)
			  : arena_printf(a, "%.0f days", s / 86400);
}

const char *why_more(int64_t bytes, struct arena *a)
{
	int64_t mib = (bytes + bytes / 2 + (1 << 20) - 1) >> 20;

	return arena_printf(a, "%lldm", (long long)(mib < 1 ? 1 : mib));
}

const char *why_update(const struct why_case *c, const char *words)
{
	if (c->is_removed)
		return arena_printf(c->a, "run it again with %s", words);
	return arena_printf(c->a, "berth update %s %s", words, c->record.name);
}

const struct limit_row *why_limit(const struct why_case *c, const char *name)
{
	for (size_t i = 0; i < c->limits.n; i++)
		if (str_eq(c->limits.v[i].name, name))
			return &c->limits.v[i];
	return NULL;
}

/* ---- the report ---------------------------------------------------------------------------------- */

static const char *state_text(const struct why_case *c)
{
	const struct status *s = &c->status;
	const char *since = why_duration(c->now_ns - s->started_ns, c->a);
	const char *ago = why_duration(c->now_ns - s->finished_ns, c->a);
	const char *text = "";

	switch (s->state) {
	case CONTAINER_CREATED:
		text = s->error ? "never ran: its start failed" : "created, never started";
		break;
	case CONTAINER_RUNNING:
		text = arena_printf(c->a, "running for %s", since);
		break;
	case CONTAINER_PAUSED:
		text = arena_printf(c->a, "paused, started %s ago", since);
		break;
	case CONTAINER_RESTARTING:
		text = arena_printf(c->a, "waiting to be restarted; ended with code %lld %s ago",
				    (long long)s->exit_code, ago);
		break;
	case CONTAINER_EXITED:
	case CONTAINER_DEAD:
		text = arena_printf(c->a, "ended with code %lld %s ago", (long long)s->exit_code,
				    ago);
		break;
	}
	if (c->is_removed)
		text = arena_printf(c->a, "%s; removed %s ago", text,
				    why_duration(c->now_ns - c->removed_ns, c->a));
	return text;
}

static bool has_trouble(const struct why_report *r)
{
	for (size_t i = 0; i < r->statements.n; i++)
		if (r->statements.v[i].severity >= WHY_WARNING)
			return true;
	return false;
}

static void say_healthy(const struct why_case *c, struct why_report *r)
{
	if (has_trouble(r))
		return;
	if (c->is_running)
		why_say(c, r, WHY_OK, "healthy", NULL,
			"nothing is wrong: no kill, no refusal and no throttling in %s of life",
			why_duration(c->now_ns - c->status.started_ns, c->a));
	else if (!c->has_life)
		why_say(c, r, WHY_OK, "never-started",
			arena_printf(c->a, "berth start %s", c->record.name),
			"nothing is wrong: it has never been started");
	else
		why_say(c, r, WHY_OK, "ended-well", NULL,
			"nothing is wrong: it ended as it should");
	if (c->has_life)
		why_prove(c, r, "%s: oomKills %lld, exitCode %lld", c->source,
			  (long long)c->life.oom_kills, (long long)c->life.exit_code);
	else if (c->is_running)
		why_prove(c, r,
			  "status.jsonl: process %lld (it has no control groups, so the kernel "
			  "counts "
			  "nothing for it)",
			  (long long)c->status.pid);
	else
		why_prove(c, r, "status.jsonl: no life");
}

/* The gravest first; the order of the table stays among equals. */
static void sort(struct why_report *r)
{
	for (size_t i = 1; i < r->statements.n; i++) {
		struct why_statement s = r->statements.v[i];
		size_t k = i;

		for (; k > 0 && r->statements.v[k - 1].severity < s.severity; k--)
			r->statements.v[k] = r->statements.v[k - 1];
		r->statements.v[k] = s;
	}
}

int why_container(const struct engine *g, const char *word, struct arena *a, struct why_report *ret,
		  struct err *e)
{
	struct why_case c = {0};
	struct why_report report = {0};
	int r = why_gather(g, word, a, &c, e);

	if (r < 0)
		return r;
	for (size_t i = 0; i < ARRAY_LEN(detectors); i++)
		detectors[i](&c, &report);
	say_healthy(&c, &report);
	sort(&report);
	report.name = c.record.name;
	report.id = c.record.id;
	report.state = state_text(&c);
	*ret = report;
	return 0;
}
