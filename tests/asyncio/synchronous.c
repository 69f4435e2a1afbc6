/* SPDX-License-Identifier: MIT */
/*
 * synchronous - print('time'); foo('text'), which prints and time.sleep(2)s; print('finished').
 * The call is the same in a task: only the task waits, not its thread.
 */
#include "say.h"

static void foo(const char *text)
{
	say("%s", text);
	thrum_sleep(2 * T);
}

static intptr_t main_task(void *arg)
{
	(void)arg;
	say("time");
	foo("text");
	say("finished");
	return 0;
}

int main(void)
{
	return run(main_task, NULL) != 0;
}
