/* SPDX-License-Identifier: Apache-2.0 */
/* Containers removed, and put right after a command or a monitor was killed. */
#include "engine/container/remove.h"

#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/arena.h"
#include "base/auto.h"
#include "base/err.h"
#include "base/log.h"
#include "base/str.h"
#include "engine/container/container.h"
#include "engine/container/names.h"
#include "engine/event.h"
#include "engine/network/network.h"
#include "engine/volume/volume.h"
#include "engine/why/ended.h"
#include "kernel/sys.h"
#include "kernel/tree.h"

/*
 * Theory of operation
 *
 * A container vanishes by one rename of its folder to tmp/; what comes after may be cut short anywhere: a name
 * without folder is free, a folder in tmp/ is garbage, an anonymous volume without container is for prune.
 */

int container_forget(const struct engine *g, const char *id, const struct record *r, bool volumes,
		     struct err *e)
{
	char path[96], grave[96];
	int rc;

	snprintf(path, sizeof(path), "containers/%s", id);
	snprintf(grave, sizeof(grave), "tmp/removed-%s", id);
	if (renameat(g->data_fd, path, g->data_fd, grave) < 0 && errno != ENOENT)
		return err_sys(e, -errno, "remove %s/%s", g->data, path);
	if (r && r->name)
		name_release(g, r->name, id);
	rc = tree_remove_at(g->data_fd, grave);
	if (rc < 0)
		return err_sys(e, rc, "remove %s/%s", g->data, grave);
	for (size_t i = 0; r && volumes && i < r->n_mounts; i++) {
		struct err why = {0};

		/* --volumes-from of another container may keep it. */
		if (r->mounts[i].is_anonymous &&
		    volume_remove(g, r->mounts[i].name, false, &why) < 0 && why.code != ENOENT &&
		    why.code != EBUSY)
			log_warning("%s", why.text);
	}
	return 0;
}

static bool is_live(enum container_state state)
{
	return state == CONTAINER_RUNNING || state == CONTAINER_PAUSED ||
	       state == CONTAINER_RESTARTING;
}

/* ---- removal ------------------------------------------------------------------------------------- */

int container_remove(const struct engine *g, const struct container_info *c, bool force,
		     bool volumes, struct err *e)
{
	auto_close int dir = record_open(g, c->record.id, e);
	auto_close int lock = -EBADF;
	int r;

	if (dir < 0)
		return dir;
	if (is_live(c->status.state) && record_is_locked(dir)) {
		if (!force)
			return err_say(
				e, -EBUSY,
				"container %s is %s: stop it first, or remove it with --force",
				c->record.name, container_state_names[c->status.state]);
		r = container_stop(g, c, 0, "SIGKILL", e);
		if (r < 0)
			return r;
	}
	/* One of --rm may have gone by itself. */
	lock = record_lock(dir, true, NULL);
	if (lock < 0)
		return 0;
	if (!c->is_broken)
		ended_append(g, dir, &c->record, NULL);
	r = container_forget(g, c->record.id, c->is_broken ? NULL : &c->record, volumes, e);
	if (r == 0)
		event_emit(g, "container", "destroy", c->record.id, c->record.name, NULL);
	return r;
}

/* ---- repair -------------------------------------------------------------------------------------- */

static int64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static void remove_run_folder(const struct engine *g, const char *id)
{
	int r = tree_remove_at(g->run_fd, id);

	if (r < 0)
		log_warning("remove %s/%s: %s", g->run, id, err_text(-r));
}

/* The monitor is gone and its container with it, once this is done. */
static int bury(const struct engine *g, const char *id, int dir, struct status *s, struct arena *a,
		struct err *e)
{
	struct exit_record x = {.started_ns = s->started_ns,
				.finished_ns = now_ns(),
				.exit_code = 128 + SIGKILL,
				.signal = SIGKILL,
				.memory_limit = -1,
				.memory_peak = -1,
				.pids_limit = -1,
				.pids_peak = -1,
				.pids_refused = -1,
				.reason = "monitor lost"};
	struct container left = {0};
	struct record record = {0};
	int r;

	/* Also what start_failed half-way left: the runtime's state names the groups. */
	if (runtime_load(&g->runtime, id, a, &left, NULL) == 0) {
		r = runtime_delete(&g->runtime, id, true, e);
		if (r < 0)
			return r;
	}
	/* Order: the file that says what there is goes with the folder. */
	r = network_detach(g, id, e);
	if (r < 0)
		return r;
	remove_run_folder(g, id);
	r = record_load(dir, id, a, &record, e);
	/* The monitor got as far as to write the end down: that stands. */
	if (r == 0 && is_live(s->state)) {
		s->state = CONTAINER_EXITED;
		s->pid = s->monitor_pid = 0;
		s->finished_ns = x.finished_ns;
		s->exit_code = x.exit_code;
		s->error = "the monitor of the container was killed";
		r = exits_append(dir, &x, e);
		if (r == 0)
			r = status_save(dir, s, e);
		if (r == 0)
			event_emit(g, "container", "die", id, record.name, NULL);
	}
	if (r < 0)
		return r;
	if (!record.removes_itself)
		return 0;
	ended_append(g, dir, &record, s);
	return container_forget(g, id, &record, true, e);
}

int container_repair(const struct engine *g, const char *id, struct err *e)
{
	auto_arena struct arena a = {0};
	auto_close int dir = record_open(g, id, NULL);
	auto_close int lock = -EBADF;
	struct status status = {0};
	int r;

	if (dir < 0)
		return 0;
	lock = record_lock(dir, false, NULL);
	if (lock < 0)
		return 0;
	if (faccessat(dir, "record.json", F_OK, 0) < 0) {
		r = container_forget(g, id, NULL, false, e);
		return r < 0 ? r : 1;
	}
	r = status_load(dir, &a, &status, e);
	if (r < 0 || (!is_live(status.state) && faccessat(g->run_fd, id, F_OK, 0) < 0))
		return r < 0 ? r : 0;
	r = bury(g, id, dir, &status, &a, e);
	return r < 0 ? r : 1;
}

/* Names whose container is gone; their holder was killed between the two. */
static void sweep_names(const struct engine *g)
{
	auto_closedir DIR *d = NULL;
	const struct dirent *entry;
	int fd = openat(g->data_fd, "names", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	d = fd < 0 ? NULL : fdopendir(fd);
	while (d && (entry = readdir(d))) {
		char id[65], path[96];

		if (entry->d_name[0] == '.' || name_find(g, entry->d_name, id) < 0)
			continue;
		snprintf(path, sizeof(path), "containers/%s", id);
		/* Order: a container's folder is there before its name is. */
		if (faccessat(g->data_fd, path, F_OK, 0) < 0)
			name_release(g, entry->d_name, id);
	}
}

int container_repair_all(const struct engine *g, struct err *e)
{
	auto_closedir DIR *d = NULL;
	const struct dirent *entry;
	int fd = openat(g->data_fd, "containers", O_RDONLY | O_DIRECTORY | O_CLOEXEC), repaired = 0;

	d = fd < 0 ? NULL : fdopendir(fd);
	if (!d)
		return err_sys(e, -errno, "read %s/containers", g->data);
	while ((entry = readdir(d))) {
		struct err why = {0};
		int r = entry->d_name[0] == '.' ? 0 : container_repair(g, entry->d_name, &why);

		if (r < 0)
			log_warning("container %.12s: %s", entry->d_name, why.text);
		repaired += r > 0;
	}
	sweep_names(g);
	return repaired;
}
