/* SPDX-License-Identifier: Apache-2.0 */
/* berth rmi: removes names of images, and images. */
#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "bin/berth/image_words.h"

struct options {
	bool force, no_prune, ignore;
};

static const struct opt options[] = {
	{"force", 'f', OPT_FLAG, offsetof(struct options, force), NULL,
	 "also the names of an image that a container uses; no error for one that is not there",
	 false},
	{"no-prune", 0, OPT_FLAG, offsetof(struct options, no_prune), NULL,
	 "accepted: there are no untagged parents", true},
	{"ignore", 'i', OPT_FLAG, offsetof(struct options, ignore), NULL,
	 "no error for an image that is not there", false},
	{0},
};

static int print_lines(const struct str_slice *lines, struct err *e)
{
	for (size_t i = 0; i < lines->n; i++) {
		int r = print_text(lines->v[i], strlen(lines->v[i]), e);

		if (r == 0)
			r = print_text("\n", 1, e);
		if (r < 0)
			return r;
	}
	return 0;
}

static int rmi_main(const struct invocation *in, int *ret_code, struct err *e)
{
	const struct options *o = in->values;

	for (size_t i = 0; i < in->words.n; i++) {
		struct str_slice lines = {0};
		struct err why = {0};
		int r = image_remove(&in->engine, in->words.v[i], o->force, in->arena, &lines,
				     &why);

		if (r < 0 && !(r == -ENOENT && (o->ignore || o->force))) {
			complain(&why);
			*ret_code = 1;
		}
		r = print_lines(&lines, e);
		if (r < 0)
			return r;
	}
	return 0;
}

#define RMI(words, hidden)                                                                         \
	{                                                                                          \
		.name = (words), .usage = "IMAGE...", .help = "Remove images, or names of images", \
		.group = "images", .options = options, .values_size = sizeof(struct options),      \
		.words_min = 1, .words_max = WORDS_MANY, .is_hidden = (hidden), .enters = true,    \
		.main = rmi_main,                                                                  \
	}

const struct command cmd_rmi = RMI("rmi", false);
const struct command cmd_image_rm = RMI("image rm", true);
const struct command cmd_image_remove = RMI("image remove", true);
