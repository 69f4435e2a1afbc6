/* SPDX-License-Identifier: MIT */
/* test_guard.c - unit tests of fiber/guard.h: each overflow or fault ends a child process, whose
 * last words count. */
#define _GNU_SOURCE

#include <check.h>
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>

#include "base/os.h"
#include "child.h"
#include "fiber/fiber.h"
#include "fiber/guard.h"
#include "suite.h"

#define USABLE ((size_t)64 << 10)

static struct thrum__stacks pool;
static struct thrum__stack_cache cache;
static struct thrum__fiber thread;
static struct thrum__fiber *fiber;
static struct thrum__guard_thread signal_stack;
static const char *task_name, *task_place;

static bool current(struct thrum__guard_info *out)
{
	if (!fiber)
		return false;
	out->low = fiber->low;
	out->guard_bytes = pool.guard_bytes;
	out->stack_bytes = (size_t)(fiber->high - fiber->low);
	out->name = task_name;
	out->place = task_place;
	return true;
}

static __attribute__((noinline)) int dive(int level)
{
	volatile char frame[512];

	frame[0] = (char)level;
	__asm__ volatile("" : : "r"(frame) : "memory"); /* a frame for each level */
	if (level == INT32_MAX)
		return 0;
	return dive(level + 1) + frame[0];
}

/* ---- What fibers do ---- */

static void overflows(void *arg)
{
	*(volatile int *)arg = dive(0);
}

static volatile uintptr_t nowhere = 16;

static void writes_to_null(void *arg)
{
	(void)arg;
	*(volatile int *)nowhere = 1;
}

/* Just below the guard, where nothing of this fiber is. */
static void writes_below_the_guard(void *arg)
{
	(void)arg;
	*(volatile char *)(fiber->low - pool.guard_bytes - 1) = 1;
}

static void raises(void *arg)
{
	(void)arg;
	raise(SIGSEGV);
	fprintf(stderr, "went on");
	_exit(9);
}

/* ---- The children ---- */

static void run(void (*entry)(void *))
{
	int sink;

	if (thrum__stacks_init(&pool, USABLE, 10))
		_exit(100);
	thrum__stack_cache_init(&cache, &pool);
	thrum__fiber_init_thread(&thread);
	if (thrum__guard_install(current) || thrum__guard_install(NULL))
		_exit(102);
	if (thrum__guard_thread_init(&signal_stack))
		_exit(101);
	if (entry == writes_below_the_guard) {
		/* The stack below, so that the place is mapped by us: its top has no access. */
		char *below = thrum__stack_get(&cache);

		mprotect(below + USABLE - 4096, 4096, PROT_NONE);
	}
	fiber = thrum__fiber_create(&cache, entry, &sink);
	thrum__fiber_switch(&thread, fiber);
}

static void child_overflows(void)
{
	task_name = "deep diver";
	task_place = "file.c:12";
	run(overflows);
}

static void child_overflows_nameless(void)
{
	run(overflows);
}

static void *runs_child(void *arg)
{
	child_overflows();
	return arg;
}

static void child_overflows_on_a_thread(void)
{
	pthread_t t;

	if (thrum__os_thread_create(&t, runs_child, NULL, 0))
		_exit(102);
	thrum__os_thread_join(t);
}

static void child_faults(void)
{
	run(writes_to_null);
}

static void child_faults_below(void)
{
	run(writes_below_the_guard);
}

static void child_raises(void)
{
	run(raises);
}

static void old_handler(int sig)
{
	if (sig == SIGSEGV)
		fprintf(stderr, "old handler");
	_exit(7);
}

static void old_action(int sig, siginfo_t *info, void *context)
{
	if (sig == SIGSEGV && info->si_addr == (void *)nowhere && context)
		fprintf(stderr, "old action");
	_exit(8);
}

static void handle_with(void (*handler)(int), void (*action)(int, siginfo_t *, void *))
{
	struct sigaction sa = {.sa_handler = SIG_DFL};

	if (action) {
		sa.sa_sigaction = action;
		sa.sa_flags = SA_SIGINFO;
	} else {
		sa.sa_handler = handler;
	}
	sigaction(SIGSEGV, &sa, NULL);
}

static void child_had_a_handler(void)
{
	handle_with(old_handler, NULL);
	child_faults();
}

static void child_had_an_action(void)
{
	handle_with(NULL, old_action);
	child_faults();
}

static void child_had_an_action_and_overflows(void)
{
	handle_with(NULL, old_action);
	child_overflows();
}

static void child_ignores_and_raises(void)
{
	handle_with(SIG_IGN, NULL);
	child_raises();
}

static void child_ignores_and_faults(void)
{
	handle_with(SIG_IGN, NULL);
	child_faults();
}

static void child_default_and_raises(void)
{
	handle_with(SIG_DFL, NULL);
	child_raises();
}

static void child_default_and_faults(void)
{
	handle_with(SIG_DFL, NULL);
	child_faults();
}

static void child_default_and_faults_below(void)
{
	handle_with(SIG_DFL, NULL);
	child_faults_below();
}

/* ---- The tests ---- */

static const struct {
	const char *what;
	void (*child)(void);
	int signal; /* 0: exits */
	int code;
	const char *says; /* NULL: nothing about an overflow */
} cases[] = {
	{"overflow", child_overflows, SIGSEGV, 0,
	 "thrum: task deep diver (spawned at file.c:12) overflowed its stack of 65536 bytes\n"},
	{"overflow on a thread", child_overflows_on_a_thread, SIGSEGV, 0,
	 "thrum: task deep diver (spawned at file.c:12) overflowed its stack of 65536 bytes\n"},
	{"overflow, no name", child_overflows_nameless, SIGSEGV, 0,
	 "thrum: task without a name (spawned at an unknown place) overflowed its stack of 65536 "
	 "bytes\n"},
	{"overflow, an old handler is not asked", child_had_an_action_and_overflows, SIGSEGV, 0,
	 "thrum: task deep diver (spawned at file.c:12) overflowed its stack of 65536 bytes\n"},
	{"fault, old handler", child_had_a_handler, 0, 7, "old handler"},
	{"fault, old action", child_had_an_action, 0, 8, "old action"},
	{"fault, ignored", child_ignores_and_faults, SIGSEGV, 0, NULL},
	{"fault, default", child_default_and_faults, SIGSEGV, 0, NULL},
	{"fault below the guard", child_default_and_faults_below, SIGSEGV, 0, NULL},
	{"raised, ignored", child_ignores_and_raises, 0, 9, "went on"},
	{"raised, default", child_default_and_raises, SIGSEGV, 0, NULL},
};

START_TEST(last_words)
{
	char err[8192];
	int status = child_run(cases[_i].child, err, sizeof(err));
	bool as_said = cases[_i].signal
			   ? WIFSIGNALED(status) && WTERMSIG(status) == cases[_i].signal
			   : WIFEXITED(status) && WEXITSTATUS(status) == cases[_i].code;

	ck_assert_msg(as_said, "%s: status %x, %s", cases[_i].what, status, err);
	if (cases[_i].says)
		ck_assert_msg(strstr(err, cases[_i].says), "%s: %s", cases[_i].what, err);
	if (!cases[_i].says || !strstr(cases[_i].says, "overflowed"))
		ck_assert_msg(!strstr(err, "overflowed"), "%s: %s", cases[_i].what, err);
}
END_TEST

START_TEST(a_threads_signal_stack)
{
	struct thrum__guard_thread t;
	stack_t before, inside, after;

	ck_assert_int_eq(sigaltstack(NULL, &before), 0);
	ck_assert_int_eq(thrum__guard_thread_init(&t), 0);
	ck_assert_int_eq(sigaltstack(NULL, &inside), 0);
	ck_assert_uint_eq(inside.ss_size, 64 << 10);
	ck_assert_int_eq(inside.ss_flags, 0);
	ck_assert_int_eq(thrum__os_probe_write(inside.ss_sp), 0);
	ck_assert_int_eq(thrum__os_probe_write((char *)inside.ss_sp - 16), -EFAULT);
	thrum__guard_thread_fini(&t);
	ck_assert_int_eq(sigaltstack(NULL, &after), 0);
	ck_assert_int_eq(after.ss_flags, before.ss_flags);
	if (!(before.ss_flags & SS_DISABLE))
		ck_assert_ptr_eq(after.ss_sp, before.ss_sp);
	thrum__guard_thread_fini(&t);
	t = (struct thrum__guard_thread){.map = NULL};
	thrum__guard_thread_fini(&t);
}
END_TEST

#ifdef THRUM_FAULTS
START_TEST(faults_of_a_signal_stack)
{
	struct thrum__guard_thread t;
	int n;

	for (n = 1; n <= 3; n++) {
		thrum__fault_set((uint64_t)n, false);
		ck_assert_int_eq(thrum__guard_thread_init(&t), -ENOMEM);
		ck_assert_ptr_null(t.map);
		thrum__guard_thread_fini(&t);
	}
	thrum__fault_set(4, false);
	ck_assert_int_eq(thrum__guard_thread_init(&t), 0);
	ck_assert(!thrum__fault_fired());
	thrum__guard_thread_fini(&t);
	thrum__fault_set(0, false);
}
END_TEST
#endif

int main(void)
{
	TCase *tc = tcase_create("guard");

	tcase_add_loop_test(tc, last_words, 0, (int)(sizeof(cases) / sizeof(cases[0])));
	tcase_add_test(tc, a_threads_signal_stack);
#ifdef THRUM_FAULTS
	tcase_add_test(tc, faults_of_a_signal_stack);
#endif
	return run_case("guard", tc);
}
