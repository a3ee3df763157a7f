/* SPDX-License-Identifier: Apache-2.0 */
/* Terminals of containers: made inside, handed out, or pumped in the foreground. */
#include "runtime/console.h"

#include <linux/magic.h>
#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/sysmacros.h>
#include <sys/un.h>

#include "base/auto.h"
#include "base/err.h"
#include "kernel/fd.h"
#include "kernel/path.h"
#include "kernel/sys.h"

#ifndef TIOCGPTPEER
#define TIOCGPTPEER 0x5441
#endif

/* Security: the path is the container's; what it leads to must be a real ptmx (CVE-2025-52565). */
static int check_ptmx(int fd)
{
	struct statfs fs;
	struct stat st;

	if (fstatfs(fd, &fs) < 0 || fstat(fd, &st) < 0)
		return -errno;
	if (fs.f_type != DEVPTS_SUPER_MAGIC || !S_ISCHR(st.st_mode) || st.st_rdev != makedev(5, 2))
		return -ENODEV;
	return 0;
}

int console_open(int dev_fd, const struct oci_process *process, int *ret_peer, struct err *e)
{
	/* Security: pts may be a link, and before the pivot it would be followed to the host's. */
	auto_close int master =
		path_open_in_root(dev_fd, "pts/ptmx", O_RDWR | O_NOCTTY | O_NOFOLLOW, 0);
	auto_close int peer = -EBADF;
	struct winsize size = {.ws_row = (unsigned short)process->console_size.height,
			       .ws_col = (unsigned short)process->console_size.width};
	int r, unlock = 0;

	if (master < 0)
		return err_sys(e, master, "open /dev/pts/ptmx in the container for its terminal");
	r = check_ptmx(master);
	if (r < 0)
		return err_sys(e, r, "/dev/pts/ptmx in the container is no pseudo terminal");
	if (ioctl(master, TIOCSPTLCK, &unlock) < 0)
		return err_sys(e, -errno, "unlock a pseudo terminal");
	peer = ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (peer < 0)
		return err_sys(e, -errno, "open the container's end of its terminal");
	if (size.ws_row && size.ws_col && ioctl(master, TIOCSWINSZ, &size) < 0)
		return err_sys(e, -errno, "set the size of the terminal");
	if (process->user.uid && fchown(peer, process->user.uid, (gid_t)-1) < 0 && errno != EPERM)
		return err_sys(e, -errno, "give the terminal to user %u", process->user.uid);
	*ret_peer = TAKE_FD(peer);
	return TAKE_FD(master);
}

int console_adopt(int peer, struct err *e)
{
	for (int fd = 0; fd < 3; fd++)
		if (dup2(peer, fd) < 0)
			return err_sys(e, -errno, "make the terminal stream %d", fd);
	if (ioctl(0, TIOCSCTTY, 0) < 0)
		return err_sys(e, -errno, "make the terminal the controlling one");
	return 0;
}

int console_send(const char *path, int master, struct err *e)
{
	static const char name[] = "/dev/ptmx";
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	auto_close int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int r;

	if (fd < 0)
		return err_sys(e, -errno, "make a socket");
	if (strlen(path) >= sizeof(address.sun_path))
		return err_say(e, -ENAMETOOLONG,
			       "console socket %s: the path is longer than %zu bytes", path,
			       sizeof(address.sun_path) - 1);
	strcpy(address.sun_path, path);
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		return err_sys(e, -errno, "connect to console socket %s", path);
	r = fd_send(fd, name, sizeof(name) - 1, master);
	return r < 0 ? err_sys(e, r, "send the terminal to console socket %s", path) : 0;
}

/* ---- the foreground -------------------------------------------------------------------------- */

void console_clear_onlcr(int master)
{
	struct termios mode;

	if (tcgetattr(master, &mode) < 0)
		return;
	mode.c_oflag &= ~(tcflag_t)ONLCR;
	tcsetattr(master, TCSANOW, &mode);
}

void console_pump_start(struct console_pump *p, int master)
{
	struct termios raw;

	p->master = master;
	p->has_stdin = true;
	if (tcgetattr(0, &p->saved) == 0) {
		raw = p->saved;
		cfmakeraw(&raw);
		/* The container's lines end in "\n": ours makes "\r\n" of it as it did before. */
		raw.c_oflag = p->saved.c_oflag;
		p->is_raw = tcsetattr(0, TCSANOW, &raw) == 0;
	}
	console_pump_resize(p);
}

void console_pump_resize(const struct console_pump *p)
{
	struct winsize size;

	if (p->master >= 0 && ioctl(0, TIOCGWINSZ, &size) == 0)
		ioctl(p->master, TIOCSWINSZ, &size);
}

int console_pump_input(struct console_pump *p)
{
	char buf[4096];
	ssize_t n = read(0, buf, sizeof(buf));

	if (n > 0)
		return fd_write_all(p->master, buf, (size_t)n) == 0;
	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return 1;
	p->has_stdin = false;
	if (!p->is_raw) { /* a pipe that ended: the terminal's way to say so is ^D */
		char eof = 4;

		fd_write_all(p->master, &eof, 1);
	}
	return 1;
}

int console_pump_output(struct console_pump *p)
{
	char buf[16384];
	ssize_t n = read(p->master, buf, sizeof(buf));

	if (n > 0)
		return fd_write_all(1, buf, (size_t)n) == 0;
	return n < 0 && (errno == EINTR || errno == EAGAIN);
}

void console_pump_stop(struct console_pump *p)
{
	struct pollfd left = {.fd = p->master, .events = POLLIN};

	if (p->master < 0)
		return;
	while (poll(&left, 1, 0) > 0 && (left.revents & POLLIN))
		if (!console_pump_output(p))
			break;
	if (p->is_raw)
		tcsetattr(0, TCSADRAIN, &p->saved);
	close(p->master);
	p->master = -EBADF;
}
