/* SPDX-License-Identifier: Apache-2.0 */
/* What happens around the program: log, health checks, restarts, the way it is stopped. */
#include <errno.h>
#include <string.h>

#include "base/arena.h"
#include "base/auto.h"
#include "base/err.h"
#include "base/quantity.h"
#include "base/str.h"
#include "engine/container/attach_packet.h"
#include "engine/container/spec_parts.h"
#include "kernel/signal.h"

enum { STOP_TIMEOUT = 10, LOG_SIZE = 10 << 20, LOG_FILES = 3, KEYS_MAX = 64 };
#define DETACH_KEYS "ctrl-p,ctrl-q"
#define NS_PER_MS 1000000

/* ---- log ----------------------------------------------------------------------------------------- */

static const char *const drivers[] = {"json-file", "journald", "none", "passthrough"};

static int log_size(struct record_log *l, const char *value)
{
	return quantity_to_bytes(value, &l->max_size) < 0 || l->max_size < 4096 ? -EINVAL : 0;
}

static int log_files(struct record_log *l, const char *value)
{
	return str_to_i64(value, &l->max_files) < 0 || l->max_files < 1 || l->max_files > 1000
		       ? -EINVAL
		       : 0;
}

/* Docker's words and ours. */
static int log_mode(struct record_log *l, const char *value)
{
	if (str_eq(value, "blocking") || str_eq(value, "block"))
		l->mode = "block";
	else if (str_eq(value, "non-blocking") || str_eq(value, "drop-oldest"))
		l->mode = "drop-oldest";
	else
		return -EINVAL;
	return 0;
}

static int log_any(struct record_log *l, const char *value)
{
	(void)l;
	(void)value;
	return 0;
}

static int log_buffer(struct record_log *l, const char *value)
{
	int64_t bytes;

	(void)l;
	return quantity_to_bytes(value, &bytes);
}

static const struct log_option {
	const char *name, *wants, *driver; /* driver: the only one that has it */
	int (*take)(struct record_log *l, const char *value);
} log_options[] = {
	{"max-size", "a size of at least 4k, such as 10m", "json-file", log_size},
	{"max-file", "a number from 1 to 1000", "json-file", log_files},
	{"mode", "blocking or non-blocking", NULL, log_mode},
	{"max-buffer-size", "a size", NULL, log_buffer},
	{"labels", "names of labels", NULL, log_any},
	{"labels-regex", "an expression", NULL, log_any},
	{"env", "names of variables", NULL, log_any},
	{"env-regex", "an expression", NULL, log_any},
	{"tag", "a text", NULL, log_any},
	{"compress", "true or false", "json-file", log_any},
};

static int plan_log_option(struct record_log *l, const char *word, struct arena *a, struct err *e)
{
	size_t n = strcspn(word, "=");
	const char *name = arena_strndup(a, word, n);

	for (size_t i = 0; word[n] && i < ARRAY_LEN(log_options); i++) {
		const struct log_option *o = &log_options[i];

		if (!str_eq(o->name, name))
			continue;
		if (o->driver && !str_eq(o->driver, l->driver))
			return err_say(e, -EINVAL, "--log-opt %s: only --log-driver %s has it",
				       word, o->driver);
		if (o->take(l, word + n + 1) < 0)
			return err_say(e, -EINVAL, "--log-opt %s: want %s", word, o->wants);
		pairs_set(&l->options, name, word + n + 1, a);
		return 0;
	}
	return err_say(e, -EINVAL,
		       "--log-opt %s: unknown log opt '%s' for %s log driver: want max-size=, "
		       "max-file=, mode=, tag=, labels= or env=",
		       word, name, l->driver);
}

static int plan_log(struct spec_plan *p, struct err *e)
{
	struct record_log *l = &p->r->log;
	int r = 0;

	*l = (struct record_log){.driver = p->q->log_driver ? p->q->log_driver : drivers[0],
				 .max_size = LOG_SIZE,
				 .max_files = LOG_FILES,
				 .mode = "block"};
	if (str_index(l->driver, drivers, ARRAY_LEN(drivers)) < 0)
		return err_say(e, -EINVAL,
			       "--log-driver %s: want json-file, journald, none or passthrough",
			       l->driver);
	if (str_eq(l->driver, "passthrough") && p->q->tty)
		return err_say(e, -EINVAL,
			       "--log-driver passthrough: the container has our own streams, which "
			       "does not go with --tty");
	for (size_t i = 0; r == 0 && i < p->q->log_opt.n; i++)
		r = plan_log_option(l, p->q->log_opt.v[i], p->a, e);
	return r;
}

/* ---- health -------------------------------------------------------------------------------------- */

static int read_duration(const char *option, const char *text, int64_t *ret, struct err *e)
{
	int64_t ns;

	if (!text)
		return 0;
	if (quantity_to_ns(text, &ns) < 0 || ns < 0)
		return err_say(e, -EINVAL, "%s %s: want a duration such as 30s or 1m30s", option,
			       text);
	if (ns && ns < NS_PER_MS)
		return err_say(e, -EINVAL, "%s %s: cannot be less than 1ms", option, text);
	*ret = ns;
	return 0;
}

static int check_no_health(const struct container_request *q, struct err *e)
{
	const char *const given[] = {q->health_cmd, q->health_interval, q->health_timeout,
				     q->health_retries, q->health_start_period};

	for (size_t i = 0; i < ARRAY_LEN(given); i++)
		if (given[i])
			return err_say(e, -EINVAL,
				       "--no-healthcheck conflicts with --health-* options");
	return 0;
}

static int plan_health(struct spec_plan *p, struct err *e)
{
	const struct container_request *q = p->q;
	struct oci_health h = p->image->config.config.health;
	int r;

	if (q->no_healthcheck) {
		h = (struct oci_health){.is_set = true};
		strings_add(&h.test, "NONE", p->a);
		p->r->health = h;
		return check_no_health(q, e);
	}
	if (q->health_cmd) {
		h.test = (struct str_slice){0};
		strings_add(&h.test, q->health_cmd[0] ? "CMD-SHELL" : "NONE", p->a);
		if (q->health_cmd[0])
			strings_add(&h.test, q->health_cmd, p->a);
	}
	if ((r = read_duration("--health-interval", q->health_interval, &h.interval, e)) < 0 ||
	    (r = read_duration("--health-timeout", q->health_timeout, &h.timeout, e)) < 0 ||
	    (r = read_duration("--health-start-period", q->health_start_period, &h.start_period,
			       e)) < 0)
		return r;
	if (q->health_retries && (str_to_i64(q->health_retries, &h.retries) < 0 || h.retries < 0))
		return err_say(e, -EINVAL, "--health-retries %s: want a number", q->health_retries);
	h.is_set = h.test.n > 0;
	p->r->health = h;
	return 0;
}

/* ---- restarts, stop ------------------------------------------------------------------------------ */

static int plan_restart(struct spec_plan *p, struct err *e)
{
	static const char *const policies[] = {"no", "always", "unless-stopped", "on-failure"};
	const char *text = p->q->restart && p->q->restart[0] ? p->q->restart : "no";
	size_t n = strcspn(text, ":");
	const char *name = arena_strndup(p->a, text, n);
	uint32_t max = 0;

	if (str_index(name, policies, ARRAY_LEN(policies)) < 0 ||
	    (text[n] && (!str_eq(name, "on-failure") || str_to_u32(text + n + 1, &max) < 0)))
		return err_say(e, -EINVAL,
			       "--restart %s: want no, always, unless-stopped or "
			       "on-failure[:NUMBER]",
			       text);
	if (p->q->rm && !str_eq(name, "no"))
		return err_say(e, -EINVAL,
			       "conflicting options: cannot specify both --restart and --rm");
	p->r->restart = name;
	p->r->restart_max = max;
	return 0;
}

static int plan_stop(struct spec_plan *p, struct err *e)
{
	const char *image = p->image->config.config.stop_signal;
	const char *name = p->q->stop_signal   ? p->q->stop_signal
			   : image && image[0] ? image
					       : "SIGTERM";

	if (signal_number(name) <= 0)
		return err_say(e, -EINVAL,
			       "--stop-signal %s: invalid signal: want a name or number", name);
	p->r->stop_signal = name;
	p->r->stop_timeout = STOP_TIMEOUT;
	if (p->q->stop_timeout && str_to_i64(p->q->stop_timeout, &p->r->stop_timeout) < 0)
		return err_say(e, -EINVAL,
			       "--stop-timeout %s: want a number of seconds (-1: no limit)",
			       p->q->stop_timeout);
	return 0;
}

static int plan_detach_keys(struct spec_plan *p, struct err *e)
{
	const char *text = p->q->detach_keys ? p->q->detach_keys : DETACH_KEYS;
	char keys[KEYS_MAX];

	if (text[0] && attach_parse_keys(text, keys, sizeof(keys)) < 0)
		return err_say(e, -EINVAL,
			       "--detach-keys %s: want letters and ctrl-X between commas, such "
			       "as " DETACH_KEYS,
			       text);
	p->r->detach_keys = text;
	return 0;
}

int policy_plan(struct spec_plan *p, struct err *e)
{
	const struct container_request *q = p->q;
	struct record *r = p->r;
	int rc;

	r->has_tty = q->tty;
	r->opens_stdin = q->interactive;
	r->stdin_once = q->interactive && !q->detach;
	r->removes_itself = q->rm;
	r->is_privileged = q->privileged;
	r->publishes_all = q->publish_all;
	if ((rc = plan_log(p, e)) < 0 || (rc = plan_health(p, e)) < 0 ||
	    (rc = plan_restart(p, e)) < 0 || (rc = plan_stop(p, e)) < 0)
		return rc;
	return plan_detach_keys(p, e);
}
