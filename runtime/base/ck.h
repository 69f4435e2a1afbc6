/* SPDX-License-Identifier: MIT */
/*
 * ck.h - the only includer of Concurrency Kit's headers.
 *
 * Two things about version 0.7.1 are put right here; the second is fixed in later ones.
 *
 * 1. ck_md.h describes the machine that the package was built for.  A cross build finds the wrong
 *    one: x86-64's makes fences vanish on AArch64.  So there ck_md.h is shut out, and this header
 *    says what the machine is: relaxed memory order, the exclusive-pair atomics of ARMv8.0.  Do not
 *    use ck's pkg-config file, which names a machine too.
 * 2. Before a consumer of ck_ring moves c_head it must have read the slot, or a producer may write
 *    there first. ck_ring.h puts ck_pr_fence_store_atomic() between, which is "dmb ishst" on
 *    AArch64 and orders no load (the store of the copy, which would, is optimised away).  A macro
 *    makes it a full barrier for that header.  On x86-64 both are compiler barriers, as loads are
 *    not reordered with later atomics there.  The other fences of the ring suffice: "dmb ishld"
 *    after each counter that is read (it also orders later stores), "dmb ishst" between a slot and
 *    p_tail, whose wait for the producers before is a control dependency on the store that follows.
 *
 * ThreadSanitizer does not see ck's inline assembly.  Its accesses to slots are not instrumented,
 * and inject.c marks the synchronisation that the ring gives.
 */
#ifndef THRUM_BASE_CK_H
#define THRUM_BASE_CK_H

#include <stdbool.h>

#if defined(__aarch64__)
#define CK_MD_H
#define CK_MD_RMO
#define CK_MD_CACHELINE 64
#define CK_MD_PAGESIZE 4096
#define CK_MD_LSE_DISABLE
#define CK_MD_RTM_DISABLE
#define CK_MD_POINTER_PACK_DISABLE
#define CK_MD_VMA_BITS 48ULL
#elif !defined(__x86_64__)
#error "thrum runs on x86-64 and AArch64"
#endif

#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define CK_UNDER_TSAN 1
#endif
#endif

#ifdef CK_UNDER_TSAN
#pragma clang attribute push(__attribute__((no_sanitize("thread"))), apply_to = function)
#endif

#include <ck_pr.h>

static inline void ring_fence_slot_read(void)
{
#if defined(__aarch64__)
	ck_pr_fence_memory();
#else
	ck_pr_barrier();
#endif
}

#define ck_pr_fence_store_atomic() ring_fence_slot_read()
#include <ck_ring.h>
#undef ck_pr_fence_store_atomic

/*
 * The ring for inject.c.  @slots: an array of the power of two that ring_init was told.
 */
static inline void ring_init(struct ck_ring *ring, unsigned slots, unsigned start)
{
	ck_ring_init(ring, slots);
	ring->c_head = start;
	ring->p_head = start;
	ring->p_tail = start;
}

/* Reserve a slot and store @item there; false: full.  Others see it after ring_publish of the
 * ticket. */
static inline bool ring_reserve(struct ck_ring *ring, void **slots, void *item, unsigned *ticket)
{
	void **slot = ck_ring_enqueue_reserve_mpmc(ring, (struct ck_ring_buffer *)slots, ticket);

	if (!slot)
		return false;
	/* The slot's last reader is done: it read before it moved c_head, which was read above. */
	ck_pr_fence_acquire();
	ck_pr_store_ptr(slot, item);
	return true;
}

/* Have all tickets before @ticket been published?  Only then may it be. */
static inline bool ring_is_turn(const struct ck_ring *ring, unsigned ticket)
{
	return ck_pr_load_uint(&ring->p_tail) == ticket;
}

static inline void ring_publish(struct ck_ring *ring, unsigned ticket)
{
	ck_ring_enqueue_commit_mpmc(ring, ticket);
}

static inline bool ring_take(struct ck_ring *ring, void *const *slots, void **item)
{
	return ck_ring_dequeue_mpmc(ring, (const struct ck_ring_buffer *)slots, item);
}

/* Both counters, the first of the name read first; the loads are not reordered. */
static inline void ring_read_head_tail(const struct ck_ring *ring, unsigned *head, unsigned *tail)
{
	*head = ck_pr_load_uint(&ring->c_head);
	ck_pr_fence_load();
	*tail = ck_pr_load_uint(&ring->p_tail);
}

static inline void ring_read_tail_head(const struct ck_ring *ring, unsigned *tail, unsigned *head)
{
	*tail = ck_pr_load_uint(&ring->p_tail);
	ck_pr_fence_load();
	*head = ck_pr_load_uint(&ring->c_head);
}

#ifdef CK_UNDER_TSAN
#pragma clang attribute pop
#endif

#if defined(__x86_64__) && !defined(CK_MD_TSO)
#error "Concurrency Kit's ck_md.h is not that of x86-64"
#endif

#endif
