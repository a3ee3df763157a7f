/* SPDX-License-Identifier: Apache-2.0 */
/* `unified`: files of the v2 hierarchy by their names, whatever they are. */
#include <errno.h>
#include <string.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"
#include "cgroup/detect.h"
#include "cgroup/limits.h"

static int find_v2(const struct cgroup_layout *layout)
{
	for (unsigned i = 0; i < layout->n; i++)
		if (layout->hierarchy[i].is_v2)
			return (int)i;
	return -1;
}

/* The bit of the controller that the key's first word names; 0: a file of the core. */
static int find_controller(struct limits *l, const char *key, const char *property, int at,
			   uint32_t *ret)
{
	/* files of every group: cgroup.*, and irq.pressure */
	static const char *const core[] = {"cgroup", "irq"};
	char *name = arena_strndup(l->arena, key, strcspn(key, "."));
	uint32_t bit = detect_parse_controllers(name, true);

	*ret = bit;
	if (str_index(name, core, 2) >= 0)
		return 0;
	if (bit && (l->layout->hierarchy[at].controllers & bit))
		return 0;
	if (l->is_rootless)
		return err_say(l->err, -EOPNOTSUPP,
			       "%s: the %s controller is not available; give"
			       " it to users with Delegate=cpu cpuset io memory pids in"
			       " user@.service.d",
			       property, name);
	return err_say(l->err, -EOPNOTSUPP, "%s: the %s controller is not available in %s",
		       property, name, l->layout->hierarchy[at].mount);
}

/* A value of several lines is several writes: these files take one line at a time. */
static void add_lines(struct limits *l, int at, uint32_t bit, const char *property,
		      const struct oci_pair *p)
{
	const char *line = p->value ? p->value : "";

	do {
		size_t n = strcspn(line, "\n");

		limits_add_at(l, at, bit, property, p->key, arena_strndup(l->arena, line, n));
		line += n + (line[n] == '\n');
	} while (*line);
}

int unified_limits(struct limits *l, const struct oci_resources *r)
{
	for (size_t i = 0; i < r->unified.n; i++) {
		const struct oci_pair *p = &r->unified.v[i];
		const char *property =
			arena_printf(l->arena, "linux.resources.unified[\"%s\"]", p->key);
		int at = find_v2(l->layout), bad;
		uint32_t bit;

		if (!*p->key || p->key[0] == '.' || strchr(p->key, '/') || strstr(p->key, ".."))
			return err_say(l->err, -EINVAL, "%s: is no name of a cgroup file",
				       property);
		if (at < 0)
			return err_say(l->err, -EOPNOTSUPP,
				       "%s: needs cgroup v2, which is not"
				       " mounted on this machine",
				       property);
		bad = find_controller(l, p->key, property, at, &bit);
		if (bad < 0)
			return bad;
		add_lines(l, at, bit, property, p);
	}
	return 0;
}
