/* SPDX-License-Identifier: MIT */
/*
 * os_fault.h - what stands in front of a call of the seam: fault points and perturbation
 * (os_fault.c).  For os.c, os_wait.c and os_net.c alone.  Without THRUM_FAULTS that is nothing.
 */
#ifndef THRUM_BASE_OS_FAULT_H
#define THRUM_BASE_OS_FAULT_H

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>
#include <sys/uio.h>

/* Whether ThreadSanitizer runs the process. */
#if defined(__SANITIZE_THREAD__)
#define THREAD_SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define THREAD_SANITIZED 1
#endif
#endif
#ifndef THREAD_SANITIZED
#define THREAD_SANITIZED 0
#endif

/* What a system call returned, in the kernel's convention.  errno is read in the statement that
 * follows the call. */
static inline ssize_t result(ssize_t r)
{
	return r < 0 ? -errno : r;
}

#ifdef THRUM_FAULTS

bool thrum__fault_here(void);

/* A call that moves nothing may go on (0), or is to return -EINTR. */
int thrum__perturb_interrupt(void);

/* The call may go on (0; with *@size, or *@v and *@n, cut to a byte, perhaps), or is to return what
 * this returns.  @nonblocking: it would not block, whatever the mode of @fd.  @size may be NULL;
 * @one is room for a cut vector. */
int thrum__perturb(int fd, bool nonblocking, size_t *size);
int thrum__perturb_vector(int fd, bool nonblocking, const struct iovec **v, int *n,
			  struct iovec *one);
/* Was this thread's last -EAGAIN of these two?  Says so once.  Who does not wait would take it for
 * the kernel's, which keeps nothing from him that is there. */
bool thrum__perturb_made_up(void);

#define FAULT_POINT(result)              \
	do {                             \
		if (thrum__fault_here()) \
			return result;   \
	} while (0)
#else
#define FAULT_POINT(result) ((void)0)

static inline int thrum__perturb_interrupt(void)
{
	return 0;
}

static inline int thrum__perturb(int fd, bool nonblocking, size_t *size)
{
	(void)fd, (void)nonblocking, (void)size;
	return 0;
}

static inline int thrum__perturb_vector(int fd, bool nonblocking, const struct iovec **v, int *n,
					struct iovec *one)
{
	(void)fd, (void)nonblocking, (void)v, (void)n, (void)one;
	return 0;
}

static inline bool thrum__perturb_made_up(void)
{
	return false;
}
#endif

#define PERTURB(call)                     \
	do {                              \
		int perturbed = (call);   \
		if (perturbed)            \
			return perturbed; \
	} while (0)

#endif
