/* SPDX-License-Identifier: MIT */
/*
 * future_states - a bare Future: done() before and after set_result(42), and its result().
 */
#include "say.h"

static intptr_t main_task(void *arg)
{
	struct thrum_future *my_future = thrum_future_create();
	int error;

	(void)arg;
	say("Is my_future done? %s", thrum_done(my_future) ? "True" : "False");
	error = thrum_future_set(my_future, 42);
	say("Is my_future done? %s", thrum_done(my_future) ? "True" : "False");
	say("What is the result of my_future? %ld", (long)thrum_result(my_future));
	thrum_release(my_future);
	return error;
}

int main(void)
{
	return run(main_task, NULL) != 0;
}
