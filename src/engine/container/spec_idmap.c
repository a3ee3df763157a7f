/* SPDX-License-Identifier: Apache-2.0 */
/* ":idmap": a bind whose files belong inside to whoever runs there. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/arena.h"
#include "base/auto.h"
#include "base/err.h"
#include "base/str.h"
#include "engine/container/spec_parts.h"

/*
 * Theory of operation
 *
 * With a user namespace of the container's own the mount takes that namespace's maps, so id N on the disk is id N
 * inside. Without one the owner of the source and the user of the container change places, and all others stay:
 * what the program writes belongs on the host to the owner of the folder. "idmap=uids=IN-ON_DISK-SIZE;gids=..."
 * says it in full, as for Podman, without its "@".
 */

/* Ids A and B change places. */
static void swap(struct oci_id_maps *maps, uint32_t a, uint32_t b, struct arena *arena)
{
	const uint32_t low = a < b ? a : b, high = a < b ? b : a;
	const struct oci_id_map parts[] = {
		{0, 0, low},
		{low, high, 1},
		{low + 1, low + 1, high - low - 1},
		{high, low, 1},
		{high + 1, high + 1, UINT32_MAX - high - 1},
	};

	if (low == high) {
		LIST_ADD(maps, arena) = (struct oci_id_map){0, 0, UINT32_MAX};
		return;
	}
	for (size_t i = 0; i < ARRAY_LEN(parts); i++)
		if (parts[i].size)
			LIST_ADD(maps, arena) = parts[i];
}

/* "0-1000-1#5-5-10": triples; the specification's host id is what the container sees, since the mount's
 * maps go from the disk (containerID) to the kernel's ids (hostID). */
static int read_triples(struct spec_plan *p, const char *text, struct oci_id_maps *to)
{
	struct str_slice triples = {0};

	strings_split(text, '#', p->a, &triples);
	for (size_t i = 0; i < triples.n; i++) {
		struct str_slice n = {0};
		struct oci_id_map m;

		strings_split(triples.v[i], '-', p->a, &n);
		if (n.n != 3 || str_to_u32(n.v[0], &m.host_id) < 0 ||
		    str_to_u32(n.v[1], &m.container_id) < 0 || str_to_u32(n.v[2], &m.size) < 0 ||
		    !m.size)
			return -EINVAL;
		m.host_id = userns_outer_id(&p->s->linux_.uid_mappings, m.host_id);
		LIST_ADD(to, p->a) = m;
	}
	return triples.n ? 0 : -EINVAL;
}

static int read_maps(struct spec_plan *p, const struct mount_wish *w, struct oci_mount *m,
		     struct err *e)
{
	struct str_slice parts = {0};
	int r = 0;

	strings_split(w->idmap, ';', p->a, &parts);
	for (size_t i = 0; r == 0 && i < parts.n; i++) {
		const char *text = parts.v[i];

		if (str_starts(text, "uids="))
			r = read_triples(p, text + strlen("uids="), &m->uid_mappings);
		else if (str_starts(text, "gids="))
			r = read_triples(p, text + strlen("gids="), &m->gid_mappings);
		else
			r = -EINVAL;
	}
	if (r == 0 && m->uid_mappings.n && m->gid_mappings.n)
		return 0;
	return err_say(e, -EINVAL, "%s: want idmap=uids=INSIDE-ON_DISK-SIZE;gids=...", w->given);
}

int idmap_plan(struct spec_plan *p, const struct mount_wish *w, const char *source,
	       struct oci_mount *m, struct err *e)
{
	const struct oci_user *user = &p->s->process.user;
	struct stat s = {0};

	if (!w->is_idmap)
		return 0;
	strings_add(&m->options, "idmap", p->a);
	if (w->idmap)
		return read_maps(p, w, m, e);
	if (p->mode[SPEC_USER] != SPEC_HOST)
		return 0;
	/* A volume that is yet to be made is root's. */
	if (stat(source, &s) < 0 && errno != ENOENT)
		return err_sys(e, -errno, "%s: %s", w->given, source);
	swap(&m->uid_mappings, s.st_uid, user->uid, p->a);
	swap(&m->gid_mappings, s.st_gid, user->gid, p->a);
	return 0;
}
