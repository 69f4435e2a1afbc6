/* SPDX-License-Identifier: MIT */
/*
 * forks.c - trees of forks at random: wide, lopsided, deep; whose leaves wait for time, for others,
 * for their maker, spawn and join, or fail; and whose subtrees are cancelled, run into deadlines,
 * or are left to a runtime that stops; on few and many workers, by either clock, at the limit on
 * tasks, beside hogs, in several runtimes at once.  Each function runs exactly once, and each sum
 * is exact.
 */
#include <errno.h>

#include "base/atomic.h"
#include "support.h"

#define CHILDREN_MAX 6
#define SIZE_MAX_OF_TREE 200
#define RUNTIMES 3

/* How a wait may end early. */
#define BY_CANCEL 1
#define BY_DEADLINE 2

/* One run: what it may do, and counts of functions. */
struct run {
	unsigned workers;
	bool virtual_clock;
	bool limited; /* on tasks: a fork may run inside any call that waits, as part of that */
	bool hogs;
	uint64_t seed, trees;
	struct atomic64 made, ran, refused;
	struct atomic32 over;
};

/* Of the leaves [from, to): in the frame of its maker. */
struct node {
	struct run *run;
	uint64_t random;
	int64_t from, to;
	struct thrum_future *gate; /* its maker's; NULL: none */
	int cut;                   /* how its waits may end early */
	bool doomed;               /* a cancel will come, and need not be waited for */
	bool fails;                /* a leaf */
	bool quiet;                /* nobody in the tree waits, but for joins */
	int ran;                   /* times */
	struct thrum_fork fork;
};

static void count(struct atomic64 *n)
{
	fetch_add_relaxed(n, 1);
}

static void compute(uint64_t rounds)
{
	for (volatile uint64_t i = 0; i < rounds; i++)
		;
}

static void waited(int cut, intptr_t r)
{
	CHECK(r == 0 || (r == -ECANCELED && cut & BY_CANCEL) ||
	      (r == -ETIMEDOUT && cut & BY_DEADLINE));
}

static int64_t sum_of(const struct node *n)
{
	return (n->from + n->to - 1) * (n->to - n->from) / 2;
}

static struct node node_of(struct run *run, uint64_t *random, int64_t from, int64_t to)
{
	count(&run->made);
	return (struct node){
	    .run = run,
	    .random = random_below(random, UINT64_MAX) | 1,
	    .from = from,
	    .to = to,
	    .cut = run->limited ? BY_CANCEL : 0,
	};
}

static intptr_t grow(void *node);

/* What was forked, spawned or called has returned @r. */
static void check_end(const struct node *n, intptr_t r)
{
	if (r == -ENOMEM && n->run->limited) { /* nor was there a stack */
		CHECK(n->ran == 0);
		count(&n->run->refused);
		return;
	}
	CHECK(n->ran == 1);
	CHECK(r == (n->fails ? -EIO : sum_of(n)));
}

/* ---- Leaves, and what makers do between a fork and its join ---- */

static intptr_t yields(void *cut)
{
	waited((int)(intptr_t)cut, thrum_yield());
	return 1;
}

static void join_one(int cut)
{
	struct thrum_future *f = thrum_spawn(yields, (void *)(intptr_t)(cut ? cut | BY_CANCEL : 0));

	/* Cancelled by its joiner at most, who is cut then. */
	CHECK(!f || thrum_join(f) == 1);
}

/* What waits lets the forks go; this one does not even give the worker away. */
static void glance(int cut)
{
	struct thrum_future *f = thrum_future_create();
	intptr_t r;

	CHECK(f);
	r = thrum_wait_for(f, 0);
	CHECK(r == -ETIMEDOUT || (r == -ECANCELED && cut & BY_CANCEL));
	thrum_release(f);
}

static void do_something(struct node *n)
{
	int cut = n->cut;
	uint64_t *random = &n->random;

	switch (random_below(random, n->quiet ? 2 : 10)) {
	case 0:
		compute(random_below(random, 20000));
		break;
	case 1:
		compute(random_below(random, 1000));
		break;
	case 2:
		waited(cut, thrum_yield());
		break;
	case 3:
		waited(cut, thrum_sleep(THRUM_US(1 + (int64_t)random_below(random, 100))));
		break;
	case 4:
		join_one(cut);
		break;
	case 5:
		glance(cut);
		break;
	case 6:
		if (n->doomed)
			CHECK(thrum_sleep(THRUM_FOREVER) < 0);
		break;
	}
}

/* ---- Inner nodes ---- */

/* The range in random parts: the last may be nearly all of it. */
static int split(struct node *n, struct node *children)
{
	uint64_t most = 1 + random_below(&n->random, CHILDREN_MAX);
	bool lopsided = random_below(&n->random, 4) == 0;
	int64_t from = n->from;
	int k = 0;

	while (from < n->to) {
		int64_t left = n->to - from, size = left;

		if (left > 1 && ((uint64_t)k + 1 < most || k == 0))
			size = lopsided ? 1
					: 1 + (int64_t)random_below(&n->random, (uint64_t)left - 1);
		children[k] = node_of(n->run, &n->random, from, from + size);
		children[k].cut |= n->cut;
		children[k].quiet = n->quiet;
		children[k].doomed = n->doomed;
		children[k].fails = size == 1 && random_below(&n->random, 16) == 0;
		from += size;
		if (++k == CHILDREN_MAX && from < n->to) {
			children[k - 1].to = from = n->to;
			children[k - 1].fails = false;
		}
	}
	return k;
}

/* Some wait for their maker, who opens the gate before it joins. */
static void fork_all(struct node *n, struct node *children, int k, struct thrum_future *gate)
{
	for (int i = 0; i < k; i++) {
		if (gate && random_below(&n->random, 2))
			children[i].gate = gate;
		thrum_fork(&children[i].fork, grow, &children[i]);
		if (random_below(&n->random, 4) == 0)
			do_something(n);
	}
}

static int64_t join_all(struct node *n, struct node *children, int k)
{
	int64_t sum = 0;

	while (k-- > 0) {
		check_end(&children[k], thrum_fork_join(&children[k].fork));
		sum += sum_of(&children[k]);
		if (random_below(&n->random, 8) == 0)
			do_something(n);
	}
	return sum;
}

static int64_t by_forks(struct node *n)
{
	struct node children[CHILDREN_MAX];
	struct thrum_future *gate = NULL;
	int k = split(n, children);
	int64_t sum;

	if (!n->run->limited && !n->quiet && random_below(&n->random, 4) == 0) {
		gate = thrum_future_create();
		CHECK(gate);
	}
	fork_all(n, children, k, gate);
	CHECK(!gate || thrum_future_set(gate, 0) == 0);
	sum = join_all(n, children, k);
	thrum_release(gate);
	return sum;
}

/* All of it as a spawned task, which is cancelled, or not. */
static int64_t by_spawn(struct node *n)
{
	struct node child = node_of(n->run, &n->random, n->from, n->to);
	bool cancels = random_below(&n->random, 2);
	struct thrum_future *f;

	child.cut |= n->cut | (cancels ? BY_CANCEL : 0);
	child.quiet = n->quiet;
	child.doomed = cancels && !n->run->limited;
	f = thrum_spawn(grow, &child);
	if (!f) {
		child.doomed = n->doomed;
		check_end(&child, grow(&child));
		return sum_of(&child);
	}
	if (!n->quiet && random_below(&n->random, 2))
		waited(n->cut, thrum_sleep(THRUM_US(100)));
	if (cancels) {
		int err = thrum_cancel(f);

		CHECK(err == 0 || err == -EALREADY);
	}
	check_end(&child, thrum_join(f));
	return sum_of(&child);
}

static int64_t by_deadline(struct node *n)
{
	int cut = n->cut;
	struct thrum_timeout t;
	int64_t sum;

	thrum_timeout_begin(&t, THRUM_US(1 + (int64_t)random_below(&n->random, 200)));
	n->cut = BY_CANCEL | BY_DEADLINE;
	sum = by_forks(n);
	n->cut = cut;
	(void)thrum_timeout_end(&t);
	return sum;
}

/* A node's function. */
static intptr_t grow(void *node)
{
	struct node *n = node;
	int64_t sum;

	CHECK(n->ran++ == 0);
	count(&n->run->ran);
	if (n->gate)
		waited(n->cut, thrum_await(n->gate));
	if (n->to - n->from == 1) {
		do_something(n);
		return n->fails ? -EIO : n->from;
	}
	switch (random_below(&n->random, 16)) {
	case 0:
		sum = by_spawn(n);
		break;
	case 1:
		sum = by_deadline(n);
		break;
	default:
		sum = by_forks(n);
	}
	CHECK(sum == sum_of(n));
	return sum;
}

/* ---- Runs ---- */

/* Between bursts it lets others run; the virtual clock would stand still for it. */
static intptr_t hog(void *run)
{
	struct run *r = run;

	while (!load_relaxed(&r->over)) {
		compute(50000);
		CHECK(thrum_yield() == 0);
	}
	return 0;
}

static intptr_t drive(void *arg)
{
	struct run *run = arg;
	uint64_t random = run->seed;
	struct thrum_future *h = run->hogs ? thrum_spawn(hog, run) : NULL;

	for (uint64_t i = 0; i < run->trees; i++) {
		int64_t size = 2 + (int64_t)random_below(&random, SIZE_MAX_OF_TREE);
		struct node root = node_of(run, &random, 0, size);

		root.quiet = random_below(&random, 2);
		check_end(&root, grow(&root));
	}
	store_relaxed(&run->over, 1);
	CHECK(!h || thrum_join(h) == 0);
	CHECK(load_relaxed(&run->ran) + load_relaxed(&run->refused) == load_relaxed(&run->made));
	return 0;
}

static void create(const struct run *run, struct thrum_runtime **out)
{
	struct thrum_config config = THRUM_CONFIG_INIT;

	config.workers = run->workers;
	config.clock = run->virtual_clock ? THRUM_CLOCK_VIRTUAL : THRUM_CLOCK_REAL;
	config.grace_ns = THRUM_SEC(60);
	if (run->limited)
		config.tasks_max = 5;
	CHECK(thrum_runtime_create(out, &config) == 0);
}

static void one_runtime(struct run run, const char *what)
{
	struct thrum_runtime *rt;
	struct thrum_stats stats;

	create(&run, &rt);
	CHECK(thrum_runtime_block_on(rt, drive, &run) == 0);
	stats = take_apart(rt);
	printf("%u workers, %s: %llu functions, %llu tasks, %llu stolen\n", run.workers, what,
	       (unsigned long long)load_relaxed(&run.made), (unsigned long long)stats.spawned,
	       (unsigned long long)stats.stolen);
}

static void several_at_once(uint64_t trees, uint64_t *random)
{
	struct run runs[RUNTIMES];
	struct thrum_runtime *rt[RUNTIMES];
	struct thrum_future *f[RUNTIMES];

	for (unsigned i = 0; i < RUNTIMES; i++) {
		runs[i] = (struct run){.workers = 1 + i,
				       .hogs = i == 1,
				       .trees = trees,
				       .seed = random_below(random, UINT64_MAX) | 1};
		create(&runs[i], &rt[i]);
		f[i] = thrum_runtime_submit(rt[i], drive, &runs[i]);
		CHECK(f[i]);
	}
	for (unsigned i = 0; i < RUNTIMES; i++) {
		CHECK(thrum_join(f[i]) == 0);
		take_apart(rt[i]);
	}
}

/* Trees that nobody waits for but the runtime that stops. */
#define LEFT 8

struct left {
	struct run run;
	struct node roots[LEFT];
};

static intptr_t leave_trees(void *arg)
{
	struct left *l = arg;
	uint64_t random = l->run.seed;

	for (int i = 0; i < LEFT; i++) {
		l->roots[i] = node_of(&l->run, &random, 0, 50);
		l->roots[i].cut = BY_CANCEL;
		l->roots[i].doomed = true;
		CHECK(thrum_go(grow, &l->roots[i]) == 0);
	}
	if (random_below(&random, 2))
		CHECK(thrum_sleep(THRUM_US(1 + (int64_t)random_below(&random, 100))) == 0);
	return 0;
}

static void while_stopping(unsigned workers, uint64_t *random)
{
	struct left l = {.run = {.workers = workers, .seed = random_below(random, UINT64_MAX) | 1}};
	struct thrum_runtime *rt;

	l.run.virtual_clock = random_below(random, 2);
	create(&l.run, &rt);
	CHECK(thrum_runtime_block_on(rt, leave_trees, &l) == 0);
	CHECK(thrum_runtime_destroy(rt) == 0);
	for (int i = 0; i < LEFT; i++)
		CHECK(l.roots[i].ran == 1);
	CHECK(load_relaxed(&l.run.ran) == load_relaxed(&l.run.made));
}

int main(void)
{
	static const unsigned workers[] = {1, 2, 3, 8};
	uint64_t random = seed();
	uint64_t trees = scaled(2000), few = scaled(200);

	for (size_t i = 0; i < sizeof(workers) / sizeof(workers[0]); i++) {
		struct run run = {.workers = workers[i], .seed = random, .trees = trees};
		struct run hogged = run, limited = run, timeless = run;

		hogged.hogs = limited.limited = timeless.virtual_clock = true;
		hogged.trees = few;
		one_runtime(run, "by the real clock");
		one_runtime(hogged, "beside a hog");
		one_runtime(limited, "at the limit on tasks");
		one_runtime(timeless, "by the virtual clock");
		for (uint64_t k = 0; k < few; k++)
			while_stopping(workers[i], &random);
	}
	several_at_once(few, &random);
	return 0;
}
