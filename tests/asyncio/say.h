/* SPDX-License-Identifier: MIT */
/*
 * say.h - what the asyncio programs share: the unit of time T, lines that carry the time, run().
 *
 * say("hello") prints "1.0 hello": the time in units of T since the program started, cut to tenths.
 * With the virtual clock (the default) T is one second that nobody waits for and times are exact.
 * With THRUM_TEST_CLOCK=real, T is 50 ms of real time and a line may come late, never early.
 *
 * One program includes this once; nothing here can fail but memory, which shows as a missing line.
 */
#ifndef SAY_H
#define SAY_H

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <thrum/thrum.h>

/* One unit, in ns. */
#define T (say_unit_ns)

static int64_t say_unit_ns = THRUM_SEC(1);
/* The clock's value when the program started; the virtual clock's is 0. */
static int64_t say_start_ns;
/* Virtual clock: what the time is outside tasks. */
static int64_t say_outside_ns;
static bool say_virtual = true;

/* say_use_real_clock - for a program that needs no runtime, or one without jumps in time. */
static inline void say_use_real_clock(void)
{
	say_virtual = false;
	say_unit_ns = THRUM_MS(50);
	say_start_ns = thrum_now();
}

__attribute__((constructor)) static void say_begin(void)
{
	const char *clock = getenv("THRUM_TEST_CLOCK");

	if (clock && !strcmp(clock, "real"))
		say_use_real_clock();
}

/* say_config - a runtime on the programs' clock; its number of workers comes from THRUM_WORKERS. */
static inline struct thrum_config say_config(void)
{
	struct thrum_config config = THRUM_CONFIG_INIT;

	config.clock = say_virtual ? THRUM_CLOCK_VIRTUAL : THRUM_CLOCK_REAL;
	return config;
}

/* The virtual clock is its runtime's, so outside tasks the time is when the main task returned. */
static inline int64_t say_tenths(void)
{
	int64_t now_ns = say_virtual && !thrum_self() ? say_outside_ns : thrum_now();

	return (now_ns - say_start_ns) * 10 / T;
}

__attribute__((format(printf, 1, 0))) static inline void say_text(const char *format, va_list args,
								  const char *end)
{
	int64_t tenths = say_tenths();
	char text[200];

	vsnprintf(text, sizeof(text), format, args);
	printf("%d.%d %s%s", (int)(tenths / 10), (int)(tenths % 10), text, end);
}

/* say - print a line, with the time in front. */
__attribute__((format(printf, 1, 2))) static inline void say(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	say_text(format, args, "\n");
	va_end(args);
}

/* say_no_newline - the same without the end of the line. */
__attribute__((format(printf, 1, 2))) static inline void say_no_newline(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	say_text(format, args, "");
	va_end(args);
}

struct say_main {
	thrum_fn fn;
	void *arg;
};

/* The main task: fn, and a note of when it returned, for lines that are said outside. */
static inline intptr_t say_main(void *arg)
{
	struct say_main *main_task = arg;
	intptr_t result = main_task->fn(main_task->arg);

	say_outside_ns = thrum_now();
	return result;
}

/* run - asyncio.run: thrum_run on the programs' clock. */
static inline intptr_t run(thrum_fn fn, void *arg)
{
	struct thrum_config config = say_config();

	return thrum_run_with(&config, say_main, &(struct say_main){fn, arg});
}

/* run_until_complete - loop.run_until_complete: thrum_runtime_block_on. */
static inline intptr_t run_until_complete(struct thrum_runtime *rt, thrum_fn fn, void *arg)
{
	return thrum_runtime_block_on(rt, say_main, &(struct say_main){fn, arg});
}

#endif
