/* SPDX-License-Identifier: MIT */
/*
 * make_request - future = make_request(), which starts a task that sets it a second later; await
 * future.
 */
#include "say.h"

static intptr_t set_future_value(void *arg)
{
	struct thrum_future *future = arg;

	thrum_sleep(T);
	thrum_future_set(future, 42);
	thrum_release(future);
	return 0;
}

/* The task that sets the future has a reference of its own. */
static struct thrum_future *make_request(void)
{
	struct thrum_future *future = thrum_future_create();
	int error;

	thrum_retain(future);
	error = thrum_go(set_future_value, future);
	if (error) {
		thrum_future_set(future, error);
		thrum_release(future);
	}
	return future;
}

static intptr_t main_task(void *arg)
{
	struct thrum_future *future = make_request();
	intptr_t value;

	(void)arg;
	say("Is the future done? %s", thrum_done(future) ? "True" : "False");
	value = thrum_await(future);
	say("Is the future done? %s", thrum_done(future) ? "True" : "False");
	say("%ld", (long)value);
	thrum_release(future);
	return 0;
}

int main(void)
{
	return run(main_task, NULL) != 0;
}
