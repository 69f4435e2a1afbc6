/* SPDX-License-Identifier: MIT */
/*
 * cancel - while not task.done(): print(...); await sleep(1), with task.cancel() after five of
 * them; then the await raises CancelledError, which is -ECANCELED here.
 */
#include "say.h"

static intptr_t delay(void *arg)
{
	intptr_t seconds = (intptr_t)arg;
	int error;

	say("sleeping for %ld second(s)", (long)seconds);
	error = thrum_sleep(seconds * T);
	if (error)
		return error;
	say("finished sleeping for %ld second(s)", (long)seconds);
	return seconds;
}

static intptr_t main_task(void *arg)
{
	struct thrum_future *task = thrum_spawn(delay, (void *)10);
	bool done = false;

	(void)arg;
	for (int elapsed = 1; !done; elapsed++) {
		say("Task not finished, checking again in a second.");
		if (thrum_sleep(T))
			break; /* cancelled ourselves: join passes it on */
		/* Asked first: on another worker a cancelled task can be done at once. */
		done = thrum_done(task);
		if (elapsed == 5)
			thrum_cancel(task);
	}
	if (thrum_join(task) == -ECANCELED)
		say("Our task was cancelled.");
	return 0;
}

int main(void)
{
	return run(main_task, NULL) != 0;
}
