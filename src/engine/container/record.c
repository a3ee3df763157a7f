/* SPDX-License-Identifier: Apache-2.0 */
/* The files of a container's folder: record.json, status.jsonl, exits.jsonl and the lock. */
#include "engine/container/record.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/arena.h"
#include "base/auto.h"
#include "base/err.h"
#include "base/json.h"
#include "base/str.h"
#include "engine/image/image.h"
#include "kernel/fd.h"
#include "kernel/sys.h"
#include "oci/tables.h"

#define RECORD_FILE "record.json"
#define STATUS_FILE "status.jsonl"
#define EXITS_FILE "exits.jsonl"
#define LOCK_FILE "lock"

enum {
	RECORD_MAX = 4 << 20,
	STATUS_MAX = 64 << 10,
	STATUS_KEPT = 8 << 10,
	EXITS_MAX = 4 << 20,
	EXITS_KEPT = 256 << 10
};

const char *const container_state_names[] = {
	[CONTAINER_CREATED] = "created", [CONTAINER_RUNNING] = "running",
	[CONTAINER_PAUSED] = "paused",   [CONTAINER_RESTARTING] = "restarting",
	[CONTAINER_EXITED] = "exited",   [CONTAINER_DEAD] = "dead",
};

/* ---- record.json --------------------------------------------------------------------------------- */

static const struct json_type pairs_type =
	JSON_PAIRS(struct oci_pair, key, value, &json_string_type);

static const struct json_field health_fields[] = {
	JSON_FIELD("test", struct oci_health, test, &json_strings_type, 0),
	JSON_FIELD("interval", struct oci_health, interval, &json_i64_type, 0),
	JSON_FIELD("timeout", struct oci_health, timeout, &json_i64_type, 0),
	JSON_FIELD("startPeriod", struct oci_health, start_period, &json_i64_type, 0),
	JSON_FIELD("startInterval", struct oci_health, start_interval, &json_i64_type, 0),
	JSON_FIELD("retries", struct oci_health, retries, &json_i64_type, 0),
};
static const struct json_type health_type = JSON_OBJECT_SET(struct oci_health, health_fields);

static const struct json_field mount_fields[] = {
	JSON_FIELD("type", struct record_mount, type, &json_string_type, 0),
	JSON_FIELD("name", struct record_mount, name, &json_string_type, 0),
	JSON_FIELD("source", struct record_mount, source, &json_string_type, 0),
	JSON_FIELD("destination", struct record_mount, destination, &json_string_type, 0),
	JSON_FIELD("mode", struct record_mount, mode, &json_string_type, 0),
	JSON_FIELD("propagation", struct record_mount, propagation, &json_string_type, 0),
	JSON_FIELD("writable", struct record_mount, is_writable, &json_bool_type, 0),
	JSON_FIELD("anonymous", struct record_mount, is_anonymous, &json_bool_type, 0),
};
static const struct json_type mount_type = JSON_OBJECT(struct record_mount, mount_fields);
static const struct json_type mounts_type = JSON_LIST(&mount_type);

static const struct json_field log_fields[] = {
	JSON_FIELD("driver", struct record_log, driver, &json_string_type, 0),
	JSON_FIELD("maxSize", struct record_log, max_size, &json_i64_type, 0),
	JSON_FIELD("maxFiles", struct record_log, max_files, &json_i64_type, 0),
	JSON_FIELD("mode", struct record_log, mode, &json_string_type, 0),
	JSON_FIELD("options", struct record_log, options, &pairs_type, 0),
};
static const struct json_type log_type = JSON_OBJECT(struct record_log, log_fields);

static const struct json_field network_fields[] = {
	JSON_FIELD("name", struct record_network, name, &json_string_type, JSON_REQUIRED),
	JSON_FIELD("ip", struct record_network, ip, &json_string_type, 0),
	JSON_FIELD("ip6", struct record_network, ip6, &json_string_type, 0),
	JSON_FIELD("mac", struct record_network, mac, &json_string_type, 0),
	JSON_FIELD("aliases", struct record_network, aliases, &json_strings_type, 0),
};
static const struct json_type network_type = JSON_OBJECT(struct record_network, network_fields);
static const struct json_type networks_type = JSON_LIST(&network_type);

static const struct json_field port_fields[] = {
	JSON_FIELD("address", struct record_port, address, &json_string_type, 0),
	JSON_FIELD("protocol", struct record_port, protocol, &json_string_type, JSON_REQUIRED),
	JSON_FIELD("hostFirst", struct record_port, host_first, &json_i64_type, 0),
	JSON_FIELD("hostLast", struct record_port, host_last, &json_i64_type, 0),
	JSON_FIELD("containerFirst", struct record_port, container_first, &json_i64_type, 0),
	JSON_FIELD("containerLast", struct record_port, container_last, &json_i64_type, 0),
};
static const struct json_type port_type = JSON_OBJECT(struct record_port, port_fields);
static const struct json_type ports_type = JSON_LIST(&port_type);

static const struct json_field record_fields[] = {
	JSON_FIELD("id", struct record, id, &json_string_type, JSON_REQUIRED),
	JSON_FIELD("name", struct record, name, &json_string_type, JSON_REQUIRED),
	JSON_FIELD("image", struct record, image, &json_string_type, 0),
	JSON_FIELD("imageId", struct record, image_id, &json_string_type, 0),
	JSON_FIELD("layers", struct record, layers, &json_strings_type, 0),
	JSON_FIELD("platform", struct record, platform, &json_string_type, 0),
	JSON_FIELD("created", struct record, created_ns, &json_i64_type, 0),
	JSON_FIELD("entrypoint", struct record, entrypoint, &json_strings_type, 0),
	JSON_FIELD("command", struct record, command, &json_strings_type, 0),
	JSON_FIELD("tty", struct record, has_tty, &json_bool_type, 0),
	JSON_FIELD("openStdin", struct record, opens_stdin, &json_bool_type, 0),
	JSON_FIELD("stdinOnce", struct record, stdin_once, &json_bool_type, 0),
	JSON_FIELD("autoRemove", struct record, removes_itself, &json_bool_type, 0),
	JSON_FIELD("privileged", struct record, is_privileged, &json_bool_type, 0),
	JSON_FIELD("init", struct record, has_init, &json_bool_type, 0),
	JSON_FIELD("publishAll", struct record, publishes_all, &json_bool_type, 0),
	JSON_FIELD("stopSignal", struct record, stop_signal, &json_string_type, 0),
	JSON_FIELD("stopTimeout", struct record, stop_timeout, &json_i64_type, JSON_ALWAYS),
	JSON_FIELD("restart", struct record, restart, &json_string_type, 0),
	JSON_FIELD("restartMax", struct record, restart_max, &json_i64_type, 0),
	JSON_FIELD("hostname", struct record, hostname, &json_string_type, 0),
	JSON_FIELD("user", struct record, user, &json_string_type, 0),
	JSON_FIELD("network", struct record, network, &json_string_type, 0),
	JSON_FIELD("networks", struct record, networks, &networks_type, 0),
	JSON_FIELD("ports", struct record, ports, &ports_type, 0),
	JSON_FIELD("netRateIn", struct record, net_rate_in, &json_string_type, 0),
	JSON_FIELD("netRateOut", struct record, net_rate_out, &json_string_type, 0),
	JSON_FIELD("detachKeys", struct record, detach_keys, &json_string_type, 0),
	JSON_FIELD("cgroupPath", struct record, cgroup_path, &json_string_type, 0),
	JSON_FIELD("pool", struct record, pool, &json_string_type, 0),
	JSON_FIELD("uidMaps", struct record, uid_maps, &oci_id_maps_type, 0),
	JSON_FIELD("gidMaps", struct record, gid_maps, &oci_id_maps_type, 0),
	JSON_FIELD("labels", struct record, labels, &pairs_type, 0),
	JSON_FIELD("health", struct record, health, &health_type, 0),
	JSON_FIELD("log", struct record, log, &log_type, 0),
	JSON_FIELD("mounts", struct record, mounts, &mounts_type, 0),
	JSON_FIELD("request", struct record, request, &json_string_type, 0),
};
static const struct json_type record_type = JSON_OBJECT(struct record, record_fields);
_Static_assert(offsetof(struct record, n_mounts) ==
		       offsetof(struct record, mounts) + offsetof(struct slice, n),
	       "mounts and n_mounts have the layout of a slice");

int record_mount_root(const struct engine *g, const struct record *r, int dir_fd, struct err *e)
{
	const struct image_mount_options options = {.is_volatile = r->removes_itself,
						    .uid_maps = &r->uid_maps,
						    .gid_maps = &r->gid_maps};

	return image_mount_container(g, &r->layers, dir_fd, &options, e);
}

int record_open(const struct engine *g, const char *id, struct err *e)
{
	char path[128];
	int fd;

	snprintf(path, sizeof(path), "containers/%s", id);
	fd = openat(g->data_fd, path, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT)
		return err_say(e, -ENOENT, "no such container: %s", id);
	return fd < 0 ? err_sys(e, -errno, "open %s/%s", g->data, path) : fd;
}

static int save(int dir_fd, const char *name, const struct json_type *type, const void *value,
		struct err *e)
{
	auto_json_writer struct json_writer w = {0};
	int r;

	json_encode(type, value, &w);
	r = file_replace_at(dir_fd, name, w.buf, w.len, 0600);
	return r < 0 ? err_sys(e, r, "write %s of the container", name) : 0;
}

static int load(int dir_fd, const char *name, const struct json_type *type, size_t max,
		struct arena *a, void *ret, struct err *e)
{
	char *text;
	size_t n;
	int r = file_read_at(dir_fd, name, a, max, &text, &n);

	if (r < 0)
		return err_sys(e, r, "read %s", name);
	return json_decode(text, n, type, ret, a, name, e);
}

int record_save(int dir_fd, const struct record *r, struct err *e)
{
	return save(dir_fd, RECORD_FILE, &record_type, r, e);
}

void record_print(const struct record *r, struct json_writer *w)
{
	json_encode(&record_type, r, w);
}

int record_load(int dir_fd, const char *id, struct arena *a, struct record *ret, struct err *e)
{
	int r = load(dir_fd, RECORD_FILE, &record_type, RECORD_MAX, a, ret, e);

	return r < 0 && e ? err_within(e, "container %s", id) : r;
}

/* ---- status.jsonl -------------------------------------------------------------------------------- */

/* The state is a word in the file and a number in the struct. */
struct status_file {
	const char *state;
	struct status status;
};

static const struct json_field status_fields[] = {
	JSON_FIELD("state", struct status_file, state, &json_string_type, JSON_REQUIRED),
	JSON_FIELD("pid", struct status_file, status.pid, &json_i64_type, 0),
	JSON_FIELD("monitor", struct status_file, status.monitor_pid, &json_i64_type, 0),
	JSON_FIELD("started", struct status_file, status.started_ns, &json_i64_type, 0),
	JSON_FIELD("finished", struct status_file, status.finished_ns, &json_i64_type, 0),
	JSON_FIELD("exitCode", struct status_file, status.exit_code, &json_i64_type, JSON_ALWAYS),
	JSON_FIELD("oomKilled", struct status_file, status.is_oom_killed, &json_bool_type, 0),
	JSON_FIELD("stopped", struct status_file, status.was_stopped, &json_bool_type, 0),
	JSON_FIELD("error", struct status_file, status.error, &json_string_type, 0),
	JSON_FIELD("restarts", struct status_file, status.restarts, &json_i64_type, 0),
	JSON_FIELD("health", struct status_file, status.health, &json_string_type, 0),
	JSON_FIELD("healthFailures", struct status_file, status.health_failures, &json_i64_type, 0),
	JSON_FIELD("logDropped", struct status_file, status.log_dropped, &json_i64_type, 0),
};
static const struct json_type status_type = JSON_OBJECT(struct status_file, status_fields);

/* One write: a line is whole or not there. */
static int append_line(int fd, const char *line, size_t n)
{
	off_t end = lseek(fd, 0, SEEK_END);
	int r = fd_write_all(fd, line, n);

	/* The disk was full: half a line may not stand before the next one. */
	if (r < 0 && end >= 0 && ftruncate(fd, end) < 0)
		return -errno;
	return r;
}

void status_print(const struct status *s, struct json_writer *w)
{
	struct status_file file = {.state = container_state_names[s->state], .status = *s};

	json_encode(&status_type, &file, w);
}

/* Appended rather than replaced: ext4 writes a file that is renamed over another to the disk at once
 * (auto_da_alloc, fs/ext4/namei.c), which costs more than all else at the end of a life. */
int status_save(int dir_fd, const struct status *s, struct err *e)
{
	auto_json_writer struct json_writer w = {0};
	auto_close int fd = openat(dir_fd, STATUS_FILE,
				   O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0600);
	struct stat st;
	int r;

	if (fd < 0 || fstat(fd, &st) < 0)
		return err_sys(e, -errno, "open " STATUS_FILE " of the container");
	status_print(s, &w);
	w.buf[w.len] = '\n';
	r = st.st_size > STATUS_KEPT ? file_replace_at(dir_fd, STATUS_FILE, w.buf, w.len + 1, 0600)
				     : append_line(fd, w.buf, w.len + 1);
	return r < 0 ? err_sys(e, r, "write " STATUS_FILE " of the container") : 0;
}

/* The last whole line of text; NULL: there is none. */
static char *last_line(char *text)
{
	char *end = strrchr(text, '\n'), *start;

	if (!end)
		return NULL;
	*end = '\0';
	start = strrchr(text, '\n');
	return start ? start + 1 : text;
}

int status_decode(const char *text, size_t n, struct arena *a, struct status *ret, struct err *e)
{
	struct status_file file = {0};
	int i, r = json_decode(text, n, &status_type, &file, a, STATUS_FILE, e);

	if (r < 0)
		return r;
	i = str_index(file.state, container_state_names, ARRAY_LEN(container_state_names));
	if (i < 0)
		return err_say(e, -EINVAL, STATUS_FILE ": unknown state \"%s\"", file.state);
	*ret = file.status;
	ret->state = (enum container_state)i;
	if (!ret->health)
		ret->health = "";
	return 0;
}

int status_load(int dir_fd, struct arena *a, struct status *ret, struct err *e)
{
	char *text = NULL, *line;
	int r = file_read_at(dir_fd, STATUS_FILE, a, STATUS_MAX, &text, NULL);

	if (r < 0 && r != -ENOENT)
		return err_sys(e, r, "read " STATUS_FILE);
	line = r < 0 ? NULL : last_line(text);
	if (!line) {
		*ret = (struct status){.state = CONTAINER_CREATED, .health = ""};
		return 0;
	}
	return status_decode(line, strlen(line), a, ret, e);
}

/* ---- exits.jsonl --------------------------------------------------------------------------------- */

#define EXIT_NUMBER(text, member) \
	JSON_FIELD(text, struct exit_record, member, &json_i64_type, JSON_ALWAYS)
static const struct json_field exit_fields[] = {
	EXIT_NUMBER("started", started_ns),
	EXIT_NUMBER("finished", finished_ns),
	EXIT_NUMBER("exitCode", exit_code),
	EXIT_NUMBER("signal", signal),
	EXIT_NUMBER("oomKills", oom_kills),
	JSON_FIELD("victim", struct exit_record, victim, &json_string_type, 0),
	EXIT_NUMBER("memoryLimit", memory_limit),
	EXIT_NUMBER("memoryPeak", memory_peak),
	EXIT_NUMBER("pidsLimit", pids_limit),
	EXIT_NUMBER("pidsPeak", pids_peak),
	EXIT_NUMBER("pidsRefused", pids_refused),
	EXIT_NUMBER("cpuNs", cpu_ns),
	EXIT_NUMBER("cpuPeriods", cpu_periods),
	EXIT_NUMBER("cpuThrottledPeriods", cpu_throttled_periods),
	EXIT_NUMBER("cpuThrottledNs", cpu_throttled_ns),
	EXIT_NUMBER("pressureCpuUs", pressure_cpu_us),
	EXIT_NUMBER("pressureMemoryUs", pressure_memory_us),
	EXIT_NUMBER("pressureIoUs", pressure_io_us),
	JSON_FIELD("oomGroup", struct exit_record, oom_group, &json_string_type, 0),
	JSON_FIELD("victimPid", struct exit_record, victim_pid, &json_i64_type, 0),
	JSON_FIELD("victimKb", struct exit_record, victim_kb, &json_i64_type, 0),
	JSON_FIELD("deniedCall", struct exit_record, denied_call, &json_i64_type, 0),
	JSON_FIELD("deniedArch", struct exit_record, denied_arch, &json_i64_type, 0),
	JSON_FIELD("memoryHighHits", struct exit_record, memory_high_hits, &json_i64_type, 0),
	JSON_FIELD("memoryMaxHits", struct exit_record, memory_max_hits, &json_i64_type, 0),
	JSON_FIELD("quotaUs", struct exit_record, quota_us, &json_i64_type, 0),
	JSON_FIELD("periodUs", struct exit_record, period_us, &json_i64_type, 0),
	JSON_FIELD("reason", struct exit_record, reason, &json_string_type, 0),
};
static const struct json_type exit_type = JSON_OBJECT(struct exit_record, exit_fields);

int exit_decode(const char *text, size_t n, struct arena *a, struct exit_record *ret, struct err *e)
{
	return json_decode(text, n, &exit_type, ret, a, EXITS_FILE, e);
}

int exits_append(int dir_fd, const struct exit_record *x, struct err *e)
{
	auto_json_writer struct json_writer w = {0};
	auto_close int fd = openat(dir_fd, EXITS_FILE,
				   O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0600);
	struct stat st;
	int r;

	if (fd < 0 || fstat(fd, &st) < 0)
		return err_sys(e, -errno, "open " EXITS_FILE);
	json_encode(&exit_type, x, &w);
	/* A container that restarts for ever must not fill the disk with it. */
	if (st.st_size > EXITS_KEPT && renameat(dir_fd, EXITS_FILE, dir_fd, EXITS_FILE ".1") == 0) {
		close(fd);
		fd = openat(dir_fd, EXITS_FILE, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	}
	w.buf[w.len] = '\n';
	r = fd < 0 ? -errno : append_line(fd, w.buf, w.len + 1);
	return r < 0 ? err_sys(e, r, "write " EXITS_FILE) : 0;
}

int exits_load(int dir_fd, size_t limit, struct arena *a, struct exit_record **ret, size_t *ret_n,
	       struct err *e)
{
	struct exit_record *list;
	char *text, *save_ptr = NULL;
	size_t n = 0, max = 1;
	int r = file_read_at(dir_fd, EXITS_FILE, a, EXITS_MAX, &text, NULL);

	*ret = NULL;
	*ret_n = 0;
	if (r == -ENOENT)
		return 0;
	if (r < 0)
		return err_sys(e, r, "read " EXITS_FILE);
	for (const char *p = text; *p; p++)
		max += *p == '\n';
	list = arena_array(a, max, sizeof(*list));
	for (char *line = strtok_r(text, "\n", &save_ptr); line;
	     line = strtok_r(NULL, "\n", &save_ptr))
		/* The last line may be half of one, where the disk was full. */
		if (json_decode(line, strlen(line), &exit_type, &list[n], a, EXITS_FILE, NULL) == 0)
			n++;
	*ret = n > limit ? list + (n - limit) : list;
	*ret_n = n > limit ? limit : n;
	return 0;
}

/* ---- the lock ------------------------------------------------------------------------------------ */

int record_lock(int dir_fd, bool waits, struct err *e)
{
	struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
	auto_close int fd =
		openat(dir_fd, LOCK_FILE, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);

	if (fd < 0)
		return err_sys(e, -errno, "open the container's lock");
	while (fcntl(fd, waits ? F_OFD_SETLKW : F_OFD_SETLK, &lock) < 0) {
		if (errno == EAGAIN || errno == EACCES)
			return err_say(e, -EWOULDBLOCK,
				       "another command is at work on the container");
		if (errno != EINTR)
			return err_sys(e, -errno, "lock the container");
	}
	return TAKE_FD(fd);
}

bool record_is_locked(int dir_fd)
{
	struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
	auto_close int fd = openat(dir_fd, LOCK_FILE, O_RDWR | O_NOFOLLOW | O_CLOEXEC);

	return fd >= 0 && fcntl(fd, F_OFD_GETLK, &lock) == 0 && lock.l_type != F_UNLCK;
}
