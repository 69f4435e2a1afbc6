/* SPDX-License-Identifier: MIT */
/*
 * progress.c - one line on standard error, if that is a terminal, ten times a second.
 *
 * A thread of its own draws it, so that no task waits for a terminal.  Without a terminal, or
 * without a thread to be had, nothing is counted and nothing is drawn.
 */
#define _GNU_SOURCE 1
#include <time.h>
#include <unistd.h>

#include "demo.h"

#define INTERVAL_NS 100000000L
#define ERASE_LINE "\r\033[K"

static void draw(const struct progress *progress)
{
	fprintf(stderr, ERASE_LINE "%llu files found, %llu hashed, %llu fetched, %llu checked",
		(unsigned long long)progress->found, (unsigned long long)progress->hashed,
		(unsigned long long)progress->fetched, (unsigned long long)progress->checked);
	fflush(stderr);
}

static struct timespec next_time(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	t.tv_nsec += INTERVAL_NS;
	if (t.tv_nsec >= 1000000000L) {
		t.tv_nsec -= 1000000000L;
		t.tv_sec++;
	}
	return t;
}

static void *progress_thread(void *arg)
{
	struct progress *progress = arg;

	pthread_mutex_lock(&progress->lock);
	while (!progress->stop) {
		struct timespec until = next_time();

		pthread_cond_timedwait(&progress->stop_wanted, &progress->lock, &until);
		draw(progress);
	}
	fputs(ERASE_LINE, stderr);
	pthread_mutex_unlock(&progress->lock);
	return NULL;
}

void progress_start(struct progress *progress)
{
	pthread_condattr_t attr;

	pthread_mutex_init(&progress->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&progress->stop_wanted, &attr);
	pthread_condattr_destroy(&attr);
	progress->stop = false;
	progress->on = isatty(STDERR_FILENO) &&
		       !pthread_create(&progress->thread, NULL, progress_thread, progress);
}

void progress_stop(struct progress *progress)
{
	if (progress->on) {
		pthread_mutex_lock(&progress->lock);
		progress->stop = true;
		pthread_cond_signal(&progress->stop_wanted);
		pthread_mutex_unlock(&progress->lock);
		pthread_join(progress->thread, NULL);
		progress->on = false;
	}
	pthread_cond_destroy(&progress->stop_wanted);
	pthread_mutex_destroy(&progress->lock);
}

void progress_count(struct progress *progress, uint64_t *counter, uint64_t n)
{
	if (!progress->on)
		return;
	pthread_mutex_lock(&progress->lock);
	*counter += n;
	pthread_mutex_unlock(&progress->lock);
}

void progress_say(struct progress *progress, const char *line)
{
	if (!progress->on) {
		fprintf(stderr, "%s\n", line);
		return;
	}
	pthread_mutex_lock(&progress->lock);
	fprintf(stderr, ERASE_LINE "%s\n", line);
	pthread_mutex_unlock(&progress->lock);
}
