/* SPDX-License-Identifier: Apache-2.0 */
/* The hooks of config.json: programs run at six points of a container's life. */
#include "runtime/hooks.h"

#include <poll.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>

#include "base/auto.h"
#include "base/err.h"
#include "base/log.h"
#include "kernel/fd.h"
#include "kernel/process.h"
#include "kernel/sys.h"

/* The state fits a memfd, so that a hook which never reads its input cannot block us. */
static int state_fd(const char *state, size_t n)
{
	auto_close int fd = memfd_create("state", MFD_CLOEXEC);
	int r;

	if (fd < 0)
		return -errno;
	r = fd_write_all(fd, state, n);
	if (r < 0)
		return r;
	if (lseek(fd, 0, SEEK_SET) < 0)
		return -errno;
	return TAKE_FD(fd);
}

static const char **null_terminated(const struct str_slice *s, const char *first)
{
	const char **v = calloc(s->n + 2, sizeof(*v));

	if (v && s->n)
		memcpy(v, s->v, s->n * sizeof(*v));
	if (v && !s->n)
		v[0] = first;
	return v;
}

static void hook_exec(const struct oci_hook *h, int input, int output, int dir_fd)
{
	const char **args = null_terminated(&h->args, h->path);
	const char **env = null_terminated(&h->env, NULL);
	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	if (!args || !env || dup2(input, 0) < 0 || dup2(output, 1) < 0 || dup2(output, 2) < 0)
		_exit(125);
	if (dir_fd >= 0 && fchdir(dir_fd) < 0)
		_exit(125);
	sys_close_range(3, ~0U, 0);
	execve(h->path, (char *const *)args, (char *const *)env);
	dprintf(2, "%s", err_text(errno));
	_exit(127);
}

/* The last line that the hook printed, for the error. */
static const char *last_words(int output, char *buf, size_t size)
{
	off_t end = lseek(output, 0, SEEK_END);
	off_t from = end > (off_t)size - 1 ? end - ((off_t)size - 1) : 0;
	ssize_t n = pread(output, buf, size - 1, from);
	char *line;

	if (n < 0)
		n = 0;
	while (n > 0 && (buf[n - 1] == '\n' || buf[n - 1] == ' '))
		n--;
	buf[n] = '\0';
	line = strrchr(buf, '\n');
	return line ? line + 1 : buf;
}

static int hook_wait(const struct oci_hook *h, int pidfd, int *ret_status, struct err *e)
{
	struct pollfd p = {.fd = pidfd, .events = POLLIN};
	struct timespec now, end;
	int timeout = -1, r;

	clock_gettime(CLOCK_MONOTONIC, &end);
	for (;;) {
		if (h->timeout.is_set) {
			clock_gettime(CLOCK_MONOTONIC, &now);
			timeout = (int)((h->timeout.value - (now.tv_sec - end.tv_sec)) * 1000 -
					(now.tv_nsec - end.tv_nsec) / 1000000);
			if (timeout < 0)
				timeout = 0;
		}
		r = poll(&p, 1, timeout);
		if (r > 0)
			return process_wait(pidfd, ret_status);
		if (r == 0) {
			sys_pidfd_send_signal(pidfd, SIGKILL);
			process_wait(pidfd, ret_status);
			return err_say(e, -ETIMEDOUT, "hook %s: no end after %lld s, killed",
				       h->path, (long long)h->timeout.value);
		}
		if (errno != EINTR) {
			r = err_sys(e, -errno, "wait for hook %s", h->path);
			/* Nobody else knows of it. */
			sys_pidfd_send_signal(pidfd, SIGKILL);
			process_wait(pidfd, ret_status);
			return r;
		}
	}
}

static int hook_run(const struct oci_hook *h, const char *state, size_t n, int dir_fd,
		    struct err *e)
{
	auto_close int input = state_fd(state, n);
	auto_close int output = memfd_create("hook", MFD_CLOEXEC);
	auto_close int pidfd = -EBADF;
	struct clone_args args = {
		.flags = CLONE_PIDFD, .pidfd = (uintptr_t)&pidfd, .exit_signal = SIGCHLD};
	char words[256];
	int r, status = 0;

	if (input < 0 || output < 0)
		return err_sys(e, -ENOMEM, "prepare hook %s", h->path);
	r = sys_clone3(&args);
	if (r == 0)
		hook_exec(h, input, output, dir_fd);
	if (r < 0)
		return err_sys(e, r, "start hook %s", h->path);
	r = hook_wait(h, pidfd, &status, e);
	if (r < 0)
		return r;
	if (status == 0)
		return 0;
	if (WIFSIGNALED(status))
		return err_say(e, -ECANCELED, "hook %s: killed by signal %d: %s", h->path,
			       WTERMSIG(status), last_words(output, words, sizeof(words)));
	return err_say(e, -ECANCELED, "hook %s: exit status %d: %s", h->path, WEXITSTATUS(status),
		       last_words(output, words, sizeof(words)));
}

static int run_numbered(const struct oci_hook_list *hooks, size_t i, const char *name,
			const char *state, size_t n, int dir_fd, struct err *e)
{
	int r = hook_run(&hooks->v[i], state, n, dir_fd, e);

	if (r < 0)
		err_within(e, "error running %s hook #%zu", name, i);
	return r;
}

int hooks_run(const struct oci_hook_list *hooks, const char *name, const char *state, size_t n,
	      int dir_fd, struct err *e)
{
	for (size_t i = 0; i < hooks->n; i++) {
		int r = run_numbered(hooks, i, name, state, n, dir_fd, e);

		if (r < 0)
			return r;
	}
	return 0;
}

void hooks_run_poststop(const struct oci_hook_list *hooks, const char *state, size_t n, int dir_fd)
{
	for (size_t i = 0; i < hooks->n; i++) {
		struct err why = {0};

		if (run_numbered(hooks, i, "poststop", state, n, dir_fd, &why) < 0)
			log_warning("%s", why.text);
	}
}
