/* SPDX-License-Identifier: Apache-2.0 */
/* The flight recorder's file: written by the monitor, read by anybody. */
#include "engine/recorder/recorder.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/auto.h"
#include "base/err.h"

enum { VERSION = 1, PAGE = 4096 };
static const char magic[8] = "berthrec";
static const int64_t minute_ns = 60LL * 1000000000;

struct head {
	uint64_t n, n_coarse; /* samples that the rings have seen, this one with them */
	struct sample newest;
	uint64_t checksum; /* of all before */
};

struct file_begin {
	char magic[8];
	uint32_t version, head_size, slot_size, n_fine, n_coarse, unused;
	int64_t started_ns;
};

/* At the begin of the file: what is read to know the present. */
struct front {
	struct file_begin begin;
	struct head heads[2];
};
_Static_assert(sizeof(struct front) <= PAGE, "the rings begin on the second page");

/* ---- slots --------------------------------------------------------------------------------------- */

struct field {
	size_t member;
	uint64_t unit;
};
#define AT(member) offsetof(struct sample, member)

/* Counters: modulo 2^32 units; the head tells the rest. */
static const struct field counters[] = {
	{AT(time_ns), 1000000},
	{AT(cpu_ns), 10000},
	{AT(throttled_ns), 10000},
	{AT(periods), 1},
	{AT(throttled_periods), 1},
	{AT(read_bytes), 512},
	{AT(written_bytes), 512},
	{AT(reads), 1},
	{AT(writes), 1},
	{AT(oom_kills), 1},
	{AT(rx_bytes), 256},
	{AT(tx_bytes), 256},
	{AT(pressure[PRESSURE_CPU].some_us), 1},
	{AT(pressure[PRESSURE_CPU].full_us), 1},
	{AT(pressure[PRESSURE_MEMORY].some_us), 1},
	{AT(pressure[PRESSURE_MEMORY].full_us), 1},
	{AT(pressure[PRESSURE_IO].some_us), 1},
	{AT(pressure[PRESSURE_IO].full_us), 1},
};

/* Levels: as they are. */
static const struct field levels[] = {
	{AT(memory), 1024}, {AT(anon), 1024},        {AT(file), 1024}, {AT(kernel), 1024},
	{AT(swap), 1024},   {AT(working_set), 1024}, {AT(pids), 1},
};

enum { AVERAGE_UNIT = 50 }; /* half percents */

struct slot {
	uint32_t counters[ARRAY_LEN(counters)];
	uint32_t levels[ARRAY_LEN(levels)];
	uint8_t averages[PRESSURE_COUNT][2];
	uint16_t known;
};
_Static_assert(sizeof(struct slot) == 108, "no hole");

enum {
	FINE_AT = PAGE,
	COARSE_AT = FINE_AT + RECORDER_FINE * (int)sizeof(struct slot),
	FILE_SIZE = COARSE_AT + RECORDER_COARSE * (int)sizeof(struct slot),
};
_Static_assert((int)FILE_SIZE <= (int)RECORDER_SIZE_MAX, "the file keeps to its size");

static uint64_t get(const struct sample *s, const struct field *f)
{
	uint64_t v;

	memcpy(&v, (const char *)s + f->member, sizeof(v));
	return v / f->unit;
}

static void put(struct sample *s, const struct field *f, uint64_t v)
{
	v *= f->unit;
	memcpy((char *)s + f->member, &v, sizeof(v));
}

static uint8_t average_pack(uint32_t hundredths)
{
	return (uint8_t)((hundredths + AVERAGE_UNIT / 2) / AVERAGE_UNIT);
}

static void pack(const struct sample *s, struct slot *ret)
{
	*ret = (struct slot){.known = (uint16_t)(s->known & ~(uint32_t)SAMPLE_LIMITS)};
	for (size_t i = 0; i < ARRAY_LEN(counters); i++)
		ret->counters[i] = (uint32_t)get(s, &counters[i]);
	for (size_t i = 0; i < ARRAY_LEN(levels); i++) {
		uint64_t v = get(s, &levels[i]);

		ret->levels[i] = v > UINT32_MAX ? UINT32_MAX : (uint32_t)v;
	}
	for (size_t i = 0; i < PRESSURE_COUNT; i++) {
		ret->averages[i][0] = average_pack(s->pressure[i].some10);
		ret->averages[i][1] = average_pack(s->pressure[i].full10);
	}
}

/* newer: the sample after this one. */
static void unpack(const struct slot *slot, const struct sample *newer, struct sample *ret)
{
	*ret = (struct sample){.known = slot->known};
	for (size_t i = 0; i < ARRAY_LEN(counters); i++) {
		uint64_t now = get(newer, &counters[i]);
		uint32_t moved = (uint32_t)now - slot->counters[i];

		/* A counter that began anew in between: what is here is all there is. */
		put(ret, &counters[i], moved > now ? slot->counters[i] : now - moved);
	}
	for (size_t i = 0; i < ARRAY_LEN(levels); i++)
		put(ret, &levels[i], slot->levels[i]);
	for (size_t i = 0; i < PRESSURE_COUNT; i++) {
		ret->pressure[i].some10 = slot->averages[i][0] * (uint32_t)AVERAGE_UNIT;
		ret->pressure[i].full10 = slot->averages[i][1] * (uint32_t)AVERAGE_UNIT;
	}
}

/* FNV-1a by words. */
static uint64_t checksum(const struct head *h)
{
	uint64_t sum = 14695981039346656037ULL, word;

	for (size_t i = 0; i < offsetof(struct head, checksum); i += sizeof(word)) {
		memcpy(&word, (const char *)h + i, sizeof(word));
		sum = (sum ^ word) * 1099511628211ULL;
	}
	return sum;
}
_Static_assert(sizeof(struct head) % sizeof(uint64_t) == 0, "words");

/* ---- writing ------------------------------------------------------------------------------------- */

static int put_at(int fd, const void *p, size_t n, off_t at)
{
	ssize_t r = pwrite(fd, p, n, at);

	if (r < 0)
		return -errno;
	return (size_t)r == n ? 0 : -EIO;
}

int recorder_create(struct recorder *r, int dir_fd, int64_t started_ns, struct err *e)
{
	auto_close int fd = -EBADF;
	struct file_begin begin = {.version = VERSION,
				   .head_size = sizeof(struct head),
				   .slot_size = sizeof(struct slot),
				   .n_fine = RECORDER_FINE,
				   .n_coarse = RECORDER_COARSE,
				   .started_ns = started_ns};
	int bad;

	memcpy(begin.magic, magic, sizeof(magic));
	if (renameat(dir_fd, RECORDER_FILE, dir_fd, RECORDER_OLD_FILE) < 0 && errno != ENOENT)
		return err_sys(e, -errno, "rename %s", RECORDER_FILE);
	fd = openat(dir_fd, RECORDER_FILE, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW,
		    0600);
	/* Without blocks: they come as the rings fill. */
	if (fd < 0 || ftruncate(fd, FILE_SIZE) < 0)
		return err_sys(e, -errno, "make %s", RECORDER_FILE);
	bad = put_at(fd, &begin, sizeof(begin), offsetof(struct front, begin));
	if (bad < 0)
		return err_sys(e, bad, "write %s", RECORDER_FILE);
	*r = (struct recorder){.fd = TAKE_FD(fd)};
	return 0;
}

int recorder_add(struct recorder *r, const struct sample *s)
{
	struct head head = {.newest = *s};
	bool is_minute = !r->n || s->time_ns - r->coarse_ns >= minute_ns;
	struct slot slot;
	int bad;

	pack(s, &slot);
	/* Order: the slots before the head that counts them. */
	bad = put_at(r->fd, &slot, sizeof(slot),
		     FINE_AT + (off_t)(r->n % RECORDER_FINE) * (off_t)sizeof(slot));
	if (bad == 0 && is_minute)
		bad = put_at(r->fd, &slot, sizeof(slot),
			     COARSE_AT +
				     (off_t)(r->n_coarse % RECORDER_COARSE) * (off_t)sizeof(slot));
	if (bad < 0)
		return bad;
	head.n = r->n + 1;
	head.n_coarse = r->n_coarse + is_minute;
	head.checksum = checksum(&head);
	bad = put_at(r->fd, &head, sizeof(head),
		     (off_t)(offsetof(struct front, heads) + head.n % 2 * sizeof(head)));
	if (bad < 0)
		return bad;
	r->n = head.n;
	r->n_coarse = head.n_coarse;
	if (is_minute)
		r->coarse_ns = s->time_ns;
	return 0;
}

void recorder_close(struct recorder *r)
{
	if (r->fd >= 0)
		close(r->fd);
	r->fd = -EBADF;
}

/* ---- reading ------------------------------------------------------------------------------------- */

static bool is_whole(const struct head *h)
{
	return h->n && h->n_coarse && h->n_coarse <= h->n && h->checksum == checksum(h);
}

/* The newest head first; returns how many are whole. */
static int choose_heads(const struct front *front, const struct head *ret[2])
{
	const struct head *a = &front->heads[0], *b = &front->heads[1];

	if (!is_whole(a) || (is_whole(b) && b->n > a->n)) {
		ret[0] = b;
		ret[1] = a;
	} else {
		ret[0] = a;
		ret[1] = b;
	}
	return is_whole(ret[0]) + is_whole(ret[1]);
}

static int check_begin(const struct file_begin *b)
{
	if (memcmp(b->magic, magic, sizeof(magic)) != 0)
		return -ENODATA;
	if (b->version != VERSION || b->head_size != sizeof(struct head) ||
	    b->slot_size != sizeof(struct slot) || b->n_fine != RECORDER_FINE ||
	    b->n_coarse != RECORDER_COARSE)
		return -EPROTONOSUPPORT;
	return 0;
}

static int read_front(int fd, struct front *ret)
{
	ssize_t n = pread(fd, ret, sizeof(*ret), 0);

	if (n < 0)
		return -errno;
	return n < (ssize_t)sizeof(*ret) ? -ENODATA : check_begin(&ret->begin);
}

int recorder_open(int dir_fd, const char *file)
{
	int fd = openat(dir_fd, file, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);

	return fd < 0 ? -errno : fd;
}

int recorder_latest(int fd, struct sample ret[2], int64_t *ret_started)
{
	const struct head *heads[2];
	struct front front;
	int n = read_front(fd, &front);

	if (n < 0)
		return n;
	n = choose_heads(&front, heads);
	for (int i = 0; i < n; i++)
		ret[i] = heads[i]->newest;
	if (n && ret_started)
		*ret_started = front.begin.started_ns;
	return n ? n : -ENODATA;
}

/* The ring's samples that stay whole although the writer went on from n to now; oldest first. */
static struct sample *unroll(const struct slot *ring, size_t size, uint64_t n, uint64_t now,
			     const struct sample *newest, struct arena *a, size_t *ret_n)
{
	/* One more may be in the writing. */
	uint64_t lost = now - n + 1, have = n < size ? n : size;
	const struct sample *newer = newest;
	struct sample *v;

	if (n + lost > size)
		have = size > lost ? size - lost : 0;
	have = have > n ? n : have;
	v = arena_array(a, have ? have : 1, sizeof(*v));
	for (uint64_t i = 0; i < have; i++) {
		struct sample *to = &v[have - 1 - i];

		unpack(&ring[(n - 1 - i) % size], newer, to);
		newer = to;
	}
	*ret_n = have;
	return v;
}

static int read_rings(int fd, struct arena *a, struct recording *ret)
{
	const size_t n_slots = RECORDER_FINE + RECORDER_COARSE;
	struct front before, after;
	const struct head *h[2], *now[2];
	struct slot *slots;
	int r = read_front(fd, &before);

	if (r < 0)
		return r;
	if (!choose_heads(&before, h))
		return -ENODATA;
	slots = arena_array(a, n_slots, sizeof(*slots));
	if (pread(fd, slots, n_slots * sizeof(*slots), FINE_AT) !=
	    (ssize_t)(n_slots * sizeof(*slots)))
		return -ENODATA;
	r = read_front(fd, &after);
	if (r < 0)
		return r;
	if (!choose_heads(&after, now) || now[0]->n < h[0]->n || now[0]->n_coarse < h[0]->n_coarse)
		return -ENODATA;
	ret->started_ns = before.begin.started_ns;
	ret->fine =
		unroll(slots, RECORDER_FINE, h[0]->n, now[0]->n, &h[0]->newest, a, &ret->n_fine);
	ret->coarse = unroll(slots + RECORDER_FINE, RECORDER_COARSE, h[0]->n_coarse,
			     now[0]->n_coarse, &h[0]->newest, a, &ret->n_coarse);
	if (ret->n_fine)
		ret->fine[ret->n_fine - 1] = h[0]->newest;
	return 0;
}

int recorder_read(int dir_fd, const char *file, struct arena *a, struct recording *ret,
		  struct err *e)
{
	auto_close int fd = recorder_open(dir_fd, file);
	struct recording found = {0};
	int r = fd < 0 ? fd : read_rings(fd, a, &found);

	if (r == -ENODATA)
		return err_say(e, r, "%s: nothing was recorded", file);
	if (r == -EPROTONOSUPPORT)
		return err_say(e, r, "%s: written by another version of berth", file);
	if (r < 0)
		return err_sys(e, r, "read %s", file);
	*ret = found;
	return 0;
}
