/* SPDX-License-Identifier: MIT */
/*
 * one_task - task = create_task(delay(3)); print(task); print(await task): a handle until awaited.
 * Runs with one worker: with more, another one may have started the task when its state is printed.
 */
#include "say.h"

static intptr_t delay(void *arg)
{
	intptr_t seconds = (intptr_t)arg;

	say("sleeping for %ld second(s)", (long)seconds);
	thrum_sleep(seconds * T);
	say("finished sleeping for %ld second(s)", (long)seconds);
	return seconds;
}

static intptr_t main_task(void *arg)
{
	struct thrum_future *task = thrum_spawn(delay, (void *)3);
	intptr_t result;

	(void)arg;
	say("task %s: %s", thrum_name(task), thrum_state_name(task));
	result = thrum_await(task);
	say("%ld", (long)result);
	say("task %s: %s", thrum_name(task), thrum_state_name(task));
	thrum_release(task);
	return 0;
}

int main(void)
{
	return run(main_task, NULL) != 0;
}
