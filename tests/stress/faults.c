/* SPDX-License-Identifier: MIT */
/*
 * faults.c - every system call that can fail fails once, and from then on, in every place: creating
 * a runtime, spawning, submitting, sleeping, blocking calls, files, callbacks.  Each time: a result
 * that is right or an error, nothing lost, nothing hung; and afterwards a run without faults works,
 * threads and descriptors are back, and the process has grown by less than GROWTH_KIB: the leaks of
 * single places are AddressSanitizer's to find, in its build.
 *
 * Needs a build with THRUM_FAULTS; without it there is nothing to inject, and the program says so
 * (status 77).
 */
#include "base/atomic.h"
#include "support.h"

#ifdef THRUM_FAULTS
#include "base/os.h"

/* Over some 240 lives: what loses as little as 20 KiB in each shows. */
#define GROWTH_KIB 4096

static struct atomic32 dropped, ran;

static bool is_shortage(intptr_t r)
{
	return r == -ENOMEM || r == -EAGAIN || r == -EMFILE || r == -EIO || r == -ENOSPC ||
	       r == -EOPNOTSUPP;
}

static intptr_t leaf(void *arg)
{
	int r;

	(void)arg;
	fetch_add_acq_rel(&ran, 1);
	r = thrum_sleep(THRUM_US(1));
	return r == -ENOMEM ? 0 : r;
}

static void drop(void *arg)
{
	(void)arg;
	fetch_add_acq_rel(&dropped, 1);
}

static intptr_t job(void *arg)
{
	return (intptr_t)arg;
}

static void on_done(struct thrum_future *f, void *arg)
{
	(void)f;
	fetch_add_acq_rel((struct atomic32 *)arg, 1);
}

static void spawn_some(void)
{
	struct thrum_future *fs[40];
	int args[3] = {1, 2, 3};
	unsigned started = 0;

	for (int i = 0; i < 40; i++) {
		fs[i] = i % 2 ? thrum_spawn_drop(leaf, NULL, drop)
			      : thrum_spawn_copy(leaf, args, sizeof(args));
		started += fs[i] != NULL;
	}
	for (int i = 0; i < 40; i++) {
		intptr_t r = thrum_join(fs[i]);

		CHECK(r == 0 || r == -ENOMEM);
	}
	CHECK(load_acquire(&ran) + load_acquire(&dropped) <= started);
}

static void use_callbacks(void)
{
	struct thrum_future *f = thrum_future_create();
	struct thrum_future *shield = thrum_shield(f);
	struct atomic32 called = {0};

	if (f) {
		int err = thrum_future_on_done(f, on_done, &called);

		CHECK(err == 0 || is_shortage(err));
		CHECK(thrum_future_set(f, 1) == 0);
		while (!err && !load_acquire(&called))
			CHECK(thrum_yield() == 0);
	}
	if (shield)
		CHECK(thrum_await(shield) == 1);
	thrum_release(shield);
	thrum_release(f);
}

static void use_files(void)
{
	char byte;
	int fd = thrum_open("/proc/self/stat", O_RDONLY, 0);

	CHECK(fd >= 0 || is_shortage(fd));
	if (fd >= 0) {
		ssize_t r = thrum_read(fd, &byte, 1);

		/* What is not known yet is tried as a socket, whose call fails as a socket's. */
		CHECK(r == 1 || is_shortage(r) || r == -ECONNRESET);
		CHECK(thrum_close(fd) == 0);
	}
}

static intptr_t work(void *arg)
{
	intptr_t r;

	(void)arg;
	spawn_some();
	use_callbacks();
	use_files();
	r = thrum_blocking(job, (void *)3);
	CHECK(r == 3 || is_shortage(r));
	return 1;
}

/* The whole life of a runtime. */
static void one_life(void)
{
	struct thrum_config config = THRUM_CONFIG_INIT;
	struct thrum_future *f = NULL;
	struct thrum_runtime *rt;
	intptr_t r;
	int err;

	store_release(&ran, 0);
	store_release(&dropped, 0);
	config.workers = 2;
	err = thrum_runtime_create(&rt, &config);
	CHECK(err == 0 || is_shortage(err));
	CHECK((err == 0) == (rt != NULL));
	if (err)
		return;
	r = thrum_runtime_block_on(rt, work, NULL);
	CHECK(r == 1 || is_shortage(r));
	err = thrum_runtime_try_submit(rt, job, (void *)2, &f);
	CHECK((err == 0) == (f != NULL) && (err == 0 || is_shortage(err)));
	if (f) {
		r = thrum_await(f);
		CHECK(r == 2 || is_shortage(r));
	}
	CHECK(thrum_runtime_destroy(rt) == 0);
	thrum_release(f);
}

static void sweep(bool from_then_on)
{
	uint64_t n = 1;

	for (;; n++) {
		bool fired;

		thrum__fault_set(n, from_then_on);
		one_life();
		fired = thrum__fault_fired();
		thrum__fault_set(0, false);
		if (!fired)
			break;
	}
	printf("%s: every fault point up to %llu failed\n", from_then_on ? "from then on" : "once",
	       (unsigned long long)(n - 1));
}

int main(void)
{
	int fds, before_threads, after_threads;
	long before_kib, grown_kib;

	one_life();
	before_kib = status_of("VmRSS");
	fds = descriptors();
	voluntary_switches(&before_threads);
	sweep(false);
	sweep(true);
	one_life();
	voluntary_switches(&after_threads);
	CHECK(load_acquire(&ran) + load_acquire(&dropped) == 40);
	CHECK(descriptors() == fds);
	CHECK(after_threads <= before_threads + 1); /* the service thread */
	grown_kib = status_of("VmRSS") - before_kib;
	printf("%ld KiB more are resident than after the first life\n", grown_kib);
	CHECK(INSTRUMENTED || grown_kib < GROWTH_KIB);
	return 0;
}
#else
int main(void)
{
	printf("built without THRUM_FAULTS: nothing to inject\n");
	return 77;
}
#endif
