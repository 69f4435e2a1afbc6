/* SPDX-License-Identifier: MIT */
/*
 * token.h - cancellation tokens: a tree through which one request reaches many.
 *
 *	struct thrum_token *all = thrum_token_create(NULL);
 *	struct thrum_token *mine = thrum_token_create(all);
 *
 *	thrum_release(thrum_spawn_token(mine, serve, conn));
 *	...
 *	thrum_token_cancel(all, THRUM_SOFT, SIGTERM);      take on no new work
 *	thrum_token_cancel(all, THRUM_HARD, SIGTERM);      now end
 *
 * A request has a level: THRUM_SOFT asks to take on no new work; THRUM_HARD, which counts as soft
 * too, makes the waiting calls of linked tasks return -ECANCELED.  A request at a token is one at
 * all tokens below it.  Tasks, scopes and blocking jobs are linked when they are started; others
 * look (thrum_token_cancelled), or wait for a level's future, of which thrum_future_on_done makes a
 * callback.
 *
 * All calls but the spawns may be made from anywhere, also outside tasks, and tokens may outlive
 * runtimes.  A token lives until its last reference has gone; a child holds its parent.
 */
#ifndef THRUM_TOKEN_H
#define THRUM_TOKEN_H

#include <thrum/future.h>
#include <thrum/result.h>
#include <thrum/task.h>

#ifdef __cplusplus
extern "C" {
#endif

struct thrum_token;

/*
 * thrum_token_create - a token below @parent (NULL: a root).  If its parent was cancelled, it is.
 * thrum_token_retain, thrum_token_release - one reference more, or less.  @t may be NULL.
 *
 * Called from: anywhere.  Suspends: no.
 * Ownership: create returns one reference; @parent stays the caller's.
 * Returns: the token; NULL: no memory, or a forked child.
 * tokio: CancellationToken::child_token.  Go: context.WithCancel.
 */
struct thrum_token *thrum_token_create(struct thrum_token *parent);
void thrum_token_retain(struct thrum_token *t);
void thrum_token_release(struct thrum_token *t);

/*
 * thrum_token_cancel - request @level (THRUM_SOFT, THRUM_HARD) of @t and all below it; @reason is
 * for whoever asks why.
 *
 * When it returns thrum_token_cancelled is true of all below @t; those that wait are woken, some of
 * them perhaps by another thread soon (in a tree deeper than 16; beside one that gives up waiting).
 * Of two threads that request the same of @t at once one spins until the other has said so at @t, a
 * few instructions later.
 * Called from: anywhere.  Suspends: no.
 * Returns: 0; -EALREADY: that level was requested before (the first reason stays); -EINVAL;
 * -ENOTSUP in a forked child; -EAGAIN, -ENOMEM: no thread, in a process forked from one that had
 * deep trees (nothing was requested).
 * Go: the context's cancel.
 */
int thrum_token_cancel(struct thrum_token *t, int level, intptr_t reason);

/*
 * thrum_token_cancelled - was @t, or a token above it, cancelled at any level?
 * thrum_token_level - the highest level requested: 0, THRUM_SOFT, THRUM_HARD.
 * thrum_token_reason - the reason given with it; 0: not cancelled.
 *
 * They look at the tokens above @t, too.
 * Called from: anywhere.  Suspends: no.  @t NULL: not cancelled.
 * Sees: what whoever cancelled it did before.
 * Returns: as said.
 * Go: Context.Err, context.Cause.
 */
bool thrum_token_cancelled(const struct thrum_token *t);
int thrum_token_level(const struct thrum_token *t);
intptr_t thrum_token_reason(const struct thrum_token *t);

/*
 * thrum_token_future - a future that completes with the reason when @level is requested of @t.
 *
 * To cancel it ends it alone.  It holds @t, so it hears of requests above it however long it lives.
 * Called from: anywhere.  Suspends: no.
 * Ownership: one reference to the caller.
 * Returns: the future; NULL: no memory, @t NULL, another level, or a forked child.
 * tokio: CancellationToken::cancelled.  Go: Context.Done.
 */
struct thrum_future *thrum_token_future(struct thrum_token *t, int level);

/*
 * thrum_spawn_token - start fn(@arg) as a task that is linked to @t until it ends: a soft request
 * shows in thrum_cancel_requested, a hard one cancels it.
 * thrum_spawn_token_drop - the same with a @drop, as thrum_spawn_drop.
 * thrum_spawn_blocking_token - start it as a job of the blocking pool: a hard request cancels it as
 * long as it has not started; a started one may look (thrum_cancel_requested).
 *
 * @t: NULL: linked to none.
 * Called from: a task.  Suspends: no.
 * Ownership, Returns: as thrum_spawn, thrum_spawn_drop, thrum_spawn_blocking; the task holds @t.
 */
struct thrum_future *thrum_spawn_token(struct thrum_token *t, thrum_fn fn, void *arg);
struct thrum_future *thrum_spawn_token_drop(struct thrum_token *t, thrum_fn fn, void *arg,
					    void (*drop)(void *arg));
struct thrum_future *thrum_spawn_blocking_token(struct thrum_token *t, thrum_fn fn, void *arg);

/* The same with the place of the call given as THRUM_HERE makes it. */
struct thrum_token *thrum_token_create_at(const char *place, struct thrum_token *parent);
struct thrum_future *thrum_spawn_token_at(const char *place, struct thrum_token *t, thrum_fn fn,
					  void *arg, void (*drop)(void *arg));
struct thrum_future *thrum_spawn_blocking_token_at(const char *place, struct thrum_token *t,
						   thrum_fn fn, void *arg);
#define thrum_token_create(parent) thrum_token_create_at(THRUM_HERE(token), parent)
#define thrum_spawn_token(t, fn, ...) thrum_spawn_token_at(THRUM_HERE(fn), t, fn, __VA_ARGS__, NULL)
#define thrum_spawn_token_drop(t, fn, ...) thrum_spawn_token_at(THRUM_HERE(fn), t, fn, __VA_ARGS__)
#define thrum_spawn_blocking_token(t, fn, ...) \
	thrum_spawn_blocking_token_at(THRUM_HERE(fn), t, fn, __VA_ARGS__)

#ifdef __cplusplus
}
#endif
#endif
