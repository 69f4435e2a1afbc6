/* SPDX-License-Identifier: MIT */
/*
 * WHAT    The table of descriptors: number -> two edges to wait at, a count of the calls inside,
 *         and what the poller has been told.  It makes three things right: a close that meets
 *         pending calls, a number that is used again, and one watch instead of one for each wait.
 *         Rejected: watching at open (most descriptors never block); forgetting entries at close
 *         (somebody may be about to raise them); a lock for each descriptor (a worker in a call
 *         would stop the one who dispatches).
 *
 * WORD    users  31       30 ... 0
 *                CLOSING  calls inside
 *         watch  31 ... 4    3        2     1        0
 *                generation  CHECKED  SEEN  TRUSTED  WATCHED
 *         tag (to and from the poller)   63 ... 32   31 ... 0
 *                                        generation  number
 *
 * STATES  of a number: open(g): calls come and go.  CLOSING(g): they only go.  Then open(g + 1).
 *         TRUSTED: made by the library, which closes it too, so WATCHED lasts.  Not TRUSTED: it may
 *         have been closed and the number used again by anybody at any time; the poller is told
 *         before each wait (and says mostly that it knows).
 *         SEEN, CHECKED: trust may be misplaced (somebody called close(2)), and a wait that relied
 *         on it would be for ever.  So the monitor comes by now and then (verify): what it has
 *         seen before, with no watch since, it puts in again, and is CHECKED until the next watch.
 *         A wait is put in again once, if it lasts; one that does not costs no system call.  If
 *         the poller did not have it, those who wait are raised, and nothing is trusted any more
 *         that is made from then on.
 *
 * MOVES   T1 chunk: none -> made                   enter, made, close_begin
 *         T2 open(u) -> open(u + 1)                enter
 *         T3 u -> u - 1                            leave; CLOSING and the last: raises drained
 *         T4 open(u) -> CLOSING(u)                 close_begin; raises in and out
 *         T5 CLOSING(0) -> open(0)                 close_finish, after T6
 *         T6 (g, any) -> (g + 1)                   close_finish
 *         T7 (g, any) -> (g + 1, TRUSTED)          made, while the table trusts; without: opened
 *         T8 (g) -> (g, WATCHED)                   watch, after the poller took the tag of g; and
 *                                                  CHECKED, if not TRUSTED: it asks each time
 *         T9 (g) -> (g + 1), TRUSTED stays         watch, when the poller would not; raises both
 *         T10 (g, TRUSTED) -> (g)                  distrust
 *         T11 (g, WATCHED) -> (.., SEEN)           verify
 *         T12 (g, WATCHED, SEEN) -> (.., CHECKED)  verify, then it asks the poller; or without SEEN
 *         T13 (g, SEEN, CHECKED) -> (g)            watch, when TRUSTED
 *         T14 (g) -> (g + 1)                       verify, when the poller did not have it; raises
 *                                                  both; TRUSTED stays if it is not g any more
 *         of a chunk, restless: T15 -> 1           watch, after T8 and T13; verify, at its end
 *                               T16 -> 0           verify, before it looks at the chunk
 *
 * OWNERS  users, watch: all, by read-modify-write; T5 stores, by the closer alone.  kind, empty:
 *         all, hints.  The edges: all.
 *
 * CALLERS enter, leave, watch, made, known, close_begin, dispatch: any number, beside each other.
 *         is_drained, close_finish, close_end: the one whose close_begin said 0.  verify: one at a
 *         time.  fini: alone.
 *
 * ORDER   O1 release at T1 (the chunk) pairs with O2 acquire of who finds it.
 *         O3 release at T3 (what the call did) pairs with O4 acquire in is_drained: closing comes
 *            after it.
 *         O5 release at T5 (T6, kind) pairs with O6 acquire at T2: the next use finds nothing old.
 *         O7 release at T15 in watch pairs with O8 acquire at T16: who takes the note finds what it
 *            is of.
 *         T4 orders nothing: the raises after it carry the bit to those who wait (edge.c: O1, O3).
 *         T6 to T14 order nothing, nor do looks at watch: whoever has a number's new life has it
 *         from the kernel, which hands on what was done before; and an event comes to dispatch
 *         after the watch that was told its tag (the poller's own locks), so that dispatch finds
 *         the chunk, and reads this generation or a later one.
 *         Weaker O1: an edge is garbage.  Weaker O3: the number is closed under a call.  Weaker O5:
 *         a call takes the old life's watch for its own and waits for ever.  Weaker O7: verify
 *         takes the note and finds nothing, and the wait is not looked at again.
 *
 * INVARIANT I1 between close_begin and close_finish nobody enters.  I2 when is_drained has said
 *         true nobody is inside.  I3 WATCHED(g): the poller took a tag of g for this number while g
 *         was its generation.  I4 when watch has returned 0 and as long as the generation stays,
 *         the poller reports what is under the number with a tag of that generation, or will, once
 *         those who are still in watch have left it; if TRUSTED was misplaced, once verify has
 *         asked for it.  I5 the chunk of what is WATCHED and not CHECKED is restless, or its note
 *         is on its way (a watch or a verify has not returned).
 *
 * PROOF   T2 is a CAS from a word without CLOSING, which only T5 clears: I1.  While CLOSING, users
 *         only falls, so CLOSING(0) stays: I2.  The last to leave raises drained after T3; a closer
 *         that reads its tick and then finds somebody inside will be fired.  A waiter that read its
 *         edge's tick before T4's raise is fired by it, one that read it later sees CLOSING.  T5
 *         comes before the kernel's close, after which the number may be anybody's; a call that
 *         begins between the two finds the file still there and may wait for it: close_end raises
 *         its edge, and it finds -EBADF or the next file, as with a close that it lost to.
 *         I4: a watch may find (-EEXIST) what another, or an earlier life, has put there.  WATCHED
 *         of this generation: its tag is right (I3).  If not, the tag may be an old one (a
 *         descriptor that was closed here lived on under another number and came back, or a call
 *         that was inside when the number changed hands was slow): it is taken out and put in
 *         again.  The poller reports at once what is ready, so nothing is lost between.  After
 *         putting in, watch looks at the generation again (T8); if it has changed, the tag that was
 *         put in is corrected before watch returns.  If that fails, T9 makes everybody who waits
 *         try again and ask for himself, and by its new generation also who has just put in and is
 *         before T8.  So a slow watch may spoil a newer one, but not for good.  The looks suffice:
 *         the poller's calls are one after another, a number's new life begins before its first
 *         watch, and so of two watches the later one sees it.
 *         Misplaced trust: a watch that relied on it (T13, or saw neither SEEN nor CHECKED) comes
 *         after the close and the opening, which come after any verify that asked the poller
 *         before; so a CHECKED of such a verify would be seen and taken off, and the entry is not
 *         CHECKED.  With I5 the next verify but one, or one of all, asks the poller.  T12 comes
 *         before the asking: who clears it between is asked for again.  If the poller took it, it
 *         is taken out again, or what is there by then: T14 and the raises after it let all who
 *         rely on either ask anew, and a watch that is before T8 too.  I5: a watch notes after its
 *         move (T15); a verify that took the note before has not looked yet, or leaves it for the
 *         next.
 *         A stale event that passes dispatch's look wakes somebody for nothing; that is allowed.
 *         enter, leave, made, close_begin, dispatch are lock-free: a CAS fails only because another
 *         moved.  So is watch, but for the poller: -EEXIST after taking out means another's watch.
 *
 * RECLAIM Chunks stay until fini, so an edge may be raised however late.  A generation has 28 bits:
 *         an event would have to be 2^28 lives late to be taken for a new one.
 *
 * TEST    tests/model/scen_descriptor.c, scen_descriptor_trust.c; tests/unit/test_descriptor.c,
 *         test_misplaced.c
 */
#include "poll/descriptor.h"

#include "base/assert.h"
#include "base/os.h"
#include "base/os_fault.h"

#include <errno.h>
#include <stddef.h>

/* ThreadSanitizer takes a call on a number for an access to it, with which a close by somebody else
 * races.  Who verifies asks the kernel for just that. */
#if THREAD_SANITIZED
void AnnotateIgnoreReadsBegin(const char *file, int line);
void AnnotateIgnoreReadsEnd(const char *file, int line);
#define TSAN_LOOKS_AWAY() AnnotateIgnoreReadsBegin(__FILE__, __LINE__)
#define TSAN_LOOKS() AnnotateIgnoreReadsEnd(__FILE__, __LINE__)
#else
#define TSAN_LOOKS_AWAY() ((void)0)
#define TSAN_LOOKS() ((void)0)
#endif

#define CLOSING THRUM__FD_CLOSING
#define WATCHED 1u
#define TRUSTED THRUM__FD_TRUSTED
#define SEEN 4u
#define CHECKED 8u
#define GENERATION 16u /* one of them */

struct chunk {
	struct thrum__descriptor descriptors[THRUM__FD_CHUNK];
	struct atomic32 restless; /* verify has something to do here */
};

_Static_assert(sizeof(struct thrum__descriptor) == CACHE_LINE, "a descriptor is a cache line");

static uint32_t generation_of(uint64_t watch)
{
	return (uint32_t)watch / GENERATION;
}

static uint64_t tag_of(int fd, uint32_t watch)
{
	return (uint32_t)fd | (uint64_t)generation_of(watch) << 32;
}

void thrum__descriptors_init(struct thrum__descriptors *ds, struct thrum__poller *poller)
{
	ds->poller = poller;
	store_relaxed(&ds->watching, 0);
	store_relaxed(&ds->trusts, 0);
	store_relaxed(&ds->chunks_end, 0);
	for (int i = 0; i < THRUM__FD_CHUNKS; i++)
		store_relaxed(&ds->chunks[i], NULL);
}

void thrum__descriptors_fini(struct thrum__descriptors *ds)
{
	for (int i = 0; i < THRUM__FD_CHUNKS; i++)
		thrum__os_free(load_relaxed(&ds->chunks[i]));
}

static struct chunk *make_chunk(void)
{
	struct chunk *c = thrum__os_alloc_aligned(CACHE_LINE, sizeof(*c));

	if (!c)
		return NULL;
	store_relaxed(&c->restless, 0);
	for (int i = 0; i < THRUM__FD_CHUNK; i++) {
		struct thrum__descriptor *d = &c->descriptors[i];

		thrum__edge_init(&d->in);
		thrum__edge_init(&d->out);
		thrum__edge_init(&d->drained);
		store_relaxed(&d->users, 0);
		store_relaxed(&d->watch, 0);
		store_relaxed(&d->kind, THRUM__FD_UNKNOWN);
		store_relaxed(&d->empty, 0);
	}
	return c;
}

static void chunk_was_made(struct thrum__descriptors *ds, uint32_t i)
{
	uint32_t end = load_relaxed(&ds->chunks_end);

	while (end <= i && !cas_relaxed(&ds->chunks_end, &end, i + 1))
		;
}

static struct chunk *chunk_at(struct thrum__descriptors *ds, unsigned i)
{
	return load_acquire(&ds->chunks[i]); /* O2 */
}

struct thrum__descriptor *thrum__descriptor_known(struct thrum__descriptors *ds, int fd)
{
	unsigned i = (unsigned)fd / THRUM__FD_CHUNK;
	struct chunk *c = i < THRUM__FD_CHUNKS ? chunk_at(ds, i) : NULL;

	return c ? &c->descriptors[(unsigned)fd % THRUM__FD_CHUNK] : NULL;
}

/* -EBADF, -ENOMEM. */
static int find(struct thrum__descriptors *ds, int fd, struct thrum__descriptor **out)
{
	struct atomicptr *slot;
	struct chunk *c;
	void *there;

	*out = NULL;
	if (fd < 0 || fd / THRUM__FD_CHUNK >= THRUM__FD_CHUNKS)
		return -EBADF;
	slot = &ds->chunks[fd / THRUM__FD_CHUNK];
	there = load_acquire(slot); /* O2 */
	if (UNLIKELY(!there)) {
		c = make_chunk();
		if (!c)
			return -ENOMEM;
		if (cas_acq_rel(slot, &there, (void *)c)) /* T1; O1, O2 on failure */
			there = c;
		else
			thrum__os_free(c);
		chunk_was_made(ds, (uint32_t)fd / THRUM__FD_CHUNK);
	}
	c = there;
	*out = &c->descriptors[fd % THRUM__FD_CHUNK];
	return 0;
}

int thrum__descriptor_enter(struct thrum__descriptors *ds, int fd, struct thrum__descriptor **out)
{
	struct thrum__descriptor *d = thrum__descriptor_known(ds, fd);
	uint32_t u;

	if (UNLIKELY(!d)) {
		int err = find(ds, fd, &d);

		if (err)
			return err;
	}
	*out = d;
	u = load_relaxed(&d->users);
	do {
		if (UNLIKELY(u & CLOSING))
			return -EBADF;
	} while (!cas_acquire(&d->users, &u, u + 1)); /* T2; O6 */
	return 0;
}

void thrum__descriptor_leave(struct thrum__descriptor *d)
{
	uint32_t u = fetch_sub_release(&d->users, 1); /* T3; O3 */

	ENSURE(u & ~CLOSING, "a descriptor is left once for each time it was entered");
	if (u == (CLOSING | 1))
		thrum__edge_raise(&d->drained);
}

static void raise_both(struct thrum__descriptor *d)
{
	thrum__edge_raise(&d->in);
	thrum__edge_raise(&d->out);
}

/* Tells the poller @w's generation.  @sure: what it has of the number is of that generation, if
 * anything.  0; -EEXIST: somebody else has told it something meanwhile; -errno. */
static int put_in(struct thrum__poller *p, int fd, uint32_t w, bool sure)
{
	int err = p->ops->watch(p, fd, tag_of(fd, w));

	if (err != -EEXIST)
		return err;
	if (sure)
		return 0;
	p->ops->unwatch(p, fd);
	return p->ops->watch(p, fd, tag_of(fd, w));
}

/* What is known of the number's watch is void: of the flags, only @kept stay. */
static void next_generation(struct thrum__descriptor *d, uint32_t kept, uint32_t trusted)
{
	uint32_t w = load_relaxed(&d->watch), next;

	do {
		next = generation_of(w) * GENERATION + GENERATION + (w & kept) + trusted;
	} while (!cas_relaxed(&d->watch, &w, next)); /* T6, T7, T9 */
}

/* It may have been taken out: who relies on it has to look again, and to hear the error itself; who
 * has just put it in, too. */
static int watch_failed(struct thrum__descriptor *d, int err)
{
	next_generation(d, TRUSTED, 0);
	raise_both(d);
	return err;
}

/* The watch that there is may be misplaced: verify is to have a look, if the wait lasts. */
static void note(struct thrum__descriptors *ds, int fd)
{
	struct chunk *c = chunk_at(ds, (unsigned)fd / THRUM__FD_CHUNK);

	fetch_or_release(&c->restless, 1); /* T15; O7 */
}

static int rely(struct thrum__descriptors *ds, struct thrum__descriptor *d, int fd)
{
	fetch_and_relaxed(&d->watch, ~(SEEN | CHECKED)); /* T13 */
	note(ds, fd);
	return 0;
}

/* Asks the poller. */
static NOINLINE int watch_anew(struct thrum__descriptors *ds, struct thrum__descriptor *d, int fd,
			       uint32_t w)
{
	bool sure = w & WATCHED;
	uint32_t told, next;

	for (;;) {
		int err = put_in(ds->poller, fd, w, sure);

		if (err && err != -EEXIST)
			return watch_failed(d, err);
		if (err) {
			w = load_relaxed(&d->watch);
			sure = w & WATCHED;
			continue;
		}
		told = generation_of(w);
		next = w | WATCHED | (w & TRUSTED ? 0 : CHECKED);
		if (cas_relaxed(&d->watch, &w, next)) /* T8 */
			break;
		if (generation_of(w) == told)
			break;
		sure = false;
	}
	if (w & TRUSTED)
		note(ds, fd);
	return 0;
}

int thrum__descriptor_watch(struct thrum__descriptors *ds, struct thrum__descriptor *d, int fd)
{
	const uint32_t relied = WATCHED | TRUSTED;
	uint32_t w = load_relaxed(&d->watch);

	if (LIKELY((w & (relied | SEEN | CHECKED)) == relied))
		return 0;
	if ((w & relied) == relied)
		return rely(ds, d, fd);
	if (!load_relaxed(&ds->watching))
		store_relaxed(&ds->watching, 1);
	return watch_anew(ds, d, fd, w);
}

/* A new life of the number. */
static void begin_life(struct thrum__descriptor *d, uint32_t trusted)
{
	store_relaxed(&d->kind, THRUM__FD_UNKNOWN);
	store_relaxed(&d->empty, 0);
	next_generation(d, 0, trusted);
}

static void distrust(struct thrum__descriptor *d)
{
	fetch_and_relaxed(&d->watch, ~TRUSTED); /* T10 */
	store_relaxed(&d->empty, 0);
}

void thrum__descriptors_distrust(struct thrum__descriptors *ds)
{
	for (int i = 0; i < THRUM__FD_CHUNKS; i++) {
		struct chunk *c = chunk_at(ds, (unsigned)i);

		for (int k = 0; c && k < THRUM__FD_CHUNK; k++)
			distrust(&c->descriptors[k]);
	}
}

void thrum__descriptor_opened(struct thrum__descriptors *ds, int fd)
{
	struct thrum__descriptor *d;

	if (!find(ds, fd, &d))
		begin_life(d, 0);
}

void thrum__descriptor_made(struct thrum__descriptors *ds, int fd)
{
	struct thrum__descriptor *d;

	if (!find(ds, fd, &d))
		begin_life(d, load_relaxed(&ds->trusts) ? TRUSTED : 0);
}

void thrum__descriptors_trust(struct thrum__descriptors *ds)
{
	store_relaxed(&ds->trusts, 1);
}

/* The poller did not have what it was told of in @w's time.  What it has been told now is taken
 * out: it may be a file that the library has nothing to do with. */
static void misplaced(struct thrum__descriptors *ds, struct thrum__descriptor *d, int fd,
		      uint32_t w)
{
	bool is_now = generation_of(load_relaxed(&d->watch)) == generation_of(w);

	TSAN_LOOKS_AWAY();
	ds->poller->ops->unwatch(ds->poller, fd);
	TSAN_LOOKS();
	if (is_now) {
		store_relaxed(&d->empty, 0);
		if (w & TRUSTED)
			store_relaxed(&ds->trusts, 0);
	}
	next_generation(d, is_now ? 0 : TRUSTED, 0); /* T14 */
	raise_both(d);
}

/* True: it is to be looked at again. */
static bool verify_one(struct thrum__descriptors *ds, struct thrum__descriptor *d, int fd, bool all)
{
	uint32_t w = load_relaxed(&d->watch);
	int err;

	if (!(w & WATCHED) || w & CHECKED)
		return false;
	if (!(w & SEEN) && !all) {
		(void)cas_relaxed(&d->watch, &w, w | SEEN); /* T11 */
		return true;
	}
	if (!cas_relaxed(&d->watch, &w, w | CHECKED)) /* T12 */
		return true;
	TSAN_LOOKS_AWAY();
	err = ds->poller->ops->watch(ds->poller, fd, tag_of(fd, w));
	TSAN_LOOKS();
	if (err != -EEXIST)
		misplaced(ds, d, fd, w);
	return false;
}

void thrum__descriptors_verify(struct thrum__descriptors *ds, bool all)
{
	if (!load_relaxed(&ds->watching))
		return;
	for (int i = 0; i < (int)load_relaxed(&ds->chunks_end); i++) {
		struct chunk *c = chunk_at(ds, (unsigned)i);
		bool again = false;

		if (!c || !load_relaxed(&c->restless))
			continue;
		exchange_acquire(&c->restless, 0); /* T16; O8 */
		for (int k = 0; k < THRUM__FD_CHUNK; k++)
			again |= verify_one(ds, &c->descriptors[k], i * THRUM__FD_CHUNK + k, all);
		if (again)
			fetch_or_relaxed(&c->restless, 1); /* T15 */
	}
}

int thrum__descriptor_close_begin(struct thrum__descriptors *ds, int fd,
				  struct thrum__descriptor **out)
{
	int err = find(ds, fd, out);

	if (err)
		return err == -ENOMEM ? 0 : err;
	if (fetch_or_relaxed(&(*out)->users, CLOSING) & CLOSING) /* T4 */
		return -EBADF;
	raise_both(*out);
	return 0;
}

bool thrum__descriptor_is_drained(const struct thrum__descriptor *d)
{
	return load_acquire(&d->users) == CLOSING; /* O4 */
}

void thrum__descriptor_close_finish(struct thrum__descriptor *d)
{
	ENSURE(load_relaxed(&d->users) == CLOSING, "a descriptor closes when nobody is inside");
	begin_life(d, 0);
	store_release(&d->users, 0); /* T5; O5 */
}

void thrum__descriptor_close_end(struct thrum__descriptor *d)
{
	raise_both(d);
}

static void dispatch_one(struct thrum__descriptors *ds, const struct thrum__poll_event *e)
{
	struct chunk *c = chunk_at(ds, (uint32_t)e->tag / THRUM__FD_CHUNK);
	struct thrum__descriptor *d = &c->descriptors[(uint32_t)e->tag % THRUM__FD_CHUNK];

	if (generation_of(load_relaxed(&d->watch)) != e->tag >> 32)
		return;
	if (e->ready & THRUM__READY_MORE) /* before the raise: who reads its tick sees it */
		store_relaxed(&d->empty, THRUM__FD_NEVER_EMPTY);
	if (e->ready & (THRUM__READY_IN | THRUM__READY_ERROR))
		thrum__edge_raise(&d->in);
	if (e->ready & (THRUM__READY_OUT | THRUM__READY_ERROR))
		thrum__edge_raise(&d->out);
}

void thrum__descriptors_dispatch(struct thrum__descriptors *ds,
				 const struct thrum__poll_event *events, int n)
{
	for (int i = 0; i < n; i++)
		dispatch_one(ds, &events[i]);
}
