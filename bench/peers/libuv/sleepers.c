/* SPDX-License-Identifier: MIT */
/*
 * sleepers.c - many timers, each once, of a random length up to a second.
 *
 * Idiom: a uv_timer_t for each, in one array; the clock is read before each start (uv_update_time),
 * as a loop that starts so many must, and the loop turns after every 1,024. Fair: these are timers
 * with a callback, no tasks, so compare with stackless ones. libuv counts whole milliseconds and
 * rounds its clock down: a sleep is rounded up to them, its deadline is the time of the call and
 * the rounded length, and a callback may come up to a millisecond early.
 */
#include "loop.h"

struct sleeper {
	uv_timer_t timer;
	int64_t deadline_ns;
	double *late_ms;
};

static uint64_t woken;

static void wake(uv_timer_t *timer)
{
	struct sleeper *sleeper = (struct sleeper *)timer;

	*sleeper->late_ms = (double)(peer_now_ns() - sleeper->deadline_ns) / 1e6;
	woken++;
}

static void start_sleeper(uv_loop_t *loop, struct sleeper *sleeper, double *late_ms, int64_t ns)
{
	uint64_t ms = (uint64_t)(ns + 999999) / 1000000;

	sleeper->late_ms = late_ms;
	must("uv_timer_init", uv_timer_init(loop, &sleeper->timer));
	sleeper->deadline_ns = peer_now_ns() + (int64_t)ms * 1000000;
	uv_update_time(loop);
	must("uv_timer_start", uv_timer_start(&sleeper->timer, wake, ms, 0));
}

void peer_sleepers(const struct peer *p)
{
	struct sleeper *sleepers = (struct sleeper *)peer_alloc(p->count * sizeof(*sleepers));
	double *late_ms = (double *)peer_alloc(p->count * sizeof(*late_ms));
	uv_loop_t *loop = uv_default_loop();
	uint64_t state = 1;
	int64_t cpu_ns;

	need_one_thread(p);
	cpu_ns = peer_cpu_ns();
	for (uint64_t i = 0; i < p->count; i++) {
		int64_t ns = (int64_t)(work_xorshift64(&state) % 1000000000);

		start_sleeper(loop, &sleepers[i], &late_ms[i], ns);
		if (i % 1024 == 1023)
			must("uv_run", uv_run(loop, UV_RUN_NOWAIT));
	}
	must("uv_run", uv_run(loop, UV_RUN_DEFAULT));
	cpu_ns = peer_cpu_ns() - cpu_ns;
	peer_figure("cpu", "s", (double)cpu_ns / 1e9);
	peer_figure("late p99", "ms", peer_percentile(late_ms, p->count, 0.99));
	peer_sum(woken);
	free(late_ms);
	free(sleepers);
}
