/* SPDX-License-Identifier: MIT */
/*
 * paths.c - the hot paths, each done a given number of times on one worker, for count.py to count
 * the instructions of.
 *
 *	paths --list             the names, how often each is best done, and what it does
 *	paths --compiler         by which this program was made, and for which machine
 *	paths NAME COUNT         does it: COUNT is a multiple of STEP
 *	paths NAME COUNT longer  the same, but each task runs two instructions more
 *	paths NAME COUNT fenced  the same, but each task runs a locked instruction
 *
 * What is counted is the same in every run: one worker, the virtual clock (it has no monitor, no
 * spares, no spinning, and reads no clock), a fixed seed; a first round of fixed length fills the
 * pools, lets the queues grow and leaves fibers to be used again.  Only then, and only on the
 * thread of the task that asks, callgrind is told to collect.  What the library tells Valgrind
 * (fiber/sanitize.h) it tells when a stack is made or given back: none is after the first round.
 *
 * Exit status 77: cannot be counted here, with a word; 1: something went wrong, or the results of
 * the tasks are not what they should be; 2: the command line.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <thrum/thrum.h>

#if defined(__has_include)
#if __has_include(<valgrind/callgrind.h>)
#include <valgrind/callgrind.h>
#endif
#endif

#define STEP 1024
/* More than a wheel holds of timers that nobody waits for. */
#define FIRST_ROUND (4 * STEP)
#define CANNOT_COUNT 77

#if defined(__clang__)
#define COMPILER "clang " __clang_version__
#else
#define COMPILER "gcc " __VERSION__
#endif
#if defined(__x86_64__)
#define MACHINE "x86_64"
#else
#define MACHINE "aarch64"
#endif

struct path {
	const char *name;
	/* How often tells enough: what comes after many operations must not show when it comes once
	 * more or less.  For timers that is a sweep of the wheel, each thousand or so. */
	uint64_t often;
	const char *about;
	/* Does it so often; returns how often the result was right. */
	uint64_t (*run)(uint64_t count);
};

struct job {
	const struct path *path;
	uint64_t count;
	uint64_t right;
};

static intptr_t echo(void *arg)
{
	return (intptr_t)arg;
}

static intptr_t echo_longer(void *arg)
{
	__asm__ volatile("nop\n\tnop");
	return (intptr_t)arg;
}

static intptr_t echo_fenced(void *arg)
{
#if defined(__x86_64__)
	__asm__ volatile("lock orq $0, (%%rsp)" ::: "memory", "cc");
#endif
	return (intptr_t)arg;
}

/* What the tasks do. */
static thrum_fn task = echo;

static uint64_t spawn_join(uint64_t count)
{
	uint64_t right = 0;

	for (uint64_t i = 0; i < count; i++)
		right += thrum_join(thrum_spawn(task, (void *)i)) == (intptr_t)i;
	return right;
}

static uint64_t spawn_await(uint64_t count)
{
	uint64_t right = 0;

	for (uint64_t i = 0; i < count; i++) {
		struct thrum_future *f = thrum_spawn(task, (void *)i);

		right += thrum_await(f) == (intptr_t)i;
		thrum_release(f);
	}
	return right;
}

static uint64_t flat_spawn(uint64_t count)
{
	static struct thrum_future *tasks[STEP];
	uint64_t right = 0;

	for (uint64_t done = 0; done < count; done += STEP) {
		for (uint64_t i = 0; i < STEP; i++)
			tasks[i] = thrum_spawn(task, (void *)i);
		for (uint64_t i = 0; i < STEP; i++)
			right += thrum_join(tasks[i]) == (intptr_t)i;
	}
	return right;
}

static uint64_t fork_join(uint64_t count)
{
	uint64_t right = 0;

	for (uint64_t i = 0; i < count; i++) {
		struct thrum_fork j;

		thrum_fork(&j, task, (void *)i);
		right += thrum_fork_join(&j) == (intptr_t)i;
	}
	return right;
}

struct yielder {
	uint64_t turns;
	uint64_t in_turn; /* how often the other one had had its turn since */
	uint64_t count;
	const struct yielder *other;
};

static intptr_t take_turns(void *arg)
{
	struct yielder *me = arg;
	uint64_t last = me->other->turns;

	while (me->turns < me->count) {
		me->turns++;
		if (thrum_yield())
			return -ECANCELED;
		me->in_turn += me->other->turns != last;
		last = me->other->turns;
	}
	return 0;
}

/* The last yield of one of them may find the other one gone. */
static uint64_t yield(uint64_t count)
{
	struct yielder pair[2] = {{.count = count / 2, .other = &pair[1]},
				  {.count = count / 2, .other = &pair[0]}};
	struct thrum_future *tasks[] = {thrum_spawn(take_turns, &pair[0]),
					thrum_spawn(take_turns, &pair[1])};
	int error = thrum_gather(tasks, 2, NULL);
	uint64_t in_turn = pair[0].in_turn + pair[1].in_turn;

	thrum_release(tasks[0]);
	thrum_release(tasks[1]);
	return error || in_turn + 1 < count ? in_turn : count;
}

static uint64_t future(uint64_t count)
{
	uint64_t right = 0;

	for (uint64_t i = 0; i < count; i++) {
		struct thrum_future *f = thrum_future_create();

		thrum_future_set(f, (intptr_t)i);
		right += thrum_await(f) == (intptr_t)i;
		thrum_release(f);
	}
	return right;
}

static uint64_t mutex(uint64_t count)
{
	static struct thrum_mutex lock = THRUM_MUTEX_INIT;
	uint64_t right = 0;

	for (uint64_t i = 0; i < count; i++) {
		right += thrum_mutex_lock(&lock) == 0;
		thrum_mutex_unlock(&lock);
	}
	return right;
}

static uint64_t semaphore(uint64_t count)
{
	static struct thrum_sem sem = THRUM_SEM_INIT(1);
	uint64_t right = 0;

	for (uint64_t i = 0; i < count; i++)
		right += thrum_sem_wait(&sem) == 0 && thrum_sem_post(&sem) == 0;
	return right;
}

static uint64_t chan(uint64_t count)
{
	struct thrum_chan *c = thrum_chan_create(sizeof(uint64_t), 8);
	uint64_t right = 0, item = 0;

	for (uint64_t i = 0; i < count; i++)
		right += thrum_chan_send(c, &i) == 0 && thrum_chan_recv(c, &item) == 0 && item == i;
	thrum_chan_release(c);
	return right;
}

struct passing {
	struct thrum_chan *c;
	uint64_t count;
};

static intptr_t pass_on(void *arg)
{
	const struct passing *p = arg;

	for (uint64_t i = 0; i < p->count; i++)
		if (thrum_chan_send(p->c, &i))
			return -EIO;
	return 0;
}

static uint64_t rendezvous(uint64_t count)
{
	struct passing p = {thrum_chan_create(sizeof(uint64_t), 0), count};
	struct thrum_future *sender = thrum_spawn(pass_on, &p);
	uint64_t right = 0, item = 0;

	for (uint64_t i = 0; i < count; i++)
		right += thrum_chan_recv(p.c, &item) == 0 && item == i;
	right -= thrum_join(sender) != 0;
	thrum_chan_release(p.c);
	return right;
}

static uint64_t select_ready(uint64_t count)
{
	struct thrum_chan *full = thrum_chan_create(sizeof(uint64_t), 1);
	struct thrum_chan *empty = thrum_chan_create(sizeof(uint64_t), 1);
	uint64_t right = 0, item = 0;

	for (uint64_t i = 0; i < count; i++) {
		struct thrum_branch b[] = {thrum_on_recv(empty, &item), thrum_on_recv(full, &item)};

		right += thrum_chan_try_send(full, &i) == 0 && thrum_select(b, 2) == 1 && item == i;
	}
	thrum_chan_release(full);
	thrum_chan_release(empty);
	return right;
}

static uint64_t select_wait(uint64_t count)
{
	struct passing p = {thrum_chan_create(sizeof(uint64_t), 0), count};
	struct thrum_chan *empty = thrum_chan_create(sizeof(uint64_t), 1);
	struct thrum_future *sender = thrum_spawn(pass_on, &p);
	uint64_t right = 0, item = 0;

	for (uint64_t i = 0; i < count; i++) {
		struct thrum_branch b[] = {thrum_on_recv(empty, &item), thrum_on_recv(p.c, &item)};

		right += thrum_select(b, 2) == 1 && item == i;
	}
	right -= thrum_join(sender) != 0;
	thrum_chan_release(p.c);
	thrum_chan_release(empty);
	return right;
}

struct game {
	struct thrum_future *question, *answer;
	uint64_t count;
};

static intptr_t reply(void *arg)
{
	struct game *game = arg;

	for (uint64_t i = 0; i < game->count; i++) {
		intptr_t value = thrum_await(game->question);

		thrum_release(game->question);
		game->question = thrum_future_create();
		thrum_future_set(game->answer, value);
	}
	return 0;
}

static uint64_t ping_pong(uint64_t count)
{
	struct game game = {.question = thrum_future_create(), .count = count};
	struct thrum_future *other = thrum_spawn(reply, &game);
	uint64_t right = 0;

	for (uint64_t i = 0; i < count; i++) {
		game.answer = thrum_future_create();
		thrum_future_set(game.question, (intptr_t)i);
		right += thrum_await(game.answer) == (intptr_t)i;
		thrum_release(game.answer);
	}
	right -= thrum_join(other) != 0;
	thrum_future_set(game.question, 0);
	thrum_release(game.question);
	return right;
}

static uint64_t timer_wait(uint64_t count)
{
	uint64_t right = 0;

	for (uint64_t i = 0; i < count; i++) {
		struct thrum_future *f = thrum_spawn(task, (void *)i);

		right += thrum_wait_for(f, THRUM_SEC(1)) == (intptr_t)i;
		thrum_release(f);
	}
	return right;
}

static uint64_t timer_cancel(uint64_t count)
{
	uint64_t right = 0;

	for (uint64_t i = 0; i < count; i++) {
		struct thrum_future *f = thrum_spawn_after(THRUM_SEC(1), task, (void *)i);

		right += thrum_cancel(f) == 0 && thrum_join(f) == (intptr_t)i;
	}
	return right;
}

static intptr_t count_one(void *ran)
{
	++*(uint64_t *)ran;
	return task(NULL);
}

/* Of each child, the scope's own share included. */
static uint64_t scope(uint64_t count)
{
	uint64_t ran = 0;

	for (uint64_t done = 0; done < count; done += STEP) {
		struct thrum_scope s;

		thrum_scope_open(&s);
		for (uint64_t i = 0; i < STEP; i++)
			thrum_scope_spawn(&s, count_one, &ran);
		if (thrum_scope_close(&s))
			return 0;
	}
	return ran;
}

static uint64_t timeout(uint64_t count)
{
	uint64_t right = 0;

	for (uint64_t i = 0; i < count; i++) {
		struct thrum_timeout t;

		thrum_timeout_begin(&t, THRUM_SEC(1));
		right += !thrum_timeout_end(&t);
	}
	return right;
}

static const struct path paths[] = {
    {"spawn_join", 32 * STEP, "spawn a task, join it in place", spawn_join},
    {"flat_spawn", 32 * STEP, "spawn 1,024, then join them in order: of each", flat_spawn},
    {"fork_join", 32 * STEP, "fork, join in place", fork_join},
    {"spawn_await", 32 * STEP, "spawn a task, await it, release it", spawn_await},
    {"yield", 32 * STEP, "from one fiber to another", yield},
    {"future", 32 * STEP, "make a future, set, await, release it", future},
    {"ping_pong", 32 * STEP, "two tasks wake each other: there and back", ping_pong},
    {"timer_wait", 128 * STEP, "spawn_await with a time limit: a timer more", timer_wait},
    {"scope", 32 * STEP, "spawn 1,024 in a scope, close it: of each", scope},
    {"timeout", 32 * STEP, "begin a time limit, end it", timeout},
    {"mutex", 32 * STEP, "lock a mutex, unlock it", mutex},
    {"semaphore", 32 * STEP, "take a permit, give it back", semaphore},
    {"chan", 32 * STEP, "send an item into a channel, receive it", chan},
    {"rendezvous", 32 * STEP, "hand an item to a task that waits, or take it", rendezvous},
    {"select_ready", 32 * STEP, "send; select over two channels, one of which has it",
     select_ready},
    {"select_wait", 32 * STEP, "rendezvous with a select over two channels", select_wait},
    {"timer_cancel", 128 * STEP, "spawn a task for later, cancel it, join it", timer_cancel},
};
#define PATHS (sizeof(paths) / sizeof(paths[0]))

static _Noreturn void give_up(int status, const char *what)
{
	fprintf(stderr, "paths: %s\n", what);
	exit(status);
}

/* Without membarrier the library goes other ways. */
static void check_runtime(void)
{
	static const char key[] = "membarrier: ", good[] = "registered";
	char text[4096];
	const char *value;

	thrum_runtime_describe(NULL, text, sizeof(text));
	value = strstr(text, key);
	if (!value)
		give_up(1, "the runtime's description does not say whether there is membarrier");
	if (strncmp(value + strlen(key), good, strlen(good)))
		give_up(CANNOT_COUNT,
			"no membarrier here: what would be counted is its substitute");
}

static intptr_t count(void *arg)
{
	struct job *job = arg;

	check_runtime();
	job->right = job->path->run(FIRST_ROUND);
#ifdef CALLGRIND_TOGGLE_COLLECT
	CALLGRIND_TOGGLE_COLLECT;
#endif
	job->right += job->path->run(job->count);
#ifdef CALLGRIND_TOGGLE_COLLECT
	CALLGRIND_TOGGLE_COLLECT;
#endif
	return 0;
}

static void count_path(const char *name, const char *how_often)
{
	struct thrum_config config = THRUM_CONFIG_INIT;
	struct job job = {.count = strtoull(how_often, NULL, 10)};

	for (size_t i = 0; i < PATHS; i++)
		if (!strcmp(paths[i].name, name))
			job.path = &paths[i];
	if (!job.path || !job.count || job.count % STEP)
		give_up(2, "no such path, or the count is no multiple of 1024");
#ifndef CALLGRIND_TOGGLE_COLLECT
	give_up(CANNOT_COUNT, "built without valgrind/callgrind.h");
#endif
	config.workers = 1;
	config.clock = THRUM_CLOCK_VIRTUAL;
	config.seed = 1;
	if (thrum_run_with(&config, count, &job))
		give_up(1, "the runtime failed");
	if (job.right != FIRST_ROUND + job.count)
		give_up(1, "a result is wrong");
}

int main(int argc, char **argv)
{
	if (argc == 2 && !strcmp(argv[1], "--list")) {
		for (size_t i = 0; i < PATHS; i++)
			printf("%s\t%llu\t%s\n", paths[i].name, (unsigned long long)paths[i].often,
			       paths[i].about);
	} else if (argc == 2 && !strcmp(argv[1], "--compiler")) {
		printf("%s, %s\n", COMPILER, MACHINE);
	} else if (argc == 3 || (argc == 4 && !strcmp(argv[3], "longer"))) {
		if (argc == 4)
			task = echo_longer;
		count_path(argv[1], argv[2]);
	} else if (argc == 4 && !strcmp(argv[3], "fenced")) {
		task = echo_fenced;
		count_path(argv[1], argv[2]);
	} else {
		give_up(2, "--list, --compiler, or NAME COUNT [longer | fenced]");
	}
	return 0;
}
