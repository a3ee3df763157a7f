/* SPDX-License-Identifier: Apache-2.0 */
/* Processes: pidfds, waiting, start times. */
#include "kernel/process.h"

#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "base/auto.h"
#include "base/str.h"
#include "kernel/fd.h"
#include "kernel/sys.h"

/* Fields of proc_pid_stat(5). */
#define STAT_STATE 3
#define STAT_FLAGS 9
#define STAT_START_TIME 22

/* include/linux/sched.h: "Forked but didn't exec". Cleared in begin_new_exec() of fs/exec.c, before descriptors are
 * closed; kept by who dies. */
#define PF_FORKNOEXEC 0x40
#define PF_EXITING 0x4

static int wait_pidfd(int pidfd, siginfo_t *info)
{
	int r;

	memset(info, 0, sizeof(*info));
	do
		r = waitid(P_PIDFD, (id_t)pidfd, info, WEXITED);
	while (r < 0 && errno == EINTR);
	return r < 0 ? -errno : 0;
}

void process_kill_fn(int *pidfd)
{
	int saved = errno;
	siginfo_t info;

	if (*pidfd < 0)
		return;
	sys_pidfd_send_signal(*pidfd, SIGKILL);
	wait_pidfd(*pidfd, &info);
	close(*pidfd);
	*pidfd = -EBADF;
	errno = saved;
}

int process_wait(int pidfd, int *ret_status)
{
	siginfo_t info;
	int r = wait_pidfd(pidfd, &info);

	if (r < 0)
		return r;
	/* waitid(2) tells code and signal apart; callers want the packed form of waitpid(2). */
	if (info.si_code == CLD_EXITED)
		*ret_status = (info.si_status & 0xff) << 8;
	else
		*ret_status = (info.si_status & 0x7f) | (info.si_code == CLD_DUMPED ? 0x80 : 0);
	return 0;
}

int process_exit_code(int status)
{
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

/* A field of /proc/PID/stat, from the third on; *ret_state may be NULL. */
static int read_stat(pid_t pid, int field, uint64_t *ret, char *ret_state)
{
	char path[32], buf[1024], *at, *save = NULL;
	int r;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	r = file_read_small(AT_FDCWD, path, buf, sizeof(buf));
	if (r == -ENOENT)
		return -ESRCH;
	if (r < 0)
		return r;
	/* The command's name may hold blanks and brackets: count from the last bracket. */
	at = strrchr(buf, ')');
	if (!at || at[1] != ' ')
		return -EINVAL;
	if (ret_state)
		*ret_state = at[2];
	at = strtok_r(at + 1, " ", &save);
	for (int i = STAT_STATE; at && i < field; i++)
		at = strtok_r(NULL, " ", &save);
	return at ? str_to_u64(at, ret) : -EINVAL;
}

int process_start_time(pid_t pid, uint64_t *ret_ticks, char *ret_state)
{
	uint64_t ticks = 0;
	char state = 0;
	int r = read_stat(pid, STAT_START_TIME, &ticks, &state);

	if (r < 0)
		return r;
	*ret_ticks = ticks;
	if (ret_state)
		*ret_state = state;
	return 0;
}

int process_died_before_exec(pid_t pid)
{
	uint64_t flags = 0;
	int r = read_stat(pid, STAT_FLAGS, &flags, NULL);

	return r < 0 ? r : (flags & (PF_FORKNOEXEC | PF_EXITING)) == (PF_FORKNOEXEC | PF_EXITING);
}
