/* SPDX-License-Identifier: Apache-2.0 */
/* One thing done to each container that was named. */
#ifndef BERTH_BIN_BERTH_EACH_H
#define BERTH_BIN_BERTH_EACH_H

#include "bin/berth/command.h"
#include "engine/container/container.h"

/* Calls action for the container of every word and prints the word where it went well; an error is printed, and
 * the others have their turn all the same. Returns 0 (*ret_code 1 after errors) or what printing failed with. */
int each_container(const struct invocation *in,
		   int (*action)(const struct invocation *in, const struct container_info *c,
				 struct err *e),
		   int *ret_code, struct err *e);

#endif
