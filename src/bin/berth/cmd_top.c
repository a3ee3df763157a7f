/* SPDX-License-Identifier: Apache-2.0 */
/* berth top: the processes of a container. */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <time.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/str.h"
#include "bin/berth/command.h"
#include "engine/container/container.h"
#include "kernel/fd.h"
#include "view/view.h"

enum { TEXT_MAX = 1 << 20 };

/* What is read of one process (proc_pid_stat(5)). */
struct process {
	pid_t pid;
	long long ppid, tty, ticks, start, rss_pages, priority, nice, threads;
	char state;
	const char *uid, *command, *name;
};

static const struct column {
	const char *head, *word; /* word: for -o */
	bool is_right, is_default;
} columns[] = {
	{"UID", "uid", false, true},       {"PID", "pid", true, true},
	{"PPID", "ppid", true, true},      {"C", "c", true, true},
	{"STIME", "stime", false, true},   {"TTY", "tty", false, true},
	{"TIME", "time", false, true},     {"CMD", "cmd", false, true},
	{"USER", "user", false, false},    {"COMMAND", "command", false, false},
	{"COMMAND", "args", false, false}, {"COMMAND", "comm", false, false},
	{"S", "s", false, false},          {"STAT", "stat", false, false},
	{"RSS", "rss", true, false},       {"%CPU", "pcpu", true, false},
	{"NI", "ni", true, false},         {"NLWP", "nlwp", true, false},
};

/* ---- one process --------------------------------------------------------------------------------- */

/* "12 (a b) c) S 1 ...": the name may hold anything, so the last parenthesis counts. */
static int read_stat(struct process *p, struct arena *a)
{
	char *text, *end, *begin;
	int r = file_read_at(AT_FDCWD, arena_printf(a, "/proc/%d/stat", p->pid), a, TEXT_MAX, &text,
			     NULL);
	long long user, system;

	if (r < 0)
		return r;
	begin = strchr(text, '(');
	end = strrchr(text, ')');
	if (!begin || !end ||
	    sscanf(end + 1,
		   " %c %lld %*d %*d %lld %*d %*u %*u %*u %*u %*u %lld %lld %*d %*d %lld %lld %lld "
		   "%*d %lld %*u %lld",
		   &p->state, &p->ppid, &p->tty, &user, &system, &p->priority, &p->nice,
		   &p->threads, &p->start, &p->rss_pages) != 10)
		return -EINVAL;
	p->ticks = user + system;
	p->name = arena_strndup(a, begin + 1, (size_t)(end - begin - 1));
	return 0;
}

static const char *read_command(const struct process *p, struct arena *a)
{
	char *text;
	size_t n;

	if (file_read_at(AT_FDCWD, arena_printf(a, "/proc/%d/cmdline", p->pid), a, TEXT_MAX, &text,
			 &n) < 0 ||
	    n == 0)
		return arena_printf(a, "[%s]", p->name);
	for (size_t i = 0; i + 1 < n; i++)
		if (!text[i] || iscntrl((unsigned char)text[i]))
			text[i] = ' ';
	return text;
}

static const char *read_uid(const struct process *p, struct arena *a)
{
	char *text, *line;

	if (file_read_at(AT_FDCWD, arena_printf(a, "/proc/%d/status", p->pid), a, TEXT_MAX, &text,
			 NULL) < 0)
		return "?";
	line = strstr(text, "\nUid:\t");
	return line ? arena_strndup(a, line + 6, strspn(line + 6, "0123456789")) : "?";
}

/* Seconds since 1970 when it began. */
static time_t begin_of(const struct process *p)
{
	struct timespec up, now;

	clock_gettime(CLOCK_BOOTTIME, &up);
	clock_gettime(CLOCK_REALTIME, &now);
	return now.tv_sec - up.tv_sec + p->start / sysconf(_SC_CLK_TCK);
}

static const char *start_text(const struct process *p, struct arena *a)
{
	time_t begin = begin_of(p), now = time(NULL);
	char text[16];
	struct tm tm;

	localtime_r(&begin, &tm);
	strftime(text, sizeof(text), now - begin < 86400 ? "%H:%M" : "%b%d", &tm);
	return arena_strdup(a, text);
}

static const char *tty_text(const struct process *p, struct arena *a)
{
	unsigned number = (unsigned)p->tty;

	if (!number)
		return "?";
	if (major(number) >= 136 && major(number) <= 143)
		return arena_printf(a, "pts/%u", minor(number) + (major(number) - 136) * 256);
	return arena_printf(a, "%u:%u", major(number), minor(number));
}

static double cpu_share(const struct process *p)
{
	double life = (double)(time(NULL) - begin_of(p));
	double used = (double)p->ticks / (double)sysconf(_SC_CLK_TCK);

	return life >= 1 ? used * 100 / life : 0;
}

static const char *cell(const struct process *p, const struct column *c, struct arena *a)
{
	long long seconds = p->ticks / sysconf(_SC_CLK_TCK);

	switch (c->word[0]) {
	case 'u':
		return p->uid;
	case 'p':
		if (str_eq(c->word, "pcpu"))
			return arena_printf(a, "%.1f", cpu_share(p));
		return arena_printf(a, "%lld", c->word[1] == 'p' ? p->ppid : (long long)p->pid);
	case 'c':
		if (str_eq(c->word, "c"))
			return arena_printf(a, "%.0f", cpu_share(p));
		return str_eq(c->word, "comm") ? p->name : p->command;
	case 'a':
		return p->command;
	case 's':
		return str_eq(c->word, "stime") ? start_text(p, a)
						: arena_printf(a, "%c", p->state);
	case 't':
		if (str_eq(c->word, "tty"))
			return tty_text(p, a);
		return arena_printf(a, "%02lld:%02lld:%02lld", seconds / 3600, seconds / 60 % 60,
				    seconds % 60);
	case 'r':
		return arena_printf(a, "%lld", p->rss_pages * sysconf(_SC_PAGESIZE) / 1024);
	default:
		return arena_printf(a, "%lld", str_eq(c->word, "ni") ? p->nice : p->threads);
	}
}

/* ---- which columns ------------------------------------------------------------------------------- */

struct choice {
	const struct column *v[32];
	size_t n;
};

static int add_words(const char *words, struct choice *ret, struct arena *a, struct err *e)
{
	char *copy = arena_strdup(a, words), *save = NULL;

	for (char *word = strtok_r(copy, ", ", &save); word; word = strtok_r(NULL, ", ", &save)) {
		const struct column *found = NULL;

		for (size_t i = 0; i < ARRAY_LEN(columns); i++)
			if (str_eq(columns[i].word, word))
				found = &columns[i];
		if (!found || ret->n == ARRAY_LEN(ret->v))
			return err_say(e, -EINVAL,
				       "-o %s: want pid, ppid, uid, user, stat, tty, time, stime, "
				       "pcpu, rss, ni, nlwp, comm, args or cmd",
				       word);
		ret->v[ret->n++] = found;
	}
	return 0;
}

/* ps options: -o LIST counts, -e, -f, aux and the like mean the usual columns. */
static int choose(const struct str_slice *words, struct choice *ret, struct arena *a, struct err *e)
{
	int r = 0;

	for (size_t i = 1; r == 0 && i < words->n; i++) {
		const char *word = words->v[i];

		if (str_eq(word, "-o") && i + 1 < words->n)
			r = add_words(words->v[++i], ret, a, e);
		else if (str_starts(word, "-o"))
			r = add_words(word + 2 + (word[2] == '='), ret, a, e);
		else if (word[strspn(word, "-efuaxwl")])
			return err_say(e, -EINVAL,
				       "%s: of ps's options only -o LIST, -e, -f, a, u and x are "
				       "known",
				       word);
	}
	for (size_t i = 0; r == 0 && !ret->n && i < ARRAY_LEN(columns); i++) {
		if (!columns[i].is_default)
			break;
		ret->v[i] = &columns[i];
		if (!columns[i + 1].is_default)
			ret->n = i + 1;
	}
	return r;
}

/* ---- all ----------------------------------------------------------------------------------------- */

static void print_rows(const pid_t *pids, size_t n, const struct choice *choice,
		       struct json_writer *w, struct arena *a)
{
	json_begin_array(w);
	for (size_t i = 0; i < n; i++) {
		struct process p = {.pid = pids[i]};

		/* It may have gone meanwhile. */
		if (read_stat(&p, a) < 0)
			continue;
		p.command = read_command(&p, a);
		p.uid = read_uid(&p, a);
		json_begin_object(w);
		for (size_t k = 0; k < choice->n; k++)
			json_put_string(w, choice->v[k]->word, cell(&p, choice->v[k], a));
		json_end_object(w);
	}
	json_end_array(w);
}

static int top_main(const struct invocation *in, int *ret_code, struct err *e)
{
	struct view_column heads[33] = {0};
	const struct view_list list = {.columns = heads};
	auto_json_writer struct json_writer w = {0};
	auto_view_text struct view_text text = {0};
	struct container_info c = {0};
	struct choice choice = {0};
	struct view_value rows;
	pid_t *pids;
	size_t n;
	int r;

	(void)ret_code;
	if ((r = choose(&in->words, &choice, in->arena, e)) < 0 ||
	    (r = container_find(&in->engine, in->words.v[0], in->arena, &c, e)) < 0)
		return r;
	if (c.status.pid <= 0)
		return err_say(e, -ESRCH, "container %s is not running", c.record.name);
	r = runtime_pids(&in->engine.runtime, c.record.id, in->arena, &pids, &n, e);
	if (r < 0)
		return r;
	for (size_t i = 0; i < choice.n; i++)
		heads[i] = (struct view_column){choice.v[i]->head, choice.v[i]->word,
						choice.v[i]->is_right};
	print_rows(pids, n, &choice, &w, in->arena);
	r = view_parse(w.buf, w.len, in->arena, &rows, e);
	if (r == 0)
		r = view_rows(&list, rows.items, rows.n, &text, e);
	return r < 0 ? r : print_text(text.buf ? text.buf : "", text.len, e);
}

static const struct opt no_options[] = {{0}};

const struct command cmd_top = {
	.name = "top",
	.usage = "CONTAINER [PS OPTION...]",
	.help = "Show the processes of a container",
	.group = "containers",
	.options = no_options,
	.words_min = 1,
	.words_max = WORDS_MANY,
	.stops = true,
	.main = top_main,
};
