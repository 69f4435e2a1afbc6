/* SPDX-License-Identifier: MIT */
/*
 * net_names.c - names to addresses: getaddrinfo on the name class of the blocking pool.
 *
 * What needs no name server and no file (a numeric address or none, with a numeric port) is
 * answered at once, on the fiber.  The rest is a job.  A look-up that has started cannot be cut
 * short, so it has copies of all that it reads, and whoever is the last to need it frees it: the
 * caller, or the job when the caller has left (cancelled, or past its deadline).
 *
 * REFERENCES  One of the caller's, one of the job's: the last one frees the result, too, unless the
 *             caller took it.
 *
 * What can fail: memory, the queue's limit, threads; and what getaddrinfo says.
 */
#include "io/net.h"

#include "core/refs.h"
#include "io/op.h"
#include "sched/blocking.h"
#include "sched/worker.h"

#include <ctype.h>
#include <string.h>

/* What getaddrinfo said. */
struct answer {
	int code; /* 0 or EAI_ */
	int err;  /* -errno behind EAI_SYSTEM */
	struct addrinfo *list;
};

struct lookup {
	struct atomic32 refs;
	struct answer answer; /* the job writes it */
	struct addrinfo hints;
	const char *node, *service; /* in text, or NULL */
	char text[];
};

static void lookup_release(void *arg)
{
	struct lookup *l = arg;

	if (!thrum__refs_release(&l->refs)) /* the last one sees what the other wrote */
		return;
	thrum__os_freeaddrinfo(l->answer.list);
	thrum__os_free(l);
}

static struct lookup *lookup_create(const char *node, const char *service,
				    const struct addrinfo *hints)
{
	size_t node_bytes = node ? strlen(node) + 1 : 0;
	size_t service_bytes = service ? strlen(service) + 1 : 0;
	struct lookup *l = thrum__os_alloc(sizeof(*l) + node_bytes + service_bytes);

	if (!l)
		return NULL;
	*l = (struct lookup){.hints = *hints};
	if (node)
		l->node = memcpy(l->text, node, node_bytes);
	if (service)
		l->service = memcpy(l->text + node_bytes, service, service_bytes);
	thrum__refs_publish(&l->refs, 2);
	return l;
}

static void ask(const char *node, const char *service, const struct addrinfo *hints,
		struct answer *a)
{
	a->list = NULL;
	a->code = thrum__os_getaddrinfo(node, service, hints, &a->list, &a->err);
	if (a->code)
		a->list = NULL;
}

/* On a thread of the pool. */
static intptr_t look_up(void *arg)
{
	struct lookup *l = arg;

	ask(l->node, l->service, &l->hints, &l->answer);
	return 0;
}

/* 0: *@a is the answer; or why nobody was asked. */
static int on_pool(const char *node, const char *service, const struct addrinfo *hints,
		   struct answer *a)
{
	struct lookup *l = lookup_create(node, service, hints);
	struct thrum_future *f;
	int err;

	if (!l)
		return -ENOMEM;
	err = thrum__blocking_spawn(THRUM__JOBS_DNS, "? thrum_getaddrinfo", look_up, l,
				    lookup_release, &f);
	if (err) {
		lookup_release(l); /* the job's */
		lookup_release(l);
		return err;
	}
	err = thrum__await(f, THRUM_FOREVER, false);
	if (err)
		thrum_cancel(f); /* if it has started it goes on alone */
	else
		err = (int)thrum__future_look(f); /* -ECANCELED: it was taken back */
	if (!err) {
		*a = l->answer;
		l->answer.list = NULL;
	}
	thrum_release(f);
	lookup_release(l);
	return err;
}

/* As on_pool. */
static int resolve(const char *node, const char *service, const struct addrinfo *hints,
		   struct answer *a)
{
	static const struct addrinfo none = {.ai_flags = AI_V4MAPPED | AI_ADDRCONFIG};
	struct addrinfo numeric;

	if (!hints)
		hints = &none; /* as getaddrinfo has it */
	numeric = *hints;
	numeric.ai_flags |= AI_NUMERICHOST | AI_NUMERICSERV;
	ask(node, service, &numeric, a);
	if (a->code != EAI_NONAME || (!node && !service))
		return 0;
	return on_pool(node, service, hints, a);
}

int thrum_getaddrinfo(const char *node, const char *service, const struct addrinfo *hints,
		      struct addrinfo **out)
{
	struct thrum__op op;
	struct answer a;
	int err = thrum__op_entry(&op);

	if (!err)
		err = resolve(node, service, hints, &a);
	switch (err) {
	case 0:
		*out = a.list;
		return a.code;
	case -ENOMEM:
		return EAI_MEMORY;
	case -EAGAIN:
	case -ESHUTDOWN:
		return EAI_AGAIN;
	}
	return err;
}

static int errno_of(const struct answer *a)
{
	switch (a->code) {
	case 0:
		return 0;
	case EAI_AGAIN:
		return -EAGAIN;
	case EAI_MEMORY:
		return -ENOMEM;
	case EAI_SYSTEM:
		return a->err;
	}
	return -ENOENT;
}

/* getaddrinfo takes "-1" and "65536" for ports. */
static bool is_port(const char *port)
{
	unsigned long value = 0;

	if (!port || !isalnum((unsigned char)*port))
		return false;
	for (; isdigit((unsigned char)*port); port++)
		if ((value = value * 10 + (unsigned long)(*port - '0')) > 65535)
			return false;
	return true;
}

int thrum__names_look_up(const char *host, const char *port, int flags, int family,
			 struct addrinfo **out)
{
	struct addrinfo hints = {
	    .ai_flags = flags, .ai_family = family, .ai_socktype = SOCK_STREAM};
	struct answer a;
	int err;

	if (!is_port(port))
		return -EINVAL;
	err = resolve(host, port, &hints, &a);
	if (err)
		return err;
	*out = a.list;
	return errno_of(&a);
}
