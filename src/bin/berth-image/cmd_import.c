/* SPDX-License-Identifier: Apache-2.0 */
/* berth import: an image of the files of a root. */
#include <stddef.h>
#include <string.h>

#include "base/arena.h"
#include "bin/berth-image/commands.h"
#include "image/commit.h"

struct options {
	const char *message, *platform;
	struct str_slice changes;
	bool quiet;
};

static const struct opt options[] = {
	{"change", 'c', OPT_LIST, offsetof(struct options, changes), "INSTRUCTION",
	 "change the image as a line of a Dockerfile would: 'CMD [\"sh\"]', 'ENV A=1'", false},
	{"message", 'm', OPT_STRING, offsetof(struct options, message), "TEXT",
	 "a comment for the image's history", false},
	{"platform", 0, OPT_STRING, offsetof(struct options, platform), "OS/ARCH[/VARIANT]",
	 "what its programs run on (this machine)", false},
	{"quiet", 'q', OPT_FLAG, offsetof(struct options, quiet), NULL, "no progress", false},
	{0},
};

static int import_main(const struct invocation *in, int *ret_code, struct err *e)
{
	const struct options *o = in->values;
	const struct commit_request q = {.message = o->message,
					 .changes = o->changes,
					 .platform = o->platform,
					 .reference = in->words.n > 1 ? in->words.v[1] : NULL};
	const char *id, *line;
	int r = import_root(&in->engine, in->words.v[0], &q, in->arena, &id, e);

	(void)ret_code;
	if (r < 0) {
		image_collect(&in->engine, NULL, NULL);
		return r;
	}
	line = arena_printf(in->arena, "%s\n", id);
	return print_text(line, strlen(line), e);
}

#define IMPORT(words, hidden)                                                                    \
	{                                                                                        \
		.name = (words), .usage = "FILE|- [NAME[:TAG]]",                                 \
		.help = "Make an image of the files of a root", .group = "images",               \
		.details =                                                                       \
			"FILE is a tar file, plain or compressed with gzip, zstd, xz or bzip2.", \
		.options = options, .values_size = sizeof(struct options), .words_min = 1,       \
		.words_max = 2, .is_hidden = (hidden), .enters = true, .main = import_main,      \
	}

const struct command cmd_import = IMPORT("import", false);
const struct command cmd_image_import = IMPORT("image import", true);
