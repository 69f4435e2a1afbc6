/* SPDX-License-Identifier: MIT */
/*
 * explicit_loop - loop = new_event_loop(); loop.run_until_complete(hello_world()); loop.close().
 */
#include "say.h"

static intptr_t hello_world(void *arg)
{
	(void)arg;
	say("Hello, world!");
	return 0;
}

int main(void)
{
	struct thrum_config config = say_config();
	struct thrum_runtime *rt;
	intptr_t result;
	int error;

	if (thrum_runtime_create(&rt, &config))
		return 1;
	result = thrum_runtime_block_on(rt, hello_world, NULL);
	error = thrum_runtime_destroy(rt);
	return result || error;
}
