/* SPDX-License-Identifier: MIT */
/*
 * http_response.c - answers as text: status lines, heads, short bodies; content types by extension.
 */
#include <stdio.h>
#include <string.h>

#include "http.h"

static const struct {
	int status;
	const char *text;
} statuses[] = {
    {200, "200 OK"},
    {206, "206 Partial Content"},
    {301, "301 Moved Permanently"},
    {304, "304 Not Modified"},
    {400, "400 Bad Request"},
    {403, "403 Forbidden"},
    {404, "404 Not Found"},
    {405, "405 Method Not Allowed"},
    {408, "408 Request Timeout"},
    {412, "412 Precondition Failed"},
    {413, "413 Content Too Large"},
    {414, "414 URI Too Long"},
    {416, "416 Range Not Satisfiable"},
    {417, "417 Expectation Failed"},
    {431, "431 Request Header Fields Too Large"},
    {500, "500 Internal Server Error"},
    {501, "501 Not Implemented"},
    {503, "503 Service Unavailable"},
    {505, "505 HTTP Version Not Supported"},
};

static const struct {
	const char *extension, *type;
} types[] = {
    {"html", "text/html; charset=utf-8"},
    {"htm", "text/html; charset=utf-8"},
    {"css", "text/css; charset=utf-8"},
    {"js", "text/javascript; charset=utf-8"},
    {"mjs", "text/javascript; charset=utf-8"},
    {"txt", "text/plain; charset=utf-8"},
    {"md", "text/markdown; charset=utf-8"},
    {"c", "text/plain; charset=utf-8"},
    {"h", "text/plain; charset=utf-8"},
    {"csv", "text/csv; charset=utf-8"},
    {"xml", "application/xml"},
    {"json", "application/json"},
    {"pdf", "application/pdf"},
    {"wasm", "application/wasm"},
    {"zip", "application/zip"},
    {"gz", "application/gzip"},
    {"svg", "image/svg+xml"},
    {"png", "image/png"},
    {"jpg", "image/jpeg"},
    {"jpeg", "image/jpeg"},
    {"gif", "image/gif"},
    {"webp", "image/webp"},
    {"avif", "image/avif"},
    {"ico", "image/vnd.microsoft.icon"},
    {"mp3", "audio/mpeg"},
    {"ogg", "audio/ogg"},
    {"wav", "audio/wav"},
    {"mp4", "video/mp4"},
    {"webm", "video/webm"},
    {"woff", "font/woff"},
    {"woff2", "font/woff2"},
    {"ttf", "font/ttf"},
};

const char *http_status_text(int status)
{
	for (size_t i = 0; i < sizeof(statuses) / sizeof(statuses[0]); i++)
		if (statuses[i].status == status)
			return statuses[i].text;
	return "500 Internal Server Error";
}

const char *http_type_of(const char *name, size_t length)
{
	size_t from = length;

	while (from && name[from - 1] != '.' && name[from - 1] != '/')
		from--;
	if (from > 1 && name[from - 1] == '.' && name[from - 2] != '/')
		for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++)
			if (http_is_word(name + from, length - from, types[i].extension))
				return types[i].type;
	return "application/octet-stream";
}

static void put(struct http_out *out, const char *text, size_t n)
{
	memcpy(out->text + out->n, text, n);
	out->n += n;
}

#define PUT(out, literal) put(out, literal, sizeof(literal) - 1)

static void put_text(struct http_out *out, const char *text)
{
	put(out, text, strlen(text));
}

static void put_number(struct http_out *out, uint64_t value)
{
	char digits[20];
	size_t at = sizeof(digits);

	do {
		digits[--at] = (char)('0' + value % 10);
		value /= 10;
	} while (value);
	put(out, digits + at, sizeof(digits) - at);
}

/* What every answer begins with. */
static void put_start(struct http_out *out, const struct http_head *head, int status)
{
	PUT(out, "HTTP/1.1 ");
	put_text(out, http_status_text(status));
	PUT(out, "\r\nServer: thrum\r\nDate: ");
	put(out, head->date, HTTP_DATE_LENGTH);
	if (head->close)
		PUT(out, "\r\nConnection: close");
	else if (head->request && head->request->minor_zero)
		PUT(out, "\r\nConnection: keep-alive");
}

static void put_length(struct http_out *out, uint64_t length)
{
	PUT(out, "\r\nContent-Length: ");
	put_number(out, length);
}

static void put_range(struct http_out *out, const struct http_answer *a, uint64_t size)
{
	PUT(out, "\r\nContent-Range: bytes ");
	if (a->status == 416) {
		PUT(out, "*");
	} else {
		put_number(out, a->from);
		PUT(out, "-");
		put_number(out, a->from + a->length - 1);
	}
	PUT(out, "/");
	put_number(out, size);
}

void http_put_answer(struct http_out *out, const struct http_head *head,
		     const struct http_answer *a, const struct http_entity *e)
{
	put_start(out, head, a->status);
	if (a->status == 200 || a->status == 206) {
		PUT(out, "\r\nContent-Type: ");
		put_text(out, e->type);
	}
	if (a->status != 304)
		put_length(out, a->length);
	if (a->status == 206 || a->status == 416)
		put_range(out, a, e->size);
	if (a->status == 200 || a->status == 206 || a->status == 304) {
		PUT(out, "\r\nLast-Modified: ");
		put(out, e->modified_text, HTTP_DATE_LENGTH);
		PUT(out, "\r\nETag: ");
		put(out, e->etag, e->etag_length);
	}
	PUT(out, "\r\nAccept-Ranges: bytes\r\n\r\n");
}

void http_put_status(struct http_out *out, const struct http_head *head, int status,
		     const char *location)
{
	const char *text = http_status_text(status);

	put_start(out, head, status);
	if (status == 405)
		PUT(out, "\r\nAllow: GET, HEAD");
	if (status == 503)
		PUT(out, "\r\nRetry-After: 1");
	if (location) {
		PUT(out, "\r\nLocation: ");
		put_text(out, location);
	}
	PUT(out, "\r\nContent-Type: text/plain; charset=utf-8");
	put_length(out, strlen(text) + 1);
	PUT(out, "\r\n\r\n");
	if (!head->request || !head->request->head) {
		put_text(out, text);
		PUT(out, "\n");
	}
}

void http_put_page(struct http_out *out, const struct http_head *head, uint64_t length)
{
	put_start(out, head, 200);
	PUT(out, "\r\nContent-Type: text/html; charset=utf-8");
	put_length(out, length);
	PUT(out, "\r\n\r\n");
}
