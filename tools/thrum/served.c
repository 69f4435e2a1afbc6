/* SPDX-License-Identifier: MIT */
/*
 * served.c - the pass over the network: the tree is served on loopback by the server of thrum serve
 * and every file of the segment fetched from it, a bounded number at once, and hashed.
 *
 * Server and fetchers live as long as the demo; their connections are kept from one segment to the
 * next.  Each of the pass's tasks (lanes) has a fetcher and takes one file after the other; what it
 * fetched is that file's until the pass has ended.
 *
 * Not asked for: what no task could read, a file whose size the system does not tell (in /proc; the
 * server announces sizes) or that changed it, a name too long for a request.
 *
 * Fails: starting (no port, no memory).  A fetch that fails is its file's; when the server has not
 * moved for STALL_S the rest is given up, so that an end comes.
 */
#define _GNU_SOURCE 1
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "demo.h"
#include "fetch.h"
#include "serve.h"

#define LANES_MAX 64
/* Both ends of a connection, the file, and what libcurl has open besides; of half the limit. */
#define DESCRIPTORS_OF_LANE 8
#define STALL_S 10
#define GRACE_NS THRUM_SEC(2)
#define URL_BYTES 8000

struct lane {
	struct demo *demo;
	struct fetcher *fetcher;
	struct hasher hasher;
	char url[URL_BYTES];
};

struct served {
	struct serve_options serve;
	struct fetch_options fetch;
	struct server server;
	bool listening; /* it is to be stopped */
	int port;
	struct lane *lanes;
	unsigned n_lanes;
	pthread_mutex_t lock;
	size_t next;  /* lock; in the batch */
	bool stalled; /* lock */
};

static int open_server(struct served *served)
{
	int error = server_init(&served->server, &served->serve);

	if (error)
		return error;
	served->port = server_listen(&served->server);
	served->listening = served->port >= 0;
	if (served->listening)
		return 0;
	server_fini(&served->server);
	return served->port;
}

static void stop_server(struct served *served)
{
	(void)server_stop(&served->server);
	served->listening = false;
}

static unsigned count_lanes(const struct demo *demo, const struct served *served)
{
	unsigned n = demo->jobs < LANES_MAX ? demo->jobs : LANES_MAX;
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur / 2 / DESCRIPTORS_OF_LANE < n)
		n = (unsigned)(limit.rlim_cur / 2 / DESCRIPTORS_OF_LANE);
	if (n > served->server.live_max)
		n = served->server.live_max;
	return n > 0 ? n : 1;
}

static void close_lanes(struct served *served)
{
	for (unsigned i = 0; i < served->n_lanes; i++) {
		fetcher_destroy(served->lanes[i].fetcher);
		hasher_fini(&served->lanes[i].hasher);
	}
	free(served->lanes);
	served->lanes = NULL;
	served->n_lanes = 0;
}

static int open_lanes(struct served *served, struct demo *demo)
{
	unsigned n = count_lanes(demo, served);

	served->lanes = calloc(n, sizeof(*served->lanes));
	if (!served->lanes)
		return -ENOMEM;
	for (; served->n_lanes < n; served->n_lanes++) {
		struct lane *lane = &served->lanes[served->n_lanes];

		lane->demo = demo;
		if (hasher_init(&lane->hasher))
			break;
		lane->fetcher = fetcher_create(&served->fetch);
		if (!lane->fetcher) {
			hasher_fini(&lane->hasher);
			break;
		}
	}
	demo->lanes = served->n_lanes;
	return served->n_lanes ? 0 : -ENOMEM;
}

intptr_t served_start(void *arg)
{
	struct demo *demo = arg;
	struct served *served = calloc(1, sizeof(*served));
	int error;

	if (!served)
		return -ENOMEM;
	pthread_mutex_init(&served->lock, NULL);
	served->serve = (struct serve_options){
	    .dir = demo->dir,
	    .bind = "127.0.0.1",
	    .idle_ns = THRUM_SEC(3600),
	    .request_ns = THRUM_SEC(STALL_S),
	    .write_ns = THRUM_SEC(STALL_S),
	    .grace_ns = GRACE_NS,
	};
	served->fetch = (struct fetch_options){.stall_s = STALL_S, .direct = true, .stay = true};
	error = open_server(served);
	if (!error) {
		error = open_lanes(served, demo);
		if (!error) {
			demo->served = served;
			return 0;
		}
		close_lanes(served);
		stop_server(served);
		server_fini(&served->server);
	}
	pthread_mutex_destroy(&served->lock);
	free(served);
	return error;
}

intptr_t served_stop(void *arg)
{
	struct demo *demo = arg;
	struct served *served = demo->served;

	close_lanes(served);
	stop_server(served);
	demo->connections = served->server.connections;
	demo->requests = registry_requests(&served->server);
	return 0;
}

void served_free(struct demo *demo)
{
	struct served *served = demo->served;

	if (!served)
		return;
	close_lanes(served);
	if (served->listening) /* no task could be had to stop it */
		close(served->server.listener);
	server_fini(&served->server);
	pthread_mutex_destroy(&served->lock);
	free(served);
	demo->served = NULL;
}

/* @path, which is below the tree's root, as a URL; false: it is too long for one. */
static bool make_url(struct lane *lane, const char *path)
{
	size_t n = (size_t)snprintf(lane->url, URL_BYTES, "http://127.0.0.1:%d/",
				    lane->demo->served->port);

	path += strlen(lane->demo->dir);
	path += strspn(path, "/");
	return http_path_encode(lane->url + n, URL_BYTES - n, path, strlen(path)) < URL_BYTES - n;
}

static bool hash_body(void *arg, const void *data, size_t n)
{
	return hash_add(arg, data, n) == 0;
}

/* One file, into its @served and @served_hash.  How long it took, or -1: it was not asked for. */
static int64_t fetch_file(struct lane *lane, struct file *file)
{
	struct fetch fetch = {.url = lane->url, .body = hash_body, .body_arg = &lane->hasher};
	struct served *served = lane->demo->served;
	bool stalled;

	file->asked = !thrum_failed(file->parallel) && file->parallel == file->size &&
		      make_url(lane, file->path);
	if (!file->asked)
		return -1;
	pthread_mutex_lock(&served->lock);
	stalled = served->stalled;
	pthread_mutex_unlock(&served->lock);
	file->served = stalled ? -ETIMEDOUT : hash_begin(&lane->hasher);
	if (file->served)
		return -1;
	file->served = fetcher_run(lane->fetcher, &fetch);
	free(fetch.effective);
	if (file->served == 0 && fetch.status != 200)
		file->served = fetch.status == 404 ? -ENOENT : -EPROTO;
	if (file->served == 0)
		file->served = hash_end(&lane->hasher, file->served_hash);
	if (file->served == 0)
		file->served = (intptr_t)fetch.bytes;
	return fetch.ns;
}

/* A task: files until there is none left. */
static intptr_t run_lane(void *arg)
{
	struct lane *lane = arg;
	struct demo *demo = lane->demo;
	struct served *served = demo->served;
	struct file *file = NULL;
	int64_t took_ns = -1;

	for (;;) {
		pthread_mutex_lock(&served->lock);
		if (took_ns >= 0)
			latency_add(&demo->latency, took_ns);
		if (file && file->asked && file->served == -ETIMEDOUT)
			served->stalled = true;
		file = served->next < demo->segment_to ? &demo->batch.at[served->next++] : NULL;
		pthread_mutex_unlock(&served->lock);
		if (!file)
			return 0;
		took_ns = fetch_file(lane, file);
		progress_count(&demo->progress, &demo->progress.fetched, 1);
	}
}

static void count_files(struct demo *demo)
{
	for (size_t i = demo->segment_from; i < demo->segment_to; i++) {
		const struct file *file = &demo->batch.at[i];

		if (file->asked && !thrum_failed(file->served)) {
			demo->fetched.files++;
			demo->fetched.bytes += (uint64_t)file->served;
		}
		if (!file->asked && !thrum_failed(file->parallel))
			demo->unasked++;
	}
}

intptr_t served_pass(void *arg)
{
	struct demo *demo = arg;
	struct served *served = demo->served;
	struct thrum_future *tasks[LANES_MAX];
	unsigned n = 0;

	served->next = demo->segment_from;
	while (n + 1 < served->n_lanes && (tasks[n] = thrum_spawn(run_lane, &served->lanes[n + 1])))
		n++;
	(void)run_lane(&served->lanes[0]);
	while (n)
		(void)!thrum_join(tasks[--n]);
	count_files(demo);
	return 0;
}
