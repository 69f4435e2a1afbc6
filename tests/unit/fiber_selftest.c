/* SPDX-License-Identifier: MIT */
/*
 * fiber_selftest.c - what a port of the switch must do, without a test library: runs natively and
 * under an emulator.
 *
 * Returns 0, or 1 after a line about what failed.  It looks at registers, so that it needs an
 * uninstrumented build.
 */
#include <execinfo.h>
#include <fenv.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "fiber/fiber.h"
#include "fiber/stack.h"

#define EXPECT(cond) \
	do { \
		if (!(cond)) { \
			printf("fiber_selftest: %s:%d: %s\n", __FILE__, __LINE__, #cond); \
			failures++; \
		} \
	} while (0)

static int failures;
static struct thrum__stacks pool;
static struct thrum__stack_cache cache;
static struct thrum__fiber thread;
static struct thrum__fiber *fiber;

/*
 * Fill every register that a call must preserve with values made from @seed, switch away, and look
 * at them after the way back.  Returns 0, or the bits that differ, of all of them together.
 */
/* clang-format off */
#if defined(__x86_64__)
static __attribute__((noinline)) uint64_t
registers_across(struct thrum__fiber *from, struct thrum__fiber *to, uint64_t seed)
{
	void **from_sp = &from->sp;
	void *to_sp = to->sp;
	uint64_t differ;

	__asm__ volatile("lea -128(%%rsp), %%rsp\n\t" /* the red zone */
			 "push %%rbp\n\t"
			 "push %%rdx\n\t"
			 "lea 1(%%rdx), %%rbx\n\t"
			 "lea 2(%%rdx), %%r12\n\t"
			 "lea 3(%%rdx), %%r13\n\t"
			 "lea 4(%%rdx), %%r14\n\t"
			 "lea 5(%%rdx), %%r15\n\t"
			 "lea 6(%%rdx), %%rbp\n\t"
			 "call thrum__fiber_swap\n\t"
			 "mov (%%rsp), %%rdx\n\t"
			 "lea 1(%%rdx), %%rcx\n\t xor %%rbx, %%rcx\n\t mov %%rcx, %%rax\n\t"
			 "lea 2(%%rdx), %%rcx\n\t xor %%r12, %%rcx\n\t or %%rcx, %%rax\n\t"
			 "lea 3(%%rdx), %%rcx\n\t xor %%r13, %%rcx\n\t or %%rcx, %%rax\n\t"
			 "lea 4(%%rdx), %%rcx\n\t xor %%r14, %%rcx\n\t or %%rcx, %%rax\n\t"
			 "lea 5(%%rdx), %%rcx\n\t xor %%r15, %%rcx\n\t or %%rcx, %%rax\n\t"
			 "lea 6(%%rdx), %%rcx\n\t xor %%rbp, %%rcx\n\t or %%rcx, %%rax\n\t"
			 "pop %%rdx\n\t"
			 "pop %%rbp\n\t"
			 "lea 128(%%rsp), %%rsp\n\t"
			 : "=a"(differ), "+D"(from_sp), "+S"(to_sp), "+d"(seed)
			 :
			 : "rbx", "rcx", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15",
			   "cc", "memory", "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6",
			   "xmm7", "xmm8", "xmm9", "xmm10", "xmm11", "xmm12", "xmm13", "xmm14",
			   "xmm15");
	return differ;
}
#else
#define FILL(x, n) "add " #x ", x2, #" #n "\n\t"
#define FILL_FP(d, n) "add x9, x2, #" #n "\n\t fmov " #d ", x9\n\t"
#define CHECK(x, n) "add x9, x2, #" #n "\n\t eor x9, x9, " #x "\n\t orr x3, x3, x9\n\t"
#define CHECK_FP(d, n) "fmov x10, " #d "\n\t" CHECK(x10, n)
static __attribute__((noinline)) uint64_t
registers_across(struct thrum__fiber *from, struct thrum__fiber *to, uint64_t seed)
{
	register void **from_sp __asm__("x0") = &from->sp;
	register void *to_sp __asm__("x1") = to->sp;
	register uint64_t s __asm__("x2") = seed;
	register uint64_t differ __asm__("x3") = 0;

	__asm__ volatile("stp x29, x2, [sp, #-16]!\n\t"
			 FILL(x19, 1) FILL(x20, 2) FILL(x21, 3) FILL(x22, 4) FILL(x23, 5)
			 FILL(x24, 6) FILL(x25, 7) FILL(x26, 8) FILL(x27, 9) FILL(x28, 10)
			 FILL(x29, 11)
			 FILL_FP(d8, 12) FILL_FP(d9, 13) FILL_FP(d10, 14) FILL_FP(d11, 15)
			 FILL_FP(d12, 16) FILL_FP(d13, 17) FILL_FP(d14, 18) FILL_FP(d15, 19)
			 "bl thrum__fiber_swap\n\t"
			 "ldr x2, [sp, #8]\n\t"
			 "mov x3, #0\n\t"
			 CHECK(x19, 1) CHECK(x20, 2) CHECK(x21, 3) CHECK(x22, 4) CHECK(x23, 5)
			 CHECK(x24, 6) CHECK(x25, 7) CHECK(x26, 8) CHECK(x27, 9) CHECK(x28, 10)
			 CHECK(x29, 11)
			 CHECK_FP(d8, 12) CHECK_FP(d9, 13) CHECK_FP(d10, 14) CHECK_FP(d11, 15)
			 CHECK_FP(d12, 16) CHECK_FP(d13, 17) CHECK_FP(d14, 18) CHECK_FP(d15, 19)
			 "ldp x29, x2, [sp], #16\n\t"
			 : "+r"(from_sp), "+r"(to_sp), "+r"(s), "+r"(differ)
			 :
			 : "x4", "x5", "x6", "x7", "x8", "x9", "x10", "x11", "x12", "x13", "x14",
			   "x15", "x16", "x17", "x19", "x20", "x21", "x22", "x23", "x24", "x25",
			   "x26", "x27", "x28", "x30", "v0", "v1", "v2", "v3", "v4", "v5", "v6",
			   "v7", "v8", "v9", "v10", "v11", "v12", "v13", "v14", "v15", "v16",
			   "v17", "v18", "v19", "v20", "v21", "v22", "v23", "v24", "v25", "v26",
			   "v27", "v28", "v29", "v30", "v31", "cc", "memory");
	return differ;
}
#endif
/* clang-format on */

/* ---- The fibers' functions ---- */

static void counts(void *arg)
{
	int *seen = arg;

	for (;;) {
		++*seen;
		thrum__fiber_switch(fiber, &thread);
	}
}

static void keeps_registers(void *arg)
{
	uint64_t seed = *(uint64_t *)arg;

	for (;;) {
		seed += 0x0101010101010101u;
		EXPECT(registers_across(fiber, &thread, seed) == 0);
	}
}

static void rounds_up(void *arg)
{
	(void)arg;
	fesetround(FE_UPWARD);
	thrum__fiber_switch(fiber, &thread);
	/* The thread set its own meanwhile. */
	EXPECT(fegetround() == FE_DOWNWARD);
	thrum__fiber_switch_exit(fiber, &thread);
}

/* Goes down a few KiB and comes back with doubles in use, which want an aligned stack. */
static __attribute__((noinline)) double deep(int levels, size_t *left)
{
	volatile char frame[256];
	double under;

	frame[0] = (char)levels;
	__asm__ volatile("" : : "r"(frame) : "memory"); /* a frame for each level */
	*left = thrum__fiber_stack_left(fiber);
	if (!levels)
		return 0.5;
	under = deep(levels - 1, left);
	return under + frame[0];
}

static void uses_its_stack(void *arg)
{
	size_t all = (size_t)(fiber->high - fiber->low);
	size_t high = thrum__fiber_stack_left(fiber), low = 0;
	char text[64];

	EXPECT((uintptr_t)__builtin_frame_address(0) % 16 == 0);
	EXPECT(high <= all && high + 4096 > all);
	EXPECT(deep(100, &low) == 100 * 101 / 2 + 0.5);
	EXPECT(high - low > 100 * 256 && high - low < 100 * 2048);
	snprintf(text, sizeof(text), "%.3f", 1.25);
	EXPECT(!strcmp(text, "1.250"));
	*(bool *)arg = true;
	thrum__fiber_switch_exit(fiber, &thread);
}

/* The unwind rules of the switch and of the first frame: the walk ends in thrum__fiber_entry. */
static void walks_back(void *arg)
{
	void *at[32];
	int n = backtrace(at, 32);
	uintptr_t entry = (uintptr_t)thrum__fiber_entry;

	EXPECT(n >= 2 && n < 10);
	EXPECT((uintptr_t)at[n - 1] > entry && (uintptr_t)at[n - 1] < entry + 64);
	*(bool *)arg = true;
	thrum__fiber_switch_exit(fiber, &thread);
}

/* ---- The checks ---- */

static void start(void (*entry)(void *), void *arg)
{
	fiber = thrum__fiber_create(&cache, entry, arg);
	EXPECT(fiber);
}

static void check_order(void)
{
	int i, seen = 0;

	start(counts, &seen);
	EXPECT(seen == 0);
	for (i = 1; i <= 1000; i++) {
		thrum__fiber_switch(&thread, fiber);
		EXPECT(seen == i);
	}
	thrum__fiber_destroy(&cache, fiber);
}

static void check_registers(void)
{
	uint64_t seed = 0x1234567890abcdefu;
	int i;

	start(keeps_registers, &seed);
	for (i = 0; i < 1000; i++)
		EXPECT(registers_across(&thread, fiber, ~seed + (uint64_t)i) == 0);
	thrum__fiber_destroy(&cache, fiber);
}

/* The floating-point control state belongs to the thread: it goes through switches in both
 * directions. */
static void check_rounding_is_inherited(void)
{
	start(rounds_up, NULL);
	EXPECT(fegetround() == FE_TONEAREST);
	thrum__fiber_switch(&thread, fiber);
	EXPECT(fegetround() == FE_UPWARD);
	fesetround(FE_DOWNWARD);
	thrum__fiber_switch(&thread, fiber);
	fesetround(FE_TONEAREST);
	thrum__fiber_destroy(&cache, fiber);
}

static void check_unwinding(void)
{
	bool done = false;
	void *at[1];

	backtrace(at, 1); /* loads the unwinder, which wants more than a fiber's stack */
	start(walks_back, &done);
	thrum__fiber_switch(&thread, fiber);
	EXPECT(done);
	thrum__fiber_destroy(&cache, fiber);
}

static void check_stack(size_t bytes)
{
	bool done = false;

	fiber = bytes ? thrum__fiber_create_sized(&cache, bytes, uses_its_stack, &done)
		      : thrum__fiber_create(&cache, uses_its_stack, &done);
	EXPECT(fiber);
	thrum__fiber_switch(&thread, fiber);
	EXPECT(done);
	thrum__fiber_destroy(&cache, fiber);
}

int main(void)
{
	char line[256];

	EXPECT(!thrum__stacks_init(&pool, 64 << 10, 100));
	thrum__stack_cache_init(&cache, &pool);
	thrum__fiber_init_thread(&thread);
	check_order();
	check_registers();
	check_rounding_is_inherited();
	check_unwinding();
	check_stack(0);
	check_stack((size_t)1 << 20);
	thrum__stack_cache_fini(&cache);
	thrum__stacks_describe(&pool, line, sizeof(line));
	thrum__stacks_fini(&pool);
	printf("fiber_selftest: %s; stacks: %s\n", failures ? "FAILED" : "ok", line);
	return failures != 0;
}
