/* SPDX-License-Identifier: Apache-2.0 */
/* berth save: images out of the store into an archive. */
#include <errno.h>
#include <stddef.h>

#include "base/str.h"
#include "bin/berth-image/commands.h"
#include "image/archive_write.h"

struct options {
	const char *output, *format;
	bool quiet, multi;
};

static const struct opt options[] = {
	{"output", 'o', OPT_STRING, offsetof(struct options, output), "FILE",
	 "where to (standard output, where that is no terminal)", false},
	{"format", 0, OPT_STRING, offsetof(struct options, format), "FORMAT",
	 "docker-archive (the default), oci-archive, or oci-dir: a folder", false},
	{"quiet", 'q', OPT_FLAG, offsetof(struct options, quiet), NULL, "no progress", false},
	{"multi-image-archive", 'm', OPT_FLAG, offsetof(struct options, multi), NULL,
	 "accepted: several images always may go into one archive", true},
	{0},
};

static int save_main(const struct invocation *in, int *ret_code, struct err *e)
{
	const struct options *o = in->values;
	struct save_request q = {.path = o->output, .images = in->words};
	size_t n = 0;
	int format = ARCHIVE_DOCKER;

	(void)ret_code;
	while (archive_format_names[n])
		n++;
	if (o->format)
		format = str_index(o->format, archive_format_names, n);
	if (format < 0)
		return err_say(e, -EINVAL,
			       "unknown format \"%s\": docker-archive, oci-archive or oci-dir",
			       o->format);
	q.format = (enum archive_format)format;
	return archive_save(&in->engine, &q, e);
}

#define SAVE(words, hidden)                                                                     \
	{                                                                                       \
		.name = (words), .usage = "IMAGE...", .help = "Save images into an archive",    \
		.group = "images", .options = options, .values_size = sizeof(struct options),   \
		.words_min = 1, .words_max = WORDS_MANY, .is_hidden = (hidden), .enters = true, \
		.main = save_main,                                                              \
	}

const struct command cmd_save = SAVE("save", false);
const struct command cmd_image_save = SAVE("image save", true);
