/* SPDX-License-Identifier: Apache-2.0 */
/* What is kept of a container: how it was asked for, how it is, how its lives ended. */
#ifndef BERTH_ENGINE_CONTAINER_RECORD_H
#define BERTH_ENGINE_CONTAINER_RECORD_H

#include "base/slice.h"
#include "engine/engine.h"
#include "oci/image.h"

/* A mount as inspect shows it and --volumes-from copies it. */
struct record_mount {
	const char *type;   /* "bind", "volume", "tmpfs", "image" */
	const char *name;   /* of a volume, else NULL */
	const char *source; /* on the host */
	const char *destination;
	const char *mode; /* options as given: "ro,z" */
	const char *propagation;
	bool is_writable, is_anonymous;
	/* what sources_make needs to know; not kept */
	bool makes_source, is_given, copies_not;
	uint32_t owner_uid, owner_gid;    /* is_given: whom everything in it is given to */
	struct oci_pairs labels, options; /* of a volume to be made */
};

struct record_log {
	const char *driver;       /* "json-file", "journald", "none", "passthrough" */
	int64_t max_size;         /* bytes a file; default 10 MiB */
	int64_t max_files;        /* default 3 */
	const char *mode;         /* "block" (default) or "drop-oldest" */
	struct oci_pairs options; /* as given */
};

/* One network of a container, as it was asked for. */
struct record_network {
	const char *name;
	const char *ip, *ip6, *mac; /* NULL: any */
	struct str_slice aliases;
};

/* --publish: host_first 0: any free port. Without address: every address of the host. */
struct record_port {
	const char *address, *protocol; /* "tcp", "udp", "sctp" */
	int64_t host_first, host_last, container_first, container_last;
};

/* record.json: written at create, changed by update and rename (replaced by rename(2)). */
struct record {
	const char *id, *name;
	const char *image, *image_id; /* as given; "sha256:HEX" */
	struct str_slice layers; /* chain ids, base first: the root without looking the image up */
	const char *platform;
	int64_t created_ns;
	struct str_slice entrypoint, command; /* what runs is both in a row */
	bool has_tty, opens_stdin, stdin_once, removes_itself, is_privileged, has_init;
	bool publishes_all;
	const char *stop_signal; /* "SIGTERM" */
	int64_t stop_timeout;    /* seconds; default 10 */
	const char *restart;     /* "no", "on-failure", "always", "unless-stopped" */
	int64_t restart_max;     /* of on-failure; 0: no end */
	const char *hostname, *user,
		*network; /* "none", "host", "container:ID", "ns:PATH", a name */
	SLICE(struct record_network) networks; /* where network is a name; eth0 first */
	SLICE(struct record_port) ports;
	const char *net_rate_in, *net_rate_out;
	const char *detach_keys; /* default "ctrl-p,ctrl-q" */
	const char *cgroup_path;
	const char *pool; /* NULL: none */
	struct oci_id_maps uid_maps,
		gid_maps; /* its root is mounted with them; empty: as on the disk */
	struct oci_pairs labels;
	struct oci_health health;
	struct record_log log;
	struct record_mount *mounts;
	size_t n_mounts;
	const char *request; /* the create request as JSON text: for inspect and for restarts */
};

enum container_state {
	CONTAINER_CREATED,
	CONTAINER_RUNNING,
	CONTAINER_PAUSED, /* found out from the cgroup, never stored */
	CONTAINER_RESTARTING,
	CONTAINER_EXITED,
	CONTAINER_DEAD, /* its removal failed half-way */
};
extern const char *const container_state_names[];

/* status.jsonl, the last line: written by the monitor alone (by the repairer where there is none). */
struct status {
	enum container_state state;
	int64_t pid, monitor_pid; /* 0 where there is none */
	int64_t started_ns, finished_ns;
	int64_t exit_code;
	bool is_oom_killed,
		was_stopped; /* was_stopped: a person ended it; unless-stopped heeds that */
	const char *error;   /* why it did not start */
	int64_t restarts;
	const char *health; /* "", "starting", "healthy", "unhealthy" */
	int64_t health_failures;
	int64_t log_dropped; /* lines, with mode drop-oldest */
};

/* A line of exits.jsonl: the end of one life with the cgroup's evidence, read before the group went. */
struct exit_record {
	int64_t started_ns, finished_ns, exit_code;
	int64_t signal;     /* 0: none */
	int64_t oom_kills;  /* processes killed by the OOM killer */
	const char *victim; /* their names where the kernel told, else NULL */
	int64_t memory_limit, memory_peak, pids_limit, pids_peak, pids_refused; /* -1: unknown */
	int64_t cpu_ns, cpu_periods, cpu_throttled_periods, cpu_throttled_ns;
	int64_t pressure_cpu_us, pressure_memory_us, pressure_io_us; /* total of "some" */
	/* of the kernel's log, where it may be read */
	const char *oom_group; /* whose limit ran out: its path; "/": the machine's memory */
	int64_t victim_pid, victim_kb; /* of the last victim */
	int64_t denied_call,
		denied_arch; /* the system call that a filter ended it for; with signal SIGSYS */
	int64_t memory_high_hits,
		memory_max_hits; /* how often it was slowed down, and made to give memory back */
	int64_t quota_us, period_us; /* 0: none */
	const char
		*reason; /* "exited", "stopped", "killed", "oom", "monitor lost", "start failed" */
};

/* Everything about one container. */
struct container_info {
	struct record record;
	struct status status;
	bool is_broken; /* record.json is missing or unreadable */
};

/* The container's root as a detached mount, with its own files on top. Returns a descriptor or -errno. */
int record_mount_root(const struct engine *g, const struct record *r, int dir_fd, struct err *e);

/* Folder containers/ID, O_PATH | O_DIRECTORY. */
int record_open(const struct engine *g, const char *id, struct err *e);
int record_save(int dir_fd, const struct record *r, struct err *e);
/* The text of record.json. */
void record_print(const struct record *r, struct json_writer *w);
int record_load(int dir_fd, const char *id, struct arena *a, struct record *ret, struct err *e);
int status_save(int dir_fd, const struct status *s, struct err *e);
/* As stored; -ENOENT: created and never started gives CONTAINER_CREATED and 0. */
int status_load(int dir_fd, struct arena *a, struct status *ret, struct err *e);
/* The text of a line of status.jsonl, and back; and of exits.jsonl. */
void status_print(const struct status *s, struct json_writer *w);
int status_decode(const char *text, size_t n, struct arena *a, struct status *ret, struct err *e);
int exit_decode(const char *text, size_t n, struct arena *a, struct exit_record *ret,
		struct err *e);
int exits_append(int dir_fd, const struct exit_record *x, struct err *e);
/* The last `limit` lives, newest last. */
int exits_load(int dir_fd, size_t limit, struct arena *a, struct exit_record **ret, size_t *ret_n,
	       struct err *e);

/* Takes containers/ID/lock. waits: until it is free. Returns the descriptor that holds it (OFD lock;
 * passed on to a child, it holds on) or -errno (-EWOULDBLOCK: a monitor or another command has it). */
int record_lock(int dir_fd, bool waits, struct err *e);
/* Is it held? Takes nothing. */
bool record_is_locked(int dir_fd);

#endif
