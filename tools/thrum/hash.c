/* SPDX-License-Identifier: MIT */
/*
 * hash.c - one file to its SHA-256 (OpenSSL), by calls that suspend a task or by plain ones.
 *
 * Both read the same bytes in the same pieces and differ in who waits: the fiber or the thread.  A
 * file that became a FIFO or a symbolic link since the walk cannot hold the pass: O_NONBLOCK,
 * O_NOFOLLOW.
 *
 * No errno is read in code that a task runs: it may go on on another thread after each call that
 * waits.  A hasher belongs to one pass over one file at a time.
 */
#define _GNU_SOURCE 1
#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <thrum/thrum.h>
#include <unistd.h>

#include "hash.h"

#define OPEN_FLAGS (O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC)

static EVP_MD *sha256;

int hash_open_library(void)
{
	sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
	return sha256 ? 0 : -ENOTSUP;
}

void hash_close_library(void)
{
	EVP_MD_free(sha256);
	sha256 = NULL;
}

int hasher_init(struct hasher *hasher)
{
	hasher->context = EVP_MD_CTX_new();
	hasher->buffer = malloc(BUFFER_BYTES);
	hasher->next = NULL;
	if (hasher->context && hasher->buffer)
		return 0;
	hasher_fini(hasher);
	return -ENOMEM;
}

void hasher_fini(struct hasher *hasher)
{
	EVP_MD_CTX_free(hasher->context);
	free(hasher->buffer);
	*hasher = (struct hasher){0};
}

int hash_begin(struct hasher *hasher)
{
	return EVP_DigestInit_ex2(hasher->context, sha256, NULL) ? 0 : -ENOMEM;
}

int hash_add(struct hasher *hasher, const void *data, size_t n)
{
	return EVP_DigestUpdate(hasher->context, data, n) ? 0 : -ENOMEM;
}

int hash_end(struct hasher *hasher, unsigned char hash[HASH_BYTES])
{
	return EVP_DigestFinal_ex(hasher->context, hash, NULL) ? 0 : -ENOMEM;
}

const char *hash_text(const unsigned char hash[HASH_BYTES], char text[HASH_TEXT_BYTES])
{
	for (int i = 0; i < HASH_BYTES; i++)
		snprintf(text + 2 * i, 3, "%02x", hash[i]);
	return text;
}

intptr_t hash_in_task(struct hasher *hasher, const char *path, unsigned char hash[HASH_BYTES])
{
	intptr_t total = 0;
	ssize_t n;
	int error = hash_begin(hasher);
	int fd = error ? error : thrum_open(path, OPEN_FLAGS, 0);

	if (fd < 0)
		return fd;
	while ((n = thrum_read(fd, hasher->buffer, BUFFER_BYTES)) > 0) {
		total += n;
		error = hash_add(hasher, hasher->buffer, (size_t)n);
		if (error)
			break;
	}
	(void)thrum_close(fd);
	if (n < 0)
		return n;
	error = error ? error : hash_end(hasher, hash);
	return error ? error : total;
}

/* The plain twin of thrum_read: a result or -errno. */
static ssize_t read_plainly(int fd, void *buf, size_t n)
{
	ssize_t got;

	do {
		got = read(fd, buf, n);
	} while (got < 0 && errno == EINTR);
	return got < 0 ? -errno : got;
}

intptr_t hash_plainly(struct hasher *hasher, const char *path, unsigned char *hash, struct stat *st)
{
	intptr_t total = 0;
	ssize_t n;
	int error = hash ? hash_begin(hasher) : 0;
	int fd = error ? error : open(path, OPEN_FLAGS);

	if (fd < 0)
		return error ? error : -errno;
	if (st && fstat(fd, st))
		error = -errno;
	while (!error && (n = read_plainly(fd, hasher->buffer, BUFFER_BYTES)) != 0) {
		total += n > 0 ? n : 0;
		error = n < 0 ? (int)n : hash ? hash_add(hasher, hasher->buffer, (size_t)n) : 0;
	}
	close(fd);
	if (!error && hash)
		error = hash_end(hasher, hash);
	return error ? error : total;
}
