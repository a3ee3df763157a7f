/* SPDX-License-Identifier: Apache-2.0 */
/* Networks as files: DATA/networks/NAME.json found, listed, made and removed. */
#include <ctype.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>

#include "base/arena.h"
#include "base/auto.h"
#include "base/err.h"
#include "base/json.h"
#include "base/log.h"
#include "base/str.h"
#include "engine/container/container.h"
#include "engine/event.h"
#include "engine/network/bridge.h"
#include "engine/network/store.h"
#include "kernel/fd.h"
#include "kernel/sys.h"
#include "kernel/tree.h"

enum { FILE_LIMIT = 1 << 20, NAME_MAX_LENGTH = 128, ID_LENGTH = 64 };
#define SUFFIX ".json"

/* ---- the file ------------------------------------------------------------------------------------ */

/* One family as text. */
struct range_file {
	const char *subnet, *gateway, *first, *last;
};

struct network_file {
	struct network n;
	struct range_file range[NETWORK_FAMILIES];
};

static const struct json_field range_fields[] = {
	JSON_FIELD("subnet", struct range_file, subnet, &json_string_type, 0),
	JSON_FIELD("gateway", struct range_file, gateway, &json_string_type, 0),
	JSON_FIELD("first", struct range_file, first, &json_string_type, 0),
	JSON_FIELD("last", struct range_file, last, &json_string_type, 0),
};
static const struct json_type range_type = JSON_OBJECT(struct range_file, range_fields);
static const struct json_type pairs_type =
	JSON_PAIRS(struct oci_pair, key, value, &json_string_type);
static const struct json_field network_fields[] = {
	JSON_FIELD("name", struct network_file, n.name, &json_string_type, JSON_REQUIRED),
	JSON_FIELD("id", struct network_file, n.id, &json_string_type, JSON_REQUIRED),
	JSON_FIELD("driver", struct network_file, n.driver, &json_string_type, JSON_REQUIRED),
	JSON_FIELD("interface", struct network_file, n.interface, &json_string_type, JSON_REQUIRED),
	JSON_FIELD("ipv4", struct network_file, range[NETWORK_V4], &range_type, 0),
	JSON_FIELD("ipv6", struct network_file, range[NETWORK_V6], &range_type, 0),
	JSON_FIELD("mtu", struct network_file, n.mtu, &json_u32_type, 0),
	JSON_FIELD("internal", struct network_file, n.is_internal, &json_bool_type, 0),
	JSON_FIELD("labels", struct network_file, n.labels, &pairs_type, 0),
	JSON_FIELD("options", struct network_file, n.options, &pairs_type, 0),
	JSON_FIELD("created", struct network_file, n.created_ns, &json_i64_type, 0),
};
static const struct json_type network_type = JSON_OBJECT(struct network_file, network_fields);

static int read_range(const struct range_file *f, struct network_range *ret)
{
	struct network_range r = {.is_set = true};

	if (!f->subnet)
		return 0;
	if (subnet_parse(f->subnet, &r.subnet) < 0 ||
	    (f->gateway && address_parse(f->gateway, &r.gateway) < 0) || !f->first ||
	    address_parse(f->first, &r.first) < 0 || !f->last ||
	    address_parse(f->last, &r.last) < 0)
		return -EINVAL;
	*ret = r;
	return 0;
}

/* Returns 0, -ENOENT without an error text, or -errno. */
static int load(const struct engine *g, const char *name, struct arena *a, struct network *ret,
		struct err *e)
{
	const char *path = arena_printf(a, "networks/%s" SUFFIX, name);
	struct network_file f = {0};
	char *text = NULL;
	size_t n = 0;
	int r = file_read_at(g->data_fd, path, a, FILE_LIMIT, &text, &n);

	if (r == -ENOENT)
		return r;
	if (r < 0)
		return err_sys(e, r, "read %s/%s", g->data, path);
	r = json_decode(text, n, &network_type, &f, a, path, e);
	for (int i = 0; r == 0 && i < NETWORK_FAMILIES; i++)
		if (read_range(&f.range[i], &f.n.range[i]) < 0)
			r = err_say(e, -EINVAL, "%s/%s: the subnet is none", g->data, path);
	if (r < 0)
		return r;
	f.n.is_default = str_eq(f.n.name, NETWORK_DEFAULT);
	*ret = f.n;
	return 0;
}

int network_save(const struct engine *g, const struct network *n, struct err *e)
{
	auto_arena struct arena a = {0};
	auto_json_writer struct json_writer w = {0};
	struct network_file f = {.n = *n};
	auto_close int dir = openat(g->data_fd, "networks", O_PATH | O_DIRECTORY | O_CLOEXEC);
	int r = dir < 0 ? -errno : 0;

	for (int i = 0; i < NETWORK_FAMILIES; i++) {
		const struct network_range *range = &n->range[i];

		if (range->is_set)
			f.range[i] = (struct range_file){
				.subnet = subnet_text(&range->subnet, &a),
				.gateway = range->gateway.family ? address_text(&range->gateway, &a)
								 : NULL,
				.first = address_text(&range->first, &a),
				.last = address_text(&range->last, &a)};
	}
	json_encode(&network_type, &f, &w);
	if (r == 0)
		r = file_replace_at(dir, arena_printf(&a, "%s" SUFFIX, n->name), w.buf, w.len,
				    0600);
	return r < 0 ? err_sys(e, r, "write %s/networks/%s" SUFFIX, g->data, n->name) : 0;
}

int networks_lock(const struct engine *g, bool is_exclusive, struct err *e)
{
	auto_close int fd = openat(g->data_fd, "networks", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int r;

	if (fd < 0)
		return err_sys(e, -errno, "open %s/networks", g->data);
	do
		r = flock(fd, is_exclusive ? LOCK_EX : LOCK_SH);
	while (r < 0 && errno == EINTR);
	return r < 0 ? err_sys(e, -errno, "lock %s/networks", g->data) : TAKE_FD(fd);
}

int64_t network_now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* ---- finding ------------------------------------------------------------------------------------- */

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct network *)a)->name, ((const struct network *)b)->name);
}

/* Those that have a file. */
static int list_files(const struct engine *g, struct arena *a, struct network **ret, size_t *ret_n,
		      struct err *e)
{
	auto_closedir DIR *d = NULL;
	const struct dirent *entry;
	struct network *list = NULL;
	size_t n = 0, room = 0;
	int fd = openat(g->data_fd, "networks", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	d = fd < 0 ? NULL : fdopendir(fd);
	if (!d)
		return err_sys(e, -errno, "read %s/networks", g->data);
	while ((entry = readdir(d))) {
		size_t length = strlen(entry->d_name);
		struct err why = {0};
		int r;

		if (entry->d_name[0] == '.' || !str_ends(entry->d_name, SUFFIX))
			continue;
		if (n == room) {
			list = arena_grow(a, list, room * sizeof(*list),
					  (room * 2 + 16) * sizeof(*list));
			room = room * 2 + 16;
		}
		r = load(g, arena_strndup(a, entry->d_name, length - strlen(SUFFIX)), a, &list[n],
			 &why);
		if (r == 0)
			n++;
		else if (r != -ENOENT)
			log_warning("%s", why.text);
	}
	if (n)
		qsort(list, n, sizeof(*list), by_name);
	*ret = list;
	*ret_n = n;
	return 0;
}

/* The first time that anybody asks for it. */
static int make_default(const struct engine *g, struct arena *a, struct network *ret, struct err *e)
{
	auto_close int lock = networks_lock(g, true, e);
	struct network *others = NULL;
	size_t n = 0;
	int r = lock < 0 ? lock : load(g, NETWORK_DEFAULT, a, ret, e);

	if (r != -ENOENT || (r = list_files(g, a, &others, &n, e)) < 0 ||
	    (r = network_plan_default(g, others, n, a, ret, e)) < 0)
		return r;
	return network_save(g, ret, e);
}

static bool is_name(const char *name)
{
	size_t n = strlen(name);
	bool is_good = n > 0 && n <= NAME_MAX_LENGTH && isalnum((unsigned char)name[0]);

	for (size_t i = 1; is_good && i < n; i++)
		is_good = isalnum((unsigned char)name[i]) || strchr("_.-", name[i]);
	return is_good;
}

int network_find(const struct engine *g, const char *name, struct arena *a, struct network *ret,
		 struct err *e)
{
	struct network *list = NULL;
	size_t n = 0, hits = 0, hit = 0;
	int r = is_name(name) ? load(g, name, a, ret, e) : -ENOENT;

	if (r == -ENOENT && str_eq(name, NETWORK_DEFAULT))
		return make_default(g, a, ret, e);
	if (r != -ENOENT)
		return r;
	if (!*name)
		return err_say(e, -ENOENT, "network \"\" not found");
	r = list_files(g, a, &list, &n, e);
	if (r < 0)
		return r;
	for (size_t i = 0; i < n; i++)
		if (str_starts(list[i].id, name)) {
			hit = i;
			hits++;
		}
	if (hits > 1)
		return err_say(e, -EINVAL, "network %s is ambiguous (%zu matches found)", name,
			       hits);
	if (!hits)
		return err_say(e, -ENOENT, "network %s not found", name);
	*ret = list[hit];
	return 0;
}

int network_list(const struct engine *g, struct arena *a, struct network **ret, size_t *ret_n,
		 struct err *e)
{
	struct network first = {0};
	int r = network_find(g, NETWORK_DEFAULT, a, &first, e);

	return r < 0 ? r : list_files(g, a, ret, ret_n, e);
}

/* ---- making -------------------------------------------------------------------------------------- */

static int check_name(const char *name, struct err *e)
{
	static const char *const reserved[] = {"none",      "host", "default",
					       "container", "ns",   "private"};

	if (str_index(name, reserved, ARRAY_LEN(reserved)) >= 0)
		return err_say(e, -EINVAL, "operation is not permitted on predefined %s network",
			       name);
	if (is_name(name))
		return 0;
	return err_say(e, -EINVAL,
		       "\"%s\" includes invalid characters for a network name, only "
		       "[a-zA-Z0-9][a-zA-Z0-9_.-] are allowed, at most %d of them",
		       name, NAME_MAX_LENGTH);
}

int network_create(const struct engine *g, const struct network_request *q, struct arena *a,
		   struct network *ret, struct err *e)
{
	auto_close int lock = -EBADF;
	struct network *others = NULL, found = {0};
	size_t n = 0;
	int r = check_name(q->name, e);

	/* Order: before the lock, which it takes itself. "bridge" keeps its subnet for itself. */
	if (r < 0 || (r = network_find(g, NETWORK_DEFAULT, a, &found, e)) < 0)
		return r;
	lock = networks_lock(g, true, e);
	if (lock < 0)
		return lock;
	r = load(g, q->name, a, &found, e);
	if (r == 0)
		return err_say(e, -EEXIST, "network with name %s already exists", q->name);
	if (r != -ENOENT || (r = list_files(g, a, &others, &n, e)) < 0 ||
	    (r = network_plan(g, q, others, n, a, ret, e)) < 0 || (r = network_save(g, ret, e)) < 0)
		return r;
	event_emit(g, "network", "create", ret->id, ret->name, NULL);
	return 0;
}

/* ---- removal ------------------------------------------------------------------------------------- */

static bool uses(const struct record *r, const struct network *n)
{
	for (size_t i = 0; i < r->networks.n; i++)
		if (str_eq(r->networks.v[i].name, n->name))
			return true;
	return false;
}

int network_users(const struct engine *g, const char *name, struct arena *a, struct str_slice *ret,
		  struct err *e)
{
	struct network n = {.name = name};
	struct container_info *list = NULL;
	size_t count = 0;
	int r = container_list(g, false, a, &list, &count, e);

	if (r < 0)
		return r;
	ret->v = arena_array(a, count + 1, sizeof(*ret->v));
	ret->n = 0;
	for (size_t i = 0; i < count; i++)
		if (uses(&list[i].record, &n))
			ret->v[ret->n++] = list[i].record.name;
	return 0;
}

/* A live container with a place in it; NULL: none. */
static const char *find_guest(const struct network *n, const struct network_state *states,
			      size_t count)
{
	for (size_t i = 0; i < count; i++)
		for (size_t k = 0; k < states[i].endpoints.n; k++)
			if (str_eq(states[i].endpoints.v[k].network_id, n->id))
				return states[i].name;
	return NULL;
}

/* Nobody is in it, and the lock is held. Order: the file last, so that who is killed can be repeated. */
static int drop(const struct engine *g, const struct network *n, struct err *e)
{
	char path[NAME_MAX_LENGTH + 32];
	int r = bridge_remove(g, n, e);

	if (r < 0)
		return r;
	snprintf(path, sizeof(path), "networks/%s", n->id);
	tree_remove_at(g->run_fd, path);
	snprintf(path, sizeof(path), "networks/%s" SUFFIX, n->name);
	if (unlinkat(g->data_fd, path, 0) < 0 && errno != ENOENT)
		return err_sys(e, -errno, "remove network %s", n->name);
	event_emit(g, "network", "destroy", n->id, n->name, NULL);
	return 0;
}

int network_remove(const struct engine *g, const char *name, struct err *e)
{
	auto_arena struct arena a = {0};
	auto_close int lock = -EBADF;
	struct network_state *states = NULL;
	struct network n = {0};
	const char *guest;
	size_t count = 0;
	int r = network_find(g, name, &a, &n, e);

	if (r < 0)
		return r;
	if (n.is_default)
		return err_say(e, -EPERM, "%s is a pre-defined network and cannot be removed",
			       n.name);
	/* What a dead monitor left is no guest. */
	container_repair_all(g, NULL);
	lock = networks_lock(g, true, e);
	if (lock < 0 || (r = network_states(g, &a, &states, &count, e)) < 0)
		return lock < 0 ? lock : r;
	guest = find_guest(&n, states, count);
	if (guest)
		return err_say(e, -EBUSY,
			       "network %s has active endpoints: container %s is in it: stop or "
			       "disconnect that first",
			       n.name, guest);
	return drop(g, &n, e);
}

int network_prune(const struct engine *g, struct arena *a, struct str_slice *ret, struct err *e)
{
	auto_close int lock = -EBADF;
	struct container_info *containers = NULL;
	struct network *list = NULL;
	struct network_state *states = NULL;
	size_t n = 0, n_containers = 0, n_states = 0;
	int r = network_list(g, a, &list, &n, e);

	if (r < 0 || (r = container_list(g, false, a, &containers, &n_containers, e)) < 0)
		return r;
	lock = networks_lock(g, true, e);
	if (lock < 0 || (r = network_states(g, a, &states, &n_states, e)) < 0)
		return lock < 0 ? lock : r;
	ret->v = arena_array(a, n + 1, sizeof(*ret->v));
	ret->n = 0;
	for (size_t i = 0; r == 0 && i < n; i++) {
		bool is_used = list[i].is_default || find_guest(&list[i], states, n_states) != NULL;

		for (size_t k = 0; !is_used && k < n_containers; k++)
			is_used = uses(&containers[k].record, &list[i]);
		if (is_used)
			continue;
		r = drop(g, &list[i], e);
		if (r == 0)
			ret->v[ret->n++] = list[i].name;
	}
	return r;
}
