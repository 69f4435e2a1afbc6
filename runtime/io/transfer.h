/* SPDX-License-Identifier: MIT */
/* transfer.h - bytes from or to a vector, in as many pieces as it takes; transfer.c tells how. */
#ifndef THRUM_IO_TRANSFER_H
#define THRUM_IO_TRANSFER_H

#include "io/op.h"

/* Pieces of the caller's vector that go into one system call once a part has been moved. */
#define THRUM__REST 8

struct thrum__transfer {
	struct thrum__op op;
	const struct iovec *v; /* the caller's, or &one */
	size_t count;
	size_t total; /* bytes in it */
	struct iovec one;
	struct iovec rest[THRUM__REST];
	struct msghdr *m; /* message.c: the caller's */
	int flags;        /* ... and its flags */
	int64_t pause_ns; /* ... the last pause */
};

/* First; then one buffer, or a vector.  Leaves rest as it is, which is half of it. */
static inline void thrum__transfer_init(struct thrum__transfer *t, const struct thrum__op *op,
					int flags)
{
	t->op = *op;
	t->flags = flags;
	t->m = NULL;
	t->pause_ns = 0;
}
static inline void thrum__transfer_buffer(struct thrum__transfer *t, void *buf, size_t n)
{
	t->one = (struct iovec){buf, n};
	t->v = &t->one;
	t->count = 1;
	t->total = n;
	t->op.may_skip = n && !t->op.out;
}
void thrum__transfer_vector(struct thrum__transfer *t, const struct iovec *v, size_t count);
/* What is still to be moved, up to @limit bytes and not always all: *@v and how many pieces. */
size_t thrum__transfer_rest(struct thrum__transfer *t, size_t limit, const struct iovec **v);
/* op.account of what writes: all, if the descriptor blocks. */
ssize_t thrum__transfer_all(struct thrum__op *op, ssize_t r);

static inline struct thrum__transfer *thrum__transfer_of(struct thrum__op *op)
{
	return container_of(op, struct thrum__transfer, op);
}

#endif
