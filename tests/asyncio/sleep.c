/* SPDX-License-Identifier: MIT */
/*
 * sleep - print(time()); await asyncio.sleep(1); print(time()), under asyncio.run.
 */
#include "say.h"

static intptr_t main_task(void *arg)
{
	(void)arg;
	say("the time");
	thrum_sleep(T);
	say("the time");
	return 0;
}

int main(void)
{
	return run(main_task, NULL) != 0;
}
