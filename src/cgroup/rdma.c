/* SPDX-License-Identifier: Apache-2.0 */
/* RDMA devices: handles and objects. The same file on v1 and v2. */
#include <errno.h>
#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "cgroup/limits.h"

static const char property[] = "linux.resources.rdma";

int rdma_limits(struct limits *l, const struct oci_resources *r)
{
	for (size_t i = 0; i < r->rdma.n; i++) {
		const struct oci_rdma *d = &r->rdma.v[i];
		int is_v2 = limits_is_v2(l, CG_RDMA, property);
		const char *handles = "", *objects = "";

		if (is_v2 < 0)
			return is_v2;
		if (!d->device || !*d->device || strpbrk(d->device, " \n"))
			return err_say(l->err, -EINVAL, "%s: \"%s\" is no device name", property,
				       d->device ? d->device : "");
		if (!d->hca_handles.is_set && !d->hca_objects.is_set)
			return err_say(l->err, -EINVAL, "%s.%s: needs hcaHandles or hcaObjects",
				       property, d->device);
		if (d->hca_handles.is_set)
			handles = arena_printf(l->arena, " hca_handle=%llu",
					       (unsigned long long)d->hca_handles.value);
		if (d->hca_objects.is_set)
			objects = arena_printf(l->arena, " hca_object=%llu",
					       (unsigned long long)d->hca_objects.value);
		limits_add(l, CG_RDMA, property, "rdma.max", "%s%s%s", d->device, handles, objects);
	}
	return 0;
}
