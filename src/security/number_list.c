/* SPDX-License-Identifier: Apache-2.0 */
/* Lists of numbers as the kernel writes CPUs and memory nodes: "0-3,7". */
#include "security/number_list.h"

#include <errno.h>

#define LONG_BITS (sizeof(unsigned long) * CHAR_BIT)

/* Reads a number at *at and moves behind it. */
static int read_number(const char **at, unsigned *ret)
{
	unsigned n = 0;

	if (**at < '0' || **at > '9')
		return -EINVAL;
	for (; **at >= '0' && **at <= '9'; (*at)++) {
		n = n * 10 + (unsigned)(**at - '0');
		if (n >= NUMBER_LIST_BITS)
			return -ERANGE;
	}
	*ret = n;
	return 0;
}

int number_list_parse(const char *text, struct number_list *ret)
{
	struct number_list list = {{0}};
	const char *at = text;

	for (;;) {
		unsigned first, last;
		int r = read_number(&at, &first);

		if (r < 0)
			return r;
		last = first;
		if (*at == '-') {
			at++;
			r = read_number(&at, &last);
			if (r < 0)
				return r;
		}
		if (last < first)
			return -EINVAL;
		for (unsigned i = first; i <= last; i++)
			list.bits[i / LONG_BITS] |= 1ul << i % LONG_BITS;
		if (!*at)
			break;
		if (*at++ != ',')
			return -EINVAL;
	}
	*ret = list;
	return 0;
}
