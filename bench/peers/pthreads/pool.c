/* SPDX-License-Identifier: MIT */
/*
 * pool.c - see pool.h.
 */
#include "pool.h"

#include "../peer.h"

static struct job *take(struct pool *pool)
{
	struct job *job;

	while (!pool->first && !pool->stop) {
		pool->sleeping++;
		pthread_cond_wait(&pool->queued, &pool->mutex);
		pool->sleeping--;
	}
	job = pool->first;
	if (job) {
		pool->first = job->next;
		if (!pool->first)
			pool->last = &pool->first;
	}
	return job;
}

static void *serve(void *arg)
{
	struct pool *pool = arg;
	struct job *job;

	pthread_mutex_lock(&pool->mutex);
	while ((job = take(pool))) {
		pthread_mutex_unlock(&pool->mutex);
		job->result = job->fn(job->arg);
		pthread_mutex_lock(&pool->mutex);
		job->done = true;
		if (pool->awaited == job)
			pthread_cond_signal(&pool->finished);
	}
	pthread_mutex_unlock(&pool->mutex);
	return NULL;
}

void pool_init(struct pool *pool, unsigned n_threads)
{
	memset(pool, 0, sizeof(*pool));
	pthread_mutex_init(&pool->mutex, NULL);
	pthread_cond_init(&pool->queued, NULL);
	pthread_cond_init(&pool->finished, NULL);
	pool->last = &pool->first;
	pool->n_threads = n_threads;
	if (n_threads > POOL_THREADS_MAX)
		peer_skip("at most %d threads", POOL_THREADS_MAX);
	for (unsigned i = 0; i < n_threads; i++) {
		if (pthread_create(&pool->threads[i], NULL, serve, pool))
			peer_fail("no thread");
	}
}

void pool_add(struct pool *pool, struct job *job)
{
	job->next = NULL;
	job->done = false;
	pthread_mutex_lock(&pool->mutex);
	*pool->last = job;
	pool->last = &job->next;
	if (pool->sleeping)
		pthread_cond_signal(&pool->queued);
	pthread_mutex_unlock(&pool->mutex);
}

intptr_t pool_wait(struct pool *pool, struct job *job)
{
	pthread_mutex_lock(&pool->mutex);
	pool->awaited = job;
	while (!job->done)
		pthread_cond_wait(&pool->finished, &pool->mutex);
	pthread_mutex_unlock(&pool->mutex);
	return job->result;
}

void pool_fini(struct pool *pool)
{
	pthread_mutex_lock(&pool->mutex);
	pool->stop = true;
	pthread_cond_broadcast(&pool->queued);
	pthread_mutex_unlock(&pool->mutex);
	for (unsigned i = 0; i < pool->n_threads; i++)
		pthread_join(pool->threads[i], NULL);
}
