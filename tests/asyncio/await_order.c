/* SPDX-License-Identifier: MIT */
/*
 * await_order - print('time'); await foo('test'); print('finished'): await keeps the order.
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
	(void)arg;
	say("time");
	foo("test");
	say("finished");
	return 0;
}

int main(void)
{
	return run(main_task, NULL) != 0;
}
