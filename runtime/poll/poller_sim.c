/* SPDX-License-Identifier: MIT */
/*
 * poller_sim.c - epoll made hostile, with THRUM_FAULTS alone: all that poller.h allows a poller to
 * do happens often, decided by the seed.
 *
 * WHAT   A wait asks the poller below, then for each event it got: reports it, keeps it back, or
 *        reports it and keeps a copy for later.  What is kept is reported some waits later, or as
 *        soon as a wait has nothing else to tell.  Every PERIOD_NS it reports the next WAKES of the
 *        watched descriptors for nothing, in both directions, and shuffles all it reports.  Some
 *        waits end for nothing; some that took a token give it back and end.
 * SEAM   While such a poller lives, calls of the seam are perturbed (os_fault.c).  A descriptor
 *        that would block for no reason gets no event below: the reports for nothing are what its
 *        waiter goes on by.  So no wait sleeps longer than PERIOD_NS below, also while nothing is
 *        watched: that may change meanwhile.
 * CLOSED The poller is not told of a descriptor's end.  A tag stays in the table until its number
 *        is no open descriptor or is watched anew: reports with a stale tag come, as they may with
 *        epoll when another thread has collected an event and not yet passed it on.
 *
 * Owns the poller below.  One lock for all of its state, never held while it waits below.  watch
 * fails with -ENOMEM besides, when the table cannot grow.
 */
#define _GNU_SOURCE

#include "poll/poller.h"

#ifdef THRUM_FAULTS

#include <errno.h>
#include <pthread.h>
#include <string.h>

#include "base/assert.h"
#include "base/clock.h"
#include "base/os.h"

#define PERIOD_NS 1000000
#define WAKES 32
#define KEPT_MAX 256

/* The table's entry at a descriptor's number. */
struct watched {
	uint64_t tag;
	bool is;
};

struct kept {
	struct thrum__poll_event event;
	unsigned waits; /* that may still end before it is reported */
};

struct poller_sim {
	struct thrum__poller base;
	struct thrum__poller *below;
	uint64_t seed;
	pthread_mutex_t lock;
	/* The rest under the lock. */
	uint64_t drawn;
	int64_t wakes_next_ns;
	struct watched *table;
	int slots, next; /* of the table: its size, where the reports for nothing go on */
	struct kept kept[KEPT_MAX];
	int n_kept;
};

/* What one wait reports. */
struct report {
	struct thrum__poll_event *events;
	int n, max;
};

static struct poller_sim *poller_of(struct thrum__poller *p)
{
	return container_of(p, struct poller_sim, base);
}

static bool one_in(struct poller_sim *s, unsigned n)
{
	return thrum__perturb_mix(s->seed, s->drawn++) % n == 0;
}

/* ---- Create, destroy, watch ---- */

static int poller_create(struct thrum__poller **out, uint64_t seed)
{
	struct poller_sim *s = thrum__os_alloc_zeroed(sizeof(*s));
	int err;

	if (!s)
		return -ENOMEM;
	err = thrum__poller_epoll.create(&s->below, seed);
	if (err) {
		thrum__os_free(s);
		return err;
	}
	s->base.ops = &thrum__poller_sim;
	s->seed = seed;
	pthread_mutex_init(&s->lock, NULL);
	thrum__perturb_begin(seed);
	*out = &s->base;
	return 0;
}

static void poller_destroy(struct thrum__poller *p)
{
	struct poller_sim *s = poller_of(p);

	thrum__perturb_end();
	s->below->ops->destroy(s->below);
	pthread_mutex_destroy(&s->lock);
	thrum__os_free(s->table);
	thrum__os_free(s);
}

static int table_reach(struct poller_sim *s, int fd)
{
	struct watched *table;
	int slots = s->slots ? s->slots : 64;

	if (fd < s->slots)
		return 0;
	while (slots <= fd)
		slots *= 2;
	table = thrum__os_alloc_zeroed((size_t)slots * sizeof(*table));
	if (!table)
		return -ENOMEM;
	if (s->table)
		memcpy(table, s->table, (size_t)s->slots * sizeof(*table));
	thrum__os_free(s->table);
	s->table = table;
	s->slots = slots;
	return 0;
}

static void table_clear(struct poller_sim *s, int fd)
{
	if (fd >= 0 && fd < s->slots)
		s->table[fd].is = false;
}

static int poller_watch(struct thrum__poller *p, int fd, uint64_t tag)
{
	struct poller_sim *s = poller_of(p);
	int err;

	if (thrum__os_get_flags(fd) < 0)
		return -EBADF;
	pthread_mutex_lock(&s->lock);
	err = table_reach(s, fd);
	if (!err)
		err = s->below->ops->watch(s->below, fd, tag);
	if (!err || (err == -EEXIST && !s->table[fd].is))
		s->table[fd] = (struct watched){.tag = tag, .is = true};
	pthread_mutex_unlock(&s->lock);
	return err;
}

static int poller_unwatch(struct thrum__poller *p, int fd)
{
	struct poller_sim *s = poller_of(p);
	int err;

	pthread_mutex_lock(&s->lock);
	err = s->below->ops->unwatch(s->below, fd);
	if (!err)
		table_clear(s, fd);
	pthread_mutex_unlock(&s->lock);
	return err;
}

static void poller_post(struct thrum__poller *p, unsigned n)
{
	struct poller_sim *s = poller_of(p);

	s->below->ops->post(s->below, n);
}

/* ---- Wait ---- */

static bool keep(struct poller_sim *s, const struct thrum__poll_event *event)
{
	if (s->n_kept == KEPT_MAX)
		return false;
	s->kept[s->n_kept].event = *event;
	s->kept[s->n_kept++].waits = 2 + (unsigned)(one_in(s, 2) + one_in(s, 2));
	return true;
}

static void keep_some(struct poller_sim *s, struct report *r)
{
	int i = 0;

	while (i < r->n) {
		if (one_in(s, 4) && keep(s, &r->events[i])) {
			r->events[i] = r->events[--r->n];
			continue;
		}
		if (one_in(s, 8))
			keep(s, &r->events[i]);
		i++;
	}
}

/* What was kept long enough, or @all of it, as far as there is room. */
static void report_kept(struct poller_sim *s, struct report *r, bool all)
{
	int i = 0;

	while (i < s->n_kept) {
		struct kept *k = &s->kept[i];

		if (k->waits)
			k->waits--;
		if ((k->waits && !all) || r->n == r->max) {
			i++;
			continue;
		}
		r->events[r->n++] = k->event;
		*k = s->kept[--s->n_kept];
	}
}

/* The next of the watched, for nothing.  Whoever is not open any more is forgotten. */
static void report_for_nothing(struct poller_sim *s, struct report *r, int64_t now_ns)
{
	int wakes = WAKES, i;

	if (now_ns < s->wakes_next_ns || r->n == r->max)
		return;
	s->wakes_next_ns = now_ns + PERIOD_NS;
	for (i = 0; i < s->slots && wakes && r->n < r->max; i++) {
		int fd = s->next++ % s->slots;

		s->next %= s->slots;
		if (!s->table[fd].is)
			continue;
		if (thrum__os_get_flags(fd) < 0) {
			table_clear(s, fd);
			continue;
		}
		r->events[r->n].tag = s->table[fd].tag;
		r->events[r->n++].ready = THRUM__READY_IN | THRUM__READY_OUT;
		wakes--;
	}
}

static void shuffle(struct poller_sim *s, struct report *r)
{
	int i;

	for (i = r->n - 1; i > 0; i--) {
		int j = (int)(thrum__perturb_mix(s->seed, s->drawn++) % (unsigned)(i + 1));
		struct thrum__poll_event e = r->events[i];

		r->events[i] = r->events[j];
		r->events[j] = e;
	}
}

/* One wait below, and what is made of it.  False: it may end though it has nothing to tell. */
static bool wait_once(struct poller_sim *s, struct report *r, int64_t deadline_ns, bool *token)
{
	int64_t until_ns = thrum__min64(deadline_ns, thrum__clock_monotonic_ns() + PERIOD_NS);
	bool goes_on;

	pthread_mutex_lock(&s->lock);
	goes_on = !one_in(s, 8);
	pthread_mutex_unlock(&s->lock);
	if (!goes_on)
		until_ns = thrum__min64(until_ns, 1); /* the past, and yet no look */
	r->n = s->below->ops->wait(s->below, r->events, r->max, until_ns, token);

	pthread_mutex_lock(&s->lock);
	if (*token && one_in(s, 8)) {
		*token = goes_on = false;
		s->below->ops->post(s->below, 1);
	}
	if (r->n) {
		keep_some(s, r);
		report_kept(s, r, false);
	} else {
		report_kept(s, r, true);
	}
	report_for_nothing(s, r, thrum__clock_monotonic_ns());
	shuffle(s, r);
	pthread_mutex_unlock(&s->lock);
	return goes_on;
}

static int poller_wait(struct thrum__poller *p, struct thrum__poll_event *events, int max,
		       int64_t deadline_ns, bool *token)
{
	struct report r = {.events = events, .max = max};

	while (wait_once(poller_of(p), &r, deadline_ns, token) && !r.n && !*token && deadline_ns &&
	       thrum__clock_monotonic_ns() < deadline_ns)
		;
	return r.n;
}

/* Would a look now have something to report, though there is nothing below?  With the reports for
 * nothing comes what was kept. */
static bool is_due(struct poller_sim *s)
{
	bool due;

	pthread_mutex_lock(&s->lock);
	due = s->slots && thrum__clock_monotonic_ns() >= s->wakes_next_ns;
	pthread_mutex_unlock(&s->lock);
	return due;
}

/* Below nobody would end a block for what is due up here: it ends for nothing after a while. */
static bool poller_await(struct thrum__poller *p, bool block)
{
	struct poller_sim *s = poller_of(p);
	uint32_t nap = 0;

	if (s->below->ops->await(s->below, false) || is_due(s))
		return true;
	if (block)
		thrum__os_futex_wait(&nap, 0, thrum__clock_monotonic_ns() + PERIOD_NS / 4);
	return false;
}

/* A token may be in the hand of another thread at this moment, and here it often is. */
static bool poller_take(struct thrum__poller *p)
{
	struct poller_sim *s = poller_of(p);
	bool missed;

	pthread_mutex_lock(&s->lock);
	missed = one_in(s, 8);
	pthread_mutex_unlock(&s->lock);
	return !missed && s->below->ops->take(s->below);
}

const struct thrum__poller_ops thrum__poller_sim = {
    .name = "sim",
    .create = poller_create,
    .destroy = poller_destroy,
    .watch = poller_watch,
    .unwatch = poller_unwatch,
    .wait = poller_wait,
    .await = poller_await,
    .take = poller_take,
    .post = poller_post,
};

#endif
