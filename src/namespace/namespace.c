/* SPDX-License-Identifier: Apache-2.0 */
/* The table of namespaces and what they have in common: plan, print, open, join, prepare. */
#include "namespace/namespace.h"

#include <linux/nsfs.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

#include "base/auto.h"
#include "base/err.h"
#include "base/json.h"
#include "base/str.h"
#include "kernel/sys.h"
#include "namespace/kinds.h"

/*
 * Theory of operation
 *
 * enum ns_type is also the order of preparation: user first, since its owner gets the rights over the
 * others. Joining goes user, pid, net, ipc, uts, cgroup, time, mount: after setns(2) of a mount
 * namespace the caller's root and working directory are those of that namespace, so nothing that is
 * found by path may come later. ns_open has opened all of them before the first is joined.
 */

const struct ns_kind *const ns_kinds[NS_TYPE_COUNT] = {
	[NS_USER] = &ns_kind_user, [NS_MOUNT] = &ns_kind_mount,   [NS_PID] = &ns_kind_pid,
	[NS_NET] = &ns_kind_net,   [NS_IPC] = &ns_kind_ipc,       [NS_UTS] = &ns_kind_uts,
	[NS_TIME] = &ns_kind_time, [NS_CGROUP] = &ns_kind_cgroup,
};

const enum ns_type ns_join_order[NS_TYPE_COUNT] = {
	NS_USER, NS_PID, NS_NET, NS_IPC, NS_UTS, NS_CGROUP, NS_TIME, NS_MOUNT,
};

static const char *const action_names[] = {
	[NS_INHERIT] = "inherit",
	[NS_CREATE] = "create",
	[NS_JOIN] = "join",
};
_Static_assert(ARRAY_LEN(action_names) == NS_JOIN + 1, "a name for each action");

static int type_of(const char *name)
{
	for (int i = 0; i < NS_TYPE_COUNT; i++)
		if (str_eq(name, ns_kinds[i]->oci_name))
			return i;
	return -EINVAL;
}

static int plan_actions(const struct oci_linux *l, struct ns_plan *p, struct err *e)
{
	for (size_t i = 0; i < l->namespaces.n; i++) {
		const struct oci_namespace *n = &l->namespaces.v[i];
		int type;

		if (!n->type)
			return err_say(e, -EINVAL, "linux.namespaces[%zu] has no type", i);
		type = type_of(n->type);
		if (type < 0)
			return err_say(e, type, "unknown namespace type \"%.80s\"", n->type);
		if (p->action[type] != NS_INHERIT)
			return err_say(e, -EINVAL, "malformed spec file: duplicated ns \"%s\"",
				       n->type);
		if (!n->path || !n->path[0]) {
			p->action[type] = NS_CREATE;
			continue;
		}
		if (n->path[0] != '/')
			return err_say(e, -EINVAL,
				       "namespace path \"%.400s\" (%s) must be absolute", n->path,
				       n->type);
		p->action[type] = NS_JOIN;
		p->path[type] = n->path;
	}
	return 0;
}

/* An empty name means that none was given, as for every peer. */
static const char *name_or_null(const char *s)
{
	return s && s[0] ? s : NULL;
}

int ns_plan_make(const struct oci_spec *spec, bool is_rootless, struct ns_plan *ret, struct err *e)
{
	const struct oci_linux *l = &spec->linux_;
	struct ns_plan p = {
		.uid_maps = l->uid_mappings,
		.gid_maps = l->gid_mappings,
		.monotonic = l->time_offsets.monotonic,
		.boottime = l->time_offsets.boottime,
		.hostname = name_or_null(spec->hostname),
		.domainname = name_or_null(spec->domainname),
		.sysctl = l->sysctl,
		.net_devices = l->net_devices.v,
		.n_net_devices = l->net_devices.n,
		.is_rootless = is_rootless,
	};
	int (*const checks[])(const struct ns_plan *, struct err *) = {
		ns_user_check, ns_uts_check, ns_time_check, ns_sysctl_check, ns_net_devices_check,
	};
	int r = plan_actions(l, &p, e);

	for (size_t i = 0; r >= 0 && i < ARRAY_LEN(checks); i++)
		r = checks[i](&p, e);
	if (r >= 0 && spec->process.is_set)
		r = ns_user_check_ids(&p, &spec->process.user, e);
	if (r < 0)
		return r;
	*ret = p;
	return 0;
}

static void print_maps(const char *key, const struct oci_id_maps *maps, struct json_writer *w)
{
	if (!maps->n)
		return;
	json_key(w, key);
	json_begin_array(w);
	for (size_t i = 0; i < maps->n; i++) {
		json_begin_object(w);
		json_put_uint(w, "containerID", maps->v[i].container_id);
		json_put_uint(w, "hostID", maps->v[i].host_id);
		json_put_uint(w, "size", maps->v[i].size);
		json_end_object(w);
	}
	json_end_array(w);
}

static void print_offset(const char *key, const struct oci_time_offset *o, struct json_writer *w)
{
	if (!o->is_set)
		return;
	json_key(w, key);
	json_begin_object(w);
	json_put_int(w, "secs", o->secs);
	json_put_uint(w, "nanosecs", o->nanosecs);
	json_end_object(w);
}

void ns_plan_print(const struct ns_plan *p, struct json_writer *w)
{
	json_begin_object(w);
	for (int i = 0; i < NS_TYPE_COUNT; i++) {
		json_key(w, ns_kinds[i]->oci_name);
		json_begin_object(w);
		json_put_string(w, "action", action_names[p->action[i]]);
		if (p->path[i])
			json_put_string(w, "path", p->path[i]);
		json_end_object(w);
	}
	print_maps("uidMappings", &p->uid_maps, w);
	print_maps("gidMappings", &p->gid_maps, w);
	print_offset("monotonic", &p->monotonic, w);
	print_offset("boottime", &p->boottime, w);
	if (p->hostname)
		json_put_string(w, "hostname", p->hostname);
	if (p->domainname)
		json_put_string(w, "domainname", p->domainname);
	if (p->sysctl.n) {
		json_key(w, "sysctl");
		json_begin_object(w);
		for (size_t i = 0; i < p->sysctl.n; i++)
			json_put_string(w, p->sysctl.v[i].key, p->sysctl.v[i].value);
		json_end_object(w);
	}
	if (p->n_net_devices) {
		json_key(w, "netDevices");
		json_begin_object(w);
		for (size_t i = 0; i < p->n_net_devices; i++)
			json_put_string(w, p->net_devices[i].host_name,
					p->net_devices[i].name ? p->net_devices[i].name
							       : p->net_devices[i].host_name);
		json_end_object(w);
	}
	json_end_object(w);
}

static const char *flag_name(int flag)
{
	for (int i = 0; i < NS_TYPE_COUNT; i++)
		if (ns_kinds[i]->clone_flag == (uint64_t)flag)
			return ns_kinds[i]->oci_name;
	return "unknown";
}

/* Returns the descriptor or -errno. */
static int open_typed(const char *path, const struct ns_kind *kind, struct err *e)
{
	/* O_NONBLOCK: the path may be a FIFO. */
	auto_close int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	int flag;

	if (fd < 0)
		return err_sys(e, -errno, "namespace path \"%s\"", path);
	flag = ioctl(fd, NS_GET_NSTYPE);
	if (flag < 0)
		return err_say(e, -EINVAL, "namespace path \"%s\" is not a namespace", path);
	if ((uint64_t)flag != kind->clone_flag)
		return err_say(e, -EINVAL, "namespace path \"%s\" is a %s namespace, not %s", path,
			       flag_name(flag), kind->oci_name);
	return TAKE_FD(fd);
}

bool ns_is_own(const struct ns_kind *kind, int fd)
{
	char path[64];
	struct stat own, st;

	snprintf(path, sizeof(path), "/proc/self/ns/%s", kind->proc_name);
	return stat(path, &own) == 0 && fstat(fd, &st) == 0 && own.st_dev == st.st_dev &&
	       own.st_ino == st.st_ino;
}

/* Security: a path may lead to the namespace that we are in, where these would change the host. */
static int check_own(const struct ns_plan *p, enum ns_type type, int fd, struct err *e)
{
	const struct ns_kind *kind = ns_kinds[type];
	const char *sysctl = ns_sysctl_of(p, type);

	if ((!sysctl && type != NS_MOUNT) || !ns_is_own(kind, fd))
		return 0;
	/* runc's words for net, callers know them. */
	if (sysctl)
		return err_say(e, -EINVAL,
			       "sysctl \"%s\" not allowed in host %s namespace (\"%s\")", sysctl,
			       kind->oci_name, p->path[type]);
	/* pivot_root(2) would take the root of every process on the host along. */
	return err_say(e, -EINVAL,
		       "namespace path \"%s\" is the runtime's own mount namespace: leave out the "
		       "path for a new one, or the namespace for none",
		       p->path[type]);
}

int ns_open(const struct ns_plan *p, int fds[NS_TYPE_COUNT], struct err *e)
{
	int opened[NS_TYPE_COUNT];
	int r = 0;

	for (int i = 0; i < NS_TYPE_COUNT; i++)
		opened[i] = -EBADF;
	for (int i = 0; r >= 0 && i < NS_TYPE_COUNT; i++) {
		if (p->action[i] != NS_JOIN)
			continue;
		r = opened[i] = open_typed(p->path[i], ns_kinds[i], e);
		if (r >= 0)
			r = check_own(p, (enum ns_type)i, opened[i], e);
	}
	if (r < 0) {
		for (int i = 0; i < NS_TYPE_COUNT; i++)
			if (opened[i] >= 0)
				close(opened[i]);
		return r;
	}
	memcpy(fds, opened, sizeof(opened));
	return 0;
}

uint64_t ns_clone_flags(const struct ns_plan *p)
{
	uint64_t flags = 0;

	for (int i = 0; i < NS_TYPE_COUNT; i++) {
		if (p->action[i] != NS_CREATE || i == NS_CGROUP)
			continue;
		if (i == NS_TIME && ns_time_has_offsets(p))
			continue;
		flags |= ns_kinds[i]->clone_flag;
	}
	return flags;
}

int ns_own_pid(void)
{
	auto_close int fd = open("/proc/self/ns/pid", O_RDONLY | O_CLOEXEC);

	/* A join of where we are changes nothing, and asks for the right that the way back takes. */
	return fd >= 0 && setns(fd, CLONE_NEWPID) == 0 ? TAKE_FD(fd) : -EPERM;
}

bool ns_needs_stage(const struct ns_plan *p, bool can_return)
{
	if (p->action[NS_USER] == NS_JOIN && ns_clone_flags(p))
		return true;
	for (int i = 0; i < NS_TYPE_COUNT; i++)
		if (p->action[NS_USER] == NS_CREATE && p->action[i] == NS_JOIN && i != NS_MOUNT &&
		    i != NS_CGROUP)
			return true;
	return p->action[NS_PID] == NS_JOIN && !can_return;
}

int ns_join(const struct ns_plan *p, enum ns_type type, const int fds[NS_TYPE_COUNT], struct err *e)
{
	const struct ns_kind *kind = ns_kinds[type];
	int r;

	if (p->action[type] != NS_JOIN)
		return 0;
	if (setns(fds[type], (int)kind->clone_flag) == 0)
		return 0;
	r = -errno;
	/* setns(2): one cannot enter the user namespace that one is in. Nothing to do then. */
	if (type == NS_USER && r == -EINVAL && ns_is_own(kind, fds[type]))
		return 0;
	return err_sys(e, r, "join the %s namespace \"%s\"", kind->oci_name, p->path[type]);
}

int ns_prepare(const struct ns_plan *p, struct err *e)
{
	/* Order: user last. A process that changed its ids is no longer "dumpable", and /proc/self of
	 * such a one belongs to the first user namespace's root (proc(5)): the time offsets could not
	 * be written any more. The capabilities for the others are there from the start. */
	int (*const steps[])(const struct ns_plan *, struct err *) = {
		ns_time_prepare,
		ns_net_prepare,
		ns_uts_prepare,
		ns_user_prepare,
	};
	int r = 0;

	for (size_t i = 0; r >= 0 && i < ARRAY_LEN(steps); i++)
		r = steps[i](p, e);
	return r < 0 ? r : 0;
}
