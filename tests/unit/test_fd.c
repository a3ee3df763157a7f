/* SPDX-License-Identifier: Apache-2.0 */
/* Whole reads and writes, replacing files, passing descriptors, processes, and the procfs handle. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/auto.h"
#include "kernel/fd.h"
#include "kernel/proc.h"
#include "kernel/process.h"
#include "kernel/sys.h"

struct fixture {
	char path[32];
	int dir;
};

static int make_dir(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	strcpy(f->path, "/tmp/test_fd.XXXXXX");
	if (!mkdtemp(f->path))
		return -1;
	f->dir = open(f->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	*state = f;
	return f->dir < 0 ? -1 : 0;
}

static int remove_dir(void **state)
{
	struct fixture *f = *state;

	unlinkat(f->dir, "file", 0);
	unlinkat(f->dir, "fifo", 0);
	close(f->dir);
	rmdir(f->path);
	free(f);
	return 0;
}

static void test_replace_and_read(void **state)
{
	struct fixture *f = *state;
	auto_arena struct arena a = {0};
	char *text, big[10000];
	struct stat st;
	size_t n;

	assert_int_equal(file_replace_at(f->dir, "file", "hello\n", 6, 0600), 0);
	assert_int_equal(fstatat(f->dir, ".file.tmp", &st, 0), -1);
	assert_int_equal(file_read_at(f->dir, "file", &a, 6, &text, &n), 0);
	assert_int_equal(n, 6);
	assert_string_equal(text, "hello\n");
	assert_int_equal(file_read_at(f->dir, "file", &a, 5, &text, NULL), -EFBIG);
	assert_int_equal(file_read_at(f->dir, "file", &a, SIZE_MAX, &text, NULL), 0);
	memset(big, 'x', sizeof(big));
	assert_int_equal(file_replace_at(f->dir, "file", big, sizeof(big), 0600), 0);
	assert_int_equal(file_read_at(f->dir, "file", &a, 1 << 20, &text, &n), 0);
	assert_int_equal(n, sizeof(big));
	assert_int_equal(text[n], 0);
	assert_int_equal(file_read_at(f->dir, "none", &a, 5, &text, NULL), -ENOENT);
	assert_int_equal(file_read_at(f->dir, ".", &a, 5, &text, NULL), -EISDIR);
}

/* Nobody is at the other end of a FIFO: the read must not wait. */
static void test_fifo(void **state)
{
	struct fixture *f = *state;
	auto_arena struct arena a = {0};
	char *text;

	assert_int_equal(mkfifoat(f->dir, "fifo", 0600), 0);
	assert_int_equal(file_read_at(f->dir, "fifo", &a, 5, &text, NULL), -EINVAL);
}

static void test_pipe_is_read_to_its_end(void **state)
{
	auto_arena struct arena a = {0};
	char big[20000], *text;
	int ends[2];
	size_t n;

	(void)state;
	memset(big, 'y', sizeof(big));
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	assert_int_equal(fd_write_all(ends[1], big, sizeof(big)), 0);
	close(ends[1]);
	assert_int_equal(fd_read_all(ends[0], &a, sizeof(big), &text, &n), 0);
	assert_int_equal(n, sizeof(big));
	close(ends[0]);
}

static void test_small(void **state)
{
	struct fixture *f = *state;
	char buf[8];

	assert_int_equal(file_replace_at(f->dir, "file", "12\n", 3, 0600), 0);
	assert_int_equal(file_read_small(f->dir, "file", buf, sizeof(buf)), 2);
	assert_string_equal(buf, "12");
	assert_int_equal(file_read_small(f->dir, "file", buf, 2), 1);
	assert_string_equal(buf, "1");
	assert_int_equal(file_write_at(f->dir, "file", "987"), 0);
	assert_int_equal(file_read_small(f->dir, "file", buf, sizeof(buf)), 3);
	assert_int_equal(file_write_at(f->dir, "none", "1"), -ENOENT);
}

static void test_pass_descriptor(void **state)
{
	struct fixture *f = *state;
	struct stat sent, got;
	int s[2], fd = 5;
	char buf[8];

	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, s), 0);
	assert_int_equal(fd_send(s[0], "abc", 3, f->dir), 0);
	assert_int_equal(fd_receive(s[1], buf, sizeof(buf), &fd), 3);
	assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
	assert_int_equal(fstat(fd, &got), 0);
	assert_int_equal(fstat(f->dir, &sent), 0);
	assert_int_equal(got.st_ino, sent.st_ino);
	close(fd);
	assert_int_equal(fd_send(s[0], "abc", 3, -1), 0);
	assert_int_equal(fd_receive(s[1], buf, sizeof(buf), &fd), 3);
	assert_int_equal(fd, -EBADF);
	/* too long for the buffer: no half message, no leaked descriptor */
	fd = 7;
	assert_int_equal(fd_send(s[0], "0123456789", 10, f->dir), 0);
	assert_int_equal(fd_receive(s[1], buf, sizeof(buf), &fd), -EMSGSIZE);
	assert_int_equal(fd, 7);
	close(s[0]);
	assert_int_equal(fd_receive(s[1], buf, sizeof(buf), &fd), 0);
	assert_int_equal(fd_send(s[1], "x", 1, -1), -EPIPE);
	close(s[1]);
}

static int fork_pidfd(int code)
{
	pid_t pid = fork();

	if (pid == 0) {
		if (code < 0)
			pause();
		_exit(code);
	}
	return sys_pidfd_open(pid, 0);
}

static void test_process(void **state)
{
	uint64_t ticks = 0, again = 0;
	int pidfd, status;
	char letter = 0;

	(void)state;
	pidfd = fork_pidfd(3);
	assert_int_equal(process_wait(pidfd, &status), 0);
	assert_true(WIFEXITED(status));
	assert_int_equal(process_exit_code(status), 3);
	close(pidfd);
	pidfd = fork_pidfd(-1);
	assert_int_equal(sys_pidfd_send_signal(pidfd, SIGTERM), 0);
	assert_int_equal(process_wait(pidfd, &status), 0);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(process_exit_code(status), 128 + SIGTERM);
	close(pidfd);
	pidfd = fork_pidfd(-1);
	process_kill_fn(&pidfd);
	assert_int_equal(pidfd, -EBADF);
	assert_int_equal(waitpid(-1, NULL, 0), -1);

	assert_int_equal(process_start_time(getpid(), &ticks, &letter), 0);
	assert_int_equal(process_start_time(getpid(), &again, NULL), 0);
	assert_true(ticks > 0 && ticks == again);
	assert_int_equal(letter, 'R');
	assert_int_equal(process_start_time(0x3fffffff, &ticks, NULL), -ESRCH);
}

static void check_proc(void)
{
	auto_close int proc = proc_open(), fd = -EBADF;

	assert_true(proc >= 0);
	fd = proc_open_at(proc, "self/status", O_RDONLY);
	assert_true(fd >= 0);
	assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
	assert_int_equal(proc_open_at(proc, "self/root", O_RDONLY), -ELOOP);
	/* ELOOP; ENOTDIR from the walk, which sees the link where it wants a directory */
	assert_true(proc_open_at(proc, "self/cwd/x", O_RDONLY) < 0);
	assert_int_equal(proc_open_at(proc, "../etc", O_RDONLY), -EXDEV);
	assert_int_equal(proc_open_at(proc, "self/../../etc", O_RDONLY), -EXDEV);
	assert_int_equal(proc_open_at(proc, "/etc", O_RDONLY), -EXDEV);
	/* a link, though one of the kernel's own */
	assert_int_equal(proc_open_at(proc, "mounts", O_RDONLY), -ELOOP);
	assert_int_equal(proc_write_at(proc, "self/comm", "renamed"), 0);
	assert_int_equal(proc_write_at(proc, "sys/kernel/none", "1"), -ENOENT);
	/* what lies in the current directory is no procfs, whatever it is called */
	assert_true(proc_write_at(AT_FDCWD, "fifo", "1") < 0);
}

static void test_proc(void **state)
{
	(void)state;
	check_proc();
	proc_use_fallback(true);
	check_proc();
	proc_use_fallback(false);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_replace_and_read, make_dir, remove_dir),
		cmocka_unit_test_setup_teardown(test_fifo, make_dir, remove_dir),
		cmocka_unit_test(test_pipe_is_read_to_its_end),
		cmocka_unit_test_setup_teardown(test_small, make_dir, remove_dir),
		cmocka_unit_test_setup_teardown(test_pass_descriptor, make_dir, remove_dir),
		cmocka_unit_test(test_process),
		cmocka_unit_test(test_proc),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
