/* SPDX-License-Identifier: MIT */
/*
 * serve_run.c - thrum serve from its start to its end: what is said, and the signals that end it.
 */
#define _GNU_SOURCE 1
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include "serve.h"

#define DESCRIPTORS_MAX ((rlim_t)1 << 20) /* idle connections of 400 MB */

static int say_ready(const struct server *s, int port)
{
	const struct serve_options *o = s->options;
	bool bare6 = strchr(o->bind, ':');
	unsigned workers = thrum_runtime_workers(NULL);
	char where[TEXT_PATH_MAX], url[300];
	json_t *object;
	bool bad;

	snprintf(url, sizeof(url), "http://%s%s%s:%d/", bare6 ? "[" : "", o->bind, bare6 ? "]" : "",
		 port);
	text_path(o->dir, where, sizeof(where));
	if (o->json) {
		object = json_pack("{s:s, s:s, s:s, s:i, s:i}", "event", "ready", "url", url,
				   "directory", where, "port", port, "workers", (int)workers);
		bad = !object || json_dumpf(object, stdout, JSON_COMPACT);
		json_decref(object);
		if (bad) {
			fprintf(stderr, "thrum serve: %s\n", text_error(-ENOMEM));
			return EXIT_NOT_OK;
		}
		putchar('\n');
	} else {
		printf("serving %s on %s with %u worker%s\n", where, url, workers,
		       workers == 1 ? "" : "s");
	}
	return cli_flush(EXIT_OK);
}

static int say_end(struct server *s, unsigned cut)
{
	unsigned long long requests = registry_requests(s), connections = s->connections;

	if (s->options->json)
		printf("{\"event\":\"stopped\",\"connections\":%llu,\"requests\":%llu,"
		       "\"cut\":%u}\n",
		       connections, requests, cut);
	else
		printf("stopped: %llu requests on %llu connections\n", requests, connections);
	if (cut)
		fprintf(stderr, "thrum serve: %u connections were cut\n", cut);
	return cli_flush(EXIT_OK);
}

/* Serves until a signal comes.  An exit code. */
static int run_listening(struct server *s, int port)
{
	/* Before anybody is told that they may be sent. */
	struct thrum_future *term = thrum_signal_next(SIGTERM);
	struct thrum_future *interrupt = thrum_signal_next(SIGINT);
	struct thrum_future *ends[] = {term, interrupt, s->accepting};
	int status = EXIT_NOT_OK;
	bool ready = false;
	unsigned cut;

	if (term && interrupt) {
		status = say_ready(s, port);
		ready = status == EXIT_OK;
	} else {
		fprintf(stderr, "thrum serve: signals: %s\n", text_error(-ENOMEM));
	}
	while (ready && thrum_wait_any(ends, 3) == 2) {
		if (server_accept_again(s)) {
			ends[2] = s->accepting;
			continue;
		}
		fprintf(stderr, "thrum serve: accepting: %s\n",
			text_error(thrum_result(s->accepting)));
		status = EXIT_NOT_OK;
		break;
	}
	cut = server_stop(s);
	if (ready && say_end(s, cut) != EXIT_OK)
		status = EXIT_NOT_OK;
	thrum_cancel(term);
	thrum_cancel(interrupt);
	thrum_release(term);
	thrum_release(interrupt);
	return status;
}

/* The main task. */
static intptr_t serve_main_task(void *arg)
{
	struct server *s = arg;
	int port = server_listen(s);

	if (port >= 0)
		return run_listening(s, port);
	fprintf(stderr, "thrum serve: %s port %u: %s\n", s->options->bind, s->options->port,
		text_error(port));
	return EXIT_NOT_OK;
}

/* Each connection takes a descriptor: as many as the system lets us have. */
static void raise_descriptors(void)
{
	struct rlimit limit;
	rlim_t most;

	if (getrlimit(RLIMIT_NOFILE, &limit))
		return;
	most = limit.rlim_max < DESCRIPTORS_MAX ? limit.rlim_max : DESCRIPTORS_MAX;
	if (limit.rlim_cur >= most)
		return;
	limit.rlim_cur = most;
	(void)setrlimit(RLIMIT_NOFILE, &limit); /* or it goes by what there is */
}

int serve_run(const struct serve_options *options)
{
	struct thrum_config config = THRUM_CONFIG_INIT;
	char where[TEXT_PATH_MAX];
	struct server server;
	intptr_t status;
	int error;

	raise_descriptors();
	error = server_init(&server, options);
	if (error) {
		fprintf(stderr, "thrum serve: %s: %s\n",
			text_path(options->dir, where, sizeof(where)), text_error(error));
		return EXIT_NOT_OK;
	}
	config.workers = options->workers;
	status = thrum_run_with(&config, serve_main_task, &server);
	/* Left behind with what still runs in it. */
	if (status == -EBUSY) {
		fprintf(stderr, "thrum serve: it did not come to an end\n");
		exit(EXIT_NOT_OK);
	}
	if (thrum_failed(status)) {
		fprintf(stderr, "thrum serve: %s\n", text_error(status));
		status = EXIT_NOT_OK;
	}
	server_fini(&server);
	return (int)status;
}
