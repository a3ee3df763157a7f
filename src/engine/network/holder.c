/* SPDX-License-Identifier: Apache-2.0 */
/* Who on the host has a port: by the lists of /proc/net and the descriptors of all processes. */
#include "engine/network/holder.h"

#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/auto.h"
#include "base/err.h"
#include "base/str.h"
#include "kernel/fd.h"

enum { LIST_MAX = 64 << 20, LISTENING = 0x0a, UNCONNECTED = 0x07 };

/* The line of a socket in /proc/net/{tcp,udp}{,6}: its port, state and inode. */
static bool read_line(const char *line, unsigned *ret_port, unsigned *ret_state,
		      uint64_t *ret_inode)
{
	return sscanf(line,
		      " %*u: %*[0-9A-Fa-f]:%x %*[0-9A-Fa-f]:%*x %x %*s %*s %*s %*u %*u %" SCNu64,
		      ret_port, ret_state, ret_inode) == 3;
}

/* The inode of the first socket that has a port of the range; 0: none. */
static int search(const char *protocol, const char *family, int64_t first, int64_t last,
		  int64_t *ret_port, uint64_t *ret_inode, struct arena *a)
{
	unsigned wanted = str_eq(protocol, "tcp") ? LISTENING : UNCONNECTED;
	const char *path = arena_printf(a, "/proc/self/net/%s%s", protocol, family);
	char *text = NULL, *save = NULL;

	if (file_read_at(AT_FDCWD, path, a, LIST_MAX, &text, NULL) < 0)
		return 0; /* no IPv6, no sctp */
	for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		unsigned port, state;
		uint64_t inode;

		if (!read_line(line, &port, &state, &inode) || state != wanted ||
		    (int64_t)port < first || (int64_t)port > last)
			continue;
		*ret_port = port;
		*ret_inode = inode;
		return 1;
	}
	return 0;
}

int holder_find(const char *protocol, int64_t first, int64_t last, int64_t *ret_port,
		struct arena *a, struct err *e)
{
	uint64_t inode;

	(void)e;
	if (str_eq(protocol, "sctp"))
		return 0;
	return search(protocol, "", first, last, ret_port, &inode, a) ||
	       search(protocol, "6", first, last, ret_port, &inode, a);
}

static bool has_socket(const char *pid, uint64_t inode)
{
	auto_closedir DIR *d = NULL;
	const struct dirent *entry;
	char path[64], wanted[32], link[32];

	snprintf(path, sizeof(path), "/proc/%.16s/fd", pid);
	snprintf(wanted, sizeof(wanted), "socket:[%" PRIu64 "]", inode);
	d = opendir(path);
	while (d && (entry = readdir(d))) {
		ssize_t n = readlinkat(dirfd(d), entry->d_name, link, sizeof(link) - 1);

		if (n <= 0)
			continue;
		link[n] = '\0';
		if (str_eq(link, wanted))
			return true;
	}
	return false;
}

const char *holder_text(const char *protocol, int64_t port, struct arena *a)
{
	auto_closedir DIR *d = NULL;
	const struct dirent *entry;
	uint64_t inode = 0;
	int64_t found;

	if (search(protocol, "", port, port, &found, &inode, a) ||
	    search(protocol, "6", port, port, &found, &inode, a))
		d = opendir("/proc");
	while (d && inode && (entry = readdir(d))) {
		char path[64], name[32] = "?";

		if (!isdigit((unsigned char)entry->d_name[0]) || !has_socket(entry->d_name, inode))
			continue;
		snprintf(path, sizeof(path), "/proc/%.16s/comm", entry->d_name);
		file_read_small(AT_FDCWD, path, name, sizeof(name));
		return arena_printf(a, "process %s (pid %s)", name, entry->d_name);
	}
	return "another process of the host";
}
