/* SPDX-License-Identifier: MIT */
/*
 * test_never_cut_jobs.c - calls that a thread of the pool makes: asked before, they do nothing;
 * once begun they are never cut short.  But closing is done in any case.
 *
 * The linker puts functions of this file in front of the library's system calls (CMakeLists.txt),
 * which hold a call in the middle until its task has been asked.  On the real clock: the virtual
 * one stands still while a job is under way.
 */
#define _GNU_SOURCE /* memfd_create */
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "asked.h"

/* NOLINTBEGIN: the names are the linker's. */
ssize_t __real_thrum__os_pread(int fd, void *buf, size_t n, off_t at);
ssize_t __real_thrum__os_preadv2(int fd, const struct iovec *v, int n, off_t at, int flags);
ssize_t __real_thrum__os_pwrite(int fd, const void *buf, size_t n, off_t at);
int __real_thrum__os_fsync(int fd);
int __real_thrum__os_stat(const char *path, struct stat *out);
int __real_thrum__os_lstat(const char *path, struct stat *out);
int __real_thrum__os_fstat(int fd, struct stat *out);
int __real_thrum__os_close(int fd);
ssize_t __wrap_thrum__os_pread(int fd, void *buf, size_t n, off_t at);
ssize_t __wrap_thrum__os_preadv2(int fd, const struct iovec *v, int n, off_t at, int flags);
ssize_t __wrap_thrum__os_pwrite(int fd, const void *buf, size_t n, off_t at);
int __wrap_thrum__os_fsync(int fd);
int __wrap_thrum__os_stat(const char *path, struct stat *out);
int __wrap_thrum__os_lstat(const char *path, struct stat *out);
int __wrap_thrum__os_fstat(int fd, struct stat *out);
int __wrap_thrum__os_close(int fd);
/* NOLINTEND */

/* ---- What holds a call ---- */

static struct atomic32 holding;
static struct atomic32 begun;
static struct hold hold;
static struct trial *tried;
static int file; /* what is read, written, closed */
static struct stat st;

/* The first to come here after `holding` was set waits until it is told to go on.  A task that need
 * not wait for a thread asks itself here. */
static void wait_here(void)
{
	if (!exchange_acquire(&holding, 0))
		return;
	fetch_add_relaxed(&begun, 1);
	if (thrum_self()) {
		tried->way->ask(tried);
		thrum_future_set(hold.started, 1);
	} else {
		is_int(job_hold(&hold), 0);
	}
}

ssize_t __wrap_thrum__os_pread(int fd, void *buf, size_t n, off_t at)
{
	wait_here();
	return __real_thrum__os_pread(fd, buf, n, at);
}

/* The cache holds nothing. */
ssize_t __wrap_thrum__os_preadv2(int fd, const struct iovec *v, int n, off_t at, int flags)
{
	(void)v, (void)n, (void)at, (void)flags;
	return fd == file ? -EAGAIN : __real_thrum__os_preadv2(fd, v, n, at, flags);
}

ssize_t __wrap_thrum__os_pwrite(int fd, const void *buf, size_t n, off_t at)
{
	wait_here();
	return __real_thrum__os_pwrite(fd, buf, n, at);
}

int __wrap_thrum__os_fsync(int fd)
{
	wait_here();
	return __real_thrum__os_fsync(fd);
}

int __wrap_thrum__os_stat(const char *path, struct stat *out)
{
	wait_here();
	return __real_thrum__os_stat(path, out);
}

int __wrap_thrum__os_lstat(const char *path, struct stat *out)
{
	wait_here();
	return __real_thrum__os_lstat(path, out);
}

/* Of what is closed the library asks first what it is. */
int __wrap_thrum__os_fstat(int fd, struct stat *out)
{
	if (out == &st)
		wait_here();
	return __real_thrum__os_fstat(fd, out);
}

int __wrap_thrum__os_close(int fd)
{
	if (fd == file)
		wait_here();
	return __real_thrum__os_close(fd);
}

/* ---- A trial ---- */

struct job_trial {
	struct trial t;
	intptr_t (*call)(void);
	intptr_t result;
	bool always; /* asked before, it does its work all the same */
	struct thrum_future *f;
};

static intptr_t task_asks_once_begun(void *trial)
{
	struct job_trial *j = trial;

	if (thrum_await(hold.started)) /* it has asked itself */
		return 0;
	j->t.way->ask(&j->t);
	yield_often();
	is_under(&j->t, thrum_done(j->f), false);
	sem_post(&hold.go);
	return 0;
}

/* Its deadline may have passed before the call has begun: then it is made again. */
static intptr_t task_calls(void *trial)
{
	struct job_trial *j = trial;
	struct trial *t = &j->t;
	intptr_t r;
	bool done;

	t->self = thrum_self();
	do {
		if (t->way->begin)
			t->way->begin(t);
		if (t->before)
			t->way->ask(t);
		else
			store_release(&holding, 1);
		r = j->call();
		done = t->before || load_relaxed(&begun) == 1;
		is_under(t, r,
			 !done                     ? -ETIMEDOUT
			 : t->before && !j->always ? t->way->err
						   : j->result);
		is_still_asked(t);
		if (t->way->end)
			t->way->end(t);
	} while (!done);
	return 0;
}

static void try_job(struct job_trial j)
{
	struct thrum_future *asker = NULL;
	char c = 'x';

	store_relaxed(&holding, 0);
	store_relaxed(&begun, 0);
	tried = &j.t;
	hold_init(&hold, 0);
	must((file = memfd_create("file", MFD_CLOEXEC)) >= 0);
	is_int(thrum_write(file, &c, 1), 1); /* so that it may take long to close */
	must((j.t.root = thrum_token_create(NULL)));
	must((j.t.token = thrum_token_create(j.t.root)));
	must((j.f = thrum_spawn_token(j.t.token, task_calls, &j)));
	if (!j.t.before)
		must((asker = thrum_spawn(task_asks_once_begun, &j)));
	is_under(&j.t, thrum_await(j.f), 0);
	if (asker)
		is_int(thrum_join(asker), 0);
	is_under(&j.t, load_relaxed(&begun), !j.t.before);
	thrum_release(j.f);
	thrum_token_release(j.t.token);
	thrum_token_release(j.t.root);
	if (!j.always)
		close(file);
	hold_end(&hold);
}

/* With a cancel and a deadline the call may hear of either first, unless it has heard of both. */
static bool is_exact(const struct way *way)
{
	return way->begin != timeout_begin || way->err == -ETIMEDOUT;
}

static intptr_t task_tries_all(void *trial)
{
	struct job_trial *j = trial;

	for (size_t i = 0; i < WAYS; i++)
		for (int before = 0; before < 2; before++) {
			j->t = (struct trial){.way = &ways[i], .limit_ns = THRUM_MS(2)};
			j->t.before = before;
			if (before || is_exact(&ways[i]))
				try_job(*j);
		}
	return 77;
}

/* The test of one call, which returns @result. */
#define NEVER_CUT_JOB(call, result, always)                                              \
	static intptr_t call##_now(void);                                                \
	START_TEST(call##_is_never_cut_short)                                            \
	{                                                                                \
		struct job_trial j_ = {{.way = NULL}, call##_now, result, always, NULL}; \
		is_int(run_real(2, task_tries_all, &j_), 77);                            \
	}                                                                                \
	END_TEST                                                                         \
	static intptr_t call##_now(void)

static intptr_t job(void *unused)
{
	(void)unused;
	wait_here();
	return 42;
}

NEVER_CUT_JOB(thrum_blocking, 42, false)
{
	return thrum_blocking(job, NULL);
}

NEVER_CUT_JOB(thrum_pread, 1, false)
{
	char c = 0;
	ssize_t r = thrum_pread(file, &c, 1, 0);

	is_int(c, r == 1 ? 'x' : 0);
	return r;
}

NEVER_CUT_JOB(thrum_pwrite, 1, false)
{
	return thrum_pwrite(file, "y", 1, 0);
}

NEVER_CUT_JOB(thrum_fsync, 0, false)
{
	return thrum_fsync(file);
}

NEVER_CUT_JOB(thrum_stat, 0, false)
{
	return thrum_stat("/", &st);
}

NEVER_CUT_JOB(thrum_lstat, 0, false)
{
	return thrum_lstat("/", &st);
}

NEVER_CUT_JOB(thrum_fstat, 0, false)
{
	return thrum_fstat(file, &st);
}

NEVER_CUT_JOB(thrum_close, 0, true)
{
	int r = thrum_close(file);

	is_int(fcntl(file, F_GETFD), -1);
	return r;
}

int main(void)
{
	const TTest *const tests[] = {
	    thrum_blocking_is_never_cut_short, thrum_pread_is_never_cut_short,
	    thrum_pwrite_is_never_cut_short,   thrum_fsync_is_never_cut_short,
	    thrum_stat_is_never_cut_short,     thrum_lstat_is_never_cut_short,
	    thrum_fstat_is_never_cut_short,    thrum_close_is_never_cut_short,
	};

	return RUN_TESTS_FOR("never_cut_jobs", 60, tests);
}
