/* SPDX-License-Identifier: MIT */
/*
 * io_storm.c - pairs of tasks, one writes and one reads over a pipe, a socket pair, a Unix or TCP
 * connection that the library made, in random sizes by random calls, with deadlines around random
 * calls; meanwhile a third task cancels one of them, or gives one up, or closes a descriptor under
 * it, at a random moment.
 *
 * What holds whatever happens: the bytes that the writer's calls said they wrote are those that the
 * reader's calls said they read, and after them those that are still in the kernel at the end, each
 * with the value of its place; every task ends, every descriptor is closed.
 *
 * A second descriptor of the reading end keeps what is in the kernel when the first is closed.  All
 * descriptors of a round are made before its first task starts, so that nobody who comes late meets
 * another one with the same number.  THRUM_SEED chooses (printed); THRUM_TEST_DIV divides.
 */
#define _GNU_SOURCE
#include "base/atomic.h"
#include "support.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define CHANNELS 48
#define PIECE 20000
#define BYTES_MAX 300000
#define MOMENT_US 300

enum fate {
	FATE_NONE,
	FATE_CANCEL_WRITER,
	FATE_CANCEL_READER,
	FATE_GIVE_UP_WRITER,
	FATE_GIVE_UP_READER,
	FATE_CLOSE_WRITER,
	FATE_CLOSE_READER,
	FATES
};

enum kind { KIND_PIPE, KIND_PAIR, KIND_UNIX, KIND_TCP, KINDS };

struct channel {
	int in, out, kept; /* kept: of the same end as in */
	enum kind kind;
	enum fate fate;
	bool in_closed, out_closed; /* the third task's; then the channel's */
	uint64_t wanted, written, read, left;
	uint64_t random[3]; /* of the writer, the reader and the third task */
	struct thrum_future *writer, *reader;
};

static struct channel channels[CHANNELS];
static int unix_listener, tcp_listener;
static char unix_path[64], tcp_port[16];
static uint64_t the_seed, rounds, round_now;
static struct atomic64 bytes, left_over, timeouts, cancels, closes, fates[FATES];

static unsigned char value_at(uint64_t place)
{
	return (unsigned char)(place * 31 + (place >> 8) * 17 + (place >> 16));
}

static void fill(unsigned char *buf, size_t n, uint64_t place)
{
	for (size_t i = 0; i < n; i++)
		buf[i] = value_at(place + i);
}

static void check(const unsigned char *buf, size_t n, uint64_t place)
{
	for (size_t i = 0; i < n; i++)
		CHECK(buf[i] == value_at(place + i));
}

static ssize_t write_somehow(struct channel *c, unsigned char *buf, size_t n)
{
	struct iovec v[2] = {{buf, n / 2}, {buf + n / 2, n - n / 2}};
	struct msghdr m = {.msg_iov = v, .msg_iovlen = 2};

	switch (random_below(&c->random[0], c->kind == KIND_PIPE ? 2 : 4)) {
	case 0:
		return thrum_write(c->out, buf, n);
	case 1:
		return thrum_writev(c->out, v, 2);
	case 2:
		return thrum_send(c->out, buf, n, 0);
	default:
		return thrum_sendmsg(c->out, &m, 0);
	}
}

static ssize_t read_somehow(struct channel *c, unsigned char *buf, size_t n)
{
	struct iovec v[2] = {{buf, n / 2}, {buf + n / 2, n - n / 2}};
	struct pollfd p = {.fd = c->in, .events = POLLIN};
	int ready;

	switch (random_below(&c->random[1], c->kind == KIND_PIPE ? 3 : 4)) {
	case 0:
		return thrum_read(c->in, buf, n);
	case 1:
		return thrum_readv(c->in, v, 2);
	case 2:
		ready = thrum_poll(&p, 1, -1);
		if (ready < 0)
			return ready;
		return p.revents & POLLNVAL ? -EBADF : thrum_read(c->in, buf, n);
	default:
		return thrum_recv(c->in, buf, n, 0);
	}
}

/* Calls @how, now and then with a deadline around it.  Past that: -ETIMEDOUT. */
static ssize_t call(struct channel *c, ssize_t (*how)(struct channel *, unsigned char *, size_t),
		    uint64_t *random, unsigned char *buf)
{
	size_t n = 1 + random_below(random, random_below(random, 4) ? PIECE : 16);
	struct thrum_timeout t;
	bool timed = random_below(random, 3) == 0, passed;
	ssize_t r;

	if (how == write_somehow) {
		n = n < c->wanted - c->written ? n : c->wanted - c->written;
		fill(buf, n, c->written);
	}
	if (!timed)
		return how(c, buf, n);
	thrum_timeout_begin(&t, THRUM_US(random_below(random, MOMENT_US)));
	r = how(c, buf, n);
	passed = thrum_timeout_end(&t);
	CHECK(passed || r != -ETIMEDOUT);
	CHECK(r <= (ssize_t)n);
	if (r == -ETIMEDOUT)
		fetch_add_acq_rel(&timeouts, 1);
	return r;
}

static bool reader_goes_first(const struct channel *c)
{
	return c->fate == FATE_CANCEL_READER || c->fate == FATE_GIVE_UP_READER ||
	       c->fate == FATE_CLOSE_READER;
}

/* A task ends with an error: its channel's fate must explain it. */
static intptr_t ended(ssize_t r, bool may_be_cancelled, bool may_be_closed)
{
	CHECK((r == -ECANCELED && may_be_cancelled) || (r == -EBADF && may_be_closed));
	fetch_add_acq_rel(r == -ECANCELED ? &cancels : &closes, 1);
	return r;
}

static intptr_t writer(void *arg)
{
	unsigned char buf[PIECE];
	struct channel *c = arg;

	while (c->written < c->wanted) {
		ssize_t r = call(c, write_somehow, &c->random[0], buf);

		if (r == -ETIMEDOUT)
			continue;
		if (r < 0)
			return ended(r,
				     c->fate == FATE_CANCEL_WRITER ||
					 c->fate == FATE_GIVE_UP_WRITER || reader_goes_first(c),
				     c->fate == FATE_CLOSE_WRITER);
		c->written += (uint64_t)r;
	}
	return 0;
}

static intptr_t reader(void *arg)
{
	unsigned char buf[PIECE];
	struct channel *c = arg;

	for (;;) {
		ssize_t r = call(c, read_somehow, &c->random[1], buf);

		if (r == 0)
			return 0;
		if (r == -ETIMEDOUT)
			continue;
		if (r < 0)
			return ended(
			    r, c->fate == FATE_CANCEL_READER || c->fate == FATE_GIVE_UP_READER,
			    c->fate == FATE_CLOSE_READER);
		check(buf, (size_t)r, c->read);
		c->read += (uint64_t)r;
	}
}

static void give_up(struct thrum_future *f, int64_t after_ns)
{
	intptr_t r = thrum_wait_for(f, after_ns);

	CHECK(r == 0 || r == -ETIMEDOUT || r == -ECANCELED);
	CHECK(thrum_done(f));
}

static void await_end(struct thrum_future *f)
{
	intptr_t r = thrum_await(f);

	CHECK(r == 0 || r == -ECANCELED || r == -EBADF);
	CHECK(thrum_done(f));
}

static intptr_t third(void *arg)
{
	struct channel *c = arg;
	int64_t moment_ns = THRUM_US(random_below(&c->random[2], MOMENT_US * 10));

	fetch_add_acq_rel(&fates[c->fate], 1);
	if (c->fate == FATE_GIVE_UP_WRITER || c->fate == FATE_GIVE_UP_READER) {
		give_up(c->fate == FATE_GIVE_UP_WRITER ? c->writer : c->reader, moment_ns);
		return 0;
	}
	CHECK(thrum_sleep(moment_ns) == 0);
	if (c->fate == FATE_CANCEL_WRITER)
		thrum_cancel(c->writer);
	if (c->fate == FATE_CANCEL_READER)
		thrum_cancel(c->reader);
	if (c->fate == FATE_CLOSE_WRITER) {
		CHECK(thrum_close(c->out) == 0);
		c->out_closed = true;
	}
	if (c->fate == FATE_CLOSE_READER) {
		CHECK(thrum_close(c->in) == 0);
		c->in_closed = true;
	}
	return 0;
}

/* Nobody is inside a call on @fd: either way of closing it will do, if the library did not make
 * it. */
static void close_somehow(struct channel *c, int fd)
{
	bool made = c->kind == KIND_UNIX || c->kind == KIND_TCP;

	CHECK((made || random_below(&c->random[2], 2) ? thrum_close(fd) : close(fd)) == 0);
}

static void count_left(struct channel *c)
{
	unsigned char buf[PIECE];
	ssize_t r;

	CHECK(fcntl(c->kept, F_SETFL, 0) == 0);
	while ((r = read(c->kept, buf, sizeof(buf))) > 0) {
		check(buf, (size_t)r, c->read + c->left);
		c->left += (uint64_t)r;
	}
	CHECK(r == 0); /* the writing end is closed, so there is an end */
	CHECK(close(c->kept) == 0);
	CHECK(c->written == c->read + c->left);
	fetch_add_acq_rel(&bytes, c->written);
	fetch_add_acq_rel(&left_over, c->left);
}

static intptr_t channel_main(void *arg)
{
	struct channel *c = arg;
	struct thrum_future *t = thrum_spawn(third, c);

	CHECK(t && thrum_join(t) == 0);
	/* A writer without a reader may wait for ever. */
	if (reader_goes_first(c))
		give_up(c->writer, THRUM_US(random_below(&c->random[2], MOMENT_US)));
	await_end(c->writer);
	if (!c->out_closed)
		close_somehow(c, c->out);
	await_end(c->reader);
	if (!c->in_closed)
		close_somehow(c, c->in);
	if (c->fate == FATE_NONE)
		CHECK(c->written == c->wanted && c->read == c->wanted);
	count_left(c);
	return 0;
}

static void connection_make(struct channel *c, int fds[2], int flags, bool turned)
{
	bool tcp = c->kind == KIND_TCP;

	fds[turned] =
	    tcp ? thrum_tcp_connect("127.0.0.1", tcp_port) : thrum_unix_connect(unix_path);
	CHECK(fds[turned] >= 0);
	fds[!turned] = thrum_accept4(tcp ? tcp_listener : unix_listener, NULL, NULL, flags);
	CHECK(fds[!turned] >= 0);
}

static void channel_make(struct channel *c, uint64_t *random)
{
	bool nonblocking = random_below(random, 2);
	int fds[2], flags = nonblocking ? SOCK_NONBLOCK : 0;

	memset(c, 0, sizeof(*c));
	c->kind = (enum kind)random_below(random, KINDS);
	if (c->kind == KIND_PIPE)
		CHECK(pipe2(fds, nonblocking ? O_NONBLOCK : 0) == 0);
	else if (c->kind == KIND_PAIR)
		CHECK(socketpair(AF_UNIX, SOCK_STREAM | flags, 0, fds) == 0);
	else
		connection_make(c, fds, flags, random_below(random, 2));
	c->in = fds[0];
	c->out = fds[1];
	c->kept = dup(c->in);
	CHECK(c->kept >= 0);
	c->fate = (enum fate)random_below(random, FATES);
	/* The hostile poller may let single bytes through. */
	c->wanted = 1 + random_below(random, hostile_poller() ? BYTES_MAX / 50 : BYTES_MAX);
	for (int i = 0; i < 3; i++)
		c->random[i] = 1 + random_below(random, UINT64_MAX - 1);
}

static void one_round(uint64_t *random)
{
	struct thrum_future *f[CHANNELS];

	for (int i = 0; i < CHANNELS; i++)
		channel_make(&channels[i], random);
	for (int i = 0; i < CHANNELS; i++) {
		struct channel *c = &channels[i];

		c->writer = thrum_spawn(writer, c);
		c->reader = thrum_spawn(reader, c);
		CHECK(c->writer && c->reader);
	}
	for (int i = 0; i < CHANNELS; i++) {
		f[i] = thrum_spawn(channel_main, &channels[i]);
		CHECK(f[i]);
	}
	for (int i = 0; i < CHANNELS; i++) {
		CHECK(thrum_join(f[i]) == 0);
		thrum_release(channels[i].writer);
		thrum_release(channels[i].reader);
	}
}

static intptr_t run(void *unused)
{
	int fds;

	(void)unused;
	unix_listener = thrum_unix_listen(unix_path, 0);
	tcp_listener = thrum_tcp_listen("127.0.0.1", "0", 0, 0);
	CHECK(unix_listener >= 0 && tcp_listener >= 0);
	snprintf(tcp_port, sizeof(tcp_port), "%d", thrum_local_port(tcp_listener));
	fds = descriptors();
	for (uint64_t i = 0; i < rounds; i++) {
		uint64_t random = the_seed + round_now++ * 7919;

		one_round(&random);
		CHECK(descriptors() == fds);
	}
	CHECK(thrum_close(unix_listener) == 0);
	return thrum_close(tcp_listener);
}

int main(void)
{
	static const unsigned workers[] = {1, 2, 4};
	int fds = descriptors();

	the_seed = seed();
	rounds = scaled(60);
	snprintf(unix_path, sizeof(unix_path), "@thrum-io-storm-%d", (int)getpid());
	for (int i = 0; i < 3; i++) {
		struct thrum_stats stats = run_to_the_end_on(workers[i], run);

		CHECK(stats.spawned == 1 + rounds * CHANNELS * 4);
		CHECK(descriptors() == fds);
	}
	printf(
	    "%llu bytes, %llu of them left in the kernel; %llu deadlines passed, %llu tasks "
	    "ended by a cancel, %llu by a close\n",
	    (unsigned long long)load_acquire(&bytes), (unsigned long long)load_acquire(&left_over),
	    (unsigned long long)load_acquire(&timeouts), (unsigned long long)load_acquire(&cancels),
	    (unsigned long long)load_acquire(&closes));
	if (rounds >= 5) {
		CHECK(load_acquire(&timeouts) && load_acquire(&cancels) && load_acquire(&closes));
		CHECK(load_acquire(&left_over));
	}
	return 0;
}
