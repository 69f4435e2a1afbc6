/* SPDX-License-Identifier: MIT */
/*
 * WHAT    The select: the first of several things: channels in both directions, futures, tokens,
 *         descriptors, a time.  It looks at its branches; of those that seem ready it tries one at
 *         random, each as likely, and is mostly done.  If none is ready it waits for all of them
 *         with one number of its parker: a turn in each channel's queue, a node on each future,
 *         level and edge, a deadline.  Rejected: holding all channels for each look, as Go does (n
 *         locked operations where mostly one is needed); pushing the turns one after another (a
 *         claim in between must then be undone, or believed while others are still to be looked
 *         at).
 *
 * STATES  LOOKING: no turn is out, no node hangs.  OUT: the turns are in their queues, and nodes
 *         hang.
 *
 * MOVES   LOOKING -> LOOKING: a branch is there, or tried: its channel's put or take (sync/chan.c:
 *         T1, T2).  LOOKING -> OUT: holding all channels, after a last look in which none was ready
 *         (T4 in each); then the nodes.  OUT -> LOOKING: all is taken back, each turn holding its
 *         channel; if one was claimed (T1, T2, T5, by others) it has won.
 *
 * OWNERS  arms, but for turns and nodes that are out: the select, in its frame or memory of its
 *         own.
 *
 * CALLERS any number, over the same things too, beside all that is done with them.
 *
 * FAIR    Each of those that seem ready is as likely to be tried first; and next, if others were
 *         faster (choose).
 *
 * ORDER   the branch's own: a channel's (sync/chan.c: ORDER), a future's or level's (core/future.c:
 *         O2), an edge's.  A look at a channel's word orders nothing: what it finds is tried.
 *
 * INVARIANT I1 one branch wins, or none and the call says why; the others have done nothing.  I2 of
 *         two selects over the same channels that wait, none could meet the other.
 *
 * PROOF   I1: a turn is claimed, an item moved with it, only by who ends the wait
 *         (core/waitqueue.c: I1); so at most one channel's branch is done by others.  If one is, it
 *         has won, whatever else has come about.  Else nothing was done, and the select looks
 *         again.
 *         I2: until all channels have been given back nobody can claim any of the turns, and who
 *         finds another's turn is running and has none out: a match has one side that waits.  The
 *         words are held in the order of their addresses (core/hold.h).
 *         What comes about between a look and a node is found by registering it: the future is
 *         done, or the edge's tick is another than before the look; then nothing is waited for.
 *         The select is inside of all its descriptors until it has won: one that is closed
 *         meanwhile has not been given to somebody else before the select has seen that
 *         (poll/descriptor.c).
 *         Blocking on the channels' holders.
 *
 * RECLAIM arms go when the select returns: every turn has left its queue by then, or was claimed
 *         and is gone (await_gone), and every node was withdrawn.
 *
 * What can fail: memory for more than eight branches, a timer, a thread's parker; a descriptor,
 * which makes its branch win with the error.
 *
 * TEST    tests/model/scen_select.c; tests/unit/test_select.c, test_select_cut.c, test_select_fd.c,
 *         test_select_many.c
 */
#include "sync/chan.h"

#include "base/assert.h"
#include "base/os.h"
#include "core/token.h"
#include "io/poll_set.h"
#include "sched/await.h"
#include "sched/fork_check.h"
#include "sched/token.h"
#include "sched/worker.h"

#include <errno.h>
#include <thrum/select.h>
#include <thrum/time.h>

/* Branches that need no memory. */
#define FEW 8
/* That a select tries before it takes the next one that is ready. */
#define PICKS 4

struct fd_arm {
	struct thrum__poll_set set;
	struct pollfd fd;
	struct thrum__descriptor *inside;
	struct thrum__edge *edges[2];
	uint64_t ticks[2];
	struct thrum__wait_node nodes[2];
	size_t hung;
};

/* What a branch waits with. */
struct arm {
	bool hung;
	union {
		struct thrum__chan_turn turn;
		struct thrum__wait_node node;
		struct fd_arm fd;
	};
};

struct selection {
	struct thrum_branch *branches;
	size_t n;
	int64_t at_ns; /* the earliest of times */
	bool has_fds;
	struct thrum__stander me;
	struct arm *arms;
	struct thrum_chan **chans; /* each once, in the order of their addresses */
	size_t chans_n;
};

/* ---- Looking and trying ---- */

static bool is_send_or_recv(const struct thrum_branch *b)
{
	return (b->what == THRUM_ON_SEND || b->what == THRUM_ON_RECV) && b->on;
}

static struct pollfd pollfd_of(const struct thrum_branch *b)
{
	return (struct pollfd){.fd = (int)(intptr_t)b->on, .events = (short)b->detail};
}

/* 0: not ready; else the branch's result. */
static intptr_t look_at_fd(const struct thrum_branch *b)
{
	struct pollfd fd = pollfd_of(b);
	struct thrum__poll_set set = {.fds = &fd, .n = 1};
	int n = thrum__poll_look(&set);

	if (n <= 0)
		return n;
	return fd.revents & POLLNVAL ? -EBADF : fd.revents;
}

/* @b->on is a token. */
static bool is_reached(const struct thrum_branch *b)
{
	return thrum__token_reached(thrum__token_of(b->on), NULL) >= (unsigned)b->detail;
}

static bool seems_ready(const struct thrum_branch *b)
{
	const struct thrum_chan *c = b->on;

	switch ((enum thrum_branch_what)b->what) {
	case THRUM_ON_SEND:
		return c && load_relaxed(&c->word) & THRUM__CHAN_TAKES;
	case THRUM_ON_RECV:
		return c && load_relaxed(&c->word) & THRUM__CHAN_HAS;
	case THRUM_ON_FUTURE:
		return !b->on || thrum__future_is_done(b->on);
	case THRUM_ON_TOKEN:
		return b->on && is_reached(b);
	case THRUM_ON_TIME:
		return b->at_ns <= thrum_now();
	case THRUM_ON_FD:
		return look_at_fd(b) != 0;
	case THRUM_ON_NONE:
		break;
	}
	return false;
}

/* Holding @b's channel.  False: not now. */
static bool move_item(struct thrum_branch *b, struct thrum__granted *g)
{
	int err = b->what == THRUM_ON_SEND ? thrum__chan_put(b->on, b->item, g)
					   : thrum__chan_take(b->on, b->item, g);

	if (err != -EAGAIN)
		b->result = err;
	return err != -EAGAIN;
}

/* @b seems ready.  False: it was not. */
static bool go_ahead(struct thrum_branch *b)
{
	struct thrum__granted g = {NULL, NULL};
	intptr_t result = 0;
	bool won;

	if (is_send_or_recv(b)) {
		thrum__chan_hold(b->on);
		won = move_item(b, &g);
		thrum__chan_drop(b->on);
		thrum__granted_resume(&g);
		return won;
	}
	if (b->what == THRUM_ON_FD) {
		result = look_at_fd(b);
		if (!result)
			return false;
	}
	b->result = result;
	return true;
}

/* One of those that seem ready, each as likely; n: none does. */
static size_t pick(const struct selection *s)
{
	size_t found = s->n;
	unsigned ready = 0;

	for (size_t i = 0; i < s->n; i++)
		if (seems_ready(&s->branches[i]) &&
		    (!ready++ || thrum__stand_random() % ready == 0))
			found = i;
	return found;
}

/*
 * The winner's index, or -EAGAIN: each that seemed ready was tried.
 *
 * One that is picked may be gone when it is tried: among many that receive from one channel that is
 * not rare.  The one behind it would win for it each time, so others are picked, too, as long as it
 * may be by chance.  Then all are tried in turn: one may seem ready for long and not be.
 */
static ssize_t choose(struct selection *s)
{
	size_t first = s->n;

	for (unsigned tries = 0; tries < PICKS; tries++) {
		first = pick(s);
		if (first == s->n)
			return -EAGAIN;
		if (go_ahead(&s->branches[first]))
			return (ssize_t)first;
	}
	for (size_t k = 1; k < s->n; k++) {
		size_t i = (first + k) % s->n;

		if (seems_ready(&s->branches[i]) && go_ahead(&s->branches[i]))
			return (ssize_t)i;
	}
	return -EAGAIN;
}

/* ---- Waiting ---- */

/* Finds the channels. */
static void sort_chans(struct selection *s)
{
	s->chans_n = 0;
	for (size_t i = 0; i < s->n; i++) {
		struct thrum_chan *c = s->branches[i].on;
		size_t at = s->chans_n;

		if (!is_send_or_recv(&s->branches[i]))
			continue;
		while (at > 0 && (uintptr_t)s->chans[at - 1] > (uintptr_t)c)
			at--;
		if (at > 0 && s->chans[at - 1] == c)
			continue;
		for (size_t j = s->chans_n++; j > at; j--)
			s->chans[j] = s->chans[j - 1];
		s->chans[at] = c;
	}
}

static void hold_chans(struct selection *s)
{
	for (size_t i = 0; i < s->chans_n; i++)
		thrum__chan_hold(s->chans[i]);
}

static void drop_chans(struct selection *s)
{
	for (size_t i = 0; i < s->chans_n; i++)
		thrum__chan_drop(s->chans[i]);
}

/* Holding all channels: one that is ready after all.  Nobody is faster than the one that is picked:
 * it is not ready only if all that it was to meet have given up. */
static ssize_t choose_chan(struct selection *s, struct thrum__granted *g)
{
	size_t first = thrum__stand_random() % s->n;
	unsigned ready = 0;

	for (size_t i = 0; i < s->n; i++)
		if (is_send_or_recv(&s->branches[i]) && seems_ready(&s->branches[i]) &&
		    (!ready++ || thrum__stand_random() % ready == 0))
			first = i;
	for (size_t k = 0; k < s->n; k++) {
		size_t i = (first + k) % s->n;

		if (is_send_or_recv(&s->branches[i]) && move_item(&s->branches[i], g))
			return (ssize_t)i;
	}
	return -EAGAIN;
}

static void push_turns(struct selection *s)
{
	for (size_t i = 0; i < s->n; i++) {
		struct thrum_branch *b = &s->branches[i];
		struct thrum_chan *c = b->on;
		struct arm *a = &s->arms[i];

		if (!is_send_or_recv(b))
			continue;
		thrum__chan_turn_init(&a->turn, &s->me, b->item);
		thrum__waitqueue_push(b->what == THRUM_ON_SEND ? &c->senders : &c->receivers,
				      &a->turn.turn);
		a->hung = true;
	}
}

/* 0; a branch of a channel has won: its index; with the turns out: -EAGAIN. */
static ssize_t queue_up(struct selection *s)
{
	struct thrum__granted g = {NULL, NULL};
	ssize_t won;

	if (!s->chans_n)
		return -EAGAIN;
	hold_chans(s);
	won = choose_chan(s, &g);
	if (won == -EAGAIN)
		push_turns(s);
	drop_chans(s);
	thrum__granted_resume(&g);
	return won;
}

/* True: the branch waits; false: it is ready. */
static bool hang_fd(struct selection *s, struct fd_arm *a)
{
	for (a->hung = 0; a->hung < a->set.used; a->hung++) {
		struct thrum__wait_node *node = &a->nodes[a->hung];

		thrum__wait_node_init(node, s->me.parker, s->me.seq);
		if (!thrum__edge_register(a->edges[a->hung], &node->waiter, a->ticks[a->hung]))
			return false;
	}
	return true;
}

static bool hang(struct selection *s, const struct thrum_branch *b, struct arm *a)
{
	struct thrum_future *f = b->on;

	if (b->what == THRUM_ON_FD)
		return hang_fd(s, &a->fd);
	if (b->what == THRUM_ON_TOKEN && b->on)
		f = &thrum__token_of(b->on)->level[b->detail - THRUM_SOFT];
	else if (b->what != THRUM_ON_FUTURE)
		return true;
	if (!f)
		return true; /* a token that is not there */
	thrum__wait_node_init(&a->node, s->me.parker, s->me.seq);
	a->hung = thrum__future_register(f, &a->node.waiter);
	return a->hung;
}

/* All nodes; false: one of them need not wait, or the wait is over already. */
static bool hang_all(struct selection *s)
{
	for (size_t i = 0; i < s->n; i++)
		if (!hang(s, &s->branches[i], &s->arms[i]))
			return false;
	return true;
}

static void unhang_fd(struct fd_arm *a)
{
	while (a->hung > 0) {
		a->hung--;
		thrum__edge_withdraw(a->edges[a->hung], &a->nodes[a->hung].waiter);
	}
}

/* Takes back what the branch has hung: true: it is a channel's, and was claimed. */
static bool unhang(const struct thrum_branch *b, struct arm *a)
{
	bool claimed = false;

	if (b->what == THRUM_ON_FD)
		unhang_fd(&a->fd);
	if (!a->hung)
		return false;
	a->hung = false;
	if (b->what == THRUM_ON_FUTURE) {
		thrum__future_withdraw(b->on, &a->node.waiter);
	} else if (b->what == THRUM_ON_TOKEN) {
		thrum__token_withdraw(&thrum__token_of(b->on)->level[b->detail - THRUM_SOFT],
				      &a->node.waiter);
	} else {
		thrum__chan_hold(b->on);
		claimed = thrum__turn_leave(&a->turn.turn);
		thrum__chan_drop(b->on);
	}
	return claimed;
}

/* The branch that others have done, or -EAGAIN. */
static ssize_t unhang_all(struct selection *s)
{
	ssize_t won = -EAGAIN;

	for (size_t i = 0; i < s->n; i++)
		if (unhang(&s->branches[i], &s->arms[i]))
			won = (ssize_t)i;
	if (won >= 0) {
		thrum__turn_await_gone(&s->arms[won].turn.turn);
		s->branches[won].result = plain_read(&s->arms[won].turn.result);
	}
	return won;
}

/* Is @err, of a wait until at_ns, that time? */
static bool is_own_time(const struct selection *s, int err)
{
	return err == -ETIMEDOUT && (!s->me.task || s->at_ns <= s->me.task->deadline_ns);
}

/* With descriptors watched: the winner's index; -EAGAIN: to look again; -errno. */
static ssize_t wait_watching(struct selection *s)
{
	ssize_t won = queue_up(s);
	int err = 0;

	if (won != -EAGAIN)
		return won;
	if (hang_all(s))
		err = thrum__stand_wait(&s->me, s->at_ns, false);
	else
		thrum__parker_abandon(s->me.parker, s->me.seq);
	won = unhang_all(s);
	return err && !is_own_time(s, err) ? err : won;
}

/* ---- Descriptors ---- */

static void leave_fds(struct selection *s, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (s->branches[i].what == THRUM_ON_FD)
			thrum__poll_leave(&s->arms[i].fd.set);
}

/* -EAGAIN: inside of all; else one of them is the winner, with an error, and inside of none. */
static ssize_t enter_fds(struct selection *s)
{
	for (size_t i = 0; i < s->n; i++) {
		struct thrum_branch *b = &s->branches[i];
		struct fd_arm *a = &s->arms[i].fd;
		int err;

		if (b->what != THRUM_ON_FD)
			continue;
		a->hung = 0;
		a->fd = pollfd_of(b);
		a->set = (struct thrum__poll_set){
		    .fds = &a->fd,
		    .n = 1,
		    .runtime = s->me.task->future.runtime,
		    .inside = &a->inside,
		    .edges = a->edges,
		    .ticks = a->ticks,
		};
		err = thrum__poll_enter(&a->set);
		if (err) {
			leave_fds(s, i);
			b->result = err;
			return (ssize_t)i;
		}
	}
	return -EAGAIN;
}

/* The index of one that is ready; -EAGAIN: all are watched. */
static ssize_t watch_fds(struct selection *s)
{
	for (size_t i = 0; i < s->n; i++) {
		struct thrum_branch *b = &s->branches[i];
		intptr_t r;

		if (b->what != THRUM_ON_FD)
			continue;
		r = thrum__poll_watch(&s->arms[i].fd.set);
		if (!r)
			r = look_at_fd(b);
		if (r) {
			b->result = r;
			return (ssize_t)i;
		}
	}
	return -EAGAIN;
}

/* ---- All of it ---- */

/* Inside of all descriptors. */
static ssize_t wait_inside(struct selection *s)
{
	for (;; thrum__stand_again(&s->me)) {
		ssize_t won = s->has_fds ? watch_fds(s) : -EAGAIN;

		if (won == -EAGAIN)
			won = wait_watching(s);
		if (won == -EAGAIN)
			won = choose(s);
		if (won != -EAGAIN)
			return won;
	}
}

static ssize_t wait_standing(struct selection *s)
{
	ssize_t won = thrum__stand_begin(&s->me);

	if (won)
		return won;
	sort_chans(s);
	for (size_t i = 0; i < s->n; i++)
		s->arms[i].hung = false;
	won = s->has_fds ? enter_fds(s) : -EAGAIN;
	if (won == -EAGAIN) {
		won = wait_inside(s);
		if (s->has_fds)
			leave_fds(s, s->n);
	}
	thrum__stand_end(&s->me, won < 0 ? (int)won : 0, s->at_ns);
	return won;
}

static NOINLINE ssize_t wait_armed(struct selection *s)
{
	struct arm few[FEW];
	struct thrum_chan *few_chans[FEW];
	ssize_t won;

	s->arms = few;
	s->chans = few_chans;
	if (s->n <= FEW)
		return wait_standing(s);
	s->arms = thrum__os_alloc(s->n * (sizeof(*s->arms) + sizeof(struct thrum_chan *)));
	if (!s->arms)
		return -ENOMEM;
	s->chans = (struct thrum_chan **)(s->arms + s->n);
	won = wait_standing(s);
	thrum__os_free(s->arms);
	return won;
}

/* 0, or what to return; the earliest time. */
static int check_branches(struct selection *s)
{
	s->at_ns = THRUM_FOREVER;
	if (!s->n)
		return -EINVAL;
	for (size_t i = 0; i < s->n; i++) {
		const struct thrum_branch *b = &s->branches[i];

		if (b->what < THRUM_ON_NONE || b->what > THRUM_ON_FD ||
		    (b->what == THRUM_ON_TOKEN && b->detail != THRUM_SOFT &&
		     b->detail != THRUM_HARD))
			return -EINVAL;
		if (b->what == THRUM_ON_FD) {
			if (!thrum__current_task())
				return thrum__no_task();
			s->has_fds = true;
		}
		if (b->what == THRUM_ON_TIME && b->at_ns < s->at_ns)
			s->at_ns = b->at_ns;
	}
	return 0;
}

ssize_t thrum_try_select(struct thrum_branch branches[], size_t n)
{
	struct selection s = {.branches = branches, .n = n};
	int err = thrum__in_forked_child() ? -ENOTSUP : check_branches(&s);

	return err ? err : choose(&s);
}

ssize_t thrum_select(struct thrum_branch branches[], size_t n)
{
	struct selection s = {.branches = branches, .n = n};
	ssize_t won = thrum__stand_check_turn();

	if (!won)
		won = check_branches(&s);
	if (won)
		return won;
	won = choose(&s);
	return won == -EAGAIN ? wait_armed(&s) : won;
}
