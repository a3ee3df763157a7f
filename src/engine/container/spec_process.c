/* SPDX-License-Identifier: Apache-2.0 */
/* Limits and settings of the process and its namespaces: --ulimit, --sysctl, --oom-score-adj. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/auto.h"
#include "base/err.h"
#include "base/str.h"
#include "engine/container/spec_parts.h"

static const struct {
	const char *name, *oci;
} ulimits[] = {
	{"as", "RLIMIT_AS"},
	{"core", "RLIMIT_CORE"},
	{"cpu", "RLIMIT_CPU"},
	{"data", "RLIMIT_DATA"},
	{"fsize", "RLIMIT_FSIZE"},
	{"locks", "RLIMIT_LOCKS"},
	{"memlock", "RLIMIT_MEMLOCK"},
	{"msgqueue", "RLIMIT_MSGQUEUE"},
	{"nice", "RLIMIT_NICE"},
	{"nofile", "RLIMIT_NOFILE"},
	{"nproc", "RLIMIT_NPROC"},
	{"rss", "RLIMIT_RSS"},
	{"rtprio", "RLIMIT_RTPRIO"},
	{"rttime", "RLIMIT_RTTIME"},
	{"sigpending", "RLIMIT_SIGPENDING"},
	{"stack", "RLIMIT_STACK"},
};
_Static_assert(ARRAY_LEN(ulimits) == RLIM_NLIMITS, "a name for each limit");

static int read_limit(const char *text, uint64_t *ret)
{
	if (str_eq(text, "-1") || str_eq(text, "unlimited")) {
		*ret = UINT64_MAX;
		return 0;
	}
	return str_to_u64(text, ret);
}

/* "nofile=1024:2048"; one number is both. Of a limit given twice the last counts. */
static int add_ulimit(struct spec_plan *p, const char *text, struct err *e)
{
	size_t n = strcspn(text, "="), i = 0, soft_n;
	const char *name = arena_strndup(p->a, text, n), *value = text + n + (text[n] == '=');
	struct oci_rlimit limit = {0}, *to = NULL;

	while (i < ARRAY_LEN(ulimits) && !str_eq(ulimits[i].name, name))
		i++;
	if (i == ARRAY_LEN(ulimits))
		return err_say(
			e, -EINVAL,
			"--ulimit %s: invalid ulimit type: want nofile, nproc, core, memlock, "
			"stack, cpu, data, fsize, as, ...",
			text);
	limit.type = ulimits[i].oci;
	soft_n = strcspn(value, ":");
	if (!*value || read_limit(arena_strndup(p->a, value, soft_n), &limit.soft) < 0 ||
	    (value[soft_n] && read_limit(value + soft_n + 1, &limit.hard) < 0))
		return err_say(e, -EINVAL, "--ulimit %s: want %s=SOFT[:HARD]", text, name);
	if (!value[soft_n])
		limit.hard = limit.soft;
	if (limit.soft > limit.hard)
		return err_say(e, -EINVAL,
			       "--ulimit %s: ulimit soft limit must be less than or equal to hard "
			       "limit",
			       text);
	for (size_t k = 0; k < p->s->process.rlimits.n; k++)
		if (str_eq(p->s->process.rlimits.v[k].type, limit.type))
			to = &p->s->process.rlimits.v[k];
	if (!to)
		to = &LIST_ADD(&p->s->process.rlimits, p->a);
	*to = limit;
	return 0;
}

/* As Docker: no port of a network of the container's own needs a privilege, and ping needs none. */
static void add_standard_sysctls(struct spec_plan *p)
{
	struct oci_pairs *sysctl = &p->s->linux_.sysctl;

	if (p->mode[SPEC_NET] != SPEC_PRIVATE ||
	    access("/proc/sys/net/ipv4/ip_unprivileged_port_start", F_OK) < 0)
		return;
	pairs_set(sysctl, "net.ipv4.ip_unprivileged_port_start", "0", p->a);
	/* The range must be of mapped groups. */
	if (p->mode[SPEC_USER] == SPEC_HOST && !p->g->is_rootless)
		pairs_set(sysctl, "net.ipv4.ping_group_range", "0 2147483647", p->a);
}

static int check_sysctl(const struct spec_plan *p, const char *text, struct err *e)
{
	static const struct {
		const char *prefix, *option;
		enum spec_ns ns;
	} owners[] = {
		{"net.", "--network host", SPEC_NET},
		{"net/", "--network host", SPEC_NET},
		{"fs.mqueue.", "--ipc host", SPEC_IPC},
		{"kernel.msg", "--ipc host", SPEC_IPC},
		{"kernel.shm", "--ipc host", SPEC_IPC},
		{"kernel.sem", "--ipc host", SPEC_IPC},
		{"kernel.domainname", "--uts host", SPEC_UTS},
	};

	for (size_t i = 0; i < ARRAY_LEN(owners); i++)
		if (str_starts(text, owners[i].prefix) && p->mode[owners[i].ns] == SPEC_HOST)
			return err_say(e, -EINVAL,
				       "--sysctl %s: is not allowed with %s: it would change the "
				       "host",
				       text, owners[i].option);
	return 0;
}

static int plan_sysctls(struct spec_plan *p, struct err *e)
{
	const struct str_slice *list = &p->q->sysctl;

	add_standard_sysctls(p);
	for (size_t i = 0; i < list->n; i++) {
		size_t n = strcspn(list->v[i], "=");
		int r;

		if (!n || !list->v[i][n])
			return err_say(e, -EINVAL, "--sysctl %s: want NAME=VALUE", list->v[i]);
		r = check_sysctl(p, list->v[i], e);
		if (r < 0)
			return r;
		pairs_set(&p->s->linux_.sysctl, arena_strndup(p->a, list->v[i], n),
			  list->v[i] + n + 1, p->a);
	}
	return 0;
}

int process_limits_plan(struct spec_plan *p, struct err *e)
{
	const char *score = p->q->oom_score_adj;
	struct maybe_i64 *to = &p->s->process.oom_score_adj;
	int r = 0;

	for (size_t i = 0; r == 0 && i < p->q->ulimit.n; i++)
		r = add_ulimit(p, p->q->ulimit.v[i], e);
	if (r < 0)
		return r;
	if (score) {
		to->is_set = true;
		if (str_to_i64(score, &to->value) < 0 || to->value < -1000 || to->value > 1000)
			return err_say(e, -EINVAL,
				       "--oom-score-adj %s: invalid value, range is [-1000, 1000]",
				       score);
	}
	return plan_sysctls(p, e);
}
