/* SPDX-License-Identifier: MIT */
/*
 * nested - nested() alone runs nothing and asyncio warns that it was never awaited; await nested()
 * is 42. There are no coroutine objects here: what can be forgotten is a promise, a bare future
 * that is dropped unset, and a debug build reports it.
 */
#include "say.h"

static intptr_t nested(void)
{
	return 42;
}

static intptr_t main_task(void *arg)
{
	(void)arg;
	thrum_release(thrum_future_create());
	say("%ld", (long)nested());
	return 0;
}

static void report(void *arg, int what, const char *line)
{
	(void)arg;
	if (what == THRUM_REPORT_UNSET)
		say("reported: a future was dropped unset");
	else
		say("reported: %s", line);
}

int main(void)
{
	struct thrum_config config = say_config();

	config.report = report;
	return thrum_run_with(&config, main_task, NULL) != 0;
}
