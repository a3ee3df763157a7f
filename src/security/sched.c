/* SPDX-License-Identifier: Apache-2.0 */
/* The scheduler of the process: policy and parameters, and the CPUs that it may run on. */
#include <inttypes.h>

#include "base/auto.h"
#include "base/err.h"
#include "base/str.h"
#include "kernel/sys.h"
#include "security/number_list.h"
#include "security/security.h"

/* struct sched_attr of linux/sched/types.h, first version; some C libraries define that name. */
struct scheduler_attr {
	uint32_t size, policy;
	uint64_t flags;
	int32_t nice;
	uint32_t priority;
	uint64_t runtime, deadline, period;
};

#define POLICY_ISO 4 /* reserved by the kernel, never made */
#define POLICY_DEADLINE 6
#define PRIORITY_MAX 99
#define NICE_MIN (-20)
#define NICE_MAX 19

static const char *const policies[] = {
	[0] = "SCHED_OTHER",
	[1] = "SCHED_FIFO",
	[2] = "SCHED_RR",
	[3] = "SCHED_BATCH",
	[POLICY_ISO] = "SCHED_ISO",
	[5] = "SCHED_IDLE",
	[POLICY_DEADLINE] = "SCHED_DEADLINE",
};
_Static_assert(ARRAY_LEN(policies) == POLICY_DEADLINE + 1, "a name for each policy");

/* Bit i of sched_flags. */
static const char *const flag_names[] = {
	"SCHED_FLAG_RESET_ON_FORK",  "SCHED_FLAG_RECLAIM",     "SCHED_FLAG_DL_OVERRUN",
	"SCHED_FLAG_KEEP_POLICY",    "SCHED_FLAG_KEEP_PARAMS", "SCHED_FLAG_UTIL_CLAMP_MIN",
	"SCHED_FLAG_UTIL_CLAMP_MAX",
};
_Static_assert(ARRAY_LEN(flag_names) == 7, "a name for each flag up to 0x40");

static bool is_realtime(int policy)
{
	return policy == 1 || policy == 2;
}

static int read_flags(const struct oci_scheduler *s, uint64_t *ret, struct err *e)
{
	uint64_t flags = 0;

	for (size_t i = 0; i < s->flags.n; i++) {
		int bit = str_index(s->flags.v[i], flag_names, ARRAY_LEN(flag_names));

		if (bit < 0)
			return err_say(e, -EINVAL, "invalid scheduler flag: %.80s", s->flags.v[i]);
		flags |= UINT64_C(1) << bit;
	}
	*ret = flags;
	return 0;
}

static int make_attr(const struct oci_scheduler *s, struct scheduler_attr *ret, struct err *e)
{
	int policy = str_index(s->policy, policies, ARRAY_LEN(policies));
	struct scheduler_attr a = {
		.size = sizeof(a),
		.policy = (uint32_t)policy,
		.nice = (int32_t)s->nice,
		.priority = (uint32_t)s->priority,
		.runtime = s->runtime,
		.deadline = s->deadline,
		.period = s->period,
	};
	int r;

	/* The words are runc's. */
	if (policy < 0)
		return err_say(e, -EINVAL, "invalid scheduler policy: %.80s", s->policy);
	if (policy == POLICY_ISO)
		return err_say(e, -EINVAL,
			       "scheduler policy SCHED_ISO is not implemented by Linux");
	if (s->nice < NICE_MIN || s->nice > NICE_MAX)
		return err_say(e, -EINVAL, "invalid scheduler.nice: %" PRId64, s->nice);
	if (s->priority < 0 || s->priority > PRIORITY_MAX)
		return err_say(e, -EINVAL, "invalid scheduler.priority: %" PRId64, s->priority);
	if (is_realtime(policy) && s->priority == 0)
		return err_say(e, -EINVAL,
			       "scheduler policy %s needs scheduler.priority from 1 to %d",
			       s->policy, PRIORITY_MAX);
	if (!is_realtime(policy) && s->priority != 0)
		return err_say(
			e, -EINVAL,
			"scheduler.priority can only be specified for SCHED_FIFO or SCHED_RR "
			"policy");
	if (policy != POLICY_DEADLINE && (s->runtime || s->deadline || s->period))
		return err_say(e, -EINVAL,
			       "scheduler runtime/deadline/period can only be specified for "
			       "SCHED_DEADLINE policy");
	r = read_flags(s, &a.flags, e);
	if (r < 0)
		return r;
	*ret = a;
	return 0;
}

int scheduler_check(const struct oci_process *p, struct err *e)
{
	struct scheduler_attr a;

	return p->scheduler.policy ? make_attr(&p->scheduler, &a, e) : 0;
}

int scheduler_apply(const struct oci_process *p, struct err *e)
{
	struct scheduler_attr a;
	int r;

	if (!p->scheduler.policy)
		return 0;
	r = make_attr(&p->scheduler, &a, e);
	if (r < 0)
		return r;
	r = sys_return(syscall(SYS_sched_setattr, 0, &a, 0));
	if (r == -EPERM && is_realtime((int)a.policy))
		return err_say(e, r,
			       "set scheduler %s: operation not permitted; it needs CAP_SYS_NICE "
			       "and, on cgroup v1, cpu.rt_runtime_us in the group",
			       p->scheduler.policy);
	return r < 0 ? err_sys(e, r, "set scheduler %s", p->scheduler.policy) : 0;
}

int cpu_affinity_apply(const char *list, struct err *e)
{
	struct number_list cpus;
	int r;

	if (!list || !list[0])
		return 0;
	r = number_list_parse(list, &cpus);
	if (r < 0)
		return err_sys(e, r, "CPU list \"%.200s\"", list);
	r = sys_return(syscall(SYS_sched_setaffinity, 0, sizeof(cpus.bits), cpus.bits));
	if (r == -EINVAL)
		return err_say(e, r,
			       "none of the CPUs \"%.200s\" is there and allowed to this process",
			       list);
	return r < 0 ? err_sys(e, r, "set the CPU affinity \"%.200s\"", list) : 0;
}
