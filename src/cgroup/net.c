/* SPDX-License-Identifier: Apache-2.0 */
/* Network class and priorities: v1 only, v2 has neither. */
#include <errno.h>
#include <string.h>

#include "base/err.h"
#include "cgroup/limits.h"

static const char p_class[] = "linux.resources.network.classID";
static const char p_priorities[] = "linux.resources.network.priorities";

int net_limits(struct limits *l, const struct oci_resources *r)
{
	int bad;

	if (r->network.class_id.is_set && r->network.class_id.value) {
		bad = limits_is_v2(l, CG_NET_CLS, p_class);
		if (bad < 0)
			return bad;
		if (r->network.class_id.value > UINT32_MAX)
			return err_say(l->err, -ERANGE, "%s: %llu is more than 32 bits", p_class,
				       (unsigned long long)r->network.class_id.value);
		limits_add(l, CG_NET_CLS, p_class, "net_cls.classid", "%llu",
			   (unsigned long long)r->network.class_id.value);
	}
	for (size_t i = 0; i < r->network.priorities.n; i++) {
		const struct oci_net_priority *p = &r->network.priorities.v[i];

		bad = limits_is_v2(l, CG_NET_PRIO, p_priorities);
		if (bad < 0)
			return bad;
		if (!p->name || !*p->name || strpbrk(p->name, " \n"))
			return err_say(l->err, -EINVAL, "%s: \"%s\" is no interface name",
				       p_priorities, p->name ? p->name : "");
		limits_add(l, CG_NET_PRIO, p_priorities, "net_prio.ifpriomap", "%s %u", p->name,
			   p->priority);
	}
	return 0;
}
