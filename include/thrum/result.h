/* SPDX-License-Identifier: MIT */
/*
 * result.h - the one convention for results: the kernel's.
 *
 * A result is a value of pointer width; -4095 ... -1 is -errno.  A task's result, an I/O call's
 * count and an error travel in one register, and "return thrum_read(fd, buf, n);" is a whole task.
 * A result that may be a small negative number goes out through the task's argument instead.
 */
#ifndef THRUM_RESULT_H
#define THRUM_RESULT_H

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#if !defined(__linux__) || !(defined(__x86_64__) || defined(__aarch64__)) || !defined(__GNUC__)
#error "thrum runs on Linux (>= 5.10, glibc) on x86-64 and AArch64, with gcc >= 12 or clang >= 14"
#endif

#ifdef __cplusplus
extern "C" {
#endif

#define THRUM_VERSION_MAJOR 0
#define THRUM_VERSION_MINOR 1
#define THRUM_VERSION_PATCH 0

#define THRUM_MUST_CHECK __attribute__((warn_unused_result))
#define THRUM_STR2(x) #x
#define THRUM_STR(x) THRUM_STR2(x)

/* Where a call stands and what it starts, as "file:line name": one string literal, no cost. */
#define THRUM_HERE(fn) (__FILE__ ":" THRUM_STR(__LINE__) " " #fn)

/* A task: returns a value, or -errno (-4095 ... -1). */
typedef intptr_t (*thrum_fn)(void *arg);

/* The most negative -errno. */
#define THRUM_ERRNO_MAX 4095

/* thrum_failed - is @r one of -4095 ... -1?  Called from: anywhere.  Suspends: no. */
static inline __attribute__((unused)) bool thrum_failed(intptr_t r)
{
	return r < 0 && r >= -THRUM_ERRNO_MAX;
}

/*
 * thrum_version - the library's version as "major.minor.patch".
 *
 * Called from: anywhere.  Suspends: no.
 * Returns: a string that lives as long as the library.
 */
const char *thrum_version(void);

#ifdef __cplusplus
}
#endif
#endif
