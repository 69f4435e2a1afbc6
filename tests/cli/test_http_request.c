/* SPDX-License-Identifier: MIT */
/*
 * test_http_request.c - bytes to requests: each case whole, byte by byte, and cut into pieces of
 * every small length, with the same result.
 */
#include <check.h>

#include "http_transcript.h"
#include "unit/suite.h"

#define H "Host: a\r\n"
#define GET "GET /x HTTP/1.1\r\n" H

static size_t cut_at(void *arg, size_t at, size_t n)
{
	size_t piece = *(size_t *)arg;

	return piece && piece < n - at ? piece : n - at;
}

static void check_bytes(const char *bytes, size_t n, const char *want)
{
	for (size_t piece = 0; piece < 24; piece++) {
		char *got = transcribe(bytes, n, cut_at, &piece);

		ck_assert_msg(!strcmp(got, want), "'%s' in pieces of %zu gave\n%snot\n%s", bytes,
			      piece, got, want);
		free(got);
	}
}

static void check(const char *bytes, const char *want)
{
	check_bytes(bytes, strlen(bytes), want);
}

START_TEST(good)
{
	check("", "more between\n");
	check("GET / HTTP/1.1\r\nHost: a\r\n\r\n", "GET / keep\nmore between\n");
	check("GET / HTTP/1.1\r\nHost:\r\n\r\n", "GET / keep\nmore between\n");
	check("GET / HTTP/1.1\r\nHost: [::1]:80\r\n\r\n", "GET / keep\nmore between\n");
	check("GET / HTTP/1.0\r\n\r\n", "GET / close\n");
	check("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", "GET / keep\nmore between\n");
	check(GET "Connection: close\r\n\r\n" GET "\r\n", "GET /x close\n");
	check(GET "connection: x, CLOSE\r\n\r\n", "GET /x close\n");
	check("HEAD /%41?q=1 HTTP/1.1\r\n" H "\r\n", "HEAD /%41?q=1 keep\nmore between\n");
	check("DELETE /x HTTP/1.1\r\n" H "\r\n", "DELETE /x keep\nmore between\n");
	check("OPTIONS * HTTP/1.1\r\n" H "\r\n", "OPTIONS * keep\nmore between\n");
	check("GET http://h/p HTTP/1.1\r\n" H "\r\n", "GET http://h/p keep\nmore between\n");
	check("CONNECT h:80 HTTP/1.1\r\n" H "\r\nrubbish", "CONNECT h:80 close\n");
	check("\r\n\r\n" GET "\r\n\r\n", "GET /x keep\nmore between\n");
	check(GET "\r\n" GET "\r\n" GET "\r\nG", "GET /x keep\nGET /x keep\nGET /x keep\nmore\n");
	check(GET "Upgrade: websocket\r\nConnection: upgrade\r\n\r\n" GET "\r\n",
	      "GET /x keep\nGET /x keep\nmore between\n");
	check(GET "Upgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings\r\n\r\n",
	      "GET /x keep\nmore between\n");
}
END_TEST

START_TEST(incomplete)
{
	check("G", "more\n");
	check("GET / HTTP/1.1\r\n", "more\n");
	check(GET "\r", "more\n");
	check(GET "Content-Length: 3\r\n\r\nab", "more\n");
	check(GET "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n", "more\n");
}
END_TEST

START_TEST(bodies)
{
	check(GET "Content-Length: 3\r\n\r\nabc" GET "\r\n",
	      "GET /x keep\nGET /x keep\nmore between\n");
	check(GET "Content-Length: 0\r\n\r\n" GET "\r\n",
	      "GET /x keep\nGET /x keep\nmore between\n");
	check("POST /x HTTP/1.1\r\n" H "Content-Length: 18\r\n\r\nGET / HTTP/1.1\r\n\r\n" GET
	      "\r\n",
	      "POST /x keep\nGET /x keep\nmore between\n");
	/* What follows chunks is not read. */
	check(GET "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n" GET "\r\n",
	      "GET /x close\n");
	check(GET "Transfer-Encoding: chunked\r\n\r\n3;a=b\r\nabc\r\n0\r\nHost: b\r\nX: y\r\n\r\n",
	      "GET /x close\n");
	check(GET "Content-Length: 65537\r\n\r\n", "refused 413\n");
	check(GET "Content-Length: 18446744073709551615\r\n\r\n", "refused 413\n");
}
END_TEST

START_TEST(request_lines)
{
	check("\n", "refused 400\n");
	check(" GET / HTTP/1.1\r\n", "refused 400\n");
	check("\x16\x03\x01\x02", "refused 400\n");
	check("GET\r\n", "refused 400\n");
	check("GET /\r\n", "refused 400\n");
	check("GET  / HTTP/1.1\r\n", "refused 400\n");
	check("GET /  HTTP/1.1\r\n", "refused 400\n");
	check("GET / a HTTP/1.1\r\n", "refused 400\n");
	check("GET / HTTP/1.1 \r\n", "refused 400\n");
	check("GET / http/1.1\r\n", "refused 400\n");
	check("GET / HTTP/1.\r\n", "refused 400\n");
	check("GET / HTTP/11.1\r\n", "refused 400\n");
	check("GET / HTTP/2.0\r\n", "refused 505\n");
	check("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "refused 505\n");
	check("GET / HTTP/0.9\r\n", "refused 505\n");
	check("GET / HTTP/1.9\r\n" H "\r\n", "refused 505\n");
	check("G(T / HTTP/1.1\r\n" H "\r\n", "refused 400\n");
	check("FETCH / HTTP/1.1\r\n" H "\r\n", "refused 501\n");
	check("get / HTTP/1.1\r\n" H "\r\n", "refused 501\n");
	check("GET x HTTP/1.1\r\n" H "\r\n", "refused 400\n");
	check("GET /\xc3\xa4 HTTP/1.1\r\n" H "\r\n", "refused 400\n");
	check("GET /a\tb HTTP/1.1\r\n" H "\r\n", "refused 400\n");
}
END_TEST

START_TEST(line_ends)
{
	check("GET / HTTP/1.1\n" H "\r\n", "refused 400\n");
	check("GET / HTTP/1.1\r\nHost: a\n\r\n", "refused 400\n");
	check(GET "\n", "refused 400\n");
	check("GET / HTTP/1.1\r" H "\r\n", "refused 400\n");
	check(GET "A: b\rC: d\r\n\r\n", "refused 400\n");
	check(GET "A: b\r\r\n\r\n", "refused 400\n");
	check(GET "A: b\r\n c\r\n\r\n", "refused 400\n");
	check(GET "A: b\r\n\tc\r\n\r\n", "refused 400\n");
	check(GET " A: b\r\n\r\n", "refused 400\n");
}
END_TEST

START_TEST(header_lines)
{
	check("GET / HTTP/1.1\r\n\r\n", "refused 400\n");
	check(GET H "\r\n", "refused 400\n");
	check("GET / HTTP/1.1\r\nHost: a b\r\n\r\n", "refused 400\n");
	check("GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", "refused 400\n");
	check("GET / HTTP/1.1\r\nHost: u@a\r\n\r\n", "refused 400\n");
	check(GET "A : b\r\n\r\n", "refused 400\n");
	check(GET ": b\r\n\r\n", "refused 400\n");
	check(GET "A\r\n\r\n", "refused 400\n");
	check(GET "A(: b\r\n\r\n", "refused 400\n");
	check(GET "A: b\x01\r\n\r\n", "refused 400\n");
	check(GET "A: b\x7f\r\n\r\n", "refused 400\n");
	check(GET "A: \xc3\xa4\tb\r\n\r\n", "GET /x keep\nmore between\n");
	check_bytes(GET "A: b\0c\r\n\r\n", strlen(GET) + 11, "refused 400\n");
	check_bytes("GET /\0x HTTP/1.1\r\n" H "\r\n", strlen(H) + 21, "refused 400\n");
	check(GET "Expect: 100-continue\r\n\r\n", "GET /x keep\nmore between\n");
	check(GET "Expect: tea\r\n\r\n", "refused 417\n");
}
END_TEST

START_TEST(smuggling)
{
	static const char *const lengths[] = {
	    "Content-Length: 3\r\nContent-Length: 3",
	    "Content-Length: 3\r\nContent-Length: 4",
	    "Content-Length: 3, 3",
	    "Content-Length: +3",
	    "Content-Length: -3",
	    "Content-Length: 0x3",
	    "Content-Length: 3 3",
	    "Content-Length: 99999999999999999999",
	    "Content-Length:",
	    "Content-Length : 3",
	    "Content-Length: 3\r\nTransfer-Encoding: chunked",
	    "Transfer-Encoding: chunked\r\nContent-Length: 3",
	    "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity",
	    "Transfer-Encoding: chunked, identity",
	    "Transfer-Encoding: gzip",
	    "Transfer-Encoding: xchunked",
	    "Transfer-Encoding: \vchunked",
	    "Transfer-Encoding : chunked",
	    "Transfer-Encoding:\r\n chunked",
	    "X: y\r\n Content-Length: 3",
	};
	static const char *const chunks[] = {
	    "x\r\n",
	    "-1\r\n",
	    "0x1\r\n",
	    "3\r\nabcd\r\n",
	    "3\r\nabc0\r\n\r\n",
	    "\r\n",
	    "11111111111111111\r\n",
	    "3 \r\nabc\r\n",
	    "3\nabc\r\n0\r\n\r\n",
	    "3\r\nabc\n0\r\n\r\n",
	    "3\rabc\r\n0\r\n\r\n",
	};
	char text[512];

	for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
		snprintf(text, sizeof(text), GET "%s\r\n\r\nabc" GET "\r\n", lengths[i]);
		check(text, "refused 400\n");
	}
	for (size_t i = 0; i < sizeof(chunks) / sizeof(chunks[0]); i++) {
		snprintf(text, sizeof(text), GET "Transfer-Encoding: chunked\r\n\r\n%s", chunks[i]);
		check(text, "refused 400\n");
	}
	check("GET / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "refused 400\n");
}
END_TEST

/* @before, @n times @c, @after. */
static char *stuffed(const char *before, size_t n, int c, const char *after)
{
	size_t at = strlen(before);
	char *text = malloc(at + n + strlen(after) + 1);

	ck_assert_ptr_nonnull(text);
	memcpy(text, before, at);
	memset(text + at, c, n);
	strcpy(text + at + n, after);
	return text;
}

static void check_stuffed(const char *before, size_t n, int c, const char *after, const char *want)
{
	static const size_t pieces[] = {0, 1, 1000, 4096, 16384};
	char *text = stuffed(before, n, c, after);

	for (size_t i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++) {
		size_t piece = pieces[i];
		char *got = transcribe(text, strlen(text), cut_at, &piece);

		ck_assert_msg(!strncmp(got, want, strlen(want)), "%zu times '%c' gave %s", n, c,
			      got);
		free(got);
	}
	free(text);
}

START_TEST(limits)
{
	char many[8192];
	size_t n;

	check_stuffed("GET /", 8192 - 16, 'a', " HTTP/1.1\r\n" H "\r\n", "GET /aaa");
	check_stuffed("GET /", 8192 - 15, 'a', " HTTP/1.1\r\n" H "\r\n", "refused 414\n");
	check_stuffed("GET /", 100000, 'a', " HTTP/1.1\r\n" H "\r\n", "refused 414\n");
	check_stuffed("", 100000, 'a', "\r\n", "refused 4");
	check_stuffed("", 100000, 0x80, "\r\n", "refused 400\n");
	check_stuffed(GET "A: ", 65536 - 4 - 9 - 3, 'b', "\r\n\r\n", "GET /x keep\nmore between\n");
	check_stuffed(GET "A: ", 65536 - 4 - 9 - 2, 'b', "\r\n\r\n", "refused 431\n");
	check_stuffed(GET "A: ", 100000, 'b', "\r\n\r\n", "refused 431\n");
	check_stuffed(GET, 100000, 'b', ": a\r\n\r\n", "refused 431\n");
	check_stuffed(GET "Content-Length: 65536\r\n\r\n", 65536, 'b', GET "\r\n",
		      "GET /x keep\nGET /x keep\nmore between\n");
	check_stuffed(GET "Transfer-Encoding: chunked\r\n\r\n1;", 65536, 'b', "\r\na\r\n0\r\n\r\n",
		      "refused 413\n");
	for (unsigned lines = 99; lines < 101; lines++) {
		n = (size_t)sprintf(many, GET);
		for (unsigned i = 0; i < lines; i++)
			n += (size_t)sprintf(many + n, "A%u: b\r\n", i);
		sprintf(many + n, "\r\n");
		check(many, lines == 99 ? "GET /x keep\nmore between\n" : "refused 431\n");
	}
	n = (size_t)sprintf(many, GET);
	for (unsigned i = 0; i < HTTP_FIELDS_MAX; i++)
		n += (size_t)sprintf(many + n, "If-None-Match: \"%u\"\r\n", i);
	sprintf(many + n, "\r\n");
	check(many, "refused 431\n");
}
END_TEST

START_TEST(fields)
{
	static const char text[] =
	    GET "IF-RANGE:\t \"x\" \t\r\nRange:bytes=0-1\r\nRanges: no\r\n\r\n";
	struct http_parser p;
	struct http_span value;
	size_t n;

	ck_assert_int_eq(http_parser_init(&p), 0);
	http_parser_reset(&p);
	memcpy(http_parser_room(&p, &n), text, sizeof(text) - 1);
	http_parser_filled(&p, sizeof(text) - 1);
	ck_assert_int_eq(http_parser_next(&p), HTTP_STEP_REQUEST);
	ck_assert_uint_eq(http_field(&p.request, HTTP_IF_RANGE, &value), 1);
	ck_assert_uint_eq(value.length, 3);
	ck_assert_int_eq(memcmp(http_text(&p.request, value), "\"x\"", 3), 0);
	ck_assert_uint_eq(http_field(&p.request, HTTP_RANGE_FIELD, &value), 1);
	ck_assert_int_eq(memcmp(http_text(&p.request, value), "bytes=0-1", value.length), 0);
	ck_assert_uint_eq(http_field(&p.request, HTTP_IF_MATCH, &value), 0);
	http_parser_fini(&p);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
	    good,         incomplete, bodies, request_lines, line_ends,
	    header_lines, smuggling,  limits, fields,
	};

	return RUN_TESTS("http_request", tests);
}
