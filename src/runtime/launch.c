/* SPDX-License-Identifier: Apache-2.0 */
/* Making the first process of a container or of an exec, and serving it until its program runs. */
#include "runtime/launch.h"

#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "base/auto.h"
#include "kernel/fd.h"
#include "kernel/process.h"
#include "kernel/sys.h"

void launch_fail(int socket, const struct err *e)
{
	struct err filled = *e;

	if (!filled.code)
		err_say(&filled, -EIO, "the container's first process failed without a word");
	handshake_send(socket, STEP_FAILED, 0, -1, &filled);
	_exit(1);
}

/* Signals that the foreground blocked are no business of the container. */
static void reset_signals(void)
{
	struct sigaction plain = {.sa_handler = SIG_DFL}, old;
	sigset_t none;

	for (int s = 1; s < 32; s++)
		if (sigaction(s, NULL, &old) == 0 && old.sa_handler != SIG_DFL)
			sigaction(s, &plain, NULL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

static int clone_process(const struct launch *l, uint64_t extra, int *ret_pidfd)
{
	struct clone_args args = {
		.flags = l->flags | extra | CLONE_PIDFD,
		.pidfd = (uintptr_t)ret_pidfd,
		.exit_signal = extra & CLONE_PARENT ? 0 : SIGCHLD,
	};

	if (l->cgroup_fd >= 0) {
		args.flags |= CLONE_INTO_CGROUP;
		args.cgroup = (uint64_t)l->cgroup_fd;
	}
	return sys_clone3(&args);
}

static int clone_failed(int r, struct err *e)
{
	/* clone(2): ENOMEM is also what the kernel says of a pid namespace without its first process. */
	if (r == -ENOMEM)
		return err_say(e, r,
			       "clone the container's first process: out of memory, or the first "
			       "process of the pid namespace to join has ended");
	/* Also cgroup v2's answer to a clone into a full group (pids.max). */
	if (r == -EAGAIN)
		return err_say(
			e, r,
			"clone the container's first process: the pids limit of its group, or "
			"of one above, or the user's limit of processes, leaves room for none");
	return err_sys(e, r, "clone the container's first process");
}

/* Runs in the process in between. */
static void stage_main(struct launch *l, int socket)
{
	struct err e = {0};
	int gate[2], pidfd = -EBADF, r;
	char end;

	r = l->stage(l->arg, &e);
	if (r < 0)
		launch_fail(socket, &e);
	if (pipe2(gate, O_CLOEXEC) < 0) {
		err_sys(&e, -errno, "make the pipe that holds the first process back");
		launch_fail(socket, &e);
	}
	r = clone_process(l, CLONE_PARENT, &pidfd);
	if (r == 0) {
		/* Order: both write to one socket, and we are to be introduced before we speak. */
		close(gate[1]);
		while (read(gate[0], &end, 1) < 0 && errno == EINTR)
			;
		close(gate[0]);
		l->child(l->arg, socket);
	}
	if (r < 0) {
		clone_failed(r, &e);
		launch_fail(socket, &e);
	}
	r = handshake_send(socket, STEP_STAGED, r, pidfd, NULL);
	_exit(r < 0);
}

/* Takes over the real child from the process in between. */
static int take_staged(struct launch *l, int stage_pidfd, struct err *e)
{
	struct message m;
	auto_close int fd = -EBADF;
	int status, r = handshake_receive(l->socket, &m, &fd);

	if (r <= 0)
		r = err_sys(e, r < 0 ? r : -EPIPE, "hear from the process in between");
	else if (m.step == STEP_FAILED && e && !e->code)
		*e = m.err;
	if (r > 0 && m.step == STEP_FAILED)
		r = -m.err.code;
	else if (r > 0 && (m.step != STEP_STAGED || fd < 0))
		r = err_say(e, -EPROTO, "the process in between said step %u first", m.step);
	process_wait(stage_pidfd, &status);
	if (r < 0)
		return r;
	l->pid = m.value;
	l->pidfd = TAKE_FD(fd);
	return 0;
}

int launch_start(struct launch *l, struct err *e)
{
	auto_close int stage_pidfd = -EBADF;
	auto_close int ours = -EBADF, theirs = -EBADF;
	int pair[2], r;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return err_sys(e, -errno, "make the handshake socket");
	ours = pair[0];
	theirs = pair[1];
	if (l->stage) {
		struct clone_args args = {.flags = CLONE_PIDFD,
					  .exit_signal = SIGCHLD,
					  .pidfd = (uintptr_t)&stage_pidfd};
		r = sys_clone3(&args);
	} else {
		r = clone_process(l, 0, &l->pidfd);
	}
	if (r < 0)
		return clone_failed(r, e);
	if (r == 0) {
		close(TAKE_FD(ours));
		reset_signals();
		if (l->stage)
			stage_main(l, theirs);
		l->child(l->arg, theirs);
	}
	l->socket = TAKE_FD(ours);
	l->pid = r;
	close(TAKE_FD(theirs));
	if (l->stage) {
		r = take_staged(l, stage_pidfd, e);
		if (r < 0) {
			close(l->socket);
			l->socket = -EBADF;
			return r;
		}
	}
	return 0;
}

/* Its end of the socket closes a moment before the kernel calls it dead. */
static int child_died(struct launch *l, struct err *e)
{
	struct pollfd end = {.fd = l->pidfd, .events = POLLIN};
	siginfo_t info = {0};

	if (l->pidfd >= 0 && poll(&end, 1, 1000) > 0 &&
	    waitid(P_PIDFD, (id_t)l->pidfd, &info, WEXITED | WNOWAIT | WNOHANG) == 0 &&
	    info.si_pid && info.si_code != CLD_EXITED)
		return err_say(e, -ECHILD,
			       "the container's first process was killed by signal %d before its "
			       "program ran%s",
			       info.si_status,
			       info.si_status == SIGKILL ? ": is its memory limit too low?" : "");
	return err_say(e, -ECHILD, "the container's first process died before its program ran");
}

static int answer(struct launch *l, const struct launch_table *t, const struct message *m, int fd,
		  struct err *e)
{
	struct request q = {.launch = l, .value = m->value, .fd = fd, .answer_fd = -EBADF};
	struct err why = {0};
	int r;

	if (!t->handler[m->step]) {
		if (fd >= 0)
			close(fd);
		return err_say(e, -EPROTO, "unexpected step %u from the container's first process",
			       m->step);
	}
	r = t->handler[m->step](t->arg, &q, &why);
	if (q.fd >= 0) /* else the handler took it */
		close(q.fd);
	if (r < 0) {
		err_say(&why, r, "step %u failed", m->step);
		/* The child may go another way (a bind source); else it sends this error back. */
		if (m->step == STEP_SOURCE)
			return handshake_send(l->socket, STEP_FAILED, 0, -1, &why);
		if (e && !e->code)
			*e = why;
		return r;
	}
	r = handshake_send(l->socket, (enum handshake_step)m->step, q.answer_value, q.answer_fd,
			   NULL);
	if (q.answer_fd >= 0)
		close(q.answer_fd);
	return r < 0 ? child_died(l, e) : 0;
}

int launch_serve(struct launch *l, const struct launch_table *t, enum handshake_step last,
		 struct err *e)
{
	for (;;) {
		struct message m;
		int fd = -EBADF, r = handshake_receive(l->socket, &m, &fd);

		if (r < 0 && r != -ECONNRESET)
			return err_sys(e, r, "hear from the container's first process");
		if (r <= 0) {
			if (last != STEP_EXEC)
				return child_died(l, e);
			/* End of file by exec or by death (a signal): the kernel knows which. One that
			 * is not our child and was reaped already has run as far as we can know. */
			return process_died_before_exec(l->pid) > 0 ? child_died(l, e) : 0;
		}
		if (m.step == STEP_FAILED) {
			if (fd >= 0)
				close(fd);
			if (e && !e->code)
				*e = m.err;
			return -m.err.code;
		}
		if (m.step == last) {
			if (fd >= 0)
				close(fd);
			return 0;
		}
		r = answer(l, t, &m, fd, e);
		if (r < 0)
			return r;
	}
}

void launch_abort(struct launch *l)
{
	if (l->socket >= 0)
		close(l->socket);
	l->socket = -EBADF;
	process_kill_fn(&l->pidfd);
	l->pidfd = -EBADF;
}
