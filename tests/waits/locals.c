/* SPDX-License-Identifier: MIT */
/*
 * locals.c - values of tasks and of those they start: in scopes, in places, as forks, with a delay;
 * and walks over tasks that wait.
 *
 * Whatever is cut short: a task has the same values after a wait as before; each value is dropped
 * once, when the last task that has it has ended; a walk shows who waits, once.
 */
#include <fcntl.h>
#include <unistd.h>

#include "ledger.h"

#include <thrum/fork.h>

static void drop(void *value)
{
	(void)value;
	give();
}

static struct thrum_local id = THRUM_LOCAL_INIT(drop), depth = THRUM_LOCAL_INIT(NULL);

/* Values are numbers here. */
static intptr_t get(const struct thrum_local *key)
{
	return (intptr_t)thrum_local_get(key);
}

static void set_id(intptr_t value)
{
	take();
	if (thrum_local_set(&id, (void *)value))
		give();
}

/* Has the values of its spawner, sets one of its own, and hands that on. */
static intptr_t descend(void *arg)
{
	intptr_t left = (intptr_t)arg, before = get(&id), below = get(&depth), r;
	int err;

	EXPECT(before == below);
	err = thrum_sleep(THRUM_MS(1));
	EXPECT(get(&id) == before && get(&depth) == below);
	set_id(before + 1);
	EXPECT(thrum_local_set(&depth, (void *)(below + 1)) == 0);
	if (!left || err)
		return err ? err : get(&depth);
	r = thrum_join(thrum_spawn(descend, (void *)(left - 1)));
	EXPECT(get(&id) == before + 1 && get(&depth) == below + 1);
	return r;
}

static intptr_t forked(void *arg)
{
	intptr_t before = get(&id);
	int err = thrum_sleep((intptr_t)arg);

	EXPECT(get(&id) == before && before == get(&depth));
	return err;
}

static int in_all_ways(void)
{
	struct thrum_future *later = thrum_spawn_after(THRUM_MS(3), descend, NULL);
	struct thrum_scope s;
	struct thrum_fork j;
	int err = thrum_scope_open(&s), more;
	intptr_t r;

	for (int i = 0; i < 2 && !err; i++)
		err = thrum_scope_spawn(&s, descend, (void *)1);
	thrum_fork(&j, forked, (void *)(intptr_t)THRUM_MS(2));
	more = thrum_sleep(THRUM_MS(1));
	err = err ? err : more;
	more = (int)thrum_fork_join(&j);
	err = err ? err : more;
	more = thrum_scope_close(&s); /* how deep they came, or why not */
	err = err ? err : more;
	r = thrum_join(later);
	say("later", r);
	return err ? err : thrum_failed(r) ? (int)r : 0;
}

static intptr_t with_locals(void *arg)
{
	intptr_t r;
	int err;

	(void)arg;
	set_id(1);
	EXPECT(thrum_local_set(&depth, (void *)1) == 0);
	r = descend((void *)3);
	say("deep", r);
	EXPECT(r == 5 || was_cut(r));
	EXPECT(get(&id) == 2);
	err = in_all_ways();
	return thrum_failed(r) ? r : err;
}

static int locals(void)
{
	intptr_t r;

	set_id(0x100);
	r = thrum_join(thrum_spawn(with_locals, NULL));
	EXPECT(taken() == 1); /* the one of this task */
	EXPECT(get(&id) == 0x100 && !get(&depth));
	EXPECT(thrum_local_set(&id, NULL) == 0);
	EXPECT(taken() == 0);
	return (int)r;
}

/* ---- Walks ---- */

#define WALKERS 3

static intptr_t walker(void *arg)
{
	int err = thrum_set_name("walker");

	(void)arg;
	return err ? err : thrum_sleep(THRUM_MS(2));
}

struct walk {
	struct thrum_future *seen[WALKERS];
	int walkers, all;
	bool self;
};

static bool visit(struct thrum_future *task, void *arg)
{
	struct walk *w = arg;

	w->all++;
	w->self |= task == thrum_self();
	if (!strcmp(thrum_name(task), "walker") && w->walkers < WALKERS) {
		thrum_retain(task);
		w->seen[w->walkers++] = task;
	}
	return true;
}

static int walked(void)
{
	struct thrum_future *fs[WALKERS];
	struct walk w = {.walkers = 0};
	int err, more, null = open("/dev/null", O_WRONLY | O_CLOEXEC);
	bool again;

	for (int i = 0; i < WALKERS; i++)
		fs[i] = thrum_spawn(walker, NULL);
	err = thrum_sleep(THRUM_MS(1));
	EXPECT(thrum_each_task(NULL, visit, &w) == 0);
	EXPECT(thrum_print_tasks(NULL, null) == 0);
	say("walkers", w.walkers);
	EXPECT(w.self && w.all >= 1 + w.walkers);
	if (w.walkers)
		thrum_cancel(w.seen[0]);
	for (int i = 0; i < w.walkers; i++) {
		again = false;
		for (int k = 0; k < i; k++)
			again |= w.seen[k] == w.seen[i];
		EXPECT(!again);
		more = (int)thrum_await(w.seen[i]); /* found, and waited for */
		say(thrum_state_name(w.seen[i]), more);
		err = err || !i ? err : more;
		thrum_release(w.seen[i]);
	}
	for (int i = 0; i < WALKERS; i++)
		(void)!thrum_join(fs[i]);
	EXPECT(close(null) == 0);
	return err;
}

static intptr_t main_task(void *arg)
{
	int err = locals(), more = walked();

	(void)arg;
	return err ? err : more;
}

int main(void)
{
	return ledger_run(main_task);
}
