/* SPDX-License-Identifier: MIT */
/*
 * run_value - print(asyncio.run(add_one(1))): run gives the main task's value back.
 */
#include "say.h"

static intptr_t add_one(void *arg)
{
	return (intptr_t)arg + 1;
}

int main(void)
{
	intptr_t two = run(add_one, (void *)1);

	if (thrum_failed(two))
		return 1;
	say("%ld", (long)two);
	return 0;
}
