/* SPDX-License-Identifier: MIT */
/*
 * test_http_conditions.c - dates, tags, ranges and what they make of an answer; the heads of
 * answers.
 */
#include <check.h>
#include <stdio.h>
#include <string.h>

#include "http.h"
#include "unit/suite.h"

#define MODIFIED 784111777 /* Sun, 06 Nov 1994 08:49:37 GMT */
#define NOW (MODIFIED + 86400)
#define DATE "Sun, 06 Nov 1994 08:49:37 GMT"
#define BEFORE "Sun, 06 Nov 1994 08:49:36 GMT"
#define AFTER "Sun, 06 Nov 1994 08:49:38 GMT"

static struct http_entity entity(uint64_t size)
{
	struct http_entity e = {.size = size, .modified = MODIFIED, .type = "text/plain"};

	memcpy(e.modified_text, DATE, HTTP_DATE_LENGTH);
	strcpy(e.etag, "\"x\"");
	e.etag_length = 3;
	return e;
}

static struct http_answer decide(const char *method, const char *fields, uint64_t size, time_t now)
{
	struct http_entity e = entity(size);
	struct http_parser p;
	struct http_answer a;
	size_t n;
	char *room;

	ck_assert_int_eq(http_parser_init(&p), 0);
	http_parser_reset(&p);
	room = http_parser_room(&p, &n);
	http_parser_filled(
	    &p, (size_t)snprintf(room, n, "%s / HTTP/1.1\r\nHost: a\r\n%s\r\n", method, fields));
	ck_assert_int_eq(http_parser_next(&p), HTTP_STEP_REQUEST);
	http_decide(&a, &p.request, &e, now);
	http_parser_fini(&p);
	return a;
}

static void answers(const char *fields, int status)
{
	struct http_answer a = decide("GET", fields, 100, NOW);

	ck_assert_msg(a.status == status, "%s gave %d", fields, a.status);
	ck_assert_int_eq(a.body, status == 200 || status == 206);
}

START_TEST(none_match)
{
	answers("", 200);
	answers("If-None-Match: \"x\"\r\n", 304);
	answers("If-None-Match: W/\"x\"\r\n", 304);
	answers("If-None-Match: *\r\n", 304);
	answers("If-None-Match: \"y\"\r\n", 200);
	answers("If-None-Match: \"a\", W/\"b\" ,\"x\"\r\n", 304);
	answers("If-None-Match: \"a,b\",,\"x\"\r\n", 304);
	answers("If-None-Match: \"a\"\r\nIf-None-Match: \"x\"\r\n", 304);
	answers("If-None-Match: x\r\n", 200);
	answers("If-None-Match: \"x\r\n", 200);
	answers("If-None-Match: \r\n", 200);
	answers("If-None-Match: W/\r\n", 200);
	/* It goes before the date. */
	answers("If-None-Match: \"y\"\r\nIf-Modified-Since: " DATE "\r\n", 200);
	answers("If-None-Match: \"x\"\r\nIf-Modified-Since: " BEFORE "\r\n", 304);
}
END_TEST

START_TEST(match)
{
	answers("If-Match: \"x\"\r\n", 200);
	answers("If-Match: *\r\n", 200);
	answers("If-Match: \"y\", \"x\"\r\n", 200);
	answers("If-Match: W/\"x\"\r\n", 412);
	answers("If-Match: \"y\"\r\n", 412);
	answers("If-Match: \"x\"\r\nIf-Unmodified-Since: " BEFORE "\r\n", 200);
	answers("If-Match: \"x\"\r\nIf-None-Match: \"x\"\r\n", 304);
	answers("If-Match: \"y\"\r\nIf-None-Match: \"x\"\r\n", 412);
}
END_TEST

START_TEST(since)
{
	answers("If-Modified-Since: " DATE "\r\n", 304);
	answers("If-Modified-Since: " AFTER "\r\n", 304);
	answers("If-Modified-Since: " BEFORE "\r\n", 200);
	answers("If-Modified-Since: yesterday\r\n", 200);
	answers("If-Modified-Since: " DATE "\r\nIf-Modified-Since: " DATE "\r\n", 200);
	answers("If-Unmodified-Since: " DATE "\r\n", 200);
	answers("If-Unmodified-Since: " AFTER "\r\n", 200);
	answers("If-Unmodified-Since: " BEFORE "\r\n", 412);
	answers("If-Unmodified-Since: bad\r\n", 200);
}
END_TEST

START_TEST(if_range)
{
	answers("Range: bytes=0-0\r\nIf-Range: \"x\"\r\n", 206);
	answers("Range: bytes=0-0\r\nIf-Range: W/\"x\"\r\n", 200);
	answers("Range: bytes=0-0\r\nIf-Range: \"y\"\r\n", 200);
	answers("Range: bytes=0-0\r\nIf-Range: " DATE "\r\n", 206);
	answers("Range: bytes=0-0\r\nIf-Range: " AFTER "\r\n", 200);
	answers("Range: bytes=0-0\r\nIf-Range: \"x\"\r\nIf-Range: \"x\"\r\n", 200);
	answers("Range: bytes=200-\r\nIf-Range: \"y\"\r\n", 200);
	answers("If-Range: \"x\"\r\n", 200);
	/* A date that may hide a second change in the same second. */
	ck_assert_int_eq(
	    decide("GET", "Range: bytes=0-0\r\nIf-Range: " DATE "\r\n", 100, MODIFIED + 59).status,
	    200);
}
END_TEST

START_TEST(ranges)
{
	static const struct {
		const char *text;
		uint64_t size;
		int status;
		uint64_t from, n;
	} cases[] = {
	    {"bytes=0-0", 100, 206, 0, 1},
	    {"bytes=0-", 100, 206, 0, 100},
	    {"bytes=99-", 100, 206, 99, 1},
	    {"bytes=100-", 100, 416, 0, 0},
	    {"bytes=10-19", 100, 206, 10, 10},
	    {"bytes=10-1000", 100, 206, 10, 90},
	    {"bytes=-1", 100, 206, 99, 1},
	    {"bytes=-100", 100, 206, 0, 100},
	    {"bytes=-1000", 100, 206, 0, 100},
	    {"bytes=-0", 100, 416, 0, 0},
	    {"bytes=0-", 0, 416, 0, 0},
	    {"bytes=-5", 0, 416, 0, 0},
	    {"BYTES=1-2", 100, 206, 1, 2},
	    {"bytes= 1-2", 100, 206, 1, 2},
	    {"bytes=18446744073709551616-", 100, 416, 0, 0},
	    {"bytes=0-99999999999999999999999", 100, 206, 0, 100},
	    {"bytes=-99999999999999999999999", 100, 206, 0, 100},
	    {"bytes=0-18446744073709551615", UINT64_MAX, 206, 0, UINT64_MAX},
	    {"bytes=2-1", 100, 200, 0, 0},
	    {"bytes=-", 100, 200, 0, 0},
	    {"bytes=", 100, 200, 0, 0},
	    {"bytes=1", 100, 200, 0, 0},
	    {"bytes=1-2,4-5", 100, 200, 0, 0},
	    {"bytes=a-b", 100, 200, 0, 0},
	    {"bytes=1-2x", 100, 200, 0, 0},
	    {"bytes=--1", 100, 200, 0, 0},
	    {"bytes 1-2", 100, 200, 0, 0},
	    {"lines=1-2", 100, 200, 0, 0},
	    {"", 100, 200, 0, 0},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint64_t from = 0, n = 0;
		int status = http_range_parse(cases[i].text, strlen(cases[i].text), cases[i].size,
					      &from, &n);

		ck_assert_msg(status == cases[i].status, "%s gave %d", cases[i].text, status);
		if (status != 206)
			continue;
		ck_assert_msg(from == cases[i].from && n == cases[i].n, "%s", cases[i].text);
	}
	answers("Range: bytes=0-0\r\nRange: bytes=1-1\r\n", 200);
	answers("Range: bytes=200-\r\nIf-None-Match: \"x\"\r\n", 304);
	ck_assert_int_eq(decide("HEAD", "Range: bytes=0-0\r\n", 100, NOW).status, 200);
	ck_assert_int_eq(decide("HEAD", "", 100, NOW).body, false);
	ck_assert_uint_eq(decide("HEAD", "", 100, NOW).length, 100);
}
END_TEST

static void parses(const char *text, time_t want)
{
	time_t got = -1;

	ck_assert_msg(http_date_parse(text, strlen(text), NOW, &got), "%s", text);
	ck_assert_msg(got == want, "%s gave %lld", text, (long long)got);
}

START_TEST(dates)
{
	static const char *const bad[] = {
	    "",
	    "Sun",
	    "06 Nov 1994 08:49:37 GMT",
	    "Sun, 06 Nov 1994 08:49:37",
	    DATE " ",
	    "Sun, 06 Nov 1994 08:49:37 UTC",
	    "Sun, 31 Feb 1994 08:49:37 GMT",
	    "Sun, 29 Feb 1900 08:49:37 GMT",
	    "Sun, 00 Nov 1994 08:49:37 GMT",
	    "Sun, 06 Nov 1994 24:49:37 GMT",
	    "Sun, 06 Nov 1994 08:60:37 GMT",
	    "Sun, 06 nov 1994 08:49:37 GMT",
	    "Xun, 06 Nov 1994 08:49:37 GMT",
	    "Sun, 6 Nov 1994 08:49:37 GMT",
	    "Sun, +6 Nov 1994 08:49:37 GMT",
	};
	char text[HTTP_DATE_LENGTH + 1] = "";
	time_t out;

	parses(DATE, MODIFIED);
	parses("Sunday, 06-Nov-94 08:49:37 GMT", MODIFIED);
	parses("Sun Nov  6 08:49:37 1994", MODIFIED);
	parses("Thu, 01 Jan 1970 00:00:00 GMT", 0);
	parses("Tue, 29 Feb 2000 12:00:00 GMT", 951825600);
	parses("Sat, 31 Dec 2016 23:59:60 GMT", 1483228800);
	/* NOW is in 1994: 45 lies behind, 44 ahead. */
	parses("Monday, 01-Jan-45 00:00:00 GMT", -788918400);
	parses("Monday, 01-Jan-44 00:00:00 GMT", 2335219200);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		ck_assert_msg(!http_date_parse(bad[i], strlen(bad[i]), NOW, &out), "%s", bad[i]);
	for (time_t t = 0; t < INT64_C(253402300800); t += 86400 * 13 + 3607) {
		char want[64];
		struct tm tm;

		http_date_format(text, t);
		gmtime_r(&t, &tm);
		strftime(want, sizeof(want), "%a, %d %b %Y %H:%M:%S GMT", &tm);
		ck_assert_str_eq(text, want);
		ck_assert(http_date_parse(text, HTTP_DATE_LENGTH, NOW, &out));
		ck_assert_int_eq(out, t);
	}
	http_date_format(text, -1);
	ck_assert_str_eq(text, "Wed, 31 Dec 1969 23:59:59 GMT");
}
END_TEST

START_TEST(marks)
{
	static const struct timespec first = {MODIFIED, 5}, later = {MODIFIED, 6};
	struct http_entity a = {.size = UINT64_MAX}, b = {.size = 5};
	char tag[HTTP_ETAG_MAX];

	http_entity_mark(&a, &(struct timespec){-1, 999999999}, UINT64_MAX);
	ck_assert_uint_lt(a.etag_length, HTTP_ETAG_MAX);
	ck_assert_int_eq(memcmp(a.etag, "\"ffffffffffffffff-", 18), 0);
	http_entity_mark(&b, &first, 16);
	ck_assert_int_eq(b.modified, MODIFIED);
	ck_assert_int_eq(memcmp(b.modified_text, DATE, HTTP_DATE_LENGTH), 0);
	snprintf(tag, sizeof(tag), "\"%llx-5-10\"", MODIFIED * 1000000000ULL + 5);
	ck_assert_uint_eq(b.etag_length, strlen(tag));
	ck_assert_int_eq(memcmp(b.etag, tag, b.etag_length), 0);
	/* Each of the three changes it. */
	a = (struct http_entity){.size = 6};
	http_entity_mark(&a, &first, 16);
	ck_assert_int_ne(memcmp(a.etag, tag, b.etag_length), 0);
	a.size = 5;
	http_entity_mark(&a, &later, 16);
	ck_assert_int_ne(memcmp(a.etag, tag, b.etag_length), 0);
	http_entity_mark(&a, &first, 17);
	ck_assert_int_ne(memcmp(a.etag, tag, b.etag_length), 0);
}
END_TEST

static const char *put(const struct http_head *head, struct http_answer a)
{
	static char text[2 * HTTP_ANSWER_HEAD_MAX];
	struct http_out out = {text, 0, sizeof(text)};
	struct http_entity e = entity(100);

	http_put_answer(&out, head, &a, &e);
	ck_assert_uint_lt(out.n, HTTP_ANSWER_HEAD_MAX);
	text[out.n] = '\0';
	return text;
}

START_TEST(heads)
{
	const struct http_request old = {.minor_zero = true};
	struct http_head head = {.date = DATE};
	char text[HTTP_ANSWER_HEAD_MAX + 1];
	struct http_out out = {text, 0, sizeof(text)};

	ck_assert_str_eq(put(&head, (struct http_answer){.status = 206, .from = 10, .length = 5}),
			 "HTTP/1.1 206 Partial Content\r\nServer: thrum\r\nDate: " DATE
			 "\r\nContent-Type: text/plain\r\nContent-Length: 5"
			 "\r\nContent-Range: bytes 10-14/100\r\nLast-Modified: " DATE
			 "\r\nETag: \"x\"\r\nAccept-Ranges: bytes\r\n\r\n");
	ck_assert_ptr_nonnull(strstr(put(&head, (struct http_answer){.status = 416}),
				     "\r\nContent-Range: bytes */100\r\n"));
	ck_assert_ptr_null(
	    strstr(put(&head, (struct http_answer){.status = 304}), "Content-Length"));
	head.request = &old;
	ck_assert_ptr_nonnull(strstr(put(&head, (struct http_answer){.status = 200}),
				     "\r\nConnection: keep-alive\r\n"));
	head.close = true;
	ck_assert_ptr_nonnull(
	    strstr(put(&head, (struct http_answer){.status = 200}), "\r\nConnection: close\r\n"));
	http_put_status(&out, &head, 405, NULL);
	text[out.n] = '\0';
	ck_assert_ptr_nonnull(strstr(text, "\r\nAllow: GET, HEAD\r\n"));
	ck_assert_ptr_nonnull(strstr(text, "\r\nContent-Length: 23\r\n"));
	ck_assert_ptr_nonnull(strstr(text, "\r\n\r\n405 Method Not Allowed\n"));
	ck_assert_str_eq(http_status_text(999), "500 Internal Server Error");
}
END_TEST

START_TEST(types)
{
	ck_assert_str_eq(http_type_of("a/b.HTML", 8), "text/html; charset=utf-8");
	ck_assert_str_eq(http_type_of("x.tar.gz", 8), "application/gzip");
	ck_assert_str_eq(http_type_of("x.png/y", 7), "application/octet-stream");
	ck_assert_str_eq(http_type_of("a/.png", 6), "application/octet-stream");
	ck_assert_str_eq(http_type_of(".png", 4), "application/octet-stream");
	ck_assert_str_eq(http_type_of("png", 3), "application/octet-stream");
	ck_assert_str_eq(http_type_of("x.", 2), "application/octet-stream");
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
	    none_match, match, since, if_range, ranges, dates, marks, heads, types,
	};

	return RUN_TESTS("http_conditions", tests);
}
