/* SPDX-License-Identifier: Apache-2.0 */
/* Capabilities: the five sets of config.json as bit masks, and setting them on the caller. */
#include <linux/capability.h>
#include <string.h>
#include <strings.h>
#include <sys/prctl.h>

#include "base/auto.h"
#include "base/err.h"
#include "base/log.h"
#include "kernel/sys.h"
#include "security/security.h"

/*
 * Theory of operation
 *
 * capabilities(7). The bounding set shrinks only, one prctl(2) a capability, and that needs
 * CAP_SETPCAP: it goes first. Changing all user ids from 0 to something else clears the permitted set
 * unless keepcaps is on (the effective set is cleared in any case); so keepcaps, then the ids, then
 * the sets. The ambient set comes last: each member must be permitted and inheritable by then.
 *
 * Security: nothing is put into the inheritable set that config.json does not ask for
 * (CVE-2022-29162). What the caller does not have itself is dropped with a warning, as the
 * specification wants.
 */

#define BIT(cap) (UINT64_C(1) << (cap))

static const char *const names[] = {
	[CAP_CHOWN] = "CAP_CHOWN",
	[CAP_DAC_OVERRIDE] = "CAP_DAC_OVERRIDE",
	[CAP_DAC_READ_SEARCH] = "CAP_DAC_READ_SEARCH",
	[CAP_FOWNER] = "CAP_FOWNER",
	[CAP_FSETID] = "CAP_FSETID",
	[CAP_KILL] = "CAP_KILL",
	[CAP_SETGID] = "CAP_SETGID",
	[CAP_SETUID] = "CAP_SETUID",
	[CAP_SETPCAP] = "CAP_SETPCAP",
	[CAP_LINUX_IMMUTABLE] = "CAP_LINUX_IMMUTABLE",
	[CAP_NET_BIND_SERVICE] = "CAP_NET_BIND_SERVICE",
	[CAP_NET_BROADCAST] = "CAP_NET_BROADCAST",
	[CAP_NET_ADMIN] = "CAP_NET_ADMIN",
	[CAP_NET_RAW] = "CAP_NET_RAW",
	[CAP_IPC_LOCK] = "CAP_IPC_LOCK",
	[CAP_IPC_OWNER] = "CAP_IPC_OWNER",
	[CAP_SYS_MODULE] = "CAP_SYS_MODULE",
	[CAP_SYS_RAWIO] = "CAP_SYS_RAWIO",
	[CAP_SYS_CHROOT] = "CAP_SYS_CHROOT",
	[CAP_SYS_PTRACE] = "CAP_SYS_PTRACE",
	[CAP_SYS_PACCT] = "CAP_SYS_PACCT",
	[CAP_SYS_ADMIN] = "CAP_SYS_ADMIN",
	[CAP_SYS_BOOT] = "CAP_SYS_BOOT",
	[CAP_SYS_NICE] = "CAP_SYS_NICE",
	[CAP_SYS_RESOURCE] = "CAP_SYS_RESOURCE",
	[CAP_SYS_TIME] = "CAP_SYS_TIME",
	[CAP_SYS_TTY_CONFIG] = "CAP_SYS_TTY_CONFIG",
	[CAP_MKNOD] = "CAP_MKNOD",
	[CAP_LEASE] = "CAP_LEASE",
	[CAP_AUDIT_WRITE] = "CAP_AUDIT_WRITE",
	[CAP_AUDIT_CONTROL] = "CAP_AUDIT_CONTROL",
	[CAP_SETFCAP] = "CAP_SETFCAP",
	[CAP_MAC_OVERRIDE] = "CAP_MAC_OVERRIDE",
	[CAP_MAC_ADMIN] = "CAP_MAC_ADMIN",
	[CAP_SYSLOG] = "CAP_SYSLOG",
	[CAP_WAKE_ALARM] = "CAP_WAKE_ALARM",
	[CAP_BLOCK_SUSPEND] = "CAP_BLOCK_SUSPEND",
	[CAP_AUDIT_READ] = "CAP_AUDIT_READ",
	[CAP_PERFMON] = "CAP_PERFMON",
	[CAP_BPF] = "CAP_BPF",
	[CAP_CHECKPOINT_RESTORE] = "CAP_CHECKPOINT_RESTORE",
};
_Static_assert(ARRAY_LEN(names) == CAP_LAST_CAP + 1, "a name for each capability");
_Static_assert(CAP_LAST_CAP < 64, "a set is one 64-bit mask");

struct cap_sets {
	uint64_t effective, permitted, inheritable;
};

unsigned caps_last(void)
{
	return CAP_LAST_CAP;
}

const char *caps_name(unsigned cap)
{
	return cap <= CAP_LAST_CAP ? names[cap] : NULL;
}

/* ---- the kernel's side --------------------------------------------------------------------------- */

static int get_sets(struct cap_sets *ret)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct d[_LINUX_CAPABILITY_U32S_3];

	if (syscall(SYS_capget, &header, d) < 0)
		return -errno;
	ret->effective = d[0].effective | (uint64_t)d[1].effective << 32;
	ret->permitted = d[0].permitted | (uint64_t)d[1].permitted << 32;
	ret->inheritable = d[0].inheritable | (uint64_t)d[1].inheritable << 32;
	return 0;
}

static int set_sets(const struct cap_sets *s)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	const struct __user_cap_data_struct d[_LINUX_CAPABILITY_U32S_3] = {
		{
			.effective = (uint32_t)s->effective,
			.permitted = (uint32_t)s->permitted,
			.inheritable = (uint32_t)s->inheritable,
		},
		{
			.effective = (uint32_t)(s->effective >> 32),
			.permitted = (uint32_t)(s->permitted >> 32),
			.inheritable = (uint32_t)(s->inheritable >> 32),
		},
	};

	return sys_return(syscall(SYS_capset, &header, d));
}

bool caps_have(unsigned cap)
{
	struct cap_sets s = {0};

	return cap < 64 && get_sets(&s) == 0 && s.effective & BIT(cap);
}

/* ---- the plan ------------------------------------------------------------------------------------ */

static int cap_number(const char *name)
{
	for (unsigned i = 0; i <= CAP_LAST_CAP; i++)
		if (strcasecmp(name, names[i]) == 0)
			return (int)i;
	return -EINVAL;
}

static uint64_t mask_of(const struct str_slice *s)
{
	uint64_t mask = 0;

	for (size_t i = 0; i < s->n; i++) {
		int cap = cap_number(s->v[i]);

		if (cap < 0)
			log_warning("unknown capability \"%.80s\" is left out", s->v[i]);
		else
			mask |= BIT(cap);
	}
	return mask;
}

static void warn_each(uint64_t mask, const char *set, const char *why)
{
	for (unsigned i = 0; i <= CAP_LAST_CAP; i++)
		if (mask & BIT(i))
			log_warning("%s is left out of the %s set: %s", names[i], set, why);
}

int caps_plan_make(const struct oci_capabilities *c, struct caps_plan *ret, struct err *e)
{
	struct caps_plan p = {
		.is_set = true,
		.bounding = mask_of(&c->bounding),
		.effective = mask_of(&c->effective),
		.permitted = mask_of(&c->permitted),
		.inheritable = mask_of(&c->inheritable),
		.ambient = mask_of(&c->ambient),
	};
	uint64_t lost;

	(void)e;
	/* The kernel would refuse both (capset(2), PR_CAP_AMBIENT_RAISE). */
	lost = p.effective & ~p.permitted;
	warn_each(lost, "effective", "it is not in the permitted set");
	p.effective &= ~lost;
	lost = p.ambient & ~(p.permitted & p.inheritable);
	/* No warning: the configuration that `runc spec` has written for years asks for it. */
	if (lost)
		log_debug("ambient capabilities 0x%llx are left out: not permitted and inheritable",
			  (unsigned long long)lost);
	p.ambient &= ~lost;
	*ret = p;
	return 0;
}

/* ---- setting ------------------------------------------------------------------------------------- */

static int drop_one(unsigned cap, struct err *e)
{
	int r, is_there;

	if (prctl(PR_CAPBSET_DROP, (unsigned long)cap, 0, 0, 0) == 0)
		return 0;
	r = -errno;
	/* Asking needs no right: what is gone already is no error for an ordinary user. A capability
	 * that the kernel does not know is EINVAL. */
	is_there = prctl(PR_CAPBSET_READ, (unsigned long)cap, 0, 0, 0);
	if (is_there <= 0)
		return is_there < 0 ? -errno : 0;
	if (r == -EPERM)
		return err_say(e, r,
			       "drop capability %u from the bounding set: operation not permitted; "
			       "it needs CAP_SETPCAP",
			       cap);
	return err_sys(e, r, "drop capability %u from the bounding set", cap);
}

int caps_drop_bounding(const struct caps_plan *p, struct err *e)
{
	int r;

	if (!p->is_set)
		return 0;
	/* Beyond the last name: a newer kernel may know more, and they must go as well. */
	for (unsigned cap = 0; cap < 64; cap++) {
		if (p->bounding & BIT(cap))
			continue;
		r = drop_one(cap, e);
		if (r == -EINVAL)
			break;
		if (r < 0)
			return r;
	}
	if (prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) < 0)
		return err_sys(e, -errno, "keep the capabilities while the user changes");
	return 0;
}

/* What the caller cannot give itself is taken out of the sets, with a warning. */
static void clamp_sets(struct cap_sets *s, const struct cap_sets *own)
{
	uint64_t lost = s->permitted & ~own->permitted;

	warn_each(lost, "permitted", "the runtime itself does not have it");
	s->permitted &= own->permitted;
	s->effective &= s->permitted;
	/* cap_capset: I' within I | P without CAP_SETPCAP, and always within I | bounding. */
	lost = s->inheritable & ~(own->inheritable | own->permitted);
	for (unsigned i = 0; i <= CAP_LAST_CAP; i++)
		if (s->inheritable & ~own->inheritable & BIT(i) &&
		    prctl(PR_CAPBSET_READ, (unsigned long)i, 0, 0, 0) != 1)
			lost |= BIT(i);
	warn_each(lost, "inheritable",
		  "the runtime itself does not have it or the bounding set "
		  "lacks it");
	s->inheritable &= ~lost;
}

static int apply_ambient(uint64_t ambient, uint64_t allowed, struct err *e)
{
	if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0) {
		/* EINVAL: before Linux 4.3 there is no such set. */
		if (errno != EINVAL)
			return err_sys(e, -errno, "clear the ambient capabilities");
		if (ambient)
			log_warning("this kernel has no ambient capabilities");
		return 0;
	}
	for (unsigned i = 0; i <= CAP_LAST_CAP; i++) {
		if (!(ambient & allowed & BIT(i)))
			continue;
		if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, (unsigned long)i, 0, 0) < 0)
			log_warning("%s is left out of the ambient set: %s", names[i],
				    err_text(errno));
	}
	return 0;
}

int caps_apply(const struct caps_plan *p, struct err *e)
{
	struct cap_sets own = {0}, s = {p->effective, p->permitted, p->inheritable};
	int r;

	if (!p->is_set)
		return 0;
	r = get_sets(&own);
	if (r < 0)
		return err_sys(e, r, "read the capabilities");
	clamp_sets(&s, &own);
	r = set_sets(&s);
	if (r < 0)
		return err_sys(e, r, "set the capabilities");
	/* keepcaps needs no undoing: execve(2) clears it. */
	return apply_ambient(p->ambient, s.permitted & s.inheritable, e);
}
