/* SPDX-License-Identifier: Apache-2.0 */
/* berth image prune: removes what nothing needs. */
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "base/auto.h"
#include "bin/berth/image_words.h"
#include "view/view.h"

struct options {
	bool all, force;
};

static const struct opt options[] = {
	{"all", 'a', OPT_FLAG, offsetof(struct options, all), NULL,
	 "every image that no container uses, not only those without a tag", false},
	{"force", 'f', OPT_FLAG, offsetof(struct options, force), NULL, "do not ask", false},
	{0},
};

static int prune_main(const struct invocation *in, int *ret_code, struct err *e)
{
	const struct options *o = in->values;
	auto_view_text struct view_text text = {0};
	struct str_slice lines = {0};
	int64_t bytes = 0;
	const char *end;
	int r = 0;

	(void)ret_code;
	if (!o->force)
		r = confirm(o->all ? "This will remove all images without at least one container "
				     "associated to them."
				   : "This will remove all dangling images.",
			    e);
	else
		r = 1;
	if (r <= 0)
		return r;
	r = image_prune(&in->engine, o->all, in->arena, &lines, &bytes, e);
	if (r < 0)
		return r;
	if (lines.n)
		view_append(&text, "Deleted Images:\n", strlen("Deleted Images:\n"));
	for (size_t i = 0; i < lines.n; i++) {
		view_append(&text, lines.v[i], strlen(lines.v[i]));
		view_append(&text, "\n", 1);
	}
	end = arena_printf(in->arena, "%sTotal reclaimed space: %s\n", lines.n ? "\n" : "",
			   view_size(bytes, in->arena));
	view_append(&text, end, strlen(end));
	return print_text(text.buf, text.len, e);
}

const struct command cmd_image_prune = {
	.name = "image prune",
	.usage = "",
	.help = "Remove images without a tag that no container uses",
	.group = "images",
	.options = options,
	.values_size = sizeof(struct options),
	.enters = true,
	.main = prune_main,
};
