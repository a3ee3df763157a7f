/* SPDX-License-Identifier: Apache-2.0 */
/* What ended a container: memory, a failed start, a signal, its own code, a refused system call; and restarts. */
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/auto.h"
#include "base/str.h"
#include "engine/why/case.h"
#include "kernel/signal.h"
#include "security/syscalls.h"

/* ---- out of memory ------------------------------------------------------------------------------- */

/* Whose limit it was: by the kernel's log, else by the figures, and `how` says from what. */
enum owner { OWNER_OWN, OWNER_ABOVE, OWNER_HOST, OWNER_UNKNOWN };

static enum owner find_owner(const struct why_case *c, const char **how)
{
	const struct exit_record *x = &c->life;

	if (x->oom_group) {
		const char *last = strrchr(x->oom_group, '/');

		*how = arena_printf(c->a, "kernel log: oom_memcg=%s", x->oom_group);
		if (str_eq(x->oom_group, "/"))
			return OWNER_HOST;
		return last && str_eq(last + 1, c->record.id) ? OWNER_OWN : OWNER_ABOVE;
	}
	/* v1 counts up to the limit, v2 a page or two less. */
	if (x->memory_limit > 0 && x->memory_peak >= x->memory_limit - x->memory_limit / 64) {
		*how = arena_printf(
			c->a,
			"%s: memoryPeak %lld, memoryLimit %lld (concluded: the kernel's log "
			"says nothing of it)",
			c->source, (long long)x->memory_peak, (long long)x->memory_limit);
		return OWNER_OWN;
	}
	*how = arena_printf(
		c->a,
		"%s: memoryPeak %lld, memoryLimit %lld (concluded: its own limit was not "
		"reached, and the kernel's log says nothing of it)",
		c->source, (long long)x->memory_peak, (long long)x->memory_limit);
	return c->record.pool ? OWNER_ABOVE : OWNER_UNKNOWN;
}

static const char *owner_text(const struct why_case *c, enum owner o)
{
	const struct exit_record *x = &c->life;

	switch (o) {
	case OWNER_OWN:
		return arena_printf(c->a, "its own limit of %s", why_size(x->memory_limit, c->a));
	case OWNER_ABOVE:
		if (c->record.pool)
			return arena_printf(c->a, "the limit of its pool %s", c->record.pool);
		return arena_printf(c->a, "the limit of group %s", x->oom_group);
	case OWNER_HOST:
		return "no limit: the memory of the machine ran out";
	case OWNER_UNKNOWN:
		break;
	}
	return "a limit above it, or the memory of the machine, ran out";
}

static const char *owner_mend(const struct why_case *c, enum owner o)
{
	const char *size = why_more(
		c->life.memory_limit > 0 ? c->life.memory_limit : c->life.memory_peak, c->a);

	if (o == OWNER_OWN)
		return why_update(c, arena_printf(c->a, "--memory %s", size));
	if (o == OWNER_ABOVE && c->record.pool)
		return arena_printf(c->a,
				    "berth pool update --memory SIZE %s, or give its containers "
				    "limits of their own",
				    c->record.pool);
	return "give containers limits (--memory), so that they cannot take all of it";
}

/* The last samples before the end: how fast it grew. */
static void prove_growth(const struct why_case *c, struct why_report *r)
{
	const struct recording *rec = &c->recording;
	const char *text = "";
	size_t step = rec->n_fine > 8 ? rec->n_fine / 8 : 1;

	for (size_t i = rec->n_fine % step; i < rec->n_fine; i += step)
		if (rec->fine[i].known & SAMPLE_MEMORY)
			text = arena_printf(c->a, "%s%s%s", text, *text ? ", " : "",
					    why_size((int64_t)rec->fine[i].memory, c->a));
	if (*text)
		why_prove(c, r, "recorder: memory in the last %s: %s",
			  why_duration((int64_t)rec->n_fine * 1000000000, c->a), text);
}

void why_detect_oom(const struct why_case *c, struct why_report *r)
{
	const struct exit_record *x = &c->life;
	const char *how = "", *victim = "a process of it", *size = "";
	bool ended = !c->is_running && x->signal == SIGKILL;
	enum owner o;

	if (!c->has_life || x->oom_kills <= 0)
		return;
	o = find_owner(c, &how);
	if (x->victim)
		victim = arena_printf(c->a, "%s%s", x->victim,
				      x->victim_pid ? arena_printf(c->a, " (process %lld)",
								   (long long)x->victim_pid)
						    : "");
	if (x->victim_kb)
		size = arena_printf(c->a, ", which held %s", why_size(x->victim_kb * 1024, c->a));
	why_say(c, r, WHY_PROBLEM, "out-of-memory", owner_mend(c, o),
		"out of memory: the kernel killed %s%s, because of %s%s", victim, size,
		owner_text(c, o), ended ? "; that ended the container" : "");
	why_prove(c, r, "%s: oomKills %lld", c->source, (long long)x->oom_kills);
	why_prove(c, r, "%s", how);
	if (x->memory_peak > 0)
		why_prove(c, r, "%s: memoryPeak %s", c->source, why_size(x->memory_peak, c->a));
	prove_growth(c, r);
}

/* ---- it did not start ---------------------------------------------------------------------------- */

static const struct {
	const char *words, *cause, *text, *mend;
} failures[] = {
	{"ends in CRLF", "crlf-script", "the script has Windows line ends",
	 "convert it: sed -i 's/\\r$//' SCRIPT"},
	{"its interpreter", "missing-interpreter",
	 "the interpreter that the program names is not in the image",
	 "put it into the image, or use a program that is linked statically"},
	{"exec format error", "wrong-architecture",
	 "the program is not built for this machine, or is no program",
	 "use an image for this machine (--platform), or begin the script with #!/bin/sh"},
	{"executable file not found", "missing-program", "the program is not in the image's PATH",
	 "name a program that the image has: berth run --rm IMAGE ls /bin"},
	{"permission denied", "not-executable", "the program may not be executed",
	 "chmod +x it, and look at the mount option noexec"},
	{"no such file", "missing-program", "what it names is not there", "look at the path"},
	{"no space left", "disk-full", "the disk is full", "berth system df, berth system prune"},
};

void why_detect_start(const struct why_case *c, struct why_report *r)
{
	const char *error = c->status.error;

	if (!error || c->is_running || str_eq(c->life.reason, "monitor lost"))
		return;
	for (size_t i = 0; i < ARRAY_LEN(failures); i++) {
		if (!strstr(error, failures[i].words))
			continue;
		why_say(c, r, WHY_PROBLEM, failures[i].cause, failures[i].mend,
			"it did not start: %s", failures[i].text);
		why_prove(c, r, "status.jsonl: error: %s", error);
		return;
	}
	why_say(c, r, WHY_PROBLEM, "start-failed", NULL, "it did not start");
	why_prove(c, r, "status.jsonl: error: %s", error);
}

/* ---- system calls -------------------------------------------------------------------------------- */

static const char *call_name(int64_t number, int64_t audit_arch, struct arena *a)
{
	const struct syscall_arch *arch = syscall_arch_by_audit((uint32_t)audit_arch);

	for (size_t i = 0; arch && number >= 0 && i < syscall_name_count; i++)
		if (syscall_absolute(arch, syscall_relative(arch, i)) == (uint32_t)number)
			return syscall_name(i);
	return arena_printf(a, "number %lld", (long long)number);
}

static bool has_pid(const struct why_case *c, int64_t pid)
{
	for (size_t i = 0; i < c->n_pids; i++)
		if (c->pids[i] == pid)
			return true;
	return false;
}

/* What the filter logs of processes that still run. */
static void say_logged(const struct why_case *c, struct why_report *r)
{
	for (size_t i = 0; i < c->log.denials.n; i++) {
		const struct kmsg_denial *d = &c->log.denials.v[i];

		if (!has_pid(c, d->pid))
			continue;
		why_say(c, r, WHY_NOTE, "system-call-logged", NULL,
			"its filter of system calls logged %s of %s (process %lld)",
			call_name(d->call, d->arch, c->a), d->comm, (long long)d->pid);
		why_prove(c, r, "kernel log: type=1326 syscall=%lld code=0x%llx",
			  (long long)d->call, (unsigned long long)d->code);
		return;
	}
}

/* What a security module refused to processes that still run: the one place where the kernel names a capability. */
static void say_refused(const struct why_case *c, struct why_report *r)
{
	for (size_t i = 0; i < c->log.refusals.n; i++) {
		const struct kmsg_refusal *f = &c->log.refusals.v[i];

		if (!has_pid(c, f->pid))
			continue;
		why_say(c, r, WHY_WARNING, "refused",
			"allow it in the profile (--security-opt apparmor=PROFILE)",
			"its profile %s refused %s to %s (process %lld)", f->profile, f->what,
			f->comm, (long long)f->pid);
		why_prove(c, r, "kernel log: type=1400 DENIED %s", f->what);
		return;
	}
}

void why_detect_denial(const struct why_case *c, struct why_report *r)
{
	const struct exit_record *x = &c->life;

	say_logged(c, r);
	say_refused(c, r);
	if (c->is_running || !c->has_life || x->signal != SIGSYS)
		return;
	why_say(c, r, WHY_PROBLEM, "system-call-refused",
		"allow the call in its profile (--security-opt seccomp=FILE)",
		"its filter of system calls (seccomp) ended it%s%s",
		x->denied_arch ? ": it called " : "",
		x->denied_arch ? call_name(x->denied_call, x->denied_arch, c->a) : "");
	why_prove(c, r, "%s: signal %d (SIGSYS)", c->source, SIGSYS);
	if (x->denied_arch)
		why_prove(c, r, "kernel log: type=1326 syscall=%lld", (long long)x->denied_call);
	else
		why_prove(c, r, "kernel log: %s",
			  c->log.is_readable ? "no audit line of it: the call is not known"
					     : "may not be read: the call is not known");
}

/* ---- signals ------------------------------------------------------------------------------------- */

/* Signals that the kernel sends to who made a mistake, and limits of a process. */
static const struct {
	int signal;
	const char *text, *mend;
} faults[] = {
	{SIGSEGV, "it touched memory that it does not have: a fault of the program", NULL},
	{SIGBUS, "it touched memory behind the end of a file, or a full /dev/shm",
	 "--shm-size, if it uses shared memory"},
	{SIGILL, "it executed an instruction that this processor does not have", NULL},
	{SIGFPE, "it divided by zero, or the like: a fault of the program", NULL},
	{SIGABRT, "it gave itself up (abort)", NULL},
	{SIGTRAP, "it ran into a breakpoint", NULL},
	{SIGPIPE, "it wrote where nobody reads any more", NULL},
	{SIGXCPU, "it used up the processor time of its --ulimit cpu", "a larger --ulimit cpu"},
	{SIGXFSZ, "it wrote a larger file than its --ulimit fsize allows",
	 "a larger --ulimit fsize"},
};

static const char *sender_text(const struct why_case *c)
{
	if (!c->signal_event)
		return NULL;
	return arena_printf(c->a, "%s with `berth %s`", c->signal_by ? c->signal_by : "somebody",
			    c->signal_event);
}

static void say_stopped(const struct why_case *c, struct why_report *r, const char *name)
{
	const struct exit_record *x = &c->life;
	const char *sender = sender_text(c);
	char asked[16];

	if (x->signal == SIGKILL && c->signal_number > 0 && c->signal_number != SIGKILL) {
		why_say(c, r, WHY_NOTE, "stopped-by-force",
			"handle the signal in the program, or let a small first process pass it on "
			"(--init), or give it longer (--stop-timeout)",
			"it was stopped by %s; it did not heed %s in time and was killed",
			sender ? sender : "somebody", signal_name((int)c->signal_number, asked));
	} else {
		why_say(c, r, WHY_NOTE, "stopped", NULL, "it was stopped by %s (%s)",
			sender ? sender : "somebody",
			x->signal ? name
				  : arena_printf(c->a, "and ended with code %lld",
						 (long long)x->exit_code));
	}
	why_prove(c, r, "%s: reason %s, signal %lld", c->source, x->reason, (long long)x->signal);
	if (sender)
		why_prove(c, r, "events.jsonl: %s, signal %lld", c->signal_event,
			  (long long)c->signal_number);
}

void why_detect_signal(const struct why_case *c, struct why_report *r)
{
	const struct exit_record *x = &c->life;
	char buf[16];
	const char *name = signal_name((int)x->signal, buf), *sender = sender_text(c);

	if (c->is_running || !c->has_life || x->oom_kills > 0 || x->signal == SIGSYS)
		return;
	if (str_eq(x->reason, "monitor lost")) {
		why_say(c, r, WHY_PROBLEM, "monitor-lost",
			"restart it; --restart always does so at the next `berth system boot`",
			"its monitor (berth-monitor) was killed, or the machine went down; berth "
			"killed "
			"what was left");
		why_prove(c, r, "%s: reason monitor lost", c->source);
		return;
	}
	if (str_eq(x->reason, "stopped")) {
		say_stopped(c, r, name);
		return;
	}
	if (!x->signal)
		return;
	for (size_t i = 0; i < ARRAY_LEN(faults); i++) {
		if (faults[i].signal != x->signal || sender)
			continue;
		why_say(c, r, WHY_PROBLEM, "fault", faults[i].mend, "%s ended it: %s", name,
			faults[i].text);
		why_prove(c, r, "%s: signal %lld", c->source, (long long)x->signal);
		return;
	}
	why_say(c, r, WHY_PROBLEM, "killed", NULL, "%s ended it, sent by %s", name,
		sender ? sender
		       : "somebody unknown: not by berth, and not by the kernel for want of "
			 "memory");
	why_prove(c, r, "%s: signal %lld, oomKills 0", c->source, (long long)x->signal);
	why_prove(c, r, "events.jsonl: %s", sender ? c->signal_event : "no kill and no stop");
}

/* ---- its own code -------------------------------------------------------------------------------- */

static void prove_log(const struct why_case *c, struct why_report *r)
{
	for (size_t i = 0; i < c->log_lines.n; i++)
		why_prove(c, r, "log: %s", c->log_lines.v[i]);
}

void why_detect_code(const struct why_case *c, struct why_report *r)
{
	const struct exit_record *x = &c->life;
	long long code = (long long)x->exit_code;
	char buf[16];

	if (c->is_running || !c->has_life || c->status.error || x->signal || code == 0 ||
	    str_eq(x->reason, "stopped"))
		return;
	if (code == 127 || code == 126)
		why_say(c, r, WHY_PROBLEM, code == 127 ? "command-not-found" : "not-executable",
			"look at the command's name and the image's PATH",
			"it ended with code %lld: by the convention of shells a command in it %s",
			code, code == 127 ? "was not found" : "could not be executed");
	else if (code > 128 && code < 128 + 65)
		why_say(c, r, WHY_PROBLEM, "child-killed", NULL,
			"it ended with code %lld: by the convention of shells a command in it was "
			"ended "
			"by %s",
			code, signal_name((int)code - 128, buf));
	else
		why_say(c, r, WHY_PROBLEM, "failed",
			c->is_removed ? NULL : arena_printf(c->a, "berth logs %s", c->record.name),
			"the program ended itself with code %lld", code);
	why_prove(c, r, "%s: exitCode %lld, signal 0", c->source, code);
	prove_log(c, r);
}

/* ---- restarts ------------------------------------------------------------------------------------ */

void why_detect_restarts(const struct why_case *c, struct why_report *r)
{
	const struct status *s = &c->status;
	const struct exit_record *last = c->n_lives ? &c->lives[c->n_lives - 1] : NULL;

	if (s->restarts <= 0 && s->state != CONTAINER_RESTARTING)
		return;
	why_say(c, r, WHY_WARNING, "restarts",
		"mend what ends it; --restart on-failure:NUMBER gives up after so many",
		"it was restarted %lld times (policy %s)%s", (long long)s->restarts,
		c->record.restart ? c->record.restart : "?",
		s->state == CONTAINER_RESTARTING
			? "; the next start waits: twice as long each time, up to a minute"
			: "");
	why_prove(c, r, "status.jsonl: restarts %lld", (long long)s->restarts);
	if (last)
		why_prove(c, r, "exits.jsonl: the last life took %s and ended with code %lld (%s)",
			  why_duration(last->finished_ns - last->started_ns, c->a),
			  (long long)last->exit_code, last->reason ? last->reason : "?");
}
