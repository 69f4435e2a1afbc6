/* SPDX-License-Identifier: MIT */
/*
 * inject.c - the injection queue: Concurrency Kit's ring for many producers and many consumers.
 *
 * WHAT   A producer takes a ticket (compare-and-swap on p_head), writes its slot, waits until
 *        p_tail has reached its ticket, moves p_tail on.  A consumer reads c_head, p_tail and the
 *        slot and takes it by a compare-and-swap on c_head.  The orders are in ck_ring.h and
 *        base/ck.h.  Rejected: a queue of our own (this one is not on a hot path; a push from
 *        outside costs a wake of some microseconds); a list (no bound, an allocation each).
 * STATES A slot is empty, reserved, full.  Only p_tail makes it full for consumers.
 * WAITS  pop is lock-free.  push is not: a producer that loses its CPU between ticket and p_tail
 *        holds up the pushes after it, so those spin shortly, then give their CPU away.  A worker
 *        never waits: it only pops.
 * LIMIT  The ring has twice the slots of the limit: ck_ring holds one less than its size, and the
 *        limit should be the number that was asked for.  A push compares the count with the limit
 *        before it takes a ticket.
 * WRAP   The counters have 32 bits and start shortly before their wrap, so that every run crosses
 *        it.  A thread that sleeps between reading a counter and its compare-and-swap while others
 *        do a multiple of 2^32 operations to the very one would be fooled: at 10 million a second
 *        that is seven minutes inside three instructions, with one hit in 2^32.
 * ORDER  O1 the release of push pairs with O1 the acquire of pop on the same item: under
 *        ThreadSanitizer both are said on the item's address, so that the item's object is ordered
 *        and nothing else is.
 * I1     empty reads c_head, then p_tail, and compares them as they are.  c_head never passes
 *        p_tail and neither goes back, so equal means that nothing waited when p_tail was read.
 *        (ck_ring_size applies a mask: a full turn between the two loads would look empty.)
 * I2     count reads p_tail, then c_head: the difference is never above the number that waited at
 *        the first load, so a push is not refused for items that are gone.
 * TEST   Unit and stress tests with conservation counters; the explorer cannot see into Concurrency
 *        Kit.
 */
#include "core/inject.h"

#include <errno.h>
#include <sched.h>
#include <stdint.h>

#include "base/assert.h"
#include "base/atomic.h"
#include "base/ck.h"
#include "base/os.h"

#ifdef CK_UNDER_TSAN
void __tsan_acquire(void *addr);
void __tsan_release(void *addr);
#else
#define __tsan_acquire(addr) ((void)(addr))
#define __tsan_release(addr) ((void)(addr))
#endif

#define COUNTER_START (0u - 1024u)
#define SPINS 128

struct thrum__inject_ring {
	struct ck_ring ck;
	unsigned limit;
	char pad[CACHE_LINE];
	void *slot[];
};

int thrum__inject_init(struct thrum__inject *q, size_t capacity)
{
	struct thrum__inject_ring *ring;
	size_t slots = 2 * capacity;

	ENSURE(capacity >= 2 && capacity <= 1u << 30 && !(capacity & (capacity - 1)),
	       "the capacity of an injection queue is a power of two from 2 to 2^30");
	ring = thrum__os_alloc_aligned(CACHE_LINE, sizeof(*ring) + slots * sizeof(ring->slot[0]));
	if (!ring)
		return -ENOMEM;
	ring_init(&ring->ck, (unsigned)slots, COUNTER_START);
	ring->limit = (unsigned)capacity;
	q->ring = ring;
	return 0;
}

void thrum__inject_fini(struct thrum__inject *q)
{
	thrum__os_free(q->ring);
	q->ring = NULL;
}

bool thrum__inject_push(struct thrum__inject *q, void *item)
{
	struct thrum__inject_ring *ring = q->ring;
	unsigned ticket, spins = 0;

	DEBUG_ENSURE(item, "NULL means an empty queue and cannot be queued");
	if (thrum__inject_count(q) >= ring->limit)
		return false;
	__tsan_release(item); /* O1 */
	if (!ring_reserve(&ring->ck, ring->slot, item, &ticket))
		return false;
	while (!ring_is_turn(&ring->ck, ticket)) {
		if (++spins < SPINS)
			spin_hint();
		else
			sched_yield();
	}
	ring_publish(&ring->ck, ticket);
	return true;
}

void *thrum__inject_pop(struct thrum__inject *q)
{
	void *item;

	if (!ring_take(&q->ring->ck, q->ring->slot, &item))
		return NULL;
	__tsan_acquire(item); /* O1 */
	return item;
}

size_t thrum__inject_count(const struct thrum__inject *q)
{
	unsigned tail, head;

	ring_read_tail_head(&q->ring->ck, &tail, &head); /* I2 */
	return (int)(tail - head) > 0 ? tail - head : 0;
}

bool thrum__inject_empty(const struct thrum__inject *q)
{
	unsigned head, tail;

	ring_read_head_tail(&q->ring->ck, &head, &tail); /* I1 */
	return head == tail;
}
