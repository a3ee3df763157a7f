/* SPDX-License-Identifier: Apache-2.0 */
/* berth tag: gives an image one more name. */
#include "bin/berth/command.h"
#include "engine/image/image.h"

static int tag_main(const struct invocation *in, int *ret_code, struct err *e)
{
	struct image image;
	int r = image_find(&in->engine, in->words.v[0], in->arena, &image, e);

	(void)ret_code;
	return r < 0 ? r : image_tag(&in->engine, image.id, in->words.v[1], e);
}

static const struct opt options[] = {{0}};

#define TAG(words, hidden)                                                                    \
	{                                                                                     \
		.name = (words), .usage = "IMAGE NAME[:TAG]",                                 \
		.help = "Give an image one more name", .group = "images", .options = options, \
		.words_min = 2, .words_max = 2, .is_hidden = (hidden), .enters = true,        \
		.main = tag_main,                                                             \
	}

const struct command cmd_tag = TAG("tag", false);
const struct command cmd_image_tag = TAG("image tag", true);
