/* SPDX-License-Identifier: MIT */
/*
 * task_awaited - print('time'); await create_task(foo('test')); print('finished'): the order is
 * back.
 */
#include "say.h"

static intptr_t foo(void *arg)
{
	const char *text = arg;

	thrum_sleep(T);
	say("%s", text);
	return 0;
}

static intptr_t main_task(void *arg)
{
	intptr_t failed;

	(void)arg;
	say("time");
	failed = thrum_join(thrum_spawn(foo, "test"));
	say("finished");
	return failed;
}

int main(void)
{
	return run(main_task, NULL) != 0;
}
