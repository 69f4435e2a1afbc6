/* SPDX-License-Identifier: MIT */
/*
 * threads.c - see threads.h.
 */
#define _GNU_SOURCE
#include "threads.h"

#include <sched.h>

#define STACK_BYTES (64 << 10)

struct thread {
	pthread_t id;
	void (*fn)(struct member *me);
	struct member me;
	pthread_barrier_t *gate; /* all meet there twice: when they have started, to be let go */
};

void threads_stay(const struct peer *p)
{
	cpu_set_t one;

	if (p->workers > 1)
		return;
	CPU_ZERO(&one);
	CPU_SET(sched_getcpu(), &one);
	if (sched_setaffinity(0, sizeof(one), &one))
		peer_skip("the threads cannot be kept on one CPU");
}

static void *run(void *arg)
{
	struct thread *thread = arg;

	pthread_barrier_wait(thread->gate);
	pthread_barrier_wait(thread->gate);
	thread->fn(&thread->me);
	return NULL;
}

int64_t threads_run(void (*fn)(struct member *me), void *work, uint64_t n, uint64_t *sum)
{
	struct thread *threads = peer_alloc(n * sizeof(*threads));
	pthread_barrier_t gate;
	pthread_attr_t small;
	int64_t start_ns, ns;

	pthread_barrier_init(&gate, NULL, (unsigned)n + 1);
	pthread_attr_init(&small);
	pthread_attr_setstacksize(&small, STACK_BYTES);
	for (uint64_t i = 0; i < n; i++) {
		threads[i] =
		    (struct thread){.fn = fn, .me = {.work = work, .number = i}, .gate = &gate};
		if (pthread_create(&threads[i].id, &small, run, &threads[i]))
			peer_skip("no more than %" PRIu64 " threads", i);
	}
	pthread_attr_destroy(&small);
	pthread_barrier_wait(&gate);
	start_ns = peer_now_ns();
	pthread_barrier_wait(&gate);
	for (uint64_t i = 0; i < n; i++) {
		pthread_join(threads[i].id, NULL);
		*sum += threads[i].me.sum;
	}
	ns = peer_now_ns() - start_ns;
	pthread_barrier_destroy(&gate);
	free(threads);
	return ns;
}
