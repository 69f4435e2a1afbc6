/* SPDX-License-Identifier: MIT */
/*
 * fetch_run.c - the fetches in flight and their order.
 *
 *	reader    a task: URLs from the words and from standard input into the ring
 *	slots     tasks, --jobs of them: each with a fetcher, one URL after the other
 *	reporter  a task: what is done, in the order asked
 *	main      waits for the reporter, or for a signal and cancels it
 *
 * Who cannot go on waits for news, a future that the next change of the ring completes.  The lock
 * is never held across a call that waits, but for the wait itself, which gives it up.  A reader
 * FETCH_WINDOW ahead of the reporter waits: memory does not grow with the list.
 *
 * Cancelled, the reporter ends and cancels what it joins; main reports what is left.  What fails
 * (memory, no task to be had, standard input) ends it the same way, with a message.
 */
#define _GNU_SOURCE 1
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fetch_run.h"

#define FLUSH_NS THRUM_SEC(1) /* for the last lines of an interrupted run */

/* The lock is held, and is again when it returns.  0 or -errno: it cannot wait. */
static int wait_news(struct fetch_run *run)
{
	struct thrum_future *news = run->news;
	intptr_t result;

	if (!news)
		news = run->news = thrum_future_create();
	if (!news)
		return -ENOMEM;
	thrum_retain(news);
	pthread_mutex_unlock(&run->lock);
	result = thrum_await(news);
	thrum_release(news);
	pthread_mutex_lock(&run->lock);
	return (int)result;
}

static void unlock_and_tell(struct fetch_run *run)
{
	struct thrum_future *news = run->news;

	run->news = NULL;
	pthread_mutex_unlock(&run->lock);
	if (news)
		(void)thrum_future_set(news, 0);
	thrum_release(news);
}

/* The lock is held. */
static void note_failure(struct fetch_run *run, int error)
{
	if (!run->failure && error != -ECANCELED)
		run->failure = error;
	run->stopped = true;
}

/* Adds a URL (to be copied) to the ring.  0 or -errno. */
static int ask(struct fetch_run *run, const char *text, size_t n)
{
	char *url = strndup(text, n);
	int error = url ? 0 : -ENOMEM;

	pthread_mutex_lock(&run->lock);
	while (!error && !run->stopped && run->asked - run->told == FETCH_WINDOW)
		error = wait_news(run);
	if (!error && run->stopped)
		error = -ECANCELED;
	if (!error) {
		struct fetch_job *job = &run->ring[run->asked % FETCH_WINDOW];

		*job = (struct fetch_job){.url = url, .fetch = {.url = url}};
		run->asked++;
		url = NULL;
	}
	unlock_and_tell(run);
	free(url);
	return error;
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* One URL a line; blanks around it and empty lines are nothing. */
static int ask_lines(struct fetch_run *run, struct thrum_stream *in)
{
	ssize_t n;
	char *line;

	while ((n = thrum_stream_read_line(in, 0, &line)) > 0) {
		int error = 0;

		while (n > 0 && is_blank(line[n - 1]))
			n--;
		while (n > 0 && is_blank(*line)) {
			line++;
			n--;
		}
		if (n > 0)
			error = ask(run, line, (size_t)n);
		if (error)
			return error;
	}
	return (int)n;
}

/* A stream over a copy of @fd: closing it leaves @fd open.  @fd below 0: NULL. */
static struct thrum_stream *open_stream(int fd, size_t buffer_bytes)
{
	int copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	struct thrum_stream *stream;

	if (copy < 0)
		return NULL;
	stream = thrum_stream_create(copy, buffer_bytes);
	if (!stream)
		close(copy);
	return stream;
}

static int ask_input(struct fetch_run *run)
{
	struct thrum_stream *in = open_stream(run->in_fd, FETCH_URL_BYTES);
	int error;

	if (!in)
		return -EBADF;
	error = ask_lines(run, in);
	(void)thrum_stream_close(in);
	return error;
}

static void end_reading(struct fetch_run *run, int error)
{
	pthread_mutex_lock(&run->lock);
	run->ended = true;
	if (error)
		note_failure(run, error);
	unlock_and_tell(run);
}

/* A task. */
static intptr_t read_urls(void *arg)
{
	struct fetch_run *run = arg;
	int error = 0;

	for (int i = 0; !error && i < run->n_words; i++)
		error = strcmp(run->words[i], "-") ? ask(run, run->words[i], strlen(run->words[i]))
						   : ask_input(run);
	end_reading(run, error);
	return 0;
}

/* Instead of read_urls. */
static void reading_dropped(void *arg)
{
	end_reading(arg, -ENOMEM);
}

static bool hash_body(void *arg, const void *data, size_t n)
{
	return hash_add(arg, data, n) == 0;
}

static void fetch_job(struct fetch_run *run, struct fetcher *fetcher, struct hasher *hasher,
		      struct fetch_job *job)
{
	struct fetch *fetch = &job->fetch;
	int error = run->sha256 ? hash_begin(hasher) : 0;

	if (!error && run->sha256) {
		fetch->body = hash_body;
		fetch->body_arg = hasher;
	}
	if (!error && fetcher_run(fetcher, fetch))
		return;
	if (!error && run->sha256)
		error = hash_end(hasher, job->hash);
	job->hashed = run->sha256 && !error;
	if (error) {
		fetch->result = error;
		snprintf(fetch->error, sizeof(fetch->error), "%s", text_error(error));
	}
}

/* The next URL, or NULL: there is none, and none comes. */
static struct fetch_job *take(struct fetch_run *run)
{
	struct fetch_job *job = NULL;
	int error = 0;

	pthread_mutex_lock(&run->lock);
	while (!error && !run->stopped && !run->ended && run->taken == run->asked)
		error = wait_news(run);
	if (!error && !run->stopped && run->taken < run->asked)
		job = &run->ring[run->taken++ % FETCH_WINDOW];
	pthread_mutex_unlock(&run->lock);
	return job;
}

/* The last one to leave while there are, or may come, URLs that nobody took ends the run. */
static void leave_slot(struct fetch_run *run)
{
	pthread_mutex_lock(&run->lock);
	run->slots--;
	if (run->slots == 0 && !run->stopped && !(run->ended && run->taken == run->asked))
		note_failure(run, -ENOMEM);
	unlock_and_tell(run);
}

static void run_jobs(struct fetch_run *run, struct fetcher *fetcher, struct hasher *hasher)
{
	struct fetch_job *job;

	while ((job = take(run))) {
		fetch_job(run, fetcher, hasher, job);
		pthread_mutex_lock(&run->lock);
		job->done = true;
		unlock_and_tell(run);
	}
}

/* A task. */
static intptr_t run_slot(void *arg)
{
	struct fetch_run *run = arg;
	struct fetcher *fetcher = fetcher_create(&run->options);
	struct hasher hasher = {0};

	if (fetcher && (!run->sha256 || hasher_init(&hasher) == 0))
		run_jobs(run, fetcher, &hasher);
	hasher_fini(&hasher);
	fetcher_destroy(fetcher);
	leave_slot(run);
	return 0;
}

/* Instead of run_slot. */
static void slot_dropped(void *arg)
{
	leave_slot(arg);
}

/* Reports the oldest if it is done (or at the end, whatever became of it); false: it is not. */
static bool report_next(struct fetch_run *run, bool at_the_end)
{
	struct fetch_job *job = &run->ring[run->told % FETCH_WINDOW];
	bool ready;

	pthread_mutex_lock(&run->lock);
	ready = run->told < run->asked && (job->done || at_the_end);
	pthread_mutex_unlock(&run->lock);
	if (!ready)
		return false;
	if (!job->done) {
		job->fetch.result = -ECANCELED;
		strcpy(job->fetch.error, "not begun");
	}
	if (report_fetch(run, job))
		return false;
	free(job->fetch.effective);
	free(job->url);
	pthread_mutex_lock(&run->lock);
	*job = (struct fetch_job){0};
	run->told++;
	unlock_and_tell(run);
	return true;
}

/* Until all is reported, or it cannot go on. */
static void report_all(struct fetch_run *run)
{
	bool on = true;

	while (on) {
		while (!run->out_error && report_next(run, false))
			;
		report_flush(run);
		pthread_mutex_lock(&run->lock);
		on = !run->out_error && !run->stopped && run->slots > 0 &&
		     (!run->ended || run->told < run->asked);
		if (on && !(run->told < run->asked && run->ring[run->told % FETCH_WINDOW].done)) {
			int error = wait_news(run);

			if (error)
				note_failure(run, error);
			on = !error;
		}
		pthread_mutex_unlock(&run->lock);
	}
}

/* As many as there are URLs at most, if that is known. */
static unsigned count_slots(const struct fetch_run *run)
{
	unsigned n = run->jobs;
	bool input = false;

	for (int i = 0; i < run->n_words; i++)
		input |= !strcmp(run->words[i], "-");
	if (!input && n > (unsigned)run->n_words)
		n = (unsigned)run->n_words;
	return n;
}

/* A task: the reporter, parent of the reader and the slots. */
static intptr_t run_all(void *arg)
{
	struct fetch_run *run = arg;
	unsigned n = count_slots(run), started = 0;
	struct thrum_future **slots = calloc(n, sizeof(struct thrum_future *));
	struct thrum_future *reader;

	if (!slots)
		return -ENOMEM;
	run->slots = n;
	for (; started < n; started++) {
		slots[started] = thrum_spawn_drop(run_slot, run, slot_dropped);
		if (!slots[started])
			leave_slot(run);
	}
	reader = thrum_spawn_drop(read_urls, run, reading_dropped);
	if (!reader)
		end_reading(run, -ENOMEM);
	report_all(run);
	/* At a good end there is nothing left to stop. */
	pthread_mutex_lock(&run->lock);
	run->stopped = true;
	unlock_and_tell(run);
	(void)thrum_cancel(reader);
	for (unsigned i = 0; i < n; i++)
		(void)thrum_cancel(slots[i]);
	(void)!thrum_join(reader);
	for (unsigned i = 0; i < n; i++)
		(void)!thrum_join(slots[i]);
	free(slots);
	return 0;
}

/* Runs the reporter until it ends or a signal comes.  0 or -errno. */
static int run_until_signal(struct fetch_run *run)
{
	struct thrum_future *ends[] = {thrum_signal_next(SIGINT), thrum_signal_next(SIGTERM), NULL};
	ssize_t end;
	int error = -ENOMEM;

	if (ends[0] && ends[1])
		ends[2] = thrum_spawn(run_all, run);
	if (ends[2]) {
		end = thrum_wait_any(ends, 3);
		run->interrupted = end == 0 || end == 1;
		if (end != 2)
			(void)thrum_cancel(ends[2]);
		error = (int)thrum_join(ends[2]);
		error = end < 0 ? (int)end : error;
	}
	for (int i = 0; i < 2; i++) {
		(void)thrum_cancel(ends[i]);
		thrum_release(ends[i]);
	}
	return run->interrupted ? 0 : error;
}

intptr_t fetch_run(void *arg)
{
	struct fetch_run *run = arg;
	struct thrum_timeout timeout;
	int status, error;

	run->start_ns = thrum_now();
	run->out = open_stream(run->out_fd, 0);
	if (!run->out) {
		fprintf(stderr, "thrum fetch: cannot write to standard output\n");
		return EXIT_NOT_OK;
	}
	report_begin(run);
	error = run_until_signal(run);
	if (error)
		note_failure(run, error);
	thrum_timeout_begin(&timeout, run->interrupted ? FLUSH_NS : THRUM_FOREVER);
	while (report_next(run, true))
		;
	status = report_finish(run);
	thrum_timeout_end(&timeout);
	return status;
}
