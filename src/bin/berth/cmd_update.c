/* SPDX-License-Identifier: Apache-2.0 */
/* berth update: other limits, and another restart policy, for containers that run or not. */
#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "base/auto.h"
#include "base/str.h"
#include "bin/berth/each.h"
#include "engine/container/attach.h"
#include "engine/container/live.h"
#include "engine/event.h"
#include "kernel/fd.h"
#include "oci/decode.h"
#include "oci/encode.h"

enum { CONFIG_MAX = 4 << 20 };

#define STRING(name, letter, member, arg, help)                                                  \
	{                                                                                        \
		name, letter, OPT_STRING, offsetof(struct container_request, member), arg, help, \
			false                                                                    \
	}
#define LIST(name, member, arg, help)                                                           \
	{                                                                                       \
		name, 0, OPT_LIST, offsetof(struct container_request, member), arg, help, false \
	}

static const struct opt options[] = {
	STRING("memory", 'm', memory, "SIZE", "limit, such as 512m; -1: none"),
	STRING("memory-swap", 0, memory_swap, "SIZE", "memory and swap together; -1: no limit"),
	STRING("memory-reservation", 0, memory_reservation, "SIZE", "what it keeps under pressure"),
	STRING("memory-high", 0, memory_high, "SIZE", "beyond that it is slowed down (cgroup v2)"),
	STRING("cpus", 0, cpus, "NUMBER", "so many processors' time, such as 1.5"),
	STRING("cpu-shares", 'c', cpu_shares, "NUMBER", "weight against others"),
	STRING("cpu-quota", 0, cpu_quota, "MICROSECONDS", "processor time in each period"),
	STRING("cpu-period", 0, cpu_period, "MICROSECONDS", "length of the period"),
	STRING("cpu-burst", 0, cpu_burst, "MICROSECONDS", "unused quota that may be saved up"),
	STRING("cpu-idle", 0, cpu_idle, "0|1", "1: only when nobody else wants to run"),
	STRING("cpu-rt-runtime", 0, cpu_rt_runtime, "MICROSECONDS", "real-time share of a period"),
	STRING("cpu-rt-period", 0, cpu_rt_period, "MICROSECONDS", "that period"),
	STRING("cpuset-cpus", 0, cpuset_cpus, "LIST", "processors, such as 0-2,4"),
	STRING("cpuset-mems", 0, cpuset_mems, "LIST", "memory nodes"),
	STRING("pids-limit", 0, pids_limit, "NUMBER", "processes and threads; -1: no limit"),
	STRING("blkio-weight", 0, blkio_weight, "NUMBER", "10 to 1000"),
	LIST("blkio-weight-device", blkio_weight_device, "DEVICE:WEIGHT", "for one device"),
	LIST("device-read-bps", device_read_bps, "DEVICE:SIZE", "bytes a second"),
	LIST("device-write-bps", device_write_bps, "DEVICE:SIZE", "bytes a second"),
	LIST("device-read-iops", device_read_iops, "DEVICE:NUMBER", "operations a second"),
	LIST("device-write-iops", device_write_iops, "DEVICE:NUMBER", "operations a second"),
	LIST("cgroup-conf", cgroup_conf, "FILE=VALUE", "any file of its group (cgroup v2)"),
	STRING("restart", 0, restart, "POLICY", "no, on-failure[:NUMBER], always, unless-stopped"),
	{0},
};

/* ---- what is kept -------------------------------------------------------------------------------- */

static int load_spec(const struct invocation *in, int dir, struct oci_spec *ret, struct err *e)
{
	char *text;
	size_t n;
	int r = file_read_at(dir, "config.json", in->arena, CONFIG_MAX, &text, &n);

	if (r < 0)
		return err_sys(e, r, "read config.json of the container");
	return oci_decode_spec(text, n, in->arena, ret, e);
}

static int save_spec(int dir, const struct oci_spec *spec, struct err *e)
{
	auto_json_writer struct json_writer w = {0};
	int r;

	oci_spec_print(spec, &w);
	r = file_replace_at(dir, "config.json", w.buf, w.len, 0600);
	return r < 0 ? err_sys(e, r, "write config.json of the container") : 0;
}

/* The request as if it had been made with the new words: inspect shows it, and what comes later builds on it. */
static int merge_request(const struct invocation *in, const struct record *record, const char **ret,
			 struct err *e)
{
	const struct container_request *q = in->values;
	auto_json_writer struct json_writer w = {0};
	struct container_request kept = {0};
	int r = request_decode(record->request, strlen(record->request), in->arena, &kept, e);

	if (r < 0)
		return r;
	for (const struct opt *o = options; o->name; o++) {
		const void *from = (const char *)q + o->offset;
		void *to = (char *)&kept + o->offset;

		if (o->kind == OPT_STRING && *(const char *const *)from)
			*(const char **)to = *(const char *const *)from;
		if (o->kind == OPT_LIST && ((const struct str_slice *)from)->n)
			*(struct str_slice *)to = *(const struct str_slice *)from;
	}
	/* One or the other: what was asked for last counts. */
	if (q->cpus)
		kept.cpu_quota = kept.cpu_period = NULL;
	else if (q->cpu_quota || q->cpu_period)
		kept.cpus = NULL;
	request_print(&kept, &w);
	*ret = arena_strdup(in->arena, w.buf);
	return 0;
}

static int set_restart(const struct container_request *q, struct record *r, struct arena *a,
		       struct err *e)
{
	static const char *const policies[] = {"no", "always", "unless-stopped", "on-failure"};
	const char *text = q->restart;
	size_t n = strcspn(text, ":");
	const char *name = arena_strndup(a, text, n);
	uint32_t max = 0;

	if (str_index(name, policies, ARRAY_LEN(policies)) < 0 ||
	    (text[n] && (!str_eq(name, "on-failure") || str_to_u32(text + n + 1, &max) < 0)))
		return err_say(e, -EINVAL,
			       "--restart %s: want no, always, unless-stopped or "
			       "on-failure[:NUMBER]",
			       text);
	if (r->removes_itself && !str_eq(name, "no"))
		return err_say(e, -EINVAL,
			       "--restart %s: container %s is removed at its end (--rm)", text,
			       r->name);
	r->restart = name;
	r->restart_max = max;
	return 0;
}

/* ---- the kernel ---------------------------------------------------------------------------------- */

struct change {
	const char *id;
	const struct oci_resources *resources;
};

static int apply(const struct engine *g, void *arg, struct err *e)
{
	const struct change *c = arg;

	return runtime_update(&g->runtime, c->id, c->resources, e);
}

static void tell_monitor(const struct engine *g, const char *id)
{
	bool has_tty;
	auto_close int socket = attach_connect(g, id, 0, &has_tty, NULL);

	if (socket >= 0)
		attach_send(socket, ATTACH_RELOAD, 0, NULL, 0);
}

static int update_one(const struct invocation *in, const struct container_info *c, struct err *e)
{
	const struct container_request *q = in->values;
	auto_close int dir = record_open(&in->engine, c->record.id, e);
	struct oci_resources fresh = {0};
	struct record record = c->record;
	struct change change = {c->record.id, &fresh};
	struct oci_spec spec = {0};
	int r;

	if (dir < 0)
		return dir;
	if ((r = load_spec(in, dir, &spec, e)) < 0 ||
	    /* All of them together must make sense, and only the new ones are written. */
	    (r = request_limits(q, in->arena, &spec.linux_.resources, e)) < 0)
		return r;
	fresh.memory = spec.linux_.resources.memory;
	r = request_limits(q, in->arena, &fresh, e);
	if (r == 0 && !q->memory && !q->memory_swap && !q->memory_reservation)
		fresh.memory = (struct oci_memory){0};
	if (r == 0 && q->restart)
		r = set_restart(q, &record, in->arena, e);
	if (r == 0)
		r = merge_request(in, &c->record, &record.request, e);
	if (r == 0 && c->status.pid > 0)
		r = live_do(&in->engine, c, apply, &change, e);
	if (r == 0)
		r = save_spec(dir, &spec, e);
	if (r == 0)
		r = record_save(dir, &record, e);
	if (r < 0)
		return r;
	tell_monitor(&in->engine, c->record.id);
	event_emit(&in->engine, "container", "update", c->record.id, c->record.name, NULL);
	return 0;
}

static bool is_empty(const struct container_request *q)
{
	for (const struct opt *o = options; o->name; o++) {
		const void *from = (const char *)q + o->offset;

		if (o->kind == OPT_STRING ? *(const char *const *)from != NULL
					  : ((const struct str_slice *)from)->n > 0)
			return false;
	}
	return true;
}

static int update_main(const struct invocation *in, int *ret_code, struct err *e)
{
	if (is_empty(in->values))
		return err_say(e, -EINVAL,
			       "you must provide one or more flags when using this "
			       "command");
	return each_container(in, update_one, ret_code, e);
}

const struct command cmd_update = {
	.name = "update",
	.usage = "CONTAINER...",
	.help = "Change the limits of containers, also while they run",
	.group = "containers",
	.options = options,
	.values_size = sizeof(struct container_request),
	.words_min = 1,
	.words_max = WORDS_MANY,
	.main = update_main,
};
