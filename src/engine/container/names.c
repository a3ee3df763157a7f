/* SPDX-License-Identifier: Apache-2.0 */
/* The names of containers: checked, invented, claimed and given up. */
#include "engine/container/names.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>

#include "base/arena.h"
#include "base/auto.h"
#include "base/err.h"
#include "base/str.h"
#include "kernel/fd.h"
#include "kernel/sys.h"

enum { NAME_LENGTH_MAX = 128, CLAIM_TRIES = 8 };

static const char *const qualities[] = {
	"brave", "bright", "broad",  "calm",  "clear",  "crisp", "deep",    "eager",
	"early", "fair",   "fast",   "fine",  "firm",   "fresh", "gentle",  "glad",
	"grand", "green",  "happy",  "keen",  "kind",   "light", "lively",  "lucid",
	"merry", "mild",   "modest", "neat",  "nimble", "noble", "patient", "plain",
	"proud", "quick",  "quiet",  "ready", "sharp",  "sleek", "smart",   "smooth",
	"solid", "sound",  "steady", "still", "strong", "sunny", "swift",   "tidy",
	"trim",  "true",   "vivid",  "warm",  "wide",   "wise",  "young",   "zesty",
};

/* What is seen from a berth. */
static const char *const things[] = {
	"anchor", "barge",  "bay",    "beacon",   "bow",     "breeze", "bridge",  "brig",
	"buoy",   "canoe",  "canvas", "channel",  "clipper", "coast",  "compass", "coral",
	"cove",   "crane",  "crest",  "cutter",   "deck",    "dinghy", "dock",    "dory",
	"ferry",  "fjord",  "galley", "gull",     "harbour", "helm",   "hull",    "island",
	"jetty",  "junk",   "keel",   "ketch",    "lagoon",  "light",  "lock",    "mast",
	"mole",   "oar",    "pier",   "pilot",    "port",    "prow",   "quay",    "raft",
	"reef",   "rudder", "sail",   "schooner", "sloop",   "spar",   "strait",  "tide",
	"tiller", "tug",    "wake",   "wave",     "wharf",   "winch",  "yacht",   "yawl",
};

int name_check(const char *name, struct err *e)
{
	size_t n = strlen(name);
	bool is_good = n > 0 && n <= NAME_LENGTH_MAX && isalnum((unsigned char)name[0]);

	for (size_t i = 1; is_good && i < n; i++)
		is_good = isalnum((unsigned char)name[i]) || strchr("_.-", name[i]);
	if (is_good)
		return 0;
	return err_say(
		e, -EINVAL,
		"invalid container name (%s), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed, at "
		"most %d of them",
		name, NAME_LENGTH_MAX);
}

const char *name_invent(struct arena *a)
{
	uint32_t random[3];

	while (getrandom(random, sizeof(random), 0) != sizeof(random))
		continue;
	/* The number keeps even ten thousand of them apart at the first try. */
	return arena_printf(a, "%s_%s_%u", qualities[random[0] % ARRAY_LEN(qualities)],
			    things[random[1] % ARRAY_LEN(things)], random[2] % 1000);
}

int name_find(const struct engine *g, const char *name, char ret[65])
{
	char path[NAME_LENGTH_MAX + 16];
	int n;

	if (strlen(name) > NAME_LENGTH_MAX || strchr(name, '/') || !isalnum((unsigned char)name[0]))
		return -ENOENT;
	snprintf(path, sizeof(path), "names/%s", name);
	n = file_read_small(g->data_fd, path, ret, 65);
	return n == 64 ? 0 : n < 0 ? n : -ENOENT;
}

static bool has_folder(const struct engine *g, const char *id)
{
	char path[128];

	snprintf(path, sizeof(path), "containers/%s", id);
	return faccessat(g->data_fd, path, F_OK, 0) == 0;
}

static int put_in_place(const struct engine *g, const char *name, const char *id)
{
	char draft[96], path[NAME_LENGTH_MAX + 16];
	int fd, r;

	snprintf(draft, sizeof(draft), "tmp/name-%s", id);
	snprintf(path, sizeof(path), "names/%s", name);
	fd = openat(g->data_fd, draft, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	r = fd_write_all(fd, id, 64);
	close(fd);
	if (r == 0 && linkat(g->data_fd, draft, g->data_fd, path, 0) < 0)
		r = -errno;
	unlinkat(g->data_fd, draft, 0);
	return r;
}

int name_claim(const struct engine *g, const char *name, const char *id, struct err *e)
{
	char owner[65], path[NAME_LENGTH_MAX + 16];
	int r = -EEXIST;

	snprintf(path, sizeof(path), "names/%s", name);
	for (unsigned i = 0; i < CLAIM_TRIES && r == -EEXIST; i++) {
		r = put_in_place(g, name, id);
		if (r != -EEXIST || name_find(g, name, owner) < 0)
			continue;
		if (has_folder(g, owner))
			return err_say(
				e, -EEXIST,
				"the container name \"%s\" is in use by container %.12s: remove "
				"or rename that one first",
				name, owner);
		unlinkat(g->data_fd, path, 0);
	}
	return r < 0 ? err_sys(e, r, "claim the container name \"%s\"", name) : 0;
}

void name_release(const struct engine *g, const char *name, const char *id)
{
	char owner[65], path[NAME_LENGTH_MAX + 16];

	if (name_find(g, name, owner) < 0 || !str_eq(owner, id))
		return;
	snprintf(path, sizeof(path), "names/%s", name);
	unlinkat(g->data_fd, path, 0);
}
