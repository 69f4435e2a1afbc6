/* SPDX-License-Identifier: MIT */
/*
 * select.h - wait for the first of several things: channels in both directions, futures, tokens,
 * descriptors, a time.
 *
 *	struct thrum_branch b[] = {
 *		thrum_on_recv(jobs, &job),
 *		thrum_on_token(stop, THRUM_SOFT),
 *		thrum_on_time(thrum_now() + THRUM_SEC(1)),
 *	};
 *
 *	switch (thrum_select(b, 3)) {
 *	case 0:
 *		if (b[0].result == 0)
 *			work(&job);
 *
 * Broadcast listeners, watches and queues are no branches; a task that waits for one can send what
 * it gets to a channel.
 */
#ifndef THRUM_SELECT_H
#define THRUM_SELECT_H

#include <thrum/result.h>

#ifdef __cplusplus
extern "C" {
#endif

struct thrum_chan;
struct thrum_future;
struct thrum_token;

/* Made by the functions below; its fields but @result are the library's. */
struct thrum_branch {
	int what;   /* which of them made it */
	int detail; /* a descriptor's events, a token's level */
	/* Of the branch that won: 0; a channel's: -EPIPE: it is closed (and empty, for a receive);
	 * a descriptor's: the events that are there, or -errno.  Of the others: as it was. */
	intptr_t result;
	void *on;   /* the channel, the future, the token; as a number the descriptor */
	void *item; /* a channel's */
	int64_t at_ns;
};

enum thrum_branch_what {
	THRUM_ON_NONE,
	THRUM_ON_SEND,
	THRUM_ON_RECV,
	THRUM_ON_FUTURE,
	THRUM_ON_TOKEN,
	THRUM_ON_TIME,
	THRUM_ON_FD,
};

/*
 * thrum_on_none - a branch that never wins.
 * thrum_on_send - @item could be sent, and was.  thrum_on_recv - an item could be received, and
 * was, into @item.  @c NULL: never.
 * thrum_on_future - @f is done; look at thrum_result.  @f NULL: at once.
 * thrum_on_token - @level (THRUM_SOFT, THRUM_HARD) was requested of @t.  @t NULL: never.
 * thrum_on_time - thrum_now has come to @at_ns.
 * thrum_on_fd - one of @events (POLLIN, POLLOUT) is there, or an error.  @fd below 0: never.
 *
 * Called from: anywhere.  Suspends: no.
 * Returns: a branch for thrum_select, which may be used again.
 */
static inline __attribute__((unused)) struct thrum_branch thrum_on_none(void)
{
	struct thrum_branch b = {THRUM_ON_NONE, 0, 0, NULL, NULL, 0};

	return b;
}

static inline __attribute__((unused)) struct thrum_branch thrum_on_send(struct thrum_chan *c,
									const void *item)
{
	struct thrum_branch b = {THRUM_ON_SEND, 0, 0, c, (void *)(uintptr_t)item, 0};

	return b;
}

static inline __attribute__((unused)) struct thrum_branch thrum_on_recv(struct thrum_chan *c,
									void *item)
{
	struct thrum_branch b = {THRUM_ON_RECV, 0, 0, c, item, 0};

	return b;
}

static inline __attribute__((unused)) struct thrum_branch thrum_on_future(struct thrum_future *f)
{
	struct thrum_branch b = {THRUM_ON_FUTURE, 0, 0, f, NULL, 0};

	return b;
}

static inline __attribute__((unused)) struct thrum_branch thrum_on_token(struct thrum_token *t,
									 int level)
{
	struct thrum_branch b = {THRUM_ON_TOKEN, level, 0, t, NULL, 0};

	return b;
}

static inline __attribute__((unused)) struct thrum_branch thrum_on_time(int64_t at_ns)
{
	struct thrum_branch b = {THRUM_ON_TIME, 0, 0, NULL, NULL, at_ns};

	return b;
}

static inline __attribute__((unused)) struct thrum_branch thrum_on_fd(int fd, short events)
{
	struct thrum_branch b = {THRUM_ON_FD, events, 0, (void *)(intptr_t)fd, NULL, 0};

	return b;
}

/*
 * thrum_select - wait until one of @n branches can go ahead, and do what it says; exactly one wins.
 *
 * Of several that can at once any may win, each as often.  The others have done nothing: no item
 * was taken or sent.  No memory is taken for the branches themselves, up to eight; a time or
 * a thread outside may need some (-ENOMEM), and a descriptor (-ENOMEM is its branch's result).
 * Called from: a task or an outside thread (a descriptor's branch: a task).  Suspends: yes.
 * Cancellation point: yes.
 * Sees: all that was done before the item was sent, the future completed, the token cancelled.
 * Returns: the winner's index, with its result; and with nothing done: -ECANCELED; -ETIMEDOUT: a
 * deadline around the call passed; -EINVAL: no branches, or a bad one; -ENOMEM; -EPERM: a
 * descriptor, outside a task; -EDEADLK in a callback; -ENOTSUP in a forked child.
 * Go: select.
 */
THRUM_MUST_CHECK ssize_t thrum_select(struct thrum_branch branches[], size_t n);

/*
 * thrum_try_select - the same without waiting.
 *
 * Called from: as thrum_select; without descriptors: anywhere.  Suspends: no.
 * Returns: as thrum_select; -EAGAIN: none can go ahead.
 * Go: select with a default.
 */
THRUM_MUST_CHECK ssize_t thrum_try_select(struct thrum_branch branches[], size_t n);

#ifdef __cplusplus
}
#endif
#endif
