/* SPDX-License-Identifier: MIT */
/*
 * say_after_tasks - task1 = create_task(say_after(1, 'hello')), the same for 'world', await both.
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
	struct thrum_future *hello = thrum_spawn(say_after, &(struct line){1, "hello"});
	struct thrum_future *world = thrum_spawn(say_after, &(struct line){2, "world"});
	intptr_t failed;

	(void)arg;
	failed = thrum_join(hello);
	failed |= thrum_join(world);
	say("done");
	return failed;
}

int main(void)
{
	return run(main_task, NULL) != 0;
}
