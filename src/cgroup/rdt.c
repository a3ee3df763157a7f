/* SPDX-License-Identifier: Apache-2.0 */
/* linux.intelRdt: shares of cache and memory bandwidth, as groups of the resctrl file system. */
#include "cgroup/rdt.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/auto.h"
#include "base/err.h"
#include "base/str.h"
#include "kernel/fd.h"
#include "kernel/resctrl.h"
#include "kernel/sys.h"

/*
 * Theory of operation (config-linux.md, "IntelRdt")
 *
 * A group (CLOS) is a directory below the root of resctrl with the files schemata and tasks. closID names it; without one
 * it is called as the container. One that is there already is used as it is, if its schemata are those that are asked
 * for; one that is not is made, and removed with the container. Monitoring is a group of its own inside it. The root is
 * "/": never made, never removed. A task enters the group before its monitoring group, as the kernel wants it.
 */

enum { SCHEMATA_SIZE = 16 << 10 };

static bool has_schema(const struct oci_intel_rdt *rdt)
{
	return rdt->l3_cache_schema || rdt->mem_bw_schema || rdt->schemata.n;
}

static int open_root(struct err *e)
{
	int fd = resctrl_open();

	if (fd == -ENOENT)
		return err_say(
			e, fd,
			"linux.intelRdt: no resctrl file system is mounted: mount -t resctrl "
			"resctrl /sys/fs/resctrl, where processor and kernel have it");
	return fd < 0 ? err_sys(e, fd, "linux.intelRdt: open the resctrl file system") : fd;
}

static int open_below(int dir_fd, const char *name)
{
	return sys_return(openat(dir_fd, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
}

/* The directory of a group, "/" being the root. */
static int open_clos(int root_fd, const char *clos)
{
	return open_below(root_fd, str_eq(clos, "/") ? "." : clos);
}

/* ---- comparing --------------------------------------------------------------------------------- */

/* The value of a domain in "0=fff;1=f0": a bit mask in hexadecimal, or a number. Returns false where it is not. */
static bool find_domain(const char *domains, size_t n, unsigned long domain, int base,
			unsigned long *ret)
{
	for (const char *p = domains; p < domains + n;) {
		char *end;
		unsigned long d = strtoul(p, &end, 10);

		if (end == p || *end != '=')
			return false;
		p = end + 1;
		*ret = strtoul(p, &end, base);
		if (d == domain)
			return end > p;
		p = end + strspn(end, "; ");
	}
	return false;
}

/* The domains of a resource in the text of a schemata file, "    L3:0=fff;1=f0\n". */
static const char *find_resource(const char *text, const char *name, size_t name_n, size_t *ret_n)
{
	for (const char *line = text; *line; line += strcspn(line, "\n"), line += *line == '\n') {
		line += strspn(line, " \t");
		if (strncmp(line, name, name_n) == 0 && line[name_n] == ':') {
			*ret_n = strcspn(line, "\n") - name_n - 1;
			return line + name_n + 1;
		}
	}
	return NULL;
}

/* Whether one line of a wanted schema is what the file says of its domains. */
static bool is_line_held(const char *text, const char *line, size_t n)
{
	size_t name_n = strcspn(line, ":\n"), have_n = 0;
	int base = strncmp(line, "MB", 2) == 0 ? 10 : 16;
	const char *have = find_resource(text, line, name_n, &have_n);

	if (!have)
		return false;
	for (const char *p = line + name_n + 1; p < line + n;) {
		char *end;
		unsigned long wanted, held, domain = strtoul(p, &end, 10);

		if (end == p || *end != '=')
			return false;
		p = end + 1;
		wanted = strtoul(p, &end, base);
		if (end == p || !find_domain(have, have_n, domain, base, &held) || held != wanted)
			return false;
		p = end + strspn(end, "; ");
	}
	return true;
}

static bool is_held(const char *text, const char *schema)
{
	for (const char *line = schema; line && *line;) {
		size_t n = strcspn(line, "\n");

		if (n && !is_line_held(text, line, n))
			return false;
		line += n + (line[n] == '\n');
	}
	return true;
}

static int check_existing(int clos_fd, const struct oci_intel_rdt *rdt, const char *clos,
			  struct err *e)
{
	char text[SCHEMATA_SIZE];
	const char *different = NULL;
	int r = file_read_small(clos_fd, "schemata", text, sizeof(text));

	if (r < 0)
		return err_sys(e, r, "linux.intelRdt: read the schemata of closID %s", clos);
	if (!is_held(text, rdt->l3_cache_schema))
		different = rdt->l3_cache_schema;
	else if (!is_held(text, rdt->mem_bw_schema))
		different = rdt->mem_bw_schema;
	for (size_t i = 0; !different && i < rdt->schemata.n; i++)
		if (!is_held(text, rdt->schemata.v[i]))
			different = rdt->schemata.v[i];
	if (different)
		return err_say(
			e, -EEXIST,
			"linux.intelRdt: closID %s exists and its schemata are not \"%.128s\"",
			clos, different);
	return 0;
}

/* ---- making ------------------------------------------------------------------------------------ */

int rdt_plan(const struct oci_intel_rdt *rdt, const char *id, struct rdt_group *ret, struct err *e)
{
	const char *clos = rdt->clos_id ? rdt->clos_id : id;
	auto_close int root = -EBADF, dir = -EBADF;

	if (!rdt->is_set)
		return 0;
	root = open_root(e);
	if (root < 0)
		return root;
	dir = open_clos(root, clos);
	if (dir < 0 && dir != -ENOENT)
		return err_sys(e, dir, "linux.intelRdt: open closID %s", clos);
	if (dir < 0 && rdt->clos_id && !has_schema(rdt))
		return err_say(
			e, dir,
			"linux.intelRdt: closID %s does not exist, and no schemata are given to "
			"make it with",
			clos);
	if (dir >= 0 && !rdt->clos_id)
		return err_say(e, -EEXIST,
			       "linux.intelRdt: resctrl has a group %s already, which is not this "
			       "container's: name it as closID to use it",
			       clos);
	if (dir >= 0 && has_schema(rdt)) {
		int r = check_existing(dir, rdt, clos, e);

		if (r < 0)
			return r;
	}
	*ret = (struct rdt_group){clos, dir < 0, rdt->enable_monitoring};
	return 0;
}

static int write_schema(int clos_fd, int root_fd, const char *clos, const char *schema,
			struct err *e)
{
	char line[4096], why[256] = "";
	size_t n = schema ? strlen(schema) : 0;
	int r;

	if (!n)
		return 0;
	if (n + 2 > sizeof(line))
		return err_say(e, -E2BIG, "linux.intelRdt: a schema of closID %s is too long",
			       clos);
	snprintf(line, sizeof(line), "%s%s", schema, schema[n - 1] == '\n' ? "" : "\n");
	r = file_write_at(clos_fd, "schemata", line);
	if (r >= 0)
		return 0;
	if (file_read_small(root_fd, "info/last_cmd_status", why, sizeof(why)) < 0)
		why[0] = '\0';
	return err_sys(e, r, "linux.intelRdt: write \"%.128s\" to the schemata of closID %s%s%s",
		       schema, clos, *why ? ": " : "", why);
}

static int write_schemata(int clos_fd, int root_fd, const struct oci_intel_rdt *rdt,
			  const char *clos, struct err *e)
{
	int r = write_schema(clos_fd, root_fd, clos, rdt->l3_cache_schema, e);

	if (r >= 0)
		r = write_schema(clos_fd, root_fd, clos, rdt->mem_bw_schema, e);
	for (size_t i = 0; r >= 0 && i < rdt->schemata.n; i++)
		r = write_schema(clos_fd, root_fd, clos, rdt->schemata.v[i], e);
	return r;
}

static int make_monitor(int clos_fd, const char *id, struct err *e)
{
	auto_close int groups = open_below(clos_fd, "mon_groups");
	int r = groups < 0 ? groups : resctrl_make(groups, id);

	return r < 0 ? err_sys(e, r, "linux.intelRdt: make the monitoring group %s", id) : 0;
}

static int fill_group(int root, const struct oci_intel_rdt *rdt, const char *id,
		      const struct rdt_group *g, struct err *e)
{
	auto_close int dir = open_clos(root, g->clos);
	int r = 0;

	if (dir < 0)
		return err_sys(e, dir, "linux.intelRdt: open closID %s", g->clos);
	if (g->is_made)
		r = write_schemata(dir, root, rdt, g->clos, e);
	return r >= 0 && g->is_monitored ? make_monitor(dir, id, e) : r;
}

int rdt_create(const struct oci_intel_rdt *rdt, const char *id, const struct rdt_group *g,
	       struct err *e)
{
	auto_close int root = -EBADF;
	int r = 0;

	if (!g->clos)
		return 0;
	root = open_root(e);
	if (root < 0)
		return root;
	if (g->is_made && (r = resctrl_make(root, g->clos)) < 0)
		/* ENOSPC: the processor has no more classes, or no more monitors */
		return err_sys(e, r, "linux.intelRdt: make closID %s", g->clos);
	r = fill_group(root, rdt, id, g, e);
	if (r < 0 && g->is_made)
		resctrl_remove(root, g->clos);
	return r;
}

int rdt_enter(const struct rdt_group *g, const char *id, pid_t pid, struct err *e)
{
	auto_close int root = -EBADF, dir = -EBADF;
	char path[512], text[16];
	int r;

	if (!g->clos)
		return 0;
	root = open_root(e);
	if (root < 0)
		return root;
	dir = open_clos(root, g->clos);
	snprintf(text, sizeof(text), "%d\n", pid);
	r = dir < 0 ? dir : file_write_at(dir, "tasks", text);
	if (r >= 0 && g->is_monitored) {
		snprintf(path, sizeof(path), "mon_groups/%s/tasks", id);
		r = file_write_at(dir, path, text);
	}
	return r < 0 ? err_sys(e, r, "linux.intelRdt: put process %d into closID %s", pid, g->clos)
		     : 0;
}

int rdt_update(const struct rdt_group *g, const char *l3, const char *bandwidth, struct err *e)
{
	const struct oci_intel_rdt rdt = {.l3_cache_schema = l3, .mem_bw_schema = bandwidth};
	auto_close int root = -EBADF, dir = -EBADF;

	if (!g->clos)
		return err_say(e, -EINVAL,
			       "the container has no resctrl group: its linux.intelRdt is not set");
	root = open_root(e);
	if (root < 0)
		return root;
	dir = open_clos(root, g->clos);
	return dir < 0 ? err_sys(e, dir, "linux.intelRdt: open closID %s", g->clos)
		       : write_schemata(dir, root, &rdt, g->clos, e);
}

static int remove_monitor(int root, const struct rdt_group *g, const char *id)
{
	auto_close int dir = open_clos(root, g->clos);
	auto_close int groups = dir < 0 ? dir : open_below(dir, "mon_groups");

	if (groups < 0)
		return groups == -ENOENT ? 0 : groups;
	return resctrl_remove(groups, id);
}

int rdt_remove(const struct rdt_group *g, const char *id, struct err *e)
{
	auto_close int root = g->clos ? resctrl_open() : -ENOENT;
	int r = 0;

	if (root < 0)
		return root == -ENOENT ? 0 : err_sys(e, root, "open the resctrl file system");
	if (g->is_monitored)
		r = remove_monitor(root, g, id);
	if (r >= 0 && g->is_made && !str_eq(g->clos, "/"))
		r = resctrl_remove(root, g->clos);
	return r < 0 ? err_sys(e, r, "remove the resctrl group %s", g->clos) : 0;
}
