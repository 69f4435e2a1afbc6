/* SPDX-License-Identifier: MIT */
/*
 * add - print_add awaits add, which sleeps and returns a sum: one coroutine awaiting another.
 */
#include "say.h"

static int add(int a, int b)
{
	say("add: %d + %d", a, b);
	thrum_sleep(T);
	return a + b;
}

static intptr_t print_add(void *arg)
{
	int sum = add(1, 2);

	(void)arg;
	say("print_add: 1 + 2 = %d", sum);
	return 0;
}

int main(void)
{
	return run(print_add, NULL) != 0;
}
