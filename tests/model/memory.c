/* SPDX-License-Identifier: MIT */
/*
 * memory.c - C11's memory as far as it can be executed: each location has a history of stores, each
 * thread a view.
 *
 * A load may read any store that its thread's view has not left behind; reading moves the view on
 * (coherence).  A store carries a message: a release store its thread's whole view, a relaxed one
 * the view of its thread's last fence, a read-modify-write also what the message it read carried
 * (release sequences as in C++20: only read-modify-writes continue them).  An acquire load takes
 * the message; a relaxed one keeps it for the next fence.  Stores land at the end of the
 * modification order, or, with .insert_stores, anywhere that the view has not left behind and no
 * read-modify-write has closed.
 *
 * Not executable this way: a load that reads from a store of its future (load buffering).  litmus.c
 * shows it.
 */
#include "view.h"

#include <string.h>

enum { POOL = 16 << 20 };

static _Alignas(16) char pool[POOL];
static size_t pool_used;

void memory_reset(void)
{
	unsigned used = chunks_used(); /* by the last execution */

	for (unsigned i = 0; i < X.nthreads; i++) {
		struct thread *t = &X.threads[i];

		memset(&t->now, 0, used * sizeof(lanes));
		memset(&t->acquired, 0, used * sizeof(lanes));
		t->now.c[0][i] = i > 0;
		t->released_chunks = 0;
		t->lit_chunks = 0;
		t->heavy_chunks = 0;
		t->sent_chunks = 0;
	}
	memset(&X.sc, 0, used * sizeof(lanes));
	pool_used = 0;
}

static struct msg *msg_new(unsigned chunks)
{
	struct msg *m = (struct msg *)(pool + pool_used);

	pool_used += sizeof(*m) + chunks * sizeof(lanes);
	if (UNLIKELY(pool_used > POOL - 65536))
		model_fail("too many stores: make the scenario smaller");
	m->chunks = (uint8_t)chunks;
	return m;
}

struct msg *memory_first(uint64_t value)
{
	struct msg *m = msg_new(0);

	m->value = value;
	m->older = NULL;
	m->number = 0;
	m->thread = 0;
	m->rmw = false;
	return m;
}

/* The thread has read @m. */
static void take(struct thread *t, struct loc *l, struct msg *m, bool acquire)
{
	int16_t *mine = seen(&t->now, l);

	if (m->number > *mine && X.broken != BREAK_COHERENCE)
		*mine = m->number;
	if (!m->chunks)
		return;
	if ((acquire && X.broken != BREAK_ACQUIRE) || X.broken == BREAK_RELAXED)
		join(t->now.c, m->view, 0, m->chunks);
	else
		join(t->acquired.c, m->view, 0, m->chunks);
}

static bool may_be_stale(void)
{
	return X.broken != BREAK_STALE && (!X.stale || X.stale_reads < X.stale);
}

/*
 * Makes room for a store as number @n of @l: every view that knew number n or a later one goes on
 * knowing it.
 */
static void shift(struct loc *l, int16_t n)
{
	unsigned chunk = 1 + l->id / LANES, lane = l->id % LANES;
	struct view *views[6 * THREADS];
	unsigned nviews = 0;

	views[nviews++] = &X.sc;
	for (unsigned i = 1; i < X.nthreads; i++) {
		struct thread *t = &X.threads[i];

		views[nviews++] = &t->now;
		views[nviews++] = &t->acquired;
		if (t->released_chunks > chunk)
			views[nviews++] = &t->released;
		if (t->lit_chunks > chunk)
			views[nviews++] = &t->lit;
		if (t->heavy_chunks > chunk)
			views[nviews++] = &t->heavy;
		if (t->sent_chunks > chunk)
			views[nviews++] = &t->sent;
		for (unsigned k = 0; k < t->nreads && k < SPIN_READS; k++)
			if (t->reads[k].loc == l && t->reads[k].number >= n)
				t->reads[k].number++;
	}
	for (unsigned i = 0; i < nviews; i++)
		if (views[i]->c[chunk][lane] >= n)
			views[i]->c[chunk][lane]++;
	for (size_t at = 0; at < pool_used;) {
		struct msg *m = (struct msg *)(pool + at);

		if (m->chunks > chunk && m->view[chunk][lane] >= n)
			m->view[chunk][lane]++;
		at += sizeof(*m) + m->chunks * sizeof(lanes);
	}
	for (struct msg *m = l->last; m && m->number >= n; m = m->older)
		m->number++;
	if (l->changed >= n)
		l->changed++;
}

static void memory_write(struct loc *l, uint64_t value)
{
	if (l->size == 8)
		*(uint64_t *)l->addr = value;
	else
		*(uint32_t *)l->addr = (uint32_t)value;
}

/*
 * A new message right before @before (NULL: newest), carrying what @order and @read (of a
 * read-modify-write) give.
 */
static struct msg *put(struct thread *t, struct loc *l, uint64_t value, struct msg *before,
		       unsigned order, struct msg *read)
{
	bool release = (order & MODEL_RELEASE) && X.broken != BREAK_RELEASE;
	lanes *own = release ? t->now.c : t->released.c;
	unsigned n = release ? chunks_used() : t->released_chunks;
	unsigned inherited = read && X.broken != BREAK_RMW_CHAIN ? read->chunks : 0;
	struct msg *m = msg_new(n > inherited ? n : inherited);

	if (n >= inherited) {
		copy(m->view, own, n);
		join(m->view, inherited ? read->view : m->view, 0, inherited);
	} else {
		copy(m->view, read->view, inherited);
		join(m->view, own, 0, n);
	}
	m->value = value;
	m->thread = t->id;
	m->rmw = read != NULL;
	if (!before) {
		m->number = (int16_t)(l->last->number + 1);
		m->older = l->last;
		if (value != l->last->value)
			l->changed = m->number;
		l->last = m;
		memory_write(l, value);
	} else {
		int16_t n_before = before->number;

		m->number = n_before;
		m->older = before->older;
		before->older = m;
		shift(l, n_before);
		m->number = n_before;
	}
	*seen(&t->now, l) = m->number;
	view_tick(t);
	return m;
}

static void note(struct model_site *s, struct loc *l, unsigned what, struct msg *read,
		 struct msg *made)
{
	struct event *e;

	if (LIKELY(!X.tracing))
		return;
	e = trace_event(s, l->addr);
	e->what = (uint8_t)what;
	e->loc = l;
	e->latest = l->last->number;
	if (read) {
		e->read = read->value;
		e->number = read->number;
		e->from = read->thread;
	}
	if (made) {
		e->written = made->value;
		if (!read)
			e->number = made->number;
	}
}

uint64_t model_load(struct model_site *s, void *p, unsigned size)
{
	struct thread *t = X.self;
	struct loc *l;
	struct msg *m;
	int16_t floor;

	sched_point(s, p, ACCESS_READ);
	if (X.phase != RUN) {
		model_check_live(p);
		return size == 8 ? *(uint64_t *)p : *(uint32_t *)p;
	}
	l = place_atomic(p, size);
	place_race_check_atomic(l, t, false);
	m = l->last;
	floor = *seen(&t->now, l);
	if (m->number > floor && may_be_stale()) {
		unsigned back = choose_read((unsigned)(m->number - floor) + 1);

		X.stale_reads += back > 0;
		while (back--)
			m = m->older;
	}
	note(s, l, 1, m, NULL);
	take(t, l, m, s->order & MODEL_ACQUIRE);
	if (X.spins)
		spin_read(t, l, m->value, m->number);
	return m->value;
}

void model_store(struct model_site *s, void *p, unsigned size, uint64_t value)
{
	struct thread *t = X.self;
	struct msg *before = NULL, *m;
	unsigned gaps = 1;
	int16_t floor;
	struct loc *l;

	sched_point(s, p, ACCESS_WRITE);
	if (X.phase != RUN) {
		model_check_live(p);
		if (size == 8)
			*(uint64_t *)p = value;
		else
			*(uint32_t *)p = (uint32_t)value;
		return;
	}
	l = place_atomic(p, size);
	place_race_check_atomic(l, t, true);
	floor = *seen(&t->now, l);
	if (l->last->number > floor && !X.append_only && may_be_stale()) {
		unsigned which;

		for (m = l->last; m->number > floor; m = m->older)
			gaps += !m->rmw;
		which = choose_read(gaps);
		X.stale_reads += which > 0;
		for (m = l->last; which; m = m->older)
			if (!m->rmw && --which == 0)
				before = m;
	}
	m = put(t, l, value, before, s->order, NULL);
	note(s, l, 2, NULL, m);
	t->wrote = true;
}

/*
 * Stores that a read-modify-write may read: the newest, and older ones that no other has followed
 * up.
 */
static bool open_after(struct msg *newer)
{
	return !newer || ((!newer->rmw && !X.append_only) || X.broken == BREAK_RMW);
}

static uint64_t result_of(unsigned kind, uint64_t old, uint64_t x, unsigned size)
{
	uint64_t v = x;

	switch (kind) {
	case MODEL_ADD:
		v = old + x;
		break;
	case MODEL_SUB:
		v = old - x;
		break;
	case MODEL_AND:
		v = old & x;
		break;
	case MODEL_OR:
		v = old | x;
		break;
	}
	return size == 4 ? (uint32_t)v : v;
}

static void rmw_done(struct model_site *s, struct thread *t, struct loc *l, struct msg *read,
		     struct msg *newer, uint64_t value)
{
	struct msg *made;

	take(t, l, read, s->order & MODEL_ACQUIRE);
	made = put(t, l, value, newer, s->order, read);
	note(s, l, 3, read, made);
	if (read->value != value)
		t->wrote = true;
	else if (X.spins)
		spin_read(t, l, value, made->number);
}

static uint64_t raw_rmw(unsigned kind, void *p, unsigned size, uint64_t x)
{
	uint64_t old;

	model_check_live(p);
	old = size == 8 ? *(uint64_t *)p : *(uint32_t *)p;
	if (size == 8)
		*(uint64_t *)p = result_of(kind, old, x, size);
	else
		*(uint32_t *)p = (uint32_t)result_of(kind, old, x, size);
	return old;
}

uint64_t model_rmw(struct model_site *s, void *p, unsigned size, uint64_t operand)
{
	struct thread *t = X.self;
	struct msg *m, *newer = NULL;
	unsigned n = 0, which;
	uint64_t old;
	int16_t floor;
	struct loc *l;

	sched_point(s, p, ACCESS_WRITE);
	if (X.phase != RUN)
		return raw_rmw(s->kind, p, size, operand);
	l = place_atomic(p, size);
	place_race_check_atomic(l, t, true);
	floor = *seen(&t->now, l);
	m = l->last;
	if (m->number > floor && may_be_stale()) {
		for (; m && m->number >= floor; newer = m, m = m->older)
			n += open_after(newer);
		which = choose_read(n);
		X.stale_reads += which > 0;
		for (newer = NULL, m = l->last;; newer = m, m = m->older)
			if (open_after(newer) && which-- == 0)
				break;
	}
	old = m->value;
	rmw_done(s, t, l, m, newer, result_of(s->kind, old, operand, size));
	return old;
}

/* Can the CAS end at @m?  Succeed there, or fail there. */
static bool cas_ends(struct msg *m, struct msg *newer, uint64_t expected)
{
	if (m->value == expected)
		return open_after(newer);
	return !newer || X.broken != BREAK_CAS_FAILURE;
}

bool model_cas(struct model_site *s, void *p, unsigned size, uint64_t *expected, uint64_t desired)
{
	struct thread *t = X.self;
	struct msg *m, *newer = NULL;
	unsigned n = 0, which;
	int16_t floor;
	struct loc *l;

	sched_point(s, p, ACCESS_WRITE);
	if (X.phase != RUN) {
		uint64_t now = size == 8 ? *(uint64_t *)p : *(uint32_t *)p;
		bool same = now == *expected;

		raw_rmw(MODEL_EXCHANGE, p, size, same ? desired : now);
		*expected = now;
		return same;
	}
	l = place_atomic(p, size);
	floor = *seen(&t->now, l);
	m = l->last;
	if (m->number > floor && may_be_stale()) {
		for (; m && m->number >= floor; newer = m, m = m->older)
			n += cas_ends(m, newer, *expected);
		which = choose_read(n);
		X.stale_reads += which > 0;
		for (newer = NULL, m = l->last;; newer = m, m = m->older)
			if (cas_ends(m, newer, *expected) && which-- == 0)
				break;
	}
	place_race_check_atomic(l, t, m->value == *expected);
	if (m->value == *expected) {
		rmw_done(s, t, l, m, newer, desired);
		return true;
	}
	note(s, l, 1 | 4, m, NULL);
	take(t, l, m, s->order & MODEL_ACQUIRE);
	if (X.spins)
		spin_read(t, l, m->value, m->number);
	*expected = m->value;
	return false;
}

void model_plain_written(const volatile void *p, unsigned size)
{
	struct loc *l;

	if (X.phase != RUN)
		return;
	l = place_known(p);
	if (l && l->atomic && size == l->size) {
		uint64_t value =
		    size == 8 ? *(const volatile uint64_t *)p : *(const volatile uint32_t *)p;

		put(X.self, l, value, NULL, MODEL_RELAXED, NULL);
	}
}

uint64_t memory_latest(struct model_site *s, void *p, unsigned size)
{
	struct loc *l;

	sched_point(s, p, ACCESS_ALL);
	if (X.phase != RUN)
		return size == 8 ? *(uint64_t *)p : *(uint32_t *)p;
	l = place_atomic(p, size);
	note(s, l, 1, l->last, NULL);
	take(X.self, l, l->last, false);
	return l->last->value;
}
