/* SPDX-License-Identifier: Apache-2.0 */
/* list and ps: the containers, and the processes of one. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/json.h"
#include "base/str.h"
#include "bin/berth-runtime/command.h"
#include "kernel/fd.h"

/* ---- list ------------------------------------------------------------------------------------ */

struct list_values {
	const char *format;
	bool is_quiet;
};

static const struct opt list_options[] = {
	{"format", 'f', OPT_STRING, offsetof(struct list_values, format), "FORMAT",
	 "table (default) or json", false},
	{"quiet", 'q', OPT_FLAG, offsetof(struct list_values, is_quiet), NULL, "ids only", false},
	{0},
};

enum { LIST_COLUMNS = 6, COLUMN_MIN = 12, COLUMN_GAP = 3 };

/* After prints to stdout: whether all of it got there. */
static int finish_output(struct err *e)
{
	if (fflush(stdout) != 0)
		return err_sys(e, -errno, "write to standard output");
	/* musl writes the first line at once; the number of that error is gone. */
	return ferror(stdout) ? err_sys(e, -EIO, "write to standard output") : 0;
}

static void print_table(const struct container *list, size_t n, struct arena *a)
{
	static const char *const titles[LIST_COLUMNS] = {"ID",     "PID",     "STATUS",
							 "BUNDLE", "CREATED", "OWNER"};
	size_t width[LIST_COLUMNS];
	const char *(*cells)[LIST_COLUMNS] = arena_array(a, n + 1, sizeof(*cells));

	memcpy(cells[0], titles, sizeof(titles));
	for (size_t i = 0; i < n; i++) {
		const struct container *c = &list[i];
		const char *row[LIST_COLUMNS] = {c->id,
						 arena_printf(a, "%d", c->pid),
						 runtime_status_names[c->status],
						 c->bundle,
						 runtime_time_text(c->created_ns, a),
						 c->owner};

		memcpy(cells[i + 1], row, sizeof(row));
	}
	for (size_t k = 0; k < LIST_COLUMNS; k++) {
		width[k] = COLUMN_MIN;
		for (size_t i = 0; i <= n; i++)
			if (strlen(cells[i][k]) + COLUMN_GAP > width[k])
				width[k] = strlen(cells[i][k]) + COLUMN_GAP;
	}
	for (size_t i = 0; i <= n; i++) {
		for (size_t k = 0; k + 1 < LIST_COLUMNS; k++)
			printf("%-*s", (int)width[k], cells[i][k]);
		printf("%s\n", cells[i][LIST_COLUMNS - 1]);
	}
}

static int list_main(const struct invocation *in, int *ret_code, struct err *e)
{
	const struct list_values *v = in->values;
	auto_json_writer struct json_writer w = {0};
	struct container *list;
	size_t n;
	int r;

	if (v->format && !str_eq(v->format, "table") && !str_eq(v->format, "json"))
		return err_say(e, -EINVAL, "invalid format option %s: table or json", v->format);
	r = runtime_list(&in->rt, in->arena, &list, &n, e);
	if (r < 0)
		return r;
	*ret_code = 0;
	if (v->is_quiet) {
		for (size_t i = 0; i < n; i++)
			printf("%s\n", list[i].id);
		return finish_output(e);
	}
	if (!str_eq(v->format, "json")) {
		print_table(list, n, in->arena);
		return finish_output(e);
	}
	if (!n) { /* as runc: a nil list */
		puts("null");
		return finish_output(e);
	}
	json_begin_array(&w);
	for (size_t i = 0; i < n; i++)
		runtime_container_print(&list[i], in->arena, &w);
	json_end_array(&w);
	return print_json(&w, e);
}

const struct command cmd_list = {
	.name = "list",
	.usage = "[options]",
	.help = "list the containers below the given root",
	.options = list_options,
	.values_size = sizeof(struct list_values),
	.main = list_main,
};

/* ---- ps -------------------------------------------------------------------------------------- */

struct ps_values {
	const char *format;
};

static const struct opt ps_options[] = {
	{"format", 'f', OPT_STRING, offsetof(struct ps_values, format), "FORMAT",
	 "table (default) or json", false},
	{0},
};

/* The output of the host's ps with the given words, or -ef. */
static int run_ps(const char *const *words, size_t n, struct arena *a, char **ret, struct err *e)
{
	const char **argv = arena_array(a, n + 3, sizeof(*argv));
	auto_close int out = -EBADF;
	int pipe_fds[2], status, r;
	pid_t pid;

	argv[0] = "ps";
	argv[1] = "-ef";
	if (n)
		memcpy(argv + 1, words, n * sizeof(*argv));
	if (pipe(pipe_fds) < 0)
		return err_sys(e, -errno, "make a pipe for ps");
	out = pipe_fds[0];
	pid = fork();
	if (pid == 0) {
		dup2(pipe_fds[1], 1);
		close(pipe_fds[0]);
		close(pipe_fds[1]);
		execvp("ps", (char *const *)argv);
		_exit(127);
	}
	close(pipe_fds[1]);
	if (pid < 0)
		return err_sys(e, -errno, "start ps");
	r = fd_read_all(out, a, 64 << 20, ret, NULL);
	waitpid(pid, &status, 0);
	if (r < 0)
		return err_sys(e, r, "read from ps");
	if (status)
		return err_say(e, -EINVAL, "ps failed: status %d (is procps installed?)",
			       WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
	return 0;
}

/* The index of the column "PID" in the header, or -1. */
static int pid_column(const char *header)
{
	int column = 0;

	for (const char *p = header; *p && *p != '\n'; column++) {
		size_t n;

		p += strspn(p, " \t");
		n = strcspn(p, " \t\n");
		if (n == 3 && memcmp(p, "PID", 3) == 0)
			return column;
		p += n;
	}
	return -1;
}

static long field_number(const char *line, int column)
{
	for (; column > 0; column--) {
		line += strspn(line, " \t");
		line += strcspn(line, " \t\n");
	}
	return strtol(line, NULL, 10);
}

static int ps_table(char *text, const pid_t *pids, size_t n, struct err *e)
{
	int column = pid_column(text);
	bool is_header = true;

	if (column < 0)
		return err_say(e, -EINVAL, "couldn't find PID field in ps output");
	for (char *line = text, *next; *line; line = next, is_header = false) {
		size_t len = strcspn(line, "\n");
		long pid = field_number(line, column);
		bool is_ours = is_header;

		next = line + len + (line[len] == '\n');
		for (size_t i = 0; i < n && !is_ours; i++)
			is_ours = pids[i] == pid;
		if (is_ours && (fd_write_all(1, line, len) < 0 || fd_write_all(1, "\n", 1) < 0))
			return err_say(e, -EIO, "cannot write to standard output");
	}
	return 0;
}

static int ps_main(const struct invocation *in, int *ret_code, struct err *e)
{
	const struct ps_values *v = in->values;
	auto_json_writer struct json_writer w = {0};
	pid_t *pids = NULL;
	char *text = NULL;
	size_t n = 0;
	int r = runtime_pids(&in->rt, in->words.v[0], in->arena, &pids, &n, e);

	if (r < 0)
		return r;
	*ret_code = 0;
	if (str_eq(v->format, "json")) {
		json_begin_array(&w);
		for (size_t i = 0; i < n; i++)
			json_int(&w, pids[i]);
		json_end_array(&w);
		return print_json(&w, e);
	}
	if (v->format && !str_eq(v->format, "table"))
		return err_say(e, -EINVAL, "invalid format option %s: table or json", v->format);
	r = run_ps(in->words.v + 1, in->words.n - 1, in->arena, &text, e);
	return r < 0 || !text ? r : ps_table(text, pids, n, e);
}

const struct command cmd_ps = {
	.name = "ps",
	.usage = "[options] <container-id> [ps options]",
	.help = "show the processes of a container",
	.options = ps_options,
	.values_size = sizeof(struct ps_values),
	.words_min = 1,
	.words_max = WORDS_MANY,
	.stops = true,
	.main = ps_main,
};
