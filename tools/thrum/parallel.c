/* SPDX-License-Identifier: MIT */
/*
 * parallel.c - the pass in tasks: one for each file, joined through its future.
 *
 * The crew's hashers bound how many files are in flight: whoever starts tasks takes one for each.
 * With none free it waits on a bare future until half of them are: woken for each single one, it
 * would cost every file two switches.  A file's hasher is its task's until the task gives it back,
 * as its last act.  The lock guards the list of free ones and is never held across a call that
 * waits.
 *
 * Fails: nothing here stops the pass.  No memory for the future to wait on: the tasks started so
 * far are joined, then all hashers are free.  No task to be had for a file: its would-be parent
 * hashes it.
 */
#include <errno.h>
#include <stdlib.h>

#include "demo.h"

int crew_init(struct crew *crew, unsigned size)
{
	*crew = (struct crew){.lock = PTHREAD_MUTEX_INITIALIZER};
	crew->all = calloc(size, sizeof(*crew->all));
	if (!crew->all)
		return -ENOMEM;
	for (; crew->size < size; crew->size++) {
		struct hasher *hasher = &crew->all[crew->size];
		int error = hasher_init(hasher);

		if (error)
			return error;
		hasher->next = crew->free;
		crew->free = hasher;
		crew->n_free++;
	}
	return 0;
}

void crew_fini(struct crew *crew)
{
	for (unsigned i = 0; i < crew->size; i++)
		hasher_fini(&crew->all[i]);
	free(crew->all);
	crew->all = NULL;
	crew->size = 0;
}

/* A free hasher; or NULL with the future in *wanted that a give completes; neither: no memory. */
static struct hasher *crew_try(struct crew *crew, struct thrum_future **wanted)
{
	struct thrum_future *future = NULL;
	struct hasher *hasher;

	pthread_mutex_lock(&crew->lock);
	hasher = crew->free;
	if (hasher) {
		crew->free = hasher->next;
		crew->n_free--;
	} else {
		future = thrum_future_create();
		thrum_retain(future); /* one reference to wait on, one for who gives */
		crew->wanted = future;
	}
	pthread_mutex_unlock(&crew->lock);
	*wanted = future;
	return hasher;
}

/* Waits until a hasher is free; NULL: it cannot wait (no memory, or the pass is being stopped). */
static struct hasher *crew_take(struct crew *crew)
{
	struct thrum_future *wanted;
	struct hasher *hasher;

	while (!(hasher = crew_try(crew, &wanted)) && wanted) {
		intptr_t result = thrum_await(wanted);

		thrum_release(wanted);
		if (thrum_failed(result))
			break;
	}
	return hasher;
}

static void crew_give(struct crew *crew, struct hasher *hasher)
{
	struct thrum_future *wanted = NULL;

	pthread_mutex_lock(&crew->lock);
	hasher->next = crew->free;
	crew->free = hasher;
	crew->n_free++;
	crew->done++;
	if (2 * crew->n_free >= crew->size) {
		wanted = crew->wanted;
		crew->wanted = NULL;
	}
	pthread_mutex_unlock(&crew->lock);
	if (wanted) {
		(void)thrum_future_set(wanted, 0);
		thrum_release(wanted);
	}
}

/* A file's task: reads and hashes it.  Returns the bytes read, or -errno. */
static intptr_t hash_file(void *arg)
{
	struct file *file = arg;
	intptr_t result = hash_in_task(file->hasher, file->path, file->hash);

	crew_give(file->crew, file->hasher);
	return result;
}

/* Instead of hash_file, when no stack could be had for the task: its result tells. */
static void not_hashed(void *arg)
{
	struct file *file = arg;

	crew_give(file->crew, file->hasher);
}

/* Joins the tasks of the files up to @end and takes their results. */
static void join_files(struct demo *demo, struct thrum_future **tasks, size_t *joined, size_t end)
{
	for (; *joined < end; ++*joined) {
		struct file *file = &demo->batch.at[demo->segment_from + *joined];
		struct thrum_future *task = tasks[*joined];

		if (task)
			file->parallel = thrum_join(task);
		if (!thrum_failed(file->parallel)) {
			demo->parallel.files++;
			demo->parallel.bytes += (uint64_t)file->parallel;
		}
	}
}

intptr_t parallel_pass(void *arg)
{
	struct demo *demo = arg;
	size_t n = demo->segment_to - demo->segment_from;
	struct thrum_future **tasks = calloc(n, sizeof(struct thrum_future *));
	size_t joined = 0;

	if (!tasks)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		struct file *file = &demo->batch.at[demo->segment_from + i];

		file->crew = &demo->crew;
		file->hasher = crew_take(&demo->crew);
		if (!file->hasher) {
			join_files(demo, tasks, &joined, i);
			file->hasher = crew_take(&demo->crew);
		}
		tasks[i] = file->hasher ? thrum_spawn_drop(hash_file, file, not_hashed) : NULL;
		if (!tasks[i]) {
			file->parallel = file->hasher ? hash_file(file) : -ENOMEM;
			demo->taskless++;
		}
		progress_count(&demo->progress, &demo->progress.hashed, 1);
	}
	join_files(demo, tasks, &joined, n);
	free(tasks);
	return 0;
}
