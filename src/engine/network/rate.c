/* SPDX-License-Identifier: Apache-2.0 */
/* Limits of a container's traffic: --net-rate-in and --net-rate-out. */
#include "engine/network/rate.h"

#include <errno.h>
#include <linux/if.h>
#include <linux/rtnetlink.h>
#include <linux/sockios.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/ioctl.h>

#include "base/auto.h"
#include "base/quantity.h"
#include "base/str.h"
#include "kernel/netlink.h"
#include "kernel/rtnl.h"
#include "kernel/tc.h"

enum {
	RATE_WORD_MAX = 64,
	BURST_MIN = 2048,  /* a frame of the usual size */
	BURST_SHARE = 200, /* the default burst: what comes in 1/200 s... */
	BURST_DEFAULT =
		32
		<< 10, /* ...but at least this, since the timer and a sender's batches are coarse */
	QUEUE_SHARE = 20, /* the queue: what comes in 1/20 s... */
	QUEUE_MIN =
		96 << 10, /* ...but at least this: one frame of a sender's segmentation is 64 KiB */
	FRAME_HEADER = 18, /* Ethernet with a VLAN tag */
};
#define RATE_MIN 8000ULL           /* one frame of 1000 bytes a second */
#define RATE_MAX 10000000000000ULL /* 10 Tbit/s */
#define BURST_MAX (1LL << 30)
#define QUEUE_MAX (256ULL << 20)

static const struct {
	const char *name;
	uint64_t bits;
} units[] = {
	{"", 1},
	{"bit", 1},
	{"k", 1000},
	{"kbit", 1000},
	{"m", 1000000},
	{"mbit", 1000000},
	{"g", 1000000000},
	{"gbit", 1000000000},
	{"t", 1000000000000ULL},
	{"tbit", 1000000000000ULL},
};

/* ---- reading ------------------------------------------------------------------------------------- */

/* A decimal with up to nine digits behind the point; *ret in billionths. Returns the end or NULL. */
static const char *read_number(const char *s, unsigned __int128 *ret)
{
	enum { DIGITS = 9, WHOLE_MAX = 14 };
	size_t n = strspn(s, "0123456789"), part = 0;
	unsigned __int128 value = 0;

	if (!n || n > WHOLE_MAX)
		return NULL;
	for (size_t i = 0; i < n; i++)
		value = value * 10 + (unsigned)(s[i] - '0');
	s += n;
	if (*s == '.') {
		s++;
		part = strspn(s, "0123456789");
		if (!part || part > DIGITS)
			return NULL;
	}
	for (size_t i = 0; i < DIGITS; i++)
		value = value * 10 + (i < part ? (unsigned)(s[i] - '0') : 0);
	*ret = value;
	return s + part;
}

static int read_bits(const char *word, uint64_t *ret)
{
	unsigned __int128 value = 0;
	const char *unit = read_number(word, &value);

	for (size_t i = 0; unit && i < ARRAY_LEN(units); i++) {
		if (strcasecmp(unit, units[i].name) != 0)
			continue;
		value = value * units[i].bits / 1000000000U;
		if (value > RATE_MAX)
			return -ERANGE;
		*ret = (uint64_t)value;
		return 0;
	}
	return -EINVAL;
}

static int read_burst(const char *option, const char *text, const char *word, struct rate *r,
		      struct err *e)
{
	int64_t burst = 0;

	if (quantity_to_bytes(word, &burst) < 0)
		return err_say(e, -EINVAL, "%s %s: the burst is a size in bytes, such as 64kb",
			       option, text);
	if (burst < BURST_MIN || burst > BURST_MAX)
		return err_say(e, -EINVAL, "%s %s: the burst is between 2kb and 1gb", option, text);
	r->burst = (uint32_t)burst;
	return 0;
}

int rate_parse(const char *option, const char *text, struct rate *ret, struct err *e)
{
	size_t n = strcspn(text, ":");
	char word[RATE_WORD_MAX];
	struct rate rate = {0};
	int r = -EINVAL;

	if (str_eq(text, "none")) {
		*ret = rate;
		return 0;
	}
	if (n < sizeof(word)) {
		memcpy(word, text, n);
		word[n] = '\0';
		r = read_bits(word, &rate.bits);
	}
	if (r == -ERANGE || (r == 0 && rate.bits && rate.bits < RATE_MIN))
		return err_say(e, -EINVAL, "%s %s: a rate is between 8kbit and 10tbit", option,
			       text);
	if (r < 0)
		return err_say(e, -EINVAL,
			       "%s %s: want bits a second, such as 10mbit, and perhaps a burst in "
			       "bytes: 10mbit:64kb (0: no limit)",
			       option, text);
	if (text[n] && (r = read_burst(option, text, text + n + 1, &rate, e)) < 0)
		return r;
	*ret = rate;
	return 0;
}

/* ---- the kernel ---------------------------------------------------------------------------------- */

void rate_ifb_name(const char *link, char ret[16])
{
	/* The end of a veth's name is what tells it from others. */
	size_t n = strlen(link), skip = n > 13 ? n - 13 : 0;

	snprintf(ret, 16, "i-%s", link + skip);
}

static struct tc_bucket make_bucket(const struct rate *rate, uint32_t mtu)
{
	uint64_t bytes = rate->bits / 8, burst = rate->burst, queue = bytes / QUEUE_SHARE;

	if (!burst)
		burst = bytes / BURST_SHARE > BURST_DEFAULT ? bytes / BURST_SHARE : BURST_DEFAULT;
	/* What does not fit into the bucket would never pass. */
	if (burst < mtu + FRAME_HEADER)
		burst = mtu + FRAME_HEADER;
	if (burst > BURST_MAX)
		burst = BURST_MAX;
	if (queue < QUEUE_MIN)
		queue = QUEUE_MIN;
	if (queue > QUEUE_MAX)
		queue = QUEUE_MAX;
	return (struct tc_bucket){
		.rate = bytes, .burst = (uint32_t)burst, .queue = (uint32_t)(queue + burst)};
}

static uint32_t read_mtu(int socket, const char *link)
{
	struct ifreq q = {0};

	snprintf(q.ifr_name, sizeof(q.ifr_name), "%s", link);
	return ioctl(socket, SIOCGIFMTU, &q) < 0 ? 1500 : (uint32_t)q.ifr_mtu;
}

/* The kernel's parts that may be missing, for -ENOENT (no such qdisc) and -EOPNOTSUPP (no such kind of link). */
static int explain(int r, const char *link, const char *what, const char *parts, struct err *e)
{
	if (r == -ENOENT || r == -EOPNOTSUPP)
		return err_say(e, r, "limit what %s: the kernel was built without %s", what, parts);
	return err_sys(e, r, "limit what %s (%s)", what, link);
}

static int set_out(int socket, const char *link, int index, const struct rate *out,
		   const char *ifb_name, struct err *e)
{
	const struct tc_bucket bucket = make_bucket(out, read_mtu(socket, link));
	int ifb, r = tc_add_ifb(socket, ifb_name);

	if (r < 0 && r != -EEXIST)
		return explain(r, link, "comes from the container", "ifb", e);
	ifb = rtnl_index(socket, ifb_name);
	if (ifb < 0)
		return explain(ifb, link, "comes from the container", "ifb", e);
	/* Order: what is sent through the ifb before it is up is lost. */
	r = tc_set_bucket(socket, ifb, &bucket);
	if (r == 0)
		r = rtnl_set_up(socket, ifb, true);
	if (r == 0)
		r = tc_set_redirect(socket, index, ifb);
	return r < 0 ? explain(r, link, "comes from the container",
			       "sch_tbf, sch_ingress, cls_u32 or act_mirred", e)
		     : 0;
}

static void delete_link(int socket, int index)
{
	const struct ifinfomsg head = {.ifi_family = AF_UNSPEC, .ifi_index = index};
	struct netlink_request q;

	netlink_begin(&q, RTM_DELLINK, 0, &head, sizeof(head));
	netlink_call(socket, &q);
}

static void clear_out(int socket, int index, const char *ifb_name)
{
	int ifb = rtnl_index(socket, ifb_name);

	/* Order: the redirection first, or what comes meanwhile is lost. */
	if (index > 0 && ifb > 0)
		tc_clear_redirect(socket, index);
	if (ifb > 0)
		delete_link(socket, ifb);
}

int rate_apply(int socket, const char *link, const struct rate *in, const struct rate *out,
	       struct err *e)
{
	int index = rtnl_index(socket, link), r;
	struct tc_bucket bucket;
	char ifb_name[16];

	if (index < 0)
		return err_sys(e, index, "limit the traffic of %s", link);
	rate_ifb_name(link, ifb_name);
	if (in->bits) {
		bucket = make_bucket(in, read_mtu(socket, link));
		r = tc_set_bucket(socket, index, &bucket);
	} else {
		r = tc_clear_bucket(socket, index);
	}
	if (r < 0)
		return explain(r, link, "goes to the container", "sch_tbf", e);
	if (out->bits)
		return set_out(socket, link, index, out, ifb_name, e);
	clear_out(socket, index, ifb_name);
	return 0;
}

void rate_remove(int socket, const char *link)
{
	char ifb_name[16];
	int index = rtnl_index(socket, link);

	rate_ifb_name(link, ifb_name);
	if (index > 0)
		tc_clear_bucket(socket, index);
	clear_out(socket, index, ifb_name);
}
