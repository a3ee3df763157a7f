/* SPDX-License-Identifier: Apache-2.0 */
/* The engine: where its files are, and what every one of its programs opens first. */
#ifndef BERTH_ENGINE_ENGINE_H
#define BERTH_ENGINE_ENGINE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "runtime/runtime.h"

/*
 * Theory of operation
 *
 * DATA (/var/lib/berth; rootless: $XDG_DATA_HOME/berth; BERTH_ROOT or --root say otherwise):
 *   blobs/sha256/HEX            manifests, configurations and compressed layers, named by their content
 *   layers/HEX/{diff,layer.json} unpacked layers, named by chain id; complete or not there
 *   images/HEX.json             one image ready to run, named by the digest of its configuration
 *   refs/NAME                   a reference: which image it names
 *   containers/ID/              one container: record.json, config.json (it is an OCI bundle), status.jsonl,
 *                               rootfs/ upper/ work/, log*, exits.jsonl, lock
 *   names/NAME                  holds the id: claimed with link(2)
 *   volumes/NAME/{volume.json,data}
 *   pools/NAME.json
 *   tmp/                        whatever is under way; each entry is locked (flock) by its maker
 * RUN (/run/berth-engine; rootless: $XDG_RUNTIME_DIR/berth-engine; BERTH_RUN_ROOT, --run-root):
 *   ID/monitor.sock             attach; there while the monitor lives
 *   names/NETWORK/              what the network's dnsmasq reads (engine/network/names.h)
 *   events.jsonl                what happened, appended by whoever did it
 * The runtime's own state is in RUN/runtime.
 *
 * There is no global lock on the way of a start. DATA/store.lock is taken shared (flock) by whoever
 * adds images or makes a container of one, exclusive only by who removes layers and blobs. Who works
 * on one container holds containers/ID/lock; the monitor holds it as long as it lives, so a lock that
 * can be had means that no monitor is there, whatever the files say: the next command repairs them.
 *
 * Rootless: engine_enter puts the process into a user and a mount namespace of its own, root inside,
 * with the caller's subordinate ids; from then on everything is as for root. Every process that does so
 * gets the same mapping, so the owners of files agree.
 */

struct engine {
	const char *data, *run; /* absolute */
	int data_fd, run_fd;    /* O_PATH | O_DIRECTORY; the folders are made, mode 0711 */
	const char *lib;        /* folder with berth-image, berth-monitor, berth-init */
	const char *share;      /* folder with seccomp.json, busybox.tar (../share/berth, or lib) */
	struct runtime runtime; /* for runtime_kill and the like: its root is RUN/runtime */
	bool is_rootless;       /* the caller is not root (also inside engine_enter's namespace) */
	uid_t uid, gid;         /* the caller's own, on the host */
};

/* data and run may be NULL (environment, then default). Programs that we start find both in their
 * environment (engine_export). Returns 0 or -errno. */
int engine_open(const char *data, const char *run, struct arena *a, struct engine *ret,
		struct err *e);
void engine_close(struct engine *g);

/* Puts DATA, RUN and the caller's ids into the environment for programs that are to be executed. */
int engine_export(const struct engine *g, struct err *e);

/* Rootless only (for root: nothing): a user and a mount namespace of our own. To be called before any
 * work on files of images or containers. Returns 0 or -errno. */
int engine_enter(struct engine *g, struct err *e);
/* The same, but into the namespaces of a live monitor (to exec in, or signal, its container). */
int engine_enter_monitor(struct engine *g, pid_t monitor, struct err *e);

/* The name that /etc/passwd gives to a user, in the arena; NULL: none. */
const char *engine_user_name(uid_t uid, struct arena *a);

/* Takes DATA/store.lock. is_exclusive && !waits: -EWOULDBLOCK where somebody is at work. Returns a
 * descriptor that holds the lock until it is closed, or -errno. */
int engine_lock_store(const struct engine *g, bool is_exclusive, bool waits, struct err *e);

/* 64 random hexadecimal digits: a container's id. */
void engine_make_id(char ret[65]);

/* Starts one of our programs (LIB/NAME) with argv and waits: its exit code, or -errno. */
int engine_run_program(const struct engine *g, const char *name, const char *const *argv,
		       struct err *e);
/* Becomes it. Returns only on failure. */
int engine_exec_program(const struct engine *g, const char *name, const char *const *argv,
			struct err *e);

#endif
