/* SPDX-License-Identifier: MIT */
/*
 * scen_selftest.c - the explorer's own scenarios: small algorithms that are right, and the same
 * ones broken, which must be found.  `model --self` also runs them in an explorer that is broken
 * itself.
 */
#include "explorer.h"

static struct atomic32 x, y;
static struct atomicptr top;
static struct model_event event;
static unsigned r0, r1;
static int data;
static unsigned count;

static void zero(void)
{
	store_relaxed(&x, 0);
	store_relaxed(&y, 0);
	store_relaxed(&top, NULL);
	model_event_init(&event);
	r0 = r1 = 9;
	data = 0;
	count = 0;
	model_name(&x, "x");
	model_name(&y, "y");
	model_name(&top, "top");
	model_name(&data, "data");
}

/* Dekker: each announces itself, then looks for the other. */

static void dekker_light(void)
{
	store_relaxed(&x, 1);
	fence_light();
	r0 = load_relaxed(&y);
}

static void dekker_heavy(void)
{
	store_relaxed(&y, 1);
	fence_heavy();
	r1 = load_relaxed(&x);
}

static void dekker_full(void)
{
	store_relaxed(&y, 1);
	fence_seq_cst();
	r1 = load_relaxed(&x);
}

static void dekker_bare(void)
{
	store_relaxed(&y, 1);
	r1 = load_relaxed(&x);
}

static void dekker_check(void)
{
	model_assert(r0 || r1);
}

SCENARIO(self_dekker, .setup = zero, .thread = {dekker_light, dekker_heavy}, .check = dekker_check,
	 .bound = 9, .min_executions = 10);
SCENARIO(self_dekker_light_full, .setup = zero, .thread = {dekker_light, dekker_full},
	 .check = dekker_check, .expect = "r0 || r1");
SCENARIO(self_dekker_bare, .setup = zero, .thread = {dekker_light, dekker_bare},
	 .check = dekker_check, .expect = "r0 || r1");

/* Full fences order memory, but they do not synchronise: the clock must not think so. */

static bool fence_done;

static void clock_setup(void)
{
	zero();
	fence_done = false;
}

static void clock_writer(void)
{
	plain_write(&data, 1);
	fence_seq_cst();
	fence_done = true;
	store_relaxed(&x, 1);
}

static void clock_reader(void)
{
	fence_seq_cst();
	if (fence_done)
		plain_read(&data);
	store_relaxed(&y, 1);
}

SCENARIO(self_fences_alone, .setup = clock_setup, .thread = {clock_writer, clock_reader},
	 .expect = "data race");

/* Message passing: data, then a flag. */

static void message_send(void)
{
	plain_write(&data, 1);
	store_release(&x, 1);
}

static void message_send_relaxed(void)
{
	plain_write(&data, 1);
	store_relaxed(&x, 1);
}

static void message_take(void)
{
	while (!load_acquire(&x))
		spin_hint();
	model_assert(plain_read(&data) == 1);
}

static void message_take_relaxed(void)
{
	while (!load_relaxed(&x))
		spin_hint();
	model_assert(plain_read(&data) == 1);
}

SCENARIO(self_message, .setup = zero, .thread = {message_send, message_take, message_take});
SCENARIO(self_message_send_relaxed, .setup = zero, .thread = {message_send_relaxed, message_take},
	 .expect = "data race");
SCENARIO(self_message_take_relaxed, .setup = zero, .thread = {message_send, message_take_relaxed},
	 .expect = "data race");

/* Waiting for what never comes; and a loop that gives up. */

SCENARIO(self_nobody_sends, .setup = zero, .thread = {message_take, dekker_full}, .bound = 1,
	 .expect = "nobody can run");

static void impatient(void)
{
	for (int i = 0; i < 3; i++) {
		if (load_acquire(&x))
			return;
		spin_hint();
	}
	if (load_relaxed(&y) == 1)
		model_fail("gave up between y and x");
}

static void slow_sender(void)
{
	store_relaxed(&y, 1);
	store_release(&x, 1);
}

SCENARIO(self_gives_up, .setup = zero, .thread = {slow_sender, impatient}, .bound = 2,
	 .bounded_spin = true, .expect = "gave up");

/* Locks. */

static void spinlock(void)
{
	for (int i = 0; i < 2; i++) {
		while (exchange_acquire(&x, 1))
			spin_hint();
		plain_write(&data, plain_read(&data) + 1);
		store_release(&x, 0);
	}
}

static void spinlock_relaxed(void)
{
	while (exchange_relaxed(&x, 1))
		spin_hint();
	plain_write(&data, plain_read(&data) + 1);
	store_release(&x, 0);
}

static void locked_check(void)
{
	model_assert(data == 6);
}

SCENARIO(self_spinlock, .setup = zero, .thread = {spinlock, spinlock, spinlock},
	 .check = locked_check, .min_executions = 10000);
SCENARIO(self_spinlock_relaxed, .setup = zero, .thread = {spinlock, spinlock_relaxed},
	 .expect = "data race");

static void ttas(void)
{
	for (;;) {
		uint32_t none = 0;

		while (load_relaxed(&x))
			spin_hint();
		if (cas_acquire(&x, &none, 1))
			break;
	}
	plain_write(&data, plain_read(&data) + 2);
	store_release(&x, 0);
}

SCENARIO(self_ttas, .setup = zero, .thread = {ttas, ttas, ttas}, .check = locked_check,
	 .min_executions = 10000);

/* Drepper's mutex 2: 0 free, 1 taken, 2 taken and somebody may sleep. */
static void futex_lock(void)
{
	uint32_t c = 0;

	if (!cas_acquire(&x, &c, 1)) {
		while (exchange_acquire(&x, 2))
			model_futex_wait(&x, 2);
	}
	plain_write(&data, plain_read(&data) + 2);
	if (exchange_release(&x, 0) == 2)
		model_futex_wake(&x, 1);
}

SCENARIO(self_futex, .setup = zero, .thread = {futex_lock, futex_lock, futex_lock},
	 .check = locked_check);

/* A wake that comes between the look and the sleep. */
static void sleeper(void)
{
	if (!load_acquire(&x)) {
		store_release(&y, 1);
		model_event_wait(&event);
	}
}

static void waker(void)
{
	store_release(&x, 1);
	if (load_acquire(&y))
		model_event_set(&event);
}

static void waker_heavy(void)
{
	store_release(&x, 1);
	fence_heavy();
	if (load_acquire(&y))
		model_event_set(&event);
}

static void sleeper_light(void)
{
	store_release(&y, 1);
	fence_light();
	if (!load_acquire(&x))
		model_event_wait(&event);
}

SCENARIO(self_lost_wake, .setup = zero, .thread = {sleeper, waker}, .expect = "nobody can run");
SCENARIO(self_no_lost_wake, .setup = zero, .thread = {sleeper_light, waker_heavy});

/* Treiber's stack, taken whole. */

struct node {
	struct node *next;
	int payload;
};

static void push_with(bool release)
{
	struct node *n = model_alloc(sizeof(*n));
	void *old = load_relaxed(&top);

	plain_write(&n->payload, 1);
	do
		plain_write(&n->next, old);
	while (!(release ? cas_release(&top, &old, n) : cas_relaxed(&top, &old, n)));
}

static void push_two(void)
{
	push_with(true);
	push_with(true);
}

static void push_relaxed(void)
{
	push_with(false);
}

static void take_all(void)
{
	struct node *n = exchange_acquire(&top, NULL);

	while (n) {
		struct node *next = plain_read(&n->next);

		count += (unsigned)plain_read(&n->payload);
		model_free(n);
		n = next;
	}
}

static void stack_check(void)
{
	take_all();
	model_assert(count == 4 && model_live() == 0);
}

SCENARIO(self_stack, .setup = zero, .thread = {push_two, push_two, take_all}, .check = stack_check,
	 .min_executions = 1000);
SCENARIO(self_stack_relaxed, .setup = zero, .thread = {push_relaxed, take_all},
	 .expect = "data race");

/* One looks at the top while the other takes it and frees it. */
static void peek(void)
{
	struct node *n = load_acquire(&top);

	if (n)
		r0 = (unsigned)plain_read(&n->payload);
}

static void freed_setup(void)
{
	zero();
	push_with(true);
}

SCENARIO(self_freed, .setup = freed_setup, .thread = {take_all, peek}, .expect = "use after free");

/* What lies in a frame that goes: one waits in it until the other has written there, or looks. */

static char *frame;

static void frame_setup(void)
{
	zero();
	frame = model_alloc(8192);
}

static void frame_wait(void *arg)
{
	struct node n;

	(void)arg;
	store_release(&top, &n);
	model_event_wait(&event);
	model_assert(plain_read(&n.payload) == 1);
	r0 = 1;
}

static void frame_owner(void)
{
	model_call_on(frame, 8192, frame_wait, NULL);
	model_free(frame);
}

static struct node *frame_found(void)
{
	struct node *n;

	while (!(n = load_acquire(&top)))
		spin_hint();
	return n;
}

static void frame_write(void)
{
	plain_write(&frame_found()->payload, 1);
	model_event_set(&event);
}

static void frame_write_and_look(void)
{
	struct node *n = frame_found();

	plain_write(&n->payload, 1);
	model_event_set(&event);
	count = (unsigned)plain_read(&n->payload);
}

static void frame_check(void)
{
	model_assert(r0 == 1 && model_live() == 0);
}

SCENARIO(self_frame, .setup = frame_setup, .thread = {frame_owner, frame_write},
	 .check = frame_check);
SCENARIO(self_frame_late, .setup = frame_setup, .thread = {frame_owner, frame_write_and_look},
	 .expect = "data race: free");

/* A sequence lock: two words that must be read as one. */

static struct atomic32 seq;

static void seqlock_setup(void)
{
	zero();
	store_relaxed(&seq, 0);
	model_name(&seq, "seq");
}

static void seqlock_write(void)
{
	store_relaxed(&seq, 1);
	fence_seq_cst();
	store_relaxed(&x, 1);
	store_relaxed(&y, 1);
	store_release(&seq, 2);
}

static void seqlock_write_unfenced(void)
{
	store_relaxed(&seq, 1);
	store_relaxed(&x, 1);
	store_relaxed(&y, 1);
	store_release(&seq, 2);
}

static void seqlock_read(void)
{
	uint32_t before, a, b;

	do {
		while ((before = load_acquire(&seq)) & 1)
			spin_hint();
		a = load_relaxed(&x);
		b = load_relaxed(&y);
		fence_seq_cst();
	} while (load_relaxed(&seq) != before);
	model_assert(a == b);
}

SCENARIO(self_seqlock, .setup = seqlock_setup, .thread = {seqlock_write, seqlock_read},
	 .min_executions = 300);
SCENARIO(self_seqlock_unfenced, .setup = seqlock_setup,
	 .thread = {seqlock_write_unfenced, seqlock_read}, .expect = "a == b");
