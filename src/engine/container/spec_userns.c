/* SPDX-License-Identifier: Apache-2.0 */
/* User namespaces of a container's own: which ids it gets. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/auto.h"
#include "base/err.h"
#include "base/str.h"
#include "engine/container/spec_parts.h"
#include "kernel/fd.h"
#include "oci/decode.h"

/*
 * Theory of operation
 *
 * auto: a block of ids that no other container has. For root they come from the ranges that /etc/subuid and
 * /etc/subgid give to the name "containers" (as for Podman), for an ordinary user from the ids of the engine's own
 * namespace but 0, which is the user. Which block: the first free one from a place that the container's id
 * tells, so that two creates at once do not meet.
 *
 * keep-id: the user has the same number inside as outside, all others are subordinate ids.
 */

enum { AUTO_SIZE = 65536, SUBIDS_MAX = 1 << 20, MAPS_MAX = 340, CONFIG_MAX = 4 << 20 };
#define AUTO_OWNER "containers"
#define AUTO_FIRST 2147483648U
enum { AUTO_COUNT = 1 << 30 };

struct range {
	uint32_t first, size;
};

uint32_t userns_outer_id(const struct oci_id_maps *maps, uint32_t id)
{
	if (!maps->n)
		return id;
	for (size_t i = 0; i < maps->n; i++)
		if (id >= maps->v[i].container_id && id - maps->v[i].container_id < maps->v[i].size)
			return maps->v[i].host_id + (id - maps->v[i].container_id);
	return UINT32_MAX;
}

static void add_map(struct oci_id_maps *maps, uint32_t inside, uint32_t outside, uint32_t size,
		    struct arena *a)
{
	if (size)
		LIST_ADD(maps, a) = (struct oci_id_map){
			.container_id = inside, .host_id = outside, .size = size};
}

/* ---- what there is ------------------------------------------------------------------------------- */

uint32_t userns_own_ids(const char *file, struct arena *a)
{
	char *text, *line;
	uint64_t n = 0;

	if (file_read_at(AT_FDCWD, file, a, SUBIDS_MAX, &text, NULL) < 0)
		return 0;
	while ((line = next_line(&text))) {
		unsigned inside, outside, size;
		char *end;

		inside = (unsigned)strtoul(line, &end, 10);
		outside = (unsigned)strtoul(end, &end, 10);
		size = (unsigned)strtoul(end, &end, 10);
		(void)outside;
		if (inside == n)
			n += size;
	}
	return n > UINT32_MAX ? UINT32_MAX : (uint32_t)n;
}

/* The largest range of the owner "containers" in /etc/subuid or /etc/subgid (subuid(5)). */
static void find_range(const char *path, struct arena *a, struct range *ret)
{
	struct range best = {0};
	char *text, *line;

	if (file_read_at(AT_FDCWD, path, a, SUBIDS_MAX, &text, NULL) < 0)
		text = NULL;
	while ((line = next_line(&text))) {
		char *owner = strsep(&line, ":"), *first = strsep(&line, ":");
		struct range found;

		if (line && str_eq(owner, AUTO_OWNER) && str_to_u32(first, &found.first) == 0 &&
		    str_to_u32(line, &found.size) == 0 && found.size > best.size)
			best = found;
	}
	/* Nobody said which: the upper half, which people's ranges do not reach. */
	if (!best.size)
		best = (struct range){AUTO_FIRST, AUTO_COUNT};
	*ret = best;
}

static int find_ranges(struct spec_plan *p, struct range ret[2], struct err *e)
{
	static const char *const files[] = {"/etc/subuid", "/etc/subgid"};
	static const char *const maps[] = {"/proc/self/uid_map", "/proc/self/gid_map"};

	for (int i = 0; i < 2; i++) {
		int r = 0;

		if (p->g->is_rootless) {
			uint32_t n = userns_own_ids(maps[i], p->a);

			if (n < 2)
				r = err_say(
					e, -ENOENT,
					"--userns %s: needs subordinate ids of yours in %s (see "
					"`berth doctor`)",
					p->q->userns, files[i]);
			ret[i] = (struct range){1, n - 1};
		} else {
			find_range(files[i], p->a, &ret[i]);
		}
		if (r < 0)
			return r;
	}
	return 0;
}

/* ---- auto ---------------------------------------------------------------------------------------- */

/* The blocks that other containers have, as their configurations tell. */
static void collect_taken(const struct spec_plan *p, struct oci_id_maps *ret)
{
	int fd = openat(p->g->data_fd, "containers", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	auto_closedir DIR *d = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *entry;

	while (d && (entry = readdir(d))) {
		auto_arena struct arena a = {0};
		struct oci_spec other = {0};
		const char *path = arena_printf(&a, "%s/config.json", entry->d_name);
		char *text;
		size_t n;

		if (entry->d_name[0] == '.' ||
		    file_read_at(dirfd(d), path, &a, CONFIG_MAX, &text, &n) < 0 ||
		    !strstr(text, "\"uidMappings\"") ||
		    oci_decode_spec(text, n, &a, &other, NULL) < 0)
			continue;
		for (size_t i = 0; i < other.linux_.uid_mappings.n; i++)
			LIST_ADD(ret, p->a) = other.linux_.uid_mappings.v[i];
	}
}

static bool is_free(const struct oci_id_maps *taken, uint32_t first, uint32_t size)
{
	for (size_t i = 0; i < taken->n; i++)
		if (first < (uint64_t)taken->v[i].host_id + taken->v[i].size &&
		    taken->v[i].host_id < (uint64_t)first + size)
			return false;
	return true;
}

static int read_size(const char *mode, uint32_t *ret, struct err *e)
{
	if (str_eq(mode, "auto"))
		return 0;
	if (str_starts(mode, "auto:size=") && str_to_u32(mode + strlen("auto:size="), ret) == 0 &&
	    *ret)
		return 0;
	return err_say(e, -EINVAL, "--userns %s: want auto or auto:size=NUMBER", mode);
}

static int plan_auto(struct spec_plan *p, const char *mode, struct err *e)
{
	struct oci_linux *l = &p->s->linux_;
	struct oci_id_maps taken = {0};
	uint32_t size = AUTO_SIZE, blocks, start;
	struct range range[2] = {{0}};
	int r = read_size(mode, &size, e);

	if (r < 0 || (r = find_ranges(p, range, e)) < 0)
		return r;
	/* The same block of both, so the shorter range counts. */
	if (range[1].size < range[0].size)
		range[0].size = range[1].size;
	if (range[0].size < size && str_eq(mode, "auto"))
		size = range[0].size;
	blocks = size ? range[0].size / size : 0;
	if (!blocks)
		return err_say(e, -ENOSPC, "--userns %s: there are %u ids only", mode,
			       range[0].size);
	collect_taken(p, &taken);
	start = (uint32_t)strtoul(arena_strndup(p->a, p->r->id, 8), NULL, 16) % blocks;
	for (uint32_t i = 0; i < blocks; i++) {
		uint32_t at = (start + i) % blocks * size;

		if (!is_free(&taken, range[0].first + at, size))
			continue;
		add_map(&l->uid_mappings, 0, range[0].first + at, size, p->a);
		add_map(&l->gid_mappings, 0, range[1].first + at, size, p->a);
		return 0;
	}
	return err_say(e, -ENOSPC,
		       "--userns %s: all %u blocks of %u ids are in use: remove containers, or ask "
		       "for less with auto:size=",
		       mode, blocks, size);
}

/* ---- keep-id ------------------------------------------------------------------------------------- */

static void keep(struct oci_id_maps *maps, uint32_t id, uint32_t n, struct arena *a)
{
	uint32_t rest = n ? n - 1 : 0, below = id < rest ? id : rest;

	add_map(maps, 0, 1, below, a);
	add_map(maps, id, 0, 1, a);
	add_map(maps, id + 1, below + 1, rest - below, a);
}

static int plan_keep(struct spec_plan *p, const char *mode, struct err *e)
{
	struct oci_linux *l = &p->s->linux_;

	if (!str_eq(mode, "keep-id"))
		return err_say(e, -EINVAL, "--userns %s: want keep-id", mode);
	if (!p->g->is_rootless)
		return err_say(e, -EINVAL,
			       "--userns keep-id: for ordinary users; root's ids are the same "
			       "without it");
	keep(&l->uid_mappings, p->g->uid, userns_own_ids("/proc/self/uid_map", p->a), p->a);
	keep(&l->gid_mappings, p->g->gid, userns_own_ids("/proc/self/gid_map", p->a), p->a);
	p->has_kept_user = true;
	return 0;
}

int userns_plan(struct spec_plan *p, const char *mode, struct err *e)
{
	return str_starts(mode, "auto") ? plan_auto(p, mode, e) : plan_keep(p, mode, e);
}
