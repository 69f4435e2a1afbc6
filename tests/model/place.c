/* SPDX-License-Identifier: MIT */
/*
 * place.c - addresses: which location an address is, which piece of model_alloc it lies in, and the
 * race checks.
 *
 * A location is made at its first operation in an execution, with the value that memory holds
 * then.  Memory always holds the newest value, so setup and check may look at it directly; a value
 * that changes otherwise while threads run is reported.  Races are found by vector clocks: for each
 * location the last access of each kind by each thread, and an access races with those its thread
 * does not know.
 */
#include "internal.h"

#include <string.h>

enum { SLOTS = 1024, ARENA = 256 * 1024, GRAIN = 16, BLOCKS = 1024 };

struct slot {
	void *addr;
	struct loc *loc;
	uint32_t execution;
};

struct block {
	char *start;
	uint32_t size;
	uint8_t by; /* the thread that allocated it, and when */
	int16_t clock;
	bool freed;
	struct model_site *freed_at;
	int16_t accesses[THREADS]; /* the last of each thread */
};

static struct slot slots[SLOTS];
static struct loc locs[LOCS * 2];
static unsigned nplaces;
static char arena[ARENA] __attribute__((aligned(64)));
static uint16_t block_of[ARENA / GRAIN];
static struct block blocks[BLOCKS];
static unsigned nblocks, arena_used;

static struct model_site alloc_site = {"", "", "model_alloc", 0, MODEL_OTHER, 0, 0, false};
static struct model_site free_site = {"", "", "model_free", 0, MODEL_OTHER, 0, 0, false};

void place_reset(void)
{
	memset(block_of, 0, (arena_used + GRAIN - 1) / GRAIN * sizeof(block_of[0]));
	nblocks = 0;
	arena_used = 0;
	nplaces = 0;
	X.nlocs = 0;
}

static int16_t clock_of(struct thread *t)
{
	return t->now.c[0][t->id];
}

static bool knows(struct thread *t, unsigned other, int16_t clock)
{
	return t->now.c[0][other] >= clock;
}

static _Noreturn void race_fail(const char *what, unsigned other, int16_t clock, const void *addr)
{
	char where[200];

	trace_find((uint8_t)other, clock, addr, where, sizeof(where));
	model_fail("data race: %s by T%d at %s:%d, and %s by T%d not ordered before it", what,
		   X.self->id - 1, site_file(X.self->at), X.self->at->line, where, (int)other - 1);
}

static struct block *block_at(const volatile void *p)
{
	size_t at = (size_t)((const volatile char *)p - arena);

	return at < ARENA ? &blocks[block_of[at / GRAIN]] : NULL;
}

static void block_access(struct block *b, struct thread *t)
{
	if (b == &blocks[0] || (b->freed && X.broken != BREAK_LIFETIME)) {
		if (b->freed && b != &blocks[0])
			model_fail("use after free: %s at %s:%d, freed at %s:%d", t->at->op,
				   site_file(t->at), t->at->line, site_file(b->freed_at),
				   b->freed_at->line);
		if (b == &blocks[0])
			model_fail("access outside every allocation: %s at %s:%d", t->at->op,
				   site_file(t->at), t->at->line);
	}
	if (X.phase != RUN)
		return;
	if (!knows(t, b->by, b->clock) && X.broken != BREAK_RACE)
		race_fail("use", b->by, b->clock, b->start);
	b->accesses[t->id] = clock_of(t);
}

static struct loc *place_new(struct slot *s, void *p)
{
	struct loc *l;

	if (nplaces == LOCS * 2)
		model_fail("more than %d locations: make the scenario smaller", LOCS * 2);
	l = &locs[nplaces++];
	memset(l, 0, sizeof(*l));
	l->addr = p;
	s->addr = p;
	s->loc = l;
	s->execution = X.execution;
	return l;
}

static struct loc *place_of(const volatile void *p)
{
	uintptr_t a = (uintptr_t)p;
	unsigned h = (unsigned)((a >> 2) ^ (a >> 10)) & (SLOTS - 1);
	struct block *b = block_at(p);

	if (b)
		block_access(b, X.self);
	for (;; h = (h + 1) & (SLOTS - 1)) {
		struct slot *s = &slots[h];

		if (s->execution != X.execution)
			return place_new(s, (void *)a);
		if (s->addr == p)
			return s->loc;
	}
}

struct loc *place_known(const volatile void *p)
{
	uintptr_t a = (uintptr_t)p;
	unsigned h = (unsigned)((a >> 2) ^ (a >> 10)) & (SLOTS - 1);

	for (; slots[h].execution == X.execution; h = (h + 1) & (SLOTS - 1))
		if (slots[h].addr == p)
			return slots[h].loc;
	return NULL;
}

static uint64_t raw_read(const void *p, unsigned size)
{
	return size == 8 ? *(const uint64_t *)p : *(const uint32_t *)p;
}

struct loc *place_atomic(void *p, unsigned size)
{
	struct loc *l = place_of(p);

	if (UNLIKELY(!l->atomic)) {
		if (X.nlocs == LOCS)
			model_fail("more than %d atomic locations: make the scenario smaller",
				   LOCS);
		if (size != 4 && size != 8)
			model_fail("an atomic of %u bytes", size);
		l->atomic = true;
		l->size = (uint8_t)size;
		l->id = (uint8_t)X.nlocs++;
		l->last = memory_first(raw_read(p, size));
	}
	if (UNLIKELY(l->size != size))
		model_fail("%p is used as an atomic of %u and of %u bytes", p, l->size, size);
	if (UNLIKELY(l->last->value != raw_read(p, size)))
		model_fail("an atomic changed other than through atomic.h; seen at %s:%d",
			   site_file(X.self->at), X.self->at->line);
	return l;
}

static void check_against(const int16_t *clocks, struct thread *t, const char *what, struct loc *l)
{
	if (X.broken == BREAK_RACE)
		return;
	for (unsigned i = 1; i < X.nthreads; i++)
		if (i != t->id && clocks[i] && !knows(t, i, clocks[i]))
			race_fail(what, i, clocks[i], l->addr);
}

void place_race_check_atomic(struct loc *l, struct thread *t, bool writes)
{
	if (UNLIKELY(l->plain)) {
		check_against(l->plain_writes, t, writes ? "atomic write" : "atomic read", l);
		if (writes)
			check_against(l->plain_reads, t, "atomic write", l);
	}
	if (writes)
		l->atomic_writes[t->id] = clock_of(t);
	else
		l->atomic_reads[t->id] = clock_of(t);
}

void model_plain(struct model_site *s, const volatile void *p, unsigned size)
{
	struct thread *t = X.self;
	bool writes = s->kind == MODEL_PLAIN_WRITE;
	struct loc *l;

	(void)size;
	t->at = s;
	if (X.phase != RUN) {
		struct block *b = block_at(p);

		if (b)
			block_access(b, t);
		return;
	}
	s->reached = true;
	l = place_of(p);
	l->plain = true;
	if (UNLIKELY(X.tracing))
		trace_event(s, l->addr)->what = 0;
	check_against(l->plain_writes, t, writes ? "write" : "read", l);
	check_against(l->atomic_writes, t, writes ? "write" : "read", l);
	if (writes) {
		check_against(l->plain_reads, t, "write", l);
		check_against(l->atomic_reads, t, "write", l);
		l->plain_writes[t->id] = clock_of(t);
	} else {
		l->plain_reads[t->id] = clock_of(t);
	}
}

void *model_alloc(size_t size)
{
	unsigned grains =
	    (unsigned)((size + GRAIN - 1) / GRAIN) + 1; /* one stays between two pieces */
	uint16_t number = (uint16_t)(nblocks + 1);
	struct block *b;

	arena_used = (arena_used + 63) & ~63u;
	if (size > ARENA / 2 || arena_used + grains * GRAIN > ARENA || nblocks + 1 == BLOCKS)
		model_fail("out of memory: make the scenario smaller");
	b = &blocks[++nblocks];
	memset(b, 0, sizeof(*b));
	b->start = arena + arena_used;
	b->size = (uint32_t)size;
	b->by = X.self->id;
	b->clock = clock_of(X.self);
	for (uint16_t *in = &block_of[arena_used / GRAIN], *end = in + grains - 1; in < end; in++)
		*in = number;
	memset(b->start, 0xA5, size);
	arena_used += grains * GRAIN;
	if (UNLIKELY(X.tracing) && X.phase == RUN)
		trace_event(&alloc_site, b->start)->what = 0;
	return b->start;
}

void model_free(void *p)
{
	struct block *b = block_at(p);
	struct thread *t = X.self;

	if (!p)
		return;
	t->at = &free_site;
	if (UNLIKELY(X.tracing) && X.phase == RUN)
		trace_event(&free_site, p)->what = 0;
	if (!b || b == &blocks[0] || b->start != p)
		model_fail("model_free of what model_alloc did not give");
	if (b->freed)
		model_fail("second free of the same memory");
	if (X.phase == RUN)
		check_against(b->accesses, t, "free", &(struct loc){.addr = p});
	if (X.phase == RUN && !knows(t, b->by, b->clock) && X.broken != BREAK_RACE)
		race_fail("free", b->by, b->clock, p);
	b->freed = true;
	b->freed_at = t->at;
}

unsigned model_live(void)
{
	unsigned n = 0;

	for (unsigned i = 1; i <= nblocks; i++)
		n += !blocks[i].freed;
	return n;
}

void model_check_live(const void *p)
{
	struct block *b = block_at(p);

	if (b)
		block_access(b, X.self);
}
