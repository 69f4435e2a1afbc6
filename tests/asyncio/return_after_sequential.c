/* SPDX-License-Identifier: MIT */
/*
 * return_after_sequential - print(await return_after(1, 'hello')), then the same with 'world'.
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
	(void)arg;
	say("%s", (const char *)return_after(&(struct line){1, "hello"}));
	say("%s", (const char *)return_after(&(struct line){2, "world"}));
	say("done");
	return 0;
}

int main(void)
{
	return run(main_task, NULL) != 0;
}
