/* SPDX-License-Identifier: Apache-2.0 */
/* The names of signals. */
#include "kernel/signal.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <strings.h>

#include "base/auto.h"
#include "base/str.h"

static const struct {
	const char *name;
	int number;
} signals[] = {
	{"SIGHUP", SIGHUP},   {"SIGINT", SIGINT},     {"SIGQUIT", SIGQUIT},
	{"SIGILL", SIGILL},   {"SIGTRAP", SIGTRAP},   {"SIGABRT", SIGABRT},
	{"SIGIOT", SIGABRT},  {"SIGBUS", SIGBUS},     {"SIGFPE", SIGFPE},
	{"SIGKILL", SIGKILL}, {"SIGUSR1", SIGUSR1},   {"SIGSEGV", SIGSEGV},
	{"SIGUSR2", SIGUSR2}, {"SIGPIPE", SIGPIPE},   {"SIGALRM", SIGALRM},
	{"SIGTERM", SIGTERM}, {"SIGCHLD", SIGCHLD},   {"SIGCLD", SIGCHLD},
	{"SIGCONT", SIGCONT}, {"SIGSTOP", SIGSTOP},   {"SIGTSTP", SIGTSTP},
	{"SIGTTIN", SIGTTIN}, {"SIGTTOU", SIGTTOU},   {"SIGURG", SIGURG},
	{"SIGXCPU", SIGXCPU}, {"SIGXFSZ", SIGXFSZ},   {"SIGVTALRM", SIGVTALRM},
	{"SIGPROF", SIGPROF}, {"SIGWINCH", SIGWINCH}, {"SIGIO", SIGIO},
	{"SIGPOLL", SIGIO},   {"SIGPWR", SIGPWR},     {"SIGSYS", SIGSYS},
	{"SIGSTKFLT", 16},
};

/* The kernel's real-time signals: 34 and 64 as the C libraries number them. */
static int real_time_number(const char *name)
{
	uint32_t n;

	if (strcasecmp(name, "RTMIN") == 0)
		return 34;
	if (strcasecmp(name, "RTMAX") == 0)
		return 64;
	if (strncasecmp(name, "RTMIN+", 6) == 0 && str_to_u32(name + 6, &n) == 0 && n <= 30)
		return 34 + (int)n;
	if (strncasecmp(name, "RTMAX-", 6) == 0 && str_to_u32(name + 6, &n) == 0 && n <= 30)
		return 64 - (int)n;
	return -EINVAL;
}

int signal_number(const char *word)
{
	const char *name;
	uint32_t n;

	if (!word)
		return -EINVAL;
	if (str_to_u32(word, &n) == 0)
		return n <= 64 ? (int)n : -EINVAL;
	name = strncasecmp(word, "SIG", 3) == 0 ? word + 3 : word;
	for (size_t i = 0; i < ARRAY_LEN(signals); i++)
		if (strcasecmp(signals[i].name + 3, name) == 0)
			return signals[i].number;
	return real_time_number(name);
}

const char *signal_name(int signo, char buf[16])
{
	for (size_t i = 0; i < ARRAY_LEN(signals); i++)
		if (signals[i].number == signo)
			return signals[i].name;
	snprintf(buf, 16, "signal %d", signo);
	return buf;
}
