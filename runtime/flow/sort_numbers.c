/* SPDX-License-Identifier: MIT */
/*
 * sort_numbers.c - sorting numbers of 32 and 64 bits: radix sort.
 *
 * KEYS    The numbers are made unsigned ones of the same order (keys.h), in place, and numbers
 *         again at the end.
 *
 * PARTS   A part is a run of the array, which lies in the array or in the scratch array at the same
 *         place.  A large one is parted by the 8 bits from the highest differing one down, by all
 *         workers: each block counts its digits, sums of counts give each block its places in each
 *         bucket, each block moves its keys to the other array.  The buckets are parts again.
 *         One that fits into a core's cache is sorted there by its lowest differing bits first,
 *         8 at a time.  (McIlroy, Bostic, McIlroy: Engineering Radix Sort, 1993, for the first
 *         half; Knuth, The Art of Computer Programming, vol. 3, 5.2.5, for the second.)
 *         Bits in which no two keys of a part differ cost nothing, and a part in order is done.
 *
 * What can fail: memory for the scratch array, before anything was changed.  Without memory for
 * counts a part is sorted like a small one.
 */
#include "flow/parallel.h"

#include "base/os.h"
#include "flow/keys.h"
#include "sched/await.h"

#include <string.h>

#include <thrum/parallel.h>

#define DIGITS 256
#define DIGIT_BITS 8
/* Keys that are sorted by insertion; whose scratch lies in the frame; of a block at least. */
#define INSERT_MAX 32
#define SMALL 64
#define BLOCK_MIN 16384
/* Bytes of keys that are sorted by one worker: twice that is to fit into its cache. */
#define CACHED_BYTES (512 << 10)

struct numbers {
	void *base, *scratch;
	enum thrum__key_kind kind;
	bool wide;         /* 64 bits */
	unsigned width;    /* pieces at a time */
	size_t serial_max; /* keys of a part that one worker sorts */
};

struct part {
	struct numbers *s;
	size_t begin, n;
	bool in_scratch;
	bool raw; /* numbers yet, not keys */
};

/* What one look at keys tells. */
struct look {
	uint64_t differing; /* bits in which they differ from the first */
	bool ascending;
};

/* A part that all workers work on, in blocks. */
struct work {
	struct part *p;
	size_t blocks, length; /* of a block */
	unsigned shift;
	struct look *looks;       /* of each block */
	size_t (*counts)[DIGITS]; /* of each block; then its places */
	size_t *starts;           /* of the buckets, from the part's begin on */
};

static void *keys_of(const struct part *p)
{
	return p->in_scratch ? p->s->scratch : p->s->base;
}

/* ---- One worker's share: [begin, end) of an array ---- */

KEY_INLINE struct look look_as(bool wide, enum thrum__key_kind kind, bool raw, void *a,
			       size_t begin, size_t end)
{
	uint64_t first = thrum__key_get(wide, a, begin), before, differing = 0, descents = 0;

	if (raw)
		first = thrum__key_of(wide, kind, first);
	first = wide ? first : (uint32_t)first;
	before = first;
	for (size_t i = begin; i < end; i++) {
		uint64_t key = thrum__key_get(wide, a, i);

		if (raw) {
			key = thrum__key_of(wide, kind, key);
			thrum__key_put(wide, a, i, key);
		}
		key = wide ? key : (uint32_t)key;
		differing |= key ^ first;
		descents |= key < before;
		before = key;
	}
	return (struct look){.differing = differing, .ascending = !descents};
}

/* Makes keys of numbers, too. */
static struct look look_at(const struct part *p, size_t begin, size_t end)
{
	struct numbers *s = p->s;
	bool raw = p->raw && s->kind != THRUM__UNSIGNED;
	void *a = keys_of(p);

	if (!raw)
		return s->wide ? look_as(true, THRUM__UNSIGNED, false, a, begin, end)
			       : look_as(false, THRUM__UNSIGNED, false, a, begin, end);
	if (s->kind == THRUM__SIGNED)
		return s->wide ? look_as(true, THRUM__SIGNED, true, a, begin, end)
			       : look_as(false, THRUM__SIGNED, true, a, begin, end);
	return s->wide ? look_as(true, THRUM__FLOAT, true, a, begin, end)
		       : look_as(false, THRUM__FLOAT, true, a, begin, end);
}

KEY_INLINE void finish_as(bool wide, enum thrum__key_kind kind, void *to, const void *from,
			  size_t begin, size_t end)
{
	for (size_t i = begin; i < end; i++)
		thrum__key_put(wide, to, i,
			       thrum__key_number(wide, kind, thrum__key_get(wide, from, i)));
}

/* Keys in order become numbers, in the array itself. */
static void finish(struct numbers *s, const void *from, size_t begin, size_t end)
{
	if (s->kind == THRUM__UNSIGNED && from == s->base)
		return;
	if (s->kind == THRUM__UNSIGNED && s->wide)
		finish_as(true, THRUM__UNSIGNED, s->base, from, begin, end);
	else if (s->kind == THRUM__UNSIGNED)
		finish_as(false, THRUM__UNSIGNED, s->base, from, begin, end);
	else if (s->kind == THRUM__SIGNED && s->wide)
		finish_as(true, THRUM__SIGNED, s->base, from, begin, end);
	else if (s->kind == THRUM__SIGNED)
		finish_as(false, THRUM__SIGNED, s->base, from, begin, end);
	else if (s->wide)
		finish_as(true, THRUM__FLOAT, s->base, from, begin, end);
	else
		finish_as(false, THRUM__FLOAT, s->base, from, begin, end);
}

KEY_INLINE void count_as(bool wide, const void *a, size_t begin, size_t end, unsigned shift,
			 size_t *counts)
{
	memset(counts, 0, DIGITS * sizeof(*counts));
	for (size_t i = begin; i < end; i++)
		counts[(uint8_t)(thrum__key_get(wide, a, i) >> shift)]++;
}

KEY_INLINE void move_as(bool wide, void *to, const void *from, size_t begin, size_t end,
			unsigned shift, size_t *places)
{
	for (size_t i = begin; i < end; i++) {
		uint64_t key = thrum__key_get(wide, from, i);

		thrum__key_put(wide, to, places[(uint8_t)(key >> shift)]++, key);
	}
}

KEY_INLINE void insert_as(bool wide, void *a, size_t begin, size_t end)
{
	for (size_t i = begin + 1; i < end; i++) {
		uint64_t key = thrum__key_get(wide, a, i);
		size_t to = i;

		for (; to > begin && thrum__key_get(wide, a, to - 1) > key; to--)
			thrum__key_put(wide, a, to, thrum__key_get(wide, a, to - 1));
		thrum__key_put(wide, a, to, key);
	}
}

static unsigned bits_of(uint64_t differing)
{
	return differing ? 64 - (unsigned)__builtin_clzll(differing) : 0;
}

/* Where the sorted keys are then: @from or @to. */
KEY_INLINE void *sort_as(bool wide, void *from, void *to, size_t begin, size_t end,
			 uint64_t differing)
{
	unsigned bits = bits_of(differing);
	size_t places[DIGITS];

	if (end - begin <= INSERT_MAX) {
		insert_as(wide, from, begin, end);
		return from;
	}
	for (unsigned shift = 0; shift < bits; shift += DIGIT_BITS) {
		size_t place = begin;
		void *was = from;

		if (!(uint8_t)(differing >> shift))
			continue;
		count_as(wide, from, begin, end, shift, places);
		for (int d = 0; d < DIGITS; d++) {
			size_t count = places[d];

			places[d] = place;
			place += count;
		}
		move_as(wide, to, from, begin, end, shift, places);
		from = to;
		to = was;
	}
	return from;
}

static void sort_serially(struct part *p)
{
	struct numbers *s = p->s;
	void *from = keys_of(p), *to = p->in_scratch ? s->base : s->scratch;
	size_t end = p->begin + p->n;
	struct look look;

	if (!p->n)
		return;
	look = look_at(p, p->begin, end);
	if (!look.ascending)
		from = s->wide ? sort_as(true, from, to, p->begin, end, look.differing)
			       : sort_as(false, from, to, p->begin, end, look.differing);
	finish(s, from, p->begin, end);
}

/* ---- All workers ---- */

static void for_each(size_t n, size_t grain, int (*body)(size_t begin, size_t end, void *arg),
		     void *arg)
{
	struct thrum__loop loop = {.grain = grain, .body = body, .arg = arg, .deaf = true};

	(void)!thrum__loop_run(&loop, NULL, 0, n); /* nothing in it fails */
}

static size_t block_begin(const struct work *w, size_t i)
{
	size_t at = i * w->length;

	return w->p->begin + (at < w->p->n ? at : w->p->n);
}

static int look_at_blocks(size_t begin, size_t end, void *work)
{
	struct work *w = work;

	for (size_t i = begin; i < end; i++)
		w->looks[i] = look_at(w->p, block_begin(w, i), block_begin(w, i + 1));
	return 0;
}

/* All blocks as one. */
static struct look look_at_all(struct work *w)
{
	const struct part *p = w->p;
	bool wide = p->s->wide;
	void *a = keys_of(p);
	struct look all = {.ascending = true};

	for_each(w->blocks, 1, look_at_blocks, w);
	w->p->raw = false;
	for (size_t i = 0; i < w->blocks; i++) {
		uint64_t first = thrum__key_get(wide, a, block_begin(w, i));

		all.differing |=
		    w->looks[i].differing | (first ^ thrum__key_get(wide, a, p->begin));
		all.ascending &= w->looks[i].ascending;
		if (i)
			all.ascending &= thrum__key_get(wide, a, block_begin(w, i) - 1) <= first;
	}
	return all;
}

static int count_blocks(size_t begin, size_t end, void *work)
{
	struct work *w = work;
	void *a = keys_of(w->p);

	for (size_t i = begin; i < end; i++) {
		size_t from = block_begin(w, i), to = block_begin(w, i + 1);

		if (w->p->s->wide)
			count_as(true, a, from, to, w->shift, w->counts[i]);
		else
			count_as(false, a, from, to, w->shift, w->counts[i]);
	}
	return 0;
}

static void counts_to_places(struct work *w)
{
	size_t place = w->p->begin;

	for (int d = 0; d < DIGITS; d++) {
		w->starts[d] = place;
		for (size_t i = 0; i < w->blocks; i++) {
			size_t count = w->counts[i][d];

			w->counts[i][d] = place;
			place += count;
		}
	}
	w->starts[DIGITS] = place;
}

static int move_blocks(size_t begin, size_t end, void *work)
{
	struct work *w = work;
	struct numbers *s = w->p->s;
	void *from = keys_of(w->p), *to = w->p->in_scratch ? s->base : s->scratch;

	for (size_t i = begin; i < end; i++) {
		size_t at = block_begin(w, i), until = block_begin(w, i + 1);

		if (s->wide)
			move_as(true, to, from, at, until, w->shift, w->counts[i]);
		else
			move_as(false, to, from, at, until, w->shift, w->counts[i]);
	}
	return 0;
}

static int finish_blocks(size_t begin, size_t end, void *work)
{
	struct work *w = work;

	finish(w->p->s, keys_of(w->p), block_begin(w, begin), block_begin(w, end));
	return 0;
}

static void sort_part(struct part *p);

static int sort_buckets(size_t begin, size_t end, void *work)
{
	struct work *w = work;

	for (size_t d = begin; d < end; d++)
		sort_part(&(struct part){
		    .s = w->p->s,
		    .begin = w->starts[d],
		    .n = w->starts[d + 1] - w->starts[d],
		    .in_scratch = w->p->in_scratch,
		});
	return 0;
}

static void sort_with(struct work *w)
{
	struct look all = look_at_all(w);
	unsigned bits = bits_of(all.differing);

	if (!all.ascending) {
		w->shift = bits > DIGIT_BITS ? bits - DIGIT_BITS : 0;
		for_each(w->blocks, 1, count_blocks, w);
		counts_to_places(w);
		for_each(w->blocks, 1, move_blocks, w);
		w->p->in_scratch = !w->p->in_scratch;
		if (w->shift) {
			for_each(DIGITS, 1, sort_buckets, w);
			return;
		}
	}
	for_each(w->blocks, 1, finish_blocks, w);
}

static void sort_part(struct part *p)
{
	struct work w = {.p = p};
	size_t most = 4 * (size_t)p->s->width;
	char *memory = NULL;

	if (p->n > p->s->serial_max) {
		w.blocks = (p->n - 1) / BLOCK_MIN + 1;
		w.blocks = w.blocks < most ? w.blocks : most;
		w.length = (p->n - 1) / w.blocks + 1;
		w.blocks = (p->n - 1) / w.length + 1; /* none is empty */
		memory = thrum__os_alloc(w.blocks * (sizeof(*w.looks) + sizeof(*w.counts)) +
					 (DIGITS + 1) * sizeof(*w.starts));
	}
	if (!memory) {
		sort_serially(p);
		return;
	}
	w.counts = (void *)memory;
	w.starts = (void *)(w.counts + w.blocks);
	w.looks = (void *)(w.starts + DIGITS + 1);
	sort_with(&w);
	thrum__os_free(memory);
}

static int sort(void *base, size_t n, bool wide, enum thrum__key_kind kind)
{
	uint64_t small[SMALL];
	size_t width = wide ? 8 : 4;
	struct numbers s = {.base = base, .scratch = small, .kind = kind, .wide = wide};

	s.width = thrum__flow_width();
	if (!s.width)
		return thrum__no_task();
	if (n < 2)
		return 0;
	if (n > SIZE_MAX / width)
		return -EINVAL; /* no array is so large */
	if (n > SMALL)
		s.scratch = thrum__os_alloc_aligned(CACHE_LINE, n * width);
	if (!s.scratch)
		return -ENOMEM;
	s.serial_max = CACHED_BYTES / width;
	if (s.width > 1 && s.serial_max > n / (8 * s.width))
		s.serial_max = n / (8 * s.width) > BLOCK_MIN ? n / (8 * s.width) : BLOCK_MIN;
	sort_part(&(struct part){.s = &s, .n = n, .raw = true});
	if (s.scratch != small)
		thrum__os_free(s.scratch);
	return 0;
}

int thrum_sort_i32(int32_t *base, size_t n)
{
	return sort(base, n, false, THRUM__SIGNED);
}

int thrum_sort_u32(uint32_t *base, size_t n)
{
	return sort(base, n, false, THRUM__UNSIGNED);
}

int thrum_sort_i64(int64_t *base, size_t n)
{
	return sort(base, n, true, THRUM__SIGNED);
}

int thrum_sort_u64(uint64_t *base, size_t n)
{
	return sort(base, n, true, THRUM__UNSIGNED);
}

int thrum_sort_f32(float *base, size_t n)
{
	return sort(base, n, false, THRUM__FLOAT);
}

int thrum_sort_f64(double *base, size_t n)
{
	return sort(base, n, true, THRUM__FLOAT);
}
