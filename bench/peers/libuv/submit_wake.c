/* SPDX-License-Identifier: MIT */
/*
 * submit_wake.c - from a thread outside to the loop's first instruction, with the loop asleep.
 *
 * Idiom: uv_async_send, the one call of libuv that other threads may make; what is submitted stands
 * in a word beside it. A semaphore tells the submitter that it has run, so no two sends become one.
 * Fair: the time starts before the send and ends in the callback.
 */
#include "loop.h"

struct submission {
	uv_async_t async;
	uv_loop_t loop;
	uv_sem_t ran;
	int64_t started_ns;
	uint64_t n;
	uint64_t sum;
};

static void first_instruction(uv_async_t *async)
{
	struct submission *submission = (struct submission *)async;

	submission->started_ns = peer_now_ns();
	if (++submission->sum == submission->n)
		uv_close((uv_handle_t *)async, NULL);
	uv_sem_post(&submission->ran);
}

static void run_loop(void *arg)
{
	must("uv_run", uv_run((uv_loop_t *)arg, UV_RUN_DEFAULT));
}

void peer_submit_wake(const struct peer *p)
{
	double *latency_us = (double *)peer_alloc(p->count * sizeof(*latency_us));
	struct submission submission = {.n = p->count};
	uv_thread_t thread;

	need_one_thread(p);
	must("uv_loop_init", uv_loop_init(&submission.loop));
	must("uv_async_init",
	     uv_async_init(&submission.loop, &submission.async, first_instruction));
	must("uv_sem_init", uv_sem_init(&submission.ran, 0));
	must("uv_thread_create", uv_thread_create(&thread, run_loop, &submission.loop));
	for (uint64_t i = 0; i < p->count; i++) {
		int64_t start_ns;

		peer_nap_ns(PEER_GAP_NS);
		start_ns = peer_now_ns();
		must("uv_async_send", uv_async_send(&submission.async));
		uv_sem_wait(&submission.ran);
		latency_us[i] = (double)(submission.started_ns - start_ns) / 1e3;
	}
	must("uv_thread_join", uv_thread_join(&thread));
	must("uv_loop_close", uv_loop_close(&submission.loop));
	uv_sem_destroy(&submission.ran);
	peer_wake_figures(latency_us, p->count);
	peer_sum(submission.sum);
	free(latency_us);
}
