/* SPDX-License-Identifier: Apache-2.0 */
/* What the container's processes may do: capabilities, --privileged and --security-opt. */
#include <errno.h>
#include <linux/capability.h>
#include <string.h>
#include <strings.h>
#include <sys/prctl.h>

#include "base/arena.h"
#include "base/auto.h"
#include "base/err.h"
#include "base/str.h"
#include "engine/container/spec_caps.h"
#include "engine/container/spec_parts.h"
#include "security/security.h"

/* The words of --security-opt, read but not yet acted upon. */
struct wishes {
	const char *seccomp; /* "unconfined", "builtin", a file; NULL: not given */
	const char *apparmor;
	const char *user, *role, *type, *level; /* of an SELinux label */
	bool has_label, has_no_label;
	struct str_slice mask, unmask;
};

/* Docker's list. */
static const uint64_t default_caps =
	CAP_BIT(CAP_CHOWN) | CAP_BIT(CAP_DAC_OVERRIDE) | CAP_BIT(CAP_FSETID) | CAP_BIT(CAP_FOWNER) |
	CAP_BIT(CAP_MKNOD) | CAP_BIT(CAP_NET_RAW) | CAP_BIT(CAP_SETGID) | CAP_BIT(CAP_SETUID) |
	CAP_BIT(CAP_SETFCAP) | CAP_BIT(CAP_SETPCAP) | CAP_BIT(CAP_NET_BIND_SERVICE) |
	CAP_BIT(CAP_SYS_CHROOT) | CAP_BIT(CAP_KILL) | CAP_BIT(CAP_AUDIT_WRITE);

/* ---- capabilities -------------------------------------------------------------------------------- */

/* The number of capabilities whose names begin alike, for a hint; the first of them. */
static const char *find_similar(const char *name)
{
	static const char prefix[] = "CAP_";

	if (strncasecmp(name, prefix, strlen(prefix)) == 0)
		name += strlen(prefix);
	for (unsigned i = 0; i <= caps_last() && strlen(name) > 2; i++)
		if (strcasestr(caps_name(i), name) || strcasestr(name, caps_name(i) + 4))
			return caps_name(i);
	return NULL;
}

static int read_caps(const char *option, const struct str_slice *names, uint64_t *ret,
		     bool *ret_all, struct err *e)
{
	for (size_t i = 0; i < names->n; i++) {
		int cap = caps_find(names->v[i]);
		const char *similar;

		if (strcasecmp(names->v[i], "ALL") == 0 ||
		    strcasecmp(names->v[i], "CAP_ALL") == 0) {
			*ret_all = true;
			continue;
		}
		if (cap >= 0) {
			*ret |= CAP_BIT(cap);
			continue;
		}
		similar = find_similar(names->v[i]);
		return err_say(e, -EINVAL,
			       "%s %s: unknown capability%s%s; capabilities(7) lists them", option,
			       names->v[i], similar ? ", did you mean " : "",
			       similar ? similar : "");
	}
	return 0;
}

/* What we can give at all: the rest would only make the runtime warn. */
static uint64_t own_bounding(void)
{
	uint64_t mask = 0;

	for (unsigned i = 0; i <= caps_last(); i++)
		if (prctl(PR_CAPBSET_READ, (unsigned long)i, 0, 0, 0) == 1)
			mask |= CAP_BIT(i);
	return mask;
}

static void name_caps(struct spec_plan *p, uint64_t mask, struct str_slice *ret)
{
	for (unsigned i = 0; i <= caps_last(); i++)
		if (mask & CAP_BIT(i))
			strings_add(ret, caps_name(i), p->a);
}

/*
 * The sets. Root has the whole list effective, as Docker and Podman have it. Another user has the list as
 * its bound alone, as after an execve(2) by root; what --cap-add names goes to its effective, permitted,
 * inheritable and ambient sets, as with Podman (Docker gives such a user nothing, and --cap-add has no
 * effect). ALL names nothing: it only widens the bound.
 */
static int plan_caps(struct spec_plan *p, struct err *e)
{
	struct oci_capabilities *c = &p->s->process.capabilities;
	uint64_t add = 0, drop = 0, mask;
	bool adds_all = false, drops_all = false;
	int r = read_caps("--cap-add", &p->q->cap_add, &add, &adds_all, e);

	if (r == 0)
		r = read_caps("--cap-drop", &p->q->cap_drop, &drop, &drops_all, e);
	if (r < 0)
		return r;
	if (p->q->privileged || adds_all)
		mask = own_bounding() & ~drop;
	else if (drops_all)
		mask = add;
	else
		mask = (default_caps & ~drop) | add;
	c->is_set = true;
	name_caps(p, mask, &c->bounding);
	if (p->s->process.user.uid == 0) {
		c->effective = c->permitted = c->bounding;
		return 0;
	}
	name_caps(p, add & mask, &c->effective);
	c->permitted = c->inheritable = c->ambient = c->effective;
	return 0;
}

/* ---- --security-opt ------------------------------------------------------------------------------ */

static int read_label(const char *text, const char *value, struct wishes *w, struct err *e)
{
	const struct {
		const char *prefix;
		const char **to;
	} parts[] = {{"user:", &w->user},
		     {"role:", &w->role},
		     {"type:", &w->type},
		     {"level:", &w->level}};

	if (str_eq(value, "disable")) {
		w->has_no_label = true;
		return 0;
	}
	for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
		if (!str_starts(value, parts[i].prefix))
			continue;
		*parts[i].to = value + strlen(parts[i].prefix);
		w->has_label = true;
		return 0;
	}
	return err_say(e, -EINVAL,
		       "--security-opt %s: want label=disable, or user:, role:, type: or level: "
		       "after label=",
		       text);
}

static int read_no_new_privileges(struct spec_plan *p, const char *text, const char *value,
				  struct err *e)
{
	if (!*value || str_eq(value, "true"))
		p->s->process.no_new_privileges = true;
	else if (str_eq(value, "false"))
		p->s->process.no_new_privileges = false;
	else
		return err_say(e, -EINVAL, "--security-opt %s: want true or false", text);
	return 0;
}

/* "NAME=VALUE", or "NAME:VALUE" as Docker once had it. */
static int read_option(struct spec_plan *p, const char *text, struct wishes *w, struct err *e)
{
	size_t n = strcspn(text, "=:");
	const char *name = arena_strndup(p->a, text, n), *value = text + n + (text[n] != '\0');

	if (str_eq(name, "no-new-privileges"))
		return read_no_new_privileges(p, text, value, e);
	if (!*value)
		return err_say(e, -EINVAL,
			       "invalid --security-opt %s: want no-new-privileges or NAME=VALUE "
			       "with seccomp, apparmor, label, mask, unmask or systempaths",
			       text);
	if (str_eq(name, "label"))
		return read_label(text, value, w, e);
	if (str_eq(name, "seccomp"))
		w->seccomp = value;
	else if (str_eq(name, "apparmor"))
		w->apparmor = value;
	else if (str_eq(name, "mask"))
		strings_add(&w->mask, value, p->a);
	else if (str_eq(name, "unmask"))
		strings_add(&w->unmask, value, p->a);
	else if (str_eq(name, "systempaths") && str_eq(value, "unconfined"))
		strings_add(&w->unmask, "ALL", p->a);
	else
		return err_say(e, -EINVAL,
			       "invalid --security-opt %s: want no-new-privileges, seccomp=, "
			       "apparmor=, label=, mask=, unmask= or systempaths=unconfined",
			       text);
	return 0;
}

static int plan_seccomp(struct spec_plan *p, const char *word, struct err *e)
{
	if (!word && p->q->privileged)
		return 0;
	if (!word || str_eq(word, "builtin") || str_eq(word, "default"))
		return seccomp_plan(p, NULL, e);
	return str_eq(word, "unconfined") ? 0 : seccomp_plan(p, word, e);
}

static int plan_labels(struct spec_plan *p, const struct wishes *w, struct err *e)
{
	if (w->apparmor && !str_eq(w->apparmor, "unconfined")) {
		if (!lsm_has_apparmor())
			return err_say(e, -ENOTSUP,
				       "--security-opt apparmor=%s: this kernel has no AppArmor",
				       w->apparmor);
		p->s->process.apparmor_profile = w->apparmor;
	}
	if (!w->has_label || w->has_no_label)
		return 0;
	if (!lsm_has_selinux())
		return err_say(e, -ENOTSUP,
			       "--security-opt label=: this kernel has no SELinux; label=disable "
			       "needs none");
	p->s->process.selinux_label = arena_printf(
		p->a, "%s:%s:%s:%s", w->user ? w->user : "system_u", w->role ? w->role : "system_r",
		w->type ? w->type : "container_t", w->level ? w->level : "s0");
	p->s->linux_.mount_label =
		arena_printf(p->a, "%s:object_r:container_file_t:%s",
			     w->user ? w->user : "system_u", w->level ? w->level : "s0");
	return 0;
}

int security_plan(struct spec_plan *p, struct err *e)
{
	const struct str_slice *words = &p->q->security_opt;
	struct wishes w = {0};
	int r = plan_caps(p, e);

	for (size_t i = 0; r == 0 && i < words->n; i++)
		r = read_option(p, words->v[i], &w, e);
	if (r == 0)
		r = plan_labels(p, &w, e);
	if (r == 0)
		r = masks_plan(p, &w.mask, &w.unmask, e);
	return r < 0 ? r : plan_seccomp(p, w.seccomp, e);
}
