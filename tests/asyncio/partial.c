/* SPDX-License-Identifier: MIT */
/*
 * partial - loop.run_in_executor(None, partial(print, 'Hello', 'Python', end=' ')): several
 * arguments bound to one call on the blocking pool, which gets a copy of them.
 */
#include "say.h"

struct words {
	const char *first;
	const char *second;
	const char *end;
};

static intptr_t print_words(void *arg)
{
	const struct words *words = arg;

	say_no_newline("%s %s%s", words->first, words->second, words->end);
	return 0;
}

static intptr_t main_task(void *arg)
{
	struct words words = {"Hello", "Python", " "};

	(void)arg;
	return thrum_join(thrum_spawn_blocking_copy(print_words, &words, sizeof(words)));
}

int main(void)
{
	return run(main_task, NULL) != 0;
}
