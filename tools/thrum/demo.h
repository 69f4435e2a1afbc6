/* SPDX-License-Identifier: MIT */
/*
 * demo.h - the parts of thrum demo.
 *
 *   walk.c      finds the files: one task for each directory, read on the blocking pool
 *   hash.c      one file to its SHA-256, by a task's calls or by plain ones
 *   parallel.c  the pass in tasks: one task for each file, a bounded number in flight
 *   served.c    the pass over the network: the tree served, and every file fetched
 *   serial.c    the plain pass on one thread, and what two passes say about a file
 *   report.c    the text and the JSON object;  progress.c  the line on a terminal
 *   demo.c      options, and the passes in their order
 *
 * A tree is worked off in batches, so that memory does not grow with it; the passes run over one
 * segment of a batch after the other, each small enough for the page cache.
 */
#ifndef THRUM_DEMO_H
#define THRUM_DEMO_H

#include <pthread.h>
#include <sys/stat.h>
#include <thrum/thrum.h>

#include "cli.h"
#include "hash.h"
#include "latency.h"

#define BATCH_FILES 16384
#define SEGMENT_BYTES (256 * 1024 * 1024LL)
#define JOBS_MAX 4096
#define PROBLEMS_KEPT 10

/* One file: written by the walk, then by its task, then by the serial pass. */
struct file {
	char *path;
	off_t size; /* as the walk saw it */
	struct timespec mtime;
	struct crew *crew; /* whose hasher its task uses */
	struct hasher *hasher;
	intptr_t parallel; /* bytes read, or -errno */
	intptr_t serial;
	unsigned char hash[HASH_BYTES];
	bool asked;      /* for over the network */
	intptr_t served; /* bytes that came, or -errno */
	unsigned char served_hash[HASH_BYTES];
};

struct files {
	struct file *at;
	size_t n;
	size_t room;
};

/* The hashers: as many as files may be in flight. */
struct crew {
	pthread_mutex_t lock;
	struct hasher *all;
	unsigned size;
	struct hasher *free;         /* lock */
	unsigned n_free;             /* lock */
	struct thrum_future *wanted; /* lock; NULL, or completed when half of them are free */
	uint64_t done;               /* lock; files that tasks finished */
};

struct dir {
	char *path;
	void *stream; /* DIR of a directory read in part, or NULL */
};

/* The directories seen and not yet read to their end; the newest is read first. */
struct walk {
	struct dir *at;
	size_t n;
	size_t room;
	bool root;   /* the next one is the tree's root */
	bool failed; /* the walk is not complete */
	uint64_t dirs;
	uint64_t unreadable_dirs;
	struct files *batch;
	struct demo *demo;
};

/* What a line on the terminal shows; counted only while there is one. */
struct progress {
	pthread_mutex_t lock;
	pthread_cond_t stop_wanted;
	pthread_t thread;
	bool on;
	bool stop;        /* lock */
	uint64_t found;   /* lock */
	uint64_t hashed;  /* lock */
	uint64_t fetched; /* lock */
	uint64_t checked; /* lock */
};

struct problem {
	char *path;
	char *what;
};

struct pass {
	uint64_t files; /* read to their end */
	uint64_t bytes;
	int64_t ns;
};

struct demo {
	const char *dir;
	unsigned workers; /* 0: the library's default */
	unsigned jobs;
	unsigned lanes; /* fetches in flight at most */
	bool json;
	bool list;
	bool verbose;

	struct thrum_runtime *rt;
	struct crew crew;
	struct hasher plain; /* of the serial pass */
	struct served *served;
	struct walk walk;
	struct files batch;
	size_t segment_from, segment_to; /* what the passes run over now, in the batch */
	struct progress progress;

	uint64_t found;      /* files the walk saw */
	uint64_t taskless;   /* files hashed by the task that could not start one for them */
	uint64_t unreadable; /* in both passes */
	uint64_t changed;    /* between two readings */
	uint64_t failed;     /* read serially, but not by its task */
	uint64_t wrong;      /* a task's hash, or what was served, is not that of the file */
	uint64_t unasked;    /* hashed by a task, and not asked for over the network */
	uint64_t unserved;   /* asked for, and not had */
	uint64_t connections, requests; /* as the server counted them */
	struct latency latency;         /* of a fetch */
	struct pass parallel, fetched, serial;
	int64_t walk_ns;
	struct problem problems[PROBLEMS_KEPT];
	uint64_t n_problems;
};

/* walk.c */
int walk_init(struct walk *walk, const char *root, struct files *batch, struct demo *demo);
void walk_fini(struct walk *walk);
/* walk_fill - a task: add files to the batch until it is full or the tree done; 0 or -ENOMEM. */
intptr_t walk_fill(void *walk);
int files_add(struct files *files, const struct file *file);
void files_clear(struct files *files);

/* parallel.c */
int crew_init(struct crew *crew, unsigned size);
void crew_fini(struct crew *crew);
/* parallel_pass - a task: hash every file of the segment, each in a task of its own.  Returns 0. */
intptr_t parallel_pass(void *demo);

/* served.c.  Tasks; 0 or -errno. */
intptr_t served_start(void *demo);
intptr_t served_pass(void *demo);
intptr_t served_stop(void *demo);
/* served_free - plainly, with the runtime gone. */
void served_free(struct demo *demo);

/* serial.c */
void warm_pass(struct demo *demo);
void serial_pass(struct demo *demo);

/* report.c */
void demo_problem(struct demo *demo, const char *path, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void report_list(const struct file *file);
/* report_end - the verdict, as text or JSON, and the exit code. */
int report_end(struct demo *demo);
/* report_failure - a run that could not be done: the message, as text and JSON; EXIT_NOT_OK. */
int report_failure(struct demo *demo, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void problems_free(struct demo *demo);

/* progress.c */
void progress_start(struct progress *progress);
void progress_stop(struct progress *progress);
void progress_count(struct progress *progress, uint64_t *counter, uint64_t n);
/* progress_say - a line on standard error that stays, above the one that is drawn. */
void progress_say(struct progress *progress, const char *line);

#endif
