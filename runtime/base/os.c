/* SPDX-License-Identifier: MIT */
/*
 * os.c - the seam of os.h: thin wrappers that turn errno into a result, fault points in front of
 * them, and the registration of membarrier.
 *
 * State: the fault counter (with THRUM_FAULTS), thrum__membarrier_ready (written once).  Both are
 * the process's.
 */
#define _GNU_SOURCE

#include "base/os.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/futex.h>
#include <linux/membarrier.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/atomic.h"

bool thrum__membarrier_ready;

/* ---- Fault points ---- */

#ifdef THRUM_FAULTS

static struct atomic64 fault_passed;
static struct atomic64 fault_first; /* 0: none */
static struct atomic32 fault_onwards;
static struct atomic32 fault_hit;

void thrum__fault_set(uint64_t n, bool from_then_on)
{
	store_relaxed(&fault_first, 0);
	store_relaxed(&fault_passed, 0);
	store_relaxed(&fault_hit, 0);
	store_relaxed(&fault_onwards, from_then_on);
	store_release(&fault_first, n);
}

uint64_t thrum__fault_count(void)
{
	return load_relaxed(&fault_passed);
}

bool thrum__fault_fired(void)
{
	return load_relaxed(&fault_hit);
}

static bool fault_here(void)
{
	uint64_t me = fetch_add_relaxed(&fault_passed, 1) + 1;
	uint64_t first = load_acquire(&fault_first);

	if (LIKELY(!first || me < first || (me > first && !load_relaxed(&fault_onwards))))
		return false;
	store_relaxed(&fault_hit, 1);
	return true;
}

/* Before main, so that the first point of any thread finds it done. */
static __attribute__((constructor)) void fault_from_environment(void)
{
	const char *text = thrum__os_getenv("THRUM_FAULT");
	char *end;
	uint64_t n;

	if (!text)
		return;
	n = strtoull(text, &end, 10);
	thrum__fault_set(n, *end == '+');
}

static __attribute__((destructor)) void fault_print_count(void)
{
	if (thrum__os_getenv("THRUM_FAULT_COUNT"))
		fprintf(stderr, "thrum: %llu fault points passed%s\n",
			(unsigned long long)thrum__fault_count(),
			thrum__fault_fired() ? ", fired" : "");
}

#define FAULT_POINT(result) \
	do { \
		if (fault_here()) \
			return result; \
	} while (0)
#else
#define FAULT_POINT(result) ((void)0)
#endif

/* What a system call returned, in the kernel's convention.  errno is read in the statement that
 * follows the call. */
static inline ssize_t result(ssize_t r)
{
	return r < 0 ? -errno : r;
}

/* ---- Memory ---- */

void *thrum__os_alloc(size_t size)
{
	FAULT_POINT(NULL);
	return malloc(size);
}

void *thrum__os_alloc_zeroed(size_t size)
{
	FAULT_POINT(NULL);
	return calloc(1, size);
}

void *thrum__os_alloc_aligned(size_t align, size_t size)
{
	void *p;

	FAULT_POINT(NULL);
	if (align < sizeof(void *))
		align = sizeof(void *);
	return posix_memalign(&p, align, size) ? NULL : p;
}

void thrum__os_free(void *p)
{
	free(p);
}

int thrum__os_mmap(void **out, size_t size, int prot, int flags)
{
	void *p;

	FAULT_POINT(-ENOMEM);
	p = mmap(NULL, size, prot, flags | MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (p == MAP_FAILED)
		return -errno;
	*out = p;
	return 0;
}

void thrum__os_munmap(void *p, size_t size)
{
	if (LIKELY(munmap(p, size) == 0))
		return;
	/* At the limit on maps a hole in the middle of one cannot be made: the memory goes, the
	 * addresses stay. */
	ENSURE(errno == ENOMEM,
	       "memory of the library was unmapped or its bookkeeping overwritten");
	madvise(p, size, MADV_DONTNEED);
}

int thrum__os_mprotect(void *p, size_t size, int prot)
{
	FAULT_POINT(-ENOMEM);
	return (int)result(mprotect(p, size, prot));
}

int thrum__os_madvise(void *p, size_t size, int advice)
{
	FAULT_POINT(-ENOMEM);
	return (int)result(madvise(p, size, advice));
}

int thrum__os_probe_write(void *p)
{
	/* Not through libc, whose vdso would write in user mode. */
	return (int)result(syscall(SYS_clock_gettime, CLOCK_MONOTONIC, p));
}

size_t thrum__os_page_size(void)
{
	return (size_t)sysconf(_SC_PAGESIZE);
}

/* ---- Files ---- */

int thrum__os_open(const char *path, int flags, unsigned mode)
{
	return thrum__os_openat(AT_FDCWD, path, flags, mode);
}

int thrum__os_openat(int dir, const char *path, int flags, unsigned mode)
{
	FAULT_POINT(-EMFILE);
	return (int)result(openat(dir, path, flags, mode));
}

int thrum__os_openat_cached(int dir, const char *path, int flags)
{
	struct open_how how = {.flags = (uint64_t)flags, .resolve = RESOLVE_CACHED};

	FAULT_POINT(-EAGAIN);
	return (int)result(syscall(SYS_openat2, dir, path, &how, sizeof(how)));
}

int thrum__os_set_flags(int fd, int flags)
{
	FAULT_POINT(-EAGAIN);
	return (int)result(fcntl(fd, F_SETFL, flags));
}

int thrum__os_close(int fd)
{
	return (int)result(close(fd));
}

ssize_t thrum__os_read(int fd, void *buf, size_t size)
{
	FAULT_POINT(-EIO);
	return result(read(fd, buf, size));
}

ssize_t thrum__os_pread(int fd, void *buf, size_t size, off_t at)
{
	FAULT_POINT(-EIO);
	return result(pread(fd, buf, size, at));
}

ssize_t thrum__os_preadv2(int fd, const struct iovec *v, int n, off_t at, int flags)
{
	FAULT_POINT(-EOPNOTSUPP);
	return result(preadv2(fd, v, n, at, flags));
}

ssize_t thrum__os_write(int fd, const void *buf, size_t size)
{
	FAULT_POINT(-EIO);
	return result(write(fd, buf, size));
}

ssize_t thrum__os_pwrite(int fd, const void *buf, size_t size, off_t at)
{
	FAULT_POINT(-ENOSPC);
	return result(pwrite(fd, buf, size, at));
}

int thrum__os_fsync(int fd)
{
	FAULT_POINT(-EIO);
	return (int)result(fsync(fd));
}

int thrum__os_stat(const char *path, struct stat *out)
{
	FAULT_POINT(-ENOMEM);
	return (int)result(stat(path, out));
}

int thrum__os_lstat(const char *path, struct stat *out)
{
	FAULT_POINT(-ENOMEM);
	return (int)result(lstat(path, out));
}

int thrum__os_fstat(int fd, struct stat *out)
{
	FAULT_POINT(-ENOMEM);
	return (int)result(fstat(fd, out));
}

int thrum__os_eventfd(unsigned initial, int flags)
{
	FAULT_POINT(-EMFILE);
	return (int)result(eventfd(initial, flags));
}

/* ---- Futexes ---- */

int thrum__os_futex_wait(uint32_t *addr, uint32_t expected, int64_t deadline_ns)
{
	struct timespec until;
	struct timespec *end = NULL;

	if (deadline_ns != INT64_MAX) {
		if (deadline_ns < 0)
			deadline_ns = 0;
		until.tv_sec = deadline_ns / 1000000000;
		until.tv_nsec = deadline_ns % 1000000000;
		end = &until;
	}
	/* The bitset form is the one whose timeout is absolute. */
	return (int)result(syscall(SYS_futex, addr, FUTEX_WAIT_BITSET_PRIVATE, expected, end, NULL,
				   FUTEX_BITSET_MATCH_ANY));
}

void thrum__os_futex_wake(uint32_t *addr, int n)
{
	syscall(SYS_futex, addr, FUTEX_WAKE_PRIVATE, n, NULL, NULL, 0);
}

/* ---- Threads ---- */

int thrum__os_thread_create(pthread_t *out, void *(*fn)(void *), void *arg, size_t stack)
{
	pthread_attr_t attr;
	int err;

	FAULT_POINT(-EAGAIN);
	err = pthread_attr_init(&attr);
	if (err)
		return -err;
	if (stack)
		err = pthread_attr_setstacksize(&attr, stack);
	if (!err)
		err = pthread_create(out, &attr, fn, arg);
	pthread_attr_destroy(&attr);
	return -err;
}

void thrum__os_thread_join(pthread_t thread)
{
	ENSURE(pthread_join(thread, NULL) == 0,
	       "a thread of the library was joined or detached by someone else");
}

void thrum__os_thread_setname(const char *name)
{
	char cut[16];

	snprintf(cut, sizeof(cut), "%s", name);
	pthread_setname_np(pthread_self(), cut);
}

int thrum__os_sigaltstack(const stack_t *set, stack_t *old)
{
	if (set)
		FAULT_POINT(-ENOMEM);
	return (int)result(sigaltstack(set, old));
}

const char *thrum__os_getenv(const char *name)
{
	const char *value = secure_getenv(name);

	return value && *value ? value : NULL;
}

/* ---- Membarrier ---- */

#if defined(__SANITIZE_THREAD__)
#define MEMBARRIER_HIDDEN true
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define MEMBARRIER_HIDDEN true
#endif
#endif
#ifndef MEMBARRIER_HIDDEN
#define MEMBARRIER_HIDDEN false
#endif

static void membarrier_register(void)
{
	/* ThreadSanitizer cannot see it: there both sides stay fences. */
	if (MEMBARRIER_HIDDEN)
		return;
	if (syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 0, 0) != 0)
		return;
	/* An emulator may register and then not do it. */
	thrum__membarrier_ready =
	    syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0) == 0;
}

void thrum__os_membarrier_init(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, membarrier_register);
}

void thrum__membarrier(void)
{
	ENSURE(
	    syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0) == 0,
	    "membarrier worked at start and does not now; a system call filter was added too late");
}
