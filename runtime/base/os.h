/* SPDX-License-Identifier: MIT */
/*
 * os.h - every system and libc call of the library that can fail, behind one seam.
 *
 * Each call returns a value or -errno (memory: NULL) and never leaves its result in errno.  None
 * retries: -EINTR is the caller's.  All may be called from any thread; none suspends a fiber, some
 * block the thread.
 *
 * Built with THRUM_FAULTS each call marked F is a fault point: a test lets the n-th one fail with
 * the error named beside it, without making the call.  Calls that give back (munmap, close, unlink,
 * free, futex wake, join) and waits, whose number depends on timing, are none; and that a call
 * would block is never made up here.  Calls marked P may be perturbed besides (os_fault.c): a test
 * lets them be interrupted, would-block or move one byte, by a seed.  Without THRUM_FAULTS all this
 * costs nothing.
 *
 * What waits is in os_wait.c; sockets are in os_net.h.
 */
#ifndef THRUM_BASE_OS_H
#define THRUM_BASE_OS_H

#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/epoll.h>
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
OS_CALL int thrum__os_get_flags(int fd);            /* fcntl F_GETFL */
OS_CALL int thrum__os_close(int fd);                /* closed even if it returns an error */
OS_CALL int thrum__os_unlink(const char *path);
OS_CALL ssize_t thrum__os_read(int fd, void *buf, size_t size);        /* F EIO, P */
OS_CALL ssize_t thrum__os_write(int fd, const void *buf, size_t size); /* F EIO, P */
/* All @size bytes, however often it takes: 0, or what write returned (-EIO: nothing). */
int thrum__os_write_all(int fd, const void *buf, size_t size);
/* The file's first @size - 1 bytes, and an end; false: it cannot be read. */
bool thrum__os_read_text(const char *path, char *text, size_t size);
OS_CALL ssize_t thrum__os_readv(int fd, const struct iovec *v, int n);            /* F EIO, P */
OS_CALL ssize_t thrum__os_writev(int fd, const struct iovec *v, int n);           /* F EIO, P */
OS_CALL ssize_t thrum__os_pread(int fd, void *buf, size_t size, off_t at);        /* F EIO */
OS_CALL ssize_t thrum__os_pwrite(int fd, const void *buf, size_t size, off_t at); /* F ENOSPC */
OS_CALL ssize_t thrum__os_preadv2(int fd, const struct iovec *v, int n, off_t at,
				  int flags); /* F EOPNOTSUPP, P */
OS_CALL ssize_t thrum__os_pwritev2(int fd, const struct iovec *v, int n, off_t at,
				   int flags); /* F EOPNOTSUPP, P */
OS_CALL ssize_t thrum__os_sendfile(int out, int in, off_t *offset, size_t size); /* F ENOMEM, P */
OS_CALL ssize_t thrum__os_splice(int in, off_t *off_in, int out, off_t *off_out, size_t size,
				 unsigned flags);                /* F ENOMEM, P */
OS_CALL int thrum__os_fsync(int fd);                             /* F EIO */
OS_CALL int thrum__os_stat(const char *path, struct stat *out);  /* F ENOMEM */
OS_CALL int thrum__os_lstat(const char *path, struct stat *out); /* F ENOMEM */
OS_CALL int thrum__os_fstat(int fd, struct stat *out);           /* F ENOMEM */

/* Waiting for descriptors. */
OS_CALL int thrum__os_eventfd(unsigned initial, int flags); /* F EMFILE */
/* Adds to a non-blocking eventfd's count; with 0 it only reports anew what is there.  0; -EBADF,
 * -EINVAL: it is none.  Keeps errno, so that a signal handler may call it. */
OS_CALL int thrum__os_event_post(int fd, uint64_t n);
/* Takes its count, all of it; 0: there is none.  For a non-blocking eventfd. */
OS_CALL uint64_t thrum__os_event_take(int fd);
OS_CALL int thrum__os_poll(struct pollfd *fds, nfds_t n, int timeout_ms); /* F ENOMEM, P */
/* What poll(2) says of one at once: its revents; 0: not ready (perturbed: not yet). */
OS_CALL int thrum__os_ready(int fd, short events); /* F ENOMEM, P */
OS_CALL int thrum__os_epoll_create(void);          /* F EMFILE */
/* F ENOMEM, but for EPOLL_CTL_DEL. */
OS_CALL int thrum__os_epoll_ctl(int set, int op, int fd, struct epoll_event *event);
/* Events, until CLOCK_MONOTONIC reaches @deadline_ns (0 or less: looks; INT64_MAX: no end; before
 * Linux 5.11 up to 1 ms late).  0: the time came. */
OS_CALL int thrum__os_epoll_wait(int set, struct epoll_event *events, int max, int64_t deadline_ns);
/* Has @set anything to report?  @block: waits until it has, or a signal comes.  Takes nothing. */
OS_CALL bool thrum__os_epoll_ready(int set, bool block);

/*
 * Sleep while *@addr is @expected, until a wake or CLOCK_MONOTONIC reaches @deadline_ns (INT64_MAX:
 * no end; the past: looks once).  Returns 0 (a wake, possibly spurious), -EAGAIN (*@addr differed),
 * -ETIMEDOUT, -EINTR.  Both ends must be in one process.
 */
OS_CALL int thrum__os_futex_wait(uint32_t *addr, uint32_t expected, int64_t deadline_ns);
/* Wake up to @n sleepers.  @addr may be memory that was freed meanwhile: then nobody is woken, or
 * somebody else spuriously. */
OS_CALL void thrum__os_futex_wake(uint32_t *addr, int n);

/* Child processes.  waitpid: without WNOHANG it waits. */
OS_CALL pid_t thrum__os_waitpid(pid_t pid, int *status, int options);
OS_CALL int thrum__os_pidfd_open(pid_t pid); /* F ENOSYS */

/* Threads.  F: EAGAIN.  The new one inherits the caller's signal mask; @stack 0: the default
 * size. */
OS_CALL int thrum__os_thread_create(pthread_t *out, void *(*fn)(void *), void *arg, size_t stack);
OS_CALL void thrum__os_thread_join(pthread_t thread);
OS_CALL void thrum__os_thread_setname(const char *name); /* of this thread; cut at 15 bytes */
/* CPU time that @thread, not yet joined, has used.  F: ENOENT. */
OS_CALL int64_t thrum__os_thread_cpu_ns(pthread_t thread);
/* Does thread @tid run, or wait for a CPU?  False also where nobody can tell. */
OS_CALL bool thrum__os_thread_is_runnable(pid_t tid);
/* F: ENOMEM, when @set is not NULL. */
OS_CALL int thrum__os_sigaltstack(const stack_t *set, stack_t *old);
OS_CALL void thrum__os_sigaltstack_back(const stack_t *old); /* gives back what the former found */

OS_CALL pid_t thrum__os_thread_id(void); /* this one's; not 0 */
/* A thread's slice of CPU time (Linux 6.12; ignored before); those that it makes later have the
 * same.  @tid 0: this one.  F: ENOSYS.  -EINVAL: a real-time policy.  -ESRCH: it has ended. */
OS_CALL int thrum__os_thread_set_slice(pid_t tid, int64_t slice_ns);
OS_CALL int thrum__os_sigaction(int sig, const struct sigaction *set, struct sigaction *old);
OS_CALL int thrum__os_atfork(void (*prepare)(void), void (*parent)(void),
			     void (*child)(void)); /* F ENOMEM */
/* The bytes of @mask that the kernel filled: the CPUs that the caller may run on. */
OS_CALL ssize_t thrum__os_affinity(void *mask, size_t size); /* F EINVAL: it has more CPUs */

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

/* Perturbation is on from the first begin to the last end.  Who begins it sees to it that whoever
 * was told -EAGAIN is told to try again, though the kernel has nothing new to report. */
void thrum__perturb_begin(uint64_t seed);
void thrum__perturb_end(void);
/* The @n-th number of a seed. */
uint64_t thrum__perturb_mix(uint64_t seed, uint64_t n);
#endif

#endif
