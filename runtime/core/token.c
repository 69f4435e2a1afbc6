/* SPDX-License-Identifier: MIT */
/*
 * WHAT    A tree of tokens.  Each has two levels, soft and hard, and each level is a future that is
 *         completed when it is asked for.  A child hangs a node on each of its parent's levels; the
 *         node that is fired completes the child's level in turn.  So a request is a walk over the
 *         lists of futures, and there is no lock and no list of children.  Rejected: a lock for
 *         each token, as others have (a cancel walks under it, and a child that comes meanwhile
 *         waits); one node that moves from the soft list to the hard one (one push less for a
 *         child, and a state more that a release can meet).
 *
 * WORD    users: handles, children, whoever hangs a node on a level.  holds: 1 for all users, and 1
 *         for each node that hangs on the parent or is being followed.
 *
 * STATES  of a token: USED: users > 0.  LEFT: users = 0, and a node is being followed.  GONE: holds
 *         = 0.  Of a level: those of its future.  Of a node: HUNG; FIRED, until follow has been;
 *         over (withdrawn, followed, or never hung as the parent's level was done).
 *
 * MOVES   T1 token made, USED                  init: parent's users + 1, its nodes HUNG
 *         T2 users + 1                         use
 *         T3 users - 1                         unuse; from 1: LEFT, the nodes are withdrawn, and
 *            holds - 1 for each that was HUNG and for the users
 *         T4 levels are asked for              reach: who claims one completes it; when all are,
 *                                              those on them are fired, the softer one's first
 *         T5 node HUNG -> FIRED                the parent's T4
 *         T6 node FIRED -> over                follow: T4 here of what the parent was asked for;
 *                                              holds - 1
 *         T7 GONE                              holds from 1: the memory goes; then T3 of the parent
 *
 * WALKS   A thread that fires nodes never waits, and calls nothing that is not the library's: what
 *         would is put off until its outermost walk has ended.  That is the end of a token whose
 *         last use was given back by a fire (a withdraw may wait for a node that this walk, or one
 *         of a thread that waits for this one, has yet to fire), and the cancel of jobs.  A walk
 *         begins in reach, and in a withdraw to which a completer has left the list.  What is put
 *         off has no node that anybody waits for.
 *
 * OWNERS  level: core/future.c's.  parent, ops, depth, hung: init writes them.  users, holds: all,
 *         by read-modify-write.
 *
 * CALLERS use, unuse, reach, reached: who uses the token, any number beside each other.  follow:
 *         once for each defer.
 *
 * ORDER   The futures' and the counts' own (core/future.c: O1, O2; core/refs.h: O3, O4).  Whoever
 *         sees a level done sees its reason, and what whoever asked for it did before.
 *
 * INVARIANT I1 a level is completed once.  I2 if a parent's level is done, the child's will be: by
 *         its node's follow, or by init.  I3 while a level is walked or a node of a child may hang
 *         on it the token is not GONE.  I4 GONE comes once.
 *
 * PROOF   I1: claim decides.  I2: init's register either hangs the node, which is fired once or
 *         withdrawn by T3, when nobody uses the child; or it finds the level done and init reaches
 *         it itself.  I3: reach is called by a user; or by follow, whose node is a hold.  A child
 *         uses its parent until T7, which comes after both its nodes are over, and whoever else
 *         hangs a node uses the token as long.  I4: holds are counted before they are: a node's
 *         before it is hung (three at first), and its T6 or withdrawal comes once; so does the last
 *         T3, as users has none but users to raise it.
 *         A child that is LEFT may still be followed: nobody sees its levels.
 *         One who sees a hard level done may find the soft one claimed and not yet done, by who
 *         asked for that alone; reached does not tell the difference.
 *         A fire of a soft node may find the parent's hard level done: T6 then asks for both, and
 *         that of the hard node finds them done.  Its hold keeps the token until then.
 *         Waits have no cycle: who waits for a node's gone is in no walk (WALKS), and who fires it
 *         does not wait.
 *         unuse is blocking as withdraw is (core/future.c), the rest lock-free.  A long chain goes
 *         in one loop, not in a recursion.
 *
 * RECLAIM T7.
 *
 * TEST    tests/model/scen_token.c; tests/unit/test_token.c; tests/stress/token_storm.c
 */
#include "core/token.h"

#include "base/assert.h"
#include "core/refs.h"
#include "core/waitlist.h"

#include <errno.h>
#include <string.h>

/* What this thread does. */
struct walk {
	unsigned depth;            /* walks, each inside the one before */
	bool cleans_up;            /* it does what was put off */
	struct thrum__token *left; /* tokens whose users have gone */
	struct thrum__token_work *work;
};

#ifdef THRUM_MODEL
int model_thread(void);
static struct walk walks[16];

static struct walk *this_walk(void)
{
	return &walks[model_thread() + 1];
}

void thrum__token_forget_walks(void)
{
	memset(walks, 0, sizeof(walks));
}
#else
static struct walk *this_walk(void)
{
	static __thread struct walk walk;

	return &walk;
}
#endif

static void end_left(struct thrum__token *t);

/* No walk is under way: what was put off is done, and what comes of that. */
static void clean_up(struct walk *w)
{
	w->cleans_up = true;
	while (w->left || w->work) {
		struct thrum__token *t = w->left;
		struct thrum__token_work *work = w->work;

		if (t) {
			w->left = t->next_left;
			end_left(t);
		} else {
			w->work = work->next;
			work->do_work(work);
		}
	}
	w->cleans_up = false;
}

static void walk_begin(struct walk *w)
{
	w->depth++;
}

static void clean_up_outside(struct walk *w)
{
	if (w->depth == 0 && !w->cleans_up)
		clean_up(w);
}

static void walk_end(struct walk *w)
{
	w->depth--;
	clean_up_outside(w);
}

void thrum__token_after_walk(struct thrum__token_work *work)
{
	struct walk *w = this_walk();

	work->next = w->work;
	w->work = work;
	clean_up_outside(w);
}

bool thrum__token_withdraw(struct thrum_future *level, struct thrum__waiter *n)
{
	struct walk *w = this_walk();
	bool off;

	DEBUG_ENSURE(w->depth == 0, "a node's fire withdraws none");
	walk_begin(w);
	off = thrum__future_withdraw(level, n);
	walk_end(w);
	return off;
}

/* A hard request at the root would go over the whole tree twice, out of the caches each time, if
 * the softer level's fires went before the harder level is done. */
static int reach(struct thrum__token *t, unsigned level, const intptr_t reasons[])
{
	struct thrum__waiter *told[THRUM__TOKEN_LEVELS] = {NULL};
	struct walk *w = this_walk();
	int err = -EALREADY;

	walk_begin(w);
	for (unsigned i = 0; i <= level; i++) {
		if (!thrum__future_claim(&t->level[i]))
			continue;
		told[i] = thrum__future_publish(&t->level[i], reasons[i]); /* T4 */
		if (i == level)
			err = 0;
	}
	for (unsigned i = 0; i <= level; i++)
		thrum__waitlist_fire(told[i]);
	walk_end(w);
	return err;
}

int thrum__token_reach(struct thrum__token *t, unsigned level, intptr_t reason)
{
	const intptr_t reasons[THRUM__TOKEN_LEVELS] = {reason, reason};

	return reach(t, level, reasons);
}

/* The users of @t have gone, but for their hold: its nodes go, or those who follow them let go. */
static void withdraw(struct thrum__token *t)
{
	for (unsigned i = 0; i < THRUM__TOKEN_LEVELS; i++)
		if (t->hung[i] && thrum__token_withdraw(&t->parent->level[i], &t->node[i]))
			thrum__refs_release(&t->holds);
}

/* Gives one hold back.  True: the token has gone, and its use of @parent is the caller's to give
 * back. */
static bool let_go(struct thrum__token *t, struct thrum__token **parent)
{
	*parent = t->parent;
	if (!thrum__refs_release(&t->holds)) /* T7 */
		return false;
	t->ops->free(t);
	return *parent != NULL;
}

/* Not in a walk: the users of @t have gone; and whatever that ends, up to the root, goes. */
static void end_left(struct thrum__token *t)
{
	struct thrum__token *parent;

	for (;;) {
		withdraw(t);
		if (!let_go(t, &parent) || !thrum__refs_release(&parent->users)) /* T3 */
			return;
		t = parent;
	}
}

void thrum__token_use(struct thrum__token *t)
{
	thrum__refs_retain(&t->users); /* T2 */
}

void thrum__token_unuse(struct thrum__token *t)
{
	struct walk *w = this_walk();

	if (!thrum__refs_release(&t->users)) /* T3 */
		return;
	t->next_left = w->left;
	w->left = t;
	clean_up_outside(w);
}

/* What the parent was asked for, @level at least, is asked of @t. */
static void reach_as_parent(struct thrum__token *t, unsigned level)
{
	const struct thrum_future *asked = t->parent->level;
	intptr_t reasons[THRUM__TOKEN_LEVELS] = {asked[level].result, asked[level].result};
	unsigned other = THRUM__TOKEN_HARD - level;

	if (thrum__future_is_done(&asked[other])) {
		reasons[other] = asked[other].result;
		level = THRUM__TOKEN_HARD;
	}
	reach(t, level, reasons);
}

void thrum__token_follow(struct thrum__token *t, unsigned level)
{
	struct thrum__token *parent;

	if (!thrum__future_is_done(&t->level[level]))
		reach_as_parent(t, level); /* T6 */
	if (let_go(t, &parent))
		thrum__token_unuse(parent);
}

/* The node is nobody's but ours; its hold keeps the token. */
static void fire(struct thrum__token *t, unsigned level)
{
	thrum__waiter_let_go(&t->node[level]); /* T5 */
	if (thrum__token_defers(t->depth))
		t->ops->defer(t, level);
	else
		thrum__token_follow(t, level);
}

static void fire_soft(struct thrum__waiter *n)
{
	fire(container_of(n, struct thrum__token, node[THRUM__TOKEN_SOFT]), THRUM__TOKEN_SOFT);
}

static void fire_hard(struct thrum__waiter *n)
{
	fire(container_of(n, struct thrum__token, node[THRUM__TOKEN_HARD]), THRUM__TOKEN_HARD);
}

/* @t's node of @level is hung; or the level was asked for already: then it is here as well. */
static void hang(struct thrum__token *t, unsigned level)
{
	struct thrum__waiter *n = &t->node[level];

	n->fire = level == THRUM__TOKEN_SOFT ? fire_soft : fire_hard;
	store_relaxed(&n->gone, 0);
	t->hung[level] = true;
	if (thrum__future_register(&t->parent->level[level], n))
		return;
	t->hung[level] = false;
	thrum__refs_release(&t->holds);
	thrum__token_reach(t, level, t->parent->level[level].result);
}

void thrum__token_init(struct thrum__token *t, struct thrum__token *parent,
		       const struct thrum__token_ops *ops, const char *place)
{
	for (unsigned i = 0; i < THRUM__TOKEN_LEVELS; i++) {
		thrum__future_prepare(&t->level[i], THRUM__LEVEL, place);
		store_relaxed(&t->level[i].refs, 0); /* it goes with the token */
		store_relaxed(&t->level[i].seen, 1); /* a reason is no failure */
		t->level[i].runtime = t;
		t->hung[i] = false;
	}
	t->parent = parent;
	t->ops = ops;
	t->depth = parent ? parent->depth + 1 : 0;
	thrum__refs_publish(&t->users, 1);
	thrum__refs_publish(&t->holds, parent ? 1 + THRUM__TOKEN_LEVELS : 1);
	if (!parent)
		return;
	thrum__token_use(parent); /* T1 */
	hang(t, THRUM__TOKEN_SOFT);
	hang(t, THRUM__TOKEN_HARD);
}

unsigned thrum__token_reached(const struct thrum__token *t, intptr_t *reason)
{
	unsigned reached = 0;

	for (; t && reached < THRUM__TOKEN_LEVELS; t = t->parent)
		for (unsigned i = THRUM__TOKEN_LEVELS; i > reached; i--)
			if (thrum__future_is_done(&t->level[i - 1])) {
				reached = i;
				if (reason)
					*reason = plain_read(&t->level[i - 1].result);
			}
	return reached;
}
