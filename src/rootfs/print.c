/* SPDX-License-Identifier: Apache-2.0 */
/* The plan of the root file system as JSON, in the words of config.json. */
#include <stdio.h>
#include <string.h>

#include "base/auto.h"
#include "base/json.h"
#include "kernel/mount.h"
#include "rootfs/rootfs.h"

static const char *const kind_names[] = {
	[ROOTFS_BIND] = "bind",
	[ROOTFS_NEW] = "new",
	[ROOTFS_CGROUP_V1] = "cgroup-v1",
	[ROOTFS_REMOUNT] = "remount",
};
_Static_assert(ARRAY_LEN(kind_names) == ROOTFS_REMOUNT + 1, "a name for each kind of mount");

static const struct {
	uint64_t flag;
	const char *set, *clear;
} attr_names[] =
	{
		{MOUNT_ATTR_RDONLY, "ro", "rw"},
		{MOUNT_ATTR_NOSUID, "nosuid", "suid"},
		{MOUNT_ATTR_NODEV, "nodev", "dev"},
		{MOUNT_ATTR_NOEXEC, "noexec", "exec"},
		{MOUNT_ATTR_NOSYMFOLLOW, "nosymfollow", "symfollow"},
		{MOUNT_ATTR_NODIRATIME, "nodiratime", "diratime"},
		{MOUNT_ATTR_NOATIME, "noatime", NULL},
		{MOUNT_ATTR_STRICTATIME, "strictatime", NULL},
},
  sb_names[] =
	  {
		  {MS_RDONLY, "ro", NULL},         {MS_SYNCHRONOUS, "sync", NULL},
		  {MS_DIRSYNC, "dirsync", NULL},   {MS_MANDLOCK, "mand", NULL},
		  {MS_LAZYTIME, "lazytime", NULL}, {MS_I_VERSION, "iversion", NULL},
		  {MS_SILENT, "silent", NULL},     {MS_POSIXACL, "acl", NULL},
},
  propagation_names[] = {
	  {MS_SHARED, "shared", NULL},
	  {MS_SLAVE, "slave", NULL},
	  {MS_PRIVATE, "private", NULL},
	  {MS_UNBINDABLE, "unbindable", NULL},
};

static void put_maybe(struct json_writer *w, const char *key, const char *value)
{
	if (value)
		json_put_string(w, key, value);
}

static void put_attrs(struct json_writer *w, const char *key, uint64_t set, uint64_t clear)
{
	if (!set && !clear)
		return;
	json_key(w, key);
	json_begin_array(w);
	for (size_t i = 0; i < ARRAY_LEN(attr_names); i++) {
		if (set & attr_names[i].flag)
			json_string(w, attr_names[i].set);
		else if ((clear & attr_names[i].flag) && attr_names[i].clear)
			json_string(w, attr_names[i].clear);
	}
	if ((clear & MOUNT_ATTR__ATIME) && !(set & MOUNT_ATTR__ATIME))
		json_string(w, "relatime");
	json_end_array(w);
}

static void put_super(struct json_writer *w, unsigned flags)
{
	if (!flags)
		return;
	json_key(w, "superBlock");
	json_begin_array(w);
	for (size_t i = 0; i < ARRAY_LEN(sb_names); i++)
		if (flags & sb_names[i].flag)
			json_string(w, sb_names[i].set);
	json_end_array(w);
}

static void put_propagation(struct json_writer *w, uint64_t flag, bool is_recursive)
{
	char name[16];

	for (size_t i = 0; i < ARRAY_LEN(propagation_names); i++)
		if (flag & propagation_names[i].flag) {
			snprintf(name, sizeof(name), "%s%s", is_recursive ? "r" : "",
				 propagation_names[i].set);
			json_put_string(w, "propagation", name);
		}
}

static void put_maps(struct json_writer *w, const char *key, const struct oci_id_maps *maps)
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

static void put_mount(struct json_writer *w, const struct rootfs_mount *m)
{
	json_begin_object(w);
	json_put_string(w, "kind", kind_names[m->kind]);
	json_put_string(w, "destination", m->destination);
	if (m->kind == ROOTFS_NEW)
		put_maybe(w, "type", m->type);
	put_maybe(w, "source", m->source);
	put_maybe(w, "below", m->below);
	put_maybe(w, "data", m->data);
	if (m->is_recursive)
		json_put_bool(w, "recursive", true);
	put_attrs(w, "attributes", m->attr_set, m->attr_clear);
	put_attrs(w, "recursiveAttributes", m->rattr_set, m->rattr_clear);
	put_super(w, m->sb_flags);
	put_propagation(w, m->propagation, m->is_propagation_recursive);
	if (m->copies_up)
		json_put_bool(w, "copyUp", true);
	if (m->is_idmap)
		json_put_string(w, "idmap", m->is_idmap_recursive ? "recursive" : "top");
	put_maps(w, "uidMappings", &m->uid_mappings);
	put_maps(w, "gidMappings", &m->gid_mappings);
	json_end_object(w);
}

static void put_devices(struct json_writer *w, const struct rootfs_plan *p)
{
	json_key(w, "devices");
	json_begin_array(w);
	for (size_t i = 0; p->makes_devices && i < p->devices.n; i++) {
		const struct oci_device *d = &p->devices.v[i];

		json_begin_object(w);
		json_put_string(w, "path", d->path);
		json_put_string(w, "type", d->type);
		json_put_int(w, "major", d->major);
		json_put_int(w, "minor", d->minor);
		if (d->file_mode.is_set)
			json_put_uint(w, "fileMode", d->file_mode.value);
		if (d->uid.is_set)
			json_put_uint(w, "uid", d->uid.value);
		if (d->gid.is_set)
			json_put_uint(w, "gid", d->gid.value);
		json_end_object(w);
	}
	json_end_array(w);
}

static void put_paths(struct json_writer *w, const char *key, const struct str_slice *paths)
{
	json_key(w, key);
	json_begin_array(w);
	for (size_t i = 0; i < paths->n; i++)
		json_string(w, paths->v[i]);
	json_end_array(w);
}

static void put_cgroup(struct json_writer *w, const struct rootfs_plan *p)
{
	json_key(w, "cgroup");
	json_begin_array(w);
	for (size_t i = 0; i < p->n_cgroup; i++) {
		json_begin_object(w);
		json_put_int(w, "version", p->cgroup[i].is_v2 ? 2 : 1);
		json_put_string(w, "name", p->cgroup[i].name);
		json_put_string(w, "source", p->cgroup[i].source);
		json_end_object(w);
	}
	json_end_array(w);
}

static bool uses_cgroup(const struct rootfs_plan *p)
{
	for (size_t i = 0; i < p->mounts.n; i++)
		if (p->mounts.v[i].kind == ROOTFS_CGROUP_V1)
			return true;
	return false;
}

void rootfs_plan_print(const struct rootfs_plan *p, struct json_writer *w)
{
	json_begin_object(w);
	json_put_string(w, "root", p->root);
	json_put_bool(w, "readonly", p->is_readonly);
	if (p->is_idmap)
		json_put_string(w, "idmap", p->is_idmap_recursive ? "recursive" : "top");
	json_put_string(w, "entered", !p->has_mount_ns ? "chroot" : p->no_pivot ? "move" : "pivot");
	put_propagation(w, p->propagation, (p->propagation & MS_REC) != 0);
	json_key(w, "mounts");
	json_begin_array(w);
	for (size_t i = 0; i < p->mounts.n; i++)
		put_mount(w, &p->mounts.v[i]);
	json_end_array(w);
	if (uses_cgroup(p))
		put_cgroup(w, p);
	put_devices(w, p);
	json_put_bool(w, "console", p->has_terminal);
	put_paths(w, "maskedPaths", &p->masked);
	put_paths(w, "readonlyPaths", &p->readonly);
	put_maybe(w, "mountLabel", p->mount_label);
	json_end_object(w);
}
