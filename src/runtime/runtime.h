/* SPDX-License-Identifier: Apache-2.0 */
/* The runtime's operations on containers: what the command line and the monitor call. */
#ifndef BERTH_RUNTIME_RUNTIME_H
#define BERTH_RUNTIME_RUNTIME_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "cgroup/cgroup.h"
#include "cgroup/rdt.h"
#include "oci/spec.h"

struct arena;
struct err;
struct json_writer;

struct runtime {
	const char *root;        /* --root; state lives in ROOT/ID/state.json */
	bool has_systemd_cgroup; /* --systemd-cgroup */
	bool is_rootless; /* --rootless, or found out: euid != 0 or a user namespace of its own */
};

/* Fills the default root and is_rootless. rootless: -1 auto, 0 false, 1 true. */
int runtime_init(struct runtime *rt, const char *root, int rootless, bool has_systemd_cgroup,
		 struct arena *a, struct err *e);

enum runtime_status {
	STATUS_CREATING,
	STATUS_CREATED,
	STATUS_RUNNING,
	STATUS_PAUSED,
	STATUS_STOPPED
};
extern const char *const runtime_status_names[];

/* A container as its state file and the kernel tell it. Strings in the arena. */
struct container {
	const char *id, *bundle, *rootfs, *oci_version, *owner;
	enum runtime_status status;
	pid_t pid;            /* 0 when stopped */
	uint64_t start_ticks; /* with pid: names the process for ever */
	int64_t created_ns;   /* CLOCK_REALTIME */
	struct oci_pairs annotations;
	struct cgroup_saved cgroup;
	struct rdt_group rdt;
	bool is_rootless, no_new_keyring;
};

struct create_request {
	const char *id, *bundle; /* bundle NULL: the working directory */
	const char *console_socket, *pid_file, *pidfd_socket;
	unsigned preserve_fds;
	bool no_pivot, no_new_keyring;
	/* with has_root: a detached mount that becomes the root; it is attached in the container's own
	 * mount namespace onto root.path, which may be an empty folder. The caller closes it. */
	bool has_root;
	int root_fd;
	/* Called once the namespaces are there, while the first process goes on with its mounts; its program does not
	 * run before this returned 0. NULL: nothing. */
	int (*on_born)(void *arg, pid_t pid, struct err *e);
	void *on_born_arg;
	/* run only */
	bool is_detached, keeps, no_subreaper;
	bool keeps_onlcr; /* of a terminal that the caller pumps: it stays as the kernel makes it */
};

struct exec_request {
	const char *id;
	struct oci_process
		process; /* complete: from --process, or from the container's own with flags over it */
	const char *console_socket, *pid_file, *pidfd_socket, *cgroup;
	unsigned preserve_fds;
	bool is_detached, ignore_paused, no_subreaper;
};

/* How processes are written into files by criu and made anew from there; runc's options. NULL and false: default. */
struct criu_options {
	const char *binary; /* NULL: criu, found by $PATH */
	const char *image_path, *work_path, *parent_path, *page_server;
	const char *manage_cgroups, *network_lock, *lsm_profile, *lsm_mount_context;
	struct str_slice empty_ns;
	bool tcp_established, tcp_skip_in_flight, ext_unix_sk, shell_job, file_locks, auto_dedup;
	bool lazy_pages, link_remap;
	/* checkpoint only */
	bool leave_running, is_pre_dump;
	bool has_status_fd;
	int status_fd; /* gets a byte once a page server listens */
};

/* Writes the container into the image folder; unless it is to run on, it is deleted after that. */
int runtime_checkpoint(const struct runtime *rt, const char *id, const struct criu_options *o,
		       struct err *e);
/* A running container from an image folder and its bundle; else as runtime_run. */
int runtime_restore(const struct runtime *rt, const struct create_request *q,
		    const struct criu_options *o, int *ret_code, struct err *e);

int runtime_create(const struct runtime *rt, const struct create_request *q, struct err *e);
int runtime_start(const struct runtime *rt, const char *id, struct err *e);
/* create + start; waits and fills *ret_code unless detached. */
int runtime_run(const struct runtime *rt, const struct create_request *q, int *ret_code,
		struct err *e);
int runtime_exec(const struct runtime *rt, const struct exec_request *q, int *ret_code,
		 struct err *e);
/* The process object of the container's stored config, as the base of `exec ID CMD`. */
int runtime_exec_defaults(const struct runtime *rt, const char *id, struct arena *a,
			  struct oci_process *ret, struct err *e);
int runtime_kill(const struct runtime *rt, const char *id, int signo, bool all, struct err *e);
int runtime_delete(const struct runtime *rt, const char *id, bool force, struct err *e);
int runtime_pause(const struct runtime *rt, const char *id, struct err *e);
int runtime_resume(const struct runtime *rt, const char *id, struct err *e);
int runtime_update(const struct runtime *rt, const char *id, const struct oci_resources *r,
		   struct err *e);
/* New schemas of its resctrl group; NULL leaves one as it is. */
int runtime_update_rdt(const struct runtime *rt, const char *id, const char *l3,
		       const char *bandwidth, struct err *e);

/* One container; -ENOENT with "container ID does not exist". */
int runtime_load(const struct runtime *rt, const char *id, struct arena *a, struct container *ret,
		 struct err *e);
/* All of them, sorted by id. A broken one is warned about and left out. */
int runtime_list(const struct runtime *rt, struct arena *a, struct container **ret, size_t *ret_n,
		 struct err *e);
int runtime_pids(const struct runtime *rt, const char *id, struct arena *a, pid_t **ret,
		 size_t *ret_n, struct err *e);
/* The "state" JSON of the specification, as `state` prints it and hooks get it. */
void runtime_state_print(const struct container *c, struct json_writer *w);
/* The same with what `state` and `list` add to it: rootfs, created, owner. */
void runtime_container_print(const struct container *c, struct arena *a, struct json_writer *w);
/* Nanoseconds of CLOCK_REALTIME as RFC 3339 in UTC: "2026-01-02T03:04:05.000000006Z". */
const char *runtime_time_text(int64_t ns, struct arena *a);

/* What would be done for a bundle, as JSON, without root and without doing it. */
int runtime_plan(const struct runtime *rt, const struct create_request *q, struct json_writer *w,
		 struct err *e);

/* The features document (features.md): compile-time facts. */
void runtime_features_print(struct json_writer *w);

#endif
