/* SPDX-License-Identifier: MIT */
/*
 * return_after_tasks - print(await task1); print(await task2): values come back from tasks.
 */
#include "say.h"

struct line {
	int after; /* in units of T */
	const char *text;
};

/* A result has the width of a pointer, so it can be one. */
static intptr_t return_after(void *arg)
{
	const struct line *line = arg;

	thrum_sleep(line->after * T);
	return (intptr_t)line->text;
}

static intptr_t main_task(void *arg)
{
	struct thrum_future *tasks[] = {
	    thrum_spawn(return_after, &(struct line){1, "hello"}),
	    thrum_spawn(return_after, &(struct line){2, "world"}),
	};
	intptr_t failed = 0;

	(void)arg;
	for (int i = 0; i < 2; i++) {
		intptr_t text = thrum_join(tasks[i]);

		if (thrum_failed(text))
			failed = text;
		else
			say("%s", (const char *)text);
	}
	say("done");
	return failed;
}

int main(void)
{
	return run(main_task, NULL) != 0;
}
