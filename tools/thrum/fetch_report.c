/* SPDX-License-Identifier: MIT */
/*
 * fetch_report.c - what thrum fetch says: a line for each URL as its turn comes, as text or as an
 * entry of one JSON object, and the verdict.
 *
 * No byte of a URL reaches a terminal as it is: text_path.  The stream takes a line at once and
 * writes when it must; the reporter waits then, not a worker.
 */
#define _GNU_SOURCE 1
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "fetch_run.h"

#define SECONDS(ns) ((double)(ns) / 1e9)

/* -ECANCELED: nothing was taken, it may be put again.  Any other error is kept for the end. */
static int put(struct fetch_run *run, const char *text)
{
	ssize_t n = run->out_error ? 0 : thrum_stream_write(run->out, text, strlen(text));

	if (n == -ECANCELED)
		return -ECANCELED;
	if (n < 0)
		run->out_error = (int)n;
	return 0;
}

void report_begin(struct fetch_run *run)
{
	if (run->json)
		(void)put(run, "{\"fetches\": [\n");
}

static char *escaped(const char *text)
{
	size_t n = 4 * strlen(text) + 8;
	char *buf = malloc(n);

	if (buf)
		text_path(text, buf, n);
	return buf;
}

static char *fetch_line(const struct fetch_job *job, const char *url)
{
	const struct fetch *fetch = &job->fetch;
	char hash[HASH_TEXT_BYTES] = "", status[16] = "---", error[2 * FETCH_ERROR_BYTES];
	char *line;

	if (fetch->status)
		snprintf(status, sizeof(status), "%3d", fetch->status);
	if (job->hashed)
		hash_text(job->hash, hash);
	text_path(fetch->error, error, sizeof(error));
	if (asprintf(&line, "%s %12llu %9.3f  %s%s%s%s%s\n", status,
		     (unsigned long long)fetch->bytes, SECONDS(fetch->ns), hash, *hash ? "  " : "",
		     url, *error ? ": " : "", error) < 0)
		return NULL;
	return line;
}

static char *fetch_json(const struct fetch_run *run, const struct fetch_job *job, const char *url,
			const char *effective)
{
	const struct fetch *fetch = &job->fetch;
	char hash[HASH_TEXT_BYTES], error[2 * FETCH_ERROR_BYTES];
	json_t *object;
	char *text = NULL, *line = NULL;

	object =
	    json_pack("{s:s, s:b, s:i, s:I, s:f, s:s, s:s*, s:s*}", "url", url, "ok",
		      fetch_is_good(fetch), "status", fetch->status, "bytes",
		      (json_int_t)fetch->bytes, "seconds", SECONDS(fetch->ns), "effective_url",
		      effective, "sha256", job->hashed ? hash_text(job->hash, hash) : NULL, "error",
		      *fetch->error ? text_path(fetch->error, error, sizeof(error)) : NULL);
	if (object)
		text = json_dumps(object, JSON_COMPACT | JSON_REAL_PRECISION(6));
	json_decref(object);
	if (text && asprintf(&line, "%s %s\n", run->told ? "," : " ", text) < 0)
		line = NULL;
	free(text);
	return line;
}

static void note_no_memory(struct fetch_run *run)
{
	pthread_mutex_lock(&run->lock);
	if (!run->failure)
		run->failure = -ENOMEM;
	pthread_mutex_unlock(&run->lock);
}

int report_fetch(struct fetch_run *run, const struct fetch_job *job)
{
	const struct fetch *fetch = &job->fetch;
	char *url = escaped(job->url), *line = NULL;
	char *effective = escaped(fetch->effective ? fetch->effective : job->url);
	int error = 0;

	if (url && effective && run->json)
		line = fetch_json(run, job, url, effective);
	else if (url && effective)
		line = fetch_line(job, fetch->result ? url : effective);
	if (line)
		error = put(run, line);
	else
		note_no_memory(run);
	free(line);
	free(effective);
	free(url);
	if (error)
		return error;
	run->good += fetch_is_good(fetch);
	run->bad += !fetch_is_good(fetch);
	run->bytes += fetch->bytes;
	return 0;
}

void report_flush(struct fetch_run *run)
{
	int error = run->out_error ? 0 : thrum_stream_flush(run->out);

	if (error && error != -ECANCELED)
		run->out_error = error;
}

/* The verdict in words; NULL: all is well. */
static const char *find_fault(const struct fetch_run *run)
{
	if (run->interrupted)
		return "interrupted";
	if (run->failure == -EMSGSIZE)
		return "a line of standard input is too long for a URL";
	if (run->failure == -EBADF)
		return "standard input cannot be read";
	if (run->failure)
		return text_error(run->failure);
	if (run->asked == 0)
		return "no URL was given";
	return NULL;
}

static void finish_json(struct fetch_run *run)
{
	const char *fault = find_fault(run);
	json_t *object =
	    json_pack("{s:b, s:s*, s:I, s:I, s:I, s:f}", "ok", !fault && !run->bad, "error", fault,
		      "good", (json_int_t)run->good, "bad", (json_int_t)run->bad, "bytes",
		      (json_int_t)run->bytes, "seconds", SECONDS(thrum_now() - run->start_ns));
	char *text = object ? json_dumps(object, JSON_COMPACT | JSON_REAL_PRECISION(6)) : NULL;

	json_decref(object);
	(void)put(run, "], ");
	if (text)
		(void)put(run, text + 1); /* without its brace */
	else
		note_no_memory(run);
	(void)put(run, "\n");
	free(text);
}

int report_finish(struct fetch_run *run)
{
	const char *fault;
	int error;

	if (run->json)
		finish_json(run);
	fault = find_fault(run);
	error = thrum_stream_close(run->out);
	run->out_error = run->out_error ? run->out_error : error;
	if (run->out_error)
		fprintf(stderr, "thrum fetch: cannot write to standard output: %s\n",
			text_error(run->out_error));
	if (fault)
		fprintf(stderr, "thrum fetch: %s\n", fault);
	if (run->bad)
		fprintf(stderr, "thrum fetch: %llu of %llu did not end with status 2xx\n",
			(unsigned long long)run->bad, (unsigned long long)(run->good + run->bad));
	return fault || run->bad || run->out_error || run->failure ? EXIT_NOT_OK : EXIT_OK;
}
