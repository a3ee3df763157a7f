/* SPDX-License-Identifier: Apache-2.0 */
/* RUN/CONTAINER/network.json: what a live container has of networks. */
#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "base/arena.h"
#include "base/auto.h"
#include "base/err.h"
#include "base/json.h"
#include "engine/network/state.h"
#include "kernel/fd.h"
#include "kernel/sys.h"

enum { FILE_LIMIT = 1 << 20, ID_LENGTH = 64 };

static const struct json_field endpoint_fields[] = {
	JSON_FIELD("network", struct endpoint, network, &json_string_type, JSON_REQUIRED),
	JSON_FIELD("networkId", struct endpoint, network_id, &json_string_type, JSON_REQUIRED),
	JSON_FIELD("driver", struct endpoint, driver, &json_string_type, 0),
	JSON_FIELD("bridge", struct endpoint, bridge, &json_string_type, 0),
	JSON_FIELD("interface", struct endpoint, interface, &json_string_type, 0),
	JSON_FIELD("hostInterface", struct endpoint, host_interface, &json_string_type, 0),
	JSON_FIELD("mac", struct endpoint, mac, &json_string_type, 0),
	JSON_FIELD("ipv4", struct endpoint, address[NETWORK_V4], &json_string_type, 0),
	JSON_FIELD("ipv6", struct endpoint, address[NETWORK_V6], &json_string_type, 0),
	JSON_FIELD("gateway4", struct endpoint, gateway[NETWORK_V4], &json_string_type, 0),
	JSON_FIELD("gateway6", struct endpoint, gateway[NETWORK_V6], &json_string_type, 0),
	JSON_FIELD("prefix4", struct endpoint, prefix[NETWORK_V4], &json_i64_type, 0),
	JSON_FIELD("prefix6", struct endpoint, prefix[NETWORK_V6], &json_i64_type, 0),
	JSON_FIELD("mtu", struct endpoint, mtu, &json_i64_type, 0),
	JSON_FIELD("internal", struct endpoint, is_internal, &json_bool_type, 0),
	JSON_FIELD("default", struct endpoint, is_default, &json_bool_type, 0),
	JSON_FIELD("aliases", struct endpoint, aliases, &json_strings_type, 0),
};
static const struct json_type endpoint_type = JSON_OBJECT(struct endpoint, endpoint_fields);
static const struct json_type endpoints_type = JSON_LIST(&endpoint_type);

static const struct json_field published_fields[] = {
	JSON_FIELD("address", struct published, address, &json_string_type, 0),
	JSON_FIELD("protocol", struct published, protocol, &json_string_type, JSON_REQUIRED),
	JSON_FIELD("hostFirst", struct published, host_first, &json_i64_type, 0),
	JSON_FIELD("hostLast", struct published, host_last, &json_i64_type, 0),
	JSON_FIELD("containerFirst", struct published, container_first, &json_i64_type, 0),
};
static const struct json_type published_type = JSON_OBJECT(struct published, published_fields);
static const struct json_type ports_type = JSON_LIST(&published_type);

static const struct json_field state_fields[] = {
	JSON_FIELD("id", struct network_state, id, &json_string_type, JSON_REQUIRED),
	JSON_FIELD("name", struct network_state, name, &json_string_type, JSON_REQUIRED),
	JSON_FIELD("endpoints", struct network_state, endpoints, &endpoints_type, 0),
	JSON_FIELD("ports", struct network_state, ports, &ports_type, 0),
	JSON_FIELD("rateIn", struct network_state, rate_in, &json_string_type, 0),
	JSON_FIELD("rateOut", struct network_state, rate_out, &json_string_type, 0),
};
static const struct json_type state_type = JSON_OBJECT(struct network_state, state_fields);

int state_lock(const struct engine *g, const char *id)
{
	auto_close int fd = openat(g->run_fd, id, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	while (fd >= 0 && flock(fd, LOCK_EX) < 0)
		if (errno != EINTR)
			return -errno;
	return fd < 0 ? -errno : TAKE_FD(fd);
}

int network_state_save(const struct engine *g, const struct network_state *s, struct err *e)
{
	auto_json_writer struct json_writer w = {0};
	auto_close int dir = -EBADF;
	int r;

	/* The monitor has made the folder already, but for a container that is created anew by repair. */
	if (mkdirat(g->run_fd, s->id, 0700) < 0 && errno != EEXIST)
		return err_sys(e, -errno, "make %s/%s", g->run, s->id);
	dir = openat(g->run_fd, s->id, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	json_encode(&state_type, s, &w);
	r = dir < 0 ? -errno : file_replace_at(dir, NETWORK_STATE_FILE, w.buf, w.len, 0600);
	return r < 0 ? err_sys(e, r, "write %s/%s/" NETWORK_STATE_FILE, g->run, s->id) : 0;
}

int network_state_load(const struct engine *g, const char *id, struct arena *a,
		       struct network_state *ret, struct err *e)
{
	char path[128];
	struct network_state s = {0};
	char *text = NULL;
	size_t n = 0;
	int r;

	snprintf(path, sizeof(path), "%s/" NETWORK_STATE_FILE, id);
	r = file_read_at(g->run_fd, path, a, FILE_LIMIT, &text, &n);
	if (r == -ENOENT || r == -ENOTDIR)
		return -ENOENT;
	if (r < 0)
		return err_sys(e, r, "read %s/%s", g->run, path);
	r = json_decode(text, n, &state_type, &s, a, path, e);
	if (r < 0)
		return r;
	*ret = s;
	return 0;
}

int network_states(const struct engine *g, struct arena *a, struct network_state **ret,
		   size_t *ret_n, struct err *e)
{
	auto_closedir DIR *d = NULL;
	const struct dirent *entry;
	struct network_state *list = NULL;
	size_t n = 0, room = 0;
	int fd = openat(g->run_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	d = fd < 0 ? NULL : fdopendir(fd);
	if (!d)
		return err_sys(e, -errno, "read %s", g->run);
	while ((entry = readdir(d))) {
		if (strlen(entry->d_name) != ID_LENGTH)
			continue;
		if (n == room) {
			list = arena_grow(a, list, room * sizeof(*list),
					  (room * 2 + 16) * sizeof(*list));
			room = room * 2 + 16;
		}
		if (network_state_load(g, entry->d_name, a, &list[n], NULL) == 0)
			n++;
	}
	*ret = list;
	*ret_n = n;
	return 0;
}
