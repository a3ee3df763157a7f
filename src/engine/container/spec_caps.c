/* SPDX-License-Identifier: Apache-2.0 */
/* Capabilities by name, as people write them. */
#include "engine/container/spec_caps.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

#include "security/security.h"

int caps_find(const char *name)
{
	static const char prefix[] = "CAP_";

	if (strncasecmp(name, prefix, strlen(prefix)) == 0)
		name += strlen(prefix);
	for (unsigned i = 0; i <= caps_last(); i++)
		if (strcasecmp(name, caps_name(i) + strlen(prefix)) == 0)
			return (int)i;
	return -EINVAL;
}

uint64_t caps_mask(const struct str_slice *names)
{
	uint64_t mask = 0;

	for (size_t i = 0; i < names->n; i++) {
		int cap = caps_find(names->v[i]);

		if (cap >= 0)
			mask |= CAP_BIT(cap);
	}
	return mask;
}
