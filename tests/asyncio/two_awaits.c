/* SPDX-License-Identifier: MIT */
/*
 * two_awaits - print(await add_one(1)); print(await add_one(2)): one after the other.
 */
#include "say.h"

static intptr_t add_one(intptr_t number)
{
	return number + 1;
}

static intptr_t main_task(void *arg)
{
	(void)arg;
	say("%ld", (long)add_one(1));
	say("%ld", (long)add_one(2));
	return 0;
}

int main(void)
{
	return run(main_task, NULL) != 0;
}
