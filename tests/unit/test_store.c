/* SPDX-License-Identifier: MIT */
/*
 * test_store.c - the ring, the stack and the heap in which items lie, each beside a list that is
 * searched; sizes, limits, memory.
 */
#include "base/os.h"
#include "run.h"
#include "seed.h"
#include "sync/store.h"

#include <thrum/chan.h>

static uint64_t random_state;

static unsigned random_below(unsigned n)
{
	random_state = random_state * 6364136223846793005u + 1442695040888963407u;
	return (unsigned)(random_state >> 33) % n;
}

/* Of items of any size, 8 bytes at least: by key; the rest tells them apart. */
struct item {
	uint32_t key, serial;
	unsigned char rest[];
};

static uint64_t comparisons;

static int by_key(const void *a, const void *b)
{
	uint32_t x = ((const struct item *)a)->key, y = ((const struct item *)b)->key;

	comparisons++;
	return x < y ? -1 : x > y;
}

static void item_make(struct item *item, size_t size, uint32_t key, uint32_t serial)
{
	item->key = key;
	item->serial = serial;
	memset(item->rest, (int)(serial & 0xff), size - sizeof(*item));
}

static void item_check(const struct item *item, size_t size)
{
	for (size_t i = 0; i < size - sizeof(*item); i++)
		must(item->rest[i] == (item->serial & 0xff));
}

static const struct thrum__order orders[] = {
    [THRUM__FIFO] = {THRUM__FIFO, NULL},
    [THRUM__LIFO] = {THRUM__LIFO, NULL},
    [THRUM__LEAST] = {THRUM__LEAST, by_key},
};

static void store_make(struct thrum__store *s, enum thrum__order_kind kind, size_t size,
		       size_t capacity)
{
	must(thrum__store_init(s, size, capacity, &orders[kind]));
	is_int(s->count, 0);
	is_int(s->capacity, capacity);
	is_int(s->item_size, size);
}

/* ---- The model: a list in the order of the puts ---- */

#define MOST 70

struct model {
	uint32_t keys[MOST], serials[MOST];
	size_t count;
};

static void model_put(struct model *m, uint32_t key, uint32_t serial)
{
	must(m->count < MOST);
	m->keys[m->count] = key;
	m->serials[m->count++] = serial;
}

static void model_remove(struct model *m, size_t at)
{
	for (m->count--; at < m->count; at++) {
		m->keys[at] = m->keys[at + 1];
		m->serials[at] = m->serials[at + 1];
	}
}

/* Is @item what may come next?  It is taken. */
static void model_take(struct model *m, enum thrum__order_kind kind, const struct item *item)
{
	size_t at = kind == THRUM__LIFO ? m->count - 1 : 0;

	must(m->count);
	if (kind == THRUM__LEAST) {
		for (size_t i = 0; i < m->count; i++)
			must(item->key <= m->keys[i]);
		while (at < m->count && m->serials[at] != item->serial) /* of equal ones any */
			at++;
		must(at < m->count);
	}
	is_int(item->key, m->keys[at]);
	is_int(item->serial, m->serials[at]);
	model_remove(m, at);
}

/* Puts and takes at random, few different keys or many. */
static void run_beside_model(enum thrum__order_kind kind, size_t size, size_t capacity,
			     unsigned keys, unsigned steps)
{
	struct thrum__store s;
	struct item *item = malloc(size);
	struct model m = {.count = 0};

	store_make(&s, kind, size, capacity);
	must(item);
	for (unsigned i = 0; i < steps; i++) {
		bool puts = random_below(100) < (i / 100 % 2 ? 35u : 65u);

		if (puts ? s.count == capacity : s.count == 0)
			continue;
		if (puts) {
			item_make(item, size, random_below(keys), i);
			model_put(&m, item->key, i);
			thrum__store_put(&s, item);
		} else {
			memset(item, 0xee, size);
			thrum__store_take(&s, item);
			item_check(item, size);
			model_take(&m, kind, item);
		}
		is_int(s.count, m.count);
	}
	while (s.count) {
		thrum__store_take(&s, item);
		item_check(item, size);
		model_take(&m, kind, item);
	}
	is_int(m.count, 0);
	free(item);
	thrum__store_fini(&s);
}

static void run_kind(enum thrum__order_kind kind)
{
	static const size_t capacities[] = {1, 2, 3, 4, 5, 7, 8, 64, MOST};
	static const size_t sizes[] = {8, 24, 12};

	for (uint64_t round = 0; round < 3; round++) {
		random_state = round < 2 ? round : seed_of("test_store");
		for (size_t i = 0; i < 9; i++)
			for (size_t k = 0; k < 3; k++) {
				unsigned steps = scaled(4000) + 400;

				run_beside_model(kind, sizes[k], capacities[i], 5, steps);
				run_beside_model(kind, sizes[k], capacities[i], 1u << 20, steps);
			}
	}
}

START_TEST(a_ring_gives_the_oldest)
{
	run_kind(THRUM__FIFO);
}
END_TEST

START_TEST(a_stack_gives_the_newest)
{
	run_kind(THRUM__LIFO);
}
END_TEST

START_TEST(a_heap_gives_the_least)
{
	run_kind(THRUM__LEAST);
}
END_TEST

/* In any order of the puts: all those of seven items. */
START_TEST(a_heap_sorts_every_order)
{
	unsigned orders = 0;

	for (unsigned code = 0; code < 5040; code++) {
		struct thrum__store s;
		struct item item;
		uint32_t left[7];
		unsigned rest = code;

		store_make(&s, THRUM__LEAST, sizeof(struct item), 7);
		for (uint32_t i = 0; i < 7; i++)
			left[i] = i;
		for (uint32_t n = 7; n > 0; n--) {
			uint32_t at = rest % n;

			rest /= n;
			item = (struct item){left[at], n};
			left[at] = left[n - 1];
			thrum__store_put(&s, &item);
		}
		for (uint32_t i = 0; i < 7; i++) {
			thrum__store_take(&s, &item);
			is_int(item.key, i);
		}
		thrum__store_fini(&s);
		orders++;
	}
	is_int(orders, 5040);
}
END_TEST

/* Each step costs a comparison or two for each level. */
START_TEST(a_heap_compares_little)
{
	enum { N = 1 << 10, LEVELS = 10 };
	struct thrum__store s;
	struct item item = {0, 0};
	uint64_t most = 0;

	store_make(&s, THRUM__LEAST, sizeof(struct item), N);
	for (unsigned i = 0; i < N; i++) {
		item.key = N - i;
		comparisons = 0;
		thrum__store_put(&s, &item);
		most = comparisons > most ? comparisons : most;
	}
	must(most <= LEVELS);
	for (most = 0; s.count;) {
		comparisons = 0;
		thrum__store_take(&s, &item);
		most = comparisons > most ? comparisons : most;
	}
	must(most <= 2 * LEVELS);
	thrum__store_fini(&s);
}
END_TEST

/* ---- Sizes, limits, memory ---- */

START_TEST(items_without_size_are_counted)
{
	static const enum thrum__order_kind kinds[] = {THRUM__FIFO, THRUM__LIFO};

	for (int i = 0; i < 2; i++) {
		struct thrum__store s;

		store_make(&s, kinds[i], 0, 3);
		uint64_t nothing = 7;

		for (int round = 0; round < 3; round++) {
			for (size_t k = 0; k < 3; k++)
				thrum__store_put(&s, &nothing);
			is_int(s.count, 3);
			for (size_t k = 0; k < 3; k++)
				thrum__store_take(&s, &nothing);
			is_int(s.count, 0);
			is_int(nothing, 7);
		}
		thrum__store_fini(&s);
	}
}
END_TEST

/* Those of a word are copied another way. */
START_TEST(items_of_every_small_size)
{
	for (size_t size = 1; size < 40; size++) {
		struct thrum__store s;
		unsigned char in[40], out[42];

		store_make(&s, THRUM__FIFO, size, 3);
		for (int round = 0; round < 5; round++) {
			memset(out, 0xa5, sizeof(out));
			for (size_t i = 0; i < size; i++)
				in[i] = (unsigned char)(i + size * 3 + (size_t)round);
			thrum__store_put(&s, in);
			thrum__store_take(&s, out + 1);
			must(!memcmp(in, out + 1, size));
			must(out[0] == 0xa5 && out[size + 1] == 0xa5);
		}
		thrum__store_fini(&s);
	}
}
END_TEST

START_TEST(too_much_is_refused)
{
	const struct thrum__order *order = &orders[THRUM__FIFO];
	struct thrum__store s;

	must(!thrum__store_init(&s, THRUM_CHAN_ITEM_MAX + 1, 1, order));
	must(!thrum__store_init(&s, 1, (size_t)THRUM_CHAN_CAPACITY_MAX + 1, order));
	must(!thrum__store_init(&s, SIZE_MAX / 2, 4, order));
	store_make(&s, THRUM__FIFO, THRUM_CHAN_ITEM_MAX, 2);
	thrum__store_fini(&s);
	store_make(&s, THRUM__FIFO, 0, THRUM_CHAN_CAPACITY_MAX);
	thrum__store_fini(&s);
}
END_TEST

static uint64_t dropped; /* a bit for each serial */

static void drop_item(void *item)
{
	uint64_t bit = (uint64_t)1 << ((struct item *)item)->serial;

	must(!(dropped & bit));
	dropped |= bit;
}

/* Each once, over a ring's end as well. */
START_TEST(all_that_are_left_are_dropped)
{
	static const enum thrum__order_kind kinds[] = {THRUM__FIFO, THRUM__LIFO, THRUM__LEAST};

	for (int i = 0; i < 3; i++)
		for (uint32_t taken = 0; taken < 6; taken++) {
			struct thrum__store s;
			struct item item;

			store_make(&s, kinds[i], sizeof(item), 5);
			for (uint32_t k = 0; k < taken; k++) {
				item = (struct item){k, 63};
				thrum__store_put(&s, &item);
				thrum__store_take(&s, &item);
			}
			for (uint32_t k = 0; k < 5; k++) {
				item = (struct item){9 - k, k};
				thrum__store_put(&s, &item);
			}
			dropped = 0;
			thrum__store_drop_all(&s, drop_item);
			is_int(dropped, 31);
			is_int(s.count, 0);
			thrum__store_fini(&s);
		}
}
END_TEST

#ifdef THRUM_FAULTS
START_TEST(memory_is_taken_once)
{
	struct thrum__store s;
	struct item item = {1, 1};
	bool made;

	thrum__fault_set(1, true);
	made = thrum__store_init(&s, sizeof(item), 5, &orders[THRUM__LEAST]);
	thrum__fault_set(0, false);
	must(!made);
	store_make(&s, THRUM__LEAST, sizeof(item), 5);
	thrum__fault_set(1, true);
	for (int i = 0; i < 5; i++)
		thrum__store_put(&s, &item);
	while (s.count)
		thrum__store_take(&s, &item);
	made = thrum__fault_count() > 0;
	thrum__fault_set(0, false);
	must(!made);
	thrum__store_fini(&s);
}
END_TEST
#endif

int main(void)
{
	const TTest *const tests[] = {
	    a_ring_gives_the_oldest,   a_stack_gives_the_newest, a_heap_gives_the_least,
	    a_heap_sorts_every_order,  a_heap_compares_little,   items_without_size_are_counted,
	    items_of_every_small_size, too_much_is_refused,      all_that_are_left_are_dropped,
#ifdef THRUM_FAULTS
	    memory_is_taken_once,
#endif
	};

	return RUN_TESTS("store", tests);
}
