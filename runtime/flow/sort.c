/* SPDX-License-Identifier: MIT */
/*
 * sort.c - sorting by a comparison: merge sort, with halves and merges side by side.
 *
 * The array and a scratch array of its size take turns from level to level.  A part is sorted by
 * sorting its halves into the other array and merging them back; a large merge is two merges about
 * the middle of its longer side, whose place in the other one is found by bisection (Cormen and
 * others, Introduction to Algorithms, ch. 27).  Both sides of each are forks.
 *
 * Stable: the lower side goes first among equals, in merges as in bisections, and each comparison
 * has the element of the lower side first.  Every index is bounded by counts, none by what a
 * comparison says: one that contradicts itself spoils the order alone.
 *
 * What can fail: memory for the scratch array; thrum_sort is a heap sort in place then.
 */
#include "flow/parallel.h"

#include "base/os.h"
#include "sched/await.h"

#include <string.h>

#include <thrum/parallel.h>

/* Parts that are sorted by insertion; that are not worth a fork; merges that are not. */
#define INSERT_MAX 8
#define SERIAL_MAX 256
#define MERGE_MAX 2048
/* Bytes of arrays whose scratch lies in the frame. */
#define SMALL 512

struct sorter {
	size_t size;
	int (*cmp)(const void *a, const void *b, void *arg);
	void *arg;
};

/* @n elements at @a to be sorted, into @b if @to_b. */
struct part {
	const struct sorter *s;
	char *a, *b;
	size_t n;
	bool to_b;
};

/* Two sorted sides to be merged into @out. */
struct merge {
	const struct sorter *s;
	const char *x, *y;
	size_t nx, ny;
	char *out;
};

static inline int compare(const struct sorter *s, const char *a, const char *b)
{
	return s->cmp(a, b, s->arg);
}

/* One element; of a size that the compiler knows if it is a usual one. */
static inline void copy(const struct sorter *s, char *to, const char *from)
{
	switch (s->size) {
	case 4:
		memcpy(to, from, 4);
		break;
	case 8:
		memcpy(to, from, 8);
		break;
	case 16:
		memcpy(to, from, 16);
		break;
	default:
		memcpy(to, from, s->size);
	}
}

/* ---- Merging ---- */

/* How many of the @n elements at @y go before @pivot, which stands before them. */
static size_t count_less(const struct sorter *s, const char *y, size_t n, const char *pivot)
{
	size_t low = 0;

	while (low < n) {
		size_t mid = low + (n - low) / 2;

		if (compare(s, pivot, y + mid * s->size) > 0)
			low = mid + 1;
		else
			n = mid;
	}
	return low;
}

/* How many of the @n elements at @x do not go behind @pivot, which stands behind them. */
static size_t count_not_more(const struct sorter *s, const char *x, size_t n, const char *pivot)
{
	size_t low = 0;

	while (low < n) {
		size_t mid = low + (n - low) / 2;

		if (compare(s, x + mid * s->size, pivot) <= 0)
			low = mid + 1;
		else
			n = mid;
	}
	return low;
}

static void merge_serially(const struct merge *m)
{
	const struct sorter *s = m->s;
	const char *x = m->x, *y = m->y;
	const char *x_end = x + m->nx * s->size, *y_end = y + m->ny * s->size;
	char *out = m->out;

	if (m->nx && m->ny && compare(s, x_end - s->size, y) > 0) {
		while (x < x_end && y < y_end) {
			/* Without a branch, which would be mispredicted every other time. */
			size_t step = s->size & -(size_t)(compare(s, x, y) > 0);

			copy(s, out, step ? y : x);
			y += step;
			x += s->size - step;
			out += s->size;
		}
	}
	memcpy(out, x, (size_t)(x_end - x));
	memcpy(out + (x_end - x), y, (size_t)(y_end - y));
}

static void merge(void *merge_)
{
	struct merge *m = merge_;
	size_t size = m->s->size;
	struct merge upper = *m;
	struct thrum__side side;

	if (m->nx + m->ny <= MERGE_MAX) {
		merge_serially(m);
		return;
	}
	if (m->nx >= m->ny) {
		m->nx /= 2;
		m->ny = count_less(m->s, m->y, m->ny, m->x + m->nx * size);
	} else {
		m->ny /= 2;
		m->nx = count_not_more(m->s, m->x, m->nx, m->y + m->ny * size);
	}
	upper.x += m->nx * size;
	upper.y += m->ny * size;
	upper.out += (m->nx + m->ny) * size;
	upper.nx -= m->nx;
	upper.ny -= m->ny;
	thrum__side_fork(&side, merge, &upper);
	merge(m);
	thrum__side_join(&side);
}

/* ---- Sorting ---- */

/* The first place in b is free for one element. */
static void sort_by_insertion(const struct part *p)
{
	const struct sorter *s = p->s;
	char *end = p->a + p->n * s->size;

	for (char *next = p->a + s->size; next < end; next += s->size) {
		char *to = next;

		while (to > p->a && compare(s, to - s->size, next) > 0)
			to -= s->size;
		if (to == next)
			continue;
		copy(s, p->b, next);
		memmove(to + s->size, to, (size_t)(next - to));
		copy(s, to, p->b);
	}
}

static void sort_part(void *part)
{
	struct part *p = part;
	size_t lower = p->n / 2, bytes = lower * p->s->size;
	struct part x, y;
	struct thrum__side side;

	if (p->n <= INSERT_MAX) {
		sort_by_insertion(p);
		if (p->to_b)
			memcpy(p->b, p->a, p->n * p->s->size);
		return;
	}
	x = (struct part){p->s, p->a, p->b, lower, !p->to_b};
	y = (struct part){p->s, p->a + bytes, p->b + bytes, p->n - lower, !p->to_b};
	if (p->n > SERIAL_MAX) {
		thrum__side_fork(&side, sort_part, &y);
		sort_part(&x);
		thrum__side_join(&side);
	} else {
		sort_part(&x);
		sort_part(&y);
	}
	merge(&(struct merge){
	    .s = p->s,
	    .x = p->to_b ? p->a : p->b,
	    .y = (p->to_b ? p->a : p->b) + bytes,
	    .nx = lower,
	    .ny = p->n - lower,
	    .out = p->to_b ? p->b : p->a,
	});
}

/* ---- In place ---- */

static void swap(const struct sorter *s, char *a, char *b)
{
	char some[64];

	for (size_t at = 0; at < s->size; at += sizeof(some)) {
		size_t n = s->size - at < sizeof(some) ? s->size - at : sizeof(some);

		memcpy(some, a + at, n);
		memcpy(a + at, b + at, n);
		memcpy(b + at, some, n);
	}
}

/* The element at @i goes down until none below it is more. */
static void sift(const struct sorter *s, char *base, size_t n, size_t i)
{
	while (i < n / 2) {
		size_t child = 2 * i + 1;
		char *at = base + i * s->size;

		if (child + 1 < n &&
		    compare(s, base + child * s->size, base + (child + 1) * s->size) < 0)
			child++;
		if (compare(s, at, base + child * s->size) >= 0)
			return;
		swap(s, at, base + child * s->size);
		i = child;
	}
}

static void sort_in_place(const struct sorter *s, char *base, size_t n)
{
	for (size_t i = n / 2; i-- > 0;)
		sift(s, base, n, i);
	while (n-- > 1) {
		swap(s, base, base + n * s->size);
		sift(s, base, n, 0);
	}
}

/* -ENOMEM: nothing was done. */
static int sort(const struct sorter *s, void *base, size_t n)
{
	_Alignas(CACHE_LINE) char small[SMALL];
	char *scratch = small;
	size_t bytes;

	if (!thrum__flow_width())
		return thrum__no_task();
	if (!s->size || !s->cmp)
		return -EINVAL;
	if (n < 2)
		return 0;
	if (__builtin_mul_overflow(n, s->size, &bytes))
		return -EINVAL; /* no array is so large */
	if (bytes > SMALL)
		scratch = thrum__os_alloc_aligned(CACHE_LINE, bytes);
	if (!scratch)
		return -ENOMEM;
	sort_part(&(struct part){.s = s, .a = base, .b = scratch, .n = n});
	if (scratch != small)
		thrum__os_free(scratch);
	return 0;
}

int thrum_sort_stable(void *base, size_t n, size_t size,
		      int (*cmp)(const void *a, const void *b, void *arg), void *arg)
{
	return sort(&(struct sorter){size, cmp, arg}, base, n);
}

int thrum_sort(void *base, size_t n, size_t size,
	       int (*cmp)(const void *a, const void *b, void *arg), void *arg)
{
	const struct sorter s = {size, cmp, arg};
	int err = sort(&s, base, n);

	if (err == -ENOMEM) {
		sort_in_place(&s, base, n);
		err = 0;
	}
	return err;
}
