/* SPDX-License-Identifier: Apache-2.0 */
/* Inside why/: what is known of one container, and how detectors speak. */
#ifndef BERTH_ENGINE_WHY_CASE_H
#define BERTH_ENGINE_WHY_CASE_H

#include "engine/container/container.h"
#include "engine/limits/show.h"
#include "engine/recorder/recorder.h"
#include "engine/why/kmsg.h"
#include "engine/why/why.h"

/* A file system that the container writes to. */
struct why_disk {
	const char *place, *source; /* in the container; on the host */
	uint64_t size, free;        /* bytes */
	uint64_t files_free, files;
};

/* Hundredths of a percent of the last ten seconds. */
struct why_pressure {
	const char *file;
	double some10, full10;
	bool is_known;
};

struct why_case {
	const struct engine *g;
	struct arena *a;
	int64_t now_ns;
	struct record record; /* of a removed one: id, name, image, pool, request */
	struct container_request asked;
	struct status status;
	bool is_removed, is_running, is_paused;
	int64_t removed_ns;

	/* Of the life that runs, or of the last one. `source` names where they are from. */
	struct exit_record life;
	bool has_life;
	const char *source;
	struct exit_record *lives; /* the ends that are kept, newest last */
	size_t n_lives;

	/* running only */
	int64_t memory_used, swap_used; /* -1: not told */
	const char *memory_file;
	struct why_pressure pressure[3]; /* cpu, memory, io */
	int64_t pool_pids_refused;       /* v2: how often its pool's limit was hit */
	const char *pool_pids_file;
	struct limit_rows limits;
	const pid_t *pids;
	size_t n_pids;

	struct kmsg_log log;
	struct recording recording;
	const char *signal_event; /* "stop", "kill": the last one in or right after that life */
	const char *signal_by;
	int64_t signal_number;
	int64_t paused_ns; /* 0: not known */
	const char *paused_by;
	const char *health_output;
	int64_t health_code;
	struct str_slice log_lines; /* the last ones of its log */
	struct {
		struct why_disk *v;
		size_t n;
	} disks;
};

/* Adds a statement; its evidence is added next with why_prove. mend may be NULL. */
void why_say(const struct why_case *c, struct why_report *r, enum why_severity severity,
	     const char *cause, const char *mend, const char *fmt, ...)
	__attribute__((format(printf, 6, 7)));
/* Evidence of the last statement. */
void why_prove(const struct why_case *c, struct why_report *r, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* "62.1 MiB". */
const char *why_size(int64_t bytes, struct arena *a);
/* "3 s", "5 min", "2 h". */
const char *why_duration(int64_t ns, struct arena *a);
/* A size for --memory that leaves room: the value and half as much again, in whole MiB. */
const char *why_more(int64_t bytes, struct arena *a);
/* "berth update WORDS NAME", or how to say it of one that is gone. */
const char *why_update(const struct why_case *c, const char *words);
/* Who has the tightest limit of that name (limits/show.c): "own", "pool p", "group /x"; NULL: nobody. */
const struct limit_row *why_limit(const struct why_case *c, const char *name);

/* Everything about the container. Returns 0 or -errno. */
int why_gather(const struct engine *g, const char *word, struct arena *a, struct why_case *ret,
	       struct err *e);

/* detect_end.c */
void why_detect_oom(const struct why_case *c, struct why_report *r);
void why_detect_start(const struct why_case *c, struct why_report *r);
void why_detect_signal(const struct why_case *c, struct why_report *r);
void why_detect_code(const struct why_case *c, struct why_report *r);
void why_detect_denial(const struct why_case *c, struct why_report *r);
void why_detect_restarts(const struct why_case *c, struct why_report *r);
/* detect_load.c */
void why_detect_throttling(const struct why_case *c, struct why_report *r);
void why_detect_pids(const struct why_case *c, struct why_report *r);
void why_detect_memory(const struct why_case *c, struct why_report *r);
void why_detect_io(const struct why_case *c, struct why_report *r);
void why_detect_pressure(const struct why_case *c, struct why_report *r);
/* detect_state.c */
void why_detect_pause(const struct why_case *c, struct why_report *r);
void why_detect_health(const struct why_case *c, struct why_report *r);
void why_detect_disks(const struct why_case *c, struct why_report *r);
void why_detect_log(const struct why_case *c, struct why_report *r);

#endif
