/* SPDX-License-Identifier: MIT */
/*
 * serve_list.c - a directory as a page of HTML: read and written by a job of the blocking pool, as
 * reading directories may wait for a disk.
 */
#define _GNU_SOURCE 1
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "serve.h"

#define NAMES_MAX 20000 /* of one page; a line says if there are more */

struct list_job {
	int fd; /* taken over */
	const struct http_path *path;
	char **out;
};

struct name {
	char *text;
	bool directory;
};

struct names {
	struct name *at;
	size_t n, capacity;
	bool more;
};

/* 0 or -ENOMEM. */
static int add_name(struct names *names, const struct dirent *entry)
{
	if (names->n == names->capacity) {
		size_t capacity = names->capacity ? names->capacity * 2 : 64;
		struct name *at = realloc(names->at, capacity * sizeof(*at));

		if (!at)
			return -ENOMEM;
		names->at = at;
		names->capacity = capacity;
	}
	names->at[names->n].text = strdup(entry->d_name);
	names->at[names->n].directory = entry->d_type == DT_DIR;
	return names->at[names->n].text ? (names->n++, 0) : -ENOMEM;
}

static int read_names(DIR *dir, struct names *names)
{
	const struct dirent *entry;
	int error = 0;

	for (;;) {
		errno = 0;
		entry = readdir(dir);
		if (!entry)
			return -errno;
		if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, ".."))
			continue;
		names->more = names->n == NAMES_MAX;
		if (!names->more)
			error = add_name(names, entry);
		if (names->more || error)
			return error;
	}
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(((const struct name *)a)->text, ((const struct name *)b)->text);
}

static void put_escaped(FILE *page, const char *text)
{
	for (; *text; text++) {
		switch (*text) {
		case '&':
			fputs("&amp;", page);
			break;
		case '<':
			fputs("&lt;", page);
			break;
		case '>':
			fputs("&gt;", page);
			break;
		case '"':
			fputs("&quot;", page);
			break;
		default:
			fputc(*text, page);
		}
	}
}

static void put_names(FILE *page, const struct names *names, bool top)
{
	char link[3 * 256 + 1];

	if (!top)
		fputs("<li><a href=\"../\">../</a></li>\n", page);
	for (size_t i = 0; i < names->n; i++) {
		const char *slash = names->at[i].directory ? "/" : "";

		http_path_encode(link, sizeof(link), names->at[i].text, strlen(names->at[i].text));
		/* "./": a name with a colon would be taken for a scheme. */
		fprintf(page, "<li><a href=\"./%s%s\">", link, slash);
		put_escaped(page, names->at[i].text);
		fprintf(page, "%s</a></li>\n", slash);
	}
	if (names->more)
		fprintf(page, "<li>and more than these %u</li>\n", NAMES_MAX);
}

/* The page's length, or -ENOMEM. */
static ssize_t put_page(const struct http_path *path, const struct names *names, char **out)
{
	bool top = !strcmp(path->name, ".");
	size_t length = 0;
	FILE *page = open_memstream(out, &length);
	bool bad;

	if (!page)
		return -ENOMEM;
	fputs("<!DOCTYPE html>\n<html><head><meta charset=\"utf-8\"><title>/", page);
	put_escaped(page, top ? "" : path->name);
	fputs("</title></head>\n<body><h1>/", page);
	put_escaped(page, top ? "" : path->name);
	fputs("</h1>\n<ul>\n", page);
	put_names(page, names, top);
	fputs("</ul></body></html>\n", page);
	bad = ferror(page);
	if (fclose(page) || bad) {
		free(*out);
		return -ENOMEM;
	}
	return (ssize_t)length;
}

static intptr_t list_now(void *arg)
{
	struct list_job *job = arg;
	struct names names = {0};
	DIR *dir = fdopendir(job->fd);
	ssize_t result;

	if (!dir)
		return -errno;
	job->fd = -1;
	result = read_names(dir, &names);
	closedir(dir);
	if (result == 0 && names.n)
		qsort(names.at, names.n, sizeof(*names.at), compare_names);
	if (result == 0)
		result = put_page(job->path, &names, job->out);
	for (size_t i = 0; i < names.n; i++)
		free(names.at[i].text);
	free(names.at);
	return result;
}

ssize_t serve_list(int fd, const struct http_path *path, char **out)
{
	struct list_job job = {fd, path, out};
	intptr_t result = thrum_blocking(list_now, &job);

	if (job.fd >= 0)
		close(job.fd);
	return result;
}
