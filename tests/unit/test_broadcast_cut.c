/* SPDX-License-Identifier: MIT */
/* test_broadcast_cut.c - what cuts a listener's wait short, and who may not wait. */
#include "child.h"
#include "hearing.h"

/* ---- Cut short ---- */

static void hears_all_the_same(struct hearing *h, struct thrum_broadcast *b)
{
	is_int(h->item, 50);
	cast(b, 3);
	hears(&h->l, 3);
	thrum_listener_fini(&h->l);
	thrum_broadcast_release(b);
}

TASK_TEST(a_cancelled_wait_takes_nothing, 1)
{
	for (int i = 0; i < 2; i++) {
		struct thrum_broadcast *b = words_cast(2);
		struct thrum_future *f;
		struct hearing h;

		hearing_begin(&h, b);
		f = stands(waits[i], &h);
		is_int(thrum_cancel(f), 0);
		if (i) /* too late for it */
			cast(b, 3);
		is_int(thrum_join(f), -ECANCELED);
		if (i) {
			is_int(h.item, 50);
			hears(&h.l, 3);
		}
		hears_all_the_same(&h, b);
	}
}

TASK_TEST(what_came_before_the_cancel_is_heard, 1)
{
	for (int i = 0; i < 2; i++) {
		struct thrum_broadcast *b = words_cast(2);
		struct thrum_future *f;
		struct hearing h;

		hearing_begin(&h, b);
		f = stands(waits[i], &h);
		cast(b, 6);
		is_int(thrum_cancel(f), 0);
		is_int(thrum_join(f), 0);
		is_int(h.item, 6);
		h.item = 50;
		hears_all_the_same(&h, b);
	}
}

TASK_TEST(a_late_wait_takes_nothing, 1)
{
	for (int i = 0; i < 2; i++) {
		struct thrum_broadcast *b = words_cast(2);
		int64_t start = thrum_now();
		struct thrum_timeout t;
		struct hearing h;

		hearing_begin(&h, b);
		h.deadline_ns = start + 10;
		thrum_timeout_begin(&t, i ? 10 : 20);
		is_int(waits[i](&h), -ETIMEDOUT);
		is_int(thrum_timeout_end(&t), i);
		is_int(thrum_now(), start + 10);
		hears_all_the_same(&h, b);
	}
}

static intptr_t task_is_asked_before(void *hearing)
{
	is_int(thrum_cancel(thrum_self()), 0);
	for (int i = 0; i < 2; i++)
		is_int(waits[i](hearing), -ECANCELED);
	return 0;
}

TASK_TEST(one_who_was_cancelled_takes_nothing, 1)
{
	struct thrum_broadcast *b = words_cast(2);
	struct hearing h;

	hearing_begin(&h, b);
	cast(b, 8);
	is_int(thrum_join(thrum_spawn(task_is_asked_before, &h)), 0);
	is_int(h.item, 50);
	hears(&h.l, 8);
	hears_all_the_same(&h, b);
}

/* ---- Who may not wait ---- */

static struct hearing common;

static void in_a_callback(struct thrum_future *f, void *broadcast)
{
	(void)f;
	for (int i = 0; i < 2; i++)
		is_int(waits[i](&common), -EDEADLK);
	hears(&common.l, 1);
	cast(broadcast, 2);
	hears(&common.l, 2);
	thrum_broadcast_close(broadcast);
	thrum_listener_fini(&common.l);
}

TASK_TEST(a_callback_may_only_try, 1)
{
	struct thrum_broadcast *b = words_cast(2);
	struct thrum_future *f = thrum_spawn(task_return, NULL);

	hearing_begin(&common, b);
	cast(b, 1);
	is_int(thrum_future_on_done(f, in_a_callback, b), 0);
	is_int(thrum_join(f), 0);
	settle();
	is_int(thrum_broadcast_send(b, &common.item), -EPIPE);
	thrum_broadcast_release(b);
}

static struct thrum_broadcast *inherited;

static void in_a_child(void)
{
	struct thrum_listener l;

	for (int i = 0; i < 2; i++)
		is_int(waits[i](&common), -ENOTSUP);
	hears_no_item(&common.l, -ENOTSUP);
	is_int(thrum_broadcast_send(inherited, &common.item), -ENOTSUP);
	thrum_broadcast_close(inherited);
	thrum_broadcast_listen(inherited, &l);
	is_int(thrum_listener_missed(&l), 0);
	thrum_listener_fini(&l);
	thrum_listener_fini(&common.l);
	thrum_broadcast_release(inherited);
}

TASK_TEST(a_forked_child_does_nothing, 1)
{
	char err[2000];
	int status;

	inherited = words_cast(2);
	hearing_begin(&common, inherited);
	cast(inherited, 1);
	status = child_run(in_a_child, err, sizeof(err));
	is_text(err, "");
	is_int(status, 0);
	hears(&common.l, 1);
	thrum_listener_fini(&common.l);
	thrum_broadcast_release(inherited);
}

int main(void)
{
	const TTest *const tests[] = {
	    a_cancelled_wait_takes_nothing, what_came_before_the_cancel_is_heard,
	    a_late_wait_takes_nothing,      one_who_was_cancelled_takes_nothing,
	    a_callback_may_only_try,        a_forked_child_does_nothing,
	};

	return RUN_TESTS("broadcast_cut", tests);
}
