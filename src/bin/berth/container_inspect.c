/* SPDX-License-Identifier: Apache-2.0 */
/* A container as `docker inspect` prints it: from its record, its status, its request and its specification. */
#include <string.h>

#include "base/auto.h"
#include "base/quantity.h"
#include "base/str.h"
#include "bin/berth/container_words.h"
#include "bin/berth/network_words.h"
#include "kernel/fd.h"
#include "kernel/tree.h"
#include "oci/decode.h"

enum { CONFIG_MAX = 4 << 20 };

struct inspected {
	const struct engine *g;
	const struct container_info *c;
	struct container_request q;
	struct oci_spec spec;
	const char *folder;
	struct arena *a;
	struct json_writer *w;
};

static const char *text_or(const char *text, const char *other)
{
	return text ? text : other;
}

static void put_list(struct json_writer *w, const char *key, const struct str_slice *list)
{
	json_key(w, key);
	json_begin_array(w);
	for (size_t i = 0; i < list->n; i++)
		json_string(w, list->v[i]);
	json_end_array(w);
}

static void put_pairs(struct json_writer *w, const char *key, const struct oci_pairs *pairs)
{
	json_key(w, key);
	json_begin_object(w);
	for (size_t i = 0; i < pairs->n; i++)
		json_put_string(w, pairs->v[i].key, pairs->v[i].value);
	json_end_object(w);
}

/* ---- state --------------------------------------------------------------------------------------- */

static void put_health(const struct inspected *i)
{
	const struct status *s = &i->c->status;

	if (!s->health || !*s->health)
		return;
	json_key(i->w, "Health");
	json_begin_object(i->w);
	json_put_string(i->w, "Status", s->health);
	json_put_int(i->w, "FailingStreak", s->health_failures);
	json_end_object(i->w);
}

static void put_state(const struct inspected *i)
{
	const struct status *s = &i->c->status;
	struct json_writer *w = i->w;
	bool is_paused = s->state == CONTAINER_PAUSED;

	json_key(w, "State");
	json_begin_object(w);
	json_put_string(w, "Status", container_state_names[s->state]);
	json_put_bool(w, "Running", s->state == CONTAINER_RUNNING || is_paused);
	json_put_bool(w, "Paused", is_paused);
	json_put_bool(w, "Restarting", s->state == CONTAINER_RESTARTING);
	json_put_bool(w, "OOMKilled", s->is_oom_killed);
	json_put_bool(w, "Dead", s->state == CONTAINER_DEAD);
	json_put_int(w, "Pid", s->pid);
	json_put_int(w, "MonitorPid", s->monitor_pid);
	json_put_int(w, "ExitCode", s->exit_code);
	json_put_string(w, "Error", text_or(s->error, ""));
	json_put_string(w, "StartedAt", container_time_text(s->started_ns, i->a));
	json_put_string(w, "FinishedAt", container_time_text(s->finished_ns, i->a));
	json_put_int(w, "LogLinesDropped", s->log_dropped);
	put_health(i);
	json_end_object(w);
}

/* ---- what was asked of the host ------------------------------------------------------------------ */

static void put_restart_policy(const struct inspected *i)
{
	json_key(i->w, "RestartPolicy");
	json_begin_object(i->w);
	json_put_string(i->w, "Name", text_or(i->c->record.restart, "no"));
	json_put_int(i->w, "MaximumRetryCount", i->c->record.restart_max);
	json_end_object(i->w);
}

static void put_log_config(const struct inspected *i)
{
	json_key(i->w, "LogConfig");
	json_begin_object(i->w);
	json_put_string(i->w, "Type", text_or(i->c->record.log.driver, "json-file"));
	put_pairs(i->w, "Config", &i->c->record.log.options);
	json_end_object(i->w);
}

static int64_t or_zero(struct maybe_i64 v)
{
	return v.is_set ? v.value : 0;
}

static uint64_t or_zero_u(struct maybe_u64 v)
{
	return v.is_set ? v.value : 0;
}

static void put_limits(const struct inspected *i)
{
	const struct oci_resources *r = &i->spec.linux_.resources;
	struct json_writer *w = i->w;
	int64_t quota = or_zero(r->cpu.quota);
	uint64_t period = or_zero_u(r->cpu.period);
	bool is_by_cpus = i->q.cpus && quota > 0 && period > 0;

	json_put_int(w, "Memory", or_zero(r->memory.limit));
	json_put_int(w, "MemoryReservation", or_zero(r->memory.reservation));
	json_put_int(w, "MemorySwap", or_zero(r->memory.swap));
	if (r->memory.swappiness.is_set)
		json_put_uint(w, "MemorySwappiness", r->memory.swappiness.value);
	json_put_bool(w, "OomKillDisable", i->q.oom_kill_disable);
	json_put_int(w, "OomScoreAdj", or_zero(i->spec.process.oom_score_adj));
	json_put_int(w, "NanoCpus", is_by_cpus ? quota * 1000000000 / (int64_t)period : 0);
	json_put_uint(w, "CpuShares", or_zero_u(r->cpu.shares));
	json_put_uint(w, "CpuPeriod", is_by_cpus ? 0 : period);
	json_put_int(w, "CpuQuota", is_by_cpus ? 0 : quota);
	json_put_string(w, "CpusetCpus", text_or(r->cpu.cpus, ""));
	json_put_string(w, "CpusetMems", text_or(r->cpu.mems, ""));
	json_key(w, "PidsLimit");
	if (r->pids_limit.is_set)
		json_int(w, r->pids_limit.value);
	else
		json_null(w);
	json_put_uint(w, "BlkioWeight", or_zero_u(r->block_io.weight));
	put_pairs(w, "CgroupConf", &r->unified);
}

static void put_host_config(const struct inspected *i)
{
	const struct container_request *q = &i->q;
	struct json_writer *w = i->w;
	int64_t shm = 64 << 20;

	if (q->shm_size)
		quantity_to_bytes(q->shm_size, &shm);
	json_key(w, "HostConfig");
	json_begin_object(w);
	put_list(w, "Binds", &q->volume);
	put_log_config(i);
	json_put_string(w, "NetworkMode", text_or(i->c->record.network, "none"));
	port_bindings_print(w, &i->c->record, i->a);
	put_restart_policy(i);
	json_put_bool(w, "AutoRemove", i->c->record.removes_itself);
	put_list(w, "VolumesFrom", &q->volumes_from);
	put_list(w, "CapAdd", &q->cap_add);
	put_list(w, "CapDrop", &q->cap_drop);
	json_put_string(w, "CgroupnsMode", text_or(q->cgroupns, "private"));
	put_list(w, "Dns", &q->dns);
	put_list(w, "DnsOptions", &q->dns_option);
	put_list(w, "DnsSearch", &q->dns_search);
	put_list(w, "ExtraHosts", &q->add_host);
	put_list(w, "GroupAdd", &q->group_add);
	json_put_string(w, "IpcMode", text_or(q->ipc, "private"));
	json_put_string(w, "PidMode", text_or(q->pid, ""));
	json_put_string(w, "UTSMode", text_or(q->uts, ""));
	json_put_string(w, "UsernsMode", text_or(q->userns, ""));
	json_put_bool(w, "Privileged", i->c->record.is_privileged);
	json_put_bool(w, "PublishAllPorts", q->publish_all);
	json_put_bool(w, "ReadonlyRootfs", q->read_only);
	put_list(w, "SecurityOpt", &q->security_opt);
	put_list(w, "Tmpfs", &q->tmpfs);
	put_list(w, "Ulimits", &q->ulimit);
	put_list(w, "Sysctls", &q->sysctl);
	put_list(w, "Devices", &q->device);
	put_list(w, "DeviceCgroupRules", &q->device_cgroup_rule);
	json_put_int(w, "ShmSize", shm);
	json_put_bool(w, "Init", i->c->record.has_init);
	json_put_string(w, "CgroupParent", text_or(q->cgroup_parent, ""));
	json_put_string(w, "Pool", text_or(q->pool, ""));
	put_limits(i);
	put_list(w, "MaskedPaths", &i->spec.linux_.masked_paths);
	put_list(w, "ReadonlyPaths", &i->spec.linux_.readonly_paths);
	json_end_object(w);
}

/* ---- mounts, configuration ----------------------------------------------------------------------- */

static void put_mounts(const struct inspected *i)
{
	const struct record *r = &i->c->record;
	struct json_writer *w = i->w;

	json_key(w, "Mounts");
	json_begin_array(w);
	for (size_t k = 0; k < r->n_mounts; k++) {
		const struct record_mount *m = &r->mounts[k];

		json_begin_object(w);
		json_put_string(w, "Type", m->type);
		if (m->name)
			json_put_string(w, "Name", m->name);
		json_put_string(w, "Source", text_or(m->source, ""));
		json_put_string(w, "Destination", m->destination);
		if (str_eq(m->type, "volume"))
			json_put_string(w, "Driver", "local");
		json_put_string(w, "Mode", text_or(m->mode, ""));
		json_put_bool(w, "RW", m->is_writable);
		json_put_string(w, "Propagation", text_or(m->propagation, ""));
		json_end_object(w);
	}
	json_end_array(w);
}

static void put_config(const struct inspected *i)
{
	const struct record *r = &i->c->record;
	struct json_writer *w = i->w;

	json_key(w, "Config");
	json_begin_object(w);
	json_put_string(w, "Hostname", text_or(r->hostname, ""));
	json_put_string(w, "Domainname", text_or(i->q.domainname, ""));
	json_put_string(w, "User", text_or(r->user, ""));
	json_put_bool(w, "Tty", r->has_tty);
	json_put_bool(w, "OpenStdin", r->opens_stdin);
	json_put_bool(w, "StdinOnce", r->stdin_once);
	put_list(w, "Env", &i->spec.process.env);
	put_list(w, "Cmd", &r->command);
	put_list(w, "Entrypoint", &r->entrypoint);
	json_put_string(w, "Image", text_or(r->image, ""));
	json_put_string(w, "WorkingDir", text_or(i->spec.process.cwd, "/"));
	put_pairs(w, "Labels", &r->labels);
	put_pairs(w, "Annotations", &i->spec.annotations);
	json_put_string(w, "StopSignal", text_or(r->stop_signal, "SIGTERM"));
	json_put_int(w, "StopTimeout", r->stop_timeout);
	if (r->health.is_set) {
		json_key(w, "Healthcheck");
		json_begin_object(w);
		put_list(w, "Test", &r->health.test);
		json_put_int(w, "Interval", r->health.interval);
		json_put_int(w, "Timeout", r->health.timeout);
		json_put_int(w, "StartPeriod", r->health.start_period);
		json_put_int(w, "Retries", r->health.retries);
		json_end_object(w);
	}
	json_end_object(w);
}

static void put_path(const struct inspected *i, const char *key, const char *name)
{
	json_put_string(i->w, key, arena_printf(i->a, "%s/%s", i->folder, name));
}

static void put_sizes(const struct inspected *i)
{
	int64_t bytes = 0;

	tree_size_at(i->g->data_fd, arena_printf(i->a, "containers/%s/upper", i->c->record.id),
		     &bytes, NULL);
	json_put_int(i->w, "SizeRw", bytes);
}

static void put_program(const struct inspected *i)
{
	const struct str_slice *args = &i->spec.process.args;
	struct str_slice rest = {0};

	if (args->n > 1)
		rest = (struct str_slice){args->v + 1, args->n - 1};
	json_put_string(i->w, "Path", args->n ? args->v[0] : "");
	put_list(i->w, "Args", &rest);
}

/* What cannot be read any more is shown as not asked for. */
static void load(struct inspected *i)
{
	const struct record *r = &i->c->record;
	const char *path = arena_printf(i->a, "containers/%s/config.json", r->id);
	char *text;
	size_t n;

	if (r->request)
		request_decode(r->request, strlen(r->request), i->a, &i->q, NULL);
	if (file_read_at(i->g->data_fd, path, i->a, CONFIG_MAX, &text, &n) == 0)
		oci_decode_spec(text, n, i->a, &i->spec, NULL);
}

void container_inspect_print(const struct engine *g, const struct container_info *c, bool has_size,
			     struct arena *a, struct json_writer *w)
{
	const struct record *r = &c->record;
	struct inspected i = {.g = g,
			      .c = c,
			      .folder = arena_printf(a, "%s/containers/%s", g->data, r->id),
			      .a = a,
			      .w = w};

	load(&i);
	json_begin_object(w);
	json_put_string(w, "Id", r->id);
	json_put_string(w, "Created", container_time_text(r->created_ns, a));
	put_program(&i);
	put_state(&i);
	json_put_string(w, "Image", text_or(r->image_id, ""));
	put_path(&i, "ResolvConfPath", "resolv.conf");
	put_path(&i, "HostnamePath", "hostname");
	put_path(&i, "HostsPath", "hosts");
	put_path(&i, "LogPath", "log.json");
	put_path(&i, "OciConfigPath", "config.json");
	json_put_string(w, "Name", arena_printf(a, "/%s", r->name));
	json_put_int(w, "RestartCount", c->status.restarts);
	json_put_string(w, "Driver", "overlay");
	json_put_string(w, "Platform", "linux");
	json_put_string(w, "CgroupPath", text_or(r->cgroup_path, ""));
	json_put_string(w, "AppArmorProfile", text_or(i.spec.process.apparmor_profile, ""));
	if (has_size)
		put_sizes(&i);
	put_host_config(&i);
	put_mounts(&i);
	put_config(&i);
	network_settings_print(w, g, c, a);
	json_end_object(w);
}
