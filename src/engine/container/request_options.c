/* SPDX-License-Identifier: Apache-2.0 */
/* The options of `create` and `run`, and the request as text and back. */
#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "base/arena.h"
#include "base/auto.h"
#include "base/err.h"
#include "base/json.h"
#include "base/str.h"
#include "engine/container/request.h"
#include "engine/container/spec_parts.h"

#define FLAG(name, letter, member, help)                                                        \
	{                                                                                       \
		name, letter, OPT_FLAG, offsetof(struct container_request, member), NULL, help, \
			false                                                                   \
	}
#define STRING(name, letter, member, arg, help)                                                  \
	{                                                                                        \
		name, letter, OPT_STRING, offsetof(struct container_request, member), arg, help, \
			false                                                                    \
	}
#define LIST(name, letter, member, arg, help)                                                  \
	{                                                                                      \
		name, letter, OPT_LIST, offsetof(struct container_request, member), arg, help, \
			false                                                                  \
	}

const struct opt request_options[] = {
	/* the process */
	FLAG("interactive", 'i', interactive, "keep standard input open"),
	FLAG("tty", 't', tty, "give it a terminal"),
	FLAG("detach", 'd', detach, "run in the background and print the id"),
	LIST("attach", 'a', attach, "STREAM", "attach to stdin, stdout or stderr alone"),
	FLAG("rm", 0, rm, "remove the container at its end"),
	STRING("name", 0, name, "NAME", "its name; one is invented where none is given"),
	FLAG("replace", 0, replace, "remove a container of that name first"),
	STRING("entrypoint", 0, entrypoint, "PROGRAM", "in place of the image's entry point"),
	LIST("env", 'e', env, "NAME[=VALUE]",
	     "set a variable; without value: as the caller has it"),
	LIST("env-file", 0, env_file, "FILE", "variables, one a line"),
	STRING("workdir", 'w', workdir, "PATH", "where the program starts"),
	STRING("user", 'u', user, "USER[:GROUP]", "who runs it, by name or number"),
	LIST("group-add", 0, group_add, "GROUP", "one more group"),
	FLAG("init", 0, init, "a small first process that forwards signals and reaps"),
	STRING("stop-signal", 0, stop_signal, "SIGNAL", "what `stop` sends"),
	STRING("stop-timeout", 0, stop_timeout, "SECONDS", "from that signal to SIGKILL (10)"),
	STRING("restart", 0, restart, "POLICY",
	       "no, on-failure[:NUMBER], always or unless-stopped"),
	STRING("detach-keys", 0, detach_keys, "KEYS", "what leaves it running (ctrl-p,ctrl-q)"),
	STRING("sig-proxy", 0, sig_proxy, "BOOL", "pass our signals on (true)"),
	STRING("cidfile", 0, cidfile, "FILE", "write the id there; the file must not exist"),
	LIST("label", 'l', label, "NAME[=VALUE]", "a label"),
	LIST("label-file", 0, label_file, "FILE", "labels, one a line"),
	LIST("annotation", 0, annotation, "NAME=VALUE", "an annotation of the specification"),

	/* the image */
	STRING("pull", 0, pull, "WHEN", "missing, always or never (missing)"),
	STRING("platform", 0, platform, "OS/ARCH", "which of an image's variants"),
	FLAG("quiet", 'q', quiet, "say nothing while an image is pulled"),

	/* files */
	LIST("volume", 'v', volume, "[SOURCE:]PATH[:OPTIONS]",
	     "a folder of the host or a volume: ro, z, Z, U, idmap, nocopy, rshared, ..."),
	LIST("mount", 0, mount, "KEY=VALUE,...",
	     "type=bind, volume, tmpfs or image with source=, target=, readonly, ..."),
	LIST("volumes-from", 0, volumes_from, "CONTAINER[:ro]", "all mounts of another container"),
	LIST("tmpfs", 0, tmpfs, "PATH[:OPTIONS]", "an empty file system in memory"),
	LIST("device", 0, device, "HOST[:PATH][:rwm]", "a device of the host"),
	FLAG("read-only", 0, read_only, "the root cannot be written"),
	STRING("shm-size", 0, shm_size, "SIZE", "of /dev/shm (64m)"),

	/* security */
	LIST("cap-add", 0, cap_add, "CAPABILITY", "one more capability, or ALL"),
	LIST("cap-drop", 0, cap_drop, "CAPABILITY", "one capability less, or ALL"),
	LIST("security-opt", 0, security_opt, "OPTION",
	     "no-new-privileges, seccomp=FILE, apparmor=, label=, mask=, unmask="),
	FLAG("privileged", 0, privileged, "nearly everything that root on the host may do"),
	LIST("ulimit", 0, ulimit, "NAME=SOFT[:HARD]", "a limit of the process"),
	LIST("sysctl", 0, sysctl, "NAME=VALUE", "a setting of its own namespaces"),
	LIST("device-cgroup-rule", 0, device_cgroup_rule, "RULE", "such as \"c 10:200 rw\""),
	STRING("oom-score-adj", 0, oom_score_adj, "NUMBER", "-1000 to 1000"),

	/* namespaces */
	LIST("network", 0, network, "NETWORK",
	     "a network's name (more of them: more networks), none, host, container:NAME or "
	     "ns:PATH"),
	{"net", 0, OPT_LIST, offsetof(struct container_request, network), NULL, NULL, true},
	LIST("network-alias", 0, network_alias, "NAME", "one more name in its first network"),
	STRING("ip", 0, ip, "ADDRESS", "its IPv4 address in its first network"),
	STRING("ip6", 0, ip6, "ADDRESS", "its IPv6 address in its first network"),
	STRING("mac-address", 0, mac_address, "MAC", "its address on the link"),
	STRING("net-rate-in", 0, net_rate_in, "RATE[:BURST]",
	       "what may come to it, in bits a second, such as 100mbit"),
	STRING("net-rate-out", 0, net_rate_out, "RATE[:BURST]", "what may go out from it"),
	STRING("hostname", 'h', hostname, "NAME", "its host name"),
	STRING("domainname", 0, domainname, "NAME", "its NIS domain name"),
	STRING("pid", 0, pid, "MODE", "host, container:NAME or ns:PATH"),
	STRING("ipc", 0, ipc, "MODE", "private, none, host, container:NAME or ns:PATH"),
	STRING("uts", 0, uts, "MODE", "host, container:NAME or ns:PATH"),
	STRING("userns", 0, userns, "MODE", "host, auto, keep-id, container:NAME or ns:PATH"),
	STRING("cgroupns", 0, cgroupns, "MODE", "private, host, container:NAME or ns:PATH"),
	STRING("cgroup-parent", 0, cgroup_parent, "PATH", "the group to make its group in"),
	STRING("pool", 0, pool, "POOL", "the pool that it shares resources in"),
	LIST("time-offset", 0, time_offset, "CLOCK=DURATION",
	     "monotonic=24h, boottime=-1h: its own view of these clocks"),
	LIST("add-host", 0, add_host, "NAME:ADDRESS", "a line of /etc/hosts"),
	LIST("dns", 0, dns, "ADDRESS", "a name server"),
	LIST("dns-search", 0, dns_search, "DOMAIN", "a search domain"),
	LIST("dns-option", 0, dns_option, "OPTION", "an option of resolv.conf"),
	LIST("publish", 'p', publish, "PORTS", "[ADDRESS:][HOST:]CONTAINER[/PROTOCOL]"),
	FLAG("publish-all", 'P', publish_all, "publish every port that the image exposes"),
	LIST("expose", 0, expose, "PORT", "a port that the container serves"),

	/* limits */
	STRING("memory", 'm', memory, "SIZE", "limit, such as 512m"),
	STRING("memory-swap", 0, memory_swap, "SIZE", "memory and swap together; -1: no limit"),
	STRING("memory-reservation", 0, memory_reservation, "SIZE", "what it keeps under pressure"),
	STRING("memory-min", 0, memory_min, "SIZE", "what is never taken from it (cgroup v2)"),
	STRING("memory-high", 0, memory_high, "SIZE", "beyond that it is slowed down (cgroup v2)"),
	STRING("memory-swappiness", 0, memory_swappiness, "NUMBER", "0 to 100 (cgroup v1)"),
	FLAG("oom-kill-disable", 0, oom_kill_disable, "wait instead of being killed (cgroup v1)"),
	FLAG("oom-group", 0, oom_group, "out of memory ends all its processes (cgroup v2)"),
	STRING("cpus", 0, cpus, "NUMBER", "so many processors' time, such as 1.5"),
	STRING("cpu-shares", 'c', cpu_shares, "NUMBER", "weight against others (1024)"),
	STRING("cpu-weight", 0, cpu_weight, "NUMBER", "the same from 1 to 10000 (100)"),
	STRING("cpu-quota", 0, cpu_quota, "MICROSECONDS", "processor time in each period"),
	STRING("cpu-period", 0, cpu_period, "MICROSECONDS", "length of the period (100000)"),
	STRING("cpu-burst", 0, cpu_burst, "MICROSECONDS", "unused quota that may be saved up"),
	STRING("cpu-idle", 0, cpu_idle, "0|1", "1: only when nobody else wants to run"),
	STRING("cpu-rt-runtime", 0, cpu_rt_runtime, "MICROSECONDS", "real-time share of a period"),
	STRING("cpu-rt-period", 0, cpu_rt_period, "MICROSECONDS", "that period"),
	STRING("cpuset-cpus", 0, cpuset_cpus, "LIST", "processors, such as 0-2,4"),
	STRING("cpuset-mems", 0, cpuset_mems, "LIST", "memory nodes"),
	STRING("pids-limit", 0, pids_limit, "NUMBER", "processes and threads; -1: no limit"),
	STRING("blkio-weight", 0, blkio_weight, "NUMBER", "10 to 1000"),
	LIST("blkio-weight-device", 0, blkio_weight_device, "DEVICE:WEIGHT", "for one device"),
	LIST("device-read-bps", 0, device_read_bps, "DEVICE:SIZE", "bytes a second"),
	LIST("device-write-bps", 0, device_write_bps, "DEVICE:SIZE", "bytes a second"),
	LIST("device-read-iops", 0, device_read_iops, "DEVICE:NUMBER", "operations a second"),
	LIST("device-write-iops", 0, device_write_iops, "DEVICE:NUMBER", "operations a second"),
	LIST("cgroup-conf", 0, cgroup_conf, "FILE=VALUE",
	     "any file of its group (cgroup v2), such as memory.high=1G"),

	/* health, log */
	STRING("health-cmd", 0, health_cmd, "COMMAND", "tells whether it is well"),
	STRING("health-interval", 0, health_interval, "DURATION", "between two checks (30s)"),
	STRING("health-timeout", 0, health_timeout, "DURATION", "of one check (30s)"),
	STRING("health-retries", 0, health_retries, "NUMBER", "failures until unhealthy (3)"),
	STRING("health-start-period", 0, health_start_period, "DURATION",
	       "failures do not count before"),
	FLAG("no-healthcheck", 0, no_healthcheck, "leave out the image's check"),
	STRING("log-driver", 0, log_driver, "NAME", "json-file, journald, none or passthrough"),
	LIST("log-opt", 0, log_opt, "NAME=VALUE", "max-size=10m, max-file=3, mode=non-blocking"),
	{0},
};

int request_take_words(struct container_request *q, const struct str_slice *words, struct err *e)
{
	if (!words->n)
		return err_say(e, -EINVAL, "no image given");
	q->image = words->v[0];
	q->command = (struct str_slice){words->v + 1, words->n - 1};
	if (!q->command.n)
		q->command.v = NULL;
	return 0;
}

/* ---- as text and back ---------------------------------------------------------------------------- */

static void print_option(const struct opt *o, const char *value, struct json_writer *w,
			 struct arena *a)
{
	json_string(w, arena_printf(a, "--%s=%s", o->name, value));
}

void request_print(const struct container_request *q, struct json_writer *w)
{
	auto_arena struct arena a = {0};

	json_begin_array(w);
	for (const struct opt *o = request_options; o->name; o++) {
		const char *place = (const char *)q + o->offset;
		const struct str_slice *list = (const void *)place;
		const char *word =
			o->kind == OPT_STRING ? *(const char *const *)(const void *)place : NULL;

		if (o->is_hidden)
			continue;
		if (o->kind == OPT_FLAG && *(const bool *)place)
			print_option(o, "true", w, &a);
		else if (word)
			print_option(o, word, w, &a);
		for (size_t i = 0; o->kind == OPT_LIST && i < list->n; i++)
			print_option(o, list->v[i], w, &a);
	}
	if (q->image[0] == '-')
		json_string(w, "--");
	json_string(w, q->image);
	for (size_t i = 0; i < q->command.n; i++)
		json_string(w, q->command.v[i]);
	json_end_array(w);
}

int request_decode(const char *text, size_t n, struct arena *a, struct container_request *ret,
		   struct err *e)
{
	struct str_slice words = {0}, rest;
	struct container_request q = {0};
	int r = json_decode(text, n, &json_strings_type, &words, a, "request", e);

	if (r == 0)
		r = opt_parse(request_options, (int)words.n, (char **)words.v, true, a, &q, &rest,
			      e);
	if (r == OPT_HELP)
		return err_say(e, -EINVAL, "request: --help is no wish for a container");
	if (r == 0)
		r = request_take_words(&q, &rest, e);
	if (r < 0)
		return r;
	*ret = q;
	return 0;
}
