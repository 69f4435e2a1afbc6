/* SPDX-License-Identifier: MIT */
/*
 * test_http_path.c - targets to paths: decoding, dots, slashes, and nothing that climbs out.
 */
#include <check.h>
#include <stdio.h>
#include <string.h>

#include "http.h"
#include "unit/suite.h"

static void check_n(const char *target, size_t n, int status, const char *name, bool directory)
{
	struct http_path path;
	int got = http_path_parse(&path, target, n);

	ck_assert_msg(got == status, "'%s' gave %d", target, got);
	if (status)
		return;
	ck_assert_str_eq(path.name, name);
	ck_assert_uint_eq(path.length, strlen(name));
	ck_assert_msg(path.directory == directory, "'%s'", target);
}

static void is(const char *target, const char *name)
{
	check_n(target, strlen(target), 0, name, false);
}

static void is_directory(const char *target, const char *name)
{
	check_n(target, strlen(target), 0, name, true);
}

static void refused(const char *target, int status)
{
	check_n(target, strlen(target), status, "", false);
}

START_TEST(plain)
{
	is_directory("/", ".");
	is("/a", "a");
	is("/a/b.c", "a/b.c");
	is_directory("/a/", "a");
	is_directory("/a/b/", "a/b");
	is("/...", "...");
	is("/.a", ".a");
	is("/..a/a..", "..a/a..");
	is("/a\\b", "a\\b");
	is("/a;b,c=d&e", "a;b,c=d&e");
	is("/~+!$'()*:@", "~+!$'()*:@");
}
END_TEST

START_TEST(decoded)
{
	is("/%61%2Eb%7e", "a.b~");
	is("/%C3%a4%20%25", "\xc3\xa4 %");
	is("/%2541", "%41");
	is("/%0a%0D%09", "\n\r\t");
	is("/%5c%3f%23", "\\?#");
	refused("/%", 400);
	refused("/%1", 400);
	refused("/%g0", 400);
	refused("/%0g", 400);
	refused("/%-1", 400);
	refused("/%%41", 400);
	refused("/%u0041", 400);
	refused("/a%00b", 400);
	refused("/a%2fb", 404);
	refused("/a%2F..", 404);
	check_n("/a\0b", 4, 400, "", false);
}
END_TEST

START_TEST(dots)
{
	is_directory("/.", ".");
	is_directory("/./", ".");
	is_directory("/a/.", "a");
	is_directory("/a/..", ".");
	is_directory("/a/../", ".");
	is("/a/./b", "a/b");
	is("/a/../b", "b");
	is("/a/b/../../c", "c");
	is_directory("/a/b/..", "a");
	is("//a//b", "a/b");
	is_directory("///", ".");
	is_directory("/a//", "a");
	refused("/..", 400);
	refused("/../", 400);
	refused("/../a", 400);
	refused("/a/../../b", 400);
	refused("/a/../..", 400);
	refused("/./..", 400);
	refused("//..", 400);
	refused("/%2e%2e", 400);
	refused("/.%2E/a", 400);
	refused("/%2e./a", 400);
	refused("/a/%2e%2e/%2e%2e/etc/passwd", 400);
	refused("/..%2fetc", 404);
	refused("/%2e%2e%2f%2e%2e%2fetc", 404);
	is("/%252e%252e", "%2e%2e");
	is("/..\\..\\x", "..\\..\\x");
}
END_TEST

START_TEST(forms)
{
	struct http_path path;

	is("http://host/a", "a");
	is("HTTP://host:80/a/../b", "b");
	is("https://h/a?b", "a");
	is_directory("http://host", ".");
	is_directory("http://host?q", ".");
	refused("http:///a", 400);
	refused("http://", 400);
	refused("ftp://h/a", 400);
	refused("a", 400);
	refused("*", 400);
	refused("", 400);
	refused("host:80", 400);
	refused("?a", 400);
	refused("/a#b", 400);
	is("/a?../../b", "a");
	is("/a?%00%zz", "a");
	ck_assert_int_eq(http_path_parse(&path, "/a?b=c", 6), 0);
	ck_assert_uint_eq(path.query.at, 2);
	ck_assert_uint_eq(path.query.length, 4);
	ck_assert_int_eq(http_path_parse(&path, "/a", 2), 0);
	ck_assert_uint_eq(path.query.length, 0);
}
END_TEST

START_TEST(lengths)
{
	char target[2 * HTTP_PATH_MAX];

	for (size_t n = HTTP_PATH_MAX - 8; n < HTTP_PATH_MAX + 4; n++) {
		struct http_path path;
		int status;

		memset(target, 'a', sizeof(target));
		target[0] = '/';
		status = http_path_parse(&path, target, n + 1);
		ck_assert_int_eq(status, n + 2 <= HTTP_PATH_MAX ? 0 : 404);
		if (!status)
			ck_assert_uint_eq(strlen(path.name), n);
		/* What goes away again needs its room for a while. */
		memcpy(target + n + 1, "/../b", 5);
		status = http_path_parse(&path, target, n + 6);
		ck_assert_int_eq(status, n + 5 <= HTTP_PATH_MAX ? 0 : 404);
		if (!status)
			ck_assert_str_eq(path.name, "b");
	}
}
END_TEST

START_TEST(encoded)
{
	char out[64];

	ck_assert_uint_eq(http_path_encode(out, sizeof(out), "a/b c\xff%?#\"<:", 12), 28);
	ck_assert_str_eq(out, "a/b%20c%FF%25%3F%23%22%3C%3A");
}
END_TEST

/* What is encoded is decoded to the same. */
START_TEST(round_trip)
{
	char name[256], target[1024];
	struct http_path path;
	size_t n = 0;

	for (int c = 1; c < 256; c++)
		if (c != '/' && c != '.')
			name[n++] = (char)c;
	name[n] = '\0';
	target[0] = '/';
	ck_assert_uint_lt(http_path_encode(target + 1, sizeof(target) - 1, name, n),
			  sizeof(target) - 1);
	is(target, name);
	ck_assert_int_eq(http_path_parse(&path, target, strlen(target)), 0);
	for (size_t size = 1; size < 8; size++) {
		char small[8];

		memset(small, 'x', sizeof(small));
		http_path_encode(small, size, "a b c", 5);
		ck_assert_uint_lt(strlen(small), size);
	}
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {plain, decoded, dots, forms, lengths, encoded, round_trip};

	return RUN_TESTS("http_path", tests);
}
