/* SPDX-License-Identifier: Apache-2.0 */
/* linux.sysctl: names of a strict grammar, each tied to the namespace that it belongs to. */
#include <stdio.h>
#include <string.h>

#include "base/auto.h"
#include "base/err.h"
#include "base/str.h"
#include "kernel/proc.h"
#include "kernel/sys.h"
#include "namespace/kinds.h"

/*
 * Theory of operation
 *
 * A name is first brought to its path below /proc/sys as sysctl(8) does it: the separator that comes
 * first is the separator, the other one is part of a component ("net.ipv4.conf.eth0/1.forwarding" is
 * "net/ipv4/conf/eth0.1/forwarding"). All tests are made on that path, so that two ways to write a
 * name can have no two answers.
 *
 * Security: what is not in the table below belongs to the whole machine and is refused. The grammar
 * leaves no room for a second assignment in a name or value (CVE-2022-0811).
 */

#define NAME_LEN_MAX 255

static const struct {
	const char *path; /* ends in "/": all below it */
	enum ns_type type;
} namespaced[] = {
	{"net/", NS_NET},
	{"fs/mqueue/", NS_IPC},
	{"kernel/msgmax", NS_IPC},
	{"kernel/msgmnb", NS_IPC},
	{"kernel/msgmni", NS_IPC},
	{"kernel/sem", NS_IPC},
	{"kernel/shmall", NS_IPC},
	{"kernel/shmmax", NS_IPC},
	{"kernel/shmmni", NS_IPC},
	{"kernel/shm_rmid_forced", NS_IPC},
	{"kernel/domainname", NS_UTS},
	{"kernel/hostname", NS_UTS},
	{"user/", NS_USER},
};

static bool is_name_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '_' || c == '-' || c == '.' || c == '/';
}

/* A component that is empty, "." or "..", or a character that no name has. */
static bool is_well_formed(const char *path)
{
	const char *at = path;

	for (const char *c = path; *c; c++)
		if (!is_name_char(*c))
			return false;
	for (;;) {
		size_t n = strcspn(at, "/");

		if (n == 0 || (n == 1 && at[0] == '.') || (n == 2 && !strncmp(at, "..", 2)))
			return false;
		if (!at[n])
			return true;
		at += n + 1;
	}
}

/* Writes the path below /proc/sys to buf (NAME_LEN_MAX + 1 bytes). Returns 0 or -EINVAL. */
static int path_of(const char *name, char *buf)
{
	const char *first = strpbrk(name, "./");

	if (!first || strlen(name) > NAME_LEN_MAX)
		return -EINVAL;
	strcpy(buf, name);
	if (*first == '.')
		for (char *c = buf; *c; c++)
			*c = *c == '.' ? '/' : *c == '/' ? '.' : *c;
	return is_well_formed(buf) ? 0 : -EINVAL;
}

static int type_of(const char *path)
{
	for (size_t i = 0; i < ARRAY_LEN(namespaced); i++) {
		const char *p = namespaced[i].path;

		if (str_ends(p, "/") ? str_starts(path, p) : str_eq(path, p))
			return (int)namespaced[i].type;
	}
	return -ENOENT;
}

static int check_one(const struct ns_plan *p, const struct oci_pair *s, struct err *e)
{
	char path[NAME_LEN_MAX + 1];
	int type;

	if (path_of(s->key, path) < 0)
		return err_say(e, -EINVAL, "sysctl \"%.300s\" is not a well-formed name", s->key);
	type = type_of(path);
	/* runc's words, callers know them. */
	if (type < 0 || p->action[type] == NS_INHERIT)
		return err_say(e, -EINVAL, "sysctl \"%s\" is not in a separate kernel namespace",
			       s->key);
	if (str_eq(path, "kernel/hostname"))
		return err_say(e, -EINVAL,
			       "sysctl \"%s\" is not allowed as it conflicts with the OCI "
			       "\"hostname\" field",
			       s->key);
	if (str_eq(path, "kernel/domainname") && p->domainname)
		return err_say(e, -EINVAL,
			       "sysctl \"%s\" is not allowed as it conflicts with the OCI "
			       "\"domainname\" field",
			       s->key);
	if (!s->value || strchr(s->value, '\n'))
		return err_say(e, -EINVAL, "sysctl \"%s\": the value must be one line", s->key);
	return 0;
}

int ns_sysctl_check(const struct ns_plan *p, struct err *e)
{
	int r = 0;

	for (size_t i = 0; r >= 0 && i < p->sysctl.n; i++)
		r = check_one(p, &p->sysctl.v[i], e);
	return r;
}

const char *ns_sysctl_of(const struct ns_plan *p, enum ns_type type)
{
	char path[NAME_LEN_MAX + 1];

	for (size_t i = 0; i < p->sysctl.n; i++)
		if (path_of(p->sysctl.v[i].key, path) == 0 && type_of(path) == (int)type)
			return p->sysctl.v[i].key;
	return NULL;
}

int ns_write_sysctls(const struct ns_plan *p, int proc_fd, struct err *e)
{
	for (size_t i = 0; i < p->sysctl.n; i++) {
		const struct oci_pair *s = &p->sysctl.v[i];
		char path[sizeof("sys/") + NAME_LEN_MAX] = "sys/";
		int r = check_one(p, s, e);

		if (r < 0)
			return r;
		path_of(s->key, path + strlen("sys/"));
		r = proc_write_at(proc_fd, path, s->value);
		if (r == -ENOENT)
			return err_say(e, r, "sysctl \"%s\": this kernel has none of that name",
				       s->key);
		if (r < 0)
			return err_sys(e, r, "write sysctl \"%s\" = \"%.200s\"", s->key, s->value);
	}
	return 0;
}
