/* SPDX-License-Identifier: MIT */
/* child.h - for tests of how a process ends: run a function in a forked child and see its stderr
 * and its status. */
#ifndef TESTS_UNIT_CHILD_H
#define TESTS_UNIT_CHILD_H

#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

/* Returns the status of wait(2); @err gets what the child wrote to standard error. */
static inline int child_run(void (*fn)(void), char *err, size_t size)
{
	struct rlimit no_core = {0, 0};
	size_t used = 0;
	ssize_t n;
	int status = -1, ends[2];
	pid_t pid;

	if (pipe(ends))
		return -1;
	fflush(NULL);
	pid = fork();
	if (pid == 0) {
		setrlimit(RLIMIT_CORE, &no_core);
		dup2(ends[1], STDERR_FILENO);
		close(ends[0]);
		close(ends[1]);
		fn();
		_exit(0);
	}
	close(ends[1]);
	while (used < size - 1 && (n = read(ends[0], err + used, size - 1 - used)) > 0)
		used += (size_t)n;
	err[used] = 0;
	close(ends[0]);
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		return -1;
	return status;
}

#endif
