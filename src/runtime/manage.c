/* SPDX-License-Identifier: Apache-2.0 */
/* Operations on a container that is there: signals, freezing, limits, deletion. */
#include <poll.h>
#include <signal.h>
#include <string.h>

#include "base/arena.h"
#include "base/auto.h"
#include "base/err.h"
#include "base/log.h"
#include "kernel/process.h"
#include "kernel/sys.h"
#include "runtime/create.h"
#include "runtime/state.h"

static void close_group(struct cgroup *c)
{
	cgroup_close(c);
}
#define auto_cgroup __attribute__((cleanup(close_group)))

/* A pidfd of the container's first process that is certainly it; -ESRCH: it is gone. Order: the
 * descriptor first, then the start time, so that the pid cannot be somebody else's in between. */
static int container_pidfd(const struct container *c)
{
	auto_close int fd = c->pid > 0 ? sys_pidfd_open(c->pid, 0) : -ESRCH;
	uint64_t ticks;

	if (fd < 0)
		return fd;
	if (process_start_time(c->pid, &ticks, NULL) < 0 || ticks != c->start_ticks)
		return -ESRCH;
	return TAKE_FD(fd);
}

static int open_groups(const struct container *c, struct cgroup *ret, struct err *e)
{
	memset(ret, 0, sizeof(*ret));
	return cgroup_open(&c->cgroup, ret, e);
}

int runtime_kill(const struct runtime *rt, const char *id, int signo, bool all, struct err *e)
{
	auto_arena struct arena a = {0};
	auto_close int pidfd = -EBADF;
	struct container c;
	int r = runtime_load(rt, id, &a, &c, e);

	if (r < 0)
		return r;
	if (all) {
		auto_cgroup struct cgroup group;

		r = open_groups(&c, &group, e);
		return r < 0 ? r : cgroup_kill(&group, signo, e);
	}
	if (c.status == STATUS_STOPPED || c.status == STATUS_CREATING)
		return err_say(e, -ESRCH, "container not running");
	pidfd = container_pidfd(&c);
	r = pidfd < 0 ? pidfd : sys_pidfd_send_signal(pidfd, signo);
	if (r == -ESRCH)
		return err_say(e, r, "container not running");
	if (r < 0)
		return err_sys(e, r, "signal container %s", id);
	/* A frozen v1 group would sit on its SIGKILL for ever. */
	if (signo == SIGKILL && c.status == STATUS_PAUSED) {
		auto_cgroup struct cgroup group;

		if (open_groups(&c, &group, NULL) == 0)
			cgroup_thaw(&group, NULL);
	}
	return 0;
}

static int wait_for_end(int pidfd, struct err *e)
{
	struct pollfd p = {.fd = pidfd, .events = POLLIN};
	int r;

	do
		r = poll(&p, 1, 10000);
	while (r < 0 && errno == EINTR);
	return r > 0 ? 0
		     : err_say(e, -ETIMEDOUT,
			       "the container's process did not die of SIGKILL "
			       "within 10 s");
}

static int kill_first(const struct container *c, struct err *e)
{
	auto_close int pidfd = container_pidfd(c);
	int r;

	if (pidfd < 0)
		return 0;
	r = sys_pidfd_send_signal(pidfd, SIGKILL);
	if (r < 0 && r != -ESRCH)
		return err_sys(e, r, "kill container %s", c->id);
	if (c->status == STATUS_PAUSED) {
		auto_cgroup struct cgroup group;

		if (open_groups(c, &group, NULL) == 0)
			cgroup_thaw(&group, NULL);
	}
	return wait_for_end(pidfd, e);
}

/* What a `create` that was killed before its first state left: just the folder. The same for a state that is
 * no state. */
static int delete_rest(const struct runtime *rt, const char *id, int r, bool force, struct err *e)
{
	/* What could not be read now (EIO, EMFILE, ENOMEM) names groups that are still there. */
	if (!force || (r != -ENOENT && r != -EINVAL))
		return r;
	if (e)
		e->code = 0;
	return state_remove(rt, id, e);
}

int runtime_delete(const struct runtime *rt, const char *id, bool force, struct err *e)
{
	auto_arena struct arena a = {0};
	auto_close int dir = state_open(rt, id, e);
	auto_cgroup struct cgroup group = {0};
	struct oci_spec spec = {0};
	struct err why = {0};
	struct container c;
	int r;

	if (dir == -ENOENT && force) {
		if (e)
			e->code = 0;
		return 0;
	}
	if (dir < 0)
		return dir;
	r = state_load(dir, id, &a, &c, e);
	if (r < 0)
		return delete_rest(rt, id, r, force, e);
	if (c.status != STATUS_STOPPED && c.status != STATUS_CREATED && !force)
		return err_say(e, -EBUSY, "cannot delete container %s that is not stopped: %s", id,
			       runtime_status_names[c.status]);
	r = kill_first(&c, e);
	if (r < 0)
		return r;
	if ((r = open_groups(&c, &group, e)) < 0 || (r = cgroup_destroy(&group, e)) < 0 ||
	    (r = rdt_remove(&c.rdt, id, e)) < 0)
		return r;
	if (plan_read_config(dir, id, &a, &spec, NULL, NULL, &why) < 0)
		log_warning("no poststop hooks: %s", why.text);
	else
		container_run_poststop(&c, &spec.hooks.poststop);
	return state_remove(rt, id, e);
}

int runtime_pause(const struct runtime *rt, const char *id, struct err *e)
{
	auto_arena struct arena a = {0};
	auto_cgroup struct cgroup group = {0};
	struct container c;
	int r = runtime_load(rt, id, &a, &c, e);

	if (r < 0)
		return r;
	if (c.status != STATUS_RUNNING && c.status != STATUS_CREATED)
		return err_say(e, -EINVAL, "container not running or created: %s",
			       runtime_status_names[c.status]);
	r = open_groups(&c, &group, e);
	return r < 0 ? r : cgroup_freeze(&group, e);
}

int runtime_resume(const struct runtime *rt, const char *id, struct err *e)
{
	auto_arena struct arena a = {0};
	auto_cgroup struct cgroup group = {0};
	struct container c;
	int r = runtime_load(rt, id, &a, &c, e);

	if (r < 0)
		return r;
	if (c.status != STATUS_PAUSED)
		return err_say(e, -EINVAL, "container not paused");
	r = open_groups(&c, &group, e);
	return r < 0 ? r : cgroup_thaw(&group, e);
}

int runtime_update(const struct runtime *rt, const char *id, const struct oci_resources *resources,
		   struct err *e)
{
	auto_arena struct arena a = {0};
	auto_cgroup struct cgroup group = {0};
	struct container c;
	int r = runtime_load(rt, id, &a, &c, e);

	if (r < 0)
		return r;
	if (c.status == STATUS_STOPPED)
		return err_say(e, -EINVAL, "cannot update a container that has stopped");
	r = open_groups(&c, &group, e);
	return r < 0 ? r : cgroup_update(&group, resources, e);
}

int runtime_update_rdt(const struct runtime *rt, const char *id, const char *l3,
		       const char *bandwidth, struct err *e)
{
	auto_arena struct arena a = {0};
	struct container c;
	int r = runtime_load(rt, id, &a, &c, e);

	if (r < 0)
		return r;
	if (c.status == STATUS_STOPPED)
		return err_say(e, -EINVAL, "cannot update a container that has stopped");
	return rdt_update(&c.rdt, l3, bandwidth, e);
}

int runtime_pids(const struct runtime *rt, const char *id, struct arena *a, pid_t **ret,
		 size_t *ret_n, struct err *e)
{
	auto_cgroup struct cgroup group = {0};
	struct container c;
	int r = runtime_load(rt, id, a, &c, e);

	if (r < 0)
		return r;
	r = open_groups(&c, &group, e);
	return r < 0 ? r : cgroup_pids(&group, a, ret, ret_n, e);
}
