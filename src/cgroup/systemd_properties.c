/* SPDX-License-Identifier: Apache-2.0 */
/* From what is written into files of groups to systemd's properties of the unit (systemd.resource-control(5)). */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/auto.h"
#include "base/err.h"
#include "base/str.h"
#include "cgroup/systemd.h"
#include "kernel/fd.h"

enum {
	MASK_BYTES = 128,   /* 1024 processors or nodes */
	QUOTA_STEP = 10000, /* systemd keeps whole percents of a second: rounded up, as runc does */
	DEFAULT_PERIOD = 100000, /* microseconds */
	SECOND = 1000000,
	DEVICES_MAX = 200,
};

struct value {
	const struct cgroup_write *v; /* the whole list: a v1 quota needs its period */
	size_t n;
	const char *text;
};

/* ---- limits -------------------------------------------------------------------------------------- */

static void begin(struct dbus_writer *w, const char *name, const char *type)
{
	dbus_align(w, 8);
	dbus_put_string(w, name);
	dbus_put_signature(w, type);
}

static void put_number(struct dbus_writer *w, const char *name, uint64_t value)
{
	begin(w, name, "t");
	dbus_put_u64(w, value);
}

/* "max" and -1 are systemd's infinity. */
static void put_limit(struct dbus_writer *w, const char *name, const struct value *value)
{
	bool is_max = str_eq(value->text, "max") || value->text[0] == '-';

	put_number(w, name, is_max ? UINT64_MAX : strtoull(value->text, NULL, 10));
}

/* "default 100" or "100" */
static void put_weight(struct dbus_writer *w, const char *name, const struct value *value)
{
	const char *number = strrchr(value->text, ' ');

	put_number(w, name, strtoull(number ? number + 1 : value->text, NULL, 10));
}

static void put_quota(struct dbus_writer *w, const char *name, int64_t quota, uint64_t period)
{
	uint64_t per_second = UINT64_MAX;

	if (quota >= 0 && period) {
		per_second = (uint64_t)quota * SECOND / period;
		per_second = (per_second + QUOTA_STEP - 1) / QUOTA_STEP * QUOTA_STEP;
	}
	put_number(w, name, per_second);
	put_number(w, "CPUQuotaPeriodUSec", period);
}

/* "50000 100000", "max 100000" */
static void put_quota_v2(struct dbus_writer *w, const char *name, const struct value *value)
{
	char *rest;
	int64_t quota = str_starts(value->text, "max") ? -1 : strtoll(value->text, &rest, 10);
	const char *period = strchr(value->text, ' ');

	put_quota(w, name, quota, period ? strtoull(period, NULL, 10) : DEFAULT_PERIOD);
}

static void put_quota_v1(struct dbus_writer *w, const char *name, const struct value *value)
{
	uint64_t period = DEFAULT_PERIOD;

	for (size_t i = 0; i < value->n; i++)
		if (str_eq(value->v[i].file, "cpu.cfs_period_us"))
			period = strtoull(value->v[i].value, NULL, 10);
	put_quota(w, name, strtoll(value->text, NULL, 10), period);
}

/* "0-2,5" as a bit mask, lowest byte first */
static void put_mask(struct dbus_writer *w, const char *name, const struct value *value)
{
	uint8_t mask[MASK_BYTES] = {0};
	struct dbus_array a;
	size_t n = 0;

	for (const char *p = value->text; isdigit((unsigned char)*p);) {
		char *end;
		unsigned long first = strtoul(p, &end, 10), last = first;

		if (*end == '-')
			last = strtoul(end + 1, &end, 10);
		for (; first <= last && first < 8UL * MASK_BYTES; first++) {
			mask[first / 8] |= (uint8_t)(1U << (first % 8));
			n = first / 8 + 1 > n ? first / 8 + 1 : n;
		}
		p = *end == ',' ? end + 1 : end;
	}
	begin(w, name, "ay");
	a = dbus_open_array(w, 1);
	for (size_t i = 0; i < n; i++)
		dbus_put_u8(w, mask[i]);
	dbus_close_array(w, a);
}

static const struct property {
	bool is_v2;
	const char *file, *name;
	void (*put)(struct dbus_writer *w, const char *name, const struct value *value);
} properties[] = {
	{true, "cpu.weight", "CPUWeight", put_weight},
	{true, "cpu.max", "CPUQuotaPerSecUSec", put_quota_v2},
	{true, "cpuset.cpus", "AllowedCPUs", put_mask},
	{true, "cpuset.mems", "AllowedMemoryNodes", put_mask},
	{true, "memory.max", "MemoryMax", put_limit},
	{true, "memory.high", "MemoryHigh", put_limit},
	{true, "memory.low", "MemoryLow", put_limit},
	{true, "memory.min", "MemoryMin", put_limit},
	{true, "memory.swap.max", "MemorySwapMax", put_limit},
	{true, "io.weight", "IOWeight", put_weight},
	{true, "pids.max", "TasksMax", put_limit},
	{false, "cpu.shares", "CPUShares", put_weight},
	{false, "cpu.cfs_quota_us", "CPUQuotaPerSecUSec", put_quota_v1},
	{false, "memory.limit_in_bytes", "MemoryLimit", put_limit},
	{false, "blkio.weight", "BlockIOWeight", put_weight},
	{false, "pids.max", "TasksMax", put_limit},
};

void systemd_put_limits(struct dbus_writer *w, const struct cgroup_layout *layout,
			const struct cgroup_write *v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < ARRAY_LEN(properties); k++) {
			const struct property *p = &properties[k];
			const struct value value = {v, n, v[i].value};

			if (p->is_v2 == layout->hierarchy[v[i].hierarchy].is_v2 &&
			    str_eq(p->file, v[i].file))
				p->put(w, p->name, &value);
		}
}

/* ---- devices ------------------------------------------------------------------------------------- */

/* The name that /proc/devices has for a major number: "char-pts". Returns false where it has none. */
static bool name_major(const char *devices, char type, int64_t major, char *buf, size_t size)
{
	const char *blocks = strstr(devices, "Block devices:");
	const char *line = type == 'b' ? blocks : devices;

	for (; line && *line; line = strchr(line, '\n') ? strchr(line, '\n') + 1 : NULL) {
		char *name;

		if (type == 'c' && line == blocks)
			return false;
		if (strtoll(line, &name, 10) != major || *name != ' ')
			continue;
		return snprintf(buf, size, "%s-%.*s", type == 'b' ? "block" : "char",
				(int)strcspn(name + 1, "\n"), name + 1) < (int)size;
	}
	return false;
}

static void put_device(struct dbus_writer *w, const char *path, const char *access)
{
	dbus_align(w, 8);
	dbus_put_string(w, path);
	dbus_put_string(w, access ? access : "rwm");
}

static void put_rule(struct dbus_writer *w, const struct oci_device_rule *d, char type,
		     const char *devices)
{
	const char *kind = type == 'b' ? "block" : "char";
	char path[64];

	if (!d->major.is_set || d->major.value < 0)
		snprintf(path, sizeof(path), "%s-*", kind);
	else if (d->minor.is_set && d->minor.value >= 0)
		snprintf(path, sizeof(path), "/dev/%s/%lld:%lld", kind, (long long)d->major.value,
			 (long long)d->minor.value);
	else if (!name_major(devices, type, d->major.value, path, sizeof(path)))
		return; /* a device that this kernel does not have */
	put_device(w, path, d->access);
}

void systemd_put_devices(struct dbus_writer *w, const struct oci_resources *r)
{
	static const char *const usual[] = {"/dev/char/1:3", "/dev/char/1:5", "/dev/char/1:7",
					    "/dev/char/1:8", "/dev/char/1:9", "/dev/char/5:0",
					    "/dev/char/5:2", "char-pts"};
	char devices[8192];
	struct dbus_array a;
	bool is_strict = r->devices.n && !r->devices.v[0].allow;

	for (size_t i = 0; i < r->devices.n; i++)
		if (r->devices.v[i].allow && !r->devices.v[i].major.is_set &&
		    (!r->devices.v[i].type || r->devices.v[i].type[0] == 'a'))
			is_strict = false;
	begin(w, "DevicePolicy", "s");
	dbus_put_string(w, is_strict ? "strict" : "auto");
	if (!is_strict)
		return;
	if (file_read_small(AT_FDCWD, "/proc/devices", devices, sizeof(devices)) < 0)
		devices[0] = '\0';
	begin(w, "DeviceAllow", "a(ss)");
	a = dbus_open_array(w, 8);
	for (size_t i = 0; i < ARRAY_LEN(usual); i++)
		put_device(w, usual[i], "rwm");
	for (size_t i = 0; i < r->devices.n && i < DEVICES_MAX; i++) {
		const struct oci_device_rule *d = &r->devices.v[i];
		bool is_any = !d->type || d->type[0] == 'a';

		if (!d->allow)
			continue;
		if (is_any || d->type[0] == 'c' || d->type[0] == 'u')
			put_rule(w, d, 'c', devices);
		if (is_any || d->type[0] == 'b')
			put_rule(w, d, 'b', devices);
	}
	dbus_close_array(w, a);
}

/* ---- annotations --------------------------------------------------------------------------------- */

/* 'text' or "text" without escapes; *p is moved behind it. NULL: there is none. */
static char *take_quoted(char **p)
{
	char quote = **p, *start = *p + 1, *end;

	if (quote != '\'' && quote != '"')
		return NULL;
	end = strchr(start, quote);
	if (!end)
		return NULL;
	*end = '\0';
	*p = end + 1;
	return start;
}

static int put_strings(struct dbus_writer *w, const char *name, char *text)
{
	struct dbus_array a;

	begin(w, name, "as");
	a = dbus_open_array(w, 4);
	for (char *p = text + 1;;) {
		const char *item;

		p += strspn(p, " ,");
		if (*p == ']' && !p[1])
			break;
		item = take_quoted(&p);
		if (!item)
			return -EINVAL;
		dbus_put_string(w, item);
	}
	dbus_close_array(w, a);
	return 0;
}

static int put_typed_number(struct dbus_writer *w, const char *name, const char *text)
{
	static const struct {
		const char *prefix, *type;
	} kinds[] = {
		{"uint64 ", "t"}, {"int64 ", "x"}, {"uint32 ", "u"}, {"int32 ", "i"}, {"", "i"}};
	size_t i = 0;
	char *end;
	long long value;

	while (!str_starts(text, kinds[i].prefix))
		i++;
	text += strlen(kinds[i].prefix);
	errno = 0;
	value = kinds[i].type[0] == 't' ? (long long)strtoull(text, &end, 10)
					: strtoll(text, &end, 10);
	if (errno || end == text || *end)
		return -EINVAL;
	begin(w, name, kinds[i].type);
	if (kinds[i].type[0] == 't' || kinds[i].type[0] == 'x')
		dbus_put_u64(w, (uint64_t)value);
	else
		dbus_put_u32(w, (uint32_t)value);
	return 0;
}

/* "TimeoutStopSec" is how people write TimeoutStopUSec: seconds, maybe with a fraction. */
static bool put_seconds(struct dbus_writer *w, const char *name, const char *text)
{
	size_t n = strlen(name);
	char whole[128], *end;
	double seconds = strtod(text, &end);

	if (n < 4 || n > 100 || !str_eq(name + n - 3, "Sec") || name[n - 4] == 'U' || *end ||
	    end == text || !(seconds >= 0 && seconds < 1e12))
		return false;
	snprintf(whole, sizeof(whole), "%.*sUSec", (int)n - 3, name);
	put_number(w, whole, (uint64_t)(seconds * SECOND));
	return true;
}

int systemd_put_annotation(struct dbus_writer *w, const char *name, const char *value,
			   struct err *e)
{
	auto_arena struct arena a = {0};
	char *text = arena_strdup(&a, value), *p = text;
	const char *quoted;
	int r = 0;

	/* Security: names of properties are letters; what they mean is systemd's to check. */
	for (const char *c = name; *c; c++)
		r = isalpha((unsigned char)*c) ? r : -EINVAL;
	if (r < 0 || strlen(name) < 3)
		return err_say(e, -EINVAL,
			       "annotation " SYSTEMD_ANNOTATION "%.64s: not a property's name",
			       name);
	if (put_seconds(w, name, text))
		return 0;
	if (str_eq(text, "true") || str_eq(text, "false")) {
		begin(w, name, "b");
		dbus_put_bool(w, text[0] == 't');
	} else if (text[0] == '[') {
		r = put_strings(w, name, text);
	} else if ((quoted = take_quoted(&p)) && !*p) {
		begin(w, name, "s");
		dbus_put_string(w, quoted);
	} else {
		r = quoted ? -EINVAL : put_typed_number(w, name, text);
	}
	return r < 0 ? err_say(e, r,
			       "annotation " SYSTEMD_ANNOTATION
			       "%s: \"%s\" is none of true, false, 'text', ['a', 'b'], 5, uint64 5",
			       name, value)
		     : 0;
}
