/* SPDX-License-Identifier: Apache-2.0 */
/* The mounts of a container: the standard ones, the files we write for it, and what was wished for. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/auto.h"
#include "base/err.h"
#include "base/quantity.h"
#include "base/str.h"
#include "engine/container/spec_parts.h"
#include "engine/volume/volume.h"

#define SHM_SIZE "65536k"

/* ---- the standard ones --------------------------------------------------------------------------- */

static bool is_wished(const struct spec_plan *p, const char *destination)
{
	for (size_t i = 0; i < p->wishes.n; i++)
		if (str_eq(p->wishes.v[i].destination, destination))
			return true;
	return false;
}

/* Where somebody wants something else at that place, that comes instead. options ends with NULL. */
static struct oci_mount *add(struct spec_plan *p, const char *type, const char *source,
			     const char *destination, const char *const *options)
{
	struct oci_mount *m;

	if (is_wished(p, destination))
		return NULL;
	m = &LIST_ADD(&p->s->mounts, p->a);
	*m = (struct oci_mount){.destination = destination, .type = type, .source = source};
	strings_add_all(&m->options, options, p->a);
	return m;
}

static const char *const hardened[] = {"nosuid", "noexec", "nodev", NULL};
static const char *const host_tree[] = {"rbind", "nosuid", "noexec", "nodev", NULL};

/* A proc of a pid namespace that is not below our user namespace cannot be mounted by an ordinary user. */
static void add_proc(struct spec_plan *p)
{
	if (p->g->is_rootless && p->mode[SPEC_PID] == SPEC_HOST)
		add(p, "bind", "/proc", "/proc", host_tree);
	else
		add(p, "proc", "proc", "/proc", hardened);
}

/* The same holds for sysfs and the network namespace. */
static void add_sys(struct spec_plan *p)
{
	bool owns_net = p->mode[SPEC_NET] == SPEC_PRIVATE;
	bool owns_user = p->g->is_rootless || p->mode[SPEC_USER] != SPEC_HOST;
	struct oci_mount *m = owns_net || !owns_user ? add(p, "sysfs", "sysfs", "/sys", hardened)
						     : add(p, "bind", "/sys", "/sys", host_tree);

	if (m && !p->q->privileged)
		strings_add(&m->options, "ro", p->a);
	/* a bind of /sys brings the host's groups */
	m = add(p, "cgroup", "cgroup", "/sys/fs/cgroup", hardened);
	if (m)
		strings_add(&m->options, "relatime", p->a);
	if (m && !p->q->privileged)
		strings_add(&m->options, "ro", p->a);
}

static void add_dev(struct spec_plan *p)
{
	static const char *const dev[] = {"nosuid", "strictatime", "mode=755", "size=65536k", NULL};
	static const char *const pts[] = {"nosuid",        "noexec",    "newinstance",
					  "ptmxmode=0666", "mode=0620", NULL};
	const struct oci_id_maps *gids = &p->s->linux_.gid_mappings;
	struct oci_mount *m;

	add(p, "tmpfs", "tmpfs", "/dev", dev);
	m = add(p, "devpts", "devpts", "/dev/pts", pts);
	/* "tty" everywhere; where that group is not mapped the kernel refuses it. */
	if (m && (gids->n ? userns_outer_id(gids, 5) != UINT32_MAX
			  : !p->g->is_rootless || userns_own_ids("/proc/self/gid_map", p->a) > 5))
		strings_add(&m->options, "gid=5", p->a);
	if (p->mode[SPEC_IPC] != SPEC_HOST)
		add(p, "mqueue", "mqueue", "/dev/mqueue", hardened);
	else if (access("/dev/mqueue", F_OK) == 0)
		add(p, "bind", "/dev/mqueue", "/dev/mqueue", host_tree);
}

static int add_shm(struct spec_plan *p, struct err *e)
{
	const char *text = p->q->shm_size, *size = SHM_SIZE;
	struct oci_mount *m;
	int64_t bytes;

	if (text && (quantity_to_bytes(text, &bytes) < 0 || bytes <= 0))
		return err_say(e, -EINVAL, "--shm-size %s: want a size such as 64m", text);
	if (text)
		size = arena_printf(p->a, "%lld", (long long)bytes);
	if (p->has_no_shm)
		return 0;
	if (p->mode[SPEC_IPC] == SPEC_HOST) {
		add(p, "bind", "/dev/shm", "/dev/shm", host_tree);
		return 0;
	}
	m = add(p, "tmpfs", "shm", "/dev/shm", hardened);
	if (m) {
		strings_add(&m->options, "mode=1777", p->a);
		strings_add(&m->options, arena_printf(p->a, "size=%s", size), p->a);
	}
	return 0;
}

/* Id-mapped mounts are for root: an ordinary user's kernel has none. */
static bool has_own_ids(const struct spec_plan *p)
{
	return !p->g->is_rootless && p->mode[SPEC_USER] == SPEC_PRIVATE &&
	       p->s->linux_.uid_mappings.n;
}

static void add_files(struct spec_plan *p)
{
	static const char *const names[] = {"resolv.conf", "hostname", "hosts"};
	static const char *const options[] = {"bind", "rprivate", NULL};

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		struct oci_mount *m =
			add(p, "bind", arena_printf(p->a, "%s/%s", p->files, names[i]),
			    arena_printf(p->a, "/etc/%s", names[i]), options);

		if (m && p->q->read_only)
			strings_add(&m->options, "ro", p->a);
		if (m && has_own_ids(p))
			strings_add(&m->options, "idmap", p->a);
	}
}

void mounts_add_bind(struct spec_plan *p, const char *source, const char *destination,
		     const char *const *options)
{
	struct oci_mount *m = &LIST_ADD(&p->binds, p->a);

	*m = (struct oci_mount){.destination = destination, .type = "bind", .source = source};
	strings_add_all(&m->options, options, p->a);
}

/* ---- what was wished for ------------------------------------------------------------------------- */

static void record_wish(struct spec_plan *p, const struct mount_wish *w, const char *source,
			const char *name, const char *mode)
{
	static const char *const types[] = {"bind", "volume", "tmpfs", "image"};
	const struct oci_linux *l = &p->s->linux_;
	struct record_mount *m = &p->r->mounts[p->r->n_mounts++];

	*m = (struct record_mount){
		.type = types[w->type],
		.name = name,
		.source = source,
		.destination = w->destination,
		.mode = mode,
		.propagation = w->propagation ? w->propagation : "",
		.is_writable = !w->is_readonly,
		.is_anonymous = w->is_anonymous,
		.makes_source = w->makes_source,
		.copies_not = w->copies_not,
		.is_given = w->gives_away,
		.owner_uid = userns_outer_id(&l->uid_mappings, p->s->process.user.uid),
		.owner_gid = userns_outer_id(&l->gid_mappings, p->s->process.user.gid),
		.labels = w->labels,
		.options = w->driver_options,
	};
}

static const char *join_words(struct spec_plan *p, const struct mount_wish *w)
{
	const char *text = w->is_readonly ? "ro" : "";

	for (size_t i = 0; i < w->words.n; i++)
		text = arena_printf(p->a, "%s%s%s", text, *text ? "," : "", w->words.v[i]);
	return text;
}

static void add_bind_options(struct spec_plan *p, const struct mount_wish *w, struct oci_mount *m)
{
	strings_add(&m->options, w->is_flat ? "bind" : "rbind", p->a);
	strings_add(&m->options, w->propagation ? w->propagation : "rprivate", p->a);
	if (w->is_readonly)
		strings_add(&m->options, "ro", p->a);
	for (size_t i = 0; i < w->words.n; i++)
		strings_add(&m->options, w->words.v[i], p->a);
	/* Security: who can write to the volume may have put a link to the host there (CVE-2021-25741). */
	if (w->subpath)
		strings_add(&m->options, arena_printf(p->a, "x-berth.below=%s", w->subpath), p->a);
}

static int add_bind(struct spec_plan *p, const struct mount_wish *w, struct err *e)
{
	struct oci_mount *m = &LIST_ADD(&p->s->mounts, p->a);

	*m = (struct oci_mount){.destination = w->destination, .type = "bind", .source = w->source};
	add_bind_options(p, w, m);
	record_wish(p, w, w->source, NULL, join_words(p, w));
	return idmap_plan(p, w, w->source, m, e);
}

/* A volume with type and device of its own is mounted from there. */
static int add_volume_device(struct spec_plan *p, const struct oci_pairs *options,
			     struct oci_mount *m, const struct mount_wish *w, struct err *e)
{
	const char *type = pairs_get(options, "type"), *device = pairs_get(options, "device");
	const char *words = pairs_get(options, "o");

	if (!device || !*device)
		return err_say(e, -EINVAL, "%s: volume %s has options but no device", w->given,
			       w->source);
	m->type = type && *type ? type : "none";
	m->source = device;
	if (words)
		strings_split(words, ',', p->a, &m->options);
	if (w->is_readonly)
		strings_add(&m->options, "ro", p->a);
	return 0;
}

static int add_volume(struct spec_plan *p, const struct mount_wish *w, struct err *e)
{
	struct oci_mount *m = &LIST_ADD(&p->s->mounts, p->a);
	struct oci_pairs options = w->driver_options;
	const char *name = w->source, *path;
	struct volume v = {0};
	char random[65];

	if (w->is_anonymous) {
		engine_make_id(random);
		name = arena_strdup(p->a, random);
	} else if (volume_find(p->g, name, p->a, &v, NULL) == 0) {
		options = v.options;
	}
	path = arena_printf(p->a, "%s/volumes/%s/data", p->g->data, name);
	*m = (struct oci_mount){.destination = w->destination, .type = "bind"};
	record_wish(p, w, path, name, join_words(p, w));
	if (options.n)
		return add_volume_device(p, &options, m, w, e);
	m->source = path;
	add_bind_options(p, w, m);
	/* With ids of its own, what a volume holds has on the disk the ids that the container sees. */
	if (!w->is_idmap && has_own_ids(p))
		strings_add(&m->options, "idmap", p->a);
	return idmap_plan(p, w, path, m, e);
}

static int add_tmpfs(struct spec_plan *p, const struct mount_wish *w)
{
	struct oci_mount *m = &LIST_ADD(&p->s->mounts, p->a);

	*m = (struct oci_mount){.destination = w->destination, .type = "tmpfs", .source = "tmpfs"};
	if (w->is_readonly)
		strings_add(&m->options, "ro", p->a);
	for (size_t i = 0; i < w->words.n; i++)
		strings_add(&m->options, w->words.v[i], p->a);
	record_wish(p, w, "", NULL, join_words(p, w));
	return 0;
}

/* The layers of an image, read-only: one is a bind, more are an overlay. */
static int add_image(struct spec_plan *p, const struct mount_wish *w, struct err *e)
{
	struct oci_mount *m = &LIST_ADD(&p->s->mounts, p->a);
	struct image image = {0};
	const char *dirs = NULL, *one = NULL;
	int r = image_need(p->g, w->source, IMAGE_PULL_MISSING, NULL, p->q->quiet, p->a, &image, e);

	if (r < 0)
		return err_within(e, "%s", w->given);
	for (size_t i = image.layers.n; i-- > 0;) {
		one = arena_printf(p->a, "%s/layers/%s/diff", p->g->data, image.layers.v[i]);
		dirs = dirs ? arena_printf(p->a, "%s:%s", dirs, one) : one;
	}
	if (!one)
		return err_say(e, -EINVAL, "%s: image %s has no layer", w->given, w->source);
	*m = (struct oci_mount){.destination = w->destination, .type = "bind"};
	if (image.layers.n == 1) {
		m->source = one;
		add_bind_options(p, w, m);
	} else if (w->subpath) {
		return err_say(e, -EINVAL, "%s: a path below an image of several layers", w->given);
	} else {
		m->type = m->source = "overlay";
		strings_add(&m->options, arena_printf(p->a, "lowerdir=%s", dirs), p->a);
		if (p->g->is_rootless)
			strings_add(&m->options, "userxattr", p->a);
	}
	strings_add(&m->options, "ro", p->a);
	record_wish(p, w, image.id, image.id + strlen("sha256:"), "ro");
	return 0;
}

static size_t depth(const char *path)
{
	size_t n = 0;

	for (; *path; path++)
		n += *path == '/';
	return n;
}

/* Outer places first, whatever the order on the command line; qsort is not stable. */
static int by_depth(const void *a, const void *b)
{
	const struct mount_wish *x = a, *y = b;
	size_t n = depth(x->destination), m = depth(y->destination);

	return n != m ? (n < m ? -1 : 1) : strcmp(x->destination, y->destination);
}

static int add_wish(struct spec_plan *p, const struct mount_wish *w, struct err *e)
{
	switch (w->type) {
	case WISH_BIND:
		return add_bind(p, w, e);
	case WISH_VOLUME:
		return add_volume(p, w, e);
	case WISH_TMPFS:
		return add_tmpfs(p, w);
	case WISH_IMAGE:
		return add_image(p, w, e);
	}
	return 0;
}

int mounts_plan(struct spec_plan *p, struct err *e)
{
	int r = wishes_collect(p, e);

	if (r < 0)
		return r;
	p->r->mounts = arena_array(p->a, p->wishes.n + 1, sizeof(*p->r->mounts));
	add_proc(p);
	add_dev(p);
	add_sys(p);
	r = add_shm(p, e);
	add_files(p);
	for (size_t i = 0; i < p->binds.n; i++)
		LIST_ADD(&p->s->mounts, p->a) = p->binds.v[i];
	if (p->wishes.n)
		qsort(p->wishes.v, p->wishes.n, sizeof(*p->wishes.v), by_depth);
	for (size_t i = 0; r == 0 && i < p->wishes.n; i++)
		r = add_wish(p, &p->wishes.v[i], e);
	return r;
}
