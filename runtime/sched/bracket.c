/* SPDX-License-Identifier: MIT */
/*
 * bracket.c - timeouts, shields and scopes nest around a task's waits like brackets.
 *
 * Each lives in the frame of whoever begins it and leads to the one around it; the task knows the
 * innermost, and the nearest deadline of all, which is what waits look at.  A wait that such a
 * deadline ended marks the bracket whose it was.
 *
 * A SHIELD  hides what is around it: its own deadline alone counts inside, and the task's parker
 * records requests without hearing them (core/parker.c: SHIELD).
 *
 * OWNERS  The task that began them, while it runs; nobody else looks.
 *
 * Nothing can fail.
 */
#include "sched/bracket.h"

#include "sched/fork_check.h"
#include "sched/worker.h"

/* What is in a struct thrum_timeout or thrum_shield. */
_Static_assert(sizeof(struct thrum__bracket) <= sizeof(struct thrum_timeout), "it fits");
_Static_assert(sizeof(struct thrum_shield) == sizeof(struct thrum_timeout), "they are alike");

void thrum__bracket_mark(struct thrum__task *t)
{
	struct thrum__bracket *b = t->brackets;

	while (b && (b->deadline_ns != t->deadline_ns ||
		     (b->deadline_ns == b->outer_ns && b->kind != THRUM__SHELTER)))
		b = b->outer;
	if (b)
		b->fired = true;
}

static void set_brackets(struct thrum__task *t, struct thrum__bracket *b, int64_t deadline_ns)
{
	t->brackets = b;
	t->deadline_ns = deadline_ns;
	if (b)
		t->marks |= THRUM__BRACKETED;
	else
		t->marks &= (uint8_t)~THRUM__BRACKETED;
}

void thrum__bracket_begin(struct thrum__bracket *b, struct thrum__task *t,
			  enum thrum__bracket_kind kind, int64_t deadline_ns)
{
	ENSURE(!t || t->brackets != b, "a timeout or shield is ended before it is begun again");
	*b = (struct thrum__bracket){.task = t, .kind = (uint8_t)kind};
	if (!t)
		return;
	b->outer = t->brackets;
	b->outer_ns = t->deadline_ns;
	b->deadline_ns = deadline_ns;
	set_brackets(
	    t, b, kind == THRUM__SHELTER ? deadline_ns : thrum__min64(deadline_ns, t->deadline_ns));
}

bool thrum__bracket_end(struct thrum__bracket *b)
{
	struct thrum__task *t = b->task;

	if (!t || thrum__in_forked_child())
		return false;
	ENSURE(t == thrum__current_task(),
	       "a timeout, shield or scope is ended by the task that began it");
	ENSURE(t->brackets == b,
	       "timeouts, shields and scopes are ended once, in the reverse order of their begin");
	set_brackets(t, b->outer, b->outer_ns);
	b->task = NULL;
	return true;
}

struct thrum__hidden thrum__brackets_hide(struct thrum__task *t)
{
	struct thrum__hidden hidden = {t->brackets, t->deadline_ns,
				       thrum__parker_shields(&t->parker)};

	set_brackets(t, NULL, THRUM_FOREVER);
	thrum__parker_scope_over(&t->parker, THRUM__PARKER_SCOPE | THRUM__PARKER_INNER);
	if (hidden.shields)
		thrum__parker_unshield(&t->parker, hidden.shields);
	return hidden;
}

void thrum__brackets_show(struct thrum__task *t, const struct thrum__hidden *hidden)
{
	set_brackets(t, hidden->brackets, hidden->deadline_ns);
	if (hidden->shields)
		thrum__parker_reshield(&t->parker, hidden->shields);
}

int64_t thrum__bracket_deadline(struct thrum__task *t, int64_t ns)
{
	return thrum__deadline_after(t ? thrum__runtime_now_ns(t->future.runtime) : 0, ns);
}

/* ---- Timeouts ---- */

void thrum_timeout_begin(struct thrum_timeout *timeout, int64_t ns)
{
	struct thrum__task *t = thrum__current_task();

	thrum__bracket_begin((struct thrum__bracket *)timeout, t, THRUM__TIMEOUT,
			     thrum__bracket_deadline(t, ns));
}

void thrum_timeout_begin_until(struct thrum_timeout *timeout, int64_t deadline_ns)
{
	thrum__bracket_begin((struct thrum__bracket *)timeout, thrum__current_task(),
			     THRUM__TIMEOUT, deadline_ns);
}

bool thrum_timeout_end(struct thrum_timeout *timeout)
{
	struct thrum__bracket *b = (struct thrum__bracket *)timeout;

	return thrum__bracket_end(b) && b->fired;
}

/* ---- Shields ---- */

void thrum_shield_begin_until(struct thrum_shield *shield, int64_t deadline_ns)
{
	struct thrum__bracket *b = (struct thrum__bracket *)shield;
	struct thrum__task *t = thrum__current_task();

	thrum__bracket_begin(b, t, THRUM__SHELTER, deadline_ns);
	if (t)
		b->shield = (uint8_t)thrum__parker_shield(&t->parker);
}

void thrum_shield_begin(struct thrum_shield *shield, int64_t ns)
{
	thrum_shield_begin_until(shield, thrum__bracket_deadline(thrum__current_task(), ns));
}

bool thrum_shield_end(struct thrum_shield *shield)
{
	struct thrum__bracket *b = (struct thrum__bracket *)shield;
	struct thrum__task *t = b->task;

	if (!thrum__bracket_end(b))
		return false;
	thrum__parker_unshield(&t->parker, b->shield);
	return b->fired;
}
