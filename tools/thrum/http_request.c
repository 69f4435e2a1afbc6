/* SPDX-License-Identifier: MIT */
/*
 * http_request.c - bytes to requests, in two steps.  http_scan (http_scan.c) finds the end of a
 * head and refuses what one reader may take for an end of line and another may not; llhttp, in its
 * strict mode and with no lenience, then reads the head in one piece, and the body as it comes.
 *
 * States: HEAD until a head is complete, BODY until its body is dropped, DONE while the caller
 * answers, back to HEAD with its next step; BROKEN for good.  Each message gets a machine of its
 * own, so that nothing of one message can bend the next.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "http.h"

#define ROOM_MIN 1024 /* what one read asks for at least */

static const struct {
	const char *name;
	enum http_field_name is;
} wanted[] = {
    {"host", HTTP_HOST_FIELD},
    {"range", HTTP_RANGE_FIELD},
    {"expect", HTTP_EXPECT_FIELD},
    {"if-match", HTTP_IF_MATCH},
    {"if-range", HTTP_IF_RANGE},
    {"if-none-match", HTTP_IF_NONE_MATCH},
    {"if-modified-since", HTTP_IF_MODIFIED_SINCE},
    {"if-unmodified-since", HTTP_IF_UNMODIFIED_SINCE},
};

bool http_is_word(const char *text, size_t length, const char *word)
{
	return length == strlen(word) && strncasecmp(text, word, length) == 0;
}

static enum http_field_name field_name(const char *text, size_t length)
{
	char first = (char)(*text | 0x20);

	if (first != 'h' && first != 'r' && first != 'e' && first != 'i')
		return HTTP_FIELD_NONE;
	for (size_t i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++)
		if (http_is_word(text, length, wanted[i].name))
			return wanted[i].is;
	return HTTP_FIELD_NONE;
}

unsigned http_field(const struct http_request *r, enum http_field_name name, struct http_span *out)
{
	unsigned n = 0;

	*out = (struct http_span){0, 0};
	for (unsigned i = 0; i < r->n_fields; i++)
		if (r->fields[i].name == name && n++ == 0)
			*out = r->fields[i].value;
	return n;
}

/* llhttp's callbacks.  0: go on; HPE_PAUSED: stop here. */

static struct http_span span_of(const struct http_parser *p, const char *text, size_t length)
{
	return (struct http_span){(uint32_t)(text - (p->buffer + p->from)), (uint32_t)length};
}

static int take_target(llhttp_t *machine, const char *text, size_t length)
{
	struct http_parser *p = machine->data;

	p->request.target = span_of(p, text, length);
	return 0;
}

static int take_name(llhttp_t *machine, const char *text, size_t length)
{
	struct http_parser *p = machine->data;

	p->name = span_of(p, text, length);
	return 0;
}

static int take_value(llhttp_t *machine, const char *text, size_t length)
{
	struct http_parser *p = machine->data;
	struct http_request *r = &p->request;
	enum http_field_name name;

	if (p->phase != HTTP_PHASE_HEAD) /* a trailer: dropped as the body is */
		return 0;
	name = field_name(http_text(r, p->name), p->name.length);
	if (name == HTTP_FIELD_NONE)
		return 0;
	while (length && (text[length - 1] == ' ' || text[length - 1] == '\t'))
		length--;
	if (name == HTTP_HOST_FIELD)
		p->hosts++;
	if (r->n_fields == HTTP_FIELDS_MAX) {
		p->fields_overflow = true;
		return 0;
	}
	r->fields[r->n_fields++] = (struct http_field){name, span_of(p, text, length)};
	return 0;
}

static int end_head(llhttp_t *machine)
{
	struct http_parser *p = machine->data;
	struct http_request *r = &p->request;

	r->get = machine->method == HTTP_GET;
	r->head = machine->method == HTTP_HEAD;
	r->minor_zero = machine->http_minor == 0;
	r->keep_alive = llhttp_should_keep_alive(machine);
	/* An upgrade is an offer that may be passed over, and CONNECT ends in a refusal. */
	machine->upgrade = 0;
	r->wants_close = machine->method == HTTP_CONNECT;
	return 0;
}

static int end_message(llhttp_t *machine)
{
	struct http_parser *p = machine->data;

	p->phase = HTTP_PHASE_DONE;
	return HPE_PAUSED;
}

static const llhttp_settings_t callbacks = {
    .on_url = take_target,
    .on_header_field = take_name,
    .on_header_value = take_value,
    .on_headers_complete = end_head,
    .on_message_complete = end_message,
};

/* The buffer. */

static void begin_message(struct http_parser *p, size_t from)
{
	p->from = p->at = p->line = p->seen = from;
	p->lines = 0;
	p->phase = HTTP_PHASE_HEAD;
}

void http_parser_reset(struct http_parser *p)
{
	p->to = 0;
	begin_message(p, 0);
}

int http_parser_init(struct http_parser *p)
{
	memset(p, 0, sizeof(*p));
	p->buffer = malloc(HTTP_BUFFER_BYTES);
	if (!p->buffer)
		return -ENOMEM;
	p->capacity = HTTP_BUFFER_BYTES;
	return 0;
}

void http_parser_fini(struct http_parser *p)
{
	free(p->buffer);
	p->buffer = NULL;
}

/* The current message goes to the front. */
static void move_down(struct http_parser *p)
{
	size_t by = p->from;

	if (by == 0)
		return;
	memmove(p->buffer, p->buffer + by, p->to - by);
	p->from = 0;
	p->at -= by;
	p->to -= by;
	p->line -= by;
	p->seen -= by;
	p->headers -= by;
	p->head_end -= by;
}

char *http_parser_room(struct http_parser *p, size_t *n)
{
	/* Of a body nothing is kept. */
	if (p->phase == HTTP_PHASE_BODY)
		p->at = p->to = p->head_end;
	if (p->from == p->to)
		http_parser_reset(p);
	if (p->capacity - p->to < p->capacity / 2)
		move_down(p);
	if (p->capacity - p->to < ROOM_MIN) {
		char *larger = realloc(p->buffer, p->capacity * 2);

		if (!larger)
			return NULL;
		p->buffer = larger;
		p->capacity *= 2;
	}
	*n = p->capacity - p->to;
	return p->buffer + p->to;
}

void http_parser_filled(struct http_parser *p, size_t n)
{
	p->to += n;
}

bool http_parser_is_between(const struct http_parser *p)
{
	return p->phase == HTTP_PHASE_HEAD && p->from == p->to;
}

/* The steps. */

static enum http_step broken(struct http_parser *p, int status)
{
	p->phase = HTTP_PHASE_BROKEN;
	p->status = status;
	return HTTP_STEP_BROKEN;
}

/* What llhttp's @error means to the client. */
static int status_of(llhttp_errno_t error)
{
	if (error == HPE_INVALID_METHOD)
		return 501;
	if (error == HPE_INVALID_VERSION)
		return 505;
	return 400;
}

static bool is_host(const char *text, size_t length)
{
	for (size_t i = 0; i < length; i++) {
		unsigned char c = (unsigned char)text[i];
		bool letter = (c | 0x20) >= 'a' && (c | 0x20) <= 'z';

		if (letter || (c >= '0' && c <= ':') || c == '.' || c == '-')
			continue;
		if (!strchr("_~!$&'()*+,;=%[]", c))
			return false;
	}
	return true;
}

/* What is wrong with a head that is well-formed: 0, or a status. */
static int check_head(struct http_parser *p)
{
	const struct http_request *r = &p->request;
	struct http_span value;

	if (p->hosts > 1 || (p->hosts == 0 && !r->minor_zero))
		return 400;
	if (http_field(r, HTTP_HOST_FIELD, &value) && !is_host(http_text(r, value), value.length))
		return 400;
	if (p->fields_overflow)
		return 431;
	/* Who speaks 1.0 does not know it, and somebody between may have passed it over. */
	if (r->minor_zero && (p->machine.flags & F_TRANSFER_ENCODING))
		return 400;
	if (!(p->machine.flags & F_CHUNKED) && p->machine.content_length > HTTP_BODY_MAX)
		return 413;
	if (!r->minor_zero && http_field(r, HTTP_EXPECT_FIELD, &value)) {
		if (!http_is_word(http_text(r, value), value.length, "100-continue"))
			return 417;
		p->wants_continue = p->at == p->to;
	}
	return 0;
}

/* The head [from, at) is there.  HTTP_STEP_MORE: a body follows. */
static enum http_step read_head(struct http_parser *p)
{
	const char *text = p->buffer + p->from;
	size_t length = p->at - p->from;
	bool bodiless;
	llhttp_errno_t error;
	int status;

	memset(&p->request, 0, offsetof(struct http_request, fields));
	p->request.n_fields = 0;
	p->request.text = text;
	p->request.method.length = (uint32_t)((const char *)memchr(text, ' ', length) - text);
	p->hosts = 0;
	p->fields_overflow = p->wants_continue = false;
	p->body_left = HTTP_BODY_MAX;
	llhttp_init(&p->machine, HTTP_REQUEST, &callbacks);
	p->machine.data = p;
	error = llhttp_execute(&p->machine, text, length);
	bodiless = p->phase == HTTP_PHASE_DONE;
	if (error != HPE_OK && !(error == HPE_PAUSED && bodiless))
		return broken(p, status_of(error));
	status = check_head(p);
	if (status)
		return broken(p, status);
	if (bodiless)
		return HTTP_STEP_REQUEST;
	/* What stands behind chunks is not read on: two who disagree about their end would read
	 * two different requests there. */
	if (p->machine.flags & F_CHUNKED)
		p->request.wants_close = true;
	p->phase = HTTP_PHASE_BODY;
	p->head_end = p->at;
	return HTTP_STEP_MORE;
}

/* Passes [at, to) to the machine, as far as this body goes. */
static enum http_step read_body(struct http_parser *p)
{
	const char *text = p->buffer + p->at;
	llhttp_errno_t error = llhttp_execute(&p->machine, text, p->to - p->at);
	size_t used = p->to - p->at;

	if (p->phase == HTTP_PHASE_DONE)
		used = (size_t)(llhttp_get_error_pos(&p->machine) - text);
	else if (error != HPE_OK)
		return broken(p, 400);
	if (used > p->body_left)
		return broken(p, 413);
	p->body_left -= used;
	p->at += used;
	return p->phase == HTTP_PHASE_DONE ? HTTP_STEP_REQUEST : HTTP_STEP_MORE;
}

enum http_step http_parser_next(struct http_parser *p)
{
	enum http_step step = HTTP_STEP_MORE;

	if (p->phase == HTTP_PHASE_DONE)
		begin_message(p, p->at);
	if (p->phase == HTTP_PHASE_HEAD) {
		int found = http_scan(p);

		if (found > 1)
			return broken(p, found);
		if (found)
			step = read_head(p);
	}
	if (p->phase == HTTP_PHASE_BODY && p->at < p->to)
		step = read_body(p);
	/* The buffer may have moved while the body came. */
	p->request.text = p->buffer + p->from;
	return p->phase == HTTP_PHASE_BROKEN ? HTTP_STEP_BROKEN : step;
}
