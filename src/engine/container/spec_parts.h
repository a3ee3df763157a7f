/* SPDX-License-Identifier: Apache-2.0 */
/* Inside container/: what the parts of a plan (spec_*.c) share, and the order they are called in. */
#ifndef BERTH_ENGINE_CONTAINER_SPEC_PARTS_H
#define BERTH_ENGINE_CONTAINER_SPEC_PARTS_H

#include "base/slice.h"
#include "engine/container/record.h"
#include "engine/container/request.h"

/*
 * Theory of operation
 *
 * request_plan calls the parts in the order in which they stand below; each reads the request and the image and
 * fills its share of the record and of the specification. A later part may ask what an earlier one decided: modes
 * of namespaces, the user, the capabilities. Nothing is made before every part has agreed; then sources_make
 * (sources.c) makes volumes, missing folders on the host, and owners for ":U".
 */

enum spec_ns { SPEC_NET, SPEC_PID, SPEC_IPC, SPEC_UTS, SPEC_CGROUP, SPEC_USER, SPEC_NS_COUNT };
enum spec_mode { SPEC_PRIVATE, SPEC_HOST, SPEC_JOIN };

/* One mount as it was asked for; every way to ask ends here. */
enum wish_type { WISH_BIND, WISH_VOLUME, WISH_TMPFS, WISH_IMAGE };
struct mount_wish {
	enum wish_type type;
	const char *given; /* "--volume a:/b", for errors */
	const char *source, *destination, *subpath;
	struct str_slice words; /* options, in -v's words */
	struct oci_pairs labels, driver_options;
	bool is_anonymous, makes_source, is_from_image;
	/* from the words */
	bool is_readonly, gives_away, is_idmap, copies_not, is_flat;
	const char *propagation, *idmap;
};

struct spec_plan {
	const struct engine *g;
	const struct container_request *q;
	const struct image *image;
	int root_fd; /* the container's root, or negative */
	struct arena *a;
	struct record *r;
	struct oci_spec *s;
	enum spec_mode mode[SPEC_NS_COUNT];
	bool has_no_shm;    /* --ipc none */
	bool has_kept_user; /* --userns keep-id: who runs, unless --user says so */
	const char *files;  /* the folder with hosts, hostname and resolv.conf */
	SLICE(struct mount_wish) wishes;
	SLICE(struct oci_mount) binds; /* of the host's files; they follow the standard mounts */
};

/* ---- the parts, in order ------------------------------------------------------------------------- */

int policy_plan(struct spec_plan *p, struct err *e); /* spec_policy.c: health, log, restart, stop */
int namespaces_plan(struct spec_plan *p, struct err *e); /* spec_namespaces.c: and host names */
int command_plan(struct spec_plan *p,
		 struct err *e);                   /* spec_command.c: words, environment, labels */
int user_plan(struct spec_plan *p, struct err *e); /* spec_user.c */
int security_plan(struct spec_plan *p, struct err *e); /* spec_security.c */
int process_limits_plan(struct spec_plan *p,
			struct err *e);               /* spec_process.c: ulimit, sysctl, oom */
int devices_plan(struct spec_plan *p, struct err *e); /* spec_devices.c */
int mounts_plan(struct spec_plan *p, struct err *e);  /* spec_mounts.c */

/* ---- parts of parts ------------------------------------------------------------------------------ */

/* spec_network.c: --network names networks (or nothing: the default); fills the record's. */
int networks_plan(struct spec_plan *p, struct err *e);
/* -p, -P and --expose. */
int ports_plan(struct spec_plan *p, struct err *e);

/* spec_userns.c: "auto", "keep-id" and what follows them; fills linux.uidMappings and gidMappings. */
int userns_plan(struct spec_plan *p, const char *mode, struct err *e);
/* The id on the host's side (the engine's, where it has a namespace of its own) of a container's id. */
uint32_t userns_outer_id(const struct oci_id_maps *maps, uint32_t id);
/* How many ids the namespace that we are in has, from 0 on, by /proc/self/uid_map or gid_map. */
uint32_t userns_own_ids(const char *file, struct arena *a);

/* spec_seccomp.c: the profile at path (NULL: the default one) for these capabilities. */
int seccomp_plan(struct spec_plan *p, const char *path, struct err *e);

/* spec_masks.c: masked and read-only paths; NULL-terminated lists of "mask=" and "unmask=" words. */
int masks_plan(struct spec_plan *p, const struct str_slice *mask, const struct str_slice *unmask,
	       struct err *e);

/* spec_wishes.c: -v, --mount, --tmpfs, --volumes-from and the image's volumes become p->wishes. */
int wishes_collect(struct spec_plan *p, struct err *e);
/* spec_mount_option.c: one --mount. */
int wish_parse_mount(struct spec_plan *p, const char *text, struct mount_wish *ret, struct err *e);
/* Reads the words of a wish into its members. */
int wish_read_words(struct spec_plan *p, struct mount_wish *w, struct err *e);

/* A bind mount of one of the host's files; for devices of ordinary users and the like. */
void mounts_add_bind(struct spec_plan *p, const char *source, const char *destination,
		     const char *const *options);

/* spec_idmap.c: the maps of ":idmap", for a source on the host. */
int idmap_plan(struct spec_plan *p, const struct mount_wish *w, const char *source,
	       struct oci_mount *m, struct err *e);

/* ---- lists in the arena (spec_list.c) ------------------------------------------------------------ */

/* One more zeroed element; the list must be empty at first and grow by this alone. LIST_ADD is that element. */
void *list_grow(struct slice *list, size_t size, struct arena *a);
#define LIST_ADD(list, a) \
	(*(__typeof__((list)->v))list_grow((struct slice *)(void *)(list), sizeof(*(list)->v), (a)))
void strings_add(struct str_slice *list, const char *word, struct arena *a);
void strings_add_all(struct str_slice *list, const char *const *words, struct arena *a);
bool strings_have(const struct str_slice *list, const char *word);
/* Cut at each separator; no empty ones. */
void strings_split(const char *text, char separator, struct arena *a, struct str_slice *ret);
/* Replaces the value of key, or adds both; any list. */
void pairs_set(struct oci_pairs *pairs, const char *key, const char *value, struct arena *a);
const char *pairs_get(const struct oci_pairs *pairs, const char *key);
/* A file of the caller's, at most 1 MiB: --env-file, --label-file, a profile. */
int read_text(const char *option, const char *path, struct arena *a, char **ret, size_t *ret_n,
	      struct err *e);
/* Cuts the next line off *text, without its end; NULL at the end. */
char *next_line(char **text);

#endif
