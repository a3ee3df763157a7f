/* SPDX-License-Identifier: Apache-2.0 */
/* Runs a program and lets one system call of it, or of a process it made, fail or be its last. */
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#include "security/syscalls.h"

/*
 * Theory of operation
 *
 * inject REPORT SECONDS PID PROCESS CALL WHAT COMMAND...
 *
 * Processes are numbered as they are made: 0 is COMMAND, 1 its first child. With a PID that process,
 * which runs already, is 1. CALL counts the system calls of PROCESS from 1, from its birth (COMMAND:
 * from its exec); NUMBER:NAME is the NUMBER-th call NAME, since no two runs are quite the same. A child is
 * let go when it executes another program; COMMAND may replace itself. WHAT is an errno, "kill", or
 * "list": then nothing is done, and REPORT has a line "call PROCESS CALL NAME"
 * for each. REPORT further has "hit NAME", "crash PROCESS SIGNAL", "hang", "exit CODE", "signal NUMBER".
 */

#ifndef __x86_64__
int main(void)
{
	fputs("inject: this processor is not known here\n", stderr);
	return 125;
}
#else

enum { PROCESSES = 256, ACTION_LIST = 0, ACTION_KILL = -1 };

#define OPTIONS                                                                                   \
	(PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE | \
	 PTRACE_O_TRACEEXEC)

struct process {
	pid_t pid;
	unsigned long calls, named;
	bool counts, is_failing;
};

static struct process processes[PROCESSES];
static unsigned process_count;
static FILE *report;
static unsigned wanted_process;
static unsigned long wanted_call;
static const char *wanted_name; /* NULL: any */
static bool is_hit;
static int action; /* an errno, or ACTION_* */
static volatile sig_atomic_t is_late;

static void on_alarm(int signo)
{
	(void)signo;
	is_late = 1;
	alarm(1); /* should it come just before waitpid(2) */
}

static struct process *find_process(pid_t pid)
{
	for (unsigned i = 0; i < process_count; i++)
		if (processes[i].pid == pid)
			return &processes[i];
	if (process_count == PROCESSES) {
		fputs("inject: too many processes\n", stderr);
		exit(125);
	}
	processes[process_count] = (struct process){.pid = pid, .counts = true};
	return &processes[process_count++];
}

static void resume(pid_t pid, int request, int signo)
{
	ptrace(request, pid, NULL, (void *)(uintptr_t)signo);
}

static const char *name_of(unsigned long long number)
{
	const struct syscall_arch *arch = syscall_arch_by_name("SCMP_ARCH_X86_64");

	for (size_t i = 0; i < syscall_name_count; i++) {
		unsigned relative = syscall_relative(arch, i);

		if (relative != SYSCALL_NONE && syscall_absolute(arch, relative) == number)
			return syscall_name(i);
	}
	return "unknown";
}

/* True: the process is gone or going, there is nothing to resume. */
static bool on_call(struct process *p)
{
	struct user_regs_struct regs;
	unsigned index = (unsigned)(p - processes);
	struct __ptrace_syscall_info info = {0};

	if (ptrace(PTRACE_GET_SYSCALL_INFO, p->pid, (void *)sizeof(info), &info) < 0)
		return false;
	if (info.op == PTRACE_SYSCALL_INFO_EXIT && p->is_failing) {
		p->is_failing = false;
		ptrace(PTRACE_GETREGS, p->pid, NULL, &regs);
		regs.rax = (unsigned long long)-action;
		ptrace(PTRACE_SETREGS, p->pid, NULL, &regs);
	}
	if (info.op != PTRACE_SYSCALL_INFO_ENTRY || !p->counts)
		return false;
	p->calls++;
	if (action == ACTION_LIST)
		fprintf(report, "call %u %lu %s\n", index, p->calls, name_of(info.entry.nr));
	if (action == ACTION_LIST || is_hit || index != wanted_process)
		return false;
	if (wanted_name && strcmp(wanted_name, name_of(info.entry.nr)) == 0)
		p->named++;
	if ((wanted_name ? p->named : p->calls) != wanted_call)
		return false;
	is_hit = true;
	fprintf(report, "hit %s\n", name_of(info.entry.nr));
	if (action == ACTION_KILL) {
		kill(p->pid, SIGKILL);
		return true;
	}
	ptrace(PTRACE_GETREGS, p->pid, NULL, &regs);
	regs.orig_rax = (unsigned long long)-1;
	ptrace(PTRACE_SETREGS, p->pid, NULL, &regs);
	p->is_failing = true;
	return false;
}

static bool is_crash(int signo)
{
	return signo == SIGSEGV || signo == SIGBUS || signo == SIGILL || signo == SIGFPE ||
	       signo == SIGABRT || signo == SIGSYS || signo == SIGTRAP;
}

static void on_stop(pid_t pid, int status)
{
	struct process *p = find_process(pid);
	int signo = WSTOPSIG(status), event = status >> 16;
	unsigned long made;

	switch (event) {
	case PTRACE_EVENT_EXEC:
		if (p != &processes[0]) {
			resume(pid, PTRACE_DETACH, 0);
			return;
		}
		p->counts = true;
		break;
	case PTRACE_EVENT_FORK:
	case PTRACE_EVENT_VFORK:
	case PTRACE_EVENT_CLONE:
		/* Numbered in the order of the calls that made them. */
		if (ptrace(PTRACE_GETEVENTMSG, pid, NULL, &made) == 0)
			find_process((pid_t)made);
		break;
	case PTRACE_EVENT_STOP:
		if (signo == SIGSTOP || signo == SIGTSTP || signo == SIGTTIN || signo == SIGTTOU) {
			resume(pid, PTRACE_LISTEN, 0);
			return;
		}
		break;
	default:
		if (signo == (SIGTRAP | 0x80)) {
			if (on_call(p))
				return;
			break;
		}
		if (is_crash(signo))
			fprintf(report, "crash %u %d\n", (unsigned)(p - processes), signo);
		resume(pid, PTRACE_SYSCALL, signo);
		return;
	}
	resume(pid, PTRACE_SYSCALL, 0);
}

static pid_t start(char **argv)
{
	int gate[2];
	char byte;
	pid_t pid;

	if (pipe(gate) < 0)
		return -1;
	pid = fork();
	if (pid == 0) {
		close(gate[1]);
		if (read(gate[0], &byte, 1) == 1) {
			close(gate[0]);
			execv(argv[0], argv);
		}
		_exit(125);
	}
	close(gate[0]);
	if (pid < 0 || ptrace(PTRACE_SEIZE, pid, NULL, (void *)OPTIONS) < 0)
		return -1;
	find_process(pid)->counts = false; /* until its exec */
	if (write(gate[1], "", 1) != 1)
		return -1;
	close(gate[1]);
	return pid;
}

/* Until COMMAND has ended. What it left is let go by our own end. */
static int follow(pid_t first)
{
	for (;;) {
		int status;
		pid_t pid = waitpid(-1, &status, __WALL);

		if (pid < 0 && errno == EINTR) {
			if (!is_late)
				continue;
			fputs("hang\n", report);
			for (unsigned i = 0; i < process_count; i++)
				kill(processes[i].pid, SIGKILL);
			is_late = 0;
			alarm(0);
			continue;
		}
		if (pid < 0)
			return 125;
		if (WIFSTOPPED(status)) {
			on_stop(pid, status);
			continue;
		}
		if (pid != first)
			continue;
		if (WIFEXITED(status))
			fprintf(report, "exit %d\n", WEXITSTATUS(status));
		else
			fprintf(report, "signal %d\n", WTERMSIG(status));
		return 0;
	}
}

int main(int argc, char **argv)
{
	struct sigaction act = {.sa_handler = on_alarm};
	pid_t first, other;
	int r;

	if (argc < 8) {
		fputs("usage: inject REPORT SECONDS PID PROCESS CALL ERRNO|kill|list COMMAND...\n",
		      stderr);
		return 125;
	}
	report = fopen(argv[1], "we");
	if (!report)
		return 125;
	other = atoi(argv[3]);
	wanted_process = (unsigned)atoi(argv[4]);
	wanted_call = strtoul(argv[5], NULL, 10);
	wanted_name = strchr(argv[5], ':') ? strchr(argv[5], ':') + 1 : NULL;
	action = strcmp(argv[6], "list") == 0   ? ACTION_LIST
		 : strcmp(argv[6], "kill") == 0 ? ACTION_KILL
						: atoi(argv[6]);
	sigaction(SIGALRM, &act, NULL);
	first = start(argv + 7);
	if (first < 0) {
		perror("inject");
		return 125;
	}
	if (other > 0 && ptrace(PTRACE_SEIZE, other, NULL, (void *)OPTIONS) == 0) {
		find_process(other);
		ptrace(PTRACE_INTERRUPT, other, NULL, NULL);
	}
	alarm((unsigned)atoi(argv[2]));
	r = follow(first);
	fclose(report);
	return r;
}
#endif
