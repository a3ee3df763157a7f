/* SPDX-License-Identifier: Apache-2.0 */
/* /etc/hosts, /etc/hostname and /etc/resolv.conf of one container, in its folder. */
#include "engine/container/files.h"

#include <string.h>

#include "base/arena.h"
#include "base/auto.h"
#include "base/err.h"
#include "base/log.h"
#include "base/str.h"
#include "engine/container/spec_parts.h"
#include "engine/network/names.h"
#include "engine/network/network.h"
#include "engine/network/resolv.h"
#include "kernel/fd.h"
#include "kernel/sys.h"

static int put(int dir_fd, const char *name, const char *text, struct err *e)
{
	int r = file_replace_at(dir_fd, name, text, strlen(text), 0644);

	return r < 0 ? err_sys(e, r, "write %s of the container", name) : 0;
}

/* "NAME:ADDRESS" or "NAME=ADDRESS", where the address may hold colons. */
static int add_hosts(const struct str_slice *list, struct arena *a, char **text, struct err *e)
{
	for (size_t i = 0; i < list->n; i++) {
		const char *word = list->v[i];
		size_t n = strcspn(word, "=:");

		if (!n || !word[n] || !word[n + 1] || strpbrk(word, " \t\n"))
			return err_say(e, -EINVAL, "--add-host %s: want NAME:ADDRESS", word);
		*text = arena_printf(a, "%s%s\t%.*s\n", *text, word + n + 1, (int)n, word);
	}
	return 0;
}

/* The servers that know the names of its networks. */
static int add_gateways(const struct engine *g, const struct record *r, struct arena *a,
			struct str_slice *ret, struct err *e)
{
	for (size_t i = 0; i < r->networks.n; i++) {
		struct network n;
		int rc = network_find(g, r->networks.v[i].name, a, &n, e);

		if (rc < 0)
			return rc;
		if (n.is_default || !str_eq(n.driver, "bridge"))
			continue;
		if (!names_is_available()) {
			log_warning("network %s has no names: dnsmasq is not installed (apt-get "
				    "install dnsmasq-base)",
				    n.name);
			continue;
		}
		strings_add(
			ret,
			address_text(&n.range[n.range[NETWORK_V4].is_set ? NETWORK_V4 : NETWORK_V6]
					      .gateway,
				     a),
			a);
	}
	return 0;
}

static int make_resolv(const struct engine *g, const struct container_request *q,
		       const struct record *r, struct arena *a, char **ret, struct err *e)
{
	struct resolv_wish w = {.dns = q->dns,
				.search = q->dns_search,
				.options = q->dns_option,
				.has_host_network = str_eq(r->network, "host")};
	int rc = add_gateways(g, r, a, &w.gateways, e);

	if (rc < 0)
		return rc;
	*ret = resolv_text(resolv_of_host(w.has_host_network, a), &w, a);
	return 0;
}

int files_write(const struct engine *g, int dir_fd, const struct container_request *q,
		const struct record *r, struct err *e)
{
	auto_arena struct arena a = {0};
	/* In a network the name is that of an address there, which is known at a start. */
	const char *own = r->networks.n ? NULL : r->hostname;
	char *resolv = NULL;
	char *hosts = arena_printf(&a,
				   "127.0.0.1\tlocalhost\n"
				   "::1\tlocalhost ip6-localhost ip6-loopback\n"
				   "fe00::\tip6-localnet\nff00::\tip6-mcastprefix\n"
				   "ff02::1\tip6-allnodes\nff02::2\tip6-allrouters\n%s%s%s",
				   own ? "127.0.1.1\t" : "", own ? own : "", own ? "\n" : "");
	int rc = add_hosts(&q->add_host, &a, &hosts, e);

	if (rc < 0 || (rc = put(dir_fd, "hosts", hosts, e)) < 0 ||
	    (rc = make_resolv(g, q, r, &a, &resolv, e)) < 0 ||
	    (rc = put(dir_fd, "resolv.conf", resolv, e)) < 0)
		return rc;
	return put(dir_fd, "hostname", arena_printf(&a, "%s\n", r->hostname ? r->hostname : ""), e);
}
