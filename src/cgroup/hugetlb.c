/* SPDX-License-Identifier: Apache-2.0 */
/* Huge pages: limits by page size. */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/auto.h"
#include "base/err.h"
#include "cgroup/figures.h"
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
		/* Reservations first (5.7): with them mmap(2) fails instead of a later access
		 * killing. The fault form as well, since MAP_NORESERVE goes round reservations. */
		limits_add(l, CG_HUGETLB, property,
			   arena_printf(l->arena, "hugetlb.%s.rsvd.%s", h->page_size, end), "%llu",
			   bytes)
			->is_optional = true;
		limits_add(l, CG_HUGETLB, property,
			   arena_printf(l->arena, "hugetlb.%s.%s", h->page_size, end), "%llu",
			   bytes);
	}
	return 0;
}

/* ---- figures --------------------------------------------------------------------------------- */

/* "hugepages-2048kB" as "2MB", the way the files of a group are named. */
static const char *page_size_of(struct arena *a, const char *dir)
{
	unsigned long long kb;

	if (sscanf(dir, "hugepages-%llukB", &kb) != 1)
		return NULL;
	if (kb >= 1 << 20 && kb % (1 << 20) == 0)
		return arena_printf(a, "%lluGB", kb >> 20);
	if (kb >= 1 << 10 && kb % (1 << 10) == 0)
		return arena_printf(a, "%lluMB", kb >> 10);
	return arena_printf(a, "%lluKB", kb);
}

static uint64_t number(const struct figures *f, const char *size, const char *end)
{
	return figures_number(f, CG_HUGETLB, arena_printf(f->arena, "hugetlb.%s.%s", size, end));
}

void hugetlb_figures(const struct figures *f)
{
	int is_v2 = figures_is_v2(f, CG_HUGETLB);
	auto_closedir DIR *dir = is_v2 < 0 ? NULL : opendir("/sys/kernel/mm/hugepages");
	struct dirent *entry;

	while (dir && (entry = readdir(dir))) {
		const char *size = page_size_of(f->arena, entry->d_name), *events;
		uint64_t failcnt = 0;

		if (!size)
			continue;
		json_key(f->w, size);
		json_begin_object(f->w);
		if (is_v2) {
			events = figures_text(f, CG_HUGETLB,
					      arena_printf(f->arena, "hugetlb.%s.events", size));
			if (events)
				(void)figures_keyed(events, "max", &failcnt);
			figures_put(f->w, "usage", number(f, size, "current"));
		} else {
			figures_put(f->w, "usage", number(f, size, "usage_in_bytes"));
			figures_put(f->w, "max", number(f, size, "max_usage_in_bytes"));
			failcnt = number(f, size, "failcnt");
		}
		json_put_uint(f->w, "failcnt", failcnt);
		json_end_object(f->w);
	}
}
