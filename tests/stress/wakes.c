/* SPDX-License-Identifier: MIT */
/*
 * wakes.c - the idle protocol with real sleep: publishers that are busy workers, or from outside,
 * and workers that search, sleep at one semaphore (a count and a futex), and are woken by tokens.
 *
 * A publisher stops after some publications, at random, until all that it has published was
 * taken: a lost wake leaves it waiting, and the program ends with a message after ten
 * seconds.  Latencies are printed, not judged.
 *
 * THRUM_SEED chooses the gaps (printed); THRUM_TEST_DIV divides the counts.
 */
#include "base/clock.h"
#include "base/os.h"
#include "core/ready.h"
#include "sched/idle.h"
#include "support.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>

enum { WORKERS = 3, PUBLISHERS = 2, RANGES = 40 };

struct source {
	struct thrum__ready queue;
	struct atomic64 taken;
	char pad[CACHE_LINE];
};

struct worker {
	uint64_t random;
	uint64_t slept, woken, timed_out, undone, outrun, found;
	uint64_t latency[RANGES]; /* by powers of two, in ns */
	int64_t latency_max_ns;
	bool searching;
	char pad[CACHE_LINE];
};

static struct thrum__idle idle;
static struct source sources[PUBLISHERS];
static struct worker workers[WORKERS];
static struct atomic32 tokens, over;
static uint64_t each;
static bool outside; /* publishers are no workers */

static void wake(void *arg, unsigned n)
{
	(void)arg;
	fetch_add_release(&tokens, n);
	thrum__os_futex_wake(&tokens.v, (int)n);
}

static bool has_work(void *arg)
{
	(void)arg;
	for (int i = 0; i < PUBLISHERS; i++)
		if (thrum__ready_count(&sources[i].queue))
			return true;
	return load_relaxed(&over);
}

/* An item is the time of its publication. */
static bool take(struct worker *w)
{
	for (int i = 0; i < PUBLISHERS; i++) {
		int64_t *at = thrum__ready_take(&sources[i].queue);
		int64_t late_ns;
		int range = 0;

		if (!at)
			continue;
		late_ns = thrum__clock_monotonic_ns() - *at;
		if (late_ns > w->latency_max_ns)
			w->latency_max_ns = late_ns;
		while (range < RANGES - 1 && late_ns >> (range + 1))
			range++;
		w->latency[range]++;
		w->found++;
		fetch_add_release(&sources[i].taken, 1);
		return true;
	}
	return false;
}

static bool take_token(struct worker *w)
{
	uint32_t n = load_relaxed(&tokens);

	while (n)
		if (cas_acquire(&tokens, &n, n - 1)) {
			w->searching = true;
			w->woken++;
			return true;
		}
	return false;
}

static bool await_token(struct worker *w, int64_t deadline_ns)
{
	while (!take_token(w))
		if (thrum__os_futex_wait(&tokens.v, 0, deadline_ns) == -ETIMEDOUT)
			return false;
	return true;
}

/* Ends the announced sleep for something else than a token, which it takes if it was chosen. */
static void go_on(struct worker *w)
{
	for (bool first = true; !thrum__idle_sleep_undo(&idle); first = false) {
		if (take_token(w))
			return;
		w->outrun += first;
		thread_yield();
	}
	w->searching = true;
}

static void worker_sleep(struct worker *w)
{
	/* Now and then a timer ends the sleep. */
	int64_t deadline_ns =
	    random_below(&w->random, 8)
		? THRUM_FOREVER
		: thrum__clock_monotonic_ns() + (int64_t)random_below(&w->random, 200000);

	/* The protocol is turned to and fro meanwhile. */
	switch (random_below(&w->random, 64)) {
	case 0:
		thrum__idle_turn_careful(&idle);
		break;
	case 1:
		thrum__idle_turn_quick(&idle);
		break;
	}
	thrum__idle_sleep_begin(&idle, w->searching, false);
	w->searching = false;
	if (has_work(NULL)) {
		w->undone++;
		go_on(w);
		return;
	}
	w->slept++;
	if (await_token(w, deadline_ns))
		return;
	w->timed_out++;
	go_on(w);
}

static void *worker_main(void *arg)
{
	struct worker *w = arg;

	while (!load_acquire(&over)) {
		if (take(w)) {
			if (w->searching) {
				w->searching = false;
				thrum__idle_search_found(&idle);
			}
			continue;
		}
		if (!w->searching)
			w->searching = thrum__idle_search_begin(&idle);
		for (int i = 0; w->searching && i < 50 && !has_work(NULL); i++)
			spin_hint();
		if (!w->searching || !has_work(NULL))
			worker_sleep(w);
	}
	if (w->searching)
		thrum__idle_search_found(&idle);
	return NULL;
}

static void gap(uint64_t *random)
{
	int64_t end = thrum__clock_monotonic_ns();

	switch (random_below(random, 16)) {
	case 0:
		end += (int64_t)random_below(random, 20000);
		break;
	case 1:
	case 2:
	case 3:
		end += (int64_t)random_below(random, 1000);
		break;
	default:
		return;
	}
	while (thrum__clock_monotonic_ns() < end)
		spin_hint();
}

static void await_taken(struct source *s, uint64_t published)
{
	int64_t end = thrum__clock_monotonic_ns() + 10000000000;

	while (load_acquire(&s->taken) != published) {
		if (thrum__clock_monotonic_ns() > end) {
			fprintf(stderr, "a wake was lost: word %llx, tokens %u\n",
				(unsigned long long)load_relaxed(&idle.word),
				load_relaxed(&tokens));
			abort();
		}
		thread_yield();
	}
}

static void *publisher_main(void *arg)
{
	struct source *s = arg;
	uint64_t random = seed() + (uint64_t)(s - sources) * 7919;
	int64_t *times = calloc(each, sizeof(*times));

	CHECK(times);
	for (uint64_t i = 0; i < each; i++) {
		times[i] = thrum__clock_monotonic_ns();
		CHECK(thrum__ready_push(&s->queue, &times[i]) == 0);
		if (outside)
			thrum__idle_wake_one(&idle);
		else
			thrum__idle_notify(&idle);
		if (random_below(&random, 16) == 0)
			await_taken(s, i + 1);
		gap(&random);
	}
	await_taken(s, each);
	free(times);
	return NULL;
}

static void report(void)
{
	static const int percent[] = {50, 90, 99};
	uint64_t sum[RANGES] = {0}, all = 0, found = 0;
	int64_t max_ns = 0;

	for (int i = 0; i < WORKERS; i++) {
		struct worker *w = &workers[i];

		for (int k = 0; k < RANGES; k++)
			sum[k] += w->latency[k];
		if (w->latency_max_ns > max_ns)
			max_ns = w->latency_max_ns;
		found += w->found;
		printf("worker %d: %llu items, %llu sleeps, %llu wakes, %llu by timer, %llu at the "
		       "last look, %llu chosen without a token yet\n",
		       i, (unsigned long long)w->found, (unsigned long long)w->slept,
		       (unsigned long long)w->woken, (unsigned long long)w->timed_out,
		       (unsigned long long)w->undone, (unsigned long long)w->outrun);
	}
	CHECK(found == each * PUBLISHERS);
	printf("%llu publications, taken after:", (unsigned long long)found);
	for (int p = 0, k = 0; k < RANGES && p < 3; k++) {
		all += sum[k];
		for (; p < 3 && all * 100 >= found * (uint64_t)percent[p]; p++)
			printf(" %d %% < %.1f us;", percent[p], (double)((int64_t)2 << k) / 1000);
	}
	printf(" max %.1f us\n", (double)max_ns / 1000);
}

static void run(void)
{
	pthread_t t[WORKERS + PUBLISHERS];

	store_relaxed(&over, 0);
	store_relaxed(&tokens, 0);
	memset(workers, 0, sizeof(workers));
	idle.wake = wake;
	idle.has_work = has_work;
	thrum__idle_init(&idle, WORKERS, WORKERS, false);
	for (int i = 0; i < PUBLISHERS && !outside; i++)
		thrum__idle_add(&idle);
	for (int i = 0; i < PUBLISHERS; i++) {
		CHECK(thrum__ready_init(&sources[i].queue, 2) == 0);
		store_relaxed(&sources[i].taken, 0);
	}
	for (unsigned i = 0; i < WORKERS; i++) {
		workers[i].random = i + 1;
		CHECK(!pthread_create(&t[i], NULL, worker_main, &workers[i]));
	}
	for (int i = 0; i < PUBLISHERS; i++)
		CHECK(!pthread_create(&t[WORKERS + i], NULL, publisher_main, &sources[i]));
	for (int i = 0; i < PUBLISHERS; i++)
		pthread_join(t[WORKERS + i], NULL);
	store_release(&over, 1);
	thrum__idle_wake_all(&idle);
	for (int i = 0; i < WORKERS; i++)
		pthread_join(t[i], NULL);
	/* Nobody sleeps, nobody searches, no token is left. */
	thrum__idle_turn_quick(&idle);
	CHECK(load_relaxed(&idle.word) == 0 && load_relaxed(&tokens) == 0);
	report();
	for (int i = 0; i < PUBLISHERS; i++)
		thrum__ready_fini(&sources[i].queue);
}

static void run_both(void)
{
	for (int i = 0; i < 2; i++) {
		outside = i;
		printf("publishers %s\n", outside ? "from outside" : "that are workers");
		run();
	}
}

int main(void)
{
	each = scaled(500000) / PUBLISHERS + 1;
	printf("full fences\n");
	run_both();
	thrum__os_membarrier_init();
	if (thrum__membarrier_ready) {
		printf("membarrier\n");
		run_both();
	}
	return 0;
}
