/* SPDX-License-Identifier: Apache-2.0 */
/* Inside log/: reading back what driver journald wrote. */
#ifndef BERTH_ENGINE_LOG_JOURNAL_PRINT_H
#define BERTH_ENGINE_LOG_JOURNAL_PRINT_H

#include "engine/log/log.h"

int journal_print(int dir_fd, const struct record *r, const struct log_query *q, struct err *e);

#endif
