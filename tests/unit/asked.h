/* SPDX-License-Identifier: MIT */
/*
 * asked.h - for the tests of what goes on whatever is requested: the ways in which a task is asked
 * to stop, and calls that are tried under each of them, asked before the call or while it waits.
 *
 * On the virtual clock, so that "while it waits" is exact: a trial is asked ASKED_NS after its
 * begin, at LIMIT_NS a deadline has passed, and what it waits for ends far later, unless it was
 * asked, too.  When the call is over the request must still be there: every wait returns it.
 */
#ifndef TESTS_UNIT_ASKED_H
#define TESTS_UNIT_ASKED_H

#include "base/atomic.h"
#include "run.h"

#define ASKED_NS 5
#define LIMIT_NS 10

struct trial;

struct way {
	const char *name;
	int err;                        /* what waits return when it was asked */
	void (*begin)(struct trial *t); /* by the task that is tried; NULL: nothing */
	void (*ask)(struct trial *t);   /* by anybody: returns when it has been asked */
	void (*end)(struct trial *t);   /* as begin */
	bool before_alone;              /* who waits already hears of another thing first */
};

struct trial {
	const struct way *way;
	void (*call)(struct trial *t);
	bool before; /* it is asked before the call, else while that waits */
	bool begun;  /* what the call is for has begun before that, and waits */
	struct thrum_future *self;
	struct thrum_token *root, *token; /* the task is linked to a token below the root */
	struct thrum_scope scope;
	struct thrum_timeout timeout;
	struct thrum_shield shield;
	int64_t limit_ns, deadline_ns;
	struct atomic32 ended; /* of what the call waits for */
};

/* is_int that says under which request. */
#define is_under(t, got, want)                                                                     \
	do {                                                                                       \
		intmax_t u_got = (intmax_t)(got), u_want = (intmax_t)(want);                       \
		if (u_got != u_want) {                                                             \
			fprintf(stderr, "%s:%d: %s is %jd, not %jd, under %s %s it%s\n", __FILE__, \
				__LINE__, #got, u_got, u_want, (t)->way->name,                     \
				(t)->before ? "before" : "during", (t)->begun ? ", begun" : "");   \
			abort();                                                                   \
		}                                                                                  \
	} while (0)

/* Sleeps for @ns, whatever is requested: all others come as far as they can. */
static inline void wait_undisturbed(int64_t ns)
{
	struct thrum_shield s;

	thrum_shield_begin(&s, THRUM_FOREVER);
	is_int(thrum_sleep(ns), 0);
	must(!thrum_shield_end(&s));
}

/* The result of @f, which is released, whatever is requested. */
static inline intptr_t end_of(struct thrum_future *f)
{
	struct thrum_shield s;
	intptr_t r;

	thrum_shield_begin(&s, THRUM_FOREVER);
	r = thrum_await(f);
	must(!thrum_shield_end(&s));
	thrum_release(f);
	return r;
}

/* ---- Ways ---- */

static inline void ask_itself(struct trial *t)
{
	is_int(thrum_cancel(t->self), 0);
}

static inline void ask_token(struct trial *t)
{
	is_int(thrum_token_cancel(t->root, THRUM_HARD, 9), 0);
}

static inline void scope_begin(struct trial *t)
{
	is_int(thrum_scope_open(&t->scope), 0);
}

static inline void ask_scope(struct trial *t)
{
	thrum_scope_cancel(&t->scope);
}

static inline void scope_end(struct trial *t)
{
	is_int(thrum_scope_close(&t->scope), 0);
}

static inline intptr_t child_fails(void *unused)
{
	(void)unused;
	return -EIO;
}

static inline void ask_by_failure(struct trial *t)
{
	is_int(end_of(thrum_scope_spawn_future(&t->scope, child_fails, NULL)), -EIO);
}

static inline void failed_scope_end(struct trial *t)
{
	is_int(thrum_scope_close(&t->scope), -EIO);
}

static inline void timeout_begin(struct trial *t)
{
	t->deadline_ns = thrum_now() + t->limit_ns;
	thrum_timeout_begin_until(&t->timeout, t->deadline_ns);
}

static inline void pass_deadline(struct trial *t)
{
	wait_undisturbed(t->deadline_ns + 1 - thrum_now());
}

static inline void timeout_end(struct trial *t)
{
	must(thrum_timeout_end(&t->timeout));
}

static inline void timed_scope_begin(struct trial *t)
{
	struct thrum_scope_options options = THRUM_SCOPE_OPTIONS_INIT;

	options.deadline_ns = t->deadline_ns = thrum_now() + t->limit_ns;
	is_int(thrum_scope_open_with(&t->scope, &options), 0);
}

static inline void timed_scope_end(struct trial *t)
{
	is_int(thrum_scope_close(&t->scope), -ETIMEDOUT);
}

/* Its time to clean up is over. */
static inline void shield_begin(struct trial *t)
{
	t->deadline_ns = thrum_now() + t->limit_ns;
	is_int(thrum_cancel(t->self), 0);
	thrum_shield_begin_until(&t->shield, t->deadline_ns);
}

static inline void shield_end(struct trial *t)
{
	must(thrum_shield_end(&t->shield));
	is_int(thrum_yield(), -ECANCELED);
}

static inline void ask_then_pass_deadline(struct trial *t)
{
	ask_itself(t);
	pass_deadline(t);
}

static inline void pass_deadline_then_ask(struct trial *t)
{
	pass_deadline(t);
	ask_itself(t);
}

/* Cancel beats deadline: nobody hears of that. */
static inline void beaten_timeout_end(struct trial *t)
{
	must(!thrum_timeout_end(&t->timeout));
}

static const struct way ways[] = {
    {"a cancel", -ECANCELED, NULL, ask_itself, NULL, false},
    {"a token's cancel", -ECANCELED, NULL, ask_token, NULL, false},
    {"a scope's cancel", -ECANCELED, scope_begin, ask_scope, scope_end, false},
    {"a scope's failure", -ECANCELED, scope_begin, ask_by_failure, failed_scope_end, false},
    {"a deadline", -ETIMEDOUT, timeout_begin, pass_deadline, timeout_end, false},
    {"a scope's deadline", -ETIMEDOUT, timed_scope_begin, pass_deadline, timed_scope_end, false},
    {"a shield's deadline", -ETIMEDOUT, shield_begin, pass_deadline, shield_end, false},
    {"a cancel, then a deadline", -ECANCELED, timeout_begin, ask_then_pass_deadline,
     beaten_timeout_end, false},
    {"a deadline, then a cancel", -ECANCELED, timeout_begin, pass_deadline_then_ask,
     beaten_timeout_end, true},
};
#define WAYS (sizeof(ways) / sizeof(ways[0]))

/* ---- A trial ---- */

/* The call is about to be made. */
static inline void ready(struct trial *t)
{
	if (t->begun)
		settle();
	if (t->before)
		t->way->ask(t);
}

static inline intptr_t task_asks(void *trial)
{
	struct trial *t = trial;

	is_int(thrum_sleep(ASKED_NS), 0);
	t->way->ask(t);
	return 0;
}

/* Every wait says so, again and again. */
static inline void is_still_asked(struct trial *t)
{
	struct thrum_future *never = future_new();

	for (int i = 0; i < 2; i++) {
		is_under(t, thrum_yield(), t->way->err);
		is_under(t, thrum_await(never), t->way->err);
		is_under(t, thrum_sleep(1), t->way->err);
	}
	future_drop(never);
}

static inline intptr_t task_tried(void *trial)
{
	struct trial *t = trial;
	struct thrum_future *asker = NULL;

	t->self = thrum_self();
	if (!t->before)
		must((asker = thrum_spawn(task_asks, t)));
	if (t->way->begin)
		t->way->begin(t);
	t->call(t);
	if (asker) /* what does not wait was faster */
		is_under(t, end_of(asker), 0);
	is_still_asked(t);
	if (t->way->end)
		t->way->end(t);
	return 0;
}

static inline void try_one(struct trial t)
{
	struct thrum_future *f;

	must((t.root = thrum_token_create(NULL)));
	must((t.token = thrum_token_create(t.root)));
	must((f = thrum_spawn_token(t.token, task_tried, &t)));
	is_under(&t, thrum_await(f), 0); /* a value after a request is a value */
	thrum_release(f);
	thrum_token_release(t.token);
	thrum_token_release(t.root);
}

/* Asked in every way before the call, and if it may wait, @during it. */
static inline void try_all(void (*call)(struct trial *t), bool during)
{
	for (size_t i = 0; i < WAYS; i++)
		for (int how = 0; how < (during ? 4 : 1); how++) {
			struct trial t = {.way = &ways[i], .call = call, .limit_ns = LIMIT_NS};

			t.before = how < 2;
			t.begun = how % 2;
			if (t.before || !t.way->before_alone)
				try_one(t);
		}
}

/* The test of one call, whose body has the trial as @t.  tools/tidy looks for NEVER_CUT,
 * DOES_ITS_WORK and ANSWER, by the names of the calls. */
#define TRIED(name, during)                                    \
	static void name##_body(struct trial *t);              \
	static intptr_t name##_task(void *unused)              \
	{                                                      \
		(void)unused;                                  \
		try_all(name##_body, during);                  \
		return 77;                                     \
	}                                                      \
	START_TEST(name)                                       \
	{                                                      \
		is_int(run_virtual(1, name##_task, NULL), 77); \
		is_int(run_virtual(2, name##_task, NULL), 77); \
	}                                                      \
	END_TEST                                               \
	static void name##_body(struct trial *t)

#define NEVER_CUT(call) TRIED(call##_is_never_cut_short, true)
#define DOES_ITS_WORK(call) TRIED(call##_does_its_work, false)
/* Several that only look, in one test. */
#define ANSWER(test, ...) TRIED(test##_answer, false)

#endif
