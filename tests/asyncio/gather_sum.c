/* SPDX-License-Identifier: MIT */
/*
 * gather_sum - sum(loop.run_until_complete(gather(add_up(), add_up()))) on a loop made by hand,
 * with loop.close() in a finally: the runtime is destroyed whether the tasks failed or not.
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

static intptr_t gather_sums(void *arg)
{
	struct thrum_future *tasks[2] = {thrum_spawn(add_up, NULL), thrum_spawn(add_up, NULL)};
	intptr_t sums[2];
	int error = thrum_gather(tasks, 2, sums);

	(void)arg;
	for (int i = 0; i < 2; i++)
		thrum_release(tasks[i]);
	return error ? error : sums[0] + sums[1];
}

int main(void)
{
	struct thrum_config config = say_config();
	struct thrum_runtime *rt;
	intptr_t sum;
	int error;

	if (thrum_runtime_create(&rt, &config))
		return 1;
	sum = run_until_complete(rt, gather_sums, NULL);
	error = thrum_runtime_destroy(rt);
	if (error || thrum_failed(sum))
		return 1;
	say("%ld", (long)sum);
	return 0;
}
