/* SPDX-License-Identifier: Apache-2.0 */
/* Waiting for a process in the foreground: signals go on to it, its terminal is pumped. */
#include "runtime/foreground.h"

#include <poll.h>
#include <sys/signalfd.h>
#include <sys/wait.h>

#include "base/auto.h"
#include "base/err.h"
#include "kernel/process.h"
#include "kernel/sys.h"
#include "runtime/console.h"

/* Not to be held back: faults of our own, and what no program can block. */
static const int unblocked[] = {SIGKILL, SIGSTOP, SIGSEGV, SIGBUS,  SIGILL, SIGFPE,
				SIGTRAP, SIGABRT, SIGSYS,  SIGTTIN, SIGTTOU};

int foreground_begin(sigset_t *ret_old, struct err *e)
{
	sigset_t set;
	int fd;

	sigfillset(&set);
	for (size_t i = 0; i < ARRAY_LEN(unblocked); i++)
		sigdelset(&set, unblocked[i]);
	if (sigprocmask(SIG_BLOCK, &set, ret_old) < 0)
		return err_sys(e, -errno, "block signals");
	fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return fd < 0 ? err_sys(e, -errno, "make a signalfd") : fd;
}

static void reap_orphans(pid_t but)
{
	siginfo_t info;

	for (;;) {
		info.si_pid = 0;
		if (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) < 0 || info.si_pid == 0 ||
		    info.si_pid == but)
			return;
		waitpid(info.si_pid, NULL, WNOHANG);
	}
}

static void forward_signals(int signal_fd, int pidfd, pid_t pid, bool is_reaper,
			    const struct console_pump *pump)
{
	struct signalfd_siginfo info;

	while (read(signal_fd, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
		switch (info.ssi_signo) {
		case SIGCHLD:
			if (is_reaper)
				reap_orphans(pid);
			break;
		case SIGWINCH:
			console_pump_resize(pump);
			break;
		case SIGPIPE:
		case SIGURG:
			break;
		default:
			sys_pidfd_send_signal(pidfd, (int)info.ssi_signo);
		}
	}
}

int foreground_wait(int signal_fd, int pidfd, pid_t pid, int master, bool is_reaper, struct err *e)
{
	struct console_pump pump = {.master = -EBADF};
	bool has_output = master >= 0;
	int status = 0, r;

	if (master >= 0)
		console_pump_start(&pump, master);
	for (;;) {
		struct pollfd fds[] = {
			{.fd = pidfd, .events = POLLIN},
			{.fd = signal_fd, .events = POLLIN},
			{.fd = has_output ? pump.master : -1, .events = POLLIN},
			{.fd = has_output && pump.has_stdin ? 0 : -1, .events = POLLIN},
		};

		if (poll(fds, ARRAY_LEN(fds), -1) < 0 && errno != EINTR) {
			r = err_sys(e, -errno, "wait for the container");
			break;
		}
		if (fds[1].revents)
			forward_signals(signal_fd, pidfd, pid, is_reaper, &pump);
		if (fds[2].revents)
			has_output = console_pump_output(&pump);
		if (fds[3].revents && !console_pump_input(&pump))
			has_output = false;
		if (fds[0].revents) {
			r = process_wait(pidfd, &status);
			if (r < 0)
				err_sys(e, r, "wait for the container");
			break;
		}
	}
	console_pump_stop(&pump);
	return r < 0 ? r : process_exit_code(status);
}
