/* SPDX-License-Identifier: MIT */
/*
 * walk.c - the files of a tree, as "find DIR -type f" counts them: no symbolic link is followed.
 *
 * The directories not yet read stand on a stack.  In waves, up to WAVE of them get a task each,
 * which reads at most CHUNK names on the blocking pool; a longer directory stays open and goes back
 * below its subdirectories.  So what is held is bounded by the tree's depth, not by its size: at
 * most CHUNK names for each level and visit.
 *
 * A visit is its task's until it is joined; the stack and the batch are the filling task's alone.
 *
 * Fails: no memory (the walk ends with -ENOMEM); a directory that may not be read or is gone is a
 * problem that is counted, any other error on one makes the walk incomplete.
 */
#define _GNU_SOURCE 1
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "demo.h"

#define WAVE 8
#define CHUNK 512

/* One directory's next names. */
struct visit {
	struct dir dir;
	bool root; /* may be reached through "link/" */
	bool more; /* not read to its end */
	int error; /* 0 or -errno */
	struct files files;
	struct dir subs[CHUNK];
	size_t n_subs;
	struct thrum_future *task;
};

int files_add(struct files *files, const struct file *file)
{
	if (files->n == files->room) {
		size_t room = files->room ? 2 * files->room : 64;
		struct file *at = reallocarray(files->at, room, sizeof(*at));

		if (!at)
			return -ENOMEM;
		files->at = at;
		files->room = room;
	}
	files->at[files->n++] = *file;
	return 0;
}

void files_clear(struct files *files)
{
	for (size_t i = 0; i < files->n; i++)
		free(files->at[i].path);
	free(files->at);
	*files = (struct files){0};
}

static void dir_drop(struct dir *dir)
{
	if (dir->stream)
		closedir(dir->stream);
	free(dir->path);
	*dir = (struct dir){0};
}

static int walk_push(struct walk *walk, const struct dir *dir)
{
	if (walk->n == walk->room) {
		size_t room = walk->room ? 2 * walk->room : 64;
		struct dir *at = reallocarray(walk->at, room, sizeof(*at));

		if (!at)
			return -ENOMEM;
		walk->at = at;
		walk->room = room;
	}
	walk->at[walk->n++] = *dir;
	return 0;
}

int walk_init(struct walk *walk, const char *root, struct files *batch, struct demo *demo)
{
	struct dir dir = {strdup(root), NULL};

	*walk = (struct walk){.root = true, .batch = batch, .demo = demo};
	if (!dir.path || walk_push(walk, &dir)) {
		free(dir.path);
		return -ENOMEM;
	}
	return 0;
}

void walk_fini(struct walk *walk)
{
	while (walk->n)
		dir_drop(&walk->at[--walk->n]);
	free(walk->at);
	walk->at = NULL;
}

static char *join_path(const char *dir, const char *name)
{
	size_t length = strlen(dir);
	char *path = malloc(length + strlen(name) + 2);

	if (!path)
		return NULL;
	memcpy(path, dir, length);
	if (length && path[length - 1] != '/')
		path[length++] = '/';
	strcpy(path + length, name);
	return path;
}

/* A file whose size cannot be had goes along: the passes find out that it cannot be read. */
static int visit_entry(struct visit *visit, const struct dirent *entry)
{
	struct file file = {0};
	struct stat st = {.st_mode = entry->d_type == DT_DIR ? S_IFDIR : S_IFREG};
	char *path;
	int error;

	if (entry->d_type != DT_DIR && entry->d_type != DT_REG && entry->d_type != DT_UNKNOWN)
		return 0;
	if (entry->d_type != DT_DIR)
		(void)fstatat(dirfd(visit->dir.stream), entry->d_name, &st, AT_SYMLINK_NOFOLLOW);
	if (!S_ISDIR(st.st_mode) && !S_ISREG(st.st_mode))
		return 0;
	path = join_path(visit->dir.path, entry->d_name);
	if (!path)
		return -ENOMEM;
	if (S_ISDIR(st.st_mode)) {
		visit->subs[visit->n_subs++] = (struct dir){path, NULL};
		return 0;
	}
	file.path = path;
	file.size = st.st_size;
	file.mtime = st.st_mtim;
	error = files_add(&visit->files, &file);
	if (error)
		free(path);
	return error;
}

static int visit_open(struct visit *visit)
{
	int flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC | (visit->root ? 0 : O_NOFOLLOW);
	int fd;

	if (visit->dir.stream)
		return 0;
	fd = open(visit->dir.path, flags);
	if (fd < 0)
		return -errno;
	visit->dir.stream = fdopendir(fd);
	if (!visit->dir.stream) {
		close(fd);
		return -ENOMEM;
	}
	return 0;
}

/* Runs on the blocking pool, on a plain thread: errno is its own there. */
static intptr_t visit_read(void *arg)
{
	struct visit *visit = arg;
	int error = visit_open(visit);

	for (int i = 0; !error && i < CHUNK; i++) {
		struct dirent *entry;

		errno = 0;
		entry = readdir(visit->dir.stream);
		if (!entry) {
			visit->more = false;
			return -errno;
		}
		if (strcmp(entry->d_name, ".") && strcmp(entry->d_name, ".."))
			error = visit_entry(visit, entry);
	}
	visit->more = !error;
	return error;
}

/* The task of one visit. */
static intptr_t visit_task(void *arg)
{
	struct visit *visit = arg;

	visit->error = (int)thrum_blocking(visit_read, visit);
	return 0;
}

static bool is_unreadable(int error)
{
	return error == -EACCES || error == -EPERM || error == -ENOENT || error == -ENOTDIR ||
	       error == -ELOOP;
}

static void visit_complain(struct walk *walk, struct visit *visit)
{
	if (is_unreadable(visit->error) && !visit->root)
		walk->unreadable_dirs++;
	else
		walk->failed = true;
	demo_problem(walk->demo, visit->dir.path, "directory not read: %s",
		     text_error(visit->error));
}

/* Moves what the visit found to the batch and the stack; what finds no room is dropped. */
static int visit_merge(struct walk *walk, struct visit *visit)
{
	int error = visit->error == -ENOMEM ? -ENOMEM : 0;

	if (visit->error)
		visit_complain(walk, visit);
	for (size_t i = 0; !error && i < visit->files.n; i++) {
		error = files_add(walk->batch, &visit->files.at[i]);
		if (!error)
			visit->files.at[i].path = NULL;
	}
	if (!visit->more) {
		walk->dirs += !visit->error;
		dir_drop(&visit->dir);
	} else {
		error = error ? error : walk_push(walk, &visit->dir);
		if (error)
			dir_drop(&visit->dir);
	}
	while (visit->n_subs) {
		struct dir *sub = &visit->subs[--visit->n_subs];

		error = error ? error : walk_push(walk, sub);
		if (error)
			dir_drop(sub);
	}
	files_clear(&visit->files);
	return error;
}

/* Reads on in up to WAVE directories at a time. */
static int walk_wave(struct walk *walk, struct visit *visits)
{
	size_t n = 0;
	int error = 0;

	for (; n < WAVE && walk->n; n++) {
		struct visit *visit = &visits[n];

		memset(visit, 0, sizeof(*visit));
		visit->dir = walk->at[--walk->n];
		visit->root = walk->root;
		walk->root = false;
		visit->task = thrum_spawn(visit_task, visit);
		if (!visit->task)
			visit_task(visit);
	}
	for (size_t i = 0; i < n; i++)
		if (visits[i].task)
			(void)!thrum_join(visits[i].task);
	for (size_t i = 0; i < n; i++) {
		int merged = visit_merge(walk, &visits[i]);

		error = error ? error : merged;
	}
	return error;
}

intptr_t walk_fill(void *arg)
{
	struct walk *walk = arg;
	struct progress *progress = &walk->demo->progress;
	struct visit *visits = calloc(WAVE, sizeof(*visits));
	int error = visits ? 0 : -ENOMEM;

	while (!error && walk->n && walk->batch->n < BATCH_FILES) {
		size_t before = walk->batch->n;

		error = walk_wave(walk, visits);
		progress_count(progress, &progress->found, walk->batch->n - before);
	}
	free(visits);
	return error;
}
