/* SPDX-License-Identifier: MIT */
/*
 * shield.c - a future that completes as another does and whose cancellation ends it alone.
 *
 * STATES  HUNG: its node is on the target's list, which is worth one reference to the shield; DONE
 * by the target's fire, or by a cancel (core/future.c: claim decides); over: the node is off and
 * its reference gone.
 *
 * OWNERS  The reference for the node goes with whoever takes the node off: the target when it
 * fires, cancel or the last user's release when they withdraw it.  The reference to the target
 * lasts as long as the shield's block, since a cancel may look at the target while it fires.
 *
 * A chain of shields completes as one call inside another; every DEPTHth link goes through the
 * callback queue instead, so that a long chain needs no deep stack.
 */
#include "sched/shield.h"

#include "core/refs.h"
#include "sched/callback.h"
#include "sched/fork_check.h"
#include "sched/token.h"
#include "sched/worker.h"

/* Shields that complete inside one another. */
#define DEPTH 16

static struct thrum__shield *shield_of(struct thrum_future *f)
{
	return container_of(f, struct thrum__shield, future);
}

static bool is_link(uint32_t depth)
{
	return depth % DEPTH == DEPTH - 1;
}

/* The target has completed and the node is ours. */
static void follow(struct thrum_future *f, void *unused)
{
	struct thrum__shield *s = shield_of(f);

	(void)unused;
	if (thrum__future_claim(f))
		thrum__future_complete(f, thrum__future_look(s->target));
	thrum_release(f);
}

static void shield_fire(struct thrum__waiter *n)
{
	struct thrum__shield *s = container_of(n, struct thrum__shield, node);

	thrum__waiter_let_go(n);
	if (is_link(s->depth))
		thrum__callback_defer(&s->deferred, &s->future, follow);
	else
		follow(&s->future, NULL);
}

/* How deep one is that hangs on @target. */
static uint32_t depth_on(struct thrum_future *target)
{
	if (target->kind == THRUM__SHIELD)
		return shield_of(target)->depth + 1;
	return target->kind == THRUM__LEVEL ? thrum__token_of_level(target)->depth + 1 : 0;
}

/* Will @target have a token's reason? */
static bool tells_reason(struct thrum_future *target)
{
	return target->kind == THRUM__LEVEL ||
	       (target->kind == THRUM__SHIELD && shield_of(target)->tells_reason);
}

struct thrum_future *thrum__shield_create(struct thrum_future *target)
{
	struct thrum__shield *s;
	uint32_t depth = depth_on(target);

	if (is_link(depth) && thrum__service_start())
		return NULL;
	s = thrum__future_alloc(thrum__tls_worker(), THRUM__SHIELD, target->place);
	if (!s)
		return NULL;
	s->tells_reason = tells_reason(target);
	if (s->tells_reason)
		store_relaxed(&s->future.seen, 1); /* it is no failure */
	if (target->kind == THRUM__LEVEL)
		thrum__token_use(thrum__token_of_level(target));
	else
		thrum_retain(target);
	s->target = target;
	s->depth = depth;
	s->node.fire = shield_fire;
	store_relaxed(&s->node.gone, 0);
	thrum__refs_publish(&s->future.refs, 2);
	if (!thrum__future_register(target, &s->node))
		follow(&s->future, NULL);
	return &s->future;
}

struct thrum_future *thrum_shield(struct thrum_future *target)
{
	return thrum__current_worker() && target ? thrum__shield_create(target) : NULL;
}

int thrum__shield_cancel(struct thrum_future *f)
{
	struct thrum__shield *s = shield_of(f);

	if (!thrum__future_claim(f))
		return -EALREADY;
	store_relaxed(&f->requested, 1);
	thrum__future_complete(f, -ECANCELED);
	if (thrum__token_withdraw(s->target, &s->node))
		thrum_release(f); /* the node's; the caller still has one */
	return 0;
}

/* Still hung, and only the caller's reference and the node's are left: nobody else can take one.
 * The caller may be the fired node itself, beside a cancel that has not completed yet. */
static bool take_node(void *future)
{
	struct thrum_future *f = future;
	struct thrum__shield *s = shield_of(f);

	return !thrum__future_is_done(f) && !load_relaxed(&s->node.gone) &&
	       thrum__token_withdraw(s->target, &s->node);
}

bool thrum__shield_release(struct thrum_future *f)
{
	return thrum__refs_release_or_take_back(&f->refs, take_node, f);
}
