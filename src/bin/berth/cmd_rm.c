/* SPDX-License-Identifier: Apache-2.0 */
/* berth rm: containers with everything that is theirs. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>

#include "bin/berth/each.h"

struct options {
	bool force, volumes, all, ignore;
};

static const struct opt options[] = {
	{"force", 'f', OPT_FLAG, offsetof(struct options, force), NULL,
	 "end those that run by SIGKILL; no error for one that is not there", false},
	{"volumes", 'v', OPT_FLAG, offsetof(struct options, volumes), NULL,
	 "their volumes without a name, too", false},
	{"all", 'a', OPT_FLAG, offsetof(struct options, all), NULL,
	 "every container (running ones only with --force)", false},
	{0},
};

/* The kernel syncs the whole disk below an overlay that ends (ovl_sync_fs), also for files that are about to be
 * removed. Held by us, all of them end together, and with nothing left to write. Closed by our own end. */
static void hold_root(const struct container_info *c)
{
	char path[32];

	if (c->status.pid > 0 && !c->record.removes_itself) {
		snprintf(path, sizeof(path), "/proc/%lld/root", (long long)c->status.pid);
		(void)!open(path, O_PATH | O_CLOEXEC);
	}
}

/* All are told to end before we wait for the first: their ends take place side by side. */
static size_t find_all(const struct invocation *in, struct container_info *list, int *ret_code)
{
	const struct options *o = in->values;
	size_t n = 0;

	for (size_t i = 0; i < in->words.n; i++) {
		struct err why = {0};
		int r = container_find(&in->engine, in->words.v[i], in->arena, &list[n], &why);

		if (r == 0 && o->force && list[n].status.state == CONTAINER_RUNNING) {
			hold_root(&list[n]);
			container_kill(&in->engine, &list[n], SIGKILL, NULL);
		}
		if (r == 0)
			n++;
		else if (r != -ENOENT || !o->force) {
			complain(&why);
			*ret_code = 1;
		}
	}
	return n;
}

static int rm_main(const struct invocation *in, int *ret_code, struct err *e)
{
	const struct options *o = in->values;
	struct engine inside = in->engine;
	struct container_info *list;
	size_t n;
	int r;

	if (o->all) {
		r = container_list(&in->engine, false, in->arena, &list, &n, e);
		if (r < 0)
			return r;
	} else if (!in->words.n) {
		return err_say(e, -EINVAL, "\"rm\" requires at least 1 argument");
	} else {
		list = arena_array(in->arena, in->words.n + 1, sizeof(*list));
		n = find_all(in, list, ret_code);
	}
	/* Order: an ordinary user ends them from outside, and removes their files from inside. */
	r = engine_enter(&inside, e);
	if (r < 0)
		return r;
	for (size_t i = 0; i < n; i++) {
		struct err why = {0};

		if (container_remove(&inside, &list[i], o->force, o->volumes, &why) < 0) {
			complain(&why);
			*ret_code = 1;
		} else if ((r = print_line(list[i].record.name, e)) < 0) {
			return r;
		}
	}
	return 0;
}

#define RM(words, hidden)                                                                         \
	{                                                                                         \
		.name = (words), .usage = "CONTAINER...", .help = "Remove containers",            \
		.group = "containers", .options = options, .values_size = sizeof(struct options), \
		.words_max = WORDS_MANY, .is_hidden = (hidden), .main = rm_main,                  \
	}

const struct command cmd_rm = RM("rm", false);
const struct command cmd_remove = RM("container remove", true);
