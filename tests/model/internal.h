/* SPDX-License-Identifier: MIT */
/*
 * internal.h - what the explorer's files share: views, messages, locations, threads, the search,
 * and the one struct that holds them.
 *
 * Everything is owned by the one real thread; simulated threads are fibers on it.  What is marked
 * [exec] lives for one execution, [search] for one search (a scenario under a bound).
 */
#ifndef MODEL_INTERNAL_H
#define MODEL_INTERNAL_H

#include "explorer.h"
#include "fiber.h"

#include <stdio.h>

#define LIKELY(x) __builtin_expect(!!(x), 1)
#define UNLIKELY(x) __builtin_expect(!!(x), 0)

enum {
	THREADS = 8, /* thread 0 runs setup and check */
	LANES = 8,   /* entries of a view that one vector holds */
	LOCS = 248,  /* locations in one execution */
	CHUNKS = 1 + LOCS / LANES,
	SPIN_READS = 16,   /* locations that one turn of a waiting loop may read */
	SPIN_PATIENCE = 8, /* turns that may see nothing new, when nothing else can run */
	MAX_CHOICES = 1 << 17,
	MAX_CLOCK = 32000,
	MAX_STEPS = 20000,
};

/*
 * Bits set in a mask of threads; without a call, which plain x86-64 needs for __builtin_popcount.
 */
static inline unsigned bits_of(unsigned m)
{
	m -= m >> 1 & 0x55;
	m = (m & 0x33) + (m >> 2 & 0x33);
	return (m + (m >> 4)) & 0x0F;
}

/*
 * What a thread, or a message, knows.  Chunk 0: a vector clock (happens-before): [t] is the last
 * event of thread t that is known.  Chunks 1...: for each location the number of the oldest store
 * that may still be read.  They differ because sequentially consistent fences order memory but are
 * no synchronisation.
 */
typedef int16_t lanes __attribute__((vector_size(2 * LANES)));

struct view {
	lanes c[CHUNKS];
};

/* One store, in its location's modification order. */
struct msg {
	uint64_t value;
	struct msg *older;
	int16_t number; /* place in the modification order; 0: what setup left */
	uint8_t thread;
	bool rmw;       /* nothing may come between it and the older one */
	uint8_t chunks; /* of the view */
	lanes view[];
};

struct loc {
	void *addr;
	struct msg *last;
	uint32_t execution; /* in which it is valid */
	uint8_t id;
	uint8_t size;
	bool atomic;
	bool plain;                    /* plain accesses were made */
	int16_t changed;               /* number of the last store that changed the value */
	int16_t block;                 /* of model_alloc; 0: none */
	int16_t atomic_reads[THREADS]; /* clocks of the last accesses */
	int16_t atomic_writes[THREADS];
	int16_t plain_reads[THREADS];
	int16_t plain_writes[THREADS];
};

struct spin_read {
	struct loc *loc;
	int16_t number;
};

enum sleep_reason { AWAKE, SPINNING, ON_FUTEX, ON_PREDICATE };

struct thread {
	struct fiber fiber;
	uint8_t id;
	bool fresh; /* it was just chosen: its next operation is no scheduling point */
	bool done;
	uint8_t asleep;        /* enum sleep_reason */
	struct model_site *at; /* its current operation */
	struct view now;       /* what its next operation knows */
	struct view acquired;  /* what a fence would add: messages read by relaxed loads */
	struct view released;  /* what its relaxed stores carry: known at its last fence */
	struct view lit;       /* known at its last light fence */
	struct view
	    heavy;        /* what heavy fences of others have brought here for the next light one */
	struct view sent; /* what its heavy fence, under way, brings to others */
	uint8_t released_chunks; /* 0: no fence yet */
	uint8_t lit_chunks;
	uint8_t heavy_chunks;
	uint8_t sent_chunks;
	/* Waiting: a predicate, or the futex word. */
	bool (*pred)(void *);
	void *arg;
	bool woken;
	/* The current turn of a waiting loop, from one spin_hint to the next. */
	struct spin_read reads[SPIN_READS];
	uint8_t nreads; /* SPIN_READS + 1: too many */
	bool wrote;
	bool repeated; /* the last turn read the same values as the one before */
	bool newer;    /* something newer than what the turn read was there to be read */
	uint8_t patience;
	bool impatient;           /* it has used up what it may try without news */
	uint64_t turn, last_turn; /* hashes of what the turns read */
	/*
	 * Fairness (Musuvathi and Qadeer 2008): who must move before this thread may, once it
	 * yields again.
	 */
	uint8_t after, enabled, disabled, scheduled;
	unsigned priority; /* PCT */
};

/*
 * What an operation touches, as far as another thread's operation can tell: two that don't conflict
 * may be exchanged. Loads conflict with writes of the same place, fences with each other (but not
 * light with light or full), waiting and waking with everything.
 */
enum access { ACCESS_READ, ACCESS_WRITE, ACCESS_LIGHT, ACCESS_FULL, ACCESS_HEAVY, ACCESS_ALL };

struct step {
	const void *p;
	uint8_t access;
};

enum phase { SETUP, RUN, CHECK };
enum outcome { PASSED, FAILED, PRUNED, AGAIN };
enum mode { DFS, PCT, REPLAY };

/* Ways to break the explorer itself, each of which its own tests must notice. */
enum broken {
	BREAK_NONE,
	BREAK_SC_FENCE,      /* does nothing */
	BREAK_SC_ONE_WAY,    /* takes from the global view but gives nothing */
	BREAK_ACQUIRE,       /* ignores the message's view */
	BREAK_RELEASE,       /* messages carry no view */
	BREAK_RELAXED,       /* relaxed loads acquire */
	BREAK_COHERENCE,     /* a load doesn't move the thread's view on */
	BREAK_STALE,         /* loads read the latest store only */
	BREAK_RMW,           /* read-modify-writes read any store */
	BREAK_RMW_CHAIN,     /* no release sequence */
	BREAK_CAS_FAILURE,   /* a failed CAS reads the latest only */
	BREAK_APPEND,        /* stores land at the end of the modification order only */
	BREAK_HEAVY,         /* heavy is no more than a fence of its own thread */
	BREAK_LIGHT,         /* a light fence is a full one */
	BREAK_FENCE_ACQUIRE, /* a fence makes nothing of earlier relaxed loads */
	BREAK_FENCE_RELEASE, /* a fence gives later relaxed stores nothing */
	BREAK_SC_CLOCK,      /* fences synchronise by themselves */
	BREAK_RACE,          /* no race check */
	BREAK_LIFETIME,      /* no check of freed memory */
	BREAK_PREEMPT,       /* no preemption */
	BREAK_BACKTRACK,     /* the last alternative of each choice is skipped */
	BREAK_BLOCKED,       /* blocked threads at the end are no failure */
	BREAK_FUTEX,         /* the look at the word and going to sleep are two steps */
	BREAK_REDUCE,        /* takes stores and loads of one place for exchangeable */
	BREAK_HINT, /* waiting loops are never put to sleep */
	BREAK_COUNT
};

struct choice {
	uint8_t taken, n;
};

struct event {
	uint64_t read, written;
	struct loc *loc;
	void *addr;
	struct model_site *site;
	int16_t clock;
	int16_t number, latest; /* of the store read or made */
	uint8_t thread;
	uint8_t from;   /* the thread that made the store read */
	uint8_t what;   /* bits: 1 read, 2 written, 4 failed CAS */
	bool preempted; /* another thread ran before it though this one could */
	char text[44];
};

struct explorer {
	/* [exec] */
	struct thread *self;
	enum phase phase;
	unsigned ready;    /* threads that can run */
	unsigned sleepers; /* threads that wait */
	unsigned yielders; /* threads that yielded */
	unsigned steps, preemptions, stale_reads;
	unsigned nlog;
	struct step log[4 * MAX_STEPS]; /* operations so far */
	unsigned position;              /* in choices */
	uint32_t execution;
	unsigned nlocs;
	struct view sc; /* of all full fences */
	enum outcome outcome;
	char failure[400];
	/* [search] */
	const struct scenario *scenario;
	unsigned nthreads; /* with thread 0 */
	unsigned bound, stale, max_steps;
	bool append_only;
	bool reduce; /* leave out schedules that are equivalent to others */
	unsigned restarts;
	bool spins; /* some thread waits in a loop: note what turns read */
	enum mode mode;
	unsigned depth; /* of choices */
	struct choice choices[MAX_CHOICES];
	unsigned changes[16], nchanges, longest; /* PCT: where priorities fall */
	uint64_t random;
	uint8_t light; /* threads that have made light fences in this search */
	bool tracing;
	enum broken broken;
	struct fiber loop;
	struct thread threads[THREADS];
};

extern struct explorer X;

/* sched.c */
void sched_point(struct model_site *s, const void *p, enum access a);
void sched_between(void);                   /* a scheduling point within an operation */
_Noreturn void sched_leave(enum outcome o); /* back to the search */
void sched_sleep(enum sleep_reason why);
void sched_count(void); /* of operations: a limit to an execution */
void sched_give_way(struct thread *t);
void sched_run(void); /* one execution; returns when it has ended */

/* spin.c */
void spin_read(struct thread *t, struct loc *l, uint64_t value, int16_t number);
bool spin_has_news(const struct thread *t);

/* memory.c */
void memory_reset(void);
struct msg *memory_first(uint64_t value);
uint64_t memory_latest(struct model_site *s, void *p, unsigned size); /* a read of the newest */

/* place.c: addresses, blocks and races */
void place_reset(void);
struct loc *place_known(const volatile void *p); /* NULL: not used yet */
struct loc *place_atomic(void *p, unsigned size);
void place_race_check_atomic(struct loc *l, struct thread *t, bool writes);

/* search.c */
struct result {
	enum outcome outcome;
	uint64_t executions, pruned;
	bool exhausted;
	double seconds;
	char failure[400];
	char replay[8192];
};
struct options {
	int bound;      /* -1: the scenario's */
	double seconds; /* 0: no limit */
	uint64_t pct;   /* executions */
	uint64_t seed;
	unsigned pct_depth;
	const char *replay;
	bool trace;
	bool all; /* don't leave out equivalent schedules */
};
unsigned choose(unsigned n);
unsigned choose_point(unsigned n); /* the same, but kept in the schedule even if n is 1 */
unsigned choose_read(unsigned n);  /* 0: the newest */
void choose_as(unsigned n, unsigned which);
uint64_t random_next(void);
unsigned random_below(unsigned n);
void search_init_signals(void); /* once in each process */
void search_run(const struct scenario *s, const struct options *o, struct result *r);

/* share.c */
void share_reset(void);
bool share_is_private(const void *p, enum access a, unsigned thread);
bool steps_conflict(const struct step *a, const struct step *b);

/* trace.c */
void trace_reset(void);
struct event *trace_event(struct model_site *s, void *addr);
void trace_print(FILE *f);
void trace_find(uint8_t thread, int16_t clock, const void *addr, char *out, size_t size);
const char *trace_file(const char *path);

/* site.c */
const char *site_file(const struct model_site *s);
void sites_clear_reached(void);

#endif
