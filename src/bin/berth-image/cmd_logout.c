/* SPDX-License-Identifier: Apache-2.0 */
/* berth logout: forgets the credentials of a registry. */
#include <string.h>

#include "bin/berth-image/commands.h"
#include "image/auth.h"
#include "oci/reference.h"

static int logout_main(const struct invocation *in, int *ret_code, struct err *e)
{
	const char *domain = oci_registry_domain(in->words.n ? in->words.v[0] : NULL, in->arena);
	int r = auth_erase(domain, in->arena, e);
	const char *line;

	(void)ret_code;
	if (r < 0)
		return r;
	line = arena_printf(in->arena, "%s %s\n",
			    r ? "Removing login credentials for" : "Not logged in to",
			    oci_registry_key(domain));
	return print_text(line, strlen(line), e);
}

static const struct opt options[] = {{0}};

const struct command cmd_logout = {
	.name = "logout",
	.usage = "[REGISTRY]",
	.help = "Log out from a registry",
	.group = "images",
	.options = options,
	.words_max = 1,
	.needs_no_engine = true,
	.main = logout_main,
};
