/* SPDX-License-Identifier: MIT */
/*
 * test_net_connect.c - the race of RFC 8305: the order of addresses, the 250 ms between attempts
 * (on the virtual clock, to the nanosecond), who wins, what is left of the others.
 *
 * getaddrinfo is this program's own: the name "many" has the addresses that the test put down.  A
 * host that does not answer is a listener whose queue is full: the kernel drops what would connect.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <netinet/in.h>

#include <thrum/net.h>

#include "base/os.h"
#include "fds.h"

enum { MANY = 20 };

union address {
	struct sockaddr any;
	struct sockaddr_in in;
	struct sockaddr_in6 in6;
};

static struct addrinfo list[MANY];
static union address addresses[MANY];
static int listed;

int getaddrinfo(const char *node, const char *service, const struct addrinfo *hints,
		struct addrinfo **out)
{
	static int (*real)(const char *, const char *, const struct addrinfo *, struct addrinfo **);

	if (!real)
		*(void **)&real = dlsym(RTLD_NEXT, "getaddrinfo");
	if (!node || strcmp(node, "many"))
		return real(node, service, hints, out);
	if (hints->ai_flags & AI_NUMERICHOST)
		return EAI_NONAME;
	*out = list;
	return 0;
}

void freeaddrinfo(struct addrinfo *a)
{
	static void (*real)(struct addrinfo *);

	if (a == list)
		return;
	if (!real)
		*(void **)&real = dlsym(RTLD_NEXT, "freeaddrinfo");
	real(a);
}

static void put_down(int fd)
{
	struct addrinfo *a = &list[listed];
	socklen_t len = sizeof(addresses[0]);

	must(listed < MANY);
	must(getsockname(fd, &addresses[listed].any, &len) == 0);
	*a = (struct addrinfo){.ai_family = addresses[listed].any.sa_family,
			       .ai_socktype = SOCK_STREAM,
			       .ai_addr = &addresses[listed].any,
			       .ai_addrlen = len};
	if (listed++)
		a[-1].ai_next = a;
}

/* A socket bound to a free port of this machine, 127.0.0.@last or ::1 (@last 0). */
static int bound(int last)
{
	union address a = {.any = {0}};
	int fd = socket(last ? AF_INET : AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (last) {
		a.in.sin_family = AF_INET;
		a.in.sin_addr.s_addr = htonl(0x7f000000u + (uint32_t)last);
	} else {
		a.in6.sin6_family = AF_INET6;
		a.in6.sin6_addr = in6addr_loopback;
	}
	if (fd < 0 || bind(fd, &a.any, last ? sizeof(a.in) : sizeof(a.in6))) {
		must(!last); /* no IPv6 here */
		if (fd >= 0)
			close(fd);
		return -1;
	}
	return fd;
}

/* Hosts, kept open until the end of the test. */
static int kept[256];
static int kept_count;

static int keep(int fd)
{
	must(kept_count < 256);
	kept[kept_count++] = fd;
	return fd;
}

/* Refuses: bound, and nobody listens. */
static void host_refuses(int last)
{
	put_down(keep(bound(last)));
}

static int host_answers(int last)
{
	int fd = keep(bound(last));

	must(listen(fd, 16) == 0);
	put_down(fd);
	return fd;
}

/* Never answers: the queue is full with connections that nobody accepts. */
static int host_is_mute(int last)
{
	int fd = keep(bound(last));
	union address a;
	socklen_t len = sizeof(a);

	must(listen(fd, 0) == 0);
	must(getsockname(fd, &a.any, &len) == 0);
	for (int i = 0; i < 3; i++) {
		int type = SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC;
		int c = keep(socket(a.any.sa_family, type, 0));

		must(c >= 0);
		(void)!connect(c, &a.any, len);
	}
	put_down(fd);
	return fd;
}

static bool is_peer(int fd, int which)
{
	union address a = {.any = {0}};
	socklen_t len = sizeof(a);

	must(getpeername(fd, &a.any, &len) == 0);
	return len == list[which].ai_addrlen && !memcmp(&a, &addresses[which], len);
}

static void forget_hosts(void)
{
	while (kept_count)
		close(kept[--kept_count]);
	memset(list, 0, sizeof(list));
	listed = 0;
}

/* Connects to "many": the descriptor or -errno; *@took is how long.  One descriptor more is open,
 * or none. */
static int connect_many(int64_t *took)
{
	int before = fds_open();
	int64_t start = thrum_now();
	int fd = thrum_tcp_connect("many", "1");

	*took = thrum_now() - start;
	is_int(fds_open(), before + (fd >= 0));
	if (fd >= 0)
		is_ours(fd);
	return fd;
}

/* The winner is address @which, after @ms. */
static void wins(int which, int ms)
{
	int64_t took;
	int fd = connect_many(&took);

	must(fd >= 0);
	must(is_peer(fd, which));
	is_int(took, THRUM_MS(ms));
	is_int(thrum_close(fd), 0);
	forget_hosts();
}

TASK_TEST(the_first_that_answers, 1)
{
	host_answers(1);
	host_answers(2);
	wins(0, 0);
}

TASK_TEST(a_refusal_starts_the_next_at_once, 1)
{
	host_refuses(1);
	host_refuses(2);
	host_answers(3);
	wins(2, 0);
}

TASK_TEST(silence_starts_the_next_after_250_ms, 2)
{
	host_is_mute(1);
	host_answers(2);
	wins(1, 250);
}

TASK_TEST(each_waits_for_the_one_before, 1)
{
	host_is_mute(1);
	host_is_mute(2);
	host_is_mute(3);
	host_answers(4);
	wins(3, 750);
}

TASK_TEST(a_refusal_among_the_mute, 1)
{
	host_is_mute(1);
	host_refuses(2);
	host_answers(3);
	wins(2, 250);
}

TASK_TEST(families_take_turns, 1)
{
	int v6 = bound(0);

	if (v6 < 0)
		return;
	close(v6);
	host_is_mute(1);
	host_is_mute(2);
	host_is_mute(3);
	host_answers(0);
	wins(3, 250);
	host_is_mute(0);
	host_is_mute(0);
	host_refuses(1);
	host_is_mute(2);
	host_answers(0);
	wins(4, 750); /* v6, v4 that refuses, v6 at once, 250 ms, v4, 250 ms, v6 */
}

TASK_TEST(all_refuse, 1)
{
	int64_t took;

	host_refuses(1);
	host_refuses(2);
	is_int(connect_many(&took), -ECONNREFUSED);
	is_int(took, 0);
	forget_hosts();
}

static intptr_t task_connect_many(void *unused)
{
	(void)unused;
	return thrum_tcp_connect("many", "1");
}

static intptr_t task_accept_all(void *listener)
{
	int fd;

	while ((fd = thrum_accept((int)(intptr_t)listener, NULL, NULL)) >= 0)
		is_int(thrum_close(fd), 0);
	return fd;
}

/* The first host has room again when the second is being asked, and hears the kernel's next try. */
TASK_TEST(an_earlier_attempt_may_win_late, 2)
{
	int before = fds_open(), hosts, fd, mute = host_is_mute(1);
	struct thrum_future *connecting, *accepting;

	host_is_mute(2);
	hosts = fds_open();
	connecting = thrum_spawn(task_connect_many, NULL);
	is_int(thrum_sleep(THRUM_MS(300)), 0);
	must(!thrum_done(connecting));
	is_int(fds_open(), hosts + 2);
	must(fcntl(mute, F_SETFL, O_NONBLOCK) == 0);
	accepting = thrum_spawn(task_accept_all, as_arg(mute));
	fd = (int)thrum_join(connecting);
	must(fd >= 0 && is_peer(fd, 0));
	thrum_cancel(accepting);
	is_int(thrum_join(accepting), -ECANCELED);
	is_int(fds_open(), hosts + 1);
	is_int(thrum_close(fd), 0);
	forget_hosts();
	is_int(fds_open(), before);
}

TASK_TEST(a_cancel_leaves_no_descriptor, 2)
{
	struct thrum_future *f;
	int hosts;

	host_is_mute(1);
	host_is_mute(2);
	host_is_mute(3);
	hosts = fds_open();
	for (int ms = 0; ms <= 600; ms += 200) {
		f = thrum_spawn(task_connect_many, NULL);
		is_int(thrum_sleep(THRUM_MS(ms) + 1), 0);
		must(!thrum_done(f));
		thrum_cancel(f);
		is_int(thrum_join(f), -ECANCELED);
		is_int(fds_open(), hosts);
	}
	forget_hosts();
}

TASK_TEST(a_deadline_leaves_no_descriptor, 1)
{
	static const int at_ms[] = {100, 250, 300, 500, 700};
	struct thrum_timeout t;
	int64_t took;

	host_is_mute(1);
	host_is_mute(2);
	host_is_mute(3);
	for (size_t i = 0; i < sizeof(at_ms) / sizeof(*at_ms); i++) {
		thrum_timeout_begin(&t, THRUM_MS(at_ms[i]));
		is_int(connect_many(&took), -ETIMEDOUT);
		must(thrum_timeout_end(&t));
		is_int(took, THRUM_MS(at_ms[i]));
	}
	forget_hosts();
}

/* Too many of them: no more than 16 are asked, so the last one never is. */
TASK_TEST(not_all_of_very_many, 1)
{
	int64_t took;

	for (int i = 1; i < 17; i++)
		host_refuses(i);
	host_answers(17);
	is_int(connect_many(&took), -ECONNREFUSED);
	forget_hosts();
	for (int i = 1; i < 16; i++)
		host_refuses(i);
	host_answers(16);
	wins(15, 0);
}

/* More than one wait has nodes for without memory. */
TASK_TEST(many_that_are_mute, 1)
{
	for (int i = 1; i < 16; i++)
		host_is_mute(i);
	host_answers(16);
	wins(15, 15 * 250);
}

#ifdef THRUM_FAULTS
TASK_TEST(running_out_leaves_no_descriptor, 1)
{
	bool fired = true;

	host_is_mute(1);
	host_refuses(2);
	host_answers(3);
	for (uint64_t n = 1; fired; n++) {
		int before = fds_open(), fd;
		struct thrum_timeout t;

		/* Only the mute one may be left. */
		thrum_timeout_begin(&t, THRUM_SEC(1));
		thrum__fault_set(n, false);
		fd = thrum_tcp_connect("many", "1");
		fired = thrum__fault_fired();
		thrum__fault_set(0, false);
		must(fd >= 0 || fired);
		(void)thrum_timeout_end(&t);
		is_int(fds_open(), before + (fd >= 0));
		if (fd >= 0)
			is_int(thrum_close(fd), 0);
	}
	forget_hosts();
}
#endif

int main(void)
{
	const TTest *const tests[] = {
	    the_first_that_answers,
	    a_refusal_starts_the_next_at_once,
	    silence_starts_the_next_after_250_ms,
	    each_waits_for_the_one_before,
	    a_refusal_among_the_mute,
	    families_take_turns,
	    all_refuse,
	    an_earlier_attempt_may_win_late,
	    a_cancel_leaves_no_descriptor,
	    a_deadline_leaves_no_descriptor,
	    not_all_of_very_many,
	    many_that_are_mute,
#ifdef THRUM_FAULTS
	    running_out_leaves_no_descriptor,
#endif
	};

	return RUN_TESTS("net_connect", tests);
}
