/* SPDX-License-Identifier: Apache-2.0 */
/* What the parts of the monitor share: one container, its lives, its streams, its clients. */
#ifndef BERTH_BIN_MONITOR_H
#define BERTH_BIN_MONITOR_H

#include <sys/types.h>

#include "base/arena.h"
#include "engine/container/attach.h"
#include "engine/container/record.h"
#include "engine/log/log.h"
#include "engine/recorder/recorder.h"
#include "engine/recorder/sampler.h"
#include "runtime/create.h"

/*
 * Theory of operation
 *
 * One process, one thread, one epoll loop. A life goes
 *
 *   start   pipes, the creation (runtime/create.h), status "running", event, STARTED to the starter
 *   run     bytes go from the pipes into the log first and are flushed, then to the clients; so what anybody saw
 *           is in the log, whenever we are killed
 *   dying   the first process has ended; what is left in the pipes is read until their end, or until 100 ms
 *           pass without a byte (a child in the background may hold them for ever)
 *   bury    the cgroup's evidence is read, exits.jsonl and status.jsonl are written, then the creation is
 *           ended; a restart is planned or everything is over
 *
 * and at the end of all the container is removed (--rm), the lock is given up, and EXIT goes to the clients, in this
 * order: who hears EXIT may start or name the next container.
 *
 * After a second of life the flight recorder begins (engine/recorder/recorder.h): a sample every second, and a last
 * one before the groups go.
 *
 * The creation's memory (the decoded config.json, the plan) is let go after a second of life: a long life does
 * without it, a short one need not read the state again.
 */

struct monitor;

struct source { /* a descriptor in the loop */
	void (*ready)(struct monitor *m, struct source *s, uint32_t events);
	int fd;
	uint32_t events; /* as registered; 0: not in the loop */
	bool is_added;
};

enum timer {
	TIMER_RESTART, /* the back-off is over */
	TIMER_PARTS,   /* unfinished lines go to the log */
	TIMER_SILENCE, /* nothing more came from a dead container */
	TIMER_KILL,    /* the stop signal did not help */
	TIMER_SETTLE,  /* the creation's memory may go */
	TIMER_HEALTH,  /* the next check, or the end of the patience with this one */
	TIMER_SAMPLE,  /* the flight recorder's second is over */
	TIMER_COUNT,
};

struct health {
	struct source output, child;
	pid_t pid; /* of the check under way, or 0 */
	int64_t begun_ns;
	bool is_late; /* it was killed for taking too long */
	int64_t failures;
	size_t text_n;
	char text[4096];
};

struct client;

struct monitor {
	struct engine engine;
	struct arena arena;        /* the engine's strings */
	struct arena record_arena; /* the record's; both anew at RELOAD */
	struct record record;
	struct status status;
	char error[1020]; /* what status.error points at */
	int dir_fd, lock_fd, root_fd, null_fd, epoll_fd;
	const char *id, *bundle; /* outlive the record, which RELOAD replaces */

	struct source signals, listener, first; /* first: the container's first process */
	struct source out[2], in;
	bool is_paused; /* the starter does not read: nor do we */
	size_t in_n, in_at;
	bool in_ends; /* close the container's input once what is here is written */
	uint16_t rows, columns;
	struct client *clients;
	unsigned n_clients;
	struct log_writer *log;

	struct creation creation;
	struct create_request request;
	bool has_creation; /* not settled yet */
	bool has_networks; /* may have: also where the record names none any more */
	int wait_status;
	bool has_exited, is_dying, is_silent;
	bool is_ending; /* SIGTERM: no restart */
	bool is_over;
	int64_t oom_kills; /* of this life, told so far */
	int64_t backoff_ms;
	struct health health;
	struct sampler sampler;
	struct recorder recorder;

	int64_t timers[TIMER_COUNT]; /* CLOCK_MONOTONIC milliseconds; 0: off */
	char buffer[ATTACH_DATA];    /* from the container */
	char input[ATTACH_DATA];     /* to the container */
};

/* ---- loop.c ---- */
int64_t now_real_ns(void);
int64_t now_ms(void);
void timer_set(struct monitor *m, enum timer t, int64_t ms);
void timer_clear(struct monitor *m, enum timer t);
/* events 0: out of the loop, the descriptor stays open. */
void source_watch(struct monitor *m, struct source *s, uint32_t events);
void source_close(struct monitor *m, struct source *s);
/* Waits (at most limit_ms; -1: for ever) and handles what came. */
void loop_turn(struct monitor *m, int limit_ms);

/* ---- streams.c ---- */
/* Makes the container's ends our descriptors 0, 1, 2. */
int streams_make(struct monitor *m, struct err *e);
/* Puts /dev/null back there; the container has them now, or never will. */
void streams_release(struct monitor *m);
void streams_start(struct monitor *m, int master);
void streams_pause(struct monitor *m, bool is_paused);
bool streams_are_done(const struct monitor *m);
/* Reads what is there now. */
void streams_drain(struct monitor *m);
void streams_close(struct monitor *m);
void streams_resize(struct monitor *m);
/* m->input[in_at..in_n) goes to the container; input_end: and then no more. */
void input_write(struct monitor *m);
void input_end(struct monitor *m);
void on_timer_parts(struct monitor *m);

/* ---- clients.c ---- */
int clients_listen(struct monitor *m, struct err *e);
/* The one behind descriptor 3. */
int clients_add_starter(struct monitor *m, int fd, struct err *e);
void clients_output(struct monitor *m, int stream, const char *data, size_t n);
void clients_send(struct monitor *m, enum attach_type type, int64_t value, const void *data,
		  size_t n);
/* The container took its input: who waited with more may go on. */
void clients_resume(struct monitor *m);
/* A starter that does not read is no longer waited for. */
void clients_free_starter(struct monitor *m);
/* Nobody can connect any more. */
void clients_unlisten(struct monitor *m);
/* Waits until the last packets are sent. */
void clients_finish(struct monitor *m);

/* ---- life.c ---- */
int life_start(struct monitor *m, struct err *e);
void life_exited(struct monitor *m);
void life_bury(struct monitor *m);
void life_save(struct monitor *m);
/* Tells of it (event) where the number of kills for want of memory has grown. */
void life_notice_oom(struct monitor *m, int64_t kills);
void life_stop(struct monitor *m); /* SIGTERM to us */
void on_timer_restart(struct monitor *m);
void on_timer_kill(struct monitor *m);
void on_timer_settle(struct monitor *m);
void on_timer_silence(struct monitor *m);

/* ---- recording.c ---- */
/* With the creation's groups, before they are closed. */
void recording_begin(struct monitor *m);
void recording_end(struct monitor *m);
void on_timer_sample(struct monitor *m);
/* Nine tenths of the program are for the start and the sample: its pages come back from the file when they are
 * needed, and are not our memory until then. */
void pages_forget(void);

/* ---- health.c ---- */
void health_begin(struct monitor *m);
void health_end(struct monitor *m);
void on_timer_health(struct monitor *m);

#endif
