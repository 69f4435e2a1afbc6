/* SPDX-License-Identifier: MIT */
/*
 * fetch_run.h - what the parts of thrum fetch's command share (fetch.h has the fetch itself).
 */
#ifndef THRUM_FETCH_RUN_H
#define THRUM_FETCH_RUN_H

#include <pthread.h>
#include <thrum/thrum.h>

#include "cli.h"
#include "fetch.h"
#include "hash.h"

#define FETCH_JOBS_MAX 1024
#define FETCH_WINDOW 4096      /* URLs that are read and not yet reported */
#define FETCH_URL_BYTES 65536u /* of one line of standard input */

/* One URL: the reader's until asked is past it, then of the slot that takes it, then, done, the
 * reporter's. */
struct fetch_job {
	struct fetch fetch;
	char *url;
	bool done; /* lock */
	bool hashed;
	unsigned char hash[HASH_BYTES];
};

/* The URLs from asked to told stand in a ring: told <= taken <= asked <= told + FETCH_WINDOW. */
struct fetch_run {
	struct fetch_options options;
	char **words; /* URLs, or "-" */
	int n_words;
	unsigned workers;
	unsigned jobs;
	bool json;
	bool sha256;
	int in_fd, out_fd; /* standard input and output; -1: not open */

	pthread_mutex_t lock;
	struct thrum_future *news; /* lock; NULL, or completed with the next change */
	uint64_t asked, taken;     /* lock */
	uint64_t told;             /* lock */
	bool ended;                /* lock; no more URLs come */
	bool stopped;              /* lock; no more are taken */
	unsigned slots;            /* lock; tasks that fetch */
	int failure;               /* lock; the first -errno that kept it from going on */
	struct fetch_job *ring;

	/* The reporter's. */
	struct thrum_stream *out;
	int out_error;
	bool interrupted;
	uint64_t good, bad, bytes;
	int64_t start_ns;
};

/* fetch_run - a task: fetch all and report; an exit code. */
intptr_t fetch_run(void *run);

/* fetch_report.c.  What cannot be written is known at the end. */
void report_begin(struct fetch_run *run);
/* report_fetch - 0; -ECANCELED: not reported. */
int report_fetch(struct fetch_run *run, const struct fetch_job *job);
/* report_flush - what was reported can be read. */
void report_flush(struct fetch_run *run);
/* report_finish - the end of the text and the messages; an exit code. */
int report_finish(struct fetch_run *run);

#endif
