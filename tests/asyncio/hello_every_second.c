/* SPDX-License-Identifier: MIT */
/*
 * hello_every_second - two delays run as tasks while main prints every second.
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

static void hello_every_second(void)
{
	for (int i = 0; i < 2; i++) {
		thrum_sleep(T);
		say("I'm running other code while I'm waiting!");
	}
}

static intptr_t main_task(void *arg)
{
	struct thrum_future *first = thrum_spawn(delay, (void *)3);
	struct thrum_future *second = thrum_spawn(delay, (void *)3);
	intptr_t slept;

	(void)arg;
	hello_every_second();
	slept = thrum_join(first);
	slept += thrum_join(second);
	return slept == 6 ? 0 : -EIO;
}

int main(void)
{
	return run(main_task, NULL) != 0;
}
