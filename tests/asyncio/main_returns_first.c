/* SPDX-License-Identifier: MIT */
/*
 * main_returns_first - a task prints 'test' every second; main returns after 1.5 and asyncio.run
 * cancels it before the second one.  Runs with one worker.
 */
#include "say.h"

static intptr_t foo(void *arg)
{
	const char *text = arg;

	while (thrum_sleep(T) == 0)
		say("%s", text);
	return -ECANCELED;
}

static intptr_t main_task(void *arg)
{
	int error;

	(void)arg;
	say("time");
	error = thrum_go(foo, "test");
	thrum_sleep(T / 2);
	say("finished");
	thrum_sleep(T);
	return error;
}

int main(void)
{
	intptr_t result = run(main_task, NULL);

	say("the end");
	return result != 0;
}
