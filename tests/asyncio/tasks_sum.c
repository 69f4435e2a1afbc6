/* SPDX-License-Identifier: MIT */
/*
 * tasks_sum - two tasks add up with naps; their results are joined through their futures.
 */
#include "say.h"

static intptr_t add_up(void *arg)
{
	intptr_t sum = 0;

	(void)arg;
	for (int i = 1; i < 10; i++) {
		sum += i;
		thrum_sleep(T / 10);
	}
	return sum;
}

static intptr_t main_task(void *arg)
{
	struct thrum_future *one = thrum_spawn(add_up, NULL);
	struct thrum_future *other = thrum_spawn(add_up, NULL);
	intptr_t sum;

	(void)arg;
	sum = thrum_join(one);
	sum += thrum_join(other);
	say("%ld", (long)sum);
	return 0;
}

int main(void)
{
	return run(main_task, NULL) != 0;
}
