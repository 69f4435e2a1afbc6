/* SPDX-License-Identifier: MIT */
/*
 * parked_memory.c - what a wait costs that never ends.
 *
 * Idiom: a uv_timer_t that is never due, malloc'd on its own; at the end uv_walk closes each and
 * its close callback frees it. Fair only beside other waits without a stack: it is a callback and
 * the loop's entry for it, not a task.
 */
#include "loop.h"

static uint64_t ended;

static void never(uv_timer_t *timer)
{
	(void)timer;
	peer_fail("a timer that is never due was");
}

static void free_timer(uv_handle_t *handle)
{
	free(handle);
	ended++;
}

static void end_timer(uv_handle_t *handle, void *arg)
{
	(void)arg;
	uv_close(handle, free_timer);
}

void peer_parked_memory(const struct peer *p)
{
	int64_t base = peer_memory_bytes(), bytes, start_ns, made_ns, end_ns;
	uv_loop_t *loop = uv_default_loop();

	need_one_thread(p);
	start_ns = peer_now_ns();
	for (uint64_t i = 0; i < p->count; i++) {
		uv_timer_t *timer = (uv_timer_t *)peer_alloc(sizeof(*timer));

		must("uv_timer_init", uv_timer_init(loop, timer));
		must("uv_timer_start", uv_timer_start(timer, never, UINT64_MAX, 0));
	}
	must("uv_run", uv_run(loop, UV_RUN_NOWAIT));
	made_ns = peer_now_ns();
	bytes = peer_memory_bytes() - base;
	end_ns = peer_now_ns();
	uv_walk(loop, end_timer, NULL);
	must("uv_run", uv_run(loop, UV_RUN_DEFAULT));
	end_ns = peer_now_ns() - end_ns;
	peer_figure("bytes", "B", (double)bytes / (double)p->count);
	peer_figure("create", "s", (double)(made_ns - start_ns) / 1e9);
	peer_figure("end", "s", (double)end_ns / 1e9);
	peer_sum(ended);
}
