/* SPDX-License-Identifier: Apache-2.0 */
/* Why an exec failed, when errno alone misleads. */
#ifndef BERTH_RUNTIME_DIAGNOSE_H
#define BERTH_RUNTIME_DIAGNOSE_H

struct err;

/* Fills *e for a failed execve(2) of path with -errno r: names a missing interpreter, a script with
 * CRLF line ends, a program of another architecture, a mount without exec. Returns r. */
int diagnose_exec(const char *path, int r, struct err *e);

#endif
