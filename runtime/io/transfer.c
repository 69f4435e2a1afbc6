/* SPDX-License-Identifier: MIT */
/*
 * transfer.c - bytes from or to a vector, in as many pieces as it takes.
 *
 * The first system call gets the caller's vector as it is, so that what the kernel moves at once
 * (a datagram, a pipe's first 4096 bytes) stays one.  After a part was moved the rest is described
 * anew, a few pieces at a time.
 */
#define _GNU_SOURCE /* IOV_MAX */
#include "io/transfer.h"

#include <limits.h>

void thrum__transfer_vector(struct thrum__transfer *t, const struct iovec *v, size_t count)
{
	t->v = v;
	t->count = count;
	t->total = 0;
	/* Too many pieces, and more than memory can hold, are for the kernel to refuse. */
	for (size_t i = 0; i < count && count <= IOV_MAX; i++) {
		if (v[i].iov_len > SSIZE_MAX - t->total)
			break;
		t->total += v[i].iov_len;
	}
}

size_t thrum__transfer_rest(struct thrum__transfer *t, size_t limit, const struct iovec **v)
{
	size_t skip = t->op.done, n = 0;

	*v = t->v;
	if (!skip && limit >= t->total)
		return t->count;
	for (size_t i = 0; i < t->count && n < THRUM__REST && limit; i++) {
		size_t len = t->v[i].iov_len;

		if (skip >= len) {
			skip -= len;
			continue;
		}
		len = len - skip < limit ? len - skip : limit;
		t->rest[n++] = (struct iovec){(char *)t->v[i].iov_base + skip, len};
		limit -= len;
		skip = 0;
	}
	*v = t->rest;
	return n;
}

ssize_t thrum__transfer_all(struct thrum__op *op, ssize_t r)
{
	if (r < 0)
		return r;
	op->done += (size_t)r;
	if (!r || op->done >= thrum__transfer_of(op)->total || op->once ||
	    thrum__op_is_nonblocking(op))
		return (ssize_t)op->done;
	return THRUM__OP_AGAIN;
}
