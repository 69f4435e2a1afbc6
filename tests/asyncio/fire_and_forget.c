/* SPDX-License-Identifier: MIT */
/*
 * fire_and_forget - create_task(foo('test')) and no await: main returns while others still sleep,
 * and asyncio.run cancels them.  Runs with one worker.
 */
#include "say.h"

static struct thrum_future *grandchild;

static intptr_t nap(void *arg)
{
	(void)arg;
	return thrum_sleep(T);
}

static intptr_t foo(void *arg)
{
	const char *text = arg;

	say("%s", text);
	grandchild = thrum_spawn(nap, NULL);
	return thrum_await(grandchild);
}

static intptr_t main_task(void *arg)
{
	int error;

	(void)arg;
	say("time");
	error = thrum_go(foo, "test");
	say("finished");
	/* The one turn that asyncio's loop still takes after its main task. */
	thrum_yield();
	return error;
}

int main(void)
{
	intptr_t result = run(main_task, NULL);

	/* A future may outlive its runtime. */
	say("the grandchild was %s", thrum_state_name(grandchild));
	thrum_release(grandchild);
	return result != 0;
}
