/* SPDX-License-Identifier: Apache-2.0 */
/* Rates, entitled shares and tightest limits. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "engine/stats/snapshot.h"

#define SECOND 1000000000LL

static void assert_near(double found, double want)
{
	if (fabs(found - want) > 1e-6 * (1 + fabs(want)))
		fail_msg("%g, want %g", found, want);
}

static void test_rates(void **state)
{
	struct sample a = {.time_ns = 100 * SECOND,
			   .cpu_ns = 5 * SECOND,
			   .periods = 10,
			   .throttled_periods = 2,
			   .read_bytes = 1000,
			   .pressure[PRESSURE_IO] = {.some_us = 1000000, .full_us = 0}};
	struct sample b = {.time_ns = 102 * SECOND,
			   .cpu_ns = 8 * SECOND,
			   .periods = 30,
			   .throttled_periods = 7,
			   .read_bytes = 5000,
			   .rx_bytes = 10,
			   .pressure[PRESSURE_IO] = {.some_us = 2000000, .full_us = 500000}};
	struct rates r;

	(void)state;
	rates_compute(&a, &b, &r);
	assert_near(r.seconds, 2);
	assert_near(r.cpu, 150);
	assert_near(r.throttled, 25);
	assert_near(r.read_bytes, 2000);
	assert_near(r.rx_bytes, 5);
	assert_near(r.some[PRESSURE_IO], 50);
	assert_near(r.full[PRESSURE_IO], 25);
	/* counters that began anew, and no time at all */
	rates_compute(&b, &(struct sample){.time_ns = 103 * SECOND, .cpu_ns = SECOND}, &r);
	assert_near(r.cpu, 100);
	assert_near(r.throttled, 0);
	rates_compute(&b, &b, &r);
	assert_near(r.cpu, 0);
	rates_compute(&b, &a, &r);
	assert_near(r.cpu, 0);
}

static void check_shares(struct share *v, size_t n, double processors, const double *want)
{
	shares_compute(v, n, processors);
	for (size_t i = 0; i < n; i++)
		if (fabs(v[i].entitled - want[i]) > 1e-6)
			fail_msg("share %zu: %g, want %g", i, v[i].entitled, want[i]);
}

static void test_weights(void **state)
{
	struct share v[] = {{-1, 200, 0, true, 0}, {-1, 100, 0, true, 0}, {-1, 100, 0, false, 0}};

	(void)state;
	/* The idle one would get a quarter, beside both. */
	check_shares(v, 3, 4, (double[]){8 / 3.0, 4 / 3.0, 1});
}

static void test_quota_leaves_the_rest_to_others(void **state)
{
	struct share v[] = {{-1, 100, 0.5, true, 0}, {-1, 100, 0, true, 0}, {-1, 100, 0, true, 0}};

	(void)state;
	check_shares(v, 3, 2, (double[]){0.5, 0.75, 0.75});
}

static void test_all_have_quotas(void **state)
{
	struct share v[] = {{-1, 100, 0.5, true, 0}, {-1, 300, 1, true, 0}};

	(void)state;
	check_shares(v, 2, 8, (double[]){0.5, 1});
}

static void test_nobody_else(void **state)
{
	struct share v[] = {{-1, 100, 0, true, 0}, {-1, 100, 0, false, 0}};

	(void)state;
	check_shares(v, 2, 4, (double[]){4, 2});
	check_shares(v, 0, 4, NULL);
}

/* Pools 2:1, one container in the first against nine in the second. */
static void test_pools(void **state)
{
	struct share v[12] = {{-1, 200, 0, false, 0}, {-1, 100, 0, false, 0}, {0, 100, 0, true, 0}};
	double want[12] = {2, 1, 2};

	(void)state;
	for (size_t i = 3; i < 12; i++) {
		v[i] = (struct share){1, 100, 0, true, 0};
		want[i] = 1 / 9.0;
	}
	check_shares(v, 12, 3, want);
	/* The pool's own quota caps all in it, and the other gets the rest. */
	v[0].cap = 0.5;
	want[0] = want[2] = 0.5;
	want[1] = 2.5;
	for (size_t i = 3; i < 12; i++)
		want[i] = 2.5 / 9;
	check_shares(v, 12, 3, want);
}

/* A pool whose only busy container has a quota does not keep the rest from the others. */
static void test_quota_inside_a_pool(void **state)
{
	struct share v[] = {{-1, 100, 0, false, 0}, {-1, 100, 0, true, 0}, {0, 100, 0.25, true, 0}};

	(void)state;
	check_shares(v, 3, 2, (double[]){1, 1.75, 0.25});
}

static void test_compute(void **state)
{
	struct subject v[] = {
		{.is_pool = true,
		 .name = "web",
		 .above = -1,
		 .has_figures = true,
		 .now = {.memory_limit = 100, .cpu_weight = 100}},
		{.above = 0,
		 .name = "a",
		 .state = CONTAINER_RUNNING,
		 .has_figures = true,
		 .before = {.time_ns = 0},
		 .now = {.time_ns = SECOND,
			 .cpu_ns = SECOND,
			 .memory_limit = 500,
			 .cpu_weight = 1}},
		{.above = 0,
		 .name = "b",
		 .state = CONTAINER_RUNNING,
		 .has_figures = true,
		 .now = {.time_ns = SECOND, .memory_limit = 50, .cpu_weight = 1}},
		{.above = -1, .name = "c", .state = CONTAINER_EXITED},
	};
	struct snapshot s = {.processors = 2, .memory_total = 1000, .v = v, .n = 4, .n_pools = 1};

	(void)state;
	snapshot_compute(&s);
	assert_near(v[1].rates.cpu, 100);
	assert_near(v[0].rates.cpu, 100);
	assert_near(v[1].entitled, 2);
	assert_near(v[2].entitled, 1);
	assert_near(v[3].entitled, 0);
	assert_int_equal(v[1].memory_limit, 100);
	assert_string_equal(v[1].limit_of, "web");
	assert_int_equal(v[2].memory_limit, 50);
	assert_string_equal(v[2].limit_of, "own");
	assert_int_equal(v[3].memory_limit, 1000);
	assert_string_equal(v[3].limit_of, "host");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rates),
		cmocka_unit_test(test_weights),
		cmocka_unit_test(test_quota_leaves_the_rest_to_others),
		cmocka_unit_test(test_all_have_quotas),
		cmocka_unit_test(test_nobody_else),
		cmocka_unit_test(test_pools),
		cmocka_unit_test(test_quota_inside_a_pool),
		cmocka_unit_test(test_compute),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
