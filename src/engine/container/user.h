/* SPDX-License-Identifier: Apache-2.0 */
/* Users and groups by the names that the container's own files give them. */
#ifndef BERTH_ENGINE_CONTAINER_USER_H
#define BERTH_ENGINE_CONTAINER_USER_H

#include "oci/spec.h"

struct arena;
struct err;

/* "USER[:GROUP]", each a name or a number; NULL or "": root. Names, the primary group of a user given alone and
 * its supplementary groups come from /etc/passwd and /etc/group below root_fd (negative: only numbers
 * serve, without supplementary groups). The primary group is always among additional_gids, as Docker has it.
 * groups: --group-add, may be NULL. option names the source in errors ("--user"). Returns 0 or -EINVAL. */
int user_find(int root_fd, const char *words, const struct str_slice *groups, const char *option,
	      struct arena *a, struct oci_user *ret, struct err *e);

/* Is there a name to look up in it? */
bool user_has_name(const char *words);

#endif
