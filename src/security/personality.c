/* SPDX-License-Identifier: Apache-2.0 */
/* The execution domain: what uname(2) calls the machine. */
#include <sys/personality.h>

#include "base/auto.h"
#include "base/err.h"
#include "base/str.h"
#include "kernel/sys.h"
#include "security/security.h"

static const char *const names[] = {"LINUX", "LINUX32"};
static const unsigned long domains[] = {PER_LINUX, PER_LINUX32};
_Static_assert(ARRAY_LEN(names) == ARRAY_LEN(domains), "a name for each domain");

int personality_check(const struct oci_linux *l, struct err *e)
{
	const char *domain = l->personality.domain;

	if (l->personality.flags.n > 0)
		return err_say(e, -EINVAL,
			       "personality flags are not supported: the specification "
			       "defines none");
	if (domain && str_index(domain, names, ARRAY_LEN(names)) < 0)
		return err_say(e, -EINVAL,
			       "unknown personality domain \"%.80s\"; there are LINUX and "
			       "LINUX32",
			       domain);
	return 0;
}

int personality_apply(const struct oci_linux *l, struct err *e)
{
	const char *domain = l->personality.domain;
	int r;

	if (!domain)
		return 0;
	r = personality_check(l, e);
	if (r < 0)
		return r;
	if (personality(domains[str_index(domain, names, ARRAY_LEN(names))]) < 0)
		return err_sys(e, -errno, "set personality %s", domain);
	return 0;
}
