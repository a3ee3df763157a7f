/* SPDX-License-Identifier: Apache-2.0 */
/* Which namespaces are the container's own, the host's or somebody else's; its names; its clocks. */
#include <errno.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/auto.h"
#include "base/err.h"
#include "base/log.h"
#include "base/quantity.h"
#include "base/str.h"
#include "engine/container/container.h"
#include "engine/container/spec_parts.h"

enum { HOSTNAME_MAX = 63, ID_SHORT = 12 };
#define NS_PER_SECOND 1000000000LL

static const struct kind {
	const char *option, *oci, *proc; /* proc: its name in /proc/PID/ns */
	size_t offset;                   /* of the option in the request */
	const char *own_words[3];        /* other names of "private" */
	const char *words;               /* for the error */
} kinds[] = {
#define KIND(name, oci, proc) "--" #name, oci, proc, offsetof(struct container_request, name)
	[SPEC_NET] = {KIND(network, "network", "net"),
		      {"none"},
		      "a network's name, none, host, container:NAME or ns:PATH"},
	[SPEC_PID] = {KIND(pid, "pid", "pid"), {NULL}, "private, host, container:NAME or ns:PATH"},
	[SPEC_IPC] = {KIND(ipc, "ipc", "ipc"),
		      {"shareable", "none"},
		      "private, shareable, none, host, container:NAME or ns:PATH"},
	[SPEC_UTS] = {KIND(uts, "uts", "uts"), {NULL}, "private, host, container:NAME or ns:PATH"},
	[SPEC_CGROUP] = {KIND(cgroupns, "cgroup", "cgroup"),
			 {NULL},
			 "private, host, container:NAME or ns:PATH"},
	[SPEC_USER] = {KIND(userns, "user", "user"),
		       {NULL},
		       "host, auto, keep-id, container:NAME or ns:PATH"},
};
_Static_assert(ARRAY_LEN(kinds) == SPEC_NS_COUNT, "a row for each namespace");

static const char *word_of(const struct spec_plan *p, const struct kind *k)
{
	const char *word = *(const char *const *)((const char *)p->q + k->offset);

	if (k == &kinds[SPEC_NET]) {
		/* Several are all names of networks. */
		const struct str_slice *list = &p->q->network;

		word = list->n == 1 ? list->v[0] : NULL;
	}
	return word && *word ? word : NULL;
}

/* The path of a namespace of a running container. */
static int find_joined(struct spec_plan *p, const struct kind *k, const char *name,
		       struct container_info *ret, const char **ret_path, struct err *e)
{
	int r = container_find(p->g, name, p->a, ret, e);

	if (r < 0)
		return r;
	if (ret->status.pid <= 0)
		return err_say(e, -ESRCH,
			       "%s container:%s: that container is not running: start it first",
			       k->option, name);
	*ret_path = arena_printf(p->a, "/proc/%lld/ns/%s", (long long)ret->status.pid, k->proc);
	return 0;
}

/* What else is shared with the one whose network it is: its names. */
static void share_names(struct spec_plan *p, const struct container_info *other)
{
	p->r->network = arena_printf(p->a, "container:%s", other->record.id);
	p->r->hostname = other->record.hostname;
	p->files = arena_printf(p->a, "%s/containers/%s", p->g->data, other->record.id);
}

static int plan_kind(struct spec_plan *p, enum spec_ns ns, const char **ret_path, struct err *e)
{
	const struct kind *k = &kinds[ns];
	const char *word = word_of(p, k);
	struct container_info other = {0};
	int r;

	/* Nobody has asked for a user namespace; all others are the container's own. */
	p->mode[ns] = !word && ns == SPEC_USER ? SPEC_HOST : SPEC_PRIVATE;
	if (!word || str_eq(word, "private") ||
	    str_index(word, k->own_words, ARRAY_LEN(k->own_words)) >= 0)
		return 0;
	if (str_eq(word, "host")) {
		p->mode[ns] = SPEC_HOST;
		return 0;
	}
	if (ns == SPEC_USER && (str_starts(word, "auto") || str_starts(word, "keep-id")))
		return userns_plan(p, word, e);
	if (ns == SPEC_NET && !str_starts(word, "ns:") && !str_starts(word, "container:"))
		return 0; /* networks_plan */
	p->mode[ns] = SPEC_JOIN;
	if (str_starts(word, "ns:/")) {
		*ret_path = word + strlen("ns:");
		return 0;
	}
	if (!str_starts(word, "container:") || !word[strlen("container:")])
		return err_say(e, -EINVAL, "%s %s: want %s", k->option, word, k->words);
	r = find_joined(p, k, word + strlen("container:"), &other, ret_path, e);
	if (r == 0 && ns == SPEC_NET)
		share_names(p, &other);
	if (r == 0 && ns == SPEC_USER) {
		p->r->uid_maps = other.record.uid_maps;
		p->r->gid_maps = other.record.gid_maps;
	}
	if (r == 0 && ns == SPEC_IPC)
		log_warning("--ipc %s: message queues, semaphores and System V shared memory are "
			    "shared, /dev/shm is not",
			    word);
	return r;
}

static void add_namespace(struct spec_plan *p, const char *type, const char *path)
{
	LIST_ADD(&p->s->linux_.namespaces, p->a) =
		(struct oci_namespace){.type = type, .path = path};
}

/* ---- names --------------------------------------------------------------------------------------- */

static int check_hostname(const char *name, struct err *e)
{
	size_t n =
		strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_");

	if (!*name || name[n] || n > HOSTNAME_MAX || name[0] == '-' || name[0] == '.')
		return err_say(e, -EINVAL,
			       "--hostname %s: invalid hostname format: letters, digits, '-' and "
			       "'.', at most %d of them",
			       name, HOSTNAME_MAX);
	return 0;
}

static const char *own_hostname(struct arena *a)
{
	struct utsname u;

	return uname(&u) < 0 ? "localhost" : arena_strdup(a, u.nodename);
}

static int plan_names(struct spec_plan *p, struct err *e)
{
	const struct container_request *q = p->q;
	struct record *r = p->r;
	int rc;

	if ((q->hostname || q->domainname) && p->mode[SPEC_UTS] != SPEC_PRIVATE)
		return err_say(
			e, -EINVAL,
			"conflicting options: %s and the UTS mode (--uts %s): the name would "
			"be somebody else's too",
			q->hostname ? "--hostname" : "--domainname", q->uts);
	if (q->hostname && p->mode[SPEC_NET] == SPEC_JOIN && r->hostname)
		return err_say(
			e, -EINVAL,
			"conflicting options: --hostname and the network mode (--network %s), "
			"which brings the name of the other container",
			q->network.v[0]);
	if (q->hostname && (rc = check_hostname(q->hostname, e)) < 0)
		return rc;
	if (q->hostname)
		r->hostname = q->hostname;
	else if (p->mode[SPEC_UTS] != SPEC_PRIVATE || p->mode[SPEC_NET] == SPEC_HOST)
		r->hostname = own_hostname(p->a);
	else if (!r->hostname)
		r->hostname = arena_strndup(p->a, r->id, ID_SHORT);
	if (p->mode[SPEC_UTS] == SPEC_PRIVATE) {
		p->s->hostname = r->hostname;
		p->s->domainname = q->domainname;
	}
	return 0;
}

/* ---- clocks -------------------------------------------------------------------------------------- */

static int plan_offset(struct spec_plan *p, const char *text, struct err *e)
{
	struct oci_time_offset *to = NULL;
	const char *value = strchr(text, '=');
	int64_t ns;

	if (str_starts(text, "monotonic="))
		to = &p->s->linux_.time_offsets.monotonic;
	else if (str_starts(text, "boottime="))
		to = &p->s->linux_.time_offsets.boottime;
	if (!to || quantity_to_ns(value + 1, &ns) < 0)
		return err_say(
			e, -EINVAL,
			"--time-offset %s: want monotonic=DURATION or boottime=DURATION, such "
			"as boottime=-1h30m",
			text);
	to->is_set = true;
	to->secs = ns / NS_PER_SECOND - (ns % NS_PER_SECOND < 0);
	to->nanosecs = (uint32_t)(ns - to->secs * NS_PER_SECOND);
	return 0;
}

static int plan_clocks(struct spec_plan *p, struct err *e)
{
	int r = 0;

	if (!p->q->time_offset.n)
		return 0;
	add_namespace(p, "time", NULL);
	for (size_t i = 0; r == 0 && i < p->q->time_offset.n; i++)
		r = plan_offset(p, p->q->time_offset.v[i], e);
	return r;
}

int namespaces_plan(struct spec_plan *p, struct err *e)
{
	int r = 0;

	p->files = arena_printf(p->a, "%s/containers/%s", p->g->data, p->r->id);
	p->has_no_shm = str_eq(p->q->ipc, "none");
	for (int i = 0; i < SPEC_NS_COUNT; i++) {
		const char *path = NULL;

		r = plan_kind(p, (enum spec_ns)i, &path, e);
		if (r < 0)
			return r;
		if (p->mode[i] != SPEC_HOST)
			add_namespace(p, kinds[i].oci, path);
	}
	add_namespace(p, "mount", NULL);
	if (!p->r->network && p->mode[SPEC_NET] != SPEC_PRIVATE)
		p->r->network = word_of(p, &kinds[SPEC_NET]);
	if ((p->mode[SPEC_NET] == SPEC_PRIVATE && (r = networks_plan(p, e)) < 0) ||
	    (r = plan_names(p, e)) < 0 || (r = plan_clocks(p, e)) < 0)
		return r;
	return ports_plan(p, e);
}
