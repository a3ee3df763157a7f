/* SPDX-License-Identifier: Apache-2.0 */
/* The monitor's loop: descriptors and timers. */
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <time.h>
#include <unistd.h>

#include "base/auto.h"
#include "bin/berth-monitor/monitor.h"

enum { EVENTS_AT_ONCE = 16, SAMPLE_SLACK_NS = 50000000 };

static void (*const timer_handlers[])(struct monitor *m) = {
	[TIMER_RESTART] = on_timer_restart, [TIMER_PARTS] = on_timer_parts,
	[TIMER_SILENCE] = on_timer_silence, [TIMER_KILL] = on_timer_kill,
	[TIMER_SETTLE] = on_timer_settle,   [TIMER_HEALTH] = on_timer_health,
	[TIMER_SAMPLE] = on_timer_sample,
};
_Static_assert(ARRAY_LEN(timer_handlers) == TIMER_COUNT, "every timer has a handler");

static int64_t clock_ns(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

int64_t now_real_ns(void)
{
	return clock_ns(CLOCK_REALTIME);
}

int64_t now_ms(void)
{
	return clock_ns(CLOCK_MONOTONIC) / 1000000;
}

void timer_set(struct monitor *m, enum timer t, int64_t ms)
{
	m->timers[t] = now_ms() + ms + 1;
}

void timer_clear(struct monitor *m, enum timer t)
{
	m->timers[t] = 0;
}

void source_watch(struct monitor *m, struct source *s, uint32_t events)
{
	struct epoll_event event = {.events = events, .data.ptr = s};

	if (s->fd < 0 || (s->is_added && s->events == events) || (!s->is_added && !events))
		return;
	/* EPOLLHUP and EPOLLERR cannot be masked: who is not wanted goes out altogether. */
	if (epoll_ctl(m->epoll_fd,
		      !events       ? EPOLL_CTL_DEL
		      : s->is_added ? EPOLL_CTL_MOD
				    : EPOLL_CTL_ADD,
		      s->fd, &event) < 0)
		return;
	s->is_added = events != 0;
	s->events = events;
}

void source_close(struct monitor *m, struct source *s)
{
	source_watch(m, s, 0);
	if (s->fd >= 0)
		close(s->fd);
	s->fd = -EBADF;
	s->is_added = false;
	s->events = 0;
}

/* ret_is_lax: a sample is all that is waited for. */
static int next_timer(const struct monitor *m, int limit_ms, bool *ret_is_lax)
{
	int64_t next = 0, left;

	*ret_is_lax = false;
	for (int t = 0; t < TIMER_COUNT; t++)
		if (m->timers[t] && (!next || m->timers[t] < next)) {
			next = m->timers[t];
			*ret_is_lax = t == TIMER_SAMPLE;
		}
	if (!next)
		return limit_ms;
	left = next - now_ms();
	left = left < 0 ? 0 : left > 1000000000 ? 1000000000 : left;
	return limit_ms >= 0 && limit_ms < left ? limit_ms : (int)left;
}

static void run_timers(struct monitor *m)
{
	int64_t now = 0;

	for (int t = 0; t < TIMER_COUNT; t++) {
		if (!m->timers[t])
			continue;
		now = now ? now : now_ms();
		if (m->timers[t] > now)
			continue;
		m->timers[t] = 0;
		timer_handlers[t](m);
	}
}

void loop_turn(struct monitor *m, int limit_ms)
{
	struct epoll_event events[EVENTS_AT_ONCE];
	bool is_lax;
	int wait_ms = next_timer(m, limit_ms, &is_lax), n;

	/* Not for longer: a child would have it, too. 0 is what we were started with. */
	if (is_lax)
		prctl(PR_SET_TIMERSLACK, SAMPLE_SLACK_NS);
	n = epoll_wait(m->epoll_fd, events, EVENTS_AT_ONCE, wait_ms);
	if (is_lax)
		prctl(PR_SET_TIMERSLACK, 0);
	for (int i = 0; i < n; i++) {
		struct source *s = events[i].data.ptr;

		/* A handler before may have closed it; its memory is there until the turn is over. */
		if (s->is_added)
			s->ready(m, s, events[i].events);
	}
	run_timers(m);
}
