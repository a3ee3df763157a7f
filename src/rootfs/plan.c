/* SPDX-License-Identifier: Apache-2.0 */
/* From config.json to the list of mounts, devices and paths to hide: pure data, no system call. */
#include <errno.h>
#include <string.h>

#include "base/arena.h"
#include "base/auto.h"
#include "base/err.h"
#include "base/str.h"
#include "kernel/mount.h"
#include "rootfs/options.h"
#include "rootfs/steps.h"

/* config-linux.md, "Default Devices"; console is bound by itself, ptmx is a link into devpts. */
static const struct oci_device default_devices[] = {
#define DEFAULT_DEVICE(path, major, minor)                        \
	{                                                         \
		"c", path, major, minor, {true, 0666}, {true, 0}, \
		{                                                 \
			true, 0                                   \
		}                                                 \
	}
	DEFAULT_DEVICE("/dev/null", 1, 3),    DEFAULT_DEVICE("/dev/zero", 1, 5),
	DEFAULT_DEVICE("/dev/full", 1, 7),    DEFAULT_DEVICE("/dev/random", 1, 8),
	DEFAULT_DEVICE("/dev/urandom", 1, 9), DEFAULT_DEVICE("/dev/tty", 5, 0),
};

/* The entries of procfs that callers emulate (lxcfs) or turn off; everything else below /proc would
 * let a bind replace what the kernel says, or what the runtime writes to (CVE-2019-16884). */
static const char *const proc_entries[] = {
	"/proc/cpuinfo",
	"/proc/diskstats",
	"/proc/meminfo",
	"/proc/stat",
	"/proc/swaps",
	"/proc/uptime",
	"/proc/loadavg",
	"/proc/slabinfo",
	"/proc/net/dev",
	"/proc/sys/kernel/ns_last_pid",
	"/proc/sys/crypto/fips_enabled",
};

/* File systems of the kernel's own making: a read-only mount of them needs no read-only super block,
 * which may be shared with somebody who writes. */
static const char *const virtual_types[] = {
	"proc",    "sysfs",   "tmpfs",    "mqueue",      "devpts",     "cgroup",
	"cgroup2", "ramfs",   "devtmpfs", "bpf",         "securityfs", "debugfs",
	"tracefs", "fusectl", "configfs", "binfmt_misc",
};

#define BELOW "x-berth.below="

static char *whole_path(struct arena *a, const char *base, const char *path)
{
	return str_clean_path(a, path[0] == '/' ? path : arena_printf(a, "%s/%s", base, path));
}

/* ---- mounts ------------------------------------------------------------------------------------ */

static char *add_data(struct arena *a, const char *data, const char *option)
{
	return data ? arena_printf(a, "%s,%s", data, option) : arena_strdup(a, option);
}

static void read_options(const struct oci_mount *o, struct rootfs_mount *m, struct arena *a)
{
	bool is_bind = str_eq(o->type, "bind"), is_remount = false;

	for (size_t i = 0; i < o->options.n; i++) {
		enum mount_word word;

		/* Ours, as mount(8) has its X-mount.subdir: the source's owner may put links there. */
		if (str_starts(o->options.v[i], BELOW)) {
			m->below = o->options.v[i] + strlen(BELOW);
			continue;
		}
		if (!mount_option_apply(o->options.v[i], m, &word))
			m->data = add_data(a, m->data, o->options.v[i]);
		is_bind |= word == WORD_BIND || word == WORD_RBIND;
		m->is_recursive |= word == WORD_RBIND;
		is_remount |= word == WORD_REMOUNT;
		m->copies_up |= word == WORD_COPY_UP;
		m->is_idmap |= word == WORD_IDMAP || word == WORD_RIDMAP;
		m->is_idmap_recursive |= word == WORD_RIDMAP;
	}
	m->kind = is_remount ? ROOTFS_REMOUNT : is_bind ? ROOTFS_BIND : ROOTFS_NEW;
	if (is_bind)
		m->sb_flags = m->sb_clear = 0; /* mount(2) ignores them as well */
	if (is_bind && is_remount)
		m->data = NULL;
}

/* `cgroup` in config.json means whatever the host has; the plan says which of three it is. */
static void plan_cgroup(const struct rootfs_facts *f, struct rootfs_mount *m)
{
	const struct rootfs_cgroup_view *v2 = NULL;

	for (size_t i = 0; i < f->n_cgroup; i++)
		if (f->cgroup[i].is_v2)
			v2 = &f->cgroup[i];
	if (str_eq(m->type, "cgroup") && !(v2 && f->n_cgroup == 1)) {
		m->kind = ROOTFS_CGROUP_V1;
		return;
	}
	m->type = "cgroup2";
	m->source = "cgroup";
	m->data = NULL;
	/* Security: without a namespace of its own the container sees only its own group, and a
	 * rootless one cannot be trusted to write there (CVE-2023-25809). */
	if (!f->has_cgroup_ns && v2)
		mount_to_bind(m, v2->source);
}

void mount_to_bind(struct rootfs_mount *m, const char *source)
{
	*m = (struct rootfs_mount){
		.kind = ROOTFS_BIND,
		.destination = m->destination,
		.type = "bind",
		.source = source,
		.is_recursive = true,
		.rattr_set = m->attr_set | m->rattr_set | MOUNT_ATTR_RDONLY,
		.propagation = m->propagation ? m->propagation : MS_SLAVE,
		.is_propagation_recursive = !m->propagation || m->is_propagation_recursive,
	};
}

static void plan_type(const struct oci_spec *spec, const struct rootfs_facts *f,
		      struct rootfs_mount *m, struct arena *a)
{
	if (str_eq(m->type, "cgroup") || str_eq(m->type, "cgroup2")) {
		plan_cgroup(f, m);
	} else if (str_eq(m->type, "sysfs") && f->has_user_ns && !f->has_net_ns) {
		/* sysfs shows the network namespace's devices and wants its owner (fs/sysfs/mount.c). */
		mount_to_bind(m, "/sys");
	} else if (spec->linux_.mount_label && !str_eq(m->type, "proc") &&
		   !str_eq(m->type, "sysfs") && !str_eq(m->type, "mqueue")) {
		m->data = add_data(a, m->data,
				   arena_printf(a, "context=\"%s\"", spec->linux_.mount_label));
	}
	if (m->type && str_index(m->type, virtual_types, ARRAY_LEN(virtual_types)) >= 0)
		m->sb_flags &= ~(unsigned)MS_RDONLY;
}

/* Those that a disk may hold, and tmpfs: which of them can (FS_ALLOW_IDMAP), the kernel says. */
static bool can_idmap(const struct rootfs_mount *m)
{
	return m->kind == ROOTFS_BIND ||
	       (m->kind == ROOTFS_NEW &&
		(str_eq(m->type, "tmpfs") ||
		 str_index(m->type, virtual_types, ARRAY_LEN(virtual_types)) < 0));
}

static int check_idmap(const struct rootfs_facts *f, const struct rootfs_mount *m, struct err *e)
{
	const char *d = m->destination;
	bool has_maps = m->uid_mappings.n || m->gid_mappings.n;

	if (!m->is_idmap && !has_maps)
		return 0;
	if (!can_idmap(m))
		return err_say(
			e, -EINVAL,
			"mount at \"%s\": id-mapped mounts are for binds, tmpfs and file systems "
			"of a disk",
			d);
	if (has_maps && (!m->uid_mappings.n || !m->gid_mappings.n))
		return err_say(e, -EINVAL,
			       "mount at \"%s\" needs both uidMappings and gidMappings, or none",
			       d);
	if (m->is_idmap && !has_maps && !f->has_user_ns)
		return err_say(
			e, -EINVAL,
			"mount at \"%s\": idmap needs uidMappings and gidMappings, or a user "
			"namespace of the container",
			d);
	return 0;
}

static int check_mount(const struct rootfs_facts *f, const struct rootfs_mount *m, struct err *e)
{
	const char *d = m->destination;

	if (strcmp(d, "/") == 0)
		return err_say(e, -EINVAL, "mount destination / is the container's root itself");
	if (m->kind == ROOTFS_BIND && !m->source)
		return err_say(e, -EINVAL, "bind mount at \"%s\" has no source", d);
	if (m->kind == ROOTFS_NEW && !m->type)
		return err_say(e, -EINVAL, "mount at \"%s\" has neither a type nor the option bind",
			       d);
	if (m->kind != ROOTFS_REMOUNT && str_starts(d, "/proc/") &&
	    str_index(d, proc_entries, ARRAY_LEN(proc_entries)) < 0)
		return err_say(e, -EINVAL, "\"%s\" cannot be mounted because it is inside /proc",
			       d);
	if (m->kind == ROOTFS_NEW && strcmp(d, "/proc") == 0 && !str_eq(m->type, "proc"))
		return err_say(e, -EINVAL,
			       "\"/proc\" cannot be mounted because it is not of type proc");
	if (m->below && m->kind != ROOTFS_BIND)
		return err_say(e, -EINVAL, "mount at \"%s\": " BELOW " is for binds only", d);
	if (m->copies_up && (m->kind != ROOTFS_NEW || !str_eq(m->type, "tmpfs")))
		return err_say(e, -EINVAL, "mount at \"%s\": tmpcopyup is for tmpfs only", d);
	return check_idmap(f, m, e);
}

static int plan_mount(const struct oci_spec *spec, const struct rootfs_facts *f,
		      const struct oci_mount *o, struct arena *a, struct rootfs_mount *ret,
		      struct err *e)
{
	struct rootfs_mount m = {
		.type = o->type,
		.source = o->source,
		.uid_mappings = o->uid_mappings,
		.gid_mappings = o->gid_mappings,
	};
	int r;

	if (!o->destination || !*o->destination)
		return err_say(e, -EINVAL, "a mount of type %s has no destination",
			       o->type ? o->type : "none");
	m.destination = whole_path(a, "/", o->destination);
	read_options(o, &m, a);
	if (m.uid_mappings.n)
		m.is_idmap = true;
	if (m.kind == ROOTFS_BIND && m.source)
		m.source = whole_path(a, f->bundle, m.source);
	if (m.kind == ROOTFS_NEW)
		plan_type(spec, f, &m, a);
	r = check_mount(f, &m, e);
	if (r < 0)
		return r;
	*ret = m;
	return 0;
}

/* ---- devices ----------------------------------------------------------------------------------- */

static int check_device(const struct oci_device *d, struct err *e)
{
	static const char *const types[] = {"c", "b", "u", "p"};

	if (!d->path || d->path[0] != '/')
		return err_say(e, -EINVAL, "linux.devices: path \"%s\" is not absolute",
			       d->path ? d->path : "");
	if (!d->type || str_index(d->type, types, ARRAY_LEN(types)) < 0)
		return err_say(e, -EINVAL, "device %s: type \"%s\" is none of c, b, u, p", d->path,
			       d->type ? d->type : "");
	if (strcmp(d->type, "p") != 0 &&
	    (d->major < 0 || d->minor < 0 || d->major > 0xfffff || d->minor > 0xfffff))
		return err_say(e, -EINVAL, "device %s: number %lld:%lld is out of range", d->path,
			       (long long)d->major, (long long)d->minor);
	return 0;
}

static int plan_devices(const struct oci_linux *l, struct arena *a, struct rootfs_plan *p,
			struct err *e)
{
	size_t n = 0;

	p->devices.v =
		arena_array(a, ARRAY_LEN(default_devices) + l->devices.n, sizeof(*p->devices.v));
	for (size_t i = 0; i < ARRAY_LEN(default_devices); i++)
		p->devices.v[n++] = default_devices[i];
	for (size_t i = 0; i < l->devices.n; i++) {
		struct oci_device d = l->devices.v[i];
		size_t at = 0;
		int r = check_device(&d, e);

		if (r < 0)
			return r;
		d.path = str_clean_path(a, d.path);
		if (strcmp(d.path, "/dev/ptmx") == 0)
			continue; /* always the link into the container's own devpts */
		while (at < n && strcmp(p->devices.v[at].path, d.path) != 0)
			at++;
		p->devices.v[at] = d;
		n += at == n;
	}
	p->devices.n = n;
	return 0;
}

/* ---- the rest ---------------------------------------------------------------------------------- */

static int plan_propagation(const char *name, uint64_t *ret, struct err *e)
{
	struct rootfs_mount m = {0};
	enum mount_word word;

	if (!name || !*name)
		return 0;
	if (!mount_option_apply(name, &m, &word) || !m.propagation)
		return err_say(e, -EINVAL,
			       "linux.rootfsPropagation \"%s\" is none of shared, slave, private, "
			       "unbindable (or with an r in front)",
			       name);
	*ret = m.propagation | (m.is_propagation_recursive ? MS_REC : 0);
	return 0;
}

/* root has no options, so an annotation says it. */
static int plan_root_idmap(const struct oci_spec *spec, const struct rootfs_facts *f,
			   struct rootfs_plan *p, struct err *e)
{
	for (size_t i = 0; i < spec->annotations.n; i++) {
		const char *value = spec->annotations.v[i].value;

		if (strcmp(spec->annotations.v[i].key, ROOTFS_IDMAP_ANNOTATION) != 0)
			continue;
		p->is_idmap_recursive = strcmp(value, "ridmap") == 0;
		p->is_idmap = p->is_idmap_recursive || strcmp(value, "idmap") == 0;
		if (!p->is_idmap)
			return err_say(e, -EINVAL,
				       "annotation " ROOTFS_IDMAP_ANNOTATION
				       ": \"%s\" is neither idmap nor ridmap",
				       value);
		if (!f->has_user_ns || !f->has_mount_ns)
			return err_say(e, -EINVAL,
				       "annotation " ROOTFS_IDMAP_ANNOTATION
				       " needs a user and a mount namespace");
	}
	return 0;
}

static int check_paths(const struct str_slice *paths, const char *what, struct err *e)
{
	for (size_t i = 0; i < paths->n; i++)
		if (paths->v[i][0] != '/')
			return err_say(e, -EINVAL, "linux.%s: \"%s\" is not absolute", what,
				       paths->v[i]);
	return 0;
}

/* Without a mount namespace every mount would be made on the host. */
static int check_mount_ns(const struct oci_spec *spec, const struct rootfs_facts *f, struct err *e)
{
	const struct oci_linux *l = &spec->linux_;

	if (f->has_mount_ns)
		return 0;
	if (spec->mounts.n)
		return err_say(e, -EINVAL,
			       "mounts need a mount namespace: add {\"type\":\"mount\"} "
			       "to linux.namespaces, or leave out mounts");
	if (l->masked_paths.n || l->readonly_paths.n)
		return err_say(e, -EINVAL,
			       "unable to restrict sys entries without a private MNT namespace");
	if (spec->root.readonly || l->rootfs_propagation)
		return err_say(e, -EINVAL,
			       "root.readonly and linux.rootfsPropagation need a mount "
			       "namespace");
	return 0;
}

static int plan_mounts(const struct oci_spec *spec, const struct rootfs_facts *f, struct arena *a,
		       struct rootfs_plan *p, struct err *e)
{
	p->mounts.v = arena_array(a, spec->mounts.n, sizeof(*p->mounts.v));
	p->mounts.n = spec->mounts.n;
	/* neither mknod nor a bind is possible where there is only a user namespace */
	p->makes_devices = f->has_mount_ns || !f->has_user_ns;
	for (size_t i = 0; i < spec->mounts.n; i++) {
		struct rootfs_mount *m = &p->mounts.v[i];
		int r = plan_mount(spec, f, &spec->mounts.v[i], a, m, e);

		if (r < 0)
			return r;
		if (m->kind == ROOTFS_BIND && strcmp(m->destination, "/dev") == 0)
			p->makes_devices = false; /* somebody else's devices: as they are */
	}
	return 0;
}

int rootfs_plan_make(const struct oci_spec *spec, const struct rootfs_facts *facts, struct arena *a,
		     struct rootfs_plan *ret, struct err *e)
{
	const struct oci_linux *l = &spec->linux_;
	struct rootfs_plan p = {
		.is_readonly = spec->root.readonly,
		.no_pivot = facts->no_pivot,
		.has_terminal = facts->has_terminal,
		.has_user_ns = facts->has_user_ns,
		.has_mount_ns = facts->has_mount_ns,
		.is_rootless = facts->is_rootless,
		.masked = l->masked_paths,
		.readonly = l->readonly_paths,
		.mount_label = l->mount_label,
		.cgroup = facts->cgroup,
		.n_cgroup = facts->n_cgroup,
	};
	int r;

	if (!spec->root.path || !*spec->root.path)
		return err_say(e, -EINVAL, "config.json: root.path is required");
	p.root = whole_path(a, facts->bundle, spec->root.path);
	r = check_mount_ns(spec, facts, e);
	if (r >= 0)
		r = check_paths(&p.masked, "maskedPaths", e);
	if (r >= 0)
		r = check_paths(&p.readonly, "readonlyPaths", e);
	if (r >= 0)
		r = plan_propagation(l->rootfs_propagation, &p.propagation, e);
	if (r >= 0)
		r = plan_root_idmap(spec, facts, &p, e);
	if (r >= 0)
		r = plan_mounts(spec, facts, a, &p, e);
	if (r >= 0)
		r = plan_devices(l, a, &p, e);
	if (r < 0)
		return r;
	*ret = p;
	return 0;
}
