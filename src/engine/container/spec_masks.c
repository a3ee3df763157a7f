/* SPDX-License-Identifier: Apache-2.0 */
/* What a container must not see or change of /proc and /sys: --security-opt mask= and unmask=. */
#include <errno.h>
#include <fnmatch.h>
#include <string.h>
#include <strings.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"
#include "engine/container/spec_parts.h"

/* As Docker's, the folders of each processor's thermal_throttle excepted (they cost two mounts a processor
 * and tell what a busy loop can measure). A path that the kernel does not have costs nothing. */
static const char *const masked[] = {
	"/proc/acpi",
	"/proc/asound",
	"/proc/interrupts",
	"/proc/kcore",
	"/proc/keys",
	"/proc/latency_stats",
	"/proc/sched_debug",
	"/proc/scsi",
	"/proc/timer_list",
	"/proc/timer_stats",
	"/sys/devices/virtual/powercap",
	"/sys/firmware",
	NULL,
};
static const char *const read_only[] = {
	"/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger", NULL,
};

/* The paths of all words, cut at colons. */
static int split_words(struct spec_plan *p, const char *option, const struct str_slice *words,
		       struct str_slice *ret, struct err *e)
{
	for (size_t i = 0; i < words->n; i++)
		strings_split(words->v[i], ':', p->a, ret);
	for (size_t i = 0; i < ret->n; i++) {
		if (strcasecmp(ret->v[i], "ALL") == 0 && str_eq(option, "unmask"))
			continue;
		if (ret->v[i][0] != '/')
			return err_say(e, -EINVAL, "--security-opt %s=%s: want absolute paths%s",
				       option, ret->v[i],
				       str_eq(option, "unmask") ? " or ALL" : "");
		ret->v[i] = str_clean_path(p->a, ret->v[i]);
	}
	return 0;
}

static bool is_unmasked(const char *path, const struct str_slice *unmask)
{
	for (size_t i = 0; i < unmask->n; i++)
		if (strcasecmp(unmask->v[i], "ALL") == 0 ||
		    fnmatch(unmask->v[i], path, FNM_PATHNAME) == 0)
			return true;
	return false;
}

static void add_paths(struct spec_plan *p, const char *const *paths, const struct str_slice *unmask,
		      struct str_slice *to)
{
	for (; *paths; paths++)
		if (!is_unmasked(*paths, unmask))
			strings_add(to, *paths, p->a);
}

int masks_plan(struct spec_plan *p, const struct str_slice *mask, const struct str_slice *unmask,
	       struct err *e)
{
	struct str_slice more = {0}, less = {0};
	struct oci_linux *l = &p->s->linux_;
	int r = split_words(p, "mask", mask, &more, e);

	if (r == 0)
		r = split_words(p, "unmask", unmask, &less, e);
	if (r < 0)
		return r;
	if (!p->q->privileged) {
		add_paths(p, masked, &less, &l->masked_paths);
		add_paths(p, read_only, &less, &l->readonly_paths);
	}
	/* What was asked for by name is masked, whatever a pattern of unmask= says. */
	for (size_t i = 0; i < more.n; i++)
		if (!strings_have(&l->masked_paths, more.v[i]))
			strings_add(&l->masked_paths, more.v[i], p->a);
	return 0;
}
