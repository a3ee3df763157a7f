/* SPDX-License-Identifier: Apache-2.0 */
/* Why a container ended, or is slow: statements with their evidence and what would mend it. */
#ifndef BERTH_ENGINE_WHY_WHY_H
#define BERTH_ENGINE_WHY_WHY_H

#include <stdbool.h>
#include <stddef.h>

#include "base/slice.h"

struct arena;
struct engine;
struct err;

/*
 * Theory of operation
 *
 * why_gather reads everything that tells of one container: its record, its ends, its groups, its last health
 * check, the events, the recorder, the kernel's log. Then each detector of the table in why.c looks at that
 * and adds what it can prove. A statement without evidence is none. Detectors change nothing and read no
 * files but those that the case names, so a test can make up a case.
 */

enum why_severity {
	WHY_OK,      /* as it should be */
	WHY_NOTE,    /* worth knowing */
	WHY_WARNING, /* slows it down, or soon will */
	WHY_PROBLEM, /* ended it, or keeps it from working */
};
extern const char *const why_severity_names[]; /* "ok", "note", "warning", "problem" */

struct why_statement {
	enum why_severity severity;
	const char *cause; /* one word or two for programs: "out-of-memory" */
	const char *text;
	struct str_slice evidence; /* each "FILE: VALUE" */
	const char *mend;          /* a command or what to do; NULL: none known */
};

struct why_report {
	const char *name, *id, *state; /* state: "running for 3m", "exited with code 1 2m ago" */
	struct {
		struct why_statement *v;
		size_t n;
	} statements; /* the gravest first; never empty */
};

/* By name, id or prefix, also one that was removed lately. Returns 0 or -errno. */
int why_container(const struct engine *g, const char *word, struct arena *a, struct why_report *ret,
		  struct err *e);

#endif
