/* SPDX-License-Identifier: MIT */
/* token_test.h - what the tests of tokens share. */
#ifndef TESTS_UNIT_TOKEN_TEST_H
#define TESTS_UNIT_TOKEN_TEST_H

#include "run.h"

static inline struct thrum_token *token_under(struct thrum_token *parent)
{
	struct thrum_token *t = thrum_token_create(parent);

	must(t);
	return t;
}

static inline void is_asked(struct thrum_token *t, int level, intptr_t reason)
{
	is_int(thrum_token_level(t), level);
	is_int(thrum_token_cancelled(t), level > 0);
	is_int(thrum_token_reason(t), reason);
}

#endif
