/* SPDX-License-Identifier: MIT */
/*
 * http_conditions.c - what a request's conditions and range make of an answer (sections 13 and 14
 * of RFC 9110).
 *
 * A condition whose form is bad, or that stands there twice where only one may, counts as absent; a
 * range counts as absent too, and the whole is sent.
 */
#include <string.h>

#include "http.h"

static size_t put_hex(char *out, uint64_t value)
{
	size_t n = 1;

	while (n < 16 && value >> (4 * n))
		n++;
	for (size_t i = n; i-- > 0; value >>= 4)
		out[i] = "0123456789abcdef"[value & 15];
	return n;
}

void http_entity_mark(struct http_entity *e, const struct timespec *modified, uint64_t inode)
{
	char *to = e->etag;

	e->modified = modified->tv_sec;
	http_date_format(e->modified_text, e->modified);
	*to++ = '"';
	to += put_hex(to, (uint64_t)modified->tv_sec * 1000000000u + (uint64_t)modified->tv_nsec);
	*to++ = '-';
	to += put_hex(to, e->size);
	*to++ = '-';
	to += put_hex(to, inode);
	*to++ = '"';
	e->etag_length = (size_t)(to - e->etag);
}

static const char *skip_blanks(const char *at, const char *end)
{
	while (at < end && (*at == ' ' || *at == '\t' || *at == ','))
		at++;
	return at;
}

/* Is @e's tag in the list?  A weak one in the list counts only if @weak. */
static bool list_has(const char *at, size_t length, const struct http_entity *e, bool weak)
{
	const char *end = at + length;

	while ((at = skip_blanks(at, end)) < end) {
		bool is_weak = end - at > 2 && at[0] == 'W' && at[1] == '/';
		const char *tag = at + (is_weak ? 2 : 0);
		const char *close;

		if (*tag != '"')
			return false;
		close = memchr(tag + 1, '"', (size_t)(end - tag - 1));
		if (!close)
			return false;
		at = close + 1;
		if (is_weak && !weak)
			continue;
		if ((size_t)(at - tag) == e->etag_length && !memcmp(tag, e->etag, e->etag_length))
			return true;
	}
	return false;
}

/* Is there a field @name, and does one of them match @e? */
static bool tags_say(const struct http_request *r, enum http_field_name name,
		     const struct http_entity *e, bool weak, bool *match)
{
	bool any = false;

	*match = false;
	for (unsigned i = 0; i < r->n_fields; i++) {
		const char *text = http_text(r, r->fields[i].value);
		size_t length = r->fields[i].value.length;

		if (r->fields[i].name != name)
			continue;
		any = true;
		*match |= (length == 1 && *text == '*') || list_has(text, length, e, weak);
	}
	return any;
}

/* Is there one good field @name, and when is it? */
static bool date_says(const struct http_request *r, enum http_field_name name, time_t now,
		      time_t *when)
{
	struct http_span value;

	return http_field(r, name, &value) == 1 &&
	       http_date_parse(http_text(r, value), value.length, now, when);
}

/* 0: go on; 304, 412. */
static int check_conditions(const struct http_request *r, const struct http_entity *e, time_t now)
{
	bool match;
	time_t when;

	if (tags_say(r, HTTP_IF_MATCH, e, false, &match)) {
		if (!match)
			return 412;
	} else if (date_says(r, HTTP_IF_UNMODIFIED_SINCE, now, &when)) {
		if (e->modified > when)
			return 412;
	}
	if (tags_say(r, HTTP_IF_NONE_MATCH, e, true, &match))
		return match ? 304 : 0;
	if (date_says(r, HTTP_IF_MODIFIED_SINCE, now, &when) && e->modified <= when)
		return 304;
	return 0;
}

/* Does If-Range, if there is one, say that the range is of this file?  A date is strong only if the
 * file was not changed in the minute before the client can have seen it. */
static bool range_holds(const struct http_request *r, const struct http_entity *e, time_t now)
{
	struct http_span value;
	unsigned n = http_field(r, HTTP_IF_RANGE, &value);
	const char *text;
	time_t when;

	if (n != 1)
		return n == 0;
	text = http_text(r, value);
	if (value.length && (*text == '"' || *text == 'W'))
		return value.length == e->etag_length && !memcmp(text, e->etag, value.length);
	return http_date_parse(text, value.length, now, &when) && when == e->modified &&
	       now - e->modified >= 60;
}

/* A run of digits at *@at, saturated; false: there is none. */
static bool take_number(const char **at, const char *end, uint64_t *out)
{
	const char *from = *at;
	uint64_t value = 0;

	for (; *at < end && **at >= '0' && **at <= '9'; ++*at) {
		unsigned digit = (unsigned)(**at - '0');

		value = value > (UINT64_MAX - digit) / 10 ? UINT64_MAX : value * 10 + digit;
	}
	*out = value;
	return *at > from;
}

int http_range_parse(const char *text, size_t length, uint64_t size, uint64_t *from, uint64_t *n)
{
	const char *at = text + 6, *end = text + length;
	uint64_t first, last;
	bool has_first, has_last;

	if (length < 6 || !http_is_word(text, 6, "bytes="))
		return 200;
	while (at < end && (*at == ' ' || *at == '\t'))
		at++;
	has_first = take_number(&at, end, &first);
	if (at == end || *at++ != '-')
		return 200;
	has_last = take_number(&at, end, &last);
	if (at != end || (!has_first && !has_last) || (has_first && has_last && last < first))
		return 200;
	if (!has_first) {
		if (last == 0 || size == 0)
			return 416;
		*n = last < size ? last : size;
		*from = size - *n;
		return 206;
	}
	if (first >= size)
		return 416;
	*from = first;
	*n = (has_last && last < size - 1 ? last : size - 1) - first + 1;
	return 206;
}

void http_decide(struct http_answer *a, const struct http_request *r, const struct http_entity *e,
		 time_t now)
{
	struct http_span value;
	int status = check_conditions(r, e, now);

	*a = (struct http_answer){.status = 200, .length = e->size, .body = !r->head};
	if (status) {
		a->status = status;
		a->length = 0;
		a->body = false;
		return;
	}
	if (!r->get || http_field(r, HTTP_RANGE_FIELD, &value) != 1 || !range_holds(r, e, now))
		return;
	a->status =
	    http_range_parse(http_text(r, value), value.length, e->size, &a->from, &a->length);
	if (a->status == 416) {
		a->length = 0;
		a->body = false;
	}
}
