/* SPDX-License-Identifier: MIT */
/*
 * hash.h - SHA-256 of what comes in pieces, and of a file (hash.c).
 *
 * Between open and close of the library; the functions return 0 or what they say, or -errno.
 */
#ifndef THRUM_HASH_H
#define THRUM_HASH_H

#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#define HASH_BYTES 32
#define HASH_TEXT_BYTES (2 * HASH_BYTES + 1)
#define BUFFER_BYTES (128 * 1024)

/* A digest and a buffer for the file it reads, used for one thing at a time. */
struct hasher {
	void *context; /* OpenSSL's */
	unsigned char *buffer;
	struct hasher *next; /* in the list of those free */
};

int hash_open_library(void);
void hash_close_library(void);
int hasher_init(struct hasher *hasher);
void hasher_fini(struct hasher *hasher);

int hash_begin(struct hasher *hasher);
int hash_add(struct hasher *hasher, const void *data, size_t n);
int hash_end(struct hasher *hasher, unsigned char hash[HASH_BYTES]);
/* hash_text - in hexadecimal digits; returns @text. */
const char *hash_text(const unsigned char hash[HASH_BYTES], char text[HASH_TEXT_BYTES]);

/* hash_in_task - @path's SHA-256 by calls that suspend the task: bytes read, or -errno. */
intptr_t hash_in_task(struct hasher *hasher, const char *path, unsigned char hash[HASH_BYTES]);
/* hash_plainly - the same by plain calls; @hash NULL: only read. */
intptr_t hash_plainly(struct hasher *hasher, const char *path, unsigned char *hash,
		      struct stat *st);

#endif
