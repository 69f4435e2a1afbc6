/* SPDX-License-Identifier: MIT */
/*
 * serve_file.c - names to open files.
 *
 * The kernel resolves a name from the directory that is served and refuses to leave it, by a link,
 * by ".." or by a rename in the middle of it (RESOLVE_BENEATH).  First it is asked for what it has
 * in memory (RESOLVE_CACHED); what would make this worker wait for a disk goes to the blocking
 * pool.
 *
 * errno is read in functions that are not inlined and do not wait: a task that waits may go on in
 * another thread, and a compiler may keep the address of the first one's errno.
 */
#define _GNU_SOURCE 1
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "serve.h"

#ifndef RESOLVE_CACHED
#define RESOLVE_CACHED 0x20
#endif

struct open_job {
	int dir;
	const char *name;
	uint64_t flags;
	uint64_t resolve;
	struct stat st;
};

/* A descriptor with @job->st filled, or -errno.  Also a job of the blocking pool. */
static __attribute__((noinline)) intptr_t open_now(void *arg)
{
	struct open_job *job = arg;
	struct open_how how = {
	    .flags = job->flags | O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY,
	    .resolve = job->resolve | RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS,
	};
	int error;
	long fd;

	do
		fd = syscall(SYS_openat2, job->dir, job->name, &how, sizeof(how));
	while (fd < 0 && errno == EINTR);
	if (fd < 0)
		return -errno;
	if (fstat((int)fd, &job->st) == 0)
		return fd;
	error = -errno;
	close((int)fd);
	return error;
}

static intptr_t open_below(struct server *s, const char *name, uint64_t flags, struct stat *st)
{
	struct open_job job = {.dir = s->dir, .name = name, .flags = flags};
	intptr_t fd;

	job.resolve = RESOLVE_CACHED;
	fd = open_now(&job);
	/* EINVAL: a kernel before 5.12 */
	if (fd == -EAGAIN || fd == -EINVAL) {
		job.resolve = 0;
		fd = thrum_blocking(open_now, &job);
	}
	*st = job.st;
	return fd;
}

int serve_open_top(const char *dir)
{
	struct open_job job = {.dir = -1, .name = "."};
	int top = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	intptr_t probe;

	if (top < 0)
		return -errno;
	job.dir = top;
	probe = open_now(&job);
	if (probe >= 0) {
		close((int)probe);
		return top;
	}
	close(top);
	return (int)probe;
}

/* What a failure to open means to the client.  That something lies outside is not told. */
static int status_of(intptr_t error)
{
	switch (-error) {
	case ENOENT:
	case ENOTDIR:
	case ENAMETOOLONG:
	case ELOOP:
	case EXDEV:
	case ENXIO:
	case ENODEV:
		return 404;
	case EACCES:
	case EPERM:
		return 403;
	case EMFILE:
	case ENFILE:
	case ENOMEM:
	case EAGAIN:
	case ECANCELED:
		return 503;
	default:
		return 500;
	}
}

static void take_file(struct serve_file *file, intptr_t fd, const struct stat *st, const char *name)
{
	struct http_entity *e = &file->entity;

	file->fd = (int)fd;
	file->status = 200;
	e->size = (uint64_t)st->st_size;
	e->type = http_type_of(name, strlen(name));
	http_entity_mark(e, &st->st_mtim, st->st_ino);
}

/* A name that ends in a slash: its index.html, else the directory itself if lists are served. */
static void find_directory(struct server *s, const struct http_path *path, struct serve_file *file)
{
	static const char index_name[] = "/index.html";
	char name[HTTP_PATH_MAX + sizeof(index_name)];
	struct stat st;
	intptr_t fd;

	memcpy(name, path->name, path->length);
	memcpy(name + path->length, index_name, sizeof(index_name));
	fd = open_below(s, name, 0, &st);
	if (fd >= 0 && S_ISREG(st.st_mode)) {
		take_file(file, fd, &st, name);
		return;
	}
	if (fd >= 0)
		close((int)fd);
	file->status = fd < 0 ? status_of(fd) : 404;
	if (!s->options->list || file->status != 404)
		return;
	fd = open_below(s, path->name, O_DIRECTORY, &st);
	file->status = fd < 0 ? status_of(fd) : 200;
	file->fd = fd < 0 ? -1 : (int)fd;
	file->directory = fd >= 0;
}

void serve_file_find(struct server *s, const struct http_path *path, struct serve_file *file)
{
	struct stat st;
	intptr_t fd;

	file->fd = -1;
	file->directory = false;
	if (path->directory) {
		find_directory(s, path, file);
		return;
	}
	fd = open_below(s, path->name, 0, &st);
	if (fd < 0) {
		file->status = status_of(fd);
	} else if (S_ISREG(st.st_mode)) {
		take_file(file, fd, &st, path->name);
	} else {
		file->status = S_ISDIR(st.st_mode) ? 301 : 404;
		close((int)fd);
	}
}

void serve_file_close(struct serve_file *file)
{
	if (file->fd >= 0)
		close(file->fd);
	file->fd = -1;
}
