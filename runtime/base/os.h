/* SPDX-License-Identifier: MIT */
/*
 * os.h - every system and libc call of the library that can fail, behind one seam.
 *
 * Each call returns a value or -errno (memory: NULL) and never leaves its result in errno.  None
 * retries: -EINTR is the caller's.  All may be called from any thread; none suspends a fiber, some
 * block the thread.
 *
 * Built with THRUM_FAULTS each call marked F is a fault point: a test lets the n-th one fail with
 * the error named beside it, without making the call.  Calls that give back (munmap, close, free,
 * futex wake, join) and futex waits, whose number depends on timing, are none.  Without
 * THRUM_FAULTS the points cost nothing.
 */
#ifndef THRUM_BASE_OS_H
#define THRUM_BASE_OS_H

#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/uio.h>

/* Never inlined: a compiler that sees errno on both sides of a fiber switch keeps its address
 * across it. */
#define OS_CALL __attribute__((noinline))

/* Memory.  F: NULL. */
OS_CALL void *thrum__os_alloc(size_t size); /* not zeroed */
OS_CALL void *thrum__os_alloc_zeroed(size_t size);
OS_CALL void *thrum__os_alloc_aligned(size_t align, size_t size); /* align: a power of two */
OS_CALL void thrum__os_free(void *p); /* of all three; NULL does nothing */

/* Address space.  F: ENOMEM.  mmap is private and anonymous and sets *@out on success only. */
OS_CALL int thrum__os_mmap(void **out, size_t size, int prot, int flags);
OS_CALL int thrum__os_mprotect(void *p, size_t size, int prot);
OS_CALL int thrum__os_madvise(void *p, size_t size, int advice);
OS_CALL void thrum__os_munmap(void *p, size_t size);
/* 0 if the kernel can write at @p (16 bytes were overwritten), else -EFAULT; raises no signal. */
OS_CALL int thrum__os_probe_write(void *p);
size_t thrum__os_page_size(void);

/* Files.  As in POSIX, but for the way of the error. */
OS_CALL int thrum__os_open(const char *path, int flags, unsigned mode);            /* F EMFILE */
OS_CALL int thrum__os_openat(int dir, const char *path, int flags, unsigned mode); /* F EMFILE */
/* openat2 with RESOLVE_CACHED: -EAGAIN unless the path is in memory; -EINVAL, -ENOSYS before
 * Linux 5.12. */
OS_CALL int thrum__os_openat_cached(int dir, const char *path, int flags); /* F EAGAIN */
OS_CALL int thrum__os_set_flags(int fd, int flags); /* F EAGAIN; fcntl F_SETFL */
OS_CALL int thrum__os_close(int fd); /* closed even if it returns an error */
OS_CALL ssize_t thrum__os_read(int fd, void *buf, size_t size);                    /* F EIO */
OS_CALL ssize_t thrum__os_pread(int fd, void *buf, size_t size, off_t at);         /* F EIO */
OS_CALL ssize_t thrum__os_preadv2(int fd, const struct iovec *v, int n, off_t at,
				  int flags); /* F EOPNOTSUPP */
OS_CALL ssize_t thrum__os_write(int fd, const void *buf, size_t size);             /* F EIO */
OS_CALL ssize_t thrum__os_pwrite(int fd, const void *buf, size_t size, off_t at);  /* F ENOSPC */
OS_CALL int thrum__os_fsync(int fd);                                               /* F EIO */
OS_CALL int thrum__os_stat(const char *path, struct stat *out);                    /* F ENOMEM */
OS_CALL int thrum__os_lstat(const char *path, struct stat *out);                   /* F ENOMEM */
OS_CALL int thrum__os_fstat(int fd, struct stat *out);                             /* F ENOMEM */
OS_CALL int thrum__os_eventfd(unsigned initial, int flags);                        /* F EMFILE */

/*
 * Sleep while *@addr is @expected, until a wake or CLOCK_MONOTONIC reaches @deadline_ns (INT64_MAX:
 * no end; the past: looks once).  Returns 0 (a wake, possibly spurious), -EAGAIN (*@addr differed),
 * -ETIMEDOUT, -EINTR.  Both ends must be in one process.
 */
OS_CALL int thrum__os_futex_wait(uint32_t *addr, uint32_t expected, int64_t deadline_ns);
/* Wake up to @n sleepers.  @addr may be memory that was freed meanwhile: then nobody is woken, or
 * somebody else spuriously. */
OS_CALL void thrum__os_futex_wake(uint32_t *addr, int n);

/* Threads.  F: EAGAIN.  The new one inherits the caller's signal mask; @stack 0: the default
 * size. */
OS_CALL int thrum__os_thread_create(pthread_t *out, void *(*fn)(void *), void *arg, size_t stack);
OS_CALL void thrum__os_thread_join(pthread_t thread);
OS_CALL void thrum__os_thread_setname(const char *name); /* of this thread; cut at 15 bytes */
/* F: ENOMEM, when @set is not NULL. */
OS_CALL int thrum__os_sigaltstack(const stack_t *set, stack_t *old);

/* The variable's value; NULL if unset, empty, or the process runs with another user's rights. */
const char *thrum__os_getenv(const char *name);

/* CPUs to use, 1 or more: affinity and the quotas of all cgroups above, rounded up (cpus.c). */
unsigned thrum__os_cpus(void);
/* The cgroups' part, with @root put before /proc and the mount points; UINT_MAX: no limit. */
unsigned thrum__os_cpus_quota(const char *root);

/*
 * Register membarrier for fence_light and fence_heavy (atomic.h).  The first call decides for the
 * life of the process, as a change under running threads would break the pair: call it before the
 * first of them starts.
 */
void thrum__os_membarrier_init(void);

#ifdef THRUM_FAULTS
/*
 * Count anew, and let the @n-th fault point (from 1; 0: none) fail, or all from it on.  The
 * environment sets a start: THRUM_FAULT=n or n+; THRUM_FAULT_COUNT=1 prints how many points were
 * passed when the process exits.
 */
void thrum__fault_set(uint64_t n, bool from_then_on);
uint64_t thrum__fault_count(void); /* points passed since the last set */
bool thrum__fault_fired(void);     /* did one fail since the last set? */
#endif

#endif
