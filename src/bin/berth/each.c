/* SPDX-License-Identifier: Apache-2.0 */
/* One thing done to each container that was named. */
#include "bin/berth/each.h"

int each_container(const struct invocation *in,
		   int (*action)(const struct invocation *in, const struct container_info *c,
				 struct err *e),
		   int *ret_code, struct err *e)
{
	for (size_t i = 0; i < in->words.n; i++) {
		struct container_info c = {0};
		struct err why = {0};
		int r = container_find(&in->engine, in->words.v[i], in->arena, &c, &why);

		if (r >= 0)
			r = action(in, &c, &why);
		if (r < 0) {
			complain(&why);
			*ret_code = 1;
			continue;
		}
		r = print_line(in->words.v[i], e);
		if (r < 0)
			return r;
	}
	return 0;
}
