/* SPDX-License-Identifier: MIT */
/*
 * fetch.h - the parts of thrum fetch.
 *
 *	fetch.c         the command line
 *	fetch_run.c     the fetches in flight, in tasks, and their order
 *	fetch_report.c  their lines and the verdict
 *	fetch_curl.c    one fetch: libcurl, which waits as the library does
 */
#ifndef THRUM_FETCH_H
#define THRUM_FETCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FETCH_ERROR_BYTES 256

/* How to fetch; its strings outlive the fetchers. */
struct fetch_options {
	int64_t timeout_ns;     /* of a whole fetch, redirects included; 0: none */
	const char *ca_file;    /* NULL: what the system trusts */
	const char *user_agent; /* NULL: ours */
	bool insecure;          /* no look at certificates */
	bool stay;              /* redirects are not followed */
	bool direct;            /* by no proxy */
	unsigned stall_s;       /* end a fetch of which no byte came for so long; 0: do not */
};

/* One fetch: what is asked for, then what came of it. */
struct fetch {
	const char *url;
	/* Takes the body, piece by piece; must not wait; false ends the fetch.  NULL: it is
	 * counted alone. */
	bool (*body)(void *body_arg, const void *data, size_t n);
	void *body_arg;

	int result;     /* 0: a whole answer came; -errno: error says why not */
	int status;     /* 0: no answer's head came */
	uint64_t bytes; /* of the body */
	int64_t ns;
	char *effective; /* the URL at the end of all redirects, to be freed; NULL: no memory */
	char error[FETCH_ERROR_BYTES];
};

/* Fetches one thing at a time and keeps its connections for the next. */
struct fetcher;

/* fetch_open_library - before the first fetcher, with no other thread in libcurl.  0 or -errno. */
int fetch_open_library(void);
void fetch_close_library(void);

/* fetcher_create - NULL: no memory, or no descriptors. */
struct fetcher *fetcher_create(const struct fetch_options *options);
void fetcher_destroy(struct fetcher *fetcher);

/*
 * fetcher_run - fetch.  In a task it suspends and is a cancellation point, elsewhere it blocks.
 * Returns @fetch->result: 0 (whatever the status), -ETIMEDOUT, -ECANCELED, -ENOMEM, -EIO.
 */
int fetcher_run(struct fetcher *fetcher, struct fetch *fetch);

/* fetch_is_good - a whole answer, and its status is 2xx. */
bool fetch_is_good(const struct fetch *fetch);

#endif
