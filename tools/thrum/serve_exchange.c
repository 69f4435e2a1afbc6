/* SPDX-License-Identifier: MIT */
/*
 * serve_exchange.c - the memory that a busy connection is lent: buffers for its input and its
 * answers.  A shard keeps a few, newest first, as they are still in some cache; idle connections
 * hold none.
 */
#include <stdlib.h>

#include "serve.h"

#define SPARES_MAX 4 /* that a shard keeps */

struct exchange *exchange_take(struct shard *shard)
{
	struct exchange *x = shard->spare;

	if (x) {
		shard->spare = x->next;
		shard->spares--;
	}
	return x;
}

struct exchange *exchange_make(void)
{
	struct exchange *x = malloc(sizeof(*x));

	if (!x)
		return NULL;
	if (http_parser_init(&x->parser)) {
		free(x);
		return NULL;
	}
	x->date_s = 0;
	return x;
}

struct exchange *exchange_give(struct shard *shard, struct exchange *x)
{
	shard->requests += x->requests;
	x->requests = 0;
	if (shard->spares == SPARES_MAX || x->parser.capacity > HTTP_BUFFER_BYTES)
		return x;
	x->next = shard->spare;
	shard->spare = x;
	shard->spares++;
	return NULL;
}

void exchange_free(struct exchange *x)
{
	if (x)
		http_parser_fini(&x->parser);
	free(x);
}

void exchange_begin(struct exchange *x, struct connection *c, bool shut)
{
	http_parser_reset(&x->parser);
	x->connection = c;
	x->server = c->server;
	x->deadline_ns = 0;
	x->closing = shut;
	x->requests = 0;
	x->has_file = false;
	x->copy_n = 0;
	x->out = (struct http_out){x->out_text, 0, sizeof(x->out_text)};
	x->log_n = 0;
}
