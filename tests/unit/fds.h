/* SPDX-License-Identifier: MIT */
/* fds.h - how many descriptors are open, to see that none is left. */
#ifndef TESTS_UNIT_FDS_H
#define TESTS_UNIT_FDS_H

#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

#include "run.h"

static inline int fds_open(void)
{
	DIR *d = opendir("/proc/self/fd");
	int n = 0;

	must(d);
	while (readdir(d))
		n++;
	closedir(d);
	return n;
}

/* As all descriptors are that the library makes. */
static inline void is_ours(int fd)
{
	must(fd >= 0);
	must(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	must(fcntl(fd, F_GETFL) & O_NONBLOCK);
}

#endif
