/* SPDX-License-Identifier: MIT */
/*
 * test_walk.c - all live tasks: who is visited, in what state, from where; while tasks begin and
 * end; the lines that are printed.
 */
#include <sched.h>
#include <signal.h>
#include <unistd.h>

#include "base/atomic.h"
#include "child.h"
#include "run.h"

struct seen {
	int count, waiting, running, to_start, named;
	struct thrum_future *self;
	bool saw_self;
	int at_most; /* 0: all */
};

static bool look(struct thrum_future *task, void *seen)
{
	struct seen *s = seen;
	const char *state = thrum_state_name(task);

	s->count++;
	s->waiting += !strcmp(state, "waiting");
	s->running += !strcmp(state, "running");
	s->to_start += !strcmp(state, "waiting to start");
	s->named += !strcmp(thrum_name(task), "a name");
	s->saw_self |= task == s->self;
	must(strstr(thrum_place(task), ".c:") || strstr(thrum_place(task), ".h:"));
	return s->count != s->at_most;
}

static struct seen walk(struct thrum_runtime *rt)
{
	struct seen s = {.self = thrum_self()};

	is_int(thrum_each_task(rt, look, &s), 0);
	return s;
}

static intptr_t task_named(void *gate)
{
	is_int(thrum_set_name("a name"), 0);
	return thrum_await(gate);
}

TASK_TEST(each_live_task_is_visited, 1)
{
	struct thrum_future *gate = future_new(), *f[10];
	struct seen s = walk(NULL);

	is_int(s.count, 1);
	must(s.saw_self && s.running == 1);
	for (int i = 0; i < 10; i++)
		f[i] = thrum_spawn(task_named, gate);
	s = walk(NULL);
	is_int(s.to_start, 10);
	is_int(s.count, 11);
	settle();
	thrum_release(f[0]);
	f[0] = thrum_spawn_after(THRUM_SEC(1), task_return, NULL);
	s = walk(NULL);
	is_int(s.waiting, 10);
	is_int(s.named, 10); /* also who has no handle */
	is_int(s.to_start, 1);
	is_int(s.count, 12);
	thrum_future_set(gate, 0);
	settle();
	for (int i = 1; i < 10; i++)
		must(thrum_done(f[i])); /* held, but not live */
	s = walk(NULL);
	is_int(s.count, 2);
	for (int i = 0; i < 10; i++)
		is_int(thrum_join(f[i]), 0);
	thrum_release(gate);
	is_int(walk(NULL).count, 1);
}

TASK_TEST(it_ends_when_told_to, 1)
{
	struct thrum_future *gate = future_new(), *f[5];
	struct seen s = {.at_most = 3};

	for (int i = 0; i < 5; i++)
		f[i] = thrum_spawn(task_await, gate);
	is_int(thrum_each_task(NULL, look, &s), 0);
	is_int(s.count, 3);
	thrum_future_set(gate, 0);
	for (int i = 0; i < 5; i++)
		is_int(thrum_join(f[i]), 0);
	thrum_release(gate);
}

static bool cancel_others(struct thrum_future *task, void *self)
{
	if (task != self) {
		thrum_retain(task);
		is_int(thrum_cancel(task), 0);
		thrum_release(task);
		is_int(thrum_go(task_return, NULL), 0);
	}
	return true;
}

/* All tasks are cancelled as one would with asyncio; and a visit may spawn. */
TASK_TEST(a_visit_may_cancel_and_spawn, 2)
{
	struct thrum_future *f[5];

	for (int i = 0; i < 5; i++)
		f[i] = spawn_sleeper(THRUM_FOREVER);
	settle();
	is_int(thrum_each_task(NULL, cancel_others, thrum_self()), 0);
	for (int i = 0; i < 5; i++)
		is_int(thrum_join(f[i]), -ECANCELED);
	settle();
	is_int(walk(NULL).count, 1);
}

START_TEST(each_runtime_has_its_own)
{
	struct thrum_runtime *a = runtime_of(1, THRUM_CLOCK_REAL);
	struct thrum_runtime *b = runtime_of(2, THRUM_CLOCK_REAL);
	struct thrum_future *gate = future_new(), *fs[3];

	is_int(walk(a).count + walk(b).count, 0);
	for (int i = 0; i < 3; i++)
		fs[i] = thrum_runtime_submit(i ? a : b, task_await, gate);
	is_int(walk(a).count, 2);
	is_int(walk(b).count, 1);
	must(!walk(a).saw_self || !thrum_self());
	thrum_future_set(gate, 0);
	for (int i = 0; i < 3; i++)
		is_int(thrum_join(fs[i]), 0);
	is_int(walk(a).count + walk(b).count, 0);
	is_int(thrum_each_task(NULL, look, NULL), -EPERM);
	is_int(thrum_each_task(a, NULL, NULL), -EINVAL);
	is_int(thrum_print_tasks(NULL, 1), -EPERM);
	is_int(thrum_runtime_destroy(a), 0);
	is_int(thrum_runtime_destroy(b), 0);
	thrum_release(gate);
}
END_TEST

/* ---- While tasks begin and end ---- */

static struct atomic32 over;

static intptr_t task_churns(void *unused)
{
	(void)unused;
	while (!load_relaxed(&over)) {
		struct thrum_future *f[8];

		is_int(thrum_go(task_return, NULL), 0);
		for (int i = 0; i < 8; i++)
			f[i] = thrum_spawn(i % 2 ? task_return : task_named, NULL);
		for (int i = 8; i-- > 0;) {
			intptr_t r = thrum_join(f[i]);

			must(r == 0 || r == -ENOMEM); /* awaited NULL */
		}
		is_int(thrum_yield(), 0);
	}
	return 0;
}

enum { KEPT = 50, WALKS = 200 };

struct watch {
	struct thrum_future *kept[KEPT];
	int visits[KEPT];
	uint64_t all;
};

static bool note(struct thrum_future *task, void *watch)
{
	struct watch *w = watch;
	const char *name = thrum_name(task);

	must(!strcmp(name, "task_return") || !strcmp(name, "task_named") ||
	     !strcmp(name, "a name") || !strcmp(name, "task_churns") ||
	     !strcmp(name, "task_await") || !strcmp(name, "main_walks"));
	must(thrum_state_name(task) && thrum_place(task));
	w->all++;
	for (int i = 0; i < KEPT; i++)
		w->visits[i] += w->kept[i] == task;
	return true;
}

static void walk_often(struct thrum_runtime *rt, struct watch *w)
{
	for (int n = 0; n < WALKS; n++) {
		memset(w->visits, 0, sizeof(w->visits));
		is_int(thrum_each_task(rt, note, w), 0);
		for (int i = 0; i < KEPT; i++)
			is_int(w->visits[i], 1);
	}
	must(w->all > (uint64_t)WALKS * KEPT);
}

static void *thread_walks(void *rt_and_watch)
{
	void **args = rt_and_watch;

	walk_often(args[0], args[1]);
	return NULL;
}

static intptr_t main_walks(void *watch)
{
	walk_often(NULL, watch);
	return 0;
}

/* Those that live all the time are visited once by each walk, from a task and from outside. */
START_TEST(tasks_begin_and_end_meanwhile)
{
	struct thrum_runtime *rt = runtime_of(3, THRUM_CLOCK_REAL);
	struct thrum_future *gate = future_new(), *churn[4];
	struct watch inside = {}, outside = {};
	void *args[] = {rt, &outside};
	pthread_t t;

	store_relaxed(&over, 0);
	for (int i = 0; i < KEPT; i++)
		inside.kept[i] = thrum_runtime_submit(rt, task_await, gate);
	memcpy(outside.kept, inside.kept, sizeof(inside.kept));
	for (int i = 0; i < 4; i++)
		churn[i] = thrum_runtime_submit(rt, task_churns, NULL);
	t = thread_of(thread_walks, args);
	is_int(thrum_runtime_block_on(rt, main_walks, &inside), 0);
	thread_end(t);
	store_relaxed(&over, 1);
	for (int i = 0; i < 4; i++)
		is_int(thrum_join(churn[i]), 0);
	thrum_future_set(gate, 0);
	for (int i = 0; i < KEPT; i++)
		is_int(thrum_join(inside.kept[i]), 0);
	while (walk(rt).count) /* those that nobody joins */
		sched_yield();
	is_int(thrum_runtime_destroy(rt), 0);
	thrum_release(gate);
}
END_TEST

/* A walker has the last reference to a task that ended in its hands. */
static bool end_it(struct thrum_future *task, void *gate)
{
	thrum_future_set(gate, 0);
	while (!thrum_done(task))
		;
	is_text(thrum_name(task), "a name");
	is_text(thrum_state_name(task), "done");
	return true;
}

static intptr_t task_goes(void *gate)
{
	return thrum_go(task_named, gate);
}

START_TEST(it_may_end_while_it_is_visited)
{
	struct thrum_runtime *rt = runtime_of(2, THRUM_CLOCK_REAL);
	struct thrum_future *gate = future_new();

	is_int(thrum_runtime_block_on(rt, task_goes, gate), 0);
	while (walk(rt).named == 0)
		sched_yield();
	is_int(thrum_each_task(rt, end_it, gate), 0);
	is_int(walk(rt).count, 0);
	is_int(thrum_runtime_destroy(rt), 0);
	thrum_release(gate);
}
END_TEST

/* ---- Lines ---- */

static intptr_t task_with_bad_name(void *gate)
{
	is_int(thrum_set_name("bad\nname"), 0);
	return thrum_await(gate);
}

TASK_TEST(a_line_for_each, 1)
{
	struct thrum_future *gate = future_new();
	struct thrum_future *f[] = {thrum_spawn(task_named, gate),
				    thrum_spawn(task_with_bad_name, gate),
				    thrum_spawn_after(THRUM_SEC(1), task_return, NULL)};
	char text[4096] = "\n";
	int ends[2], lines = 0;

	must(pipe(ends) == 0);
	settle();
	is_int(thrum_print_tasks(NULL, ends[1]), 0);
	must(read(ends[0], text + 1, sizeof(text) - 2) > 0);
	for (char *c = text + 1; *c; c++)
		lines += *c == '\n';
	is_int(lines, 4);
	has_text(text, "\na name                          waiting          ");
	has_text(text, "\nbad?name                        waiting          ");
	has_text(text, "\ntask_return                     waiting to start ");
	has_text(text, "test_walk.c:");
	close(ends[0]);
	close(ends[1]);
	is_int(thrum_print_tasks(NULL, ends[1]), -EBADF);
	thrum_future_set(gate, 0);
	for (int i = 0; i < 3; i++)
		is_int(thrum_join(f[i]), 0);
	thrum_release(gate);
}

TASK_TEST(a_long_place_is_cut, 1)
{
	char place[400], text[1024] = "";
	struct thrum_future *f;
	int ends[2];

	memset(place, 'x', sizeof(place) - 1);
	place[sizeof(place) - 1] = 0;
	must(pipe(ends) == 0);
	f = thrum_spawn_at(place, task_return, NULL);
	is_int(thrum_print_tasks(NULL, ends[1]), 0);
	is_int(thrum_join(f), 0);
	must(read(ends[0], text, sizeof(text) - 1) > 0);
	has_text(text, "xxxx\n");
	close(ends[0]);
	close(ends[1]);
}

/* ---- Mistakes ---- */

static bool wait_there(struct thrum_future *task, void *how)
{
	(void)task;
	(void)(how ? thrum_sleep(1) : thrum_yield());
	return true;
}

static intptr_t main_waits_there(void *how)
{
	is_int(thrum_go(task_sleep, as_arg(100)), 0);
	return thrum_each_task(NULL, wait_there, how);
}

static void run_sleep_there(void)
{
	(void)run_virtual(1, main_waits_there, as_arg(1));
}

static void run_yield_there(void)
{
	(void)run_virtual(1, main_waits_there, NULL);
}

START_TEST(a_visit_must_not_wait)
{
	void (*const runs[])(void) = {run_sleep_there, run_yield_there};

	for (int i = 0; i < 2; i++) {
		char err[4096];
		int status = child_run(runs[i], err, sizeof(err));

		must(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
		has_text(err, "what thrum_each_task calls must not wait");
	}
}
END_TEST

static void run_in_child(void)
{
	_exit(thrum_each_task(NULL, look, NULL) == -ENOTSUP &&
		      thrum_print_tasks(NULL, 1) == -ENOTSUP
		  ? 7
		  : 1);
}

TASK_TEST(in_a_forked_child, 1)
{
	char err[4096];
	int status = child_run(run_in_child, err, sizeof(err));

	must(WIFEXITED(status));
	is_int(WEXITSTATUS(status), 7);
}

int main(void)
{
	const TTest *const tests[] = {
	    each_live_task_is_visited,
	    it_ends_when_told_to,
	    a_visit_may_cancel_and_spawn,
	    each_runtime_has_its_own,
	    tasks_begin_and_end_meanwhile,
	    it_may_end_while_it_is_visited,
	    a_line_for_each,
	    a_long_place_is_cut,
	    a_visit_must_not_wait,
	    in_a_forked_child,
	};

	return RUN_TESTS("walk", tests);
}
