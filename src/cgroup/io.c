/* SPDX-License-Identifier: Apache-2.0 */
/* Block devices: weights and throttles. */
#include "cgroup/io.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/auto.h"
#include "base/err.h"
#include "cgroup/figures.h"
#include "cgroup/limits.h"

static const char p_weight[] = "linux.resources.blockIO.weight";
static const char p_leaf_weight[] = "linux.resources.blockIO.leafWeight";
static const char p_weight_device[] = "linux.resources.blockIO.weightDevice";

uint64_t io_weight_v2(uint64_t weight)
{
	return weight ? 1 + (weight - 10) * 9999 / 990 : 0;
}

static int check_weight(struct limits *l, const struct maybe_u64 *w, const char *property)
{
	if (w->is_set && w->value && (w->value < 10 || w->value > 1000))
		return err_say(l->err, -EINVAL, "%s: %llu is not within 10 and 1000", property,
			       (unsigned long long)w->value);
	return 0;
}

static bool is_given(const struct maybe_u64 *m)
{
	return m->is_set && m->value != 0;
}

/* Two names for one file: the second is written where the first does not exist. Kernels have the
 * weight only with an I/O scheduler that knows it: cfq (until 5.0), bfq, or the iocost controller.
 */
static void add_either(struct limits *l, const char *property, const char *first,
		       const char *first_value, const char *second, const char *second_value)
{
	limits_add(l, CG_IO, property, first, "%s", first_value)->is_optional = true;
	limits_add(l, CG_IO, property, second, "%s", second_value)->is_alternative = true;
}

static void add_weight(struct limits *l, const char *property, const char *device, uint64_t weight,
		       bool is_v2)
{
	const char *plain = arena_printf(l->arena, "%s%llu", device, (unsigned long long)weight);

	if (!is_v2)
		add_either(l, property, *device ? "blkio.weight_device" : "blkio.weight", plain,
			   *device ? "blkio.bfq.weight_device" : "blkio.bfq.weight", plain);
	else
		add_either(l, property, "io.bfq.weight", plain, "io.weight",
			   arena_printf(l->arena, "%s%llu", device,
					(unsigned long long)io_weight_v2(weight)));
}

static int weights(struct limits *l, const struct oci_block_io *b, bool is_v2)
{
	int bad = check_weight(l, &b->weight, p_weight);

	if (bad >= 0)
		bad = check_weight(l, &b->leaf_weight, p_leaf_weight);
	if (bad < 0)
		return bad;
	if (is_v2 && is_given(&b->leaf_weight))
		return err_say(l->err, -EOPNOTSUPP, "%s: cgroup v2 has no leaf weights",
			       p_leaf_weight);
	if (is_given(&b->weight))
		add_weight(l, p_weight, "", b->weight.value, is_v2);
	if (is_given(&b->leaf_weight))
		limits_add(l, CG_IO, p_leaf_weight, "blkio.leaf_weight", "%llu",
			   (unsigned long long)b->leaf_weight.value);
	for (size_t i = 0; i < b->weight_device.n; i++) {
		const struct oci_weight_device *d = &b->weight_device.v[i];
		const char *device = arena_printf(l->arena, "%lld:%lld ", (long long)d->major,
						  (long long)d->minor);

		bad = check_weight(l, &d->weight, p_weight_device);
		if (bad >= 0)
			bad = check_weight(l, &d->leaf_weight, p_weight_device);
		if (bad < 0)
			return bad;
		if (is_v2 && is_given(&d->leaf_weight))
			return err_say(l->err, -EOPNOTSUPP, "%s: cgroup v2 has no leaf weights",
				       p_weight_device);
		if (is_given(&d->weight))
			add_weight(l, p_weight_device, device, d->weight.value, is_v2);
		if (is_given(&d->leaf_weight))
			limits_add(l, CG_IO, p_weight_device, "blkio.leaf_weight_device", "%s%llu",
				   device, (unsigned long long)d->leaf_weight.value);
	}
	return 0;
}

struct throttle {
	const struct oci_throttle_list *list;
	const char *property, *file, *key;
};

static void throttles(struct limits *l, const struct oci_block_io *b, bool is_v2)
{
	const struct throttle all[] = {
		{&b->throttle_read_bps, "linux.resources.blockIO.throttleReadBpsDevice",
		 "blkio.throttle.read_bps_device", "rbps"},
		{&b->throttle_write_bps, "linux.resources.blockIO.throttleWriteBpsDevice",
		 "blkio.throttle.write_bps_device", "wbps"},
		{&b->throttle_read_iops, "linux.resources.blockIO.throttleReadIOPSDevice",
		 "blkio.throttle.read_iops_device", "riops"},
		{&b->throttle_write_iops, "linux.resources.blockIO.throttleWriteIOPSDevice",
		 "blkio.throttle.write_iops_device", "wiops"},
	};

	for (size_t i = 0; i < ARRAY_LEN(all); i++)
		for (size_t k = 0; k < all[i].list->n; k++) {
			const struct oci_throttle_device *d = &all[i].list->v[k];
			long long major = d->major, minor = d->minor;
			unsigned long long rate = d->rate;

			if (!is_v2)
				limits_add(l, CG_IO, all[i].property, all[i].file, "%lld:%lld %llu",
					   major, minor, rate);
			else if (rate)
				limits_add(l, CG_IO, all[i].property, "io.max", "%lld:%lld %s=%llu",
					   major, minor, all[i].key, rate);
			else /* 0 takes a v1 throttle away; v2 says "max" */
				limits_add(l, CG_IO, all[i].property, "io.max", "%lld:%lld %s=max",
					   major, minor, all[i].key);
		}
}

int io_limits(struct limits *l, const struct oci_resources *r)
{
	const struct oci_block_io *b = &r->block_io;
	const char *property =
		is_given(&b->weight)        ? p_weight
		: is_given(&b->leaf_weight) ? p_leaf_weight
		: b->weight_device.n        ? p_weight_device
		: b->throttle_read_bps.n    ? "linux.resources.blockIO.throttleReadBpsDevice"
		: b->throttle_write_bps.n   ? "linux.resources.blockIO.throttleWriteBpsDevice"
		: b->throttle_read_iops.n   ? "linux.resources.blockIO.throttleReadIOPSDevice"
		: b->throttle_write_iops.n  ? "linux.resources.blockIO.throttleWriteIOPSDevice"
					    : NULL;
	int is_v2, bad;

	if (!property)
		return 0;
	is_v2 = limits_is_v2(l, CG_IO, property);
	bad = is_v2 < 0 ? is_v2 : weights(l, b, is_v2);
	if (bad < 0)
		return bad;
	throttles(l, b, is_v2);
	return 0;
}

/* ---- figures --------------------------------------------------------------------------------- */

static void put_entry(const struct figures *f, unsigned long long major, unsigned long long minor,
		      const char *op, uint64_t value)
{
	json_begin_object(f->w);
	figures_put(f->w, "major", major);
	figures_put(f->w, "minor", minor);
	json_put_string(f->w, "op", op);
	figures_put(f->w, "value", value);
	json_end_object(f->w);
}

/* "8:0 Read 4096" lines; the "Total 4096" at the end belongs to no device. */
static void put_list_v1(const struct figures *f, const char *key, const char *text)
{
	unsigned long long major, minor, value;
	char op[16];

	if (!text || !strchr(text, ':'))
		return;
	json_key(f->w, key);
	json_begin_array(f->w);
	for (; text && *text; text = strchr(text, '\n'), text = text ? text + 1 : NULL)
		if (sscanf(text, "%llu:%llu %15s %llu", &major, &minor, op, &value) == 4)
			put_entry(f, major, minor, op, value);
	json_end_array(f->w);
}

struct v2_field {
	const char *key, *op;
};

/* "8:0 rbytes=4096 wbytes=0 rios=1 wios=0 dbytes=0 dios=0" lines. */
static void put_list_v2(const struct figures *f, const char *key, const char *text,
			const struct v2_field *fields, size_t n)
{
	json_key(f->w, key);
	json_begin_array(f->w);
	for (; text && *text; text = strchr(text, '\n'), text = text ? text + 1 : NULL) {
		unsigned long long major, minor;
		const char *end = strchrnul(text, '\n');

		if (sscanf(text, "%llu:%llu", &major, &minor) != 2)
			continue;
		for (size_t i = 0; i < n; i++) {
			const char *at = strstr(text, fields[i].key);

			if (at && at < end)
				put_entry(f, major, minor, fields[i].op,
					  strtoull(at + strlen(fields[i].key), NULL, 10));
		}
	}
	json_end_array(f->w);
}

void io_figures(const struct figures *f)
{
	static const struct v2_field bytes[] = {
		{" rbytes=", "Read"}, {" wbytes=", "Write"}, {" dbytes=", "Discard"}};
	static const struct v2_field counts[] = {
		{" rios=", "Read"}, {" wios=", "Write"}, {" dios=", "Discard"}};
	int is_v2 = figures_is_v2(f, CG_IO);
	const char *text;

	if (is_v2 < 0)
		return;
	if (is_v2) {
		text = figures_text(f, CG_IO, "io.stat");
		if (text && *text) {
			put_list_v2(f, "ioServiceBytesRecursive", text, bytes, ARRAY_LEN(bytes));
			put_list_v2(f, "ioServicedRecursive", text, counts, ARRAY_LEN(counts));
		}
	} else {
		put_list_v1(f, "ioServiceBytesRecursive",
			    figures_text(f, CG_IO, "blkio.throttle.io_service_bytes_recursive"));
		put_list_v1(f, "ioServicedRecursive",
			    figures_text(f, CG_IO, "blkio.throttle.io_serviced_recursive"));
	}
	pressure_figures(f, "io");
}
