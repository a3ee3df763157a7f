/* SPDX-License-Identifier: Apache-2.0 */
/* How far it is: bars on a terminal, one line for each finished thing in a pipe. */
#include "image/progress.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

#include "base/arena.h"
#include "kernel/fd.h"

enum { INTERVAL_MS = 100, LINE = 256, BAR = 30, HEIGHT = 24, WIDTH = 80, WIDTH_BAR = 60 };

struct row {
	const char *label, *status;
	int64_t now, total;
	bool is_done;
};

struct progress {
	struct arena arena;
	int fd;
	bool is_quiet, is_terminal, is_dirty;
	struct row *rows;
	size_t n, room;
	size_t first; /* what is before it is final */
	size_t drawn; /* lines on the screen that will be drawn again */
	int64_t drawn_ms;
};

static int64_t now_ms(void)
{
	struct timespec t = {0};

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* ---- text ----------------------------------------------------------------------------------------- */

void progress_size(int64_t bytes, char ret[16])
{
	static const char *const units[] = {"B", "kB", "MB", "GB", "TB", "PB", "EB"};
	double value = (double)bytes;
	size_t unit = 0;

	while (value >= 1000 && unit + 1 < sizeof(units) / sizeof(units[0])) {
		value /= 1000;
		unit++;
	}
	snprintf(ret, 16, "%.4g%s", value, units[unit]);
}

static void print_bar(int64_t now, int64_t total, char *ret, size_t size)
{
	char done[16], all[16], bar[BAR + 1];
	size_t filled;

	progress_size(now, done);
	if (total <= 0) {
		snprintf(ret, size, "%s", done);
		return;
	}
	progress_size(total, all);
	filled = now >= total ? BAR : (size_t)((double)now / (double)total * BAR);
	memset(bar, ' ', BAR);
	memset(bar, '=', filled);
	if (filled < BAR)
		bar[filled] = '>';
	bar[BAR] = '\0';
	snprintf(ret, size, "[%s] %s/%s", bar, done, all);
}

void progress_print(const char *label, const char *status, int64_t now, int64_t total,
		    unsigned width, char *ret, size_t size)
{
	char bar[96] = "";

	if (now >= 0 && width >= WIDTH_BAR)
		print_bar(now, total, bar, sizeof(bar));
	snprintf(ret, size < width + 1 ? size : width + 1, "%s: %s%s%s", label, status,
		 bar[0] ? " " : "", bar);
}

/* ---- drawing -------------------------------------------------------------------------------------- */

static void put(struct progress *p, const char *text, size_t n)
{
	/* Nobody is told when it cannot be shown: the work goes on. */
	fd_write_all(p->fd, text, n);
}

static void measure(const struct progress *p, unsigned *width, unsigned *height)
{
	struct winsize w = {0};

	*width = WIDTH;
	*height = HEIGHT;
	if (ioctl(p->fd, TIOCGWINSZ, &w) == 0 && w.ws_col > 1 && w.ws_row > 2) {
		*width = w.ws_col;
		*height = w.ws_row;
	}
}

/* Goes back to where the rows begin that are drawn again. */
static void rewind_rows(struct progress *p)
{
	char text[32];

	if (p->drawn)
		put(p, text, (size_t)snprintf(text, sizeof(text), "\r\033[%zuA\033[J", p->drawn));
	p->drawn = 0;
}

static void draw_row(struct progress *p, const struct row *row, unsigned width)
{
	char text[LINE + 2];

	progress_print(row->label, row->status, row->is_done ? -1 : row->now, row->total, width - 1,
		       text, LINE);
	strcat(text, "\n");
	put(p, text, strlen(text));
}

static void draw(struct progress *p, bool is_forced)
{
	int64_t now = now_ms();
	unsigned width, height;

	if (!p->is_terminal || p->is_quiet ||
	    (!is_forced && (!p->is_dirty || now - p->drawn_ms < INTERVAL_MS)))
		return;
	measure(p, &width, &height);
	rewind_rows(p);
	while (p->first < p->n && p->rows[p->first].is_done)
		draw_row(p, &p->rows[p->first++], width);
	for (size_t i = p->first; i < p->n && p->drawn + 2 < height; i++, p->drawn++)
		draw_row(p, &p->rows[i], width);
	p->drawn_ms = now;
	p->is_dirty = false;
}

/* ---- the public face ------------------------------------------------------------------------------ */

struct progress *progress_open(int fd, bool is_quiet)
{
	struct progress *p = calloc(1, sizeof(*p));

	if (!p)
		arena_out_of_memory();
	p->fd = fd;
	p->is_quiet = is_quiet;
	p->is_terminal = isatty(fd) == 1;
	return p;
}

void progress_close(struct progress *p)
{
	if (!p)
		return;
	draw(p, p->is_dirty);
	arena_free(&p->arena);
	free(p);
}

void progress_line(struct progress *p, const char *fmt, ...)
{
	char text[LINE * 4];
	va_list args;
	int n;

	if (p->is_quiet)
		return;
	va_start(args, fmt);
	n = vsnprintf(text, sizeof(text) - 1, fmt, args);
	va_end(args);
	if (n < 0)
		return;
	if ((size_t)n > sizeof(text) - 2)
		n = sizeof(text) - 2;
	text[n] = '\n';
	if (p->is_terminal)
		rewind_rows(p);
	put(p, text, (size_t)n + 1);
	draw(p, p->first < p->n);
}

size_t progress_row(struct progress *p, const char *label)
{
	if (p->n == p->room) {
		p->rows = arena_grow(&p->arena, p->rows, p->room * sizeof(*p->rows),
				     (p->room * 2 + 16) * sizeof(*p->rows));
		p->room = p->room * 2 + 16;
	}
	p->rows[p->n] = (struct row){
		.label = arena_strdup(&p->arena, label), .status = "Waiting", .now = -1};
	p->is_dirty = true;
	return p->n++;
}

void progress_set(struct progress *p, size_t row, const char *status, int64_t now, int64_t total)
{
	struct row *r = &p->rows[row];

	r->status = status;
	r->now = now;
	r->total = total;
	p->is_dirty = true;
	draw(p, false);
}

void progress_done(struct progress *p, size_t row, const char *status)
{
	struct row *r = &p->rows[row];

	r->status = status;
	r->is_done = true;
	p->is_dirty = true;
	if (p->is_terminal)
		draw(p, false);
	else
		progress_line(p, "%s: %s", r->label, status);
}
