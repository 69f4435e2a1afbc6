/* SPDX-License-Identifier: MIT */
/*
 * http_path.c - a request's target as a path below the directory that is served, and back.
 *
 * Percent signs are decoded once, then each part between slashes is looked at: empty ones and "."
 * go, ".." takes the one before it away and may not climb above the top.  That the result stays
 * inside by its links too is the kernel's part (serve_file.c).
 */
#include <string.h>

#include "http.h"

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Where the path begins in the absolute form ("http://host/path"); NULL: it is not that. */
static const char *skip_authority(const char *target, size_t length)
{
	size_t scheme = 0;
	const char *slash;

	if (length >= 7 && http_is_word(target, 7, "http://"))
		scheme = 7;
	else if (length >= 8 && http_is_word(target, 8, "https://"))
		scheme = 8;
	if (scheme == 0 || scheme == length || target[scheme] == '/')
		return NULL;
	for (slash = target + scheme; slash < target + length; slash++)
		if (*slash == '/' || *slash == '?')
			break;
	return slash;
}

/* Ends the part [start, length) of the name.  0 or a status. */
static int end_part(struct http_path *path, size_t start)
{
	const char *part = path->name + start;
	size_t n = path->length - start;

	if (n == 1 && part[0] == '.') {
		path->length = start;
	} else if (n == 2 && part[0] == '.' && part[1] == '.') {
		if (start == 0)
			return 400;
		/* Before @start stands a slash: back to behind the one before that. */
		path->length = start - 1;
		while (path->length && path->name[path->length - 1] != '/')
			path->length--;
	} else if (n) {
		path->name[path->length++] = '/';
	}
	return 0;
}

/* The next byte at *@at, decoded.  0, or the status of one that no name holds. */
static int take_byte(const char **at, const char *end, char *out)
{
	if (**at != '%') {
		*out = *(*at)++;
		return *out ? 0 : 400;
	}
	if (end - *at < 3 || hex_digit((*at)[1]) < 0 || hex_digit((*at)[2]) < 0)
		return 400;
	*out = (char)(hex_digit((*at)[1]) * 16 + hex_digit((*at)[2]));
	*at += 3;
	if (*out == '\0')
		return 400;
	return *out == '/' ? 404 : 0;
}

/* All of [@at, @end), which begins with a slash.  Each part is written with a slash behind it. */
static int take_parts(struct http_path *path, const char *at, const char *end)
{
	size_t start = 0;

	while (at < end) {
		int status;

		if (*at == '/') {
			status = end_part(path, start);
			start = path->length;
			at++;
		} else {
			/* Room for the slash and the zero behind it. */
			if (path->length + 2 >= sizeof(path->name))
				return 404;
			status = take_byte(&at, end, &path->name[path->length]);
			path->length++;
		}
		if (status)
			return status;
	}
	path->directory = start == path->length;
	if (!path->directory) {
		size_t last = path->length - start;
		const char *part = path->name + start;

		/* "/a/." and "/a/.." name directories. */
		path->directory = part[0] == '.' && (last == 1 || (last == 2 && part[1] == '.'));
	}
	return end_part(path, start);
}

int http_path_parse(struct http_path *path, const char *target, size_t length)
{
	const char *end = target + length;
	const char *at = target, *query;
	int status;

	if (length == 0 || memchr(target, '#', length))
		return 400;
	if (*at != '/')
		at = skip_authority(target, length);
	if (!at)
		return 400;
	query = memchr(at, '?', length - (size_t)(at - target));
	query = query ? query : end;
	path->query = (struct http_span){(uint32_t)(query - target), (uint32_t)(end - query)};
	path->length = 0;
	status = take_parts(path, at, query);
	if (status)
		return status;
	if (path->length == 0)
		path->name[path->length++] = '.';
	else
		path->length--; /* the last slash */
	path->name[path->length] = '\0';
	return 0;
}

size_t http_path_encode(char *out, size_t size, const char *name, size_t n)
{
	static const char digits[] = "0123456789ABCDEF";
	size_t at = 0;

	if (size)
		out[0] = '\0';
	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)name[i];
		bool letter = (c | 0x20) >= 'a' && (c | 0x20) <= 'z';
		bool plain = letter || (c >= '0' && c <= '9') || (c && strchr("-._~/", c));
		size_t width = plain ? 1 : 3;

		if (at + width < size) {
			out[at] = plain ? (char)c : '%';
			if (!plain) {
				out[at + 1] = digits[c >> 4];
				out[at + 2] = digits[c & 15];
			}
			out[at + width] = '\0';
		}
		at += width;
	}
	return at;
}
