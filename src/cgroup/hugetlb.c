/* SPDX-License-Identifier: Apache-2.0 */
/* Huge pages: limits by page size. */
#include <errno.h>
#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "cgroup/limits.h"

static const char property[] = "linux.resources.hugepageLimits";

static bool is_page_size(const char *s)
{
	size_t n = s ? strspn(s, "0123456789") : 0;

	return n && (!strcmp(s + n, "KB") || !strcmp(s + n, "MB") || !strcmp(s + n, "GB"));
}

int hugetlb_limits(struct limits *l, const struct oci_resources *r)
{
	for (size_t i = 0; i < r->hugepage_limits.n; i++) {
		const struct oci_hugepage_limit *h = &r->hugepage_limits.v[i];
		int is_v2 = limits_is_v2(l, CG_HUGETLB, property);
		const char *end = is_v2 ? "max" : "limit_in_bytes";
		unsigned long long bytes = h->limit;

		if (is_v2 < 0)
			return is_v2;
		if (!is_page_size(h->page_size))
			return err_say(l->err, -EINVAL, "%s: \"%s\" is no page size such as 2MB",
				       property, h->page_size ? h->page_size : "");
		/* Reservations first (5.7): with them mmap(2) fails instead of a later access killing.
		 * The fault form as well, since MAP_NORESERVE goes round reservations. */
		limits_add(l, CG_HUGETLB, property,
			   arena_printf(l->arena, "hugetlb.%s.rsvd.%s", h->page_size, end), "%llu",
			   bytes)->is_optional = true;
		limits_add(l, CG_HUGETLB, property,
			   arena_printf(l->arena, "hugetlb.%s.%s", h->page_size, end), "%llu", bytes);
	}
	return 0;
}
