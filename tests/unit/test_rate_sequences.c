/* SPDX-License-Identifier: MIT */
/*
 * test_rate_sequences.c - the rate limiter: random sequences against a serial model, and against
 * what it promises of every stretch of time.
 */
#include "takers.h"

static uint64_t random_state;

static uint64_t random_below(uint64_t n)
{
	uint64_t x = random_state += 0x9E3779B97F4A7C15u; /* splitmix64 */

	x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9u;
	x = (x ^ (x >> 27)) * 0x94D049BB133111EBu;
	return (x ^ (x >> 31)) % n;
}

struct sequence {
	int64_t permits, per_ns, burst;
	size_t n;
	struct taker k[80];
};

/* Who takes does so at multiples of 4, cancels and deadlines are between. */
static void make_exact(struct sequence *s)
{
	int64_t at = 0, interval = (int64_t)(4 * (1 + random_below(10)));

	s->permits = (int64_t)(1 + random_below(3));
	s->per_ns = interval * s->permits;
	s->burst = (int64_t)(1 + random_below(6));
	for (size_t i = 0; i < s->n; i++) {
		struct taker *k = &s->k[i];

		at += 4 * (int64_t)(1 + random_below(random_below(4) ? 8 : 40));
		*k = (struct taker){.at_ns = at};
		k->n = (int64_t)(1 + random_below((uint64_t)s->burst));
		if (!random_below(4))
			k->cancel_ns = at + 2 + 4 * (int64_t)random_below(50);
		if (!random_below(4))
			k->patience_ns = 1 + 4 * (int64_t)random_below(50);
	}
}

/* The serial model: one bucket with a number of tokens, counted in ns of filling. */
struct model {
	const struct sequence *s;
	int64_t interval, level_ns, at_ns; /* how full it was at that time */
	size_t line[80], waiting;
	struct taker out[80];
};

static int64_t level_at(const struct model *m, int64_t ns)
{
	int64_t level = m->level_ns + ns - m->at_ns, most = m->s->burst * m->interval;

	return level < most ? level : most;
}

static int64_t ready_at(const struct model *m, size_t i, int64_t now)
{
	int64_t lacks = m->s->k[i].n * m->interval - level_at(m, now);

	return lacks > 0 ? now + lacks : now;
}

static int64_t deadline_of(const struct taker *k)
{
	return k->patience_ns ? k->at_ns + k->patience_ns : INT64_MAX;
}

static void model_ends(struct model *m, size_t i, intptr_t result, int64_t ns)
{
	m->out[i] = m->s->k[i];
	m->out[i].result = result;
	m->out[i].end_ns = ns;
	m->out[i].told = result == -ETIMEDOUT;
	for (size_t k = 0; k < m->waiting; k++) {
		if (m->line[k] != i)
			continue;
		memmove(&m->line[k], &m->line[k + 1], (--m->waiting - k) * sizeof(m->line[0]));
		break;
	}
}

/* The first in line, by now the first: until it waits in earnest. */
static void model_serve(struct model *m, int64_t now)
{
	while (m->waiting) {
		size_t i = m->line[0];
		int64_t ready = ready_at(m, i, now);

		if (ready > now && ready <= deadline_of(&m->s->k[i]))
			return;
		if (ready <= now) {
			m->level_ns = level_at(m, now) - m->s->k[i].n * m->interval;
			m->at_ns = now;
		}
		model_ends(m, i, ready <= now ? 0 : -ETIMEDOUT, now);
	}
}

/* What happens to those in line at the earliest, but not after @until. */
static bool model_step(struct model *m, int64_t now, int64_t until, int64_t *at)
{
	int64_t best = m->waiting ? ready_at(m, m->line[0], now) : INT64_MAX;
	intptr_t result = 0;
	size_t who = 0;

	for (size_t k = 0; k < m->waiting; k++) {
		const struct taker *t = &m->s->k[m->line[k]];

		if (t->cancel_ns && t->cancel_ns < best) {
			best = t->cancel_ns;
			result = -ECANCELED;
			who = m->line[k];
		}
		if (deadline_of(t) < best) {
			best = deadline_of(t);
			result = -ETIMEDOUT;
			who = m->line[k];
		}
	}
	if (best > until || best == INT64_MAX)
		return false;
	*at = best;
	if (result)
		model_ends(m, who, result, best);
	model_serve(m, best);
	return true;
}

static void model_run(struct model *m, struct sequence *s)
{
	int64_t now = 0;

	*m = (struct model){.s = s, .interval = s->per_ns / s->permits};
	m->level_ns = s->burst * m->interval;
	for (size_t i = 0; i < s->n; i++) {
		struct taker *k = &s->k[i];

		while (model_step(m, now, k->at_ns, &now))
			;
		if (now == k->at_ns)
			k->patience_ns = 0; /* served before it looks, or after? */
		now = k->at_ns;
		m->line[m->waiting++] = i;
		if (m->waiting > 1 && ready_at(m, i, now) > deadline_of(k))
			model_ends(m, i, -ETIMEDOUT, now);
		model_serve(m, now);
	}
	while (model_step(m, now, INT64_MAX, &now))
		;
}

/* In no stretch of time more than it may be. */
static void check_stretches(const struct sequence *s)
{
	for (size_t i = 0; i < s->n; i++) {
		for (size_t k = 0; k < s->n; k++) {
			__int128 taken = 0, from = s->k[i].end_ns, to = s->k[k].end_ns;

			for (size_t j = 0; j < s->n; j++)
				if (!s->k[j].result && s->k[j].end_ns >= from &&
				    s->k[j].end_ns <= to)
					taken += s->k[j].n;
			must((taken - s->burst) * s->per_ns <= (to - from) * s->permits ||
			     to < from);
		}
	}
}

static intptr_t task_exact(void *sequence)
{
	static struct model m;
	struct sequence *s = sequence;

	is_int(thrum_rate_init(&rate, s->permits, s->per_ns, s->burst), 0);
	model_run(&m, s);
	run_takers(s->k, s->n);
	for (size_t i = 0; i < s->n; i++)
		ended(&s->k[i], m.out[i].result, m.out[i].end_ns);
	check_stretches(s);
	return 0;
}

static unsigned rounds(unsigned n)
{
	return scaled(n) > 5 ? scaled(n) : 5;
}

START_TEST(sequences_go_as_the_model_says)
{
	static struct sequence s;
	unsigned results[3] = {0};

	for (uint64_t seed = 1; seed <= rounds(300); seed++) {
		printf("seed %ju\n", (uintmax_t)seed);
		fflush(stdout);
		random_state = seed;
		s.n = 80;
		make_exact(&s);
		is_int(run_virtual(1 + seed % 3, task_exact, &s), 0);
		for (size_t i = 0; i < s.n; i++)
			results[s.k[i].result == 0 ? 0 : s.k[i].result == -ECANCELED ? 1 : 2]++;
	}
	printf("taken %u, cancelled %u, timed out %u\n", results[0], results[1], results[2]);
	must(results[0] > results[1] && results[1] > 10 && results[2] > 10);
}
END_TEST

static intptr_t task_any(void *sequence)
{
	struct sequence *s = sequence;

	is_int(thrum_rate_init(&rate, s->permits, s->per_ns, s->burst), 0);
	run_takers(s->k, s->n);
	check_stretches(s);
	return 0;
}

START_TEST(no_stretch_has_more_than_it_may)
{
	static struct sequence s;

	for (uint64_t seed = 1; seed <= rounds(100); seed++) {
		printf("seed %ju\n", (uintmax_t)seed);
		fflush(stdout);
		random_state = seed;
		s.n = 80;
		s.permits = (int64_t)(1 + random_below(1000));
		s.per_ns = (int64_t)(1 + random_below(100000));
		s.burst = (int64_t)(1 + random_below(9));
		for (size_t i = 0; i < s.n; i++) {
			struct taker *k = &s.k[i];

			*k = (struct taker){.at_ns = (int64_t)random_below(2000)};
			k->n = (int64_t)(1 + random_below((uint64_t)s.burst));
			k->cancel_ns = random_below(3) ? 0 : (int64_t)(1 + random_below(3000));
			k->patience_ns = random_below(3) ? 0 : (int64_t)(1 + random_below(3000));
		}
		is_int(run_virtual(1 + seed % 3, task_any, &s), 0);
	}
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
	    sequences_go_as_the_model_says,
	    no_stretch_has_more_than_it_may,
	};

	return RUN_TESTS("rate_sequences", tests);
}
