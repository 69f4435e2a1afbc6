/* SPDX-License-Identifier: MIT */
/*
 * test_wide.c - prefixes and sorts in as many pieces as machines with more CPUs have: how many work
 * at a time is what this file says, not what there is.
 */
#include "run.h"

#include "flow/parallel.h"

static unsigned width;

unsigned __wrap_thrum__flow_width(void);
unsigned __wrap_thrum__flow_width(void)
{
	return width;
}

static const unsigned widths[] = {1, 2, 3, 5, 8, 31, 64, 256};
static const size_t counts[] = {0, 1, 2, 33, 65, 257, 16384, 16385, 70001, 300000};

#define WIDTHS (sizeof(widths) / sizeof(*widths))
#define COUNTS (sizeof(counts) / sizeof(*counts))

static uint64_t state;

static uint64_t next_random(void)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return state;
}

/* The order of the letters is what a prefix of these shows: a word's hash, and the number that
 * shifts another one past it. */
struct word {
	uint64_t hash, shift;
};

struct scan {
	struct word *prefixes;
	uint64_t seed;
};

static struct word letter(const struct scan *s, size_t i)
{
	return (struct word){(i + 1) * (s->seed | 1), 0x9E3779B97F4A7C15u};
}

static void append(void *acc, void *right, void *unused)
{
	struct word *a = acc, *b = right;

	(void)unused;
	*a = (struct word){a->hash * b->shift + b->hash, a->shift * b->shift};
}

static int map(void *acc, size_t begin, size_t end, void *scan)
{
	for (size_t i = begin; i < end; i++) {
		struct word one = letter(scan, i);

		append(acc, &one, NULL);
	}
	return 0;
}

static int write(void *acc, size_t begin, size_t end, void *scan)
{
	struct scan *s = scan;

	for (size_t i = begin; i < end; i++) {
		struct word one = letter(s, i);

		append(acc, &one, NULL);
		s->prefixes[i] = *(struct word *)acc;
	}
	return 0;
}

static void scan_of(size_t n)
{
	struct word total = {0, 1}, sum = {0, 1};
	struct scan s = {calloc(n + 1, sizeof(*s.prefixes)), next_random()};

	must(s.prefixes);
	is_int(thrum_scan(0, n, 0, map, append, write, &total, sizeof(total), &s), 0);
	for (size_t i = 0; i < n; i++) {
		struct word one = letter(&s, i);

		append(&sum, &one, NULL);
		must(!memcmp(&sum, &s.prefixes[i], sizeof(sum)));
	}
	must(!memcmp(&sum, &total, sizeof(sum)));
	free(s.prefixes);
}

/* So many bits of each key differ; some in the middle, too. */
static uint64_t key_of(unsigned bits)
{
	return bits ? next_random() >> (64 - bits) << (64 - bits) / 2 : 7;
}

static void sort_of(size_t n, unsigned bits)
{
	uint64_t *wide = calloc(n + 1, sizeof(*wide)), sum = 0, after = 0;
	int32_t *narrow = calloc(n + 1, sizeof(*narrow));
	int64_t sum32 = 0, after32 = 0;

	must(wide && narrow);
	for (size_t i = 0; i < n; i++) {
		wide[i] = key_of(bits);
		narrow[i] = (int32_t)(uint32_t)key_of(bits);
		sum += wide[i] * wide[i];
		sum32 += narrow[i];
	}
	is_int(thrum_sort_u64(wide, n), 0);
	is_int(thrum_sort_i32(narrow, n), 0);
	for (size_t i = 0; i < n; i++) {
		must(!i || (wide[i - 1] <= wide[i] && narrow[i - 1] <= narrow[i]));
		after += wide[i] * wide[i];
		after32 += narrow[i];
	}
	must(after == sum);
	must(after32 == sum32);
	free(narrow);
	free(wide);
}

static intptr_t task_scans(void *unused)
{
	(void)unused;
	for (size_t w = 0; w < WIDTHS; w++) {
		width = widths[w];
		for (size_t i = 0; i < COUNTS; i++)
			scan_of(counts[i]);
	}
	return 7;
}

static intptr_t task_sorts(void *unused)
{
	static const unsigned bits[] = {64, 40, 9, 0};

	(void)unused;
	for (size_t w = 0; w < WIDTHS; w++) {
		width = widths[w];
		for (size_t i = 0; i < COUNTS; i++)
			for (size_t k = 0; k < sizeof(bits) / sizeof(*bits); k++)
				sort_of(counts[i], bits[k]);
	}
	return 7;
}

START_TEST(prefixes_in_many_pieces)
{
	state = 88172645463325252u;
	is_int(run_real(1, task_scans, NULL), 7);
	is_int(run_real(4, task_scans, NULL), 7);
}
END_TEST

START_TEST(numbers_in_many_pieces)
{
	state = 88172645463325252u;
	is_int(run_real(1, task_sorts, NULL), 7);
	is_int(run_real(4, task_sorts, NULL), 7);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
	    prefixes_in_many_pieces,
	    numbers_in_many_pieces,
	};

	return RUN_TESTS("wide", tests);
}
