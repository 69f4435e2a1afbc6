/* SPDX-License-Identifier: MIT */
/* test_message.c - recv, send and their kin: flags, datagrams, control messages, all or some. */
#define _GNU_SOURCE
#include "base/os.h"
#include "io_test.h"

struct receive {
	int fd, flags;
	char bytes[64];
	size_t n;
};

static intptr_t task_receives(void *receive)
{
	struct receive *r = receive;

	return thrum_recv(r->fd, r->bytes, r->n, r->flags);
}

IO_TEST(a_byte_goes_across)
{
	for (enum pair_kind kind = UNIX; kind < PAIR_KINDS; kind++) {
		for (int mode = 0; mode < 2; mode++) {
			struct receive r = {.n = 64};
			struct thrum_future *f;
			int ends[2];

			pair_make(ends, kind, mode);
			r.fd = ends[0];
			f = spawn_waiting(task_receives, &r);
			if (thrum_send(ends[1], "ab", 2, 0) == 1)
				write_exactly(ends[1], "b", 1);
			if (thrum_join(f) == 1)
				read_all(ends[0], r.bytes + 1, 1);
			is_int(memcmp(r.bytes, "ab", 2), 0);
			is_int(thrum_send(ends[1], "c", 1, 0), 1);
			is_int(thrum_recv(ends[0], r.bytes, 64, MSG_PEEK), 1);
			is_int(thrum_recv(ends[0], r.bytes, 64, 0), 1);
			is_int(r.bytes[0], 'c');
			pair_close(ends);
		}
	}
}

IO_TEST(who_says_so_does_not_wait)
{
	static char big[1 << 20];
	struct msghdr m = {.msg_iov = &(struct iovec){big, sizeof(big)}, .msg_iovlen = 1};
	int ends[2];
	ssize_t r;

	pair_make(ends, UNIX, false);
	is_int(thrum_recv(ends[0], big, 1, MSG_DONTWAIT), -EAGAIN);
	is_int(thrum_recv(ends[0], big, 1, MSG_ERRQUEUE), -EAGAIN);
	is_int(thrum_recvmsg(ends[0], &m, MSG_DONTWAIT), -EAGAIN);
	for (int i = 0; i < 200; i++) { /* and gets what is there */
		is_int(thrum_send(ends[1], "a", 1, MSG_DONTWAIT), 1);
		is_int(thrum_recv(ends[0], big, 1, MSG_DONTWAIT), 1);
	}
	r = thrum_send(ends[1], big, sizeof(big), MSG_DONTWAIT);
	must(r > 0 && r < (ssize_t)sizeof(big));
	fill_up(ends[1]);
	is_int(thrum_send(ends[1], big, 1, MSG_DONTWAIT), -EAGAIN);
	is_int(thrum_sendmsg(ends[1], &m, MSG_DONTWAIT), -EAGAIN);
	pair_close(ends);
	pair_make(ends, TCP, false);
	must(thrum_recv(ends[0], big, 1, MSG_OOB) < 0); /* as in the kernel: at once */
	pair_close(ends);
}

IO_TEST(waitall_waits_for_all)
{
	for (enum pair_kind kind = UNIX; kind < PAIR_KINDS; kind++) {
		struct receive r = {.n = 6, .flags = MSG_WAITALL};
		struct thrum_future *f;
		intptr_t got;
		int ends[2];

		pair_make(ends, kind, false);
		r.fd = ends[0];
		f = spawn_waiting(task_receives, &r);
		is_int(thrum_send(ends[1], "abc", 3, 0), 3);
		yield_often();
		must(!thrum_done(f));
		is_int(thrum_send(ends[1], "def", 3, 0), 3);
		is_int(thrum_join(f), 6);
		is_int(memcmp(r.bytes, "abcdef", 6), 0);
		/* A cancel leaves what has come. */
		f = spawn_waiting(task_receives, &r);
		is_int(thrum_send(ends[1], "gh", 2, 0), 2);
		yield_often();
		thrum_cancel(f);
		got = thrum_join(f);
		must(got == -ECANCELED || (got > 0 && got <= 2));
		if (got < 0)
			got = 0;
		read_all(ends[0], r.bytes + got, 2 - (size_t)got);
		is_int(memcmp(r.bytes, "gh", 2), 0);
		/* So does the end. */
		f = spawn_waiting(task_receives, &r);
		is_int(thrum_send(ends[1], "ij", 2, 0), 2);
		is_int(thrum_close(ends[1]), 0);
		is_int(thrum_join(f), 2);
		is_int(memcmp(r.bytes, "ij", 2), 0);
		is_int(thrum_close(ends[0]), 0);
	}
}

IO_TEST(waitall_where_it_means_nothing)
{
	char bytes[8];
	int ends[2];
	ssize_t r;

	pair_make(ends, UNIX, true);
	write_exactly(ends[1], "abc", 3);
	r = thrum_recv(ends[0], bytes, 8, MSG_WAITALL);
	must(r > 0 && r <= 3);
	pair_close(ends);
	must(socketpair(AF_UNIX, SOCK_DGRAM, 0, ends) == 0);
	is_int(thrum_send(ends[1], "abc", 3, 0), 3);
	is_int(thrum_recv(ends[0], bytes, 8, MSG_WAITALL), 3);
	is_int(thrum_send(ends[1], NULL, 0, 0), 0);
	is_int(thrum_recv(ends[0], bytes, 8, 0), 0);
	pair_close(ends);
}

IO_TEST(waitall_into_a_vector)
{
	char bytes[10] = "";
	struct iovec v[] = {{bytes, 3}, {bytes + 3, 0}, {bytes + 3, 4}, {bytes + 7, 3}};
	struct msghdr m = {.msg_iov = v, .msg_iovlen = 4};
	int ends[2];

	pair_make(ends, UNIX, false);
	is_int(thrum_send(ends[1], "0123", 4, 0), 4);
	is_int(thrum_send(ends[1], "456789", 6, 0), 6);
	is_int(thrum_recvmsg(ends[0], &m, MSG_WAITALL), 10);
	is_int(memcmp(bytes, "0123456789", 10), 0);
	pair_close(ends);
}

IO_TEST(a_blocking_socket_takes_all)
{
	static char big[1 << 20];
	struct iovec v[] = {{big, 1000}, {big + 1000, much() - 1000}};
	struct msghdr m = {.msg_iov = v, .msg_iovlen = 2};

	fill_bytes(big, much());
	for (enum pair_kind kind = UNIX; kind < PAIR_KINDS; kind++) {
		for (int vector = 0; vector < 2; vector++) {
			struct drain d = {.n = much()};
			struct thrum_future *f;
			int ends[2];

			pair_make(ends, kind, false);
			d.fd = ends[0];
			f = thrum_spawn(task_drains, &d);
			is_int(vector ? thrum_sendmsg(ends[1], &m, 0)
				      : thrum_send(ends[1], big, much(), 0),
			       much());
			is_int(thrum_join(f), 0);
			must(d.same && d.got == d.n);
			pair_close(ends);
		}
	}
}

/* A descriptor in a message, and the rest of the bytes after it. */
IO_TEST(descriptors_are_passed)
{
	union {
		struct cmsghdr head;
		char room[CMSG_SPACE(sizeof(int))];
	} control = {0};
	char text[4] = "";
	struct iovec out = {(void *)"abc", 3}, in = {text, 3};
	struct msghdr m = {.msg_iov = &out,
			   .msg_iovlen = 1,
			   .msg_control = &control,
			   .msg_controllen = sizeof(control)};
	int ends[2], sent[2], got;
	ssize_t r;

	pair_make(ends, UNIX, false);
	pair_make(sent, PIPE, false);
	control.head = (struct cmsghdr){
	    .cmsg_len = CMSG_LEN(sizeof(int)), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS};
	memcpy(CMSG_DATA(&control.head), &sent[0], sizeof(int));
	is_int(thrum_sendmsg(ends[1], &m, 0), 3);
	memset(&control, 0, sizeof(control));
	m.msg_iov = &in;
	r = thrum_recvmsg(ends[0], &m, MSG_CMSG_CLOEXEC);
	must(r > 0);
	read_all(ends[0], text + r, 3 - (size_t)r);
	is_text(text, "abc");
	is_int(control.head.cmsg_type, SCM_RIGHTS);
	memcpy(&got, CMSG_DATA(&control.head), sizeof(int));
	must(got != sent[0]);
	is_int(thrum_write(sent[1], "p", 1), 1);
	is_int(task_reads_one(as_arg(got)), 'p');
	is_int(thrum_close(got), 0);
	pair_close(sent);
	pair_close(ends);
}

static struct sockaddr_un abstract_name(void)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};

	snprintf(a.sun_path + 1, sizeof(a.sun_path) - 1, "thrum-test-message-%d", (int)getpid());
	return a;
}

struct send_to {
	int fd;
	struct msghdr m;
};

static intptr_t task_sends(void *send_to)
{
	struct send_to *s = send_to;

	return thrum_sendmsg(s->fd, &s->m, 0);
}

IO_TEST(a_full_queue_of_datagrams)
{
	struct sockaddr_un a = abstract_name();
	int to = socket(AF_UNIX, SOCK_DGRAM, 0), from = socket(AF_UNIX, SOCK_DGRAM, 0);
	struct iovec v = {(void *)"d", 1};
	struct send_to s = {
	    from, {.msg_name = &a, .msg_namelen = sizeof(a), .msg_iov = &v, .msg_iovlen = 1}};
	struct thrum_future *f;
	int queued = 0;
	char c;

	must(bind(to, (struct sockaddr *)&a, sizeof(a)) == 0);
	while (sendmsg(from, &s.m, MSG_DONTWAIT) == 1)
		queued++;
	f = spawn_waiting(task_sends, &s);
	thrum_cancel(f);
	is_int(thrum_join(f), -ECANCELED);
	f = spawn_waiting(task_sends, &s);
	is_int(thrum_recv(to, &c, 1, 0), 1);
	is_int(thrum_join(f), 1);
	for (int i = 0; i < queued; i++)
		is_int(thrum_recv(to, &c, 1, 0), 1);
	is_int(thrum_recv(to, &c, 1, MSG_DONTWAIT), -EAGAIN);
	pair_close((int[]){to, from});
}

IO_TEST(errors_are_posix_s)
{
	struct msghdr m = {0};
	int ends[2];
	char c;

	pair_make(ends, PIPE, false);
	is_int(thrum_recv(ends[0], &c, 1, 0), -ENOTSOCK);
	is_int(thrum_send(ends[1], "x", 1, 0), -ENOTSOCK);
	is_int(thrum_recvmsg(ends[0], &m, 0), -ENOTSOCK);
	is_int(thrum_sendmsg(ends[1], &m, 0), -ENOTSOCK);
	pair_close(ends);
	is_int(thrum_recv(-1, &c, 1, 0), -EBADF);
	pair_make(ends, UNIX, false);
	is_int(thrum_close(ends[0]), 0);
	is_int(thrum_send(ends[1], "x", 1, 0), -EPIPE); /* with SIGPIPE at its default */
	m = (struct msghdr){.msg_iov = &(struct iovec){&c, 1}, .msg_iovlen = 5000};
	is_int(thrum_sendmsg(ends[1], &m, 0), -EMSGSIZE);
	is_int(thrum_close(ends[1]), 0);
	pair_make(ends, UNIX, false);
	is_int(thrum_recvmsg(ends[0], NULL, 0), -EFAULT);
	is_int(thrum_sendmsg(ends[1], NULL, 0), -EFAULT);
	m = (struct msghdr){.msg_iovlen = 1};
	is_int(thrum_sendmsg(ends[1], &m, 0), -EFAULT);
	is_int(thrum_writev(ends[1], NULL, 1), -EFAULT);
	is_int(write(ends[1], "x", 1), 1);
	is_int(thrum_recvmsg(ends[0], &m, 0), -EFAULT);
	is_int(thrum_readv(ends[0], NULL, 1), -EFAULT);
	pair_close(ends);
}

int main(void)
{
	const TTest *const tests[] = {
	    a_byte_goes_across,     who_says_so_does_not_wait,
	    waitall_waits_for_all,  waitall_where_it_means_nothing,
	    waitall_into_a_vector,  a_blocking_socket_takes_all,
	    descriptors_are_passed, a_full_queue_of_datagrams,
	    errors_are_posix_s,
	};

	return RUN_TESTS("message", tests);
}
