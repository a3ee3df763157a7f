/* SPDX-License-Identifier: Apache-2.0 */
/* spec, features and plan: the commands that touch no container. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/json.h"
#include "base/str.h"
#include "bin/berth-runtime/command.h"
#include "kernel/fd.h"
#include "oci/default_spec.h"

/* ---- spec ------------------------------------------------------------------------------------ */

struct spec_values {
	const char *bundle;
	bool is_rootless;
};

static const struct opt spec_options[] = {
	{"bundle", 'b', OPT_STRING, offsetof(struct spec_values, bundle), "PATH",
	 "folder to write to (default: the working directory)", false},
	{"rootless", 0, OPT_FLAG, offsetof(struct spec_values, is_rootless), NULL,
	 "a configuration for a user without rights", false},
	{0},
};

static int spec_main(const struct invocation *in, int *ret_code, struct err *e)
{
	const struct spec_values *v = in->values;
	const char *bundle = v->bundle ? v->bundle : ".";
	auto_json_writer struct json_writer w = {.is_pretty = true, .is_tabbed = true};
	auto_close int dir = open(bundle, O_PATH | O_DIRECTORY | O_CLOEXEC);
	auto_close int fd = -EBADF;
	int r;

	*ret_code = 0;
	if (dir < 0)
		return err_sys(e, -errno, "open bundle %s", bundle);
	fd = openat(dir, "config.json", O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
	if (fd < 0 && errno == EEXIST)
		return err_say(e, -EEXIST, "File config.json exists. Remove it first");
	if (fd < 0)
		return err_sys(e, -errno, "make %s/config.json", bundle);
	r = oci_default_spec_print(v->is_rootless, &w);
	if (r == 0)
		r = fd_write_all(fd, w.buf, w.len);
	return r < 0 ? err_sys(e, r, "write %s/config.json", bundle) : 0;
}

const struct command cmd_spec = {
	.name = "spec",
	.usage = "[options]",
	.help = "write a config.json to start from",
	.options = spec_options,
	.values_size = sizeof(struct spec_values),
	.needs_no_runtime = true,
	.main = spec_main,
};

/* ---- features -------------------------------------------------------------------------------- */

static const struct opt no_options[] = {{0}};

static int features_main(const struct invocation *in, int *ret_code, struct err *e)
{
	auto_json_writer struct json_writer w = {.is_pretty = true, .indent = 4};

	(void)in;
	runtime_features_print(&w);
	*ret_code = 0;
	return print_json(&w, e);
}

const struct command cmd_features = {
	.name = "features",
	.usage = "",
	.help = "print what this build can do as JSON",
	.options = no_options,
	.needs_no_runtime = true,
	.main = features_main,
};

/* ---- plan ------------------------------------------------------------------------------------ */

struct plan_values {
	const char *bundle;
	bool no_pivot;
};

static const struct opt plan_options[] = {
	{"bundle", 'b', OPT_STRING, offsetof(struct plan_values, bundle), "PATH",
	 "folder with config.json", false},
	{"no-pivot", 0, OPT_FLAG, offsetof(struct plan_values, no_pivot), NULL, "as for create",
	 false},
	{0},
};

static int plan_main(const struct invocation *in, int *ret_code, struct err *e)
{
	const struct plan_values *v = in->values;
	auto_json_writer struct json_writer w = {.is_pretty = true, .indent = 2};
	struct create_request q = {.id = "plan", .bundle = v->bundle, .no_pivot = v->no_pivot};
	int r;

	if (in->words.n && !v->bundle)
		q.bundle = in->words.v[0];
	else if (in->words.n)
		q.id = in->words.v[0];
	r = runtime_plan(&in->rt, &q, &w, e);
	if (r < 0)
		return r;
	*ret_code = 0;
	return print_json(&w, e);
}

const struct command cmd_plan = {
	.name = "plan",
	.usage = "[options] [<bundle>]",
	.help = "print what create would do, without doing it",
	.options = plan_options,
	.values_size = sizeof(struct plan_values),
	.words_max = 1,
	.main = plan_main,
};
