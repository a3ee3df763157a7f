/* SPDX-License-Identifier: Apache-2.0 */
/* A person's end of a container's streams: our descriptors 0, 1 and 2, and our terminal. */
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <termios.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/auto.h"
#include "base/err.h"
#include "base/log.h"
#include "base/str.h"
#include "engine/container/attach_packet.h"
#include "engine/container/container.h"
#include "kernel/fd.h"

enum { KEYS_MAX = 16 };

struct pump {
	const struct engine *g;
	const struct attach_options *o;
	int socket, signal_fd;
	struct termios saved;
	bool is_raw, reads_stdin, stdin_ended;
	char keys[KEYS_MAX];
	size_t keys_n, matched;
	size_t n; /* input that the monitor has not taken yet */
	char input[ATTACH_DATA];
	char output[ATTACH_DATA];
	sigset_t old;
};

/* ---- detach keys --------------------------------------------------------------------------------- */

static int parse_key(const char *word, size_t n)
{
	static const char controls[] = "@abcdefghijklmnopqrstuvwxyz[\\]^_";
	const char *found;

	if (n == 1)
		return (unsigned char)word[0];
	if (n != 6 || strncmp(word, "ctrl-", 5) != 0)
		return -EINVAL;
	found = strchr(controls, word[5]);
	return found && word[5] ? (int)(found - controls) : -EINVAL;
}

int attach_parse_keys(const char *text, char *keys, size_t size)
{
	size_t count = 0;

	while (text && *text) {
		size_t n = strcspn(text, ",");
		int key = parse_key(text, n);

		if (key < 0 || count == size)
			return -EINVAL;
		keys[count++] = (char)key;
		text += n + (text[n] == ',');
	}
	return (int)count;
}

/* Takes bytes that may belong to the detach keys out of the input; those that turned out not to come back
 * before what followed. Returns true at the last key. buf has room for keys_n bytes more than n. */
static bool filter_keys(struct pump *p, char *buf, size_t *n)
{
	char in[ATTACH_DATA];
	size_t out = 0;

	memcpy(in, buf, *n);
	for (size_t i = 0; i < *n; i++) {
		if (in[i] == p->keys[p->matched]) {
			if (++p->matched == p->keys_n) {
				*n = out;
				return true;
			}
			continue;
		}
		memcpy(buf + out, p->keys, p->matched);
		out += p->matched;
		p->matched = in[i] == p->keys[0];
		if (!p->matched)
			buf[out++] = in[i];
		else if (p->keys_n == 1)
			return true;
	}
	*n = out;
	return false;
}

/* ---- our terminal -------------------------------------------------------------------------------- */

static void send_size(struct pump *p)
{
	struct winsize size;

	if (p->o->has_tty && (ioctl(0, TIOCGWINSZ, &size) == 0 || ioctl(1, TIOCGWINSZ, &size) == 0))
		attach_send_with(p->socket, ATTACH_RESIZE, (int64_t)size.ws_row << 16 | size.ws_col,
				 NULL, 0, MSG_DONTWAIT);
}

static void make_raw(struct pump *p)
{
	struct termios raw;

	if (!p->o->has_tty || !(p->o->wants & ATTACH_WANT_STDIN) || tcgetattr(0, &p->saved) < 0)
		return;
	raw = p->saved;
	cfmakeraw(&raw);
	p->is_raw = tcsetattr(0, TCSANOW, &raw) == 0;
}

static void restore(struct pump *p)
{
	if (p->is_raw)
		tcsetattr(0, TCSADRAIN, &p->saved);
	p->is_raw = false;
}

/* ---- signals ------------------------------------------------------------------------------------- */

static const int forwarded[] = {SIGHUP,  SIGINT,  SIGQUIT, SIGTERM,
				SIGUSR1, SIGUSR2, SIGALRM, SIGCONT};

static int watch_signals(struct pump *p, struct err *e)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGWINCH);
	/* Without proxy only those that would leave our terminal raw. */
	for (size_t i = 0; i < (p->o->sig_proxy ? ARRAY_LEN(forwarded) : 4); i++)
		sigaddset(&set, forwarded[i]);
	if (sigprocmask(SIG_BLOCK, &set, &p->old) < 0)
		return err_sys(e, -errno, "block signals");
	p->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return p->signal_fd < 0 ? err_sys(e, -errno, "make a signalfd") : 0;
}

static void forward(const struct pump *p, int signo)
{
	auto_arena struct arena a = {0};
	struct container_info c;
	struct err why = {0};

	if (container_find(p->g, p->o->id, &a, &c, &why) < 0 ||
	    container_kill(p->g, &c, signo, &why) < 0)
		log_debug("%s", why.text);
}

static void take_signals(struct pump *p)
{
	struct signalfd_siginfo info;

	while (read(p->signal_fd, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
		int signo = (int)info.ssi_signo;

		if (signo == SIGWINCH) {
			send_size(p);
		} else if (p->o->sig_proxy) {
			forward(p, signo);
		} else { /* die of it, with the terminal put right */
			restore(p);
			sigprocmask(SIG_SETMASK, &p->old, NULL);
			raise(signo);
		}
	}
}

/* ---- streams ------------------------------------------------------------------------------------- */

/* Returns 0, -EAGAIN (later) or -errno. */
static int send_input(struct pump *p)
{
	int r = attach_send_with(p->socket, ATTACH_IN, 0, p->input, p->n, MSG_DONTWAIT);

	if (r == 0)
		p->n = 0;
	return r;
}

/* Returns 1 where the detach keys came. */
static int take_input(struct pump *p)
{
	ssize_t n = read(0, p->input, sizeof(p->input) - KEYS_MAX);

	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return 0;
	if (n <= 0) {
		p->reads_stdin = false;
		p->stdin_ended = true;
		return 0;
	}
	p->n = (size_t)n;
	if (p->keys_n && filter_keys(p, p->input, &p->n))
		return 1;
	if (p->n)
		send_input(p);
	return 0;
}

/* Returns 1 at the end, with the exit code. */
static int take_packet(struct pump *p, int *ret_code, struct err *e)
{
	struct attach_message m;
	int n = attach_receive(p->socket, &m, p->output);

	if (n < 0)
		return err_say(e, n == -ENODATA ? -EPIPE : n,
			       "lost the container: its monitor ended without a word");
	switch (m.type) {
	case ATTACH_OUT:
	case ATTACH_ERR:
		/* Who closed our output does not want it; the container goes on. */
		fd_write_all(m.type == ATTACH_OUT ? 1 : 2, p->output, (size_t)n);
		return 0;
	case ATTACH_DROPPED:
		log_warning("%lld bytes of output were dropped: they were not read in time",
			    (long long)m.value);
		return 0;
	case ATTACH_FAILED:
		if (e && (size_t)n == sizeof(*e))
			memcpy(e, p->output, sizeof(*e));
		return err_say(e, -EIO, "the container failed");
	case ATTACH_EXIT:
		*ret_code = (int)m.value;
		return 1;
	default:
		return 0;
	}
}

static int turn(struct pump *p, int *ret_code, struct err *e)
{
	bool sends = p->n > 0 || p->stdin_ended;
	struct pollfd fds[] = {
		{.fd = p->socket, .events = (short)(POLLIN | (sends ? POLLOUT : 0))},
		{.fd = p->signal_fd, .events = POLLIN},
		{.fd = p->reads_stdin && p->n == 0 ? 0 : -1, .events = POLLIN},
	};

	if (poll(fds, ARRAY_LEN(fds), -1) < 0)
		return errno == EINTR ? 0 : err_sys(e, -errno, "wait for the container");
	if (fds[1].revents)
		take_signals(p);
	if (fds[0].revents & POLLOUT && p->n > 0)
		send_input(p);
	if (p->n == 0 && p->stdin_ended &&
	    attach_send_with(p->socket, ATTACH_IN_EOF, 0, NULL, 0, MSG_DONTWAIT) != -EAGAIN)
		p->stdin_ended = false;
	if (fds[2].revents && take_input(p))
		return err_say(e, -EINTR, "detached");
	if (fds[0].revents & (POLLIN | POLLHUP | POLLERR))
		return take_packet(p, ret_code, e);
	return 0;
}

int attach_pump(const struct engine *g, int socket, const struct attach_options *o, struct err *e)
{
	static _Thread_local struct pump p; /* too large for a stack */
	int r, code = 0;

	memset(&p, 0, offsetof(struct pump, input));
	p.g = g;
	p.o = o;
	p.socket = socket;
	p.reads_stdin = o->wants & ATTACH_WANT_STDIN;
	if (o->has_tty && o->detach_keys) {
		r = attach_parse_keys(o->detach_keys, p.keys, sizeof(p.keys));
		if (r < 0)
			return err_say(e, r,
				       "bad detach keys \"%s\": give keys like a or ctrl-p, "
				       "separated by commas",
				       o->detach_keys);
		p.keys_n = (size_t)r;
	}
	r = watch_signals(&p, e);
	if (r < 0)
		return r;
	make_raw(&p);
	send_size(&p);
	do
		r = turn(&p, &code, e);
	while (r == 0);
	restore(&p);
	close(p.signal_fd);
	sigprocmask(SIG_SETMASK, &p.old, NULL);
	return r < 0 ? r : code;
}
