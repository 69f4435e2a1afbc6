/* SPDX-License-Identifier: MIT */
/*
 * test_shield.c - a shield completes as what it shields does; its cancellation ends it alone; no
 * reference and no node stays.
 */
#include "base/assert.h"
#include "base/os.h"
#include "run.h"
#include "sched/task.h"

TASK_TEST(a_shield_follows, 1)
{
	const intptr_t results[] = {0, 7, -EIO, -ECANCELED, -5000};

	for (int i = 0; i < 5; i++) {
		struct thrum_future *f = future_new(), *s = thrum_shield(f);

		is_text(thrum_state_name(s), "pending");
		is_int(thrum_result(s), -EINPROGRESS);
		is_int(load_relaxed(&f->refs), 2);
		thrum_future_set(f, results[i]);
		is_int(thrum_result(s), results[i]);
		is_int(thrum_cancelled(s), results[i] == -ECANCELED);
		is_int(load_relaxed(&s->refs), 1);
		is_int(thrum_join(s), results[i]);
		is_int(load_relaxed(&f->refs), 1);
		thrum_release(f);
	}
	must(!thrum_shield(NULL));
}

TASK_TEST(a_shield_of_a_done_future_is_done, 1)
{
	struct thrum_future *f = future_new(), *s;

	thrum_future_set(f, 3);
	s = thrum_shield(f);
	must(thrum_done(s));
	is_int(thrum_cancel(s), -EALREADY);
	thrum_release(f);
	is_int(thrum_join(s), 3);
}

TASK_TEST(a_cancel_ends_the_shield_alone, 1)
{
	struct thrum_future *f = spawn_sleeper(100), *s = thrum_shield(f);

	is_int(thrum_cancel(s), 0);
	must(thrum_cancelled(s));
	is_int(thrum_cancel(s), -EALREADY);
	is_int(thrum_future_set(s, 1), -EINVAL);
	is_int(thrum_await(s), -ECANCELED);
	is_int(thrum_join(s), -ECANCELED);
	is_int(load_relaxed(&f->word), 0);
	is_int(load_relaxed(&f->refs), 2); /* the runtime's and ours */
	is_int(thrum_join(f), 0);
	is_int(thrum_now(), 100);
}

static intptr_t task_waits_for_shield(void *f)
{
	struct thrum_future *s = thrum_shield(f);
	intptr_t r = thrum_wait_for(s, THRUM_SEC(1));

	thrum_release(s);
	return r;
}

TASK_TEST(wait_for_a_shield_leaves_the_task, 1)
{
	struct thrum_future *f = spawn_sleeper(THRUM_SEC(3));
	struct thrum_future *waiter = thrum_spawn(task_waits_for_shield, f);

	settle();
	thrum_cancel(waiter);
	is_int(thrum_join(waiter), -ECANCELED);
	must(!thrum_done(f));
	is_int(thrum_join(thrum_spawn(task_waits_for_shield, f)), -ETIMEDOUT);
	must(!thrum_done(f));
	is_int(thrum_join(f), 0);
	is_int(thrum_now(), THRUM_SEC(3));
}

TASK_TEST(cancelling_the_shielded_is_seen, 1)
{
	struct thrum_future *f = spawn_sleeper(THRUM_SEC(3)), *s = thrum_shield(f);

	thrum_cancel(f);
	is_int(thrum_await(s), -ECANCELED);
	thrum_release(s);
	is_int(thrum_join(f), -ECANCELED);
}

TASK_TEST(a_released_shield_leaves_nothing, 1)
{
	struct thrum_future *f = future_new();

	for (int i = 0; i < 1000; i++) {
		struct thrum_future *s = thrum_shield(f);

		thrum_retain(s);
		thrum_release(s);
		is_int(load_relaxed(&f->refs), 2);
		thrum_release(s);
		is_int(load_relaxed(&f->refs), 1);
		is_int(load_relaxed(&f->word), 0);
	}
	future_drop(f);
}

TASK_TEST(several_shields_of_one, 1)
{
	struct thrum_future *f = spawn_sleeper(10), *shields[20];

	for (int i = 0; i < 20; i++)
		shields[i] = thrum_shield(f);
	for (int i = 0; i < 20; i += 2)
		is_int(thrum_cancel(shields[i]), 0);
	thrum_release(f); /* the shields hold it */
	for (int i = 0; i < 20; i++)
		is_int(thrum_join(shields[i]), i % 2 ? 0 : -ECANCELED);
}

/* Long chains complete without a deep stack, in whatever order their links are released. */
static void chain_of(int n, bool from_below)
{
	struct thrum_future **links = malloc((size_t)(n + 1) * sizeof(*links));

	must(links);
	links[0] = future_new();
	for (int i = 1; i <= n; i++)
		must(links[i] = thrum_shield(links[i - 1]));
	if (from_below)
		for (int i = 1; i < n; i++)
			thrum_release(links[i]);
	thrum_future_set(links[0], 21);
	is_int(thrum_await(links[n]), 21);
	if (!from_below)
		for (int i = 1; i < n; i++)
			is_int(thrum_join(links[i]), 21);
	is_int(thrum_join(links[n]), 21);
	thrum_release(links[0]);
	free(links);
}

TASK_TEST(chains_of_shields, 1)
{
	for (int n = 1; n < 40; n++)
		chain_of(n, n % 2);
	chain_of(20000, false);
	chain_of(20000, true);
}

TASK_TEST(a_chain_released_unset, 1)
{
	struct thrum_future *f = future_new(), *s = f;

	for (int i = 0; i < 20000; i++) {
		struct thrum_future *next = thrum_shield(s);

		must(next);
		if (s != f)
			thrum_release(s);
		s = next;
	}
	is_int(load_relaxed(&f->refs), 2);
	thrum_release(s);
	is_int(load_relaxed(&f->refs), 1);
	is_int(load_relaxed(&f->word), 0);
	future_drop(f);
}

TASK_TEST(a_cancel_in_a_chain_ends_what_is_above, 1)
{
	struct thrum_future *f = future_new(), *a = thrum_shield(f), *b = thrum_shield(a),
			    *c = thrum_shield(b);

	is_int(thrum_cancel(b), 0);
	is_int(thrum_join(c), -ECANCELED);
	must(!thrum_done(a));
	is_int(thrum_join(b), -ECANCELED);
	thrum_future_set(f, 2);
	is_int(thrum_join(a), 2);
	thrum_release(f);
}

struct pair {
	struct thrum_future *f, *s;
	pthread_barrier_t start;
};

static void *thread_sets(void *pair)
{
	struct pair *p = pair;

	pthread_barrier_wait(&p->start);
	thrum_future_set(p->f, 6);
	return NULL;
}

static void *thread_cancels(void *pair)
{
	struct pair *p = pair;

	pthread_barrier_wait(&p->start);
	(void)thrum_cancel(p->s);
	return NULL;
}

/* A cancel has begun and not ended: what its target does meanwhile takes no node back. */
TASK_TEST(a_token_is_asked_in_the_middle_of_a_cancel, 1)
{
	struct thrum_token *token = thrum_token_create(NULL);
	struct thrum_future *s = thrum_token_future(token, THRUM_HARD);

	must(thrum__future_claim(s));
	is_int(thrum_token_cancel(token, THRUM_HARD, 7), 0);
	is_int(load_relaxed(&s->refs), 1);
	thrum__future_complete(s, -ECANCELED);
	is_int(thrum_join(s), -ECANCELED);
	thrum_token_release(token);
}

/* One of the two decides; nothing is lost either way. */
TASK_TEST(set_beside_cancel, 2)
{
	struct pair p;

	for (int i = 0; i < 50; i++) {
		pthread_t setter, canceller;
		intptr_t r;

		p.f = future_new();
		p.s = thrum_shield(p.f);
		pthread_barrier_init(&p.start, NULL, 2);
		setter = thread_of(thread_sets, &p);
		canceller = thread_of(thread_cancels, &p);
		r = thrum_await(p.s);
		must(r == 6 || r == -ECANCELED);
		thread_end(setter);
		thread_end(canceller);
		is_int(thrum_join(p.s), r);
		is_int(load_relaxed(&p.f->refs), 1);
		is_int(thrum_join(p.f), 6);
		pthread_barrier_destroy(&p.start);
	}
}

int main(void)
{
	const TTest *const tests[] = {
	    a_shield_follows,
	    a_shield_of_a_done_future_is_done,
	    a_cancel_ends_the_shield_alone,
	    wait_for_a_shield_leaves_the_task,
	    cancelling_the_shielded_is_seen,
	    a_released_shield_leaves_nothing,
	    several_shields_of_one,
	    chains_of_shields,
	    a_chain_released_unset,
	    a_cancel_in_a_chain_ends_what_is_above,
	    a_token_is_asked_in_the_middle_of_a_cancel,
	    set_beside_cancel,
	};

	return RUN_TESTS("shield", tests);
}
