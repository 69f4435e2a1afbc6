/* SPDX-License-Identifier: MIT */
/*
 * test_net_names.c - look-ups: what needs no thread, what does; a caller who leaves; names never
 * fill the pool that files use.
 *
 * getaddrinfo is this program's own: the names "slow..." are answered when the test says so.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <netinet/in.h>

#include <thrum/file.h>
#include <thrum/net.h>

#include "base/atomic.h"
#include "base/os.h"
#include "fds.h"

static struct atomic32 asked;  /* look-ups by name */
static struct atomic32 living; /* answers that were not freed */
static sem_t answer;           /* one for each "slow" name */

int getaddrinfo(const char *node, const char *service, const struct addrinfo *hints,
		struct addrinfo **out)
{
	static int (*real)(const char *, const char *, const struct addrinfo *, struct addrinfo **);
	int r;

	if (!real)
		*(void **)&real = dlsym(RTLD_NEXT, "getaddrinfo");
	if (node && !strncmp(node, "slow", 4)) {
		if (hints->ai_flags & AI_NUMERICHOST)
			return EAI_NONAME;
		fetch_add_acq_rel(&asked, 1);
		while (sem_wait(&answer))
			;
		if (!strcmp(node, "slow.unknown"))
			return EAI_NONAME;
		node = "127.0.0.9";
	}
	r = real(node, service, hints, out);
	if (r == 0)
		fetch_add_acq_rel(&living, 1);
	return r;
}

void freeaddrinfo(struct addrinfo *list)
{
	static void (*real)(struct addrinfo *);

	if (!real)
		*(void **)&real = dlsym(RTLD_NEXT, "freeaddrinfo");
	fetch_sub_acq_rel(&living, 1);
	real(list);
}

static intptr_t run_names(const struct thrum_config *config, thrum_fn fn)
{
	struct thrum_config c = config_of(2, THRUM_CLOCK_REAL);
	intptr_t r;

	store_release(&asked, 0);
	must(sem_init(&answer, 0, 0) == 0);
	r = thrum_run_with(config ? config : &c, fn, NULL);
	is_int(load_acquire(&living), 0); /* the jobs have ended too */
	sem_destroy(&answer);
	return r;
}

#define NAMES_TEST(name)                                  \
	static intptr_t name##_task(void *unused);        \
	START_TEST(name)                                  \
	{                                                 \
		is_int(run_names(NULL, name##_task), 77); \
	}                                                 \
	END_TEST                                          \
	static intptr_t name##_task(void *unused __attribute__((unused)))

static const struct addrinfo tcp_hints = {.ai_socktype = SOCK_STREAM};

static void is_address(struct addrinfo *list, uint32_t host, int port)
{
	const struct sockaddr_in *in = (const void *)list->ai_addr;

	is_int(in->sin_family, AF_INET);
	is_int(ntohl(in->sin_addr.s_addr), host);
	is_int(ntohs(in->sin_port), port);
	freeaddrinfo(list);
}

static intptr_t task_look_up(void *name)
{
	struct addrinfo *list = NULL;
	int r = thrum_getaddrinfo(name, "80", &tcp_hints, &list);

	if (r == 0)
		is_address(list, 0x7f000009, 80);
	return r;
}

/* Until @n look-ups by name are on their threads. */
static void wait_asked(uint32_t n)
{
	while (load_acquire(&asked) < n)
		is_int(thrum_yield(), 0);
}

static uint64_t suspensions(void)
{
	struct thrum_stats s = {.size = sizeof(s)};

	is_int(thrum_runtime_stats(NULL, -1, &s), 0);
	return s.suspensions;
}

NAMES_TEST(numbers_need_no_thread)
{
	struct addrinfo passive = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE};
	uint64_t before = suspensions();
	struct addrinfo *list;

	is_int(thrum_getaddrinfo("127.0.0.1", "80", &tcp_hints, &list), 0);
	is_address(list, INADDR_LOOPBACK, 80);
	is_int(thrum_getaddrinfo(NULL, "81", &passive, &list), 0);
	freeaddrinfo(list);
	is_int(thrum_getaddrinfo("10.0.0.1", NULL, NULL, &list), 0);
	is_address(list, 0x0a000001, 0);
	is_int(thrum_getaddrinfo(NULL, NULL, &tcp_hints, &list), EAI_NONAME);
	is_int(suspensions(), before);
	return 77;
}

NAMES_TEST(names_are_looked_up)
{
	sem_post(&answer);
	is_int(task_look_up("slow.name"), 0);
	sem_post(&answer);
	is_int(task_look_up("slow.unknown"), EAI_NONAME);
	is_int(load_acquire(&asked), 2);
	sem_post(&answer);
	is_int(thrum_tcp_connect("slow.unknown", "80"), -ENOENT);
	return 77;
}

/* The answer comes when nobody wants it any more: the job frees it (run_names). */
NAMES_TEST(a_cancelled_caller_leaves)
{
	struct thrum_future *f = thrum_spawn(task_look_up, "slow.cancelled");

	wait_asked(1);
	thrum_cancel(f);
	is_int(thrum_join(f), -ECANCELED);
	sem_post(&answer);
	return 77;
}

NAMES_TEST(a_late_caller_leaves)
{
	struct thrum_timeout t;

	thrum_timeout_begin(&t, THRUM_MS(20));
	is_int(task_look_up("slow.late"), -ETIMEDOUT);
	must(thrum_timeout_end(&t));
	sem_post(&answer);
	return 77;
}

static intptr_t task_connect(void *name)
{
	return thrum_tcp_connect(name, "80");
}

NAMES_TEST(a_cancelled_connect_leaves)
{
	struct thrum_future *f = thrum_spawn(task_connect, "slow.cancelled");

	wait_asked(1);
	thrum_cancel(f);
	is_int(thrum_join(f), -ECANCELED);
	sem_post(&answer);
	return 77;
}

/* One thread for each class, one more job in its queue. */
static intptr_t task_crowd(void *unused)
{
	struct thrum_future *running = thrum_spawn(task_look_up, "slow.running");
	struct thrum_future *queued;
	struct stat st;

	(void)unused;
	wait_asked(1);
	queued = thrum_spawn(task_look_up, "slow.queued");
	yield_often();
	is_int(task_look_up("slow.refused"), EAI_AGAIN);
	is_int(thrum_tcp_connect("slow.refused", "80"), -EAGAIN);
	is_int(thrum_stat("/", &st), 0); /* files have threads of their own */
	is_int(task_look_up("127.0.0.9"), 0);
	thrum_cancel(queued);
	is_int(thrum_join(queued), -ECANCELED);
	sem_post(&answer);
	is_int(thrum_join(running), 0);
	is_int(load_acquire(&asked), 1); /* the one taken back was never asked */
	return 77;
}

START_TEST(names_have_a_class_of_their_own)
{
	struct thrum_config c = config_of(1, THRUM_CLOCK_REAL);

	c.blocking_max = 1;
	c.blocking_queue = 1;
	is_int(run_names(&c, task_crowd), 77);
}
END_TEST

static intptr_t task_leave_all(void *unused)
{
	(void)unused;
	is_int(thrum_go(task_look_up, "slow.running"), 0);
	wait_asked(1);
	is_int(thrum_go(task_look_up, "slow.queued"), 0);
	yield_often();
	sem_post(&answer);
	sem_post(&answer);
	return 77;
}

START_TEST(a_runtime_ends_with_look_ups)
{
	struct thrum_config c = config_of(1, THRUM_CLOCK_REAL);

	c.blocking_max = 1;
	is_int(run_names(&c, task_leave_all), 77);
}
END_TEST

START_TEST(outside_tasks)
{
	struct addrinfo *list;

	is_int(thrum_getaddrinfo("127.0.0.1", NULL, NULL, &list), -EPERM);
}
END_TEST

#ifdef THRUM_FAULTS
NAMES_TEST(running_out_loses_nothing)
{
	bool fired = true;

	for (uint64_t n = 1; fired; n++) {
		intptr_t r;

		sem_post(&answer);
		thrum__fault_set(n, false);
		r = task_look_up("slow.name");
		fired = thrum__fault_fired();
		thrum__fault_set(0, false);
		must(r == 0 || (fired && (r == EAI_MEMORY || r == EAI_AGAIN)));
		while (!sem_trywait(&answer))
			;
	}
	return 77;
}
#endif

int main(void)
{
	const TTest *const tests[] = {
	    numbers_need_no_thread,       names_are_looked_up,
	    a_cancelled_caller_leaves,    a_late_caller_leaves,
	    a_cancelled_connect_leaves,   names_have_a_class_of_their_own,
	    a_runtime_ends_with_look_ups, outside_tasks,
#ifdef THRUM_FAULTS
	    running_out_loses_nothing,
#endif
	};

	return RUN_TESTS("net_names", tests);
}
