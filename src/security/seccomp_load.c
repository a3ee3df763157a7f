/* SPDX-License-Identifier: Apache-2.0 */
/* Loads a seccomp program into the caller, and prints one. */
#include <errno.h>
#include <fcntl.h>
#include <linux/seccomp.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/auto.h"
#include "base/err.h"
#include "base/json.h"
#include "security/seccomp.h"

/* Answers that not every kernel has, with the version they came in. */
static const struct {
	uint32_t action;
	const char *name, *since;
} newer_actions[] = {
	{SECCOMP_RET_KILL_PROCESS, "SCMP_ACT_KILL_PROCESS", "4.14"},
	{SECCOMP_RET_LOG, "SCMP_ACT_LOG", "4.14"},
	{SECCOMP_RET_USER_NOTIF, "SCMP_ACT_NOTIFY", "5.0"},
};

static bool program_answers(const struct seccomp_program *p, uint32_t action)
{
	for (size_t i = 0; i < p->n; i++)
		if (p->filter[i].code == (BPF_RET | BPF_K) &&
		    (p->filter[i].k & SECCOMP_RET_ACTION_FULL) == action)
			return true;
	return false;
}

/* Security: the kernel takes unknown answers and then kills; say it before. */
static int check_actions(const struct seccomp_program *p, struct err *e)
{
	for (size_t i = 0; i < ARRAY_LEN(newer_actions); i++) {
		uint32_t action = newer_actions[i].action;

		if (!program_answers(p, action))
			continue;
		if (syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &action) < 0)
			return err_say(e, -EOPNOTSUPP,
				       "linux.seccomp: this kernel has no %s (Linux %s has)",
				       newer_actions[i].name, newer_actions[i].since);
	}
	return 0;
}

static int explain(const struct seccomp_program *p, int r, struct err *e)
{
	switch (r) {
	case -EACCES:
		return err_say(e, r,
			       "load seccomp program: permission denied: it needs noNewPrivileges "
			       "or CAP_SYS_ADMIN");
	case -EINVAL:
		return err_say(e, r,
			       "load seccomp program: invalid argument: the kernel refuses a flag "
			       "of 0x%x, or has no seccomp filters",
			       p->flags);
	case -EBUSY:
		return err_say(e, r,
			       "load seccomp program: device or resource busy: the process has a "
			       "listener for SCMP_ACT_NOTIFY already");
	case -ENOMEM:
		return err_say(e, r,
			       "load seccomp program: cannot allocate memory: all programs of a "
			       "process may have 32768 instructions together");
	default:
		return err_sys(e, r, "load seccomp program");
	}
}

int seccomp_load(const struct seccomp_program *p, struct err *e)
{
	struct sock_fprog prog = {.len = (unsigned short)p->n, .filter = p->filter};
	long r;
	int fd;

	if (!p->n)
		return 0;
	r = check_actions(p, e);
	if (r < 0)
		return (int)r;
	r = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, p->flags, &prog);
	if (r < 0)
		return explain(p, -errno, e);
	if (!p->has_notify) {
		/* SECCOMP_FILTER_FLAG_TSYNC answers with a thread that could not follow. */
		if (r > 0)
			return err_say(e, -ESRCH,
				       "load seccomp program: thread %ld cannot take it over", r);
		return 0;
	}
	if (r > 0)
		return (int)r;
	/* 0 means "none" to the caller. */
	fd = fcntl(0, F_DUPFD_CLOEXEC, 3);
	if (fd < 0)
		return err_sys(e, -errno, "load seccomp program: move the listener");
	close(0);
	return fd;
}

void seccomp_print(const struct seccomp_program *p, struct json_writer *w)
{
	json_begin_object(w);
	json_put_uint(w, "instructions", p->n);
	json_put_uint(w, "flags", p->flags);
	json_put_bool(w, "notify", p->has_notify);
	json_end_object(w);
}
