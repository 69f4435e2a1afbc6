/* SPDX-License-Identifier: MIT */
/*
 * serve.h - the parts of thrum serve.
 *
 *	serve.c             the command line
 *	serve_run.c         serving until a signal, and what is said of it
 *	serve_server.c      a server: listening, accepting, stopping
 *	serve_registry.c    who is connected, idle or busy; what is idle for too long
 *	serve_exchange.c    what a busy connection is lent
 *	serve_connection.c  one connection's task: read, answer, rest
 *	serve_answer.c      one request's answer
 *	serve_file.c        names to files
 *	serve_list.c        directories as pages
 *	http_*.c            HTTP itself (http.h)
 */
#ifndef THRUM_SERVE_H
#define THRUM_SERVE_H

#include <pthread.h>
#include <thrum/thrum.h>

#include "cli.h"
#include "http.h"

#define SERVE_SHARDS 8u
#define SERVE_OUT_BYTES 65536   /* answers that go out together */
#define SERVE_SMALL_BYTES 16384 /* a body that is copied and not sent by sendfile */
#define SERVE_LOG_BYTES 4096

struct serve_options {
	const char *dir, *bind;
	unsigned port, workers;
	int64_t idle_ns;    /* a connection between two requests */
	int64_t request_ns; /* a request, from its first byte to its last */
	int64_t write_ns;   /* an answer that does not move on */
	int64_t grace_ns;   /* the stop, for what is in flight */
	bool list, log, json;
};

struct server;

/* What a connection needs all its life: nothing else is kept while it is idle.  It is in one of its
 * shard's rings, under the shard's lock, from its start until it is closed; the rest is its task's.
 * */
struct connection {
	struct connection *next, *before;
	struct server *server;
	int64_t until_ns; /* when an idle one has been so for too long; the shard's */
	int fd;
	bool shut; /* told to end: no request after the one that may have come; the shard's */
};

/* A file that was found for a path, or why there is none. */
struct serve_file {
	int fd;         /* -1: none */
	int status;     /* 200; 301: a directory named without its slash; 404 ... */
	bool directory; /* 200, to be listed */
	struct http_entity entity;
};

/* What a connection needs while it is busy; lent to it. */
struct exchange {
	struct exchange *next;
	struct connection *connection;
	struct server *server;
	struct http_parser parser;
	int64_t deadline_ns; /* of the request that is coming in; 0: none */
	bool closing;        /* this answer is the last */
	uint64_t requests;   /* answered; counted up in its shard when given back */
	struct http_path path;
	/* The file of @opened; it is good for the requests of one read. */
	struct serve_file file;
	char opened[HTTP_PATH_MAX];
	bool has_file, opened_directory;
	size_t copy_at, copy_n; /* where its whole content stands in @out; n 0: nowhere */
	time_t date_s;          /* what @date says */
	char date[HTTP_DATE_LENGTH];
	struct http_out out;
	char out_text[SERVE_OUT_BYTES];
	size_t log_n;
	char log[SERVE_LOG_BYTES];
};

struct shard {
	pthread_mutex_t lock;
	struct connection idle, busy; /* heads of rings; idle: the one that rests longest first */
	struct exchange *spare;
	unsigned spares;
	bool armed;    /* a sweep is to come */
	bool stopping; /* nobody rests any more */
	uint64_t requests;
	struct server *server;
};

struct server {
	const struct serve_options *options;
	int dir, listener;
	struct thrum_future *stop;      /* done: answers are the last of their connections */
	struct thrum_future *accepting; /* done: nobody gets in any more; its result says why */
	bool was_full;                  /* that was said; accepting's */
	struct shard shards[SERVE_SHARDS];
	pthread_mutex_t lock;       /* of what follows */
	unsigned live, live_max;    /* connections */
	struct connection *dead;    /* their sockets are still to be closed; not live */
	uint64_t connections;       /* so far */
	struct thrum_event room;    /* set when live falls below live_max */
	struct thrum_event drained; /* set when live falls to 0 */
};

/* What is to become of a connection. */
enum fate {
	FATE_GO_ON, /* there may be more input */
	FATE_REST,  /* nothing to do until more comes */
	FATE_CLOSE,
	FATE_LINGER, /* close, but let the client read what it was told first */
};

/* serve_run - serve until told to stop; an exit code. */
int serve_run(const struct serve_options *options);

/*
 * serve_server.c.  init, fini: outside or in a task; @options lasts as long as the server.  init
 * returns 0, or -errno (the directory, memory) and nothing is to be undone.
 * listen, stop: in a task.  listen returns the port, or -errno; after a port, stop must be called
 * before fini.  stop returns how many connections had to be cut, once all are closed.
 */
int server_init(struct server *s, const struct serve_options *options);
void server_fini(struct server *s);
int server_listen(struct server *s);
unsigned server_stop(struct server *s);
/* server_accept_again - once accepting is done: if it got no stack to begin on, it is to begin
 * again; false: that was not why. */
bool server_accept_again(struct server *s);
/* server_back_off - wait a little, as something has run out; 0, or why not to go on. */
int server_back_off(void);

/* serve_registry.c.  start takes @fd and returns 0; -ENOMEM: it is still the caller's; wake: the
 * exchange, NULL: no memory; rest and drop take connection and exchange back, until there is
 * something to read and for good. */
void registry_init(struct server *s);
void registry_fini(struct server *s);
int registry_start(struct server *s, int fd);
struct exchange *registry_wake(struct connection *c);
void registry_rest(struct connection *c, struct exchange *x);
void registry_drop(struct connection *c, struct exchange *x);
/* registry_is_full - no other connection may be taken.  registry_make_room - end the one that is
 * idle for longest, and wait a little for room; 0, if there is any or not; -errno. */
bool registry_is_full(struct server *s);
int registry_make_room(struct server *s);
/* registry_stop - nobody rests any more.  registry_cut - end what is left.  registry_wait_drained:
 * until no connection is left; -ETIMEDOUT; -ECANCELED. */
void registry_stop(struct server *s);
unsigned registry_cut(struct server *s);
int registry_wait_drained(struct server *s, int64_t ns);
uint64_t registry_requests(struct server *s);

/* serve_exchange.c.  take and give (the shard's lock is held): one that is spare, or NULL; what
 * give returns is to be freed once the lock is not held.  begin: for a connection's next busy time.
 * */
struct exchange *exchange_take(struct shard *shard);
struct exchange *exchange_give(struct shard *shard, struct exchange *x);
struct exchange *exchange_make(void);
void exchange_free(struct exchange *x);
void exchange_begin(struct exchange *x, struct connection *c, bool shut);

/* serve_connection.c */
intptr_t connection_run(void *arg);
/* connection_flush - send what waits in @x->out; @flags: MSG_MORE or 0.  0 or -errno. */
int connection_flush(struct exchange *x, int flags);
/* connection_send - send @n bytes; connection_send_file - of a file. */
int connection_send(struct exchange *x, const char *text, size_t n, int flags);
int connection_send_file(struct exchange *x, int fd, uint64_t from, uint64_t n);

/* serve_answer.c.  Both put the answer into @x->out or send it; FATE_GO_ON, _CLOSE or _LINGER. */
enum fate answer_request(struct exchange *x);
enum fate answer_status(struct exchange *x, int status);
/* answer_forget - the file is opened anew for what is read next. */
void answer_forget(struct exchange *x);
/* answer_flush_log - write what waits in @x->log. */
void answer_flush_log(struct exchange *x);

/* serve_file.c.  find fills @file, always; it is to be closed. */
int serve_open_top(const char *dir);
void serve_file_find(struct server *s, const struct http_path *path, struct serve_file *file);
void serve_file_close(struct serve_file *file);

/* serve_list - the directory @fd (taken) as a page of HTML, *@out to be freed; its length or
 * -errno. */
ssize_t serve_list(int fd, const struct http_path *path, char **out);

#endif
