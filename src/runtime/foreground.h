/* SPDX-License-Identifier: Apache-2.0 */
/* Waiting for a process in the foreground: signals go on to it, its terminal is pumped. */
#ifndef BERTH_RUNTIME_FOREGROUND_H
#define BERTH_RUNTIME_FOREGROUND_H

#include <signal.h>
#include <stdbool.h>
#include <sys/types.h>

struct err;

/* Blocks the signals that foreground_wait forwards; call before the process is made, so that none is
 * lost. Returns a signalfd or -errno; *ret_old is to be put back with sigprocmask. */
int foreground_begin(sigset_t *ret_old, struct err *e);

/* Waits for the child behind pidfd. master: its terminal (taken over) or -EBADF. is_reaper: other
 * orphans come to us and are reaped. Returns its exit code (128 + signal) or -errno. */
int foreground_wait(int signal_fd, int pidfd, pid_t pid, int master, bool is_reaper, struct err *e);

#endif
