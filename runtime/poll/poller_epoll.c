/* SPDX-License-Identifier: MIT */
/*
 * poller_epoll.c - the poller of poller.h on epoll.
 *
 * WHAT   One epoll set, in which each watched descriptor is registered edge-triggered for reading
 *        and writing at once, so that it is told to the kernel once in its life and never again.
 *        Threads that wait sleep in the set, and the kernel wakes one for an event, the one that
 *        slept last first.  Rejected: a set for each worker (an idle worker could not take over a
 *        busy one's events without waiting on all of them); EPOLLONESHOT (a system call for each
 *        wait); level-triggered (an event nobody waits for would end every wait).  Out-of-band
 *        data counts as something to read.
 * TOKENS They are the count of an eventfd, registered in the set like any other descriptor, with
 *        the tag TOKEN.  Who gets its event takes the whole count, keeps one and posts the rest.
 * EDGE   What of the kernel is relied on: a write to the eventfd, also one of 0, puts its entry on
 *        the set's ready list, or marks it to be put there again while a wait collects, and wakes
 *        one sleeper.  A wait collects the entries of the list, as many as it has room for; one
 *        that is collected leaves the list, and is reported if the count is not 0 at that moment.
 *        What stays on the list wakes another sleeper, and is found by a wait that begins later.  A
 *        wait that was woken collects before it ends for a signal or for its deadline.
 * I1     While the count is not 0, the entry is on the list, or a thread that collected it is on
 *        its way to take the count, or to post.
 * PROOF  Every write makes I1 true by its first part.  It could become false when the entry is
 *        collected: then the thread that did so is the one on its way.  That is a wait that takes,
 *        or a look.  (a) A wait takes the count: 0 remains, or what was written since, whose write
 *        has put the entry back on the list; and what it posts puts it back too.  (b) A look posts
 *        0: the entry is back.  Collected while the count was 0 (somebody had taken it: after its
 *        write), it is dropped, and I1 says nothing.  A full batch leaves it on the list.  take,
 *        which has collected nothing, is (a) without the collecting; the entry it leaves on the
 *        list is dropped.  await (poll(2) on the set) drops entries that are not ready and
 *        collects none.  Nobody else takes the count, so no token is lost; each is kept by one
 *        thread, so none is doubled.  With I1 a token never waits beside a sleeper: the entry on
 *        the list has woken one, or the thread on its way is going to, or has taken the last one;
 *        and the next wait finds it if all were awake.
 * COST   n tokens posted at once wake n sleepers one after the other, each posts for the next.
 *
 * Owns the set and the eventfd, both close-on-exec.  No state besides: any thread may be in any
 * operation at any time but destroy.  Only create and watch can fail.
 */
#define _GNU_SOURCE

#include "poll/poller.h"

#include <errno.h>
#include <sys/eventfd.h>

#include "base/assert.h"
#include "base/os.h"

#define TOKEN UINT64_MAX /* no tag that anyone else gives */

struct poller_epoll {
	struct thrum__poller base;
	int set;
	int token;
};

#define OURS "a descriptor of the library was closed or replaced by someone else"

static struct poller_epoll *poller_of(struct thrum__poller *p)
{
	return container_of(p, struct poller_epoll, base);
}

static int poller_add(struct poller_epoll *e, int fd, uint32_t events, uint64_t tag)
{
	struct epoll_event event = {.events = events | EPOLLET, .data.u64 = tag};

	return thrum__os_epoll_ctl(e->set, EPOLL_CTL_ADD, fd, &event);
}

static int poller_create(struct thrum__poller **out, uint64_t seed)
{
	struct poller_epoll *e = thrum__os_alloc(sizeof(*e));
	int err = -ENOMEM;

	(void)seed;
	if (!e)
		goto no_memory;
	e->base.ops = &thrum__poller_epoll;
	err = e->set = thrum__os_epoll_create();
	if (err < 0)
		goto no_set;
	err = e->token = thrum__os_eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (err < 0)
		goto no_token;
	err = poller_add(e, e->token, EPOLLIN, TOKEN);
	if (err)
		goto not_added;
	*out = &e->base;
	return 0;

not_added:
	thrum__os_close(e->token);
no_token:
	thrum__os_close(e->set);
no_set:
	thrum__os_free(e);
no_memory:
	return err;
}

static void poller_destroy(struct thrum__poller *p)
{
	struct poller_epoll *e = poller_of(p);

	thrum__os_close(e->token);
	thrum__os_close(e->set);
	thrum__os_free(e);
}

static int poller_watch(struct thrum__poller *p, int fd, uint64_t tag)
{
	DEBUG_ENSURE(tag != TOKEN, "the tag of all ones is the poller's own");
	return poller_add(poller_of(p), fd, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLPRI, tag);
}

static int poller_unwatch(struct thrum__poller *p, int fd)
{
	return thrum__os_epoll_ctl(poller_of(p)->set, EPOLL_CTL_DEL, fd, NULL);
}

static void poller_post(struct thrum__poller *p, unsigned n)
{
	ENSURE(thrum__os_event_post(poller_of(p)->token, n) == 0, OURS);
}

static bool poller_take(struct thrum__poller *p)
{
	uint64_t n = thrum__os_event_take(poller_of(p)->token);

	if (n > 1)
		poller_post(p, (unsigned)(n - 1));
	return n;
}

/* The token's event was collected: a wait takes one, a look passes it on. */
static bool token_collected(struct thrum__poller *p, bool look)
{
	if (!look)
		return poller_take(p);
	poller_post(p, 0);
	return false;
}

static uint32_t ready(uint32_t events)
{
	uint32_t r = 0;

	if (events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR))
		r |= THRUM__READY_IN;
	if (events & (EPOLLOUT | EPOLLHUP | EPOLLERR))
		r |= THRUM__READY_OUT;
	if (events & (EPOLLHUP | EPOLLERR))
		r |= THRUM__READY_ERROR;
	if (events & (EPOLLRDHUP | EPOLLPRI | EPOLLHUP | EPOLLERR))
		r |= THRUM__READY_IN | THRUM__READY_MORE;
	return r;
}

static int poller_wait(struct thrum__poller *p, struct thrum__poll_event *events, int max,
		       int64_t deadline_ns, bool *token)
{
	struct epoll_event batch[THRUM__POLL_BATCH];
	int i, n, out = 0;

	*token = false;
	if (max > THRUM__POLL_BATCH)
		max = THRUM__POLL_BATCH;
	n = thrum__os_epoll_wait(poller_of(p)->set, batch, max, deadline_ns);
	ENSURE(n >= 0 || n == -EINTR, OURS);
	for (i = 0; i < n; i++) {
		if (UNLIKELY(batch[i].data.u64 == TOKEN)) {
			*token = token_collected(p, deadline_ns == 0);
			continue;
		}
		events[out].tag = batch[i].data.u64;
		events[out++].ready = ready(batch[i].events);
	}
	return out;
}

static bool poller_await(struct thrum__poller *p, bool block)
{
	return thrum__os_epoll_ready(poller_of(p)->set, block);
}

const struct thrum__poller_ops thrum__poller_epoll = {
    .name = "epoll",
    .reports_after_short_read = true,
    .reports_truly = true,
    .create = poller_create,
    .destroy = poller_destroy,
    .watch = poller_watch,
    .unwatch = poller_unwatch,
    .wait = poller_wait,
    .await = poller_await,
    .take = poller_take,
    .post = poller_post,
};
