/* SPDX-License-Identifier: MIT */
/*
 * say_after_sequential - await say_after(1, 'hello'); await say_after(2, 'world').
 * Awaiting a coroutine is a plain call here, so one comes after the other.
 */
#include "say.h"

struct line {
	int after; /* in units of T */
	const char *text;
};

static intptr_t say_after(void *arg)
{
	const struct line *line = arg;

	thrum_sleep(line->after * T);
	say("%s", line->text);
	return 0;
}

static intptr_t main_task(void *arg)
{
	(void)arg;
	say_after(&(struct line){1, "hello"});
	say_after(&(struct line){2, "world"});
	say("done");
	return 0;
}

int main(void)
{
	return run(main_task, NULL) != 0;
}
