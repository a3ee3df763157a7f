/* SPDX-License-Identifier: Apache-2.0 */
/* berth load: images out of an archive into the store. */
#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#include "base/arena.h"
#include "bin/berth-image/commands.h"
#include "image/archive_read.h"

struct options {
	const char *input, *platform;
	bool quiet;
};

static const struct opt options[] = {
	{"input", 'i', OPT_STRING, offsetof(struct options, input), "FILE",
	 "a file, or the folder of an OCI layout (standard input)", false},
	{"platform", 0, OPT_STRING, offsetof(struct options, platform), "OS/ARCH[/VARIANT]",
	 "which image of several (this machine's)", false},
	{"quiet", 'q', OPT_FLAG, offsetof(struct options, quiet), NULL, "no progress", false},
	{0},
};

struct report {
	struct arena *arena;
	struct progress *progress; /* NULL: no rows are drawn where our output goes */
};

static int tell(void *arg, const char *id, const char *reference, struct err *e)
{
	const struct report *report = arg;
	struct arena *a = report->arena;
	struct oci_reference parsed;
	const char *line = arena_printf(a, "Loaded image ID: %s", id);

	if (reference && oci_reference_parse(reference, a, &parsed, NULL) == 0)
		line = arena_printf(a, "Loaded image: %s", parsed.familiar);
	if (report->progress) {
		progress_line(report->progress, "%s", line);
		return 0;
	}
	line = arena_printf(a, "%s\n", line);
	return print_text(line, strlen(line), e);
}

static int load_main(const struct invocation *in, int *ret_code, struct err *e)
{
	const struct options *o = in->values;
	/* Rows are for people only: what a program reads is on standard output. */
	bool draws = !o->quiet && isatty(STDERR_FILENO);
	auto_progress struct progress *progress = progress_open(STDERR_FILENO, !draws);
	struct report report = {.arena = in->arena,
				.progress = draws && isatty(STDOUT_FILENO) ? progress : NULL};
	const struct load_request q = {.path = o->input,
				       .platform = o->platform,
				       .tell = tell,
				       .arg = &report,
				       .progress = progress};

	(void)ret_code;
	return archive_load(&in->engine, &q, e);
}

#define LOAD(words, hidden)                                                                      \
	{                                                                                        \
		.name = (words), .usage = "", .help = "Load images from an archive",             \
		.group = "images", .options = options, .values_size = sizeof(struct options),    \
		.details =                                                                       \
			"Reads docker-archive (of docker save, podman save, skopeo), "           \
			"oci-archive and OCI layouts,\nplain or compressed with gzip, zstd, xz " \
			"or bzip2, from a file, a folder or a pipe.",                            \
		.is_hidden = (hidden), .enters = true, .main = load_main,                        \
	}

const struct command cmd_load = LOAD("load", false);
const struct command cmd_image_load = LOAD("image load", true);
