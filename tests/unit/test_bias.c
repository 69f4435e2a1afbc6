/* SPDX-License-Identifier: MIT */
/* test_bias.c - a biased lock: one at a time, and each sees what the last one did. */
#include "core/bias.h"

#include "base/os.h"
#include "run.h"

static struct thrum__bias b;

static void start(void)
{
	thrum__os_membarrier_init();
	thrum__bias_init(&b);
}

START_TEST(the_owner_keeps_others_out)
{
	start();
	thrum__bias_enter(&b);
	must(!thrum__bias_try_take(&b));
	thrum__bias_leave(&b);
	must(thrum__bias_try_take(&b));
	thrum__bias_untake(&b);
	thrum__bias_enter(&b); /* as if nobody had been there */
	thrum__bias_leave(&b);
}
END_TEST

START_TEST(one_other_keeps_others_out)
{
	start();
	must(thrum__bias_try_take(&b));
	must(!thrum__bias_try_take(&b));
	thrum__bias_untake(&b);
	must(thrum__bias_try_take(&b));
	thrum__bias_untake(&b);
}
END_TEST

/* Two locks for one fence, of which one is its owner's. */
START_TEST(several_at_once)
{
	struct thrum__bias second;

	start();
	thrum__bias_init(&second);
	thrum__bias_enter(&second);
	must(thrum__bias_ask(&b));
	must(!thrum__bias_ask(&b));
	must(thrum__bias_ask(&second));
	thrum__bias_after_asks();
	must(thrum__bias_come_in(&b));
	must(!thrum__bias_come_in(&second));
	thrum__bias_untake(&b);
	thrum__bias_leave(&second);
	must(thrum__bias_try_take(&second)); /* the one in vain has left nothing */
	thrum__bias_untake(&second);
}
END_TEST

static struct atomic32 entered;

static void *thread_enters(void *unused)
{
	(void)unused;
	thrum__bias_enter(&b);
	store_relaxed(&entered, 1);
	thrum__bias_leave(&b);
	return NULL;
}

START_TEST(the_owner_waits_for_the_other)
{
	pthread_t owner;

	start();
	must(thrum__bias_try_take(&b));
	owner = thread_of(thread_enters, NULL);
	for (int i = 0; i < 1000; i++) {
		thread_yield();
		must(!load_relaxed(&entered));
	}
	thrum__bias_untake(&b);
	thread_end(owner);
	must(load_relaxed(&entered));
}
END_TEST

static uint64_t guarded;       /* by b */
static struct atomic32 taking; /* takers that have not ended */

#define TRIES 2000 /* of a taker: they end, since takers without pause keep the owner out */
#define TURNS 200000

static void *thread_takes(void *unused)
{
	intptr_t took = 0;

	(void)unused;
	for (int i = 0; i < TRIES; i++) {
		if (!thrum__bias_try_take(&b))
			continue;
		guarded++;
		took++;
		thrum__bias_untake(&b);
	}
	fetch_sub_relaxed(&taking, 1);
	return as_arg(took);
}

static uint64_t took(pthread_t t)
{
	void *result;

	must(pthread_join(t, &result) == 0);
	return (uint64_t)(intptr_t)result;
}

START_TEST(nothing_is_lost)
{
	pthread_t others[2];
	uint64_t n = 0;

	start();
	guarded = 0;
	store_relaxed(&taking, 2);
	for (int i = 0; i < 2; i++)
		others[i] = thread_of(thread_takes, NULL);
	while (n < TURNS || load_relaxed(&taking)) {
		thrum__bias_enter(&b);
		guarded++;
		n++;
		thrum__bias_leave(&b);
	}
	for (int i = 0; i < 2; i++)
		n += took(others[i]);
	is_int(guarded, n);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
	    the_owner_keeps_others_out,
	    one_other_keeps_others_out,
	    several_at_once,
	    the_owner_waits_for_the_other,
	    nothing_is_lost,
	};

	return RUN_TESTS("bias", tests);
}
