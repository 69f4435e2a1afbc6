/* SPDX-License-Identifier: MIT */
/* test_os.c - unit tests of base/os.h: what each call returns, and with THRUM_FAULTS that each can
 * be made to fail.  What waits is in test_os_wait.c. */
#define _GNU_SOURCE

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/atomic.h"
#include "base/os.h"
#include "suite.h"

#if defined(__SANITIZE_THREAD__)
#define THREAD_SANITIZER 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define THREAD_SANITIZER 1
#endif
#endif
#ifndef THREAD_SANITIZER
#define THREAD_SANITIZER 0
#endif

static char path[] = "/tmp/thrum_test_os_XXXXXX";

static void file_make(void)
{
	strcpy(path + sizeof(path) - 7, "XXXXXX");
	close(mkstemp(path));
}

static void file_remove(void)
{
	unlink(path);
}

START_TEST(memory)
{
	char *p = thrum__os_alloc(100);
	char *zeroed = thrum__os_alloc_zeroed(4096);
	void *aligned = thrum__os_alloc_aligned(4096, 10);
	void *least = thrum__os_alloc_aligned(1, 10);
	int i;

	ck_assert_ptr_nonnull(p);
	memset(p, 1, 100);
	for (i = 0; i < 4096; i++)
		ck_assert_int_eq(zeroed[i], 0);
	ck_assert_uint_eq((uintptr_t)aligned % 4096, 0);
	ck_assert_ptr_nonnull(least);
	thrum__os_free(p);
	thrum__os_free(zeroed);
	thrum__os_free(aligned);
	thrum__os_free(least);
	thrum__os_free(NULL);
}
END_TEST

START_TEST(address_space)
{
	size_t page = thrum__os_page_size();
	void *p = NULL;

	ck_assert_uint_ge(page, 4096);
	ck_assert_int_eq(thrum__os_mmap(&p, 2 * page, PROT_READ | PROT_WRITE, MAP_NORESERVE), 0);
	memset(p, 1, 2 * page);
	ck_assert_int_eq(thrum__os_probe_write(p), 0);
	ck_assert_int_eq(thrum__os_mprotect(p, page, PROT_NONE), 0);
	ck_assert_int_eq(thrum__os_probe_write(p), -EFAULT);
	ck_assert_int_eq(thrum__os_madvise((char *)p + page, page, MADV_DONTNEED), 0);
	ck_assert_int_eq(((char *)p)[page], 0);
	thrum__os_munmap(p, 2 * page);
	ck_assert_int_eq(thrum__os_madvise(p, page, MADV_DONTNEED), -ENOMEM);

	p = &page;
	ck_assert_int_eq(thrum__os_mmap(&p, 0, PROT_READ, 0), -EINVAL);
	ck_assert_ptr_eq(p, &page);
}
END_TEST

START_TEST(files)
{
	struct stat by_path, by_link, by_fd;
	struct iovec v[2];
	char a[4], b[8];
	int fd = thrum__os_open(path, O_RDWR | O_CLOEXEC, 0);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(thrum__os_write(fd, "abcdef", 6), 6);
	ck_assert_int_eq(thrum__os_pwrite(fd, "X", 1, 1), 1);
	ck_assert_int_eq(thrum__os_fsync(fd), 0);
	ck_assert_int_eq(thrum__os_read(fd, b, sizeof(b)), 0);
	ck_assert_int_eq(thrum__os_pread(fd, b, sizeof(b), 2), 4);
	ck_assert_mem_eq(b, "cdef", 4);
	v[0] = (struct iovec){a, 4};
	v[1] = (struct iovec){b, 8};
	ck_assert_int_eq(thrum__os_preadv2(fd, v, 2, 0, 0), 6);
	ck_assert_mem_eq(a, "aXcd", 4);
	ck_assert_mem_eq(b, "ef", 2);

	ck_assert_int_eq(thrum__os_stat(path, &by_path), 0);
	ck_assert_int_eq(thrum__os_lstat(path, &by_link), 0);
	ck_assert_int_eq(thrum__os_fstat(fd, &by_fd), 0);
	ck_assert_int_eq(by_path.st_size, 6);
	ck_assert_uint_eq(by_path.st_ino, by_fd.st_ino);
	ck_assert_uint_eq(by_path.st_ino, by_link.st_ino);
	ck_assert_int_eq(thrum__os_close(fd), 0);
}
END_TEST

START_TEST(file_errors)
{
	struct stat st;
	char b[1] = {0};
	struct iovec v = {b, 1};

	ck_assert_int_eq(thrum__os_open("/nonexistent/x", O_RDONLY, 0), -ENOENT);
	ck_assert_int_eq(thrum__os_openat(-1, "x", O_RDONLY, 0), -EBADF);
	ck_assert_int_eq(thrum__os_read(-1, b, 1), -EBADF);
	ck_assert_int_eq(thrum__os_pread(-1, b, 1, 0), -EBADF);
	ck_assert_int_eq(thrum__os_preadv2(-1, &v, 1, 0, 0), -EBADF);
	ck_assert_int_eq(thrum__os_write(-1, b, 1), -EBADF);
	ck_assert_int_eq(thrum__os_pwrite(-1, b, 1, 0), -EBADF);
	ck_assert_int_eq(thrum__os_fsync(-1), -EBADF);
	ck_assert_int_eq(thrum__os_stat("/nonexistent", &st), -ENOENT);
	ck_assert_int_eq(thrum__os_lstat("/nonexistent", &st), -ENOENT);
	ck_assert_int_eq(thrum__os_fstat(-1, &st), -EBADF);
	ck_assert_int_eq(thrum__os_close(-1), -EBADF);
}
END_TEST

START_TEST(lstat_sees_the_link)
{
	struct stat st;
	char link_path[64];

	snprintf(link_path, sizeof(link_path), "%s.link", path);
	ck_assert_int_eq(symlink(path, link_path), 0);
	ck_assert_int_eq(thrum__os_lstat(link_path, &st), 0);
	ck_assert(S_ISLNK(st.st_mode));
	ck_assert_int_eq(thrum__os_stat(link_path, &st), 0);
	ck_assert(S_ISREG(st.st_mode));
	unlink(link_path);
}
END_TEST

START_TEST(vectors)
{
	char a[4], b[8];
	struct iovec v[2] = {{a, 4}, {b, 8}}, from[2] = {{"abc", 3}, {"defgh", 5}};
	int fd = thrum__os_open(path, O_RDWR | O_CLOEXEC, 0);

	ck_assert_int_eq(thrum__os_writev(fd, from, 2), 8);
	ck_assert_int_eq(thrum__os_pwritev2(fd, from, 1, 8, 0), 3);
	ck_assert_int_eq(thrum__os_readv(fd, v, 2), 3);
	ck_assert_mem_eq(a, "abc", 3);
	ck_assert_int_eq(lseek(fd, 2, SEEK_SET), 2);
	ck_assert_int_eq(thrum__os_readv(fd, v, 2), 9);
	ck_assert_mem_eq(a, "cdef", 4);
	ck_assert_mem_eq(b, "ghabc", 5);
	ck_assert_int_eq(thrum__os_close(fd), 0);
	ck_assert_int_eq(thrum__os_readv(fd, v, 2), -EBADF);
	ck_assert_int_eq(thrum__os_writev(fd, from, 2), -EBADF);
	ck_assert_int_eq(thrum__os_pwritev2(fd, from, 2, 0, 0), -EBADF);
}
END_TEST

START_TEST(from_file_to_pipe)
{
	int fd = thrum__os_open(path, O_RDWR | O_CLOEXEC, 0), pipes[2];
	off_t at = 1;
	char b[16];

	ck_assert_int_eq(pipe2(pipes, O_CLOEXEC | O_NONBLOCK), 0);
	ck_assert_int_eq(thrum__os_get_flags(pipes[0]) & O_NONBLOCK, O_NONBLOCK);
	ck_assert_int_eq(thrum__os_read(pipes[0], b, 1), -EAGAIN);
	ck_assert_int_eq(thrum__os_write(fd, "abcdef", 6), 6);
	ck_assert_int_eq(thrum__os_sendfile(pipes[1], fd, &at, 4), 4);
	ck_assert_int_eq(at, 5);
	ck_assert_int_eq(thrum__os_read(pipes[0], b, sizeof(b)), 4);
	ck_assert_mem_eq(b, "bcde", 4);
	ck_assert_int_eq(thrum__os_splice(pipes[0], NULL, fd, &at, 4, SPLICE_F_NONBLOCK), -EAGAIN);
	at = 2;
	ck_assert_int_eq(thrum__os_splice(fd, &at, pipes[1], NULL, 3, 0), 3);
	ck_assert_int_eq(at, 5);
	ck_assert_int_eq(thrum__os_splice(pipes[0], NULL, fd, &at, 4, 0), 3);
	ck_assert_int_eq(at, 8);
	ck_assert_int_eq(thrum__os_pread(fd, b, sizeof(b), 0), 8);
	ck_assert_mem_eq(b, "abcdecde", 8);
	thrum__os_close(fd);
	ck_assert_int_eq(thrum__os_sendfile(pipes[1], fd, NULL, 4), -EBADF);
	ck_assert_int_eq(thrum__os_splice(fd, NULL, pipes[1], NULL, 4, 0), -EBADF);
	ck_assert_int_eq(thrum__os_get_flags(fd), -EBADF);
	thrum__os_close(pipes[0]);
	thrum__os_close(pipes[1]);
}
END_TEST

static void *sets_its_slice(void *arg)
{
	*(int *)arg = thrum__os_thread_set_slice(0, 500000);
	return NULL;
}

static struct atomic32 sliced_tid, slice_seen;

static void *waits(void *arg)
{
	(void)arg;
	store_release(&sliced_tid, (uint32_t)thrum__os_thread_id());
	while (!load_acquire(&slice_seen))
		thread_yield();
	return NULL;
}

START_TEST(slice)
{
	int err = 1, nice_before = getpriority(PRIO_PROCESS, 0);
	pthread_t thread;

	ck_assert_int_eq(thrum__os_thread_create(&thread, sets_its_slice, &err, 0), 0);
	thrum__os_thread_join(thread);
	ck_assert(err == 0 || err == -ENOSYS || err == -EPERM);
	ck_assert_int_eq(getpriority(PRIO_PROCESS, 0), nice_before);

	ck_assert_int_eq(thrum__os_thread_create(&thread, waits, NULL, 0), 0);
	while (!load_acquire(&sliced_tid))
		thread_yield();
	ck_assert_int_ne(load_relaxed(&sliced_tid), (uint32_t)thrum__os_thread_id());
	ck_assert_int_eq(thrum__os_thread_set_slice((pid_t)load_relaxed(&sliced_tid), 700000), err);
	store_release(&slice_seen, 1);
	thrum__os_thread_join(thread);
}
END_TEST

START_TEST(signal_actions)
{
	struct sigaction set = {.sa_handler = SIG_IGN}, old, now;

	ck_assert_int_eq(thrum__os_sigaction(SIGUSR2, &set, &old), 0);
	ck_assert_int_eq(thrum__os_sigaction(SIGUSR2, NULL, &now), 0);
	ck_assert(now.sa_handler == SIG_IGN);
	ck_assert_int_eq(thrum__os_sigaction(SIGUSR2, &old, NULL), 0);
	ck_assert_int_eq(thrum__os_sigaction(SIGKILL, &set, NULL), -EINVAL);
}
END_TEST

static int fork_steps;

static void before_a_fork(void)
{
	fork_steps = fork_steps * 10 + 1;
}

static void after_in_parent(void)
{
	fork_steps = fork_steps * 10 + 2;
}

static void after_in_child(void)
{
	fork_steps = fork_steps * 10 + 3;
}

START_TEST(fork_handlers)
{
	int status = 0;
	pid_t child;

	ck_assert_int_eq(thrum__os_atfork(before_a_fork, after_in_parent, after_in_child), 0);
	child = fork();
	if (child == 0)
		_exit(fork_steps);
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert_int_eq(WEXITSTATUS(status), 13);
	ck_assert_int_eq(fork_steps, 12);
}
END_TEST

START_TEST(affinity)
{
	unsigned long mask[128] = {0};
	cpu_set_t set;
	int i, ours = 0;

	ck_assert_int_gt(thrum__os_affinity(mask, sizeof(mask)), 0);
	ck_assert_int_eq(sched_getaffinity(0, sizeof(set), &set), 0);
	for (i = 0; i < 128; i++)
		ours += __builtin_popcountl(mask[i]);
	ck_assert_int_eq(ours, CPU_COUNT(&set));
	ck_assert_int_eq(thrum__os_affinity(mask, 1), -EINVAL);
}
END_TEST

static void *names_itself(void *arg)
{
	thrum__os_thread_setname("thrum-a-name-of-many-bytes");
	pthread_getname_np(pthread_self(), arg, 32);
	return NULL;
}

START_TEST(threads)
{
	pthread_t thread;
	char name[32] = "";

	ck_assert_int_eq(thrum__os_thread_create(&thread, names_itself, name, 256 << 10), 0);
	thrum__os_thread_join(thread);
	ck_assert_str_eq(name, "thrum-a-name-of");
	ck_assert_int_eq(thrum__os_thread_create(&thread, names_itself, name, 1), -EINVAL);
}
END_TEST

START_TEST(signal_stack)
{
	static char memory[64 << 10];
	stack_t set = {.ss_sp = memory, .ss_size = sizeof(memory)}, old, now;

	ck_assert_int_eq(thrum__os_sigaltstack(&set, &old), 0);
	ck_assert_int_eq(thrum__os_sigaltstack(NULL, &now), 0);
	ck_assert_ptr_eq(now.ss_sp, memory);
	ck_assert_int_eq(thrum__os_sigaltstack(&old, NULL), 0);
	set.ss_size = 1;
	ck_assert_int_eq(thrum__os_sigaltstack(&set, NULL), -ENOMEM);
}
END_TEST

START_TEST(environment)
{
	setenv("THRUM_TEST_OS", "", 1);
	ck_assert_ptr_null(thrum__os_getenv("THRUM_TEST_OS"));
	setenv("THRUM_TEST_OS", "value", 1);
	ck_assert_str_eq(thrum__os_getenv("THRUM_TEST_OS"), "value");
	unsetenv("THRUM_TEST_OS");
	ck_assert_ptr_null(thrum__os_getenv("THRUM_TEST_OS"));
}
END_TEST

/* Dekker's pattern with the light fence on one side and the heavy one on the other: not both may
 * read 0. */
static struct atomic32 left, right, round_of_peer;
static uint32_t peer_saw;

static void await_round(uint32_t round)
{
	for (int i = 0; load_acquire(&round_of_peer) != round; i++)
		i < 1000 ? spin_hint() : thread_yield();
}

static void *dekker_peer(void *arg)
{
	uint32_t rounds = *(uint32_t *)arg, i;

	for (i = 1; i <= rounds; i++) {
		await_round(2 * i - 1);
		store_relaxed(&right, i);
		fence_light();
		peer_saw = load_relaxed(&left);
		store_release(&round_of_peer, 2 * i);
	}
	return NULL;
}

START_TEST(membarrier_pairs)
{
	uint32_t i, saw, rounds = 300;
	pthread_t thread;

	thrum__os_membarrier_init();
	thrum__os_membarrier_init();
	ck_assert(!THREAD_SANITIZER || !thrum__membarrier_ready);
	ck_assert_int_eq(thrum__os_thread_create(&thread, dekker_peer, &rounds, 0), 0);
	for (i = 1; i <= rounds; i++) {
		store_release(&round_of_peer, 2 * i - 1);
		store_relaxed(&left, i);
		fence_heavy();
		saw = load_relaxed(&right);
		await_round(2 * i);
		ck_assert(saw == i || peer_saw == i);
	}
	thrum__os_thread_join(thread);
}
END_TEST

#ifdef THRUM_FAULTS

static void *idle(void *arg)
{
	return arg;
}

static int null_is_enomem(void *p)
{
	int result = p ? 0 : -ENOMEM;

	thrum__os_free(p);
	return result;
}

/* As call, from 20 on.  1000: no such point. */
static int call_more(int i)
{
	struct iovec v = {NULL, 0};

	switch (i) {
	case 20:
		return thrum__os_openat_cached(AT_FDCWD, "/", O_PATH);
	case 21:
		return thrum__os_set_flags(0, O_RDONLY);
	case 22:
		return (int)thrum__os_readv(0, &v, 0);
	case 23:
		return (int)thrum__os_writev(1, &v, 0);
	case 24:
		return (int)thrum__os_pwritev2(1, &v, 0, 0, 0);
	case 25:
		return (int)thrum__os_sendfile(1, 0, NULL, 0);
	case 26:
		return thrum__os_poll(NULL, 0, 0);
	case 27:
		return thrum__os_epoll_create();
	case 28:
		return thrum__os_epoll_ctl(0, EPOLL_CTL_ADD, 1, NULL);
	case 29:
		return thrum__os_thread_set_slice(0, 1000000);
	case 30:
		return thrum__os_atfork(NULL, NULL, NULL);
	case 31:
		return (int)thrum__os_affinity(&v, sizeof(v));
	case 32:
		return (int)thrum__os_splice(0, NULL, 1, NULL, 0, 0);
	case 33:
		return thrum__os_pidfd_open(getpid());
	case 34:
		return thrum__os_ready(-1, POLLIN);
	}
	return 1000;
}

/* Call the @i-th fault point of os.h once, with arguments that would succeed. */
static int call(int i)
{
	static char memory[64 << 10];
	stack_t set = {.ss_sp = memory, .ss_size = sizeof(memory)};
	struct stat st;
	struct iovec v = {memory, 1};
	pthread_t thread;
	void *p;

	switch (i) {
	case 0:
		return null_is_enomem(thrum__os_alloc(1));
	case 1:
		return null_is_enomem(thrum__os_alloc_zeroed(1));
	case 2:
		return null_is_enomem(thrum__os_alloc_aligned(64, 1));
	case 3:
		return thrum__os_mmap(&p, 4096, PROT_READ, 0);
	case 4:
		return thrum__os_mprotect(memory, 0, PROT_READ);
	case 5:
		return thrum__os_madvise(memory, 0, MADV_NORMAL);
	case 6:
		return thrum__os_open("/dev/null", O_RDONLY, 0);
	case 7:
		return thrum__os_openat(AT_FDCWD, "/dev/null", O_RDONLY, 0);
	case 8:
		return (int)thrum__os_read(0, memory, 0);
	case 9:
		return (int)thrum__os_pread(0, memory, 0, 0);
	case 10:
		return (int)thrum__os_preadv2(0, &v, 1, 0, 0);
	case 11:
		return (int)thrum__os_write(1, memory, 0);
	case 12:
		return (int)thrum__os_pwrite(1, memory, 0, 0);
	case 13:
		return thrum__os_fsync(0);
	case 14:
		return thrum__os_stat("/", &st);
	case 15:
		return thrum__os_lstat("/", &st);
	case 16:
		return thrum__os_fstat(0, &st);
	case 17:
		return thrum__os_eventfd(0, 0);
	case 18:
		return thrum__os_thread_create(&thread, idle, NULL, 0);
	case 19:
		return thrum__os_sigaltstack(&set, NULL);
	}
	return call_more(i);
}

START_TEST(each_point_fails_as_documented)
{
	static const int errors[] = {ENOMEM, ENOMEM, ENOMEM, ENOMEM,     ENOMEM, ENOMEM, EMFILE,
				     EMFILE, EIO,    EIO,    EOPNOTSUPP, EIO,    ENOSPC, EIO,
				     ENOMEM, ENOMEM, ENOMEM, EMFILE,     EAGAIN, ENOMEM, EAGAIN,
				     EAGAIN, EIO,    EIO,    EOPNOTSUPP, ENOMEM, ENOMEM, EMFILE,
				     ENOMEM, ENOSYS, ENOMEM, EINVAL,     ENOMEM, ENOSYS, ENOMEM};
	int i, result;

	for (i = 0;; i++) {
		thrum__fault_set(1, false);
		result = call(i);
		if (result == 1000)
			break;
		ck_assert_int_lt(i, (int)(sizeof(errors) / sizeof(errors[0])));
		ck_assert_int_eq(result, -errors[i]);
		ck_assert(thrum__fault_fired());
		ck_assert_uint_eq(thrum__fault_count(), 1);
	}
	thrum__fault_set(0, false);
	ck_assert_int_eq(i, (int)(sizeof(errors) / sizeof(errors[0])));
}
END_TEST

#endif

int main(void)
{
	TCase *tc = tcase_create("os");

	tcase_add_checked_fixture(tc, file_make, file_remove);
	tcase_add_test(tc, memory);
	tcase_add_test(tc, address_space);
	tcase_add_test(tc, files);
	tcase_add_test(tc, file_errors);
	tcase_add_test(tc, lstat_sees_the_link);
	tcase_add_test(tc, vectors);
	tcase_add_test(tc, from_file_to_pipe);
	tcase_add_test(tc, slice);
	tcase_add_test(tc, signal_actions);
	tcase_add_test(tc, fork_handlers);
	tcase_add_test(tc, affinity);
	tcase_add_test(tc, threads);
	tcase_add_test(tc, signal_stack);
	tcase_add_test(tc, environment);
	tcase_add_test(tc, membarrier_pairs);
#ifdef THRUM_FAULTS
	tcase_add_test(tc, each_point_fails_as_documented);
#endif
	return run_case("os", tc);
}
