/* SPDX-License-Identifier: MIT */
/*
 * http_scan.c - where a request's head ends, line by line as the bytes come, and the limits on it.
 *
 * It is stricter than it would have to be: a line ends in CR LF and has neither of them elsewhere,
 * no header line begins with a blank or has no name.  What RFC 9112 lets a reader mend (sections
 * 2.2 and 5.2) two readers in a row may mend differently, and then see different requests.  What a
 * line says is left to llhttp, but for the request line's shape, which decides between 400, 414,
 * 501 and 505.
 */
#include <string.h>

#include "http.h"

static bool is_token(char c)
{
	unsigned char lower = (unsigned char)c | 0x20;

	return (lower >= 'a' && lower <= 'z') || (c >= '0' && c <= '9') ||
	       (c && strchr("!#$%&'*+-.^_`|~", c));
}

/* The request line without its end: 0, or a status. */
static int check_request_line(const char *line, size_t length)
{
	const char *end = line + length;
	const char *method_end = memchr(line, ' ', length);
	const char *target_end =
	    method_end ? memchr(method_end + 1, ' ', (size_t)(end - method_end - 1)) : NULL;
	const char *version = target_end ? target_end + 1 : end;

	if (end - version != 8 || memcmp(version, "HTTP/", 5) != 0 || version[6] != '.')
		return 400;
	if (version[5] < '0' || version[5] > '9' || version[7] < '0' || version[7] > '9')
		return 400;
	if (method_end == line || target_end == method_end + 1)
		return 400;
	for (const char *c = line; c < method_end; c++)
		if (!is_token(*c))
			return 400;
	return version[5] == '1' ? 0 : 505;
}

/* A complete line, CR LF included.  0: go on; 1: the empty one that ends the head; or a status. */
static int take_line(struct http_parser *p, const char *line, size_t length)
{
	if (length < 2 || line[length - 2] != '\r' || memchr(line, '\r', length - 2))
		return 400;
	if (p->lines == 0) {
		if (length == 2) { /* empty lines before a request are passed over */
			p->from = p->seen;
			return 0;
		}
		p->lines = 1;
		p->headers = p->seen;
		if (length > HTTP_LINE_MAX)
			return 414;
		return check_request_line(line, length - 2);
	}
	if (p->seen - p->headers > HTTP_HEAD_MAX)
		return 431;
	if (length == 2)
		return 1;
	if (*line == ' ' || *line == '\t' || *line == ':')
		return 400;
	return p->lines++ > HTTP_HEADERS_MAX ? 431 : 0;
}

/* A line that has not ended: 0, or the status it can be refused with already. */
static int check_rest(const struct http_parser *p)
{
	const char *line = p->buffer + p->line;
	size_t length = p->to - p->line;

	if (length == 0)
		return 0;
	if (p->lines)
		return p->to - p->headers > HTTP_HEAD_MAX ? 431 : 0;
	if (!is_token(*line) && *line != '\r')
		return 400;
	if (length > HTTP_LINE_MAX)
		return memchr(line, ' ', length) ? 414 : 400;
	return 0;
}

int http_scan(struct http_parser *p)
{
	while (p->seen < p->to) {
		const char *line = p->buffer + p->line;
		const char *end = memchr(p->buffer + p->seen, '\n', p->to - p->seen);
		int found;

		if (!end) {
			p->seen = p->to;
			return check_rest(p);
		}
		p->seen = (size_t)(end - p->buffer) + 1;
		found = take_line(p, line, (size_t)(end - line) + 1);
		p->line = p->seen;
		if (found) {
			p->at = p->seen;
			return found;
		}
	}
	return 0;
}
