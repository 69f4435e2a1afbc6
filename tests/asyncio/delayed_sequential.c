/* SPDX-License-Identifier: MIT */
/*
 * delayed_sequential - message = await hello_world_message(); print(await add_one(1));
 * print(message): await holds up the task that awaits, so the sum waits for the message.
 */
#include "say.h"

static intptr_t delay(void *arg)
{
	intptr_t seconds = (intptr_t)arg;

	say("sleeping for %ld second(s)", (long)seconds);
	thrum_sleep(seconds * T);
	say("finished sleeping for %ld second(s)", (long)seconds);
	return seconds;
}

static intptr_t add_one(intptr_t number)
{
	return number + 1;
}

static const char *hello_world_message(void)
{
	delay((void *)1);
	return "Hello World!";
}

static intptr_t main_task(void *arg)
{
	const char *message = hello_world_message();

	(void)arg;
	say("%ld", (long)add_one(1));
	say("%s", message);
	return 0;
}

int main(void)
{
	return run(main_task, NULL) != 0;
}
