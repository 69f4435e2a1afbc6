/* SPDX-License-Identifier: MIT */
/*
 * fallback.c - a handler that gives its backend 250 ms, and answers with what it heard last when
 * they are over.
 *
 * Two limits meet in it: its own, after which it falls back, and its caller's, after which nobody
 * wants its answer any more.  thrum_timeout_end tells which of them it was.
 *
 * The backend is a part of the program here, and takes as many ms as a request says.  Lines are
 * printed with the time in ms; THRUM_CLOCK=virtual makes them exact.  Status: 0; 1: it was cut
 * short, or could not begin.
 */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <thrum/thrum.h>
#include <unistd.h>

static char backend_path[32]; /* of its socket */

static void say(const char *what, const char *text)
{
	printf("%.1f %s%s\n", (double)thrum_now() / 1e6, what, text);
}

/* ---- The handler ---- */

struct request {
	int work_ms; /* what the backend needs for it */
	bool stale;  /* the answer is that to an earlier request */
	char answer[64];
};

/* What the backend said last.  No task waits while it holds the lock. */
static pthread_mutex_t last_lock = PTHREAD_MUTEX_INITIALIZER;
static char last_answer[64] = "nothing known";

static void remember(const struct request *r)
{
	pthread_mutex_lock(&last_lock);
	memcpy(last_answer, r->answer, sizeof(last_answer));
	pthread_mutex_unlock(&last_lock);
}

static void recall(struct request *r)
{
	pthread_mutex_lock(&last_lock);
	memcpy(r->answer, last_answer, sizeof(last_answer));
	pthread_mutex_unlock(&last_lock);
	r->stale = true;
}

/* A line there, a line back.  It knows of no limit: whoever calls it sets one. */
static int ask(struct thrum_stream *s, struct request *r)
{
	char *line, question[16];
	int length = snprintf(question, sizeof(question), "%d\n", r->work_ms);
	ssize_t n = thrum_stream_write(s, question, (size_t)length);

	if (n >= 0)
		n = thrum_stream_flush(s);
	if (n >= 0)
		n = thrum_stream_read_line(s, sizeof(r->answer), &line);
	if (n < 0)
		return (int)n;
	if (n == 0 || line[n - 1] != '\n')
		return -EPIPE; /* it closed before it had answered */
	memcpy(r->answer, line, (size_t)n - 1);
	r->answer[n - 1] = '\0';
	return 0;
}

static int ask_backend(struct request *r)
{
	int fd = thrum_unix_connect(backend_path), err;
	struct thrum_stream *s;

	if (fd < 0)
		return fd;
	s = thrum_stream_create(fd, 0);
	if (!s) {
		thrum_close(fd);
		return -ENOMEM;
	}
	err = ask(s, r);
	thrum_stream_close(s);
	return err;
}

/* handle - 0 with an answer; -ECANCELED, -ETIMEDOUT: the caller was told to end, or its time is
 * over. */
static int handle(struct request *r)
{
	struct thrum_timeout t;
	bool late;
	int err;

	thrum_timeout_begin(&t, THRUM_MS(250));
	err = ask_backend(r);
	late = thrum_timeout_end(&t); /* these 250 ms, not a deadline around them */
	if (!err) {
		remember(r);
		return 0;
	}
	if (!late && (err == -ECANCELED || err == -ETIMEDOUT))
		return err;
	recall(r); /* it is slow, or not there at all */
	return 0;
}

/* ---- The backend ---- */

static intptr_t serve(void *fd)
{
	struct thrum_stream *s = thrum_stream_create((int)(intptr_t)fd, 0);
	char *line, answer[64] = "";
	ssize_t n;

	if (!s)
		return thrum_close((int)(intptr_t)fd);
	n = thrum_stream_read_line(s, 16, &line);
	if (n > 0) {
		int ms = atoi(line);

		snprintf(answer, sizeof(answer), "what took %d ms\n", ms);
		n = thrum_sleep(THRUM_MS(ms));
	}
	if (n >= 0)
		n = thrum_stream_write(s, answer, strlen(answer));
	thrum_stream_close(s); /* what is buffered is written, if anybody is there */
	return 0;
}

static intptr_t backend(void *listener)
{
	struct thrum_scope s;
	int fd, err;

	thrum_scope_open(&s);
	while ((fd = thrum_accept((int)(intptr_t)listener, NULL, NULL)) >= 0)
		if (thrum_scope_spawn(&s, serve, (void *)(intptr_t)fd))
			thrum_close(fd);
	thrum_scope_cancel(&s); /* it goes away, whoever waits for it */
	err = thrum_scope_close(&s);
	return fd == -EBADF ? err : fd;
}

/* ---- What it looks like ---- */

static int show(int work_ms)
{
	struct request r = {.work_ms = work_ms};
	int err = handle(&r);

	if (!err)
		say(r.stale ? "stale: " : "fresh: ", r.answer);
	return err;
}

/* A caller that has less time than the handler would take.  Its limit is its own matter. */
static int show_hasty(int work_ms)
{
	struct thrum_timeout t;
	int err;

	thrum_timeout_begin(&t, THRUM_MS(50));
	err = show(work_ms);
	if (thrum_timeout_end(&t) && err) {
		say("no answer: ", "the caller's 50 ms are over");
		err = 0;
	}
	return err;
}

static intptr_t main_task(void *unused)
{
	struct thrum_scope s;
	int listener, err, more;

	(void)unused;
	snprintf(backend_path, sizeof(backend_path), "@thrum-fallback-%d", (int)getpid());
	listener = thrum_unix_listen(backend_path, 0);
	if (listener < 0)
		return listener;
	thrum_scope_open(&s);
	err = thrum_scope_spawn(&s, backend, (void *)(intptr_t)listener);
	err = err ? err : show(400);
	err = err ? err : show(100);
	err = err ? err : show(400);
	err = err ? err : show_hasty(400);
	err = err ? err : show_hasty(10);
	thrum_close(listener); /* no backend any more */
	err = err ? err : show(100);
	more = thrum_scope_close(&s);
	return err ? err : more;
}

int main(void)
{
	intptr_t err = thrum_run(main_task, NULL);

	if (err)
		fprintf(stderr, "fallback: %s\n", strerror((int)-err));
	return err != 0;
}
