/* SPDX-License-Identifier: MIT */
/*
 * http_transcript.h - what a parser made of some bytes, as text, however they are cut into pieces:
 *
 *	GET /target keep
 *	POST /other close
 *	refused 400
 *	more between | more
 */
#ifndef TESTS_CLI_HTTP_TRANSCRIPT_H
#define TESTS_CLI_HTTP_TRANSCRIPT_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "http.h"

/* The length of the next piece at @at of @n bytes, 1 or more. */
typedef size_t cut_fn(void *arg, size_t at, size_t n);

/* Takes the steps that are there.  False: nothing more is to be read. */
static inline bool transcribe_steps(struct http_parser *p, FILE *to)
{
	for (;;) {
		const struct http_request *r = &p->request;

		switch (http_parser_next(p)) {
		case HTTP_STEP_MORE:
			return true;
		case HTTP_STEP_BROKEN:
			fprintf(to, "refused %d\n", p->status);
			return false;
		case HTTP_STEP_REQUEST:
			fprintf(to, "%.*s %.*s %s\n", (int)r->method.length,
				http_text(r, r->method), (int)r->target.length,
				http_text(r, r->target),
				r->keep_alive && !r->wants_close ? "keep" : "close");
			if (!r->keep_alive || r->wants_close)
				return false;
		}
	}
}

/* The transcript of @bytes, to be freed; NULL: no memory. */
static inline char *transcribe(const char *bytes, size_t n, cut_fn *cut, void *arg)
{
	struct http_parser p;
	char *text = NULL;
	size_t length = 0, at = 0;
	bool open = true;
	FILE *to = open_memstream(&text, &length);

	if (!to || http_parser_init(&p))
		abort();
	http_parser_reset(&p);
	while (open && at < n) {
		size_t piece = cut(arg, at, n), fits;
		char *room = http_parser_room(&p, &fits);

		if (!room)
			abort();
		piece = piece < fits ? piece : fits;
		memcpy(room, bytes + at, piece);
		http_parser_filled(&p, piece);
		at += piece;
		open = transcribe_steps(&p, to);
	}
	if (open)
		fprintf(to, "more%s\n", http_parser_is_between(&p) ? " between" : "");
	fclose(to);
	http_parser_fini(&p);
	return text;
}

#endif
