/* SPDX-License-Identifier: Apache-2.0 */
/* Groups that systemd makes as transient units. */
#include "cgroup/systemd.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/str.h"

#define UNIT_EXISTS SYSTEMD_NAME ".UnitExists"
#define NO_SUCH_UNIT SYSTEMD_NAME ".NoSuchUnit"

/* ---- names --------------------------------------------------------------------------------------- */

int systemd_expand_slice(const char *slice, struct arena *a, const char **ret, struct err *e)
{
	size_t n = strlen(slice), stem = n > 6 ? n - 6 : 0;
	const char *path = "";

	if (!stem || !str_eq(slice + stem, ".slice") || strchr(slice, '/'))
		return err_say(
			e, -EINVAL,
			"linux.cgroupsPath: \"%s\" is no name of a slice (such as system.slice)",
			slice);
	if (str_eq(slice, "-.slice")) {
		*ret = path;
		return 0;
	}
	for (size_t i = 0; i <= stem; i++) {
		if (i < stem && slice[i] != '-')
			continue;
		if (i == 0 || slice[i - 1] == '-')
			return err_say(e, -EINVAL,
				       "linux.cgroupsPath: slice \"%s\" has an empty part", slice);
		path = arena_printf(a, "%s/%.*s.slice", path, (int)i, slice);
	}
	*ret = path;
	return 0;
}

static bool is_unit_name(const char *s)
{
	return *s && strlen(s) < 200 &&
	       !s[strspn(s,
			 "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789:-_.\\@")];
}

int systemd_plan_unit(const char *cgroups_path, const char *id, bool is_user, struct arena *a,
		      struct cgroup_unit *ret, const char **ret_path, struct err *e)
{
	struct cgroup_unit u = {.slice = is_user ? "user.slice" : "system.slice",
				.is_user = is_user};
	char *text = arena_strdup(a, cgroups_path ? cgroups_path : "");
	char *prefix = strchr(text, ':'), *name = prefix ? strchr(prefix + 1, ':') : NULL;
	const char *above = "";
	int r;

	if (*text && (!name || strchr(name + 1, ':')))
		return err_say(e, -EINVAL,
			       "expected cgroupsPath to be of format \"slice:prefix:name\" for "
			       "systemd cgroups, got \"%s\" instead",
			       text);
	if (!*text) {
		u.name = arena_printf(a, "berth-%s.scope", id);
	} else {
		*prefix++ = *name++ = '\0';
		if (*text)
			u.slice = text;
		if (str_ends(name, ".slice"))
			u.name = name;
		else
			u.name = *prefix ? arena_printf(a, "%s-%s.scope", prefix, name)
					 : arena_printf(a, "%s.scope", name);
	}
	if (!is_unit_name(u.name))
		return err_say(e, -EINVAL, "linux.cgroupsPath: \"%s\" cannot be a unit's name",
			       u.name);
	if (str_ends(u.name, ".slice"))
		r = systemd_expand_slice(u.name, a, ret_path, e);
	else if ((r = systemd_expand_slice(u.slice, a, &above, e)) == 0)
		*ret_path = arena_printf(a, "%s/%s", above, u.name);
	if (r == 0)
		*ret = u;
	return r;
}

/* Beside v1 controllers systemd follows processes in a hierarchy without any: a container that is not in it would be
 * an empty unit. (On hybrid it follows them in v2.) */
static void add_named_hierarchy(struct cgroup_layout *layout)
{
	static const char mount[] = "/sys/fs/cgroup/systemd";

	if (layout->mode != CGROUP_V2 && layout->n < CGROUP_HIERARCHY_MAX &&
	    access("/sys/fs/cgroup/systemd/tasks", F_OK) == 0)
		layout->hierarchy[layout->n++] = (struct cgroup_hierarchy){
			.name = "name=systemd", .mount = mount, .own = "/"};
}

int cgroup_ask_systemd(struct cgroup_layout *layout, bool is_user, struct arena *a, struct err *e)
{
	struct systemd_bus *b;
	struct dbus_message m;
	const char *type = "", *path = "";
	int r;

	layout->is_systemd_user = is_user;
	layout->systemd_root = "";
	add_named_hierarchy(layout);
	if (!is_user)
		return 0;
	b = arena_alloc(a, sizeof(*b));
	r = systemd_bus_open(b, true, e);
	if (r < 0)
		return r;
	dbus_begin(&b->out, ++b->serial, SYSTEMD_NAME, SYSTEMD_PATH,
		   "org.freedesktop.DBus.Properties", "Get", "ss");
	dbus_put_string(&b->out, SYSTEMD_MANAGER);
	dbus_put_string(&b->out, "ControlGroup");
	r = systemd_bus_call(b, &m, e);
	if (r == 0 && (dbus_get_signature(&m.body, &type) < 0 || !str_eq(type, "s") ||
		       dbus_get_string(&m.body, &path) < 0))
		r = err_say(e, -EBADMSG, "systemd: ControlGroup is no string");
	if (r == 0)
		layout->systemd_root = arena_strdup(a, path);
	systemd_bus_close(b);
	return r;
}

/* ---- units --------------------------------------------------------------------------------------- */

/* A process that is there and does nothing, until we end it or end ourselves. */
static int make_keeper(pid_t *ret, struct err *e)
{
	pid_t parent = getpid(), pid = fork();

	if (pid < 0)
		return err_sys(e, -errno, "make a process for the new unit");
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		while (getppid() == parent)
			pause();
		_exit(0);
	}
	*ret = pid;
	return 0;
}

static void end_keeper(pid_t pid)
{
	if (pid <= 0)
		return;
	kill(pid, SIGKILL);
	while (waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		continue;
}

static void put_string(struct dbus_writer *w, const char *name, const char *value)
{
	dbus_align(w, 8);
	dbus_put_string(w, name);
	dbus_put_signature(w, "s");
	dbus_put_string(w, value);
}

static void put_bool(struct dbus_writer *w, const char *name, bool value)
{
	dbus_align(w, 8);
	dbus_put_string(w, name);
	dbus_put_signature(w, "b");
	dbus_put_bool(w, value);
}

static void put_keeper(struct dbus_writer *w, pid_t pid)
{
	struct dbus_array a;

	dbus_align(w, 8);
	dbus_put_string(w, "PIDs");
	dbus_put_signature(w, "au");
	a = dbus_open_array(w, 4);
	dbus_put_u32(w, (uint32_t)pid);
	dbus_close_array(w, a);
}

static void put_wants(struct dbus_writer *w, const char *slice)
{
	struct dbus_array a;

	dbus_align(w, 8);
	dbus_put_string(w, "Wants");
	dbus_put_signature(w, "as");
	a = dbus_open_array(w, 4);
	dbus_put_string(w, slice);
	dbus_close_array(w, a);
}

static int put_annotations(struct dbus_writer *w, const struct oci_pairs *list, struct err *e)
{
	int r = 0;

	for (size_t i = 0; list && i < list->n && r == 0; i++)
		if (str_starts(list->v[i].key, SYSTEMD_ANNOTATION))
			r = systemd_put_annotation(w, list->v[i].key + strlen(SYSTEMD_ANNOTATION),
						   list->v[i].value, e);
	return r;
}

static int put_unit(struct systemd_bus *b, const struct cgroup_plan *p, pid_t keeper, struct err *e)
{
	static const char *const accounting[] = {"CPUAccounting", "MemoryAccounting",
						 "TasksAccounting"};
	bool is_v2 = p->layout->mode == CGROUP_V2;
	struct dbus_array properties, none;
	struct dbus_writer *w = &b->out;
	int r;

	systemd_bus_begin(b, "StartTransientUnit", "ssa(sv)a(sa(sv))");
	dbus_put_string(w, p->unit.name);
	dbus_put_string(w, "replace");
	properties = dbus_open_array(w, 8);
	put_string(w, "Description", "berth container");
	if (keeper) {
		put_string(w, "Slice", p->unit.slice);
		put_bool(w, "Delegate", true);
		put_string(w, "CollectMode", "inactive-or-failed");
		put_keeper(w, keeper);
	} else {
		put_wants(w, p->unit.slice);
	}
	put_bool(w, "DefaultDependencies", false);
	for (size_t i = 0; i < sizeof(accounting) / sizeof(accounting[0]); i++)
		put_bool(w, accounting[i], true);
	put_bool(w, is_v2 ? "IOAccounting" : "BlockIOAccounting", true);
	systemd_put_limits(w, p->layout, p->writes.v, p->writes.n);
	if (!is_v2)
		systemd_put_devices(w, p->resources);
	r = put_annotations(w, p->annotations, e);
	dbus_close_array(w, properties);
	none = dbus_open_array(w, 8);
	dbus_close_array(w, none);
	return r;
}

static void reset_failed(struct systemd_bus *b, const char *unit)
{
	struct dbus_message m;

	systemd_bus_begin(b, "ResetFailedUnit", "s");
	dbus_put_string(&b->out, unit);
	(void)systemd_bus_call(b, &m, NULL);
}

static int start(struct systemd_bus *b, const struct cgroup_plan *p, pid_t keeper, struct err *e)
{
	struct err why = {0};
	int r = put_unit(b, p, keeper, e);

	if (r < 0)
		return r;
	r = systemd_bus_call_job(b, p->unit.name, &why);
	/* A failed unit keeps its name until somebody says that it was seen. */
	if (r < 0 && str_eq(b->error, UNIT_EXISTS)) {
		why = (struct err){0};
		reset_failed(b, p->unit.name);
		r = put_unit(b, p, keeper, e);
		if (r == 0)
			r = systemd_bus_call_job(b, p->unit.name, &why);
	}
	/* Somebody else's slice is as good as one of ours. */
	if (r < 0 && !keeper && str_eq(b->error, UNIT_EXISTS))
		return 0;
	if (r < 0 && e)
		*e = why;
	return r;
}

int systemd_start(const struct cgroup_plan *p, pid_t *ret_keeper, struct err *e)
{
	static struct systemd_bus b; /* too big for a stack, and never two at once */
	pid_t keeper = 0;
	int r = systemd_bus_open(&b, p->unit.is_user, e);

	if (r < 0)
		return r;
	if (!str_ends(p->unit.name, ".slice"))
		r = make_keeper(&keeper, e);
	if (r == 0)
		r = start(&b, p, keeper, e);
	systemd_bus_close(&b);
	if (r < 0) {
		end_keeper(keeper);
		return r;
	}
	*ret_keeper = keeper;
	return 0;
}

void cgroup_settle(struct cgroup *c)
{
	end_keeper(c->keeper);
	c->keeper = 0;
}

int cgroup_attach(const struct cgroup *c, pid_t pid, struct err *e)
{
	static struct systemd_bus b;
	struct dbus_array pids;
	struct dbus_message m;
	int r;

	if (!c->unit.is_user)
		return 0;
	r = systemd_bus_open(&b, true, e);
	if (r < 0)
		return r;
	systemd_bus_begin(&b, "AttachProcessesToUnit", "ssau");
	dbus_put_string(&b.out, c->unit.name);
	dbus_put_string(&b.out, ""); /* not a group below it */
	pids = dbus_open_array(&b.out, 4);
	dbus_put_u32(&b.out, (uint32_t)pid);
	dbus_close_array(&b.out, pids);
	r = systemd_bus_call(&b, &m, e);
	systemd_bus_close(&b);
	return r;
}

int systemd_update(const struct cgroup_unit *u, const struct cgroup_layout *layout,
		   const struct cgroup_write *v, size_t n, struct err *e)
{
	static struct systemd_bus b;
	struct dbus_array properties;
	struct dbus_message m;
	int r = systemd_bus_open(&b, u->is_user, e);

	if (r < 0)
		return r;
	systemd_bus_begin(&b, "SetUnitProperties", "sba(sv)");
	dbus_put_string(&b.out, u->name);
	dbus_put_bool(&b.out, true); /* until the next boot */
	properties = dbus_open_array(&b.out, 8);
	systemd_put_limits(&b.out, layout, v, n);
	dbus_close_array(&b.out, properties);
	r = systemd_bus_call(&b, &m, e);
	systemd_bus_close(&b);
	return r;
}

int systemd_stop(const struct cgroup_unit *u, struct err *e)
{
	static struct systemd_bus b;
	struct err why = {0};
	int r = systemd_bus_open(&b, u->is_user, &why);

	/* It vanished, and its units with it: the groups are removed by file. */
	if (r < 0)
		return 0;
	systemd_bus_begin(&b, "StopUnit", "ss");
	dbus_put_string(&b.out, u->name);
	dbus_put_string(&b.out, "replace");
	r = systemd_bus_call_job(&b, u->name, &why);
	if (r < 0 && str_eq(b.error, NO_SUCH_UNIT))
		r = 0;
	if (r == 0)
		reset_failed(&b, u->name);
	else if (e)
		*e = why;
	systemd_bus_close(&b);
	return r;
}
