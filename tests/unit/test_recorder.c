/* SPDX-License-Identifier: Apache-2.0 */
/* The flight recorder's file, and what kernel files tell a sample. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/err.h"
#include "engine/recorder/recorder.h"
#include "engine/recorder/sampler.h"

#define SECOND 1000000000LL
static const int64_t begin_ns = 1800000000LL * SECOND;

static char folder[64];
static int dir_fd = -1;

static int set_up(void **state)
{
	(void)state;
	snprintf(folder, sizeof(folder), "/tmp/test_recorder.XXXXXX");
	if (!mkdtemp(folder))
		return -1;
	dir_fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return dir_fd < 0 ? -1 : 0;
}

static int tear_down(void **state)
{
	(void)state;
	unlinkat(dir_fd, RECORDER_FILE, 0);
	unlinkat(dir_fd, RECORDER_OLD_FILE, 0);
	close(dir_fd);
	return rmdir(folder);
}

/* Sample i: every figure follows from i, so that a mixture of two is seen. */
static struct sample make(uint64_t i)
{
	return (struct sample){
		.time_ns = begin_ns + (int64_t)i * SECOND,
		.cpu_ns = i * 128 * SECOND, /* 128 processors, busy */
		.throttled_ns = i * SECOND,
		.periods = i * 10,
		.throttled_periods = i * 5,
		.memory = i << 20,
		.anon = i << 10,
		.working_set = i << 12,
		.read_bytes = i * 512 * 7000000,
		.writes = i * 3,
		.pids = i,
		.pressure[PRESSURE_MEMORY] = {i * 1000000, i * 500000, 1250, 50},
		.oom_kills = i / 100,
		.rx_bytes = i * 256 * 1000000,
		.memory_limit = 1 << 30,
		.known = SAMPLE_CPU | SAMPLE_MEMORY | SAMPLE_LIMITS,
	};
}

static void check(const struct sample *s)
{
	uint64_t i = (uint64_t)((s->time_ns - begin_ns) / SECOND);
	struct sample want = make(i);

	assert_int_equal(s->time_ns, want.time_ns);
	assert_int_equal(s->cpu_ns, want.cpu_ns);
	assert_int_equal(s->throttled_ns, want.throttled_ns);
	assert_int_equal(s->periods, want.periods);
	assert_int_equal(s->memory, want.memory);
	assert_int_equal(s->anon, want.anon);
	assert_int_equal(s->working_set, want.working_set);
	assert_int_equal(s->read_bytes, want.read_bytes);
	assert_int_equal(s->writes, want.writes);
	assert_int_equal(s->pids, want.pids);
	assert_int_equal(s->pressure[PRESSURE_MEMORY].some_us,
			 want.pressure[PRESSURE_MEMORY].some_us);
	assert_int_equal(s->pressure[PRESSURE_MEMORY].some10, 1250);
	assert_int_equal(s->oom_kills, want.oom_kills);
	assert_int_equal(s->rx_bytes, want.rx_bytes);
	assert_int_equal(s->known & SAMPLE_MEMORY, SAMPLE_MEMORY);
}

static void write_samples(struct recorder *r, uint64_t from, uint64_t to)
{
	for (uint64_t i = from; i < to; i++) {
		struct sample s = make(i);

		assert_int_equal(recorder_add(r, &s), 0);
	}
}

static void check_recording(const struct recording *r, uint64_t last)
{
	assert_true(r->n_fine > 0 && r->n_coarse > 0);
	assert_int_equal(r->fine[r->n_fine - 1].time_ns, make(last).time_ns);
	for (size_t i = 0; i < r->n_fine; i++) {
		check(&r->fine[i]);
		if (i)
			assert_int_equal(r->fine[i].time_ns - r->fine[i - 1].time_ns, SECOND);
	}
	for (size_t i = 0; i < r->n_coarse; i++) {
		check(&r->coarse[i]);
		if (i)
			assert_int_equal(r->coarse[i].time_ns - r->coarse[i - 1].time_ns,
					 60 * SECOND);
	}
}

static void test_all_comes_back(void **state)
{
	static const uint64_t sizes[] = {1, 2, 61, 899, 900, 901, 5000, 90000};
	struct recording r;

	(void)state;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		auto_arena struct arena a = {0};
		struct recorder w;
		struct stat st;

		assert_int_equal(recorder_create(&w, dir_fd, begin_ns, NULL), 0);
		write_samples(&w, 0, sizes[i]);
		recorder_close(&w);
		assert_int_equal(recorder_read(dir_fd, RECORDER_FILE, &a, &r, NULL), 0);
		assert_int_equal(r.started_ns, begin_ns);
		/* The oldest slot may be in the writing. */
		assert_int_equal(r.n_fine, sizes[i] < 900 ? sizes[i] : 899);
		assert_int_equal(r.n_coarse, sizes[i] < 86000 ? (sizes[i] + 59) / 60 : 1439);
		check_recording(&r, sizes[i] - 1);
		assert_int_equal(r.fine[r.n_fine - 1].memory_limit, 1 << 30);
		assert_int_equal(fstatat(dir_fd, RECORDER_FILE, &st, 0), 0);
		assert_in_range(st.st_size, 1, RECORDER_SIZE_MAX);
	}
}

static void test_one_old_one_is_kept(void **state)
{
	auto_arena struct arena a = {0};
	struct recording r;
	struct recorder w;

	(void)state;
	for (uint64_t life = 0; life < 3; life++) {
		assert_int_equal(
			recorder_create(&w, dir_fd, begin_ns + (int64_t)life * SECOND, NULL), 0);
		write_samples(&w, life, life + 2);
		recorder_close(&w);
	}
	assert_int_equal(recorder_read(dir_fd, RECORDER_FILE, &a, &r, NULL), 0);
	assert_int_equal(r.started_ns, begin_ns + 2 * SECOND);
	assert_int_equal(recorder_read(dir_fd, RECORDER_OLD_FILE, &a, &r, NULL), 0);
	assert_int_equal(r.started_ns, begin_ns + SECOND);
}

static void test_latest(void **state)
{
	struct sample s[2];
	struct recorder w;
	int64_t started = 0;
	int fd;

	(void)state;
	assert_int_equal(recorder_open(dir_fd, RECORDER_FILE), -ENOENT);
	assert_int_equal(recorder_create(&w, dir_fd, begin_ns, NULL), 0);
	fd = recorder_open(dir_fd, RECORDER_FILE);
	assert_true(fd >= 0);
	assert_int_equal(recorder_latest(fd, s, NULL), -ENODATA);
	write_samples(&w, 0, 1);
	assert_int_equal(recorder_latest(fd, s, &started), 1);
	assert_int_equal(started, begin_ns);
	write_samples(&w, 1, 8);
	assert_int_equal(recorder_latest(fd, s, NULL), 2);
	assert_int_equal(s[0].time_ns, make(7).time_ns);
	assert_int_equal(s[1].time_ns, make(6).time_ns);
	assert_int_equal(s[0].memory_limit, 1 << 30);
	close(fd);
	recorder_close(&w);
}

/* A writer killed between any two bytes: the newest whole sample counts. */
static void test_damage(void **state)
{
	char page[4096], other[4096];
	struct sample s[2];
	struct recorder w;
	int fd;

	(void)state;
	assert_int_equal(recorder_create(&w, dir_fd, begin_ns, NULL), 0);
	write_samples(&w, 0, 9);
	assert_int_equal(pread(w.fd, page, sizeof(page), 0), sizeof(page));
	write_samples(&w, 9, 10);
	assert_int_equal(pread(w.fd, other, sizeof(other), 0), sizeof(other));
	fd = recorder_open(dir_fd, RECORDER_FILE);
	for (size_t cut = 0; cut < sizeof(page); cut += 4) {
		memcpy(page, other, cut); /* grows from call to call */
		assert_int_equal(pwrite(w.fd, page, sizeof(page), 0), sizeof(page));
		assert_in_range(recorder_latest(fd, s, NULL), 1, 2);
		assert_true(s[0].time_ns == make(8).time_ns || s[0].time_ns == make(9).time_ns);
		check(&s[0]);
	}
	page[8]++; /* another version */
	assert_int_equal(pwrite(w.fd, page, sizeof(page), 0), sizeof(page));
	assert_int_equal(recorder_latest(fd, s, NULL), -EPROTONOSUPPORT);
	memset(page, 0xff, sizeof(page));
	assert_int_equal(pwrite(w.fd, page, sizeof(page), 0), sizeof(page));
	assert_int_equal(recorder_latest(fd, s, NULL), -ENODATA);
	assert_int_equal(ftruncate(w.fd, 100), 0);
	assert_int_equal(recorder_latest(fd, s, NULL), -ENODATA);
	close(fd);
	recorder_close(&w);
}

static void test_reader_beside_writer(void **state)
{
	struct recorder w;
	int status;
	pid_t pid;

	(void)state;
	assert_int_equal(recorder_create(&w, dir_fd, begin_ns, NULL), 0);
	write_samples(&w, 0, 1);
	pid = fork();
	if (pid == 0) {
		for (uint64_t i = 1; i < 60000; i++) {
			struct sample s = make(i);

			if (recorder_add(&w, &s) < 0)
				_exit(1);
		}
		_exit(0);
	}
	do {
		auto_arena struct arena a = {0};
		struct recording r = {0};

		if (recorder_read(dir_fd, RECORDER_FILE, &a, &r, NULL) == 0)
			for (size_t i = 0; i < r.n_fine; i++)
				check(&r.fine[i]);
		for (size_t i = 0; i < r.n_coarse; i++)
			check(&r.coarse[i]);
	} while (waitpid(pid, &status, WNOHANG) == 0);
	assert_int_equal(status, 0);
	recorder_close(&w);
}

static void test_counter_that_begins_anew(void **state)
{
	auto_arena struct arena a = {0};
	struct sample s = {.time_ns = begin_ns, .rx_bytes = 256 * 1000, .known = SAMPLE_NET};
	struct recording r;
	struct recorder w;

	(void)state;
	assert_int_equal(recorder_create(&w, dir_fd, begin_ns, NULL), 0);
	assert_int_equal(recorder_add(&w, &s), 0);
	s.time_ns += SECOND;
	s.rx_bytes = 256;
	assert_int_equal(recorder_add(&w, &s), 0);
	assert_int_equal(recorder_read(dir_fd, RECORDER_FILE, &a, &r, NULL), 0);
	assert_int_equal(r.n_fine, 2);
	assert_int_equal(r.fine[0].rx_bytes, 256 * 1000);
	assert_int_equal(r.fine[1].rx_bytes, 256);
	recorder_close(&w);
}

static void test_files_of_v2(void **state)
{
	struct sample s = {0};

	(void)state;
	sample_parse("cpu.stat", true,
		     "usage_usec 5\nuser_usec 3\nsystem_usec 2\nnr_periods 7\nnr_throttled 6\n"
		     "throttled_usec 9\nnr_bursts 0\n",
		     &s);
	assert_int_equal(s.cpu_ns, 5000);
	assert_int_equal(s.periods, 7);
	assert_int_equal(s.throttled_periods, 6);
	assert_int_equal(s.throttled_ns, 9000);
	sample_parse("cpu.max", true, "50000 100000\n", &s);
	assert_int_equal(s.quota_us, 50000);
	assert_int_equal(s.period_us, 100000);
	sample_parse("cpu.max", true, "max 100000\n", &s);
	assert_int_equal(s.quota_us, 0);
	sample_parse("memory.max", true, "max\n", &s);
	assert_int_equal(s.memory_limit, 0);
	sample_parse("memory.stat", true,
		     "anon 4096\nfile 8192\nkernel 100\nkernel_stack 50\ninactive_file 200\n", &s);
	assert_int_equal(s.anon, 4096);
	assert_int_equal(s.kernel, 100);
	assert_int_equal(s.working_set, 200);
	sample_parse("memory.events", true, "low 0\nmax 9\noom 2\noom_kill 1\noom_group_kill 4\n",
		     &s);
	assert_int_equal(s.oom_kills, 1);
	sample_parse("io.stat", true,
		     "8:0 rbytes=1 wbytes=2 rios=3 wios=4 dbytes=5 dios=6\n"
		     "253:1 rbytes=10 wbytes=20 rios=30 wios=40 dbytes=0 dios=0\n",
		     &s);
	assert_int_equal(s.read_bytes, 11);
	assert_int_equal(s.written_bytes, 22);
	assert_int_equal(s.reads, 33);
	assert_int_equal(s.writes, 44);
	sample_parse("io.pressure", true,
		     "some avg10=12.34 avg60=0.00 avg300=0.00 total=77\n"
		     "full avg10=1.05 avg60=0.00 avg300=0.00 total=66\n",
		     &s);
	assert_int_equal(s.pressure[PRESSURE_IO].some10, 1234);
	assert_int_equal(s.pressure[PRESSURE_IO].full10, 105);
	assert_int_equal(s.pressure[PRESSURE_IO].some_us, 77);
	assert_int_equal(s.pressure[PRESSURE_IO].full_us, 66);
	assert_int_equal(s.known,
			 SAMPLE_CPU | SAMPLE_MEMORY | SAMPLE_LIMITS | SAMPLE_IO | SAMPLE_PRESSURE);
	assert_int_equal(sample_parse("no.such", true, "", &s), -ENOENT);
}

static void test_files_of_v1(void **state)
{
	struct sample s = {0};

	(void)state;
	sample_parse("cpuacct.usage", false, "1234\n", &s);
	sample_parse("cpu.stat", false, "nr_periods 1\nnr_throttled 2\nthrottled_time 3\n", &s);
	sample_parse("cpu.shares", false, "512\n", &s);
	sample_parse("cpu.cfs_quota_us", false, "-1\n", &s);
	sample_parse("memory.limit_in_bytes", false, "9223372036854771712\n", &s);
	sample_parse("memory.stat", false,
		     "cache 1\nrss 2\ninactive_file 3\ntotal_cache 10\ntotal_rss 20\n"
		     "total_inactive_file 30\n",
		     &s);
	sample_parse("blkio.throttle.io_service_bytes_recursive", false,
		     "8:0 Read 100\n8:0 Write 200\n8:0 Sync 7\n9:0 Read 1\nTotal 301\n", &s);
	sample_parse("blkio.throttle.io_serviced_recursive", false, "8:0 Write 5\nTotal 5\n", &s);
	assert_int_equal(s.cpu_ns, 1234);
	assert_int_equal(s.throttled_ns, 3);
	assert_int_equal(s.cpu_weight, 512);
	assert_true(s.is_shares);
	assert_int_equal(s.quota_us, 0);
	assert_int_equal(s.memory_limit, 0);
	assert_int_equal(s.anon, 20);
	assert_int_equal(s.file, 10);
	assert_int_equal(s.working_set, 30);
	assert_int_equal(s.read_bytes, 101);
	assert_int_equal(s.written_bytes, 200);
	assert_int_equal(s.writes, 5);
}

static void test_net(void **state)
{
	struct sample s = {0};

	(void)state;
	sample_parse_net("Inter-|   Receive                 |  Transmit\n"
			 " face |bytes    packets errs drop fifo frame compressed multicast|bytes\n"
			 "    lo: 999 1 0 0 0 0 0 0 999 1 0 0 0 0 0 0\n"
			 "  eth0: 100 1 0 0 0 0 0 0 200 1 0 0 0 0 0 0\n"
			 "  eth1:1 1 0 0 0 0 0 0 2 1 0 0 0 0 0 0\n",
			 &s);
	assert_int_equal(s.rx_bytes, 101);
	assert_int_equal(s.tx_bytes, 202);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_all_comes_back, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_one_old_one_is_kept, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_latest, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_damage, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_reader_beside_writer, set_up, tear_down),
		cmocka_unit_test_setup_teardown(test_counter_that_begins_anew, set_up, tear_down),
		cmocka_unit_test(test_files_of_v2),
		cmocka_unit_test(test_files_of_v1),
		cmocka_unit_test(test_net),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
