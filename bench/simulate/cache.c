/* SPDX-License-Identifier: MIT */
/*
 * cache.c - cache lines and membarrier in simulated time, and the operations of base/atomic.h on
 * them.
 *
 * LINES   A line is in the caches of its holders; one of them may be its writer, then it is the
 *         only one.  Who has what it needs pays for a hit, and for the lock.  Else it asks: those
 *         who ask for the same line are served one after the other, in the order of asking.  A
 *         read after a write, and each write, keeps the line for the whole transfer; reads of a
 *         line that nobody changes are served from several copies and keep it for costs.share.
 *         Harsher than a machine: a write waits for its line (there is no store buffer).
 *
 * TIME    A write, and each operation that misses, happens in its core's turn.  A load that hits
 *         may see memory as it was at the core's last turn, costs.ahead earlier at most.  All that
 *         a core sees between two turns it sees as of the first, so the whole is sequentially
 *         consistent, and heavy fences are turns.
 *
 * HEAVY   membarrier interrupts all that run.  costs.barriers: BARRIERS_LOCKED is what Linux does
 *         since 6.8, and the older kernels that are still maintained: a lock, for the whole
 *         machine; BARRIERS_FREE what they did before.  costs.shared: those who want one at once
 *         have one made for all, as thrum__membarrier does (base/barrier.c, the real one).  In line
 *         for it is who waits, but for the time that one takes.
 *
 * Lines are found by address in a table that is never full; else the process ends.
 */
#include "cache.h"

#include "base/assert.h"
#include "base/barrier.h"
#include "engine.h"
#include "model_atomic.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LINE_SHIFT 6
#define LINES (1u << 17)
#define WORDS (CORES_MAX / 64)

struct line {
	uintptr_t number; /* 0: a free place of the table */
	uint64_t holders[WORDS];
	uint64_t free_ns; /* when the next is served */
	int writer;       /* -1: none */
	uint16_t at;      /* how many wait or are served */
	uint8_t place;
};

const char *const place_names[PLACES] = {
    [PLACE_OTHER] = "other",           [PLACE_WORD] = "idle word",   [PLACE_TOPS] = "deque tops",
    [PLACE_BOTTOMS] = "deque bottoms", [PLACE_READY] = "ready ends", [PLACE_INBOX] = "inbox",
    [PLACE_SLEEP] = "poller",          [PLACE_HEAVY] = "membarrier",
};

static struct line lines[LINES];
static unsigned lines_count, cores_on_socket;
static struct place_figures figures[PLACES];
static struct line heavy = {.place = PLACE_HEAVY};
/* As in os.c. */
static struct thrum__barrier membarriers = {.patience = 1000};
static unsigned wanting;                 /* how many are in a heavy fence */
static uint64_t in_kernel_ns[CORES_MAX]; /* of that, in a membarrier of their own */
static const void *watched;
static void (*watcher)(uint64_t value);

static struct line *line_of(const void *p)
{
	uintptr_t number = (uintptr_t)p >> LINE_SHIFT;
	uint64_t i = (number * 0x9E3779B97F4A7C15u) >> 40;

	for (;; i++) {
		struct line *l = &lines[i % LINES];

		if (l->number == number)
			return l;
		if (!l->number) {
			ENSURE(++lines_count < LINES / 2, "more lines than the simulation has");
			*l = (struct line){.number = number, .writer = -1};
			return l;
		}
	}
}

void cache_reset(unsigned workers)
{
	memset(lines, 0, sizeof(lines));
	lines_count = 0;
	heavy.free_ns = 0;
	heavy.at = 0;
	wanting = 0;
	store_relaxed(&membarriers.runs, 0);
	watched = NULL;
	cores_on_socket = (workers + (unsigned)costs.sockets - 1) / (unsigned)costs.sockets;
	cache_forget_figures();
}

void cache_name(const void *p, unsigned bytes, enum place place)
{
	for (unsigned i = 0; i < bytes; i += 1u << LINE_SHIFT)
		line_of((const char *)p + i)->place = (uint8_t)place;
}

void cache_forget_figures(void)
{
	memset(figures, 0, sizeof(figures));
}

const struct place_figures *cache_figures(enum place place)
{
	return &figures[place];
}

void cache_watch(const void *p, void (*changed)(uint64_t value))
{
	watched = p;
	watcher = changed;
}

static bool holds(const struct line *l, unsigned core)
{
	return l->holders[core / 64] >> core % 64 & 1;
}

static unsigned socket_of(unsigned core)
{
	unsigned socket = core / cores_on_socket, last = (unsigned)costs.sockets - 1;

	return socket < last ? socket : last; /* who is no worker is on the last one */
}

/* Must the line, or the word that copies are void, come from another socket? */
static bool is_far(const struct line *l, unsigned core, bool write)
{
	unsigned own = socket_of(core);
	bool near = false, far = false;

	if (costs.sockets == 1)
		return false;
	for (unsigned c = 0; c < CORES_MAX; c++) {
		if (!holds(l, c) || c == core)
			continue;
		if (socket_of(c) == own)
			near = true;
		else
			far = true;
	}
	return write ? far : far && !near;
}

/* Waits in the queue of @l; is served for @serve_ns and keeps it for @keep_ns. */
static void queue_at(struct line *l, uint64_t serve_ns, uint64_t keep_ns)
{
	struct place_figures *f = &figures[l->place];
	uint64_t now = engine_now();
	uint64_t start = l->free_ns > now ? l->free_ns : now;

	f->misses++;
	f->queued_ns += start - now;
	f->moved_ns += serve_ns;
	if (++l->at > f->longest)
		f->longest = l->at;
	l->free_ns = start + keep_ns;
	engine_spend(start + serve_ns - now);
	engine_sync();
	l->at--;
}

/* The running core's access to the line of @p; when it returns the access may be made. */
static void use(const void *p, bool write, uint64_t extra_ns)
{
	unsigned core = (unsigned)engine_self();
	struct line *l = line_of(p);
	uint64_t transfer;
	bool dirty;

	if (!write && holds(l, core)) {
		engine_spend(costs.hit);
		if (engine_ahead() > costs.ahead)
			engine_sync();
		return;
	}
	engine_sync();
	if (holds(l, core) && (!write || l->writer == (int)core)) {
		engine_spend(extra_ns ? extra_ns : costs.hit);
		return;
	}
	transfer = is_far(l, core, write) ? costs.far : costs.near;
	dirty = l->writer >= 0;
	if (write)
		memset(l->holders, 0, sizeof(l->holders));
	l->holders[core / 64] |= UINT64_C(1) << core % 64;
	l->writer = write ? (int)core : -1;
	queue_at(l, transfer + extra_ns, write || dirty ? transfer + extra_ns : costs.share);
}

void cache_locked(void *p)
{
	use(p, true, costs.locked);
}

static uint64_t get(const void *p, unsigned size)
{
	return size == 8 ? *(const uint64_t *)p : *(const uint32_t *)p;
}

static void set(void *p, unsigned size, uint64_t value)
{
	if (size == 8)
		*(uint64_t *)p = value;
	else
		*(uint32_t *)p = (uint32_t)value;
	if (p == watched)
		watcher(value);
}

uint64_t model_load(struct model_site *s, void *p, unsigned size)
{
	(void)s;
	if (engine_self() >= 0)
		use(p, false, 0);
	return get(p, size);
}

void model_store(struct model_site *s, void *p, unsigned size, uint64_t value)
{
	(void)s;
	if (engine_self() >= 0)
		use(p, true, 0);
	set(p, size, value);
}

uint64_t model_rmw(struct model_site *s, void *p, unsigned size, uint64_t operand)
{
	uint64_t old;

	if (engine_self() >= 0)
		cache_locked(p);
	old = get(p, size);
	switch (s->kind) {
	case MODEL_ADD:
		operand = old + operand;
		break;
	case MODEL_SUB:
		operand = old - operand;
		break;
	case MODEL_AND:
		operand &= old;
		break;
	case MODEL_OR:
		operand |= old;
		break;
	default:
		break;
	}
	set(p, size, operand);
	return old;
}

bool model_cas(struct model_site *s, void *p, unsigned size, uint64_t *expected, uint64_t desired)
{
	uint64_t old;

	(void)s;
	if (engine_self() >= 0)
		cache_locked(p);
	old = get(p, size);
	if (old != *expected) {
		*expected = old;
		return false;
	}
	set(p, size, desired);
	return true;
}

static void membarrier(void)
{
	uint64_t begin = engine_now();

	engine_spend(costs.syscall);
	engine_sync();
	queue_at(&heavy, costs.membarrier, costs.barriers == BARRIERS_FREE ? 0 : costs.membarrier);
	engine_interrupt_others(costs.interrupt);
	in_kernel_ns[engine_self()] = engine_now() - begin;
}

/* thrum__membarrier */
static void shared_membarrier(void)
{
	struct place_figures *f = &figures[PLACE_HEAVY];
	uint64_t begin = engine_now();
	int self = engine_self();
	uint64_t waited;

	engine_sync();
	in_kernel_ns[self] = 0;
	if (++wanting > f->longest)
		f->longest = wanting;
	thrum__barrier_pass(&membarriers, membarrier);
	engine_sync();
	wanting--;
	waited = engine_now() - begin - in_kernel_ns[self];
	if (!in_kernel_ns[self]) {
		uint64_t served = waited < costs.membarrier ? waited : costs.membarrier;

		f->moved_ns += served;
		waited -= served;
	}
	f->queued_ns += waited;
}

void model_fence(struct model_site *s)
{
	if (engine_self() < 0 || s->declared == MODEL_LIGHT)
		return;
	if (s->declared != MODEL_HEAVY)
		engine_spend(costs.locked);
	else if (costs.shared)
		shared_membarrier();
	else
		membarrier();
}

void model_hint(struct model_site *s)
{
	(void)s;
	engine_spend(costs.pause);
}

void model_plain(struct model_site *s, const volatile void *p, unsigned size)
{
	(void)s;
	(void)p;
	(void)size;
}

void model_plain_written(const volatile void *p, unsigned size)
{
	(void)p;
	(void)size;
}

/* For slots.c. */
void *thrum__os_alloc(size_t size);
void thrum__os_free(void *p);

void *thrum__os_alloc(size_t size)
{
	void *p;

	ENSURE(posix_memalign(&p, 1u << LINE_SHIFT, size) == 0, "no memory for the simulation");
	return p;
}

void thrum__os_free(void *p)
{
	free(p);
}
