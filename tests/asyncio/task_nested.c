/* SPDX-License-Identifier: MIT */
/*
 * task_nested - task = create_task(nested()); the task runs from now on; await task (or
 * task.cancel()).
 */
#include "say.h"

static intptr_t nested(void *arg)
{
	(void)arg;
	return 42;
}

static intptr_t main_task(void *arg)
{
	struct thrum_future *task = thrum_spawn(nested, NULL);

	(void)arg;
	/* "thrum_cancel(task)" here would ask it to stop; joining it comes in both cases. */
	say("%ld", (long)thrum_join(task));
	return 0;
}

int main(void)
{
	return run(main_task, NULL) != 0;
}
