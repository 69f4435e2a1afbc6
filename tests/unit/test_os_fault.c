/* SPDX-License-Identifier: MIT */
/* test_os_fault.c - unit tests of base/os_fault.c: which call fails, and what perturbation makes of
 * transfers.  Without THRUM_FAULTS there is nothing to test. */
#define _GNU_SOURCE

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/os.h"
#include "base/os_net.h"
#include "suite.h"

#ifdef THRUM_FAULTS

START_TEST(once_and_from_then_on)
{
	struct stat st;

	thrum__fault_set(2, false);
	ck_assert_int_eq(thrum__os_stat("/", &st), 0);
	ck_assert(!thrum__fault_fired());
	ck_assert_int_eq(thrum__os_stat("/", &st), -ENOMEM);
	ck_assert(thrum__fault_fired());
	ck_assert_int_eq(thrum__os_stat("/", &st), 0);
	thrum__fault_set(2, true);
	ck_assert(!thrum__fault_fired());
	ck_assert_int_eq(thrum__os_stat("/", &st), 0);
	ck_assert_int_eq(thrum__os_stat("/", &st), -ENOMEM);
	ck_assert_int_eq(thrum__os_stat("/", &st), -ENOMEM);
	ck_assert_uint_eq(thrum__fault_count(), 3);
	thrum__fault_set(0, false);
	ck_assert_int_eq(thrum__os_stat("/", &st), 0);
	ck_assert(!thrum__fault_fired());
}
END_TEST

static void *counts(void *arg)
{
	struct stat st;
	int i;

	for (i = 0; i < 1000; i++)
		*(int *)arg += thrum__os_stat("/", &st) == -ENOMEM;
	return NULL;
}

START_TEST(one_thread_gets_the_fault)
{
	int failed[2] = {0, 0};
	pthread_t thread;

	thrum__fault_set(1000, false);
	ck_assert_int_eq(thrum__os_thread_create(&thread, counts, &failed[0], 0), 0);
	counts(&failed[1]);
	thrum__os_thread_join(thread);
	ck_assert_int_eq(failed[0] + failed[1], 1);
	ck_assert_uint_eq(thrum__fault_count(), 2001);
	thrum__fault_set(0, false);
}
END_TEST

/* How a thousand calls went. */
struct tally {
	int whole, cut, interrupted, blocked, other;
};

static void tally_add(struct tally *t, ssize_t r, ssize_t whole)
{
	t->whole += r == whole;
	t->cut += r == 1 && whole != 1;
	t->interrupted += r == -EINTR;
	t->blocked += r == -EAGAIN;
	t->other += r != whole && r != 1 && r != -EINTR && r != -EAGAIN;
}

/* What is sent through @fds, and peeked at, a thousand times with each call that takes part. */
static struct tally transfers(int fds[2], bool dontwait)
{
	struct tally t = {0};
	int flags = dontwait ? MSG_DONTWAIT : 0, i;
	char buf[64];
	struct iovec v[2] = {{buf, 0}, {buf, 4}};
	struct msghdr m = {.msg_iov = v, .msg_iovlen = 2};

	for (i = 0; i < 1000; i++) {
		/* Each finds four bytes: one of them is the plain calls'. */
		ck_assert_int_eq(write(fds[0], "abcd", 4), 4);
		tally_add(&t, thrum__os_recv(fds[1], buf, 4, flags | MSG_PEEK), 4);
		tally_add(&t, thrum__os_recvmsg(fds[1], &m, flags | MSG_PEEK), 4);
		ck_assert(m.msg_iov == v && m.msg_iovlen == 2);
		tally_add(&t, thrum__os_send(fds[1], buf, 4, flags), 4);
		tally_add(&t, thrum__os_sendmsg(fds[1], &m, flags), 4);
		ck_assert(m.msg_iov == v && m.msg_iovlen == 2);
		ck_assert_int_eq(read(fds[1], buf, sizeof(buf)), 4);
		while (recv(fds[0], buf, sizeof(buf), MSG_DONTWAIT) > 0)
			;
	}
	ck_assert_int_eq(t.other, 0);
	return t;
}

START_TEST(off_nothing_is_perturbed)
{
	struct tally t;
	int fds[2];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	thrum__perturb_begin(1);
	thrum__perturb_begin(2);
	thrum__perturb_end();
	t = transfers(fds, true);
	ck_assert_int_lt(t.whole, 4000);
	thrum__perturb_end();
	t = transfers(fds, true);
	ck_assert_int_eq(t.whole, 4000);
	thrum__os_close(fds[0]);
	thrum__os_close(fds[1]);
}
END_TEST

START_TEST(streams_suffer_all)
{
	struct tally t;
	int fds[2];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	thrum__perturb_begin(7);
	t = transfers(fds, true);
	ck_assert_int_gt(t.whole, 1000);
	ck_assert_int_gt(t.cut, 100);
	ck_assert_int_gt(t.interrupted, 100);
	ck_assert_int_gt(t.blocked, 100);
	/* Who may block is not told that it would. */
	t = transfers(fds, false);
	ck_assert_int_gt(t.interrupted, 100);
	ck_assert_int_eq(t.blocked, 0);
	/* But for a descriptor in non-blocking mode. */
	ck_assert_int_eq(thrum__os_set_flags(fds[1], O_RDWR | O_NONBLOCK), 0);
	t = transfers(fds, false);
	ck_assert_int_gt(t.blocked, 100);
	thrum__perturb_end();
	thrum__os_close(fds[0]);
	thrum__os_close(fds[1]);
}
END_TEST

START_TEST(a_seed_that_cuts_all)
{
	struct tally t;
	int fds[2];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	thrum__perturb_begin(8);
	t = transfers(fds, true);
	ck_assert_int_eq(t.whole, 0);
	ck_assert_int_gt(t.cut, 2000);
	thrum__perturb_end();
	thrum__os_close(fds[0]);
	thrum__os_close(fds[1]);
}
END_TEST

START_TEST(the_same_seed_does_the_same)
{
	struct tally t[2];
	int fds[2], i;

	for (i = 0; i < 2; i++) {
		ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
		thrum__perturb_begin(99);
		t[i] = transfers(fds, true);
		thrum__perturb_end();
		thrum__os_close(fds[0]);
		thrum__os_close(fds[1]);
	}
	ck_assert_mem_eq(&t[0], &t[1], sizeof(t[0]));
}
END_TEST

/* A datagram has no half, nor has what an eventfd holds. */
START_TEST(only_streams_are_cut)
{
	int fds[2], event = thrum__os_eventfd(0, EFD_NONBLOCK), i;
	struct tally t, events = {0};
	uint64_t n = 1;

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_DGRAM, 0, fds), 0);
	thrum__perturb_begin(8);
	t = transfers(fds, true);
	ck_assert_int_eq(t.cut, 0);
	ck_assert_int_gt(t.interrupted, 100);
	ck_assert_int_gt(t.blocked, 100);
	for (i = 0; i < 1000; i++) {
		tally_add(&events, thrum__os_write(event, &n, sizeof(n)), sizeof(n));
		ck_assert_int_eq(thrum__os_event_post(event, 1), 0);
		tally_add(&events, thrum__os_read(event, &n, sizeof(n)), sizeof(n));
		n = 1;
	}
	ck_assert_int_eq(events.cut + events.other, 0);
	ck_assert_int_gt(events.interrupted, 50);
	ck_assert_int_gt(events.blocked, 50);
	thrum__perturb_end();
	thrum__os_close(fds[0]);
	thrum__os_close(fds[1]);
	thrum__os_close(event);
}
END_TEST

START_TEST(files_are_left_alone)
{
	char path[] = "/tmp/thrum_test_os_fault_XXXXXX", buf[8];
	int fd = mkstemp(path), i;

	thrum__perturb_begin(8);
	for (i = 0; i < 100; i++) {
		ck_assert_int_eq(thrum__os_write(fd, "abcdef", 6), 6);
		ck_assert_int_eq(lseek(fd, 0, SEEK_SET), 0);
		ck_assert_int_eq(thrum__os_read(fd, buf, 6), 6);
		ck_assert_int_eq(lseek(fd, 0, SEEK_SET), 0);
	}
	thrum__perturb_end();
	thrum__os_close(fd);
	unlink(path);
}
END_TEST

/* A pipe, by all calls that know no flags: what goes in comes out. */
START_TEST(bytes_are_conserved)
{
	char path[] = "/tmp/thrum_test_os_fault_XXXXXX", out[32], data[] = "0123456789abcdef";
	struct iovec in[3] = {{data, 0}, {data, 5}, {data + 5, 11}},
		     to[2] = {{out, 3}, {out + 3, 13}};
	struct tally t = {0};
	int fds[2], file = mkstemp(path), i;
	ssize_t n, m;
	off_t at;

	ck_assert_int_eq(write(file, data, 16), 16);
	ck_assert_int_eq(pipe2(fds, O_NONBLOCK), 0);
	thrum__perturb_begin(5);
	for (i = 0; i < 2000; i++) {
		at = 0;
		switch (i % 4) {
		case 0:
			n = thrum__os_write(fds[1], data, 16);
			break;
		case 1:
			n = thrum__os_writev(fds[1], in, 3);
			break;
		case 2:
			n = thrum__os_pwritev2(fds[1], in, 3, -1, 0);
			break;
		default:
			n = thrum__os_sendfile(fds[1], file, &at, 16);
			break;
		}
		tally_add(&t, n, 16);
		if (n < 0)
			continue;
		switch (i % 3) {
		case 0:
			m = thrum__os_read(fds[0], out, 16);
			break;
		case 1:
			m = thrum__os_readv(fds[0], to, 2);
			break;
		default:
			m = thrum__os_preadv2(fds[0], to, 2, -1, 0);
			break;
		}
		if (m > 0)
			ck_assert_mem_eq(out, data, m);
		m = m < 0 ? 0 : m;
		ck_assert_int_le(m, n);
		if (m < n)
			ck_assert_int_eq(read(fds[0], out, sizeof(out)), n - m);
	}
	thrum__perturb_end();
	ck_assert(t.whole && t.cut && t.interrupted && t.blocked);
	ck_assert_int_eq(t.other, 0);
	thrum__os_close(fds[0]);
	thrum__os_close(fds[1]);
	thrum__os_close(file);
	unlink(path);
}
END_TEST

START_TEST(accept_is_perturbed)
{
	struct sockaddr_storage addr = {.ss_family = AF_UNIX};
	int fd = thrum__os_socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0), i;
	struct tally t = {0};

	ck_assert_int_eq(thrum__os_bind(fd, (struct sockaddr *)&addr, sizeof(addr.ss_family)), 0);
	ck_assert_int_eq(thrum__os_listen(fd, 1), 0);
	thrum__perturb_begin(8);
	for (i = 0; i < 1000; i++)
		tally_add(&t, thrum__os_accept4(fd, NULL, NULL, 0), 1);
	thrum__perturb_end();
	ck_assert_int_gt(t.interrupted, 50);
	ck_assert_int_eq(t.interrupted + t.blocked, 1000);
	thrum__os_close(fd);
}
END_TEST

/* Before the attempt has begun, and while it goes on, as connect(2) may. */
START_TEST(connect_is_interrupted)
{
	struct sockaddr_in addr = {.sin_family = AF_INET};
	socklen_t len = sizeof(addr);
	int listening = thrum__os_socket(AF_INET, SOCK_STREAM, 0), i;
	int at_once = 0, not_begun = 0, begun = 0;

	addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	ck_assert_int_eq(thrum__os_bind(listening, (struct sockaddr *)&addr, len), 0);
	ck_assert_int_eq(thrum__os_listen(listening, 8), 0);
	ck_assert_int_eq(thrum__os_getsockname(listening, (struct sockaddr *)&addr, &len), 0);
	thrum__perturb_begin(8);
	for (i = 0; i < 500; i++) {
		int fd = thrum__os_socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), err;
		bool interrupted = false;

		while ((err = thrum__os_connect(fd, (struct sockaddr *)&addr, len)) == -EINTR)
			interrupted = true;
		ck_assert(err == 0 || err == -EINPROGRESS || err == -EALREADY);
		at_once += !interrupted;
		not_begun += interrupted && err == -EINPROGRESS;
		begun += interrupted && err != -EINPROGRESS;
		thrum__os_close(accept(listening, NULL, NULL));
		thrum__os_close(fd);
	}
	thrum__perturb_end();
	ck_assert_int_gt(at_once, 100);
	ck_assert_int_gt(not_begun, 10);
	ck_assert_int_gt(begun, 10);
	thrum__os_close(listening);
}
END_TEST

START_TEST(looks_are_perturbed)
{
	char path[] = "/tmp/thrum_test_os_fault_XXXXXX";
	int event = thrum__os_eventfd(1, 0), file = mkstemp(path), i;
	struct pollfd p = {.fd = event, .events = POLLIN};
	int interrupted[2] = {0}, late = 0;

	thrum__perturb_begin(8);
	for (i = 0; i < 1000; i++) {
		int n = thrum__os_poll(&p, 1, 0), events = thrum__os_ready(event, POLLIN);

		ck_assert(n == 1 || n == -EINTR);
		ck_assert(events == POLLIN || events == 0 || events == -EINTR);
		interrupted[0] += n == -EINTR;
		interrupted[1] += events == -EINTR;
		late += events == 0;
		ck_assert_int_eq(thrum__os_ready(file, POLLIN), POLLIN);
	}
	thrum__perturb_end();
	ck_assert_int_gt(interrupted[0], 50);
	ck_assert_int_gt(interrupted[1], 50);
	ck_assert_int_gt(late, 20);
	thrum__os_close(event);
	thrum__os_close(file);
	unlink(path);
}
END_TEST

int main(void)
{
	const TTest *const tests[] = {
	    once_and_from_then_on, one_thread_gets_the_fault, off_nothing_is_perturbed,
	    streams_suffer_all,    a_seed_that_cuts_all,      the_same_seed_does_the_same,
	    only_streams_are_cut,  files_are_left_alone,      bytes_are_conserved,
	    accept_is_perturbed,   connect_is_interrupted,    looks_are_perturbed,
	};

	return RUN_TESTS("os_fault", tests);
}

#else

int main(void)
{
	return 77; /* skipped */
}

#endif
