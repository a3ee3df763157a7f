/* SPDX-License-Identifier: Apache-2.0 */
/* /etc/hosts, /etc/hostname and /etc/resolv.conf of one container, in its folder. */
#include "engine/container/files.h"

#include <string.h>

#include "base/arena.h"
#include "base/auto.h"
#include "base/err.h"
#include "base/str.h"
#include "kernel/fd.h"
#include "kernel/sys.h"

enum { RESOLV_MAX = 64 << 10 };

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

static char *add_lines(struct arena *a, char *text, const char *key, const struct str_slice *list)
{
	for (size_t i = 0; i < list->n; i++)
		text = arena_printf(a, "%s%s %s\n", text, key, list->v[i]);
	return text;
}

static char *make_resolv(const struct container_request *q, struct arena *a)
{
	char *text;

	if (!q->dns.n && !q->dns_search.n && !q->dns_option.n)
		return file_read_at(AT_FDCWD, "/etc/resolv.conf", a, RESOLV_MAX, &text, NULL) < 0
			       ? arena_strdup(a, "")
			       : text;
	text = add_lines(a, arena_strdup(a, ""), "nameserver", &q->dns);
	text = add_lines(a, text, "search", &q->dns_search);
	return add_lines(a, text, "options", &q->dns_option);
}

int files_write(int dir_fd, const struct container_request *q, const struct record *r,
		struct err *e)
{
	auto_arena struct arena a = {0};
	char *hosts = arena_printf(&a,
				   "127.0.0.1\tlocalhost\n"
				   "::1\tlocalhost ip6-localhost ip6-loopback\n"
				   "fe00::\tip6-localnet\nff00::\tip6-mcastprefix\n"
				   "ff02::1\tip6-allnodes\nff02::2\tip6-allrouters\n%s%s%s",
				   r->hostname ? "127.0.1.1\t" : "", r->hostname ? r->hostname : "",
				   r->hostname ? "\n" : "");
	int rc = add_hosts(&q->add_host, &a, &hosts, e);

	if (rc < 0 || (rc = put(dir_fd, "hosts", hosts, e)) < 0 ||
	    (rc = put(dir_fd, "resolv.conf", make_resolv(q, &a), e)) < 0)
		return rc;
	return put(dir_fd, "hostname", arena_printf(&a, "%s\n", r->hostname ? r->hostname : ""), e);
}
