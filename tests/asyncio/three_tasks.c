/* SPDX-License-Identifier: MIT */
/*
 * three_tasks - three times create_task(delay(3)), then await each: three seconds, not nine.
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
	struct thrum_future *tasks[3];
	intptr_t slept = 0;

	(void)arg;
	for (int i = 0; i < 3; i++)
		tasks[i] = thrum_spawn(delay, (void *)3);
	for (int i = 0; i < 3; i++)
		slept += thrum_join(tasks[i]);
	say("slept for %ld second(s) in all", (long)slept);
	return 0;
}

int main(void)
{
	return run(main_task, NULL) != 0;
}
