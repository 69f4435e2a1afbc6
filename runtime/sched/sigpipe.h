/* SPDX-License-Identifier: MIT */
/* sigpipe.h - a write to a broken pipe is an error and no signal; sigpipe.c tells how. */
#ifndef THRUM_SCHED_SIGPIPE_H
#define THRUM_SCHED_SIGPIPE_H

#include <signal.h>
#include <stdbool.h>
#include <sys/types.h>
#include <sys/uio.h>

/* Before the first worker starts; later calls do nothing.  From any thread. */
void thrum__sigpipe_install(void);

/* writev, or with @flags pwritev2 at the file's position, without the signal: what they return. */
ssize_t thrum__sigpipe_writev(int fd, const struct iovec *v, int n, int flags);

/* Around a call of any other kind, on one thread.  @may_have_come: it may have raised the signal,
 * having moved less than it was asked to. */
struct thrum__sigpipe {
	sigset_t before;
	bool pending_before;
};
void thrum__sigpipe_hold(struct thrum__sigpipe *s);
void thrum__sigpipe_let(struct thrum__sigpipe *s, bool may_have_come);

#endif
