/* SPDX-License-Identifier: Apache-2.0 */
/* How gladly the kernel kills the process when memory runs out. */
#include <inttypes.h>
#include <linux/oom.h>
#include <stdio.h>

#include "base/err.h"
#include "kernel/proc.h"
#include "kernel/sys.h"
#include "security/security.h"

int oom_score_apply(int64_t value, int proc_fd, struct err *e)
{
	char text[24];
	int r;

	if (value < OOM_SCORE_ADJ_MIN || value > OOM_SCORE_ADJ_MAX)
		return err_say(e, -EINVAL, "oomScoreAdj %" PRId64 " is not within %d and %d", value,
			       OOM_SCORE_ADJ_MIN, OOM_SCORE_ADJ_MAX);
	snprintf(text, sizeof(text), "%" PRId64, value);
	r = proc_write_at(proc_fd, "self/oom_score_adj", text);
	if (r == -EACCES || r == -EPERM)
		return err_say(e, r,
			       "set oomScoreAdj %" PRId64 ": permission denied; lowering it needs "
			       "CAP_SYS_RESOURCE",
			       value);
	return r < 0 ? err_sys(e, r, "set oomScoreAdj %" PRId64, value) : 0;
}
