/* SPDX-License-Identifier: MIT */
/*
 * http.h - HTTP/1.1 as a server of files needs it (RFC 9110, 9112), without sockets and files:
 * bytes to requests, targets to paths, conditions and ranges to answers, answers to bytes.
 *
 * Nothing here waits, takes a lock or calls the system but for memory.
 */
#ifndef THRUM_HTTP_H
#define THRUM_HTTP_H

#include <llhttp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

/* Limits: past them a request is refused with 414, 431 or 413. */
#define HTTP_LINE_MAX 8192      /* the request line */
#define HTTP_HEAD_MAX 65536     /* all header lines together */
#define HTTP_HEADERS_MAX 100    /* their number */
#define HTTP_FIELDS_MAX 16      /* those among them that matter here */
#define HTTP_BODY_MAX 65536     /* a body, which is read and dropped */
#define HTTP_BUFFER_BYTES 16384 /* of input; grows up to what the limits allow */
#define HTTP_PATH_MAX 4096
#define HTTP_ANSWER_HEAD_MAX 1024 /* an answer's head, what it says of the path excepted */
#define HTTP_DATE_LENGTH 29       /* "Sun, 06 Nov 1994 08:49:37 GMT" */
#define HTTP_ETAG_MAX 72

/* A piece of the current message, by its distance from the message's first byte. */
struct http_span {
	uint32_t at;
	uint32_t length;
};

/* Headers that change an answer; all others are only checked for their form. */
enum http_field_name {
	HTTP_FIELD_NONE,
	HTTP_IF_MATCH,
	HTTP_IF_NONE_MATCH,
	HTTP_IF_MODIFIED_SINCE,
	HTTP_IF_UNMODIFIED_SINCE,
	HTTP_IF_RANGE,
	HTTP_RANGE_FIELD,
	HTTP_EXPECT_FIELD,
	HTTP_HOST_FIELD,
};

struct http_field {
	enum http_field_name name;
	struct http_span value;
};

struct http_request {
	const char *text;        /* the message's first byte: what spans count from */
	struct http_span method; /* as sent */
	struct http_span target;
	struct http_field fields[HTTP_FIELDS_MAX];
	unsigned n_fields;
	bool get, head;   /* neither: a method that files do not have */
	bool keep_alive;  /* the client wants to go on */
	bool minor_zero;  /* HTTP/1.0: keeping alive must be said */
	bool wants_close; /* what follows cannot be trusted, or was not read */
};

enum http_step {
	HTTP_STEP_MORE,    /* all input is used up and no request is complete */
	HTTP_STEP_REQUEST, /* parser->request is; its text lasts until the next step */
	HTTP_STEP_BROKEN,  /* parser->status says why; what follows cannot be understood */
};

enum http_phase { HTTP_PHASE_HEAD, HTTP_PHASE_BODY, HTTP_PHASE_DONE, HTTP_PHASE_BROKEN };

/*
 * One connection's input while a request is under way.  The buffer holds
 *
 *	[from, at)  the current message as far as it is understood
 *	[at, to)    what came after that
 *
 * A head is looked at as a whole: it waits in the buffer until its last byte is there.
 */
struct http_parser {
	char *buffer;
	size_t capacity;
	size_t from, at, to;
	size_t line;        /* HEAD: where the line begins that is not complete yet */
	size_t seen;        /* HEAD: up to where its end was looked for */
	size_t headers;     /* HEAD: where the header lines begin */
	size_t head_end;    /* BODY */
	unsigned lines;     /* HEAD: complete lines so far, the request line included */
	uint64_t body_left; /* BODY: how much of HTTP_BODY_MAX is left */
	enum http_phase phase;
	int status;            /* BROKEN: what to answer */
	bool wants_continue;   /* BODY: the client waits for 100 before it sends the body */
	struct http_span name; /* of the header whose value comes next */
	unsigned hosts;
	bool fields_overflow;
	llhttp_t machine;
	struct http_request request;
};

/* http_parser_init, _fini - 0, or -ENOMEM.  A parser starts a connection or goes on with one whose
 * last request was answered and whose input was used up. */
int http_parser_init(struct http_parser *p);
void http_parser_fini(struct http_parser *p);
/* http_parser_reset - forget all input, for the next connection; the memory stays. */
void http_parser_reset(struct http_parser *p);
/* http_parser_room - where the next bytes go, and how many fit into *@n (at least one); NULL: no
 * memory.  http_parser_filled - so many are there now. */
char *http_parser_room(struct http_parser *p, size_t *n);
void http_parser_filled(struct http_parser *p, size_t n);
/* http_parser_next - the next step.  After HTTP_STEP_MORE more input is wanted. */
enum http_step http_parser_next(struct http_parser *p);
/* http_parser_is_between - after HTTP_STEP_MORE: no byte of a next request has come. */
bool http_parser_is_between(const struct http_parser *p);

/* http_scan - looks for the end of the head in [at, to): 1 found, p->at is behind it; 0 not there
 * yet; else the status to refuse it with. */
int http_scan(struct http_parser *p);

static inline const char *http_text(const struct http_request *r, struct http_span s)
{
	return r->text + s.at;
}

/* http_field - the number of fields with that name; *@out: the first. */
unsigned http_field(const struct http_request *r, enum http_field_name name, struct http_span *out);

/* http_is_word - is @text the word @word, in small or capital letters? */
bool http_is_word(const char *text, size_t length, const char *word);

/* A target as a path below the directory that is served. */
struct http_path {
	char name[HTTP_PATH_MAX]; /* relative, no empty, "." or ".." part; "." alone: the top */
	size_t length;
	bool directory;         /* the target ended in a slash */
	struct http_span query; /* within the target, with its question mark; may be empty */
};

/* http_path_parse - 0, or the status to refuse it with: 400, 404 (names nothing that can exist). */
int http_path_parse(struct http_path *path, const char *target, size_t length);
/* http_path_encode - percent-encode @n bytes of @name, slashes kept; the length as snprintf does.
 * */
size_t http_path_encode(char *out, size_t size, const char *name, size_t n);

/* http_date_format - HTTP_DATE_LENGTH bytes, no zero.  http_date_parse - any of the three forms;
 * @now places years of two digits.  Returns false: it is none. */
void http_date_format(char *out, time_t t);
bool http_date_parse(const char *text, size_t length, time_t now, time_t *out);

/* What an answer tells of a file. */
struct http_entity {
	uint64_t size;
	time_t modified;
	char modified_text[HTTP_DATE_LENGTH];
	char etag[HTTP_ETAG_MAX]; /* with its quotes; empty: has none */
	size_t etag_length;
	const char *type;
};

/* http_entity_mark - its dates and a strong tag, from what changes when the file does; @e->size is
 * set. */
void http_entity_mark(struct http_entity *e, const struct timespec *modified, uint64_t inode);

/* An answer to be. */
struct http_answer {
	int status;
	uint64_t from, length; /* the part of the entity that goes out */
	bool body;             /* false: the head alone */
	bool close;
};

/* http_decide - 200, 206, 304, 412 or 416 by the request's conditions and range (section 13.2 of
 * RFC 9110); @now as above. */
void http_decide(struct http_answer *a, const struct http_request *r, const struct http_entity *e,
		 time_t now);
/* http_range_parse - one range of @size bytes: 206, 416, or 200: none, or one that is ignored
 * (several, another unit, bad form). */
int http_range_parse(const char *text, size_t length, uint64_t size, uint64_t *from, uint64_t *n);

/* Text that is put together in a buffer of fixed size; the caller sees to it that it fits. */
struct http_out {
	char *text;
	size_t n, size;
};

/* A request's first bytes of answer, as far as they are the same for all. */
struct http_head {
	const struct http_request *request; /* NULL: it could not be read */
	const char *date;                   /* HTTP_DATE_LENGTH bytes */
	bool close;
};

const char *http_status_text(int status);
/* http_type_of - by the name's extension. */
const char *http_type_of(const char *name, size_t length);
/* http_put_answer - the head for @e's file by @a: at most HTTP_ANSWER_HEAD_MAX bytes. */
void http_put_answer(struct http_out *out, const struct http_head *head,
		     const struct http_answer *a, const struct http_entity *e);
/* http_put_status - a whole answer with a line of text that says the status; at most
 * HTTP_ANSWER_HEAD_MAX bytes and @location's (NULL: none). */
void http_put_status(struct http_out *out, const struct http_head *head, int status,
		     const char *location);
/* http_put_page - the head before @length bytes of HTML. */
void http_put_page(struct http_out *out, const struct http_head *head, uint64_t length);

#endif
