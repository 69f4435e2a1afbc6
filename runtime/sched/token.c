/* SPDX-License-Identifier: MIT */
/*
 * token.c - tokens as users have them: memory, levels as futures, and a service thread for trees
 * that are deep.  The tree itself is in core/token.c, what links tasks and jobs in tether.c.
 *
 * A level's future as users get it is a shield (shield.c) on the level, so that whoever cancels it,
 * wait_for say, ends it alone.
 *
 * What can fail: memory, and the service thread, which a token at each sixteenth depth needs.
 */
#include "sched/token.h"

#include "base/os.h"
#include "sched/fork_check.h"
#include "sched/shield.h"

#include <errno.h>

static struct thrum_token *token_of(struct thrum__token *t)
{
	return container_of(t, struct thrum_token, tree);
}

static void follow_soft(struct thrum_future *f, void *unused)
{
	(void)unused;
	thrum__token_follow(thrum__token_of_level(f), THRUM__TOKEN_SOFT);
}

static void follow_hard(struct thrum_future *f, void *unused)
{
	(void)unused;
	thrum__token_follow(thrum__token_of_level(f), THRUM__TOKEN_HARD);
}

static void defer(struct thrum__token *t, unsigned level)
{
	thrum__callback_defer(&token_of(t)->deferred[level], &t->level[level],
			      level == THRUM__TOKEN_SOFT ? follow_soft : follow_hard);
}

static void free_token(struct thrum__token *t)
{
	thrum__os_free(token_of(t));
}

static const struct thrum__token_ops ops = {.defer = defer, .free = free_token};

struct thrum_token *thrum_token_create_at(const char *place, struct thrum_token *parent)
{
	struct thrum__token *above = parent ? &parent->tree : NULL;
	bool defers = above && thrum__token_defers(above->depth + 1);
	struct thrum_token *t;

	if (thrum__in_forked_child())
		return NULL;
	if (defers && thrum__service_start())
		return NULL;
	t = thrum__os_alloc(sizeof(*t) +
			    (defers ? THRUM__TOKEN_LEVELS * sizeof(t->deferred[0]) : 0));
	if (t)
		thrum__token_init(&t->tree, above, &ops, place);
	return t;
}

struct thrum_token *(thrum_token_create)(struct thrum_token *parent)
{
	return thrum_token_create_at("? token", parent);
}

void thrum_token_retain(struct thrum_token *t)
{
	if (t && !thrum__in_forked_child())
		thrum__token_use(&t->tree);
}

void thrum_token_release(struct thrum_token *t)
{
	if (t && !thrum__in_forked_child())
		thrum__token_unuse(&t->tree);
}

int thrum_token_cancel(struct thrum_token *t, int level, intptr_t reason)
{
	unsigned tries = 0;
	int err = 0;

	if (thrum__in_forked_child())
		return -ENOTSUP;
	if (!t || (level != THRUM_SOFT && level != THRUM_HARD))
		return -EINVAL;
	if (thrum__service_lost()) /* a tree that is deep needs it */
		err = thrum__service_start();
	if (err)
		return err;
	if (thrum_token_level(t) >= level)
		return -EALREADY;
	err = thrum__token_reach(&t->tree, (unsigned)level - THRUM_SOFT, reason);
	while (!thrum__future_is_done(&t->tree.level[level - THRUM_SOFT]))
		spin_or_yield(&tries); /* another one has begun with it */
	return err;
}

int thrum_token_level(const struct thrum_token *t)
{
	return t ? (int)thrum__token_reached(&t->tree, NULL) : 0;
}

bool thrum_token_cancelled(const struct thrum_token *t)
{
	return thrum_token_level(t) > 0;
}

intptr_t thrum_token_reason(const struct thrum_token *t)
{
	intptr_t reason = 0;

	if (t)
		thrum__token_reached(&t->tree, &reason);
	return reason;
}

struct thrum_future *thrum_token_future(struct thrum_token *t, int level)
{
	if (!t || (level != THRUM_SOFT && level != THRUM_HARD) || thrum__in_forked_child())
		return NULL;
	return thrum__shield_create(&t->tree.level[level - THRUM_SOFT]);
}
