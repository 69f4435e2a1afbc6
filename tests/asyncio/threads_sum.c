/* SPDX-License-Identifier: MIT */
/*
 * threads_sum - the same sum with threading.Thread, for contrast: two threads, no runtime, real
 * naps.
 */
#include <pthread.h>
#include <time.h>
#include "say.h"

static void *add_up(void *arg)
{
	struct timespec nap = {0, T / 10};
	int *sum = arg;

	for (int i = 1; i < 10; i++) {
		*sum += i;
		nanosleep(&nap, NULL);
	}
	return NULL;
}

int main(void)
{
	int sums[2] = {0, 0};
	pthread_t threads[2];

	say_use_real_clock();
	for (int i = 0; i < 2; i++) {
		if (pthread_create(&threads[i], NULL, add_up, &sums[i]))
			return 1;
	}
	for (int i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
	say("%d", sums[0] + sums[1]);
	return 0;
}
