/* SPDX-License-Identifier: Apache-2.0 */
/* The names of signals. */
#ifndef BERTH_KERNEL_SIGNAL_H
#define BERTH_KERNEL_SIGNAL_H

/* "SIGTERM", "term", "15", "RTMIN+3" -> number; 0 is allowed as kill(2) does. NULL or anything else:
 * -EINVAL. */
int signal_number(const char *word);

/* "SIGTERM"; a real-time signal or an unknown number gives "signal N" in buf. */
const char *signal_name(int signo, char buf[16]);

#endif
