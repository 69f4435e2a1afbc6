/* SPDX-License-Identifier: MIT */
/*
 * wait_for - try: await wait_for(task, timeout=1) except TimeoutError: a timeout cancels the task.
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
	intptr_t result = thrum_wait_for(task, T);

	(void)arg;
	if (result == -ETIMEDOUT) {
		say("Got a timeout!");
		say("Was the task cancelled? %s", thrum_cancelled(task) ? "True" : "False");
	} else {
		say("%ld", (long)result);
	}
	thrum_release(task);
	return 0;
}

int main(void)
{
	return run(main_task, NULL) != 0;
}
