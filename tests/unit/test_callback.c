/* SPDX-License-Identifier: MIT */
/*
 * test_callback.c - on_done and off_done: each registration is called once, never inside set or
 * on_done, on a worker for a task's or a job's future and on the service thread for others.
 */
#define _GNU_SOURCE /* pthread_getname_np */
#include "base/assert.h"
#include "base/atomic.h"
#include "base/tls.h"
#include "child.h"
#include "fiber/sanitize.h"
#include "run.h"
#include "sched/task.h"

/* ThreadSanitizer: a child of a process with threads may start some too. */
const char *__tsan_default_options(void);
const char *__tsan_default_options(void)
{
	return "die_after_fork=0";
}

struct called {
	sem_t done;
	struct atomic32 times;
	struct thrum_future *future;
	char thread[16];
	bool on_worker, in_task, wait_refused;
};

static void called_init(struct called *c)
{
	*c = (struct called){0};
	must(sem_init(&c->done, 0, 0) == 0);
}

static void called_wait(struct called *c)
{
	while (sem_wait(&c->done))
		;
}

static void call(struct thrum_future *f, void *called)
{
	struct called *c = called;
	struct thrum_future *pending = future_new();

	must(thrum_done(f));
	c->future = f;
	pthread_getname_np(pthread_self(), c->thread, sizeof(c->thread));
	c->on_worker = thrum__tls_worker() != NULL;
	c->in_task = thrum_self() != NULL;
	if (c->on_worker)
		c->wait_refused = thrum_await(pending) == -EDEADLK &&
				  thrum_wait_for(pending, 5) == -EDEADLK &&
				  thrum_sleep(1) == -EPERM && !thrum_spawn(task_return, NULL);
	future_drop(pending);
	fetch_add_relaxed(&c->times, 1);
	sem_post(&c->done);
}

static pthread_mutex_t held = PTHREAD_MUTEX_INITIALIZER;

static void call_locks(struct thrum_future *f, void *called)
{
	pthread_mutex_lock(&held);
	pthread_mutex_unlock(&held);
	call(f, called);
}

START_TEST(a_bare_future_s_is_called_by_the_service_thread)
{
	struct thrum_future *f = future_new();
	struct called before, after;

	called_init(&before);
	called_init(&after);
	pthread_mutex_lock(&held);
	is_int(thrum_future_on_done(f, call_locks, &before), 0);
	is_int(load_relaxed(&f->refs), 2);
	thrum_future_set(f, 4); /* calls nothing here: we hold the lock */
	is_int(thrum_future_on_done(f, call_locks, &after), 0);
	is_int(load_relaxed(&before.times) + load_relaxed(&after.times), 0);
	pthread_mutex_unlock(&held);
	called_wait(&before);
	called_wait(&after);
	must(before.future == f && after.future == f);
	is_text(before.thread, "thrum-service");
	is_text(after.thread, "thrum-service");
	must(!before.on_worker && !before.in_task);
	thrum_release(f);
}
END_TEST

static struct called cancelled;

static intptr_t main_registers(void *unused)
{
	struct thrum_future *task = spawn_sleeper(5);
	struct thrum_future *job = thrum_spawn_blocking(task_return, as_arg(2));
	struct called t, late, j;

	(void)unused;
	called_init(&t);
	called_init(&late);
	called_init(&j);
	is_int(thrum_future_on_done(task, call, &t), 0);
	is_int(thrum_future_on_done(job, call, &j), 0);
	is_int(thrum_join(job), 2);
	is_int(thrum_await(task), 0);
	is_int(thrum_future_on_done(task, call, &late), 0);
	settle(); /* a callback that is due holds the virtual clock */
	settle();
	is_int(load_relaxed(&t.times), 1);
	is_int(load_relaxed(&late.times), 1);
	is_int(load_relaxed(&j.times), 1);
	is_text(t.thread, "thrum-w0");
	is_text(late.thread, "thrum-w0");
	is_text(j.thread, "thrum-w0");
	must(t.on_worker && !t.in_task && t.wait_refused);
	must(j.on_worker && !j.in_task && j.wait_refused);
	thrum_release(task);
	task = spawn_sleeper(THRUM_FOREVER);
	is_int(thrum_future_on_done(task, call, &cancelled), 0);
	thrum_release(task); /* to be cancelled at the end */
	return 0;
}

START_TEST(a_task_s_is_called_on_a_worker)
{
	called_init(&cancelled);
	is_int(run_virtual(1, main_registers, NULL), 0);
	is_int(load_relaxed(&cancelled.times), 1);
}
END_TEST

START_TEST(a_future_that_outlived_its_runtime)
{
	struct thrum_runtime *rt = runtime_of(1, THRUM_CLOCK_REAL);
	struct thrum_future *f = thrum_runtime_submit(rt, task_return, as_arg(5));
	struct called c;

	called_init(&c);
	is_int(thrum_await(f), 5);
	is_int(thrum_runtime_destroy(rt), 0);
	is_int(thrum_future_on_done(f, call, &c), 0);
	called_wait(&c);
	is_text(c.thread, "thrum-service");
	is_int(thrum_future_off_done(f, call, &c), -EALREADY);
	thrum_release(f);
}
END_TEST

START_TEST(a_done_task_s_from_outside)
{
	struct thrum_runtime *rt = runtime_of(1, THRUM_CLOCK_REAL);
	struct thrum_future *f = thrum_runtime_submit(rt, task_return, as_arg(5));
	struct called c;

	called_init(&c);
	is_int(thrum_await(f), 5);
	is_int(thrum_future_on_done(f, call, &c), 0);
	called_wait(&c);
	is_text(c.thread, "thrum-w0");
	is_int(thrum_runtime_destroy(rt), 0);
	thrum_release(f);
}
END_TEST

START_TEST(what_is_taken_back_is_not_called)
{
	struct thrum_future *f = future_new();
	struct called a, b;

	called_init(&a);
	called_init(&b);
	is_int(thrum_future_off_done(f, call, &a), -EALREADY);
	is_int(thrum_future_on_done(f, call, &a), 0);
	is_int(thrum_future_on_done(f, call, &a), 0);
	is_int(thrum_future_on_done(f, call, &b), 0);
	is_int(thrum_future_on_done(f, call, &a), 0);
	is_int(load_relaxed(&f->refs), 5);
	is_int(thrum_future_off_done(f, call_locks, &a), -EALREADY);
	is_int(thrum_future_off_done(f, call, f), -EALREADY);
	is_int(thrum_future_off_done(f, call, &a), 0); /* one registration */
	is_int(thrum_future_off_done(f, call, &b), 0);
	is_int(thrum_future_off_done(f, call, &b), -EALREADY);
	is_int(load_relaxed(&f->refs), 3);
	thrum_cancel(f);
	called_wait(&a);
	called_wait(&a);
	is_int(thrum_future_off_done(f, call, &a), -EALREADY);
	is_int(load_relaxed(&a.times), 2);
	is_int(load_relaxed(&b.times), 0);
	thrum_release(f);
}
END_TEST

START_TEST(bad_arguments)
{
	struct thrum_future *f = future_new();

	is_int(thrum_future_on_done(NULL, call, NULL), -EINVAL);
	is_int(thrum_future_on_done(f, NULL, NULL), -EINVAL);
	is_int(thrum_future_off_done(NULL, call, NULL), -EINVAL);
	is_int(thrum_future_off_done(f, NULL, NULL), -EINVAL);
	future_drop(f);
}
END_TEST

static void call_registers_again(struct thrum_future *f, void *called)
{
	is_int(thrum_future_on_done(f, call, called), 0);
}

START_TEST(a_callback_may_register_another)
{
	struct thrum_future *f = future_new();
	struct called c;

	called_init(&c);
	is_int(thrum_future_on_done(f, call_registers_again, &c), 0);
	thrum_future_set(f, 0);
	thrum_release(f); /* the library holds it */
	called_wait(&c);
	is_int(load_relaxed(&c.times), 1);
}
END_TEST

#define THREADS 4
#define EACH 100

static struct thrum_future *shared;
static struct called counted;

static void *thread_registers(void *unused)
{
	(void)unused;
	for (int i = 0; i < EACH; i++)
		is_int(thrum_future_on_done(shared, call, &counted), 0);
	return NULL;
}

START_TEST(each_of_many_is_called_once)
{
	pthread_t threads[THREADS];

	shared = future_new();
	called_init(&counted);
	for (int i = 0; i < THREADS; i++)
		threads[i] = thread_of(thread_registers, NULL);
	thrum_future_set(shared, 1);
	for (int i = 0; i < THREADS; i++)
		thread_end(threads[i]);
	for (int i = 0; i < THREADS * EACH; i++)
		called_wait(&counted);
	is_int(load_relaxed(&counted.times), THREADS * EACH);
	is_int(sem_trywait(&counted.done), -1);
	thrum_release(shared);
}
END_TEST

static void child_registers(void)
{
	struct thrum_future *f = future_new();
	struct timespec limit;
	struct called c;

	called_init(&c);
	is_int(thrum_future_on_done(f, call, &c), 0);
	thrum_future_set(f, 0);
	clock_gettime(CLOCK_REALTIME, &limit);
	limit.tv_sec += 5;
	must(sem_timedwait(&c.done, &limit) == 0);
	is_int(run_real(1, task_return, as_arg(2)), 2);
}

/* Forked while no runtime lives, a child is a process like any other: it can have callbacks. */
START_TEST(a_child_has_a_service_thread_of_its_own)
{
	struct thrum_future *f = future_new();
	struct called c;
	char err[1000];

	called_init(&c);
	is_int(thrum_future_on_done(f, call, &c), 0);
	thrum_future_set(f, 0);
	called_wait(&c);
	thrum_release(f);
	ck_assert_msg(child_run(child_registers, err, sizeof(err)) == 0, "%s", err);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
	    a_bare_future_s_is_called_by_the_service_thread,
	    a_task_s_is_called_on_a_worker,
	    a_future_that_outlived_its_runtime,
	    a_done_task_s_from_outside,
	    what_is_taken_back_is_not_called,
	    bad_arguments,
	    a_callback_may_register_another,
	    each_of_many_is_called_once,
	    a_child_has_a_service_thread_of_its_own,
	};

	return RUN_TESTS("callback", tests);
}
