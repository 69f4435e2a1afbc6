/* SPDX-License-Identifier: MIT */
/* test_linear_news.c - the model of broadcasts and watches for histories: as test_linear.c. */
#include "linear_news.h"
#include "linear_said.h"

static void news(unsigned capacity)
{
	struct news_model *m = (struct news_model *)h.first;

	memset(&h, 0, sizeof(h));
	h.model = &news_linear;
	m->capacity = (uint8_t)capacity;
}

static void watched(int value)
{
	struct news_model *m = (struct news_model *)h.first;

	news(0);
	m->sent = 1;
	m->items[0] = (uint8_t)value;
}

static void said(unsigned begins, unsigned ends, unsigned what, int arg, int result)
{
	add(begins, ends, what, result)->arg = arg;
}

static void heard(unsigned party, unsigned begins, unsigned ends, int arg, int result)
{
	struct operation *o = add(begins, ends, NEWS_RECV, result);

	o->arg = arg;
	o->party = (uint8_t)party;
}

static void changed(unsigned begins, unsigned ends, unsigned from, unsigned to, int value,
		    int result)
{
	struct operation *o = add(begins, ends, WATCH_NEXT, result);

	o->arg = value;
	o->branches = 1;
	o->branch[0].on = (uint8_t)from;
	o->branch[0].item = (uint8_t)to;
}

START_TEST(each_hears_all_in_their_order)
{
	for (int first = 1; first <= 2; first++) {
		news(2);
		said(1, 2, NEWS_SEND, 1, 0);
		said(3, 4, NEWS_SEND, 2, 0);
		heard(0, 5, 6, 1, 0);
		heard(1, 7, 8, first, 0);
		heard(0, 9, 10, 2, 0);
		is_right(first == 1);
		heard(0, 11, 12, 1, 0);
		is_right(false);
	}
}
END_TEST

START_TEST(who_is_behind_is_told)
{
	for (unsigned kept = 1; kept <= 3; kept++) {
		news(kept);
		for (int i = 1; i <= 3; i++)
			said((unsigned)i * 2, (unsigned)i * 2 + 1, NEWS_SEND, i, 0);
		heard(2, 10, 11, 0, -EOVERFLOW);
		is_right(kept < 3);
		heard(2, 12, 13, 4 - (int)kept, 0);
		is_right(kept < 3);
		h.ops[3].what = NEWS_TRY;
		is_right(kept < 3);
		add(14, 15, NEWS_MISSED, 3 - (int)kept)->party = 2;
		is_right(kept < 3);
		h.ops[5].result++;
		is_right(false);
	}
}
END_TEST

START_TEST(who_listens_hears_what_comes)
{
	for (unsigned late = 0; late < 2; late++) {
		news(3);
		add(late ? 3 : 1, late ? 4 : 2, NEWS_LISTEN, 0);
		said(late ? 1 : 3, late ? 2 : 4, NEWS_SEND, 1, 0);
		heard(0, 5, 6, 1, 0);
		is_right(!late);
	}
}
END_TEST

/* A moment says that somebody waits who need not. */
START_TEST(nobody_who_waits_is_forgotten)
{
	for (unsigned what = NEWS_SEND; what <= NEWS_CLOSE; what++) {
		for (unsigned told = 0; told < 2; told++) {
			news(1);
			heard(0, 1, 10, told && what == NEWS_SEND,
			      !told                ? -ECANCELED
			      : what == NEWS_CLOSE ? -EPIPE
						   : 0);
			quiet(2);
			said(4, 5, what, 1, 0);
			is_right(true);
			if (!told)
				quiet(6);
			is_right(told);
		}
		watched(7);
		changed(1, 10, 1, 1, 0, -ETIMEDOUT);
		quiet(2);
		is_right(true);
		said(4, 5, what == NEWS_SEND ? WATCH_SET : WATCH_CLOSE, 8, 0);
		quiet(6);
		is_right(false);
	}
}
END_TEST

START_TEST(what_is_closed_stays_closed)
{
	news(2);
	said(1, 2, NEWS_SEND, 1, 0);
	add(3, 4, NEWS_CLOSE, 0);
	said(5, 6, NEWS_SEND, 2, -EPIPE);
	heard(0, 7, 8, 1, 0);
	heard(0, 9, 10, 0, -EPIPE);
	is_right(true);
	h.ops[2].result = 0;
	is_right(false);
	h.ops[2].result = -EPIPE;
	h.ops[3].result = -EPIPE;
	is_right(false);
}
END_TEST

START_TEST(a_watch_shows_the_last_value)
{
	for (unsigned version = 1; version <= 3; version++) {
		for (int value = 7; value <= 9; value++) {
			watched(7);
			said(1, 2, WATCH_SET, 8, 0);
			said(3, 4, WATCH_SET, 9, 0);
			said(5, 6, WATCH_GET, value, (int)version);
			is_right(version == 3 && value == 9);
			h.n--;
			changed(5, 6, 1, version, value, 0);
			is_right(version == 3 && value == 9);
		}
	}
}
END_TEST

START_TEST(next_waits_for_another_version)
{
	for (unsigned from = 0; from <= 2; from++) {
		watched(7);
		changed(1, 2, from, 1, 7, 0);
		is_right(from != 1);
		add(3, 4, WATCH_CLOSE, 0);
		changed(5, 6, from, 1, 7, 0);
		is_right(from != 1);
		h.ops[2].result = -EPIPE;
		is_right(false); /* the first one, or this one */
	}
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
	    each_hears_all_in_their_order,  who_is_behind_is_told,
	    who_listens_hears_what_comes,   nobody_who_waits_is_forgotten,
	    what_is_closed_stays_closed,    a_watch_shows_the_last_value,
	    next_waits_for_another_version,
	};

	return RUN_TESTS("linear_news", tests);
}
