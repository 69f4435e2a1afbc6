/* SPDX-License-Identifier: MIT */
/*
 * test_config.c - from a configuration and the environment to limits: the ranges of each field, who
 * wins, the defaults, older and newer versions of the struct.
 */
#include <stdlib.h>

#include "base/os.h"
#include "run.h"
#include "sched/config.h"

static const char *const variables[] = {
    "THRUM_WORKERS",      "THRUM_STACK",          "THRUM_TASKS_MAX", "THRUM_INJECT_MAX",
    "THRUM_BLOCKING_MAX", "THRUM_BLOCKING_QUEUE", "THRUM_GRACE_MS",  "THRUM_STALL_MS",
    "THRUM_CLOCK",        "THRUM_SPIN_US",        "THRUM_SEED",      "THRUM_SOFT_MS",
    "THRUM_SIGNALS",
};

static void environment_clear(void)
{
	for (size_t i = 0; i < sizeof(variables) / sizeof(variables[0]); i++)
		unsetenv(variables[i]);
}

static struct thrum_config out;
static struct thrum__config_found found;

static int resolve(const struct thrum_config *c)
{
	memset(&out, 0xa5, sizeof(out));
	memset(&found, 0, sizeof(found));
	return thrum__config_resolve(c, &out, &found);
}

static void is_default(void)
{
	ck_assert_uint_eq(out.size, sizeof(out));
	ck_assert_uint_eq(out.workers, thrum__os_cpus());
	ck_assert_str_eq(found.workers_why, "CPU affinity and cgroup quota");
	ck_assert_uint_eq(out.clock, THRUM_CLOCK_REAL);
	ck_assert_uint_eq(out.stack_bytes, 64 << 10);
	ck_assert_uint_eq(out.tasks_max, 1 << 26);
	ck_assert_uint_eq(out.inject_max, 1 << 16);
	ck_assert_uint_eq(out.blocking_max, 64);
	ck_assert_uint_eq(out.blocking_queue, 1 << 16);
	ck_assert_int_eq(out.grace_ns, THRUM_SEC(5));
	ck_assert_int_eq(out.soft_ns, THRUM_SEC(5));
	ck_assert_uint_eq(out.signals, THRUM_SIGNALS_CANCEL);
	ck_assert_int_eq(out.stall_ns, THRUM_MS(1));
	ck_assert_int_eq(out.spin_ns, thrum__os_cpus() > 1 ? 50000 : 0);
	ck_assert_uint_ne(out.seed, 0);
	ck_assert_str_eq(out.name, "thrum");
	ck_assert_ptr_null(out.report);
}

START_TEST(nothing_set_means_the_defaults)
{
	struct thrum_config c = THRUM_CONFIG_INIT;

	environment_clear();
	ck_assert_int_eq(resolve(NULL), 0);
	is_default();
	ck_assert_int_eq(resolve(&c), 0);
	is_default();
}
END_TEST

/* A field, with values at and past both ends of its range. */
#define RANGE(field, least, most)                                     \
	do {                                                          \
		struct thrum_config c = THRUM_CONFIG_INIT;            \
		c.field = (least);                                    \
		ck_assert_int_eq(resolve(&c), 0);                     \
		ck_assert_int_eq((int64_t)out.field, (least));        \
		c.field = (most);                                     \
		ck_assert_int_eq(resolve(&c), 0);                     \
		ck_assert_int_eq((int64_t)out.field, (most));         \
		c.field = (least)-1;                                  \
		ck_assert_int_eq(resolve(&c), c.field ? -EINVAL : 0); \
		c.field = (most) + 1;                                 \
		ck_assert_int_eq(resolve(&c), -EINVAL);               \
	} while (0)

START_TEST(each_field_has_its_range)
{
	struct thrum_config c = THRUM_CONFIG_INIT;

	environment_clear();
	RANGE(workers, 1, 256);
	RANGE(stack_bytes, 16 << 10, 1 << 30);
	RANGE(tasks_max, 1, INT64_C(1) << 40);
	RANGE(inject_max, 4, 1 << 30);
	RANGE(blocking_max, 1, 1024);
	RANGE(blocking_queue, 1, 1 << 30);
	c.workers = UINT32_MAX;
	ck_assert_int_eq(resolve(&c), -EINVAL);
	c.workers = 0;
	c.tasks_max = SIZE_MAX;
	ck_assert_int_eq(resolve(&c), -EINVAL);
}
END_TEST

START_TEST(times_have_their_range)
{
	struct thrum_config c = THRUM_CONFIG_INIT;

	environment_clear();
	c.grace_ns = THRUM_FOREVER;
	c.stall_ns = THRUM_FOREVER;
	ck_assert_int_eq(resolve(&c), 0);
	ck_assert_int_eq(out.grace_ns, THRUM_FOREVER);
	ck_assert_int_eq(out.stall_ns, THRUM_FOREVER);
	c.grace_ns = -1;
	ck_assert_int_eq(resolve(&c), -EINVAL);
	c.grace_ns = 1;
	c.stall_ns = -1;
	ck_assert_int_eq(resolve(&c), -EINVAL);
	c.stall_ns = 1;
	ck_assert_int_eq(resolve(&c), 0);
	ck_assert_int_eq(out.grace_ns, 1);
	ck_assert_int_eq(out.stall_ns, 1);
}
END_TEST

START_TEST(the_spin_has_its_range)
{
	const int64_t bad[] = {-2, 50001, INT64_MIN, INT64_MAX};
	struct thrum_config c = THRUM_CONFIG_INIT;

	environment_clear();
	for (size_t i = 0; i < 4; i++) {
		c.spin_ns = bad[i];
		ck_assert_int_eq(resolve(&c), -EINVAL);
	}
	c.spin_ns = -1;
	ck_assert_int_eq(resolve(&c), 0);
	ck_assert_int_eq(out.spin_ns, 0);
	c.spin_ns = 50000;
	ck_assert_int_eq(resolve(&c), 0);
	ck_assert_int_eq(out.spin_ns, 50000);
	c.clock = THRUM_CLOCK_VIRTUAL; /* nothing comes while a virtual clock stands */
	ck_assert_int_eq(resolve(&c), 0);
	ck_assert_int_eq(out.spin_ns, 0);
}
END_TEST

START_TEST(the_injection_queue_is_a_power_of_two)
{
	struct thrum_config c = THRUM_CONFIG_INIT;

	environment_clear();
	c.inject_max = 5;
	ck_assert_int_eq(resolve(&c), 0);
	ck_assert_uint_eq(out.inject_max, 8);
	c.inject_max = (1 << 29) + 1;
	ck_assert_int_eq(resolve(&c), 0);
	ck_assert_uint_eq(out.inject_max, 1 << 30);
}
END_TEST

START_TEST(names_and_clocks)
{
	struct thrum_config c = THRUM_CONFIG_INIT;

	environment_clear();
	c.name = "0123456789";
	ck_assert_int_eq(resolve(&c), 0);
	ck_assert_str_eq(out.name, "0123456789");
	c.name = "0123456789a";
	ck_assert_int_eq(resolve(&c), -EINVAL);
	c.name = NULL;
	c.clock = 3;
	ck_assert_int_eq(resolve(&c), -EINVAL);
	c.clock = THRUM_CLOCK_VIRTUAL;
	ck_assert_int_eq(resolve(&c), 0);
	ck_assert_uint_eq(out.clock, THRUM_CLOCK_VIRTUAL);
}
END_TEST

START_TEST(the_program_beats_the_environment)
{
	struct thrum_config c = THRUM_CONFIG_INIT;

	environment_clear();
	setenv("THRUM_WORKERS", "7", 1);
	setenv("THRUM_STACK", "32768", 1);
	setenv("THRUM_TASKS_MAX", "1000", 1);
	setenv("THRUM_INJECT_MAX", "100", 1);
	setenv("THRUM_BLOCKING_MAX", "3", 1);
	setenv("THRUM_BLOCKING_QUEUE", "9", 1);
	setenv("THRUM_GRACE_MS", "20", 1);
	setenv("THRUM_SOFT_MS", "30", 1);
	setenv("THRUM_SIGNALS", "leave", 1);
	setenv("THRUM_STALL_MS", "4", 1);
	setenv("THRUM_CLOCK", "real", 1);
	setenv("THRUM_SPIN_US", "7", 1);
	setenv("THRUM_SEED", "12345", 1);
	ck_assert_int_eq(resolve(&c), 0);
	ck_assert_uint_eq(out.workers, 7);
	ck_assert_str_eq(found.workers_why, "THRUM_WORKERS");
	ck_assert_uint_eq(out.stack_bytes, 32768);
	ck_assert_uint_eq(out.tasks_max, 1000);
	ck_assert_uint_eq(out.inject_max, 128);
	ck_assert_uint_eq(out.blocking_max, 3);
	ck_assert_uint_eq(out.blocking_queue, 9);
	ck_assert_int_eq(out.grace_ns, THRUM_MS(20));
	ck_assert_int_eq(out.soft_ns, THRUM_MS(30));
	ck_assert_uint_eq(out.signals, THRUM_SIGNALS_LEAVE);
	ck_assert_int_eq(out.stall_ns, THRUM_MS(4));
	ck_assert_int_eq(out.spin_ns, 7000);
	ck_assert_uint_eq(out.seed, 12345);
	setenv("THRUM_CLOCK", "virtual", 1);
	ck_assert_int_eq(resolve(NULL), 0);
	ck_assert_uint_eq(out.clock, THRUM_CLOCK_VIRTUAL);
	c = (struct thrum_config){sizeof(c),
				  2,
				  THRUM_CLOCK_REAL,
				  1 << 20,
				  50,
				  64,
				  5,
				  6,
				  71,
				  1000,
				  81,
				  1234,
				  "me",
				  NULL,
				  NULL,
				  91,
				  THRUM_SIGNALS_CANCEL};
	ck_assert_int_eq(resolve(&c), 0);
	ck_assert_int_eq(memcmp(&c, &out, sizeof(c)), 0);
	ck_assert_str_eq(found.workers_why, "the program");
	environment_clear();
}
END_TEST

START_TEST(a_bad_variable_is_ignored)
{
	const char *const bad[] = {"", "-1", "x", "7x", "99999999999999999999", " ", "1e3"};

	environment_clear();
	for (size_t v = 0; v < sizeof(variables) / sizeof(variables[0]); v++) {
		for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
			setenv(variables[v], bad[i], 1);
			ck_assert_int_eq(resolve(NULL), 0);
			is_default();
		}
		unsetenv(variables[v]);
	}
	setenv("THRUM_WORKERS", "257", 1);
	setenv("THRUM_STACK", "1", 1);
	setenv("THRUM_INJECT_MAX", "3", 1);
	setenv("THRUM_SPIN_US", "51", 1);
	setenv("THRUM_GRACE_MS", "9223372036855", 1); /* more ns than there are */
	ck_assert_int_eq(resolve(NULL), 0);
	is_default();
	environment_clear();
}
END_TEST

START_TEST(no_spin_by_the_environment)
{
	environment_clear();
	setenv("THRUM_SPIN_US", "0", 1);
	ck_assert_int_eq(resolve(NULL), 0);
	ck_assert_int_eq(out.spin_ns, 0);
	environment_clear();
}
END_TEST

/* The versions of the struct: */

START_TEST(an_older_struct_is_shorter)
{
	struct thrum_config c;

	environment_clear();
	memset(&c, 0xff, sizeof(c));
	c.size = sizeof(c.size);
	ck_assert_int_eq(resolve(&c), 0);
	is_default();
	c.size = offsetof(struct thrum_config, clock);
	c.workers = 5;
	ck_assert_int_eq(resolve(&c), 0);
	ck_assert_uint_eq(out.workers, 5);
	ck_assert_uint_eq(out.clock, THRUM_CLOCK_REAL);
	for (size_t size = 0; size < sizeof(c.size); size++) {
		c.size = size;
		ck_assert_int_eq(resolve(&c), -EINVAL);
	}
}
END_TEST

START_TEST(a_newer_struct_is_longer)
{
	struct {
		struct thrum_config c;
		char tail[100];
	} newer = {.c = THRUM_CONFIG_INIT};

	environment_clear();
	newer.c.size = sizeof(newer);
	newer.c.workers = 3;
	ck_assert_int_eq(resolve(&newer.c), 0);
	ck_assert_uint_eq(out.workers, 3);
	for (size_t i = 0; i < sizeof(newer.tail); i += 33) {
		newer.tail[i] = 1;
		ck_assert_int_eq(resolve(&newer.c), -E2BIG);
		newer.tail[i] = 0;
	}
	newer.c.size = sizeof(newer.c);
	newer.tail[0] = 1; /* not its own */
	ck_assert_int_eq(resolve(&newer.c), 0);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
	    nothing_set_means_the_defaults,
	    each_field_has_its_range,
	    times_have_their_range,
	    the_spin_has_its_range,
	    the_injection_queue_is_a_power_of_two,
	    names_and_clocks,
	    the_program_beats_the_environment,
	    a_bad_variable_is_ignored,
	    no_spin_by_the_environment,
	    an_older_struct_is_shorter,
	    a_newer_struct_is_longer,
	};

	return RUN_TESTS("config", tests);
}
