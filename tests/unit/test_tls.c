/* SPDX-License-Identifier: MIT */
/* test_tls.c - each thread has its own current worker, and a task finds the one it runs on. */
#include "base/tls.h"
#include "run.h"
#include "sched/worker.h"

static void *thread_has_none(void *unused)
{
	(void)unused;
	must(!thrum__tls_worker());
	thrum__tls_set_worker((void *)64);
	must(thrum__tls_worker() == (void *)64);
	return NULL;
}

START_TEST(each_thread_has_its_own)
{
	must(!thrum__tls_worker());
	thrum__tls_set_worker((void *)128);
	thread_end(thread_of(thread_has_none, NULL));
	must(thrum__tls_worker() == (void *)128);
	thrum__tls_set_worker(NULL);
	must(!thrum__tls_worker());
	thread_end(thread_of(thread_has_none, NULL));
}
END_TEST

static intptr_t task_checks(void *unused)
{
	(void)unused;
	for (int i = 0; i < 200; i++) {
		struct thrum__worker *w = thrum__tls_worker();

		must(w);
		must(&w->current->future == thrum_self());
		must(pthread_equal(w->thread, pthread_self()));
		if (i % 3)
			is_int(thrum_yield(), 0);
		else
			is_int(thrum_sleep(i), 0);
	}
	return 0;
}

TASK_TEST(a_task_finds_its_worker_after_each_wait, 3)
{
	struct thrum_future *fs[20];

	for (int i = 0; i < 20; i++)
		fs[i] = thrum_spawn(task_checks, NULL);
	for (int i = 0; i < 20; i++)
		is_int(thrum_join(fs[i]), 0);
}

static intptr_t job_has_none(void *unused)
{
	(void)unused;
	return thrum__tls_worker() == NULL;
}

TASK_TEST(a_pool_thread_is_no_worker, 1)
{
	is_int(thrum_blocking(job_has_none, NULL), 1);
}

int main(void)
{
	const TTest *const tests[] = {
	    each_thread_has_its_own,
	    a_task_finds_its_worker_after_each_wait,
	    a_pool_thread_is_no_worker,
	};

	return RUN_TESTS("tls", tests);
}
