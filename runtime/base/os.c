/* SPDX-License-Identifier: MIT */
/*
 * os.c - the seam of os.h: thin wrappers that turn errno into a result, fault points in front of
 * them (os_fault.h), and membarrier: its registration, and one for all who want it at once.
 *
 * State, the process's: thrum__membarrier_ready (written once), membarriers.  What waits is in
 * os_wait.c.
 */
#define _GNU_SOURCE

#include "base/os.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/membarrier.h>
#include <linux/openat2.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/atomic.h"
#include "base/barrier.h"
#include "base/os_fault.h"

bool thrum__membarrier_ready;

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

int thrum__os_get_flags(int fd)
{
	return (int)result(fcntl(fd, F_GETFL));
}

int thrum__os_close(int fd)
{
	return (int)result(close(fd));
}

int thrum__os_unlink(const char *path)
{
	return (int)result(unlink(path));
}

ssize_t thrum__os_read(int fd, void *buf, size_t size)
{
	FAULT_POINT(-EIO);
	PERTURB(thrum__perturb(fd, false, &size));
	return result(read(fd, buf, size));
}

ssize_t thrum__os_pread(int fd, void *buf, size_t size, off_t at)
{
	FAULT_POINT(-EIO);
	return result(pread(fd, buf, size, at));
}

ssize_t thrum__os_preadv2(int fd, const struct iovec *v, int n, off_t at, int flags)
{
	struct iovec one;

	FAULT_POINT(-EOPNOTSUPP);
	PERTURB(thrum__perturb_vector(fd, flags & RWF_NOWAIT, &v, &n, &one));
	return result(preadv2(fd, v, n, at, flags));
}

ssize_t thrum__os_pwritev2(int fd, const struct iovec *v, int n, off_t at, int flags)
{
	struct iovec one;

	FAULT_POINT(-EOPNOTSUPP);
	PERTURB(thrum__perturb_vector(fd, flags & RWF_NOWAIT, &v, &n, &one));
	return result(pwritev2(fd, v, n, at, flags));
}

ssize_t thrum__os_readv(int fd, const struct iovec *v, int n)
{
	struct iovec one;

	FAULT_POINT(-EIO);
	PERTURB(thrum__perturb_vector(fd, false, &v, &n, &one));
	return result(readv(fd, v, n));
}

ssize_t thrum__os_writev(int fd, const struct iovec *v, int n)
{
	struct iovec one;

	FAULT_POINT(-EIO);
	PERTURB(thrum__perturb_vector(fd, false, &v, &n, &one));
	return result(writev(fd, v, n));
}

ssize_t thrum__os_sendfile(int out, int in, off_t *offset, size_t size)
{
	FAULT_POINT(-ENOMEM);
	PERTURB(thrum__perturb(out, false, &size));
	return result(sendfile(out, in, offset, size));
}

ssize_t thrum__os_splice(int in, off_t *off_in, int out, off_t *off_out, size_t size,
			 unsigned flags)
{
	FAULT_POINT(-ENOMEM);
	PERTURB(thrum__perturb(out, flags & SPLICE_F_NONBLOCK, &size));
	return result(splice(in, off_in, out, off_out, size, flags));
}

ssize_t thrum__os_write(int fd, const void *buf, size_t size)
{
	FAULT_POINT(-EIO);
	PERTURB(thrum__perturb(fd, false, &size));
	return result(write(fd, buf, size));
}

int thrum__os_write_all(int fd, const void *buf, size_t size)
{
	const char *at = buf;

	while (size) {
		ssize_t n = thrum__os_write(fd, at, size);

		if (n == -EINTR)
			continue;
		if (n <= 0)
			return n ? (int)n : -EIO;
		at += n;
		size -= (size_t)n;
	}
	return 0;
}

bool thrum__os_read_text(const char *path, char *text, size_t size)
{
	size_t used = 0;
	ssize_t n = 0;
	int fd = thrum__os_open(path, O_RDONLY | O_CLOEXEC, 0);

	if (fd < 0)
		return false;
	while (used < size - 1 && (n = thrum__os_read(fd, text + used, size - 1 - used)) > 0)
		used += (size_t)n;
	thrum__os_close(fd);
	text[used] = 0;
	return n >= 0;
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

int64_t thrum__os_thread_cpu_ns(pthread_t thread)
{
	struct timespec t;
	clockid_t clock;
	int err;

	FAULT_POINT(-ENOENT);
	err = pthread_getcpuclockid(thread, &clock);
	if (err)
		return -err;
	if (clock_gettime(clock, &t))
		return -errno;
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

bool thrum__os_thread_is_runnable(pid_t tid)
{
	char file[64], line[64 + 1];
	const char *name_end; /* the state follows; the name may hold anything but is short */

	snprintf(file, sizeof(file), "/proc/self/task/%d/stat", (int)tid);
	if (!thrum__os_read_text(file, line, sizeof(line)))
		return false;
	name_end = strrchr(line, ')');
	return name_end && !strncmp(name_end, ") R", 3);
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

void thrum__os_sigaltstack_back(const stack_t *old)
{
	stack_t ignored;

	(void)sigaltstack(old, &ignored);
}

pid_t thrum__os_thread_id(void)
{
	return gettid();
}

/* As sched(7) has it; no libc declares it before glibc 2.41. */
struct slice_attr {
	uint32_t size, policy;
	uint64_t flags;
	int32_t nice;
	uint32_t priority;
	uint64_t runtime_ns, deadline_ns, period_ns;
};

int thrum__os_thread_set_slice(pid_t tid, int64_t slice_ns)
{
	struct slice_attr attr = {.size = sizeof(attr)};
	int err;

	FAULT_POINT(-ENOSYS);
	err = (int)result(syscall(SYS_sched_getattr, tid, &attr, sizeof(attr), 0));
	if (err)
		return err;
	if (attr.policy != SCHED_OTHER && attr.policy != SCHED_BATCH)
		return -EINVAL;
	attr.runtime_ns = (uint64_t)slice_ns;
	return (int)result(syscall(SYS_sched_setattr, tid, &attr, 0));
}

int thrum__os_sigaction(int sig, const struct sigaction *set, struct sigaction *old)
{
	return (int)result(sigaction(sig, set, old));
}

int thrum__os_atfork(void (*prepare)(void), void (*parent)(void), void (*child)(void))
{
	FAULT_POINT(-ENOMEM);
	return -pthread_atfork(prepare, parent, child);
}

ssize_t thrum__os_affinity(void *mask, size_t size)
{
	FAULT_POINT(-EINVAL);
	return result(syscall(SYS_sched_getaffinity, 0, size, mask));
}

const char *thrum__os_getenv(const char *name)
{
	const char *value = secure_getenv(name);

	return value && *value ? value : NULL;
}

/* ---- Membarrier ---- */

static void membarrier_register(void)
{
	/* ThreadSanitizer cannot see it: there both sides stay fences. */
	if (THREAD_SANITIZED)
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

/* Some 40 us for each; one takes 8 with two cores, and longer with more. */
static struct thrum__barrier membarriers = {.patience = 1000};

static void membarrier_make(void)
{
	ENSURE(
	    syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0) == 0,
	    "membarrier worked at start and does not now; a system call filter was added too late");
}

void thrum__membarrier(void)
{
	thrum__barrier_pass(&membarriers, membarrier_make);
}
