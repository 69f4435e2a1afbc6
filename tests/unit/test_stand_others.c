/* SPDX-License-Identifier: MIT */
/*
 * test_stand_others.c - calls that wait in a queue, beside others and elsewhere: threads, jobs,
 * several runtimes, one that is destroyed; in callbacks, in a forked child, without memory.
 */
#include "base/os.h"
#include "outcome.h"
#include "sched/await.h"
#include "sched/stand.h"
#include "standing.h"

/* A test for each kind. */
#define EACH(name)                                         \
	static void name##_body(const struct standing *s); \
	START_TEST(name)                                   \
	{                                                  \
		name##_body(&standings[_i]);               \
	}                                                  \
	END_TEST                                           \
	static void name##_body(const struct standing *s)

struct outsider {
	const struct standing *s;
	int64_t own_ns;
	pthread_t thread;
	int err;
};

static void *thread_waits(void *outsider)
{
	struct outsider *o = outsider;

	o->err = o->s->wait(o->own_ns);
	return NULL;
}

static struct outsider outsider_new(const struct standing *s)
{
	return (struct outsider){.s = s, .own_ns = THRUM_FOREVER};
}

static void outsider_start(struct outsider *o)
{
	o->thread = thread_of(thread_waits, o);
}

static int outsider_end(struct outsider *o)
{
	thread_end(o->thread);
	return o->err;
}

static intptr_t task_waits(void *standing)
{
	return ((const struct standing *)standing)->wait(THRUM_FOREVER);
}

static struct thrum_future *submit(struct thrum_runtime *rt, const struct standing *s)
{
	struct thrum_future *f = thrum_runtime_submit(rt, task_waits, (void *)s);

	must(f);
	return f;
}

/* One that can wait does, and goes on. */
static void is_in_order(const struct standing *s)
{
	struct outsider next = outsider_new(s);
	unsigned before = turns_of(s);

	outsider_start(&next);
	until_turns(s, before + 1);
	s->let_go();
	is_int(outsider_end(&next), 0);
}

/* ---- Threads and runtimes ---- */

static struct thrum_runtime *rts[2];

static void rts_create(void)
{
	rts[0] = runtime_of(2, THRUM_CLOCK_REAL);
	rts[1] = runtime_of(1, THRUM_CLOCK_VIRTUAL);
}

static void rts_destroy(void)
{
	is_int(thrum_runtime_destroy(rts[0]), 0);
	is_int(thrum_runtime_destroy(rts[1]), 0);
}

static intptr_t let_go_of_all(void *standing)
{
	const struct standing *s = standing;
	struct outsider o[2] = {outsider_new(s), outsider_new(s)};
	struct thrum_future *fs[4];

	s->begin(6);
	for (int i = 0; i < 4; i++)
		fs[i] = submit(rts[i % 2], s);
	outsider_start(&o[0]);
	outsider_start(&o[1]);
	until_turns(s, 6);
	s->let_go();
	for (int i = 0; i < 4; i++)
		is_int(thrum_join(fs[i]), 0);
	is_int(outsider_end(&o[0]), 0);
	is_int(outsider_end(&o[1]), 0);
	is_int(turns_of(s), 0);
	s->end();
	return 0;
}

EACH(a_thread_lets_go_of_all)
{
	rts_create();
	is_int(let_go_of_all((void *)s), 0);
	rts_destroy();
}

EACH(a_task_of_a_third_runtime_lets_go_of_all)
{
	rts_create();
	is_int(run_real(2, let_go_of_all, (void *)s), 0);
	rts_destroy();
}

EACH(who_waits_in_a_runtime_that_ends_leaves)
{
	struct thrum_future *ended[2], *others[3];

	rts_create();
	s->begin(3);
	for (int i = 0; i < 2; i++)
		ended[i] = submit(rts[0], s);
	others[0] = submit(rts[1], s);
	until_turns(s, 3);
	is_int(thrum_runtime_destroy(rts[0]), 0);
	for (int i = 0; i < 2; i++)
		is_int(thrum_join(ended[i]), -ECANCELED);
	until_turns(s, 1); /* who stood behind them may have to run first to be in front */
	for (int i = 1; i < 3; i++)
		others[i] = submit(rts[1], s);
	until_turns(s, 3);
	s->let_go();
	for (int i = 0; i < 3; i++)
		is_int(thrum_join(others[i]), 0);
	s->end();
	is_int(thrum_runtime_destroy(rts[1]), 0);
}

/* A thread hears no cancel, but of its own deadline. */
EACH(a_thread_has_a_deadline)
{
	struct outsider o = outsider_new(s);
	int64_t now = thrum_now();

	if (!s->has_until)
		return;
	s->begin(1);
	for (int64_t until_ns = now - 1; until_ns <= now + THRUM_MS(1); until_ns += THRUM_US(500)) {
		o.own_ns = until_ns;
		outsider_start(&o);
		is_int(outsider_end(&o), -ETIMEDOUT);
		must(thrum_now() >= until_ns);
		is_int(turns_of(s), 0);
	}
	is_in_order(s);
	o.own_ns = now;
	if (s->is_open) {
		outsider_start(&o);
		is_int(outsider_end(&o), 0);
	}
	s->end();
}

/* At about the same time: it has it, or nothing is lost. */
EACH(let_go_beside_a_deadline)
{
	if (!s->has_until || s->counts)
		return;
	for (unsigned i = 0; i < 20 + scaled(200); i++) {
		struct outsider o[2] = {outsider_new(s), outsider_new(s)};

		s->begin(2);
		for (int k = 0; k < 2; k++) {
			o[k].own_ns = thrum_now() + THRUM_US(i % 100);
			outsider_start(&o[k]);
		}
		while (thrum_now() < o[0].own_ns)
			spin_hint();
		s->let_go();
		for (int k = 0; k < 2; k++) {
			int err = outsider_end(&o[k]);

			must(err == 0 || err == -ETIMEDOUT);
		}
		is_int(turns_of(s), 0);
		s->end();
	}
}

static intptr_t main_of_a_job(void *standing)
{
	const struct standing *s = standing;
	struct thrum_future *job;

	s->begin(1);
	job = thrum_spawn_blocking(task_waits, (void *)s);
	must(job);
	until_turns(s, 1);
	s->let_go();
	is_int(thrum_join(job), 0);
	s->end();
	return 0;
}

EACH(a_job_waits_as_a_thread_does)
{
	is_int(run_virtual(1, main_of_a_job, (void *)s), 0);
}

/* ---- Where nobody may wait ---- */

static int in_callback[2];

static void call_waits(struct thrum_future *f, void *standing)
{
	const struct standing *s = standing;

	(void)f;
	in_callback[0] = s->wait(THRUM_FOREVER);
	in_callback[1] = s->wait(0);
}

static void wait_in_a_callback(const struct standing *s)
{
	struct thrum_future *f = thrum_spawn(task_return, NULL);

	memset(in_callback, 0, sizeof(in_callback));
	is_int(thrum_future_on_done(f, call_waits, (void *)s), 0);
	is_int(thrum_join(f), 0);
	settle(); /* a callback that is due holds the virtual clock */
	is_int(in_callback[0], -EDEADLK);
	is_int(in_callback[1], -EDEADLK);
	is_int(turns_of(s), 0);
}

/* The service thread calls when a bare future is set. */
static sem_t have_called;

static void call_waits_and_posts(struct thrum_future *f, void *standing)
{
	call_waits(f, standing);
	sem_post(&have_called);
}

EACH(in_a_callback_of_the_service_thread)
{
	struct thrum_future *f = future_new();

	must(sem_init(&have_called, 0, 0) == 0);
	s->begin(1);
	memset(in_callback, 0, sizeof(in_callback));
	is_int(thrum_future_on_done(f, call_waits_and_posts, (void *)s), 0);
	is_int(thrum_future_set(f, 0), 0);
	while (sem_wait(&have_called))
		;
	is_int(in_callback[0], -EDEADLK);
	is_int(in_callback[1], -EDEADLK);
	is_in_order(s);
	s->end();
	thrum_release(f);
	sem_destroy(&have_called);
}

static intptr_t main_calls_back(void *standing)
{
	const struct standing *s = standing;

	s->begin(1);
	wait_in_a_callback(s);
	if (s->is_open) { /* even if it need not wait */
		s->let_go();
		wait_in_a_callback(s);
	} else {
		is_in_order(s);
	}
	s->end();
	return 0;
}

EACH(in_a_callback)
{
	is_int(run_virtual(1, main_calls_back, (void *)s), 0);
}

static const struct standing *of_parent;

static void child_waits(void)
{
	is_int(of_parent->wait(THRUM_FOREVER), -ENOTSUP);
	is_int(of_parent->wait(0), -ENOTSUP);
}

static void wait_in_a_child(const struct standing *s)
{
	of_parent = s;
	passes(child_waits);
}

static intptr_t main_forks(void *standing)
{
	const struct standing *s = standing;
	struct outsider o = outsider_new(s);

	s->begin(1);
	wait_in_a_child(s);
	outsider_start(&o);
	until_turns(s, 1);
	wait_in_a_child(s);
	s->let_go();
	is_int(outsider_end(&o), 0);
	if (s->is_open)
		wait_in_a_child(s);
	s->end();
	return 0;
}

EACH(in_a_child_that_a_task_forked)
{
	is_int(run_virtual(1, main_forks, (void *)s), 0);
}

EACH(in_a_child_that_a_thread_forked)
{
	rts_create();
	is_int(main_forks((void *)s), 0);
	rts_destroy();
}

/* ---- Without memory ---- */

#ifdef THRUM_FAULTS
/* In a runtime that has had no timer yet. */
static intptr_t task_without_timer(void *standing)
{
	const struct standing *s = standing;
	struct thrum_timeout t;
	int own, around;

	thrum__fault_set(1, true);
	own = s->has_until ? s->wait(thrum_now() + 10) : -ENOMEM;
	thrum_timeout_begin(&t, 10);
	around = s->wait(THRUM_FOREVER);
	must(!thrum_timeout_end(&t));
	thrum__fault_set(0, false);
	is_int(own, -ENOMEM);
	is_int(around, -ENOMEM);
	return turns_of(s);
}

static intptr_t main_without_timer(void *standing)
{
	const struct standing *s = standing;

	s->begin(1);
	is_int(thrum_join(thrum_spawn(task_without_timer, standing)), 0);
	is_in_order(s);
	s->end();
	return 0;
}

EACH(no_memory_for_a_timer)
{
	is_int(run_virtual(1, main_without_timer, (void *)s), 0);
}

/* All parkers that there are. */
static unsigned parkers_take(struct thrum__parker *taken[], unsigned max)
{
	unsigned n = 0;

	thrum__fault_set(1, true);
	while (n < max && (taken[n] = thrum__outside_begin()))
		n++;
	must(n < max);
	return n;
}

static void parkers_give_back(struct thrum__parker *taken[], unsigned n)
{
	thrum__fault_set(0, false);
	while (n)
		thrum__outside_end(taken[--n]);
}

/* It is told, and those that wait do not hear of it; to let go needs none; and what is there is had
 * all the same. */
EACH(no_memory_for_a_thread_that_waits)
{
	bool is_ours = s->begin == mutex_begin; /* what a thread must not wait for then */
	struct thrum__parker *taken[1000];
	struct thrum_future *fs[3];
	int err[2] = {-ENOMEM, -ENOMEM};
	unsigned n;

	rts_create();
	s->begin(3);
	for (unsigned i = 0; i < 2; i++) {
		fs[i] = submit(rts[0], s);
		until_turns(s, i + 1);
	}
	n = parkers_take(taken, 1000);
	if (!is_ours)
		err[0] = s->wait(THRUM_FOREVER);
	if (!is_ours && s->has_until)
		err[1] = s->wait(thrum_now() + 1);
	parkers_give_back(taken, n);
	is_int(err[0], -ENOMEM);
	is_int(err[1], -ENOMEM);
	is_int(turns_of(s), 2);
	fs[2] = submit(rts[1], s);
	until_turns(s, 3);
	n = parkers_take(taken, 1000);
	s->let_go();
	for (int i = 0; i < 3; i++)
		while (!thrum_done(fs[i]))
			thread_yield();
	err[0] = s->is_open ? s->wait(THRUM_FOREVER) : 0;
	parkers_give_back(taken, n);
	is_int(err[0], 0);
	for (int i = 0; i < 3; i++)
		is_int(thrum_join(fs[i]), 0);
	s->end();
	rts_destroy();
}

/* The same memory is for one after another. */
EACH(a_thread_gives_its_parker_back)
{
	struct outsider o = outsider_new(s);

	if (!s->has_until)
		return;
	s->begin(1);
	o.own_ns = thrum_now();
	for (int i = 0; i < 100; i++) {
		outsider_start(&o);
		is_int(outsider_end(&o), -ETIMEDOUT);
		if (i == 0)
			thrum__fault_set(1, true);
	}
	thrum__fault_set(0, false);
	s->end();
}
#endif

#define ADD(name) tcase_add_loop_test(tc, name, 0, STANDINGS)

int main(void)
{
	TCase *tc = tcase_create("stand_others");

	tcase_set_timeout(tc, 60);
	ADD(a_thread_lets_go_of_all);
	ADD(a_task_of_a_third_runtime_lets_go_of_all);
	ADD(who_waits_in_a_runtime_that_ends_leaves);
	ADD(a_thread_has_a_deadline);
	ADD(let_go_beside_a_deadline);
	ADD(a_job_waits_as_a_thread_does);
	ADD(in_a_callback);
	ADD(in_a_callback_of_the_service_thread);
	ADD(in_a_child_that_a_task_forked);
	ADD(in_a_child_that_a_thread_forked);
#ifdef THRUM_FAULTS
	ADD(no_memory_for_a_timer);
	ADD(no_memory_for_a_thread_that_waits);
	ADD(a_thread_gives_its_parker_back);
#endif
	return run_case("stand_others", tc);
}
