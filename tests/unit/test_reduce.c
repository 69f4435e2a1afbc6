/* SPDX-License-Identifier: MIT */
/*
 * test_reduce.c - reduce and invoke: the order of what does not commute, accumulators that own
 * something, errors; calls in order and side by side.
 */
#include "run.h"

#include "base/atomic.h"

#define MANY 100000

static int add_indexes(void *acc, size_t begin, size_t end, void *unused)
{
	(void)unused;
	for (size_t i = begin; i < end; i++)
		*(uint64_t *)acc += i;
	return 0;
}

static void add(void *acc, void *right, void *unused)
{
	(void)unused;
	*(uint64_t *)acc += *(uint64_t *)right;
}

/* The affine maps x -> a x + b, composed: associative, and far from commutative.  Large ones have
 * what does not fit a frame. */
struct affine {
	uint64_t a, b;
	char rest[496];
};

static void compose(void *acc, void *right, void *unused)
{
	struct affine *f = acc, *g = right;

	(void)unused;
	*f = (struct affine){.a = f->a * g->a, .b = g->a * f->b + g->b};
}

static int compose_indexes(void *acc, size_t begin, size_t end, void *unused)
{
	for (size_t i = begin; i < end; i++)
		compose(acc, &(struct affine){.a = 2 * i + 3, .b = i}, unused);
	return 0;
}

static intptr_t task_reduces(void *unused)
{
	static const size_t grains[] = {0, 1, 7, 1000};
	struct affine want = {.a = 1};

	(void)unused;
	compose_indexes(&want, 3, 10000, NULL);
	for (size_t i = 0; i < sizeof(grains) / sizeof(*grains); i++) {
		struct affine got = {.a = 1};
		uint64_t sum = 0;

		is_int(thrum_reduce(3, 10000, grains[i], compose_indexes, compose, &got,
				    sizeof(got), NULL),
		       0);
		must(got.a == want.a && got.b == want.b);
		is_int(thrum_reduce(0, MANY, grains[i], add_indexes, add, &sum, sizeof(sum), NULL),
		       0);
		is_int(sum, (uint64_t)MANY * (MANY - 1) / 2);
	}
	return 7;
}

START_TEST(reduce_keeps_the_order)
{
	for (unsigned workers = 1; workers <= 4; workers++)
		for (int i = 0; i < 10; i++)
			is_int(run_real(workers, task_reduces, NULL), 7);
}
END_TEST

/* Accumulators that own something: each is combined once, errors or not. */
static struct atomic64 owned;

struct owner {
	char *mine;
};

static int own(void *acc, size_t begin, size_t end, void *fails_at)
{
	struct owner *o = acc;

	if (!o->mine) {
		o->mine = malloc(1);
		must(o->mine);
		fetch_add_relaxed(&owned, 1);
	}
	return begin <= (size_t)fails_at && (size_t)fails_at < end ? -EIO : 0;
}

static void hand_on(void *acc, void *right, void *unused)
{
	struct owner *left = acc, *o = right;

	(void)unused;
	if (left->mine && o->mine) {
		free(o->mine);
		fetch_sub_relaxed(&owned, 1);
	} else if (o->mine) {
		left->mine = o->mine;
	}
}

static intptr_t task_owners(void *unused)
{
	(void)unused;
	for (int i = 0; i < 50; i++) {
		struct owner o = {NULL};

		is_int(thrum_reduce(0, 1000, 1, own, hand_on, &o, sizeof(o),
				    as_arg(i % 2 ? 600 : 1000)),
		       i % 2 ? -EIO : 0);
		is_int(load_relaxed(&owned), 1);
		free(o.mine);
		store_relaxed(&owned, 0);
	}
	return 7;
}

START_TEST(accumulators_are_handed_on)
{
	is_int(run_real(1, task_owners, NULL), 7);
	is_int(run_real(3, task_owners, NULL), 7);
}
END_TEST

TASK_TEST(reduce_of_nothing, 1)
{
	uint64_t sum = 5;

	is_int(thrum_reduce(4, 4, 0, add_indexes, add, &sum, sizeof(sum), NULL), 0);
	is_int(sum, 5);
	is_int(thrum_reduce(5, 4, 0, add_indexes, add, &sum, sizeof(sum), NULL), -EINVAL);
	is_int(thrum_reduce(0, 4, 0, add_indexes, NULL, &sum, sizeof(sum), NULL), -EINVAL);
	is_int(thrum_reduce(0, 4, 0, add_indexes, add, NULL, sizeof(sum), NULL), -EINVAL);
}

/* ---- Invoke ---- */

static int order;

static intptr_t fn_in_turn(void *i)
{
	is_int(order++, (intptr_t)i);
	return (intptr_t)i;
}

TASK_TEST(invoke_in_order_on_one_worker, 1)
{
	thrum_fn fns[9];
	void *args[9];
	intptr_t results[9];

	for (int i = 0; i < 9; i++) {
		fns[i] = fn_in_turn;
		args[i] = as_arg(i);
	}
	for (size_t n = 0; n <= 9; n++) {
		order = 0;
		is_int(thrum_invoke(fns, args, results, n), 0);
		is_int(order, n);
		for (size_t i = 0; i < n; i++)
			is_int(results[i], i);
	}
	is_int(thrum_invoke(NULL, args, results, 1), -EINVAL);
}

/* With little stack left and no task to be had, a fork is refused: its maker calls the function. */
static __attribute__((noinline)) void invoke_far_down(char *used, size_t bytes)
{
	const thrum_fn fns[] = {fn_in_turn, fn_in_turn, fn_in_turn, fn_in_turn};
	void *const args[] = {as_arg(0), as_arg(1), as_arg(2), as_arg(3)};
	char here[2048];

	memset(here, used != NULL, sizeof(here));
	if (bytes > sizeof(here)) {
		invoke_far_down(here, bytes - sizeof(here));
	} else {
		order = 0;
		is_int(thrum_invoke(fns, args, NULL, 4), 0);
		is_int(order, 4);
	}
	is_int(here[bytes % sizeof(here)], used != NULL); /* the frame is in use until here */
}

static intptr_t task_far_down(void *unused)
{
	(void)unused;
	invoke_far_down(NULL, 44 << 10);
	return 7;
}

START_TEST(invoke_with_little_stack_and_no_task)
{
	struct thrum_config c = config_of(1, THRUM_CLOCK_VIRTUAL);

	c.tasks_max = 1;
	c.stack_bytes = 64 << 10;
	is_int(thrum_run_with(&c, task_far_down, NULL), 7);
}
END_TEST

static sem_t met;

static intptr_t fn_post(void *unused)
{
	is_int((intptr_t)unused, 0);
	must(sem_post(&met) == 0);
	return 3;
}

static intptr_t fn_meet(void *unused)
{
	(void)unused;
	while (sem_wait(&met)) /* it holds its worker */
		;
	return -EIO;
}

static intptr_t task_meets(void *unused)
{
	const thrum_fn fns[] = {fn_meet, fn_post}, back[] = {fn_post, fn_meet};
	intptr_t results[2];

	(void)unused;
	is_int(thrum_invoke(fns, NULL, results, 2), -EIO);
	is_int(results[0], -EIO);
	is_int(results[1], 3);
	is_int(thrum_invoke(back, NULL, NULL, 2), -EIO);
	return 7;
}

START_TEST(invoke_side_by_side)
{
	must(sem_init(&met, 0, 0) == 0);
	for (int i = 0; i < 50; i++)
		is_int(run_real(2, task_meets, NULL), 7);
	sem_destroy(&met);
}
END_TEST

START_TEST(outside)
{
	intptr_t acc = 0;

	is_int(thrum_reduce(0, 4, 1, NULL, NULL, &acc, sizeof(acc), NULL), -EPERM);
	is_int(thrum_invoke(NULL, NULL, NULL, 1), -EPERM);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
	    reduce_keeps_the_order,
	    accumulators_are_handed_on,
	    reduce_of_nothing,
	    invoke_in_order_on_one_worker,
	    invoke_with_little_stack_and_no_task,
	    invoke_side_by_side,
	    outside,
	};

	return RUN_TESTS("reduce", tests);
}
