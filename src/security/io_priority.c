/* SPDX-License-Identifier: Apache-2.0 */
/* The priority of the process at block devices. */
#include <inttypes.h>

#include "base/auto.h"
#include "base/err.h"
#include "base/str.h"
#include "kernel/sys.h"
#include "security/security.h"

/* ioprio_set(2), linux/ioprio.h. */
#define CLASS_SHIFT 13
#define WHO_PROCESS 1
#define LEVEL_MAX 7

static const char *const classes[] = {
	NULL, /* none */
	"IOPRIO_CLASS_RT",
	"IOPRIO_CLASS_BE",
	"IOPRIO_CLASS_IDLE",
};
_Static_assert(ARRAY_LEN(classes) == 4, "a name for each class");

int io_priority_check(const struct oci_process *p, struct err *e)
{
	const struct oci_io_priority *o = &p->io_priority;

	if (!o->class)
		return 0;
	if (str_index(o->class, classes, ARRAY_LEN(classes)) < 0)
		return err_say(e, -EINVAL, "invalid ioPriority.class: %.80s", o->class);
	if (o->priority < 0 || o->priority > LEVEL_MAX)
		return err_say(e, -EINVAL,
			       "invalid ioPriority.priority: %" PRId64 "; it is from 0 to %d",
			       o->priority, LEVEL_MAX);
	return 0;
}

int io_priority_apply(const struct oci_process *p, struct err *e)
{
	const struct oci_io_priority *o = &p->io_priority;
	int class, r;

	if (!o->class)
		return 0;
	r = io_priority_check(p, e);
	if (r < 0)
		return r;
	class = str_index(o->class, classes, ARRAY_LEN(classes));
	/* The process is the only one of its container yet, and the others inherit from it: that makes
	 * the whole group. WHO_PGRP would reach the runtime where no session was made. */
	r = sys_return(
		syscall(SYS_ioprio_set, WHO_PROCESS, 0, class << CLASS_SHIFT | (int)o->priority));
	if (r == -EPERM)
		return err_say(e, r,
			       "set I/O priority %s: operation not permitted; it needs "
			       "CAP_SYS_NICE",
			       o->class);
	return r < 0 ? err_sys(e, r, "set I/O priority %s %" PRId64, o->class, o->priority) : 0;
}
