/* SPDX-License-Identifier: MIT */
/* test_name.c - names, places and states of futures, in words. */
#include "run.h"

static intptr_t task_names_itself(void *name)
{
	is_text(thrum_name(thrum_self()), "task_names_itself");
	is_int(thrum_set_name(name), 0);
	return thrum_sleep(5);
}

TASK_TEST(a_task_has_its_function_s_name, 1)
{
	struct thrum_future *f = thrum_spawn(task_names_itself, "another name");
	char want[60];

	snprintf(want, sizeof(want), "test_name.c:%d task_names_itself", __LINE__ - 3);
	has_text(thrum_place(f), want);
	is_text(thrum_name(f), "task_names_itself");
	settle();
	is_text(thrum_name(f), "another name");
	has_text(thrum_place(f), want);
	is_int(thrum_await(f), 0);
	is_text(thrum_name(f), "another name"); /* as long as the future */
	thrum_release(f);
	f = (thrum_spawn)(task_return, NULL);
	is_text(thrum_place(f), "? task");
	is_text(thrum_name(f), "task");
	is_int(thrum_join(f), 0);
}

TASK_TEST(names_are_copied_and_cut, 1)
{
	char name[] = "0123456789012345678901234567890123456789";

	is_int(thrum_set_name(name), 0);
	memset(name, 'x', 5);
	is_text(thrum_name(thrum_self()), "0123456789012345678901234567890");
	is_int(thrum_set_name("short"), 0);
	is_text(thrum_name(thrum_self()), "short");
	is_int(thrum_set_name(""), 0);
	is_text(thrum_name(thrum_self()), "");
	is_int(thrum_set_name(NULL), -EINVAL);
}

/* A file's path may have blanks, a function has none. */
TASK_TEST(the_name_is_the_place_s_last_word, 1)
{
	struct thrum_future *f = thrum_spawn_at("/my files/a b.c:12 fn", task_return, NULL);

	is_text(thrum_name(f), "fn");
	is_int(thrum_join(f), 0);
	f = thrum_spawn_at("fn", task_return, NULL);
	is_text(thrum_name(f), "fn");
	is_int(thrum_join(f), 0);
	f = thrum_spawn_at(NULL, task_return, NULL);
	is_text(thrum_name(f), "?");
	is_text(thrum_place(f), "?");
	is_int(thrum_join(f), 0);
}

struct pair {
	intptr_t a, b;
};

static intptr_t task_add(void *pair)
{
	struct pair *p = pair;

	return p->a + p->b;
}

static void drop_nothing(void *unused)
{
	(void)unused;
}

/* The calls are macros, to which the commas of a compound literal are theirs. */
TASK_TEST(an_argument_may_be_a_literal, 1)
{
	struct thrum_scope s;
	struct thrum_fork j;

	is_int(thrum_scope_open_with(
		   &s, &(struct thrum_scope_options){.size = sizeof(struct thrum_scope_options),
						     .limit = 1}),
	       0);
	is_int(thrum_scope_close(&s), 0);
	thrum_fork(&j, task_add, &(struct pair){1, 2});
	is_int(thrum_fork_join(&j), 3);
	is_int(thrum_join(thrum_spawn_after(1, task_add, &(struct pair){2, 3})), 5);
	is_int(thrum_join(thrum_spawn_after_drop(1, task_add, &(struct pair){3, 4}, drop_nothing)),
	       7);
	is_int(
	    thrum_join(thrum_spawn_token_drop(NULL, task_add, &(struct pair){4, 5}, drop_nothing)),
	    9);
	must(!thrum_spawn_when_readable(-1, task_add, &(struct pair){5, 6}));
	must(!thrum_spawn_when_readable_drop(-1, task_add, &(struct pair){6, 7}, drop_nothing));
}

START_TEST(nothing_has_a_name)
{
	is_text(thrum_name(NULL), "?");
	is_text(thrum_place(NULL), "?");
	must(thrum_state_name(NULL));
}
END_TEST

START_TEST(a_bare_future_s_words)
{
	const struct {
		intptr_t result;
		const char *state;
	} ends[] = {{0, "done"}, {-EIO, "failed"}, {-ECANCELED, "cancelled"}, {-4096, "done"}};

	for (int i = 0; i < 4; i++) {
		struct thrum_future *f = thrum_future_create();

		is_text(thrum_name(f), "future");
		has_text(thrum_place(f), "test_name.c:");
		is_text(thrum_state_name(f), "pending");
		thrum_future_set(f, ends[i].result);
		is_text(thrum_state_name(f), ends[i].state);
		future_drop(f);
	}
}
END_TEST

TASK_TEST(a_task_s_states, 1)
{
	struct thrum_future *gate = future_new(), *f = thrum_spawn(task_await, gate);

	is_text(thrum_state_name(thrum_self()), "running");
	is_text(thrum_state_name(f), "waiting to start");
	settle();
	is_text(thrum_state_name(f), "waiting");
	thrum_future_set(gate, -EIO);
	is_int(thrum_await(f), -EIO);
	is_text(thrum_state_name(f), "failed");
	thrum_release(f);
	f = spawn_sleeper(5);
	is_int(thrum_await(f), 0);
	is_text(thrum_state_name(f), "done");
	thrum_release(f);
	f = spawn_sleeper(5);
	thrum_cancel(f);
	is_int(thrum_await(f), -ECANCELED);
	is_text(thrum_state_name(f), "cancelled");
	thrum_release(f);
	thrum_release(gate);
}

static intptr_t main_looks_at_jobs(void *hold)
{
	struct hold *h = hold;
	struct thrum_future *running = thrum_spawn_blocking(job_hold, h);
	struct thrum_future *queued = thrum_spawn_blocking(task_return, NULL);

	is_int(thrum_await(h->started), 0);
	is_text(thrum_name(running), "job_hold");
	is_text(thrum_state_name(running), "running");
	is_text(thrum_state_name(queued), "waiting to start");
	thrum_cancel(queued);
	is_text(thrum_state_name(queued), "cancelled");
	sem_post(&h->go);
	is_int(thrum_await(running), 1);
	is_text(thrum_state_name(running), "done");
	thrum_release(running);
	thrum_release(queued);
	return 0;
}

START_TEST(a_job_s_state)
{
	struct thrum_config c = config_of(1, THRUM_CLOCK_REAL);
	struct hold h;

	c.blocking_max = 1;
	hold_init(&h, 1);
	is_int(thrum_run_with(&c, main_looks_at_jobs, &h), 0);
	hold_end(&h);
}
END_TEST

static intptr_t task_renames(void *go)
{
	is_int(thrum_await(go), 0);
	is_int(thrum_set_name("aaaaaaaaaa"), 0);
	is_int(thrum_set_name("bbbbbbbbbb"), 0);
	return 0;
}

/* From another thread a name is one of those that were set, whole. */
START_TEST(a_name_is_read_beside_its_setting)
{
	struct thrum_runtime *rt = runtime_of(1, THRUM_CLOCK_REAL);

	for (int i = 0; i < 100; i++) {
		struct thrum_future *go = future_new();
		struct thrum_future *f = thrum_runtime_submit(rt, task_renames, go);

		thrum_future_set(go, 0);
		while (!thrum_done(f)) {
			const char *name = thrum_name(f);

			must(!strcmp(name, "task_renames") || !strcmp(name, "aaaaaaaaaa") ||
			     !strcmp(name, "bbbbbbbbbb"));
		}
		is_int(thrum_join(f), 0);
		thrum_release(go);
	}
	is_int(thrum_runtime_destroy(rt), 0);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
	    a_task_has_its_function_s_name,
	    names_are_copied_and_cut,
	    the_name_is_the_place_s_last_word,
	    an_argument_may_be_a_literal,
	    nothing_has_a_name,
	    a_bare_future_s_words,
	    a_task_s_states,
	    a_job_s_state,
	    a_name_is_read_beside_its_setting,
	};

	return RUN_TESTS("name", tests);
}
