/* SPDX-License-Identifier: MIT */
/*
 * shield - await wait_for(shield(task), timeout=1): the timeout ends the shield, the task goes on.
 */
#include "say.h"

static intptr_t delay(void *arg)
{
	int error = thrum_sleep((intptr_t)arg * T);

	return error ? error : (intptr_t)arg;
}

static intptr_t main_task(void *arg)
{
	struct thrum_future *task = thrum_spawn(delay, (void *)2);
	struct thrum_future *shield = thrum_shield(task);
	intptr_t result = thrum_wait_for(shield, T);

	(void)arg;
	thrum_release(shield);
	if (result == -ETIMEDOUT)
		say("The task took longer than one second, it will finish soon!");
	result = thrum_join(task);
	say("The task finished with %ld", (long)result);
	return 0;
}

int main(void)
{
	return run(main_task, NULL) != 0;
}
