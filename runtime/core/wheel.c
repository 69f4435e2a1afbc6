/* SPDX-License-Identifier: MIT */
/*
 * wheel.c - a hierarchical timing wheel that is exact to the nanosecond.
 *
 * WHAT   Eleven levels of 64 slots; a slot of level l spans 64^l ns.  An entry lies at the level of
 *        the highest digit (base 64) in which its deadline differs from the base, in the slot of
 *        its own digit there.  When the earliest slot holds something due it is opened: a few
 *        entries are sorted into the run and fire from there; many are spread over lower levels,
 *        relative to a base that has moved to the earliest of them.  At level 0 a slot is one
 *        nanosecond and fires in the order of insertion.  (Varghese and Lauck 1987, with a radix
 *        heap's levels.)
 * ORDER  All of a level is later than all levels below it; within one the slots rise.  So the first
 *        slot of the lowest level that is not empty is the earliest, and its min_ns the next
 *        deadline.  Equal deadlines stay in the order of insertion: two entries of one deadline
 *        always share a slot, which is only ever appended to, and opening it walks from its head.
 *        An insertion that is due already (up to due_last) goes to a heap ordered by (deadline,
 *        number); it and the run come before all slots, and at a tie the run, which is older.
 * MEMORY A slot is a ring of chunks of ten entries.  Opening must not fail, so insertion pays in
 *        advance: see wheel_chunks.c.
 * COST   Insertion: one append.  Each opening moves an entry at least one level down: ten moves in
 *        its life at most, two to four in practice.  Nothing is walked per tick: a long sleep costs
 *        as little as a short one.
 *
 * Rejected: slots of a fixed tick (order within a tick needs a sort, the jumping clock an exact
 * answer); a heap alone (20 levels of cache misses for a million timers); linked nodes (one miss
 * for each move, where a chunk streams); vectors as slots (they would grow, and could fail, in the
 * middle of advance); taking a cancelled entry out at once (a back pointer in every entry, and
 * other threads cancel too).
 */
#include "core/wheel.h"

#include <errno.h>
#include <string.h>

#include "base/assert.h"
#include "base/clock.h"
#include "base/os.h"

#define LATE_MIN 64

_Static_assert(WHEEL_LEVELS *WHEEL_SLOTS == WHEEL_CHUNK_LISTS,
	       "the reserve of chunks counts the slots");

static void chunk_put(struct thrum__wheel *w, struct thrum__wheel_chunk *c)
{
	if (thrum__wheel_chunk_put(&w->chunks, c))
		thrum__wheel_chunks_trim(&w->chunks, w->slotted);
}

/* Slots: */

/* Append @e, which is later than due_last, to its slot. */
static inline void slot_append(struct thrum__wheel *w, const struct thrum__wheel_entry *e)
{
	uint64_t differs = (uint64_t)e->deadline_ns ^ (uint64_t)w->base_ns;
	unsigned level = (unsigned)(63 - __builtin_clzll(differs | 1)) / WHEEL_BITS;
	unsigned i = (unsigned)((uint64_t)e->deadline_ns >> (level * WHEEL_BITS)) % WHEEL_SLOTS;
	struct thrum__wheel_slot *s = &w->slots[level][i];
	struct thrum__wheel_chunk *c = s->tail;

	if (!c) {
		c = thrum__wheel_chunk_get(&w->chunks);
		c->next = c;
		s->tail = c;
		s->min_ns = e->deadline_ns;
		w->bits[level] |= 1ull << i;
		w->levels |= 1u << level;
	} else if (c->end == WHEEL_CHUNK_ENTRIES) {
		c = thrum__wheel_chunk_get(&w->chunks);
		c->next = s->tail->next;
		s->tail->next = c;
		s->tail = c;
	}
	c->entry[c->end++] = *e;
	if (e->deadline_ns < s->min_ns)
		s->min_ns = e->deadline_ns;
}

static void slot_clear(struct thrum__wheel *w, unsigned level, unsigned i)
{
	w->slots[level][i].tail = NULL;
	w->bits[level] &= ~(1ull << i);
	if (!w->bits[level])
		w->levels &= ~(1u << level);
}

/* Empty the slot and return its chunks as a list that ends in NULL. */
static struct thrum__wheel_chunk *slot_detach(struct thrum__wheel *w, unsigned level, unsigned i)
{
	struct thrum__wheel_chunk *tail = w->slots[level][i].tail, *head = tail->next;

	tail->next = NULL;
	slot_clear(w, level, i);
	return head;
}

/* Put the slot's entries where they belong relative to the base, without those that @stale (or
 * NULL) calls so. */
static void slot_spread(struct thrum__wheel *w, unsigned level, unsigned i,
			thrum__wheel_stale_fn *stale)
{
	struct thrum__wheel_chunk *c = slot_detach(w, level, i), *next;

	for (; c; c = next) {
		next = thrum__wheel_chunk_next(c);
		for (; c->at < c->end; c->at++) {
			if (stale && stale(c->entry[c->at].party, c->entry[c->at].seq))
				w->slotted--;
			else
				slot_append(w, &c->entry[c->at]);
		}
		chunk_put(w, c);
	}
}

/* Take the head entry of a slot of level 0. */
static void slot_take(struct thrum__wheel *w, unsigned i, struct thrum__wheel_entry *e)
{
	struct thrum__wheel_slot *s = &w->slots[0][i];
	struct thrum__wheel_chunk *head = s->tail->next;

	*e = head->entry[head->at++];
	w->slotted--;
	if (head->at < head->end)
		return;
	if (head == s->tail)
		slot_clear(w, 0, i);
	else
		s->tail->next = head->next;
	chunk_put(w, head);
}

static bool slot_is_small(const struct thrum__wheel_slot *s)
{
	const struct thrum__wheel_chunk *c = s->tail->next;
	uint32_t n = c->end;

	while (c != s->tail && n <= WHEEL_RUN_MAX) {
		c = c->next;
		n += c->end;
	}
	return n <= WHEEL_RUN_MAX;
}

/* The run: due entries, sorted: */

static void run_insert(struct thrum__wheel *w, const struct thrum__wheel_entry *e)
{
	uint32_t i = w->run_len++;

	for (; i > 0 && w->run[i - 1].deadline_ns > e->deadline_ns; i--)
		w->run[i] = w->run[i - 1];
	w->run[i] = *e;
}

/*
 * Sort what is due of a small slot into the run.  The base moves to the end of the slot or to
 * @now_ns, whichever is earlier, and what is later than @now_ns goes back into slots.
 */
static void slot_to_run(struct thrum__wheel *w, unsigned level, unsigned i, int64_t now_ns)
{
	uint64_t within = (1ull << (level * WHEEL_BITS)) - 1;
	int64_t last_ns = (int64_t)((uint64_t)w->slots[level][i].min_ns | within);
	struct thrum__wheel_chunk *c = slot_detach(w, level, i), *next;

	w->base_ns = thrum__min64(last_ns, now_ns);
	w->due_last_ns = w->base_ns;
	w->run_at = 0;
	w->run_len = 0;
	for (; c; c = next) {
		next = thrum__wheel_chunk_next(c);
		for (; c->at < c->end; c->at++) {
			if (c->entry[c->at].deadline_ns <= now_ns)
				run_insert(w, &c->entry[c->at]);
			else
				slot_append(w, &c->entry[c->at]);
		}
		chunk_put(w, c);
	}
}

/* Late entries: a binary heap by (deadline, order): */

static bool late_before(const struct thrum__wheel_late *a, const struct thrum__wheel_late *b)
{
	if (a->e.deadline_ns != b->e.deadline_ns)
		return a->e.deadline_ns < b->e.deadline_ns;
	return a->order < b->order;
}

static int late_grow(struct thrum__wheel *w)
{
	size_t cap = w->late_cap ? 2 * w->late_cap : LATE_MIN;
	struct thrum__wheel_late *late = thrum__os_alloc(cap * sizeof(*late));

	if (!late)
		return -ENOMEM;
	if (w->late_len)
		memcpy(late, w->late, w->late_len * sizeof(*late));
	thrum__os_free(w->late);
	w->late = late;
	w->late_cap = cap;
	return 0;
}

static int late_push(struct thrum__wheel *w, const struct thrum__wheel_entry *e)
{
	struct thrum__wheel_late late = {.e = *e, .order = w->late_order};
	size_t i, up;

	if (w->late_len == w->late_cap && late_grow(w) < 0)
		return -ENOMEM;
	w->late_order++;
	for (i = w->late_len++; i > 0; i = up) {
		up = (i - 1) / 2;
		if (!late_before(&late, &w->late[up]))
			break;
		w->late[i] = w->late[up];
	}
	w->late[i] = late;
	return 0;
}

/* Let what stands at @i sink to its place. */
static void late_sink(struct thrum__wheel *w, size_t i)
{
	struct thrum__wheel_late late = w->late[i];
	size_t child;

	for (; (child = 2 * i + 1) < w->late_len; i = child) {
		if (child + 1 < w->late_len && late_before(&w->late[child + 1], &w->late[child]))
			child++;
		if (late_before(&late, &w->late[child]))
			break;
		w->late[i] = w->late[child];
	}
	w->late[i] = late;
}

static void late_pop(struct thrum__wheel *w)
{
	w->late[0] = w->late[--w->late_len];
	if (w->late_len)
		late_sink(w, 0);
}

static void late_trim(struct thrum__wheel *w)
{
	if (w->late_len == 0 && w->late_cap > LATE_MIN) {
		thrum__os_free(w->late);
		w->late = NULL;
		w->late_cap = 0;
	}
}

static void late_compact(struct thrum__wheel *w, thrum__wheel_stale_fn *stale)
{
	size_t i, n = 0;

	for (i = 0; i < w->late_len; i++)
		if (!stale(w->late[i].e.party, w->late[i].e.seq))
			w->late[n++] = w->late[i];
	w->late_len = n;
	for (i = n / 2; i-- > 0;)
		late_sink(w, i);
	late_trim(w);
}

/* The whole: */

void thrum__wheel_init(struct thrum__wheel *w, int64_t start_ns, thrum__wheel_fire_fn *fire,
		       void *fire_arg)
{
	memset(w, 0, sizeof(*w));
	w->base_ns = start_ns > 0 ? start_ns : 0;
	w->due_last_ns = w->base_ns - 1;
	w->fire = fire;
	w->fire_arg = fire_arg;
}

void thrum__wheel_fini(struct thrum__wheel *w)
{
	struct thrum__wheel_chunk *c, *next;
	unsigned level, i;

	for (level = 0; level < WHEEL_LEVELS; level++)
		while (w->bits[level]) {
			i = (unsigned)__builtin_ctzll(w->bits[level]);
			for (c = slot_detach(w, level, i); c; c = next) {
				next = c->next;
				thrum__wheel_chunk_put(&w->chunks, c);
			}
		}
	thrum__wheel_chunks_fini(&w->chunks);
	thrum__os_free(w->late);
	memset(w, 0, sizeof(*w));
}

int thrum__wheel_insert(struct thrum__wheel *w, int64_t deadline_ns, void *party, uint64_t seq)
{
	struct thrum__wheel_entry e = {.deadline_ns = deadline_ns, .party = party, .seq = seq};

	if (UNLIKELY(deadline_ns == THRUM_FOREVER))
		return 0;
	if (UNLIKELY(deadline_ns <= w->due_last_ns))
		return late_push(w, &e);
	if (UNLIKELY(thrum__wheel_chunks_reserve(&w->chunks, w->slotted + 1) < 0))
		return -ENOMEM;
	slot_append(w, &e);
	w->slotted++;
	return 0;
}

/* Take the first of run and late, if @now_ns has reached it. */
static bool near_take(struct thrum__wheel *w, int64_t now_ns, struct thrum__wheel_entry *e)
{
	bool in_run = w->run_at < w->run_len;

	if (w->late_len && (!in_run || w->late[0].e.deadline_ns < w->run[w->run_at].deadline_ns)) {
		*e = w->late[0].e;
		if (e->deadline_ns > now_ns)
			return false;
		late_pop(w);
		return true;
	}
	*e = w->run[w->run_at];
	if (e->deadline_ns > now_ns)
		return false;
	w->run_at++;
	w->slotted--;
	return true;
}

static bool due_take(struct thrum__wheel *w, int64_t now_ns, struct thrum__wheel_entry *e)
{
	unsigned level, i;
	int64_t min_ns;

	for (;;) {
		if (w->run_at < w->run_len || w->late_len)
			return near_take(w, now_ns, e);
		if (!w->levels)
			return false;
		level = (unsigned)__builtin_ctz(w->levels);
		i = (unsigned)__builtin_ctzll(w->bits[level]);
		min_ns = w->slots[level][i].min_ns;
		if (min_ns > now_ns)
			return false;
		if (level > 0 && slot_is_small(&w->slots[level][i])) {
			slot_to_run(w, level, i, now_ns);
			continue;
		}
		w->base_ns = min_ns;
		w->due_last_ns = min_ns - 1;
		if (level == 0) {
			slot_take(w, i, e);
			return true;
		}
		slot_spread(w, level, i, NULL);
	}
}

size_t thrum__wheel_advance(struct thrum__wheel *w, int64_t now_ns)
{
	struct thrum__wheel_entry e;
	size_t fired = 0;

	ENSURE(!w->firing, "a timer's callback must not advance the wheel");
	now_ns = thrum__min64(now_ns, THRUM_FOREVER - 1);
	w->firing = true;
	while (due_take(w, now_ns, &e)) {
		fired++;
		w->fire(w->fire_arg, e.party, e.seq);
	}
	w->firing = false;
	if (thrum__wheel_count(w) == 0 && now_ns > w->base_ns) {
		w->base_ns = now_ns;
		w->due_last_ns = now_ns - 1;
	}
	if (fired) {
		thrum__wheel_chunks_trim(&w->chunks, w->slotted);
		late_trim(w);
	}
	return fired;
}

static int64_t near_next_ns(const struct thrum__wheel *w)
{
	int64_t next_ns = w->run_at < w->run_len ? w->run[w->run_at].deadline_ns : THRUM_FOREVER;

	return w->late_len ? thrum__min64(next_ns, w->late[0].e.deadline_ns) : next_ns;
}

int64_t thrum__wheel_next_ns(const struct thrum__wheel *w)
{
	unsigned level;

	if (w->run_at < w->run_len || w->late_len)
		return near_next_ns(w);
	if (!w->levels)
		return THRUM_FOREVER;
	level = (unsigned)__builtin_ctz(w->levels);
	return w->slots[level][__builtin_ctzll(w->bits[level])].min_ns;
}

/* Drops the stale ones that stand before all others; unless @all, where that is quick. */
static void drop_first(struct thrum__wheel *w, thrum__wheel_stale_fn *stale, bool all)
{
	unsigned level, i;

	ENSURE(!w->firing, "a timer's callback must not drop entries");
	for (; w->run_at < w->run_len && stale(w->run[w->run_at].party, w->run[w->run_at].seq);
	     w->run_at++)
		w->slotted--;
	while (w->late_len && stale(w->late[0].e.party, w->late[0].e.seq))
		late_pop(w);
	while (w->run_at == w->run_len && !w->late_len && w->levels) {
		level = (unsigned)__builtin_ctz(w->levels);
		i = (unsigned)__builtin_ctzll(w->bits[level]);
		if (!all && !slot_is_small(&w->slots[level][i]))
			break;
		slot_spread(w, level, i, stale);
		if (w->slots[level][i].tail)
			break;
	}
}

int64_t thrum__wheel_next_live_ns(struct thrum__wheel *w, thrum__wheel_stale_fn *stale)
{
	drop_first(w, stale, true);
	return thrum__wheel_next_ns(w);
}

int64_t thrum__wheel_next_bound_ns(struct thrum__wheel *w, thrum__wheel_stale_fn *stale)
{
	drop_first(w, stale, false);
	return thrum__wheel_next_ns(w);
}

bool thrum__wheel_compact_due(const struct thrum__wheel *w, size_t remote_stale)
{
	size_t count = thrum__wheel_count(w), stale = w->stale + remote_stale;

	return stale > (count > stale ? count - stale : 0) / 2 + 1024;
}

static void run_compact(struct thrum__wheel *w, thrum__wheel_stale_fn *stale)
{
	uint32_t i, n = 0;

	for (i = w->run_at; i < w->run_len; i++) {
		if (stale(w->run[i].party, w->run[i].seq))
			w->slotted--;
		else
			w->run[n++] = w->run[i];
	}
	w->run_at = 0;
	w->run_len = n;
}

void thrum__wheel_compact(struct thrum__wheel *w, thrum__wheel_stale_fn *stale)
{
	unsigned level;
	uint64_t bits;

	ENSURE(!w->firing, "a timer's callback must not drop entries");
	run_compact(w, stale);
	late_compact(w, stale);
	/* The base stays, so each entry goes back to the slot that it came from. */
	for (level = 0; level < WHEEL_LEVELS; level++)
		for (bits = w->bits[level]; bits; bits &= bits - 1)
			slot_spread(w, level, (unsigned)__builtin_ctzll(bits), stale);
	w->stale = 0;
	thrum__wheel_chunks_trim(&w->chunks, w->slotted);
}
