/* SPDX-License-Identifier: Apache-2.0 */
/* Processes: pidfds, waiting, start times. */
#ifndef BERTH_KERNEL_PROCESS_H
#define BERTH_KERNEL_PROCESS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* Kills (SIGKILL) and reaps the child behind a pidfd, then closes it. For auto_kill. */
void process_kill_fn(int *pidfd);
#define auto_kill __attribute__((cleanup(process_kill_fn)))

/* Waits for the child behind pidfd; *ret_status as waitpid(2). Returns 0 or -errno. */
int process_wait(int pidfd, int *ret_status);

/* The exit code that a shell would see for a wait status: code, or 128 + signal. */
int process_exit_code(int status);

/* Field 22 of /proc/PID/stat: start time in clock ticks since boot; with the pid it names a process
 * for ever. *ret_state (may be NULL) gets the state letter. Returns 0 or -errno (-ESRCH: gone). */
int process_start_time(pid_t pid, uint64_t *ret_ticks, char *ret_state);

/* 1 when the process is dead or dying and never executed a program since it was made, else 0; -errno (-ESRCH: it is
 * gone). include/linux/sched.h: PF_EXITING is set before descriptors are closed, PF_FORKNOEXEC is cleared before exec
 * closes them. */
int process_died_before_exec(pid_t pid);

#endif
