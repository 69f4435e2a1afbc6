/* SPDX-License-Identifier: MIT */
/*
 * pool.h - the thread pool of a C program: threads that take from one queue under one mutex.
 *
 * A job is in the queue, then with one thread, then done; its fields change hands under the mutex.
 * Nobody is woken who does not wait: pool_add signals one sleeping thread, and a thread that has
 * done a job signals only if somebody waits for that one.
 */
#ifndef THRUM_BENCH_PTHREADS_POOL_H
#define THRUM_BENCH_PTHREADS_POOL_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#define POOL_THREADS_MAX 64

struct job {
	struct job *next;
	intptr_t (*fn)(intptr_t arg);
	intptr_t arg;
	intptr_t result;
	bool done;
};

struct pool {
	pthread_mutex_t mutex;
	pthread_cond_t queued;
	pthread_cond_t finished;
	struct job *first, **last;
	struct job *awaited; /* somebody sleeps until it is done */
	bool stop;
	unsigned sleeping;
	unsigned n_threads;
	pthread_t threads[POOL_THREADS_MAX];
};

void pool_init(struct pool *pool, unsigned n_threads);
void pool_add(struct pool *pool, struct job *job);
intptr_t pool_wait(struct pool *pool, struct job *job);
/* All jobs have been waited for. */
void pool_fini(struct pool *pool);

#endif
