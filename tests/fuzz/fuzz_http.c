/* SPDX-License-Identifier: MIT */
/*
 * fuzz_http.c - a connection of thrum serve without a socket: serve_connection.c, serve_answer.c,
 * serve_exchange.c and http_*.c, with all that they call played here.
 *
 * Each input is served three times: in pieces as large as they can be; in pieces as the script
 * says, which must give the same answers; and with errors, deadlines and short writes between,
 * which must end in order.  What was answered must be answers, one after another, with the bodies
 * that they promise.  In large pieces, what one read brought is answered by one write: more only
 * for a file that sendfile sends, a list, a 100, and where the buffer is full.
 *
 * Before the first input some requests of its own are played, as hardly any are found from nothing.
 *
 * INPUT   1 byte: the length of the script; the script, used round and round; the rest: what the
 *         client sends.
 */
#define _GNU_SOURCE 1
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "serve.h"

#define HOLDS(cond)                                                                              \
	do {                                                                                     \
		if (!(cond)) {                                                                   \
			fprintf(stderr, "%s:%d: %s does not hold\n", __FILE__, __LINE__, #cond); \
			abort();                                                                 \
		}                                                                                \
	} while (0)

enum { FD = 1000, FILE_FD = 2000, OUT_MAX = 64 << 20, BIG = 20000 };
enum mode { WHOLE, PIECES, TROUBLE };

static struct {
	enum mode mode;
	const uint8_t *script;
	size_t script_bytes, script_at;
	const uint8_t *bytes;
	size_t size, given;
	char *out, *whole; /* of this mode, and of WHOLE */
	size_t out_bytes;
	bool broken;  /* a send failed, or a file ended too soon: the last answer may be cut */
	bool nothing; /* the last receive gave nothing */
	bool open;    /* the connection */
	bool file_open;
	bool wake;        /* the task is to be started again */
	unsigned lent;    /* exchanges */
	unsigned answers; /* the last look at them found */
	off_t file_at;    /* where sendfile goes on; -1: with a new answer */
	/* In WHOLE mode, since the last read: */
	unsigned writes;  /* that nothing was to follow */
	unsigned lists;   /* each has a write of its own, */
	unsigned pages;   /* and the one before says that more follows */
	size_t more_sent; /* not 0: of the last write, which said that more follows */
} play;

static struct exchange exchange;
static struct connection connection;
static struct serve_options options = {.list = true, .log = true};
static struct server server = {.options = &options};

static unsigned next(void)
{
	if (play.script_bytes == 0)
		return 0;
	return play.script[play.script_at++ % play.script_bytes];
}

/* ---- What the connection calls ---- */

static ssize_t trouble(void)
{
	static const int errors[] = {-ETIMEDOUT, -ECANCELED, -ECONNRESET, -ENOMEM};
	unsigned byte = play.mode == TROUBLE ? next() : 0;

	return byte >= 240 ? errors[byte % 4] : 0;
}

ssize_t thrum_recv(int fd, void *buf, size_t n, int flags)
{
	size_t rest = play.size - play.given;
	ssize_t error = trouble();

	HOLDS(fd == FD && n > 0 && play.open && !play.more_sent);
	play.writes = play.lists = play.pages = 0;
	if (error)
		return error;
	if (play.mode != WHOLE && rest) {
		unsigned byte = next();

		/* A task that was started finds something, sooner or later. */
		play.nothing = byte >= 200 && (flags & MSG_DONTWAIT) && !play.nothing;
		if (play.nothing)
			return -EAGAIN;
		if (byte < 180 && n > byte + 1)
			n = byte + 1;
	}
	n = n < rest ? n : rest;
	memcpy(buf, play.bytes + play.given, n);
	play.given += n;
	return (ssize_t)n;
}

static void put_out(const void *bytes, size_t n)
{
	HOLDS(play.out_bytes + n <= OUT_MAX);
	memcpy(play.out + play.out_bytes, bytes, n);
	play.out_bytes += n;
}

/* A write that says that more follows is the head of a large body, or all that had room. */
static void count_write(const char *text, size_t n, int flags)
{
	static const char go_on[] = "HTTP/1.1 100 ";

	HOLDS(!play.more_sent || play.more_sent > SERVE_OUT_BYTES / 2 || play.pages-- > 0);
	play.more_sent = flags & MSG_MORE ? n : 0;
	if (n > sizeof(go_on) && !memcmp(text, go_on, sizeof(go_on) - 1))
		play.writes = 0;
	else if (!(flags & MSG_MORE))
		HOLDS(++play.writes <= 1 + play.lists);
}

ssize_t thrum_send(int fd, const void *buf, size_t n, int flags)
{
	ssize_t error = trouble();

	HOLDS(fd == FD && n > 0 && play.open);
	if (error) {
		play.broken = true;
		return error;
	}
	play.file_at = -1;
	if (play.mode == WHOLE) {
		count_write(buf, n, flags);
	} else {
		unsigned byte = next();

		if (byte >= 200 && (flags & MSG_DONTWAIT))
			return -EAGAIN;
		if (byte < 180 && n > byte + 1)
			n = byte + 1;
	}
	put_out(buf, n);
	return (ssize_t)n;
}

/* The content of every file: its place says what a byte is. */
static void fill(char *to, uint64_t at, size_t n)
{
	for (size_t i = 0; i < n; i++)
		to[i] = (char)('a' + (at + i) % 23);
}

ssize_t thrum_pread(int fd, void *buf, size_t n, off_t offset)
{
	ssize_t error = trouble();

	HOLDS(fd == FILE_FD && play.file_open && n <= SERVE_SMALL_BYTES);
	HOLDS(offset >= 0 && (uint64_t)offset + n <= exchange.file.entity.size);
	if (error)
		return error;
	if (play.mode == TROUBLE && next() >= 230)
		return 0;
	if (play.mode != WHOLE && n > 1 && next() >= 128)
		n /= 2;
	fill(buf, (uint64_t)offset, n);
	return (ssize_t)n;
}

ssize_t thrum_sendfile(int out, int in, off_t *offset, size_t n)
{
	char part[4096];
	ssize_t error = trouble();

	HOLDS(out == FD && in == FILE_FD && play.open && play.file_open && n > 0);
	HOLDS(*offset == play.file_at || n > SERVE_SMALL_BYTES);
	play.more_sent = 0;
	if (play.mode == TROUBLE && !error && next() >= 230) {
		play.broken = true;
		return 0;
	}
	if (error) {
		play.broken = true;
		return error;
	}
	n = n < sizeof(part) ? n : sizeof(part);
	fill(part, (uint64_t)*offset, n);
	put_out(part, n);
	*offset += (off_t)n;
	play.file_at = *offset;
	return (ssize_t)n;
}

ssize_t thrum_write(int fd, const void *buf, size_t n)
{
	HOLDS(fd == 2 && n > 0 && n <= SERVE_LOG_BYTES);
	for (size_t i = 0; i < n; i++)
		HOLDS(((const char *)buf)[i] == '\n' || ((const char *)buf)[i] >= ' ');
	return (ssize_t)n;
}

int thrum_yield(void)
{
	return (int)trouble();
}

int64_t thrum_now(void)
{
	return 1;
}

bool thrum_done(const struct thrum_future *f)
{
	(void)f;
	return false;
}

void thrum_timeout_begin(struct thrum_timeout *t, int64_t ns)
{
	(void)ns;
	t->reserved[0] = 1;
}

void thrum_timeout_begin_until(struct thrum_timeout *t, int64_t deadline_ns)
{
	(void)deadline_ns;
	t->reserved[0] = 1;
}

bool thrum_timeout_end(struct thrum_timeout *t)
{
	HOLDS(t->reserved[0] == 1);
	t->reserved[0] = 0;
	return false;
}

/* ---- The parts of the server that are not here ---- */

static void lend_back(struct exchange *x)
{
	HOLDS(x == &exchange && play.lent == 1 && !play.file_open);
	play.lent = 0;
	http_parser_fini(&x->parser);
}

struct exchange *registry_wake(struct connection *c)
{
	struct exchange *x = &exchange;

	HOLDS(c == &connection && play.open && play.lent == 0);
	if (play.mode == TROUBLE && next() == 255)
		return NULL;
	HOLDS(http_parser_init(&x->parser) == 0);
	play.lent = 1;
	exchange_begin(x, c, false);
	return x;
}

void registry_rest(struct connection *c, struct exchange *x)
{
	HOLDS(c == &connection && play.open && x->out.n == 0);
	lend_back(x);
	play.wake = true;
}

void registry_drop(struct connection *c, struct exchange *x)
{
	HOLDS(c == &connection && play.open);
	if (x)
		lend_back(x);
	play.open = false;
}

/* What there is hangs on the name's length alone. */
void serve_file_find(struct server *s, const struct http_path *path, struct serve_file *file)
{
	static const uint64_t sizes[] = {0, 5, SERVE_SMALL_BYTES, SERVE_SMALL_BYTES + 1, BIG};
	static const struct timespec modified = {784111777, 1};
	static const int failures[] = {404, 403, 503, 500};
	struct http_entity *e = &file->entity;

	HOLDS(s == &server && !play.file_open);
	HOLDS(strlen(path->name) == path->length && path->length && path->name[0] != '/');
	HOLDS(!strstr(path->name, "//") && strcmp(path->name, "..") != 0);
	HOLDS(strncmp(path->name, "../", 3) != 0 && !strstr(path->name, "/../"));
	file->fd = -1;
	file->directory = false;
	file->status = 200;
	if (path->length % 8 == 7)
		file->status = failures[path->length / 8 % 4];
	else if (path->length % 8 == 6)
		file->status = path->directory ? 404 : 301;
	if (file->status != 200)
		return;
	file->fd = FILE_FD;
	file->directory = path->directory && path->length % 2;
	play.file_open = true;
	e->size = sizes[path->length % 5];
	e->type = http_type_of(path->name, path->length);
	http_entity_mark(e, &modified, path->length);
}

void serve_file_close(struct serve_file *file)
{
	HOLDS(play.file_open == (file->fd == FILE_FD));
	play.file_open = false;
	file->fd = -1;
}

ssize_t serve_list(int fd, const struct http_path *path, char **out)
{
	ssize_t error = trouble();

	HOLDS(fd == FILE_FD && play.file_open && path->directory);
	play.file_open = false;
	play.lists++;
	play.pages++;
	if (error)
		return error;
	*out = strdup("<p>list</p>");
	HOLDS(*out);
	return 11;
}

/* ---- One input ---- */

static void serve(enum mode mode)
{
	play.mode = mode;
	play.script_at = play.given = play.out_bytes = 0;
	play.broken = play.file_open = false;
	play.open = true;
	play.lent = play.writes = play.lists = play.pages = 0;
	play.more_sent = 0;
	play.file_at = -1;
	server.options = &options;
	connection = (struct connection){.server = &server, .fd = FD};
	do {
		play.wake = false;
		HOLDS(connection_run(&connection) == 0);
	} while (play.wake);
	HOLDS(!play.open && play.lent == 0 && !play.file_open);
}

/* The answer to HEAD has no body; which answer that is the transcript of the requests would have
 * to tell: an answer's body is looked for, and if a status line stands there instead, there is
 * none. */
static size_t body_of(const char *at, size_t left, size_t length)
{
	if (left == 0 || (left >= 9 && !memcmp(at, "HTTP/1.1 ", 9)))
		return 0;
	return length;
}

/* Checks the answers, and takes out of them what may differ from run to run: dates, and 100. */
static void check_answers(void)
{
	char *at = play.out, *end = play.out + play.out_bytes, *to = play.out;

	play.answers = 0;
	while (at < end) {
		char *head_end = memmem(at, (size_t)(end - at), "\r\n\r\n", 4);
		const char *field;
		size_t head, body = 0;

		if (!head_end) {
			HOLDS(play.broken);
			break;
		}
		head = (size_t)(head_end + 4 - at);
		HOLDS(head > 13 && !memcmp(at, "HTTP/1.1 ", 9));
		if (!memcmp(at + 9, "100", 3)) {
			at += head;
			continue;
		}
		play.answers++;
		field = memmem(at, head, "\r\nDate: ", 8);
		HOLDS(field);
		memset(at + (field - at) + 8, '-', HTTP_DATE_LENGTH);
		field = memmem(at, head, "\r\nContent-Length: ", 18);
		HOLDS(field || !memcmp(at + 9, "304", 3));
		if (field)
			body = body_of(at + head, (size_t)(end - at) - head,
				       strtoul(field + 18, NULL, 10));
		if (body > (size_t)(end - at) - head) {
			HOLDS(play.broken);
			body = (size_t)(end - at) - head;
		}
		memmove(to, at, head + body);
		to += head + body;
		at += head + body;
	}
	play.out_bytes = (size_t)(to - play.out);
}

/* In all three modes. */
static void play_all(void)
{
	size_t whole_bytes;

	serve(WHOLE);
	check_answers();
	whole_bytes = play.out_bytes;
	memcpy(play.whole, play.out, whole_bytes);
	serve(PIECES);
	check_answers();
	HOLDS(play.out_bytes == whole_bytes && !memcmp(play.out, play.whole, whole_bytes));
	serve(TROUBLE);
	check_answers();
}

/* Requests for paths of all lengths that make a difference, whole files and parts, in one piece. */
static void play_own(void)
{
	static const char *const fields[] = {
	    "",
	    "Range: bytes=0-16383\r\n",
	    "Range: bytes=0-16384\r\n",
	    "Expect: 100-continue\r\nContent-Length: 1\r\n",
	    "If-None-Match: *\r\n",
	};
	static char text[64 << 10];

	for (unsigned f = 0; f < sizeof(fields) / sizeof(*fields); f++) {
		size_t n = 0;

		for (int length = 1; length <= 80; length++)
			for (int slash = 0; slash < 2; slash++)
				n += (size_t)snprintf(
				    text + n, sizeof(text) - n,
				    "%s /%0*d%s HTTP/1.1\r\nHost: a\r\n%s\r\n%s",
				    length % 9 ? "GET" : "HEAD", length, 0, slash ? "/" : "",
				    fields[f], strstr(fields[f], "Content-Length") ? "x" : "");
		HOLDS(n < sizeof(text));
		play.script = (const uint8_t *)text;
		play.script_bytes = 200;
		play.bytes = (const uint8_t *)text;
		play.size = n;
		serve(WHOLE);
		check_answers();
		HOLDS(play.answers == 160);
		play_all();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (!play.out) {
		play.out = malloc(OUT_MAX);
		play.whole = malloc(OUT_MAX);
		HOLDS(play.out && play.whole);
		play_own();
	}
	if (size == 0 || size > 1 << 20)
		return 0;
	play.script_bytes = data[0] < size - 1 ? data[0] : size - 1;
	play.script = data + 1;
	play.bytes = play.script + play.script_bytes;
	play.size = size - 1 - play.script_bytes;
	play_all();
	return 0;
}
