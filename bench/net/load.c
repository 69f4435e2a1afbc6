/* SPDX-License-Identifier: MIT */
/*
 * load.c - bench_load: a load of connections on a server on loopback, the same for every server.
 *
 * One thread, one epoll set.  Closed loop: each connection sends its next request when it has the
 * whole answer to the last (or to all of a batch, pipelined).  Open loop (--rate): requests fall
 * due at a fixed pace whether or not the server keeps up, each on the next free connection, and
 * their latency counts from when they were due, so a server that stalls cannot hide it.  It sleeps
 * between them, to the microsecond, and goes before all others where it may (real-time priority,
 * as root): a client of its own machine would take no CPU from the server, nor wait for one.  Idle:
 * connections are made and held, all woken once by a request each, and held again while the
 * server's memory is read by whoever runs this.
 *
 * Every byte of an echo and every HTTP status and length is checked.  A wrong or missing answer, or
 * a connection lost, counts as an error.  Prints one JSON object.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum mode { ECHO, HTTP, CHURN, IDLE };

struct connection {
	int fd;
	unsigned owed; /* answers still to come */
	size_t got;    /* of the answer that is being read */
	size_t body;   /* of it, still to come */
	bool in_body;
	int64_t due_ns; /* when the request was sent, or due */
	char head[1024];
};

static struct {
	enum mode mode;
	int port;
	unsigned connections, depth;
	size_t bytes;
	double seconds, rate;
	const char *path;
} how = {ECHO, 0, 64, 1, 64, 2, 0, "/"};

static struct connection *all;
static int set;
static char *request;
static size_t request_bytes;
static uint32_t *latencies_us;
static size_t answers, room, errors;

static _Noreturn void fail(const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	fputs("bench_load: ", stderr);
	vfprintf(stderr, format, ap);
	va_end(ap);
	fputc('\n', stderr);
	exit(1);
}

static int64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static void note(int64_t ns)
{
	if (answers == room) {
		room = room ? 2 * room : 1 << 16;
		latencies_us = realloc(latencies_us, room * sizeof(*latencies_us));
		if (!latencies_us)
			fail("out of memory");
	}
	latencies_us[answers++] = (uint32_t)(ns / 100); /* tenths of a microsecond */
}

static void open_connection(struct connection *c)
{
	struct sockaddr_in to = {.sin_family = AF_INET,
				 .sin_port = htons((uint16_t)how.port),
				 .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	struct epoll_event e = {.events = EPOLLIN, .data.ptr = c};
	int one = 1;

	c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (c->fd < 0)
		fail("socket: %s", strerror(errno));
	if (connect(c->fd, (struct sockaddr *)&to, sizeof(to)))
		fail("connect to port %d: %s", how.port, strerror(errno));
	setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	if (epoll_ctl(set, EPOLL_CTL_ADD, c->fd, &e))
		fail("epoll_ctl: %s", strerror(errno));
	c->owed = 0;
	c->got = 0;
	c->in_body = false;
}

static void make_request(void)
{
	request_bytes = how.mode == ECHO ? how.bytes : strlen(how.path) + 64;
	request = malloc(request_bytes * how.depth + 1);
	if (!request)
		fail("out of memory");
	if (how.mode == ECHO) {
		for (size_t i = 0; i < request_bytes; i++)
			request[i] = (char)('a' + i % 26);
		return;
	}
	request_bytes = 0;
	for (unsigned i = 0; i < how.depth; i++)
		request_bytes +=
		    (size_t)sprintf(request + request_bytes,
				    "GET %s HTTP/1.1\r\nHost: localhost\r\n\r\n", how.path);
}

static void lost(struct connection *c)
{
	errors += c->owed ? c->owed : 1;
	close(c->fd);
	open_connection(c);
}

static void ask(struct connection *c, int64_t due_ns)
{
	c->due_ns = due_ns;
	c->owed = how.mode == ECHO ? 1 : how.depth;
	c->got = 0;
	if (send(c->fd, request, request_bytes, MSG_NOSIGNAL) != (ssize_t)request_bytes)
		lost(c);
}

/* One byte range of HTTP answers: how many were completed; -1: nonsense. */
static int take_http(struct connection *c, const char *p, size_t n)
{
	int done = 0;

	while (n) {
		if (c->in_body) {
			size_t k = n < c->body ? n : c->body;

			c->body -= k;
			p += k;
			n -= k;
		} else {
			char *length;

			if (c->got + 1 >= sizeof(c->head))
				return -1;
			c->head[c->got++] = *p++;
			n--;
			if (c->got < 4 || memcmp(c->head + c->got - 4, "\r\n\r\n", 4))
				continue;
			c->head[c->got] = 0;
			length = strcasestr(c->head, "content-length:");
			if (strncmp(c->head, "HTTP/1.1 200", 12) || !length)
				return -1;
			c->body = strtoul(length + 15, NULL, 10);
			c->in_body = true;
		}
		if (c->in_body && c->body == 0) {
			c->in_body = false;
			c->got = 0;
			done++;
		}
	}
	return done;
}

static int take_echo(struct connection *c, const char *p, size_t n)
{
	if (c->got + n > request_bytes || memcmp(p, request + c->got, n))
		return -1;
	c->got += n;
	return c->got == request_bytes;
}

/* Reads what is there; true: all answers that were asked for have come. */
static bool hear(struct connection *c)
{
	static char buf[1 << 16];
	ssize_t n = recv(c->fd, buf, sizeof(buf), MSG_DONTWAIT);
	int done;

	if (n < 0 && errno == EAGAIN)
		return false;
	done = n <= 0 || !c->owed ? -1
	       : how.mode == ECHO ? take_echo(c, buf, (size_t)n)
				  : take_http(c, buf, (size_t)n);
	if (done < 0 || (unsigned)done > c->owed) {
		lost(c);
		return true;
	}
	for (int64_t now = now_ns(); done; done--, c->owed--)
		note(now - c->due_ns);
	return c->owed == 0;
}

static void next(struct connection *c)
{
	if (how.mode == CHURN) {
		struct linger at_once = {1, 0}; /* no TIME_WAIT: there are not that many ports */

		setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
		close(c->fd);
		open_connection(c);
	}
	ask(c, now_ns());
}

static void closed_loop(int64_t end_ns)
{
	struct epoll_event events[256];

	for (unsigned i = 0; i < how.connections; i++)
		ask(&all[i], now_ns());
	while (now_ns() < end_ns) {
		int n = epoll_wait(set, events, 256, 100);

		for (int i = 0; i < n; i++)
			if (hear(events[i].data.ptr))
				next(events[i].data.ptr);
	}
}

static void go_first(void)
{
	struct sched_param first = {.sched_priority = 1};

	if (sched_setscheduler(0, SCHED_FIFO, &first))
		fprintf(stderr,
			"bench_load: no real-time priority (%s): waits for a CPU "
			"count as latency\n",
			strerror(errno));
	prctl(PR_SET_TIMERSLACK, 1UL);
}

/* Waits for events until @due_ns; 0 or less: a millisecond. */
static int wait_until(struct epoll_event *events, int64_t due_ns)
{
	int64_t left_ns = due_ns > 0 ? due_ns - now_ns() : 1000000;
	struct timespec left = {0, 0};

	if (left_ns > 0)
		left = (struct timespec){left_ns / 1000000000, left_ns % 1000000000};
	return epoll_pwait2(set, events, 256, &left, NULL);
}

static void open_loop(int64_t start_ns, int64_t end_ns)
{
	struct epoll_event events[256];
	struct connection **unused = calloc(how.connections, sizeof(*unused));
	unsigned count = how.connections;
	uint64_t sent = 0;

	if (!unused)
		fail("out of memory");
	for (unsigned i = 0; i < count; i++)
		unused[i] = &all[i];
	go_first();
	for (;;) {
		int64_t now = now_ns(), due;
		int n;

		for (;; sent++) {
			due = start_ns + (int64_t)((double)sent * 1e9 / how.rate);
			if (due > now || due >= end_ns || !count)
				break;
			ask(unused[--count], due);
		}
		if (due >= end_ns && (count == how.connections || now > end_ns + 2000000000))
			break;
		n = wait_until(events, count && due < end_ns ? due : 0);
		for (int i = 0; i < n; i++)
			if (hear(events[i].data.ptr))
				unused[count++] = events[i].data.ptr;
	}
	for (unsigned i = 0; i < how.connections; i++)
		errors += all[i].owed;
	free(unused);
}

static void answer_all(void)
{
	struct epoll_event events[256];
	unsigned left = how.connections;
	int64_t end_ns = now_ns() + 60000000000;

	for (unsigned i = 0; i < how.connections; i++)
		ask(&all[i], now_ns());
	while (left && now_ns() < end_ns) {
		int n = epoll_wait(set, events, 256, 1000);

		for (int i = 0; i < n; i++)
			left -= hear(events[i].data.ptr);
	}
	errors += left;
}

/* Says where it is, and goes on when told so by a line on standard input. */
static void hold(const char *where)
{
	char line[16];

	printf("%s\n", where);
	fflush(stdout);
	if (!fgets(line, sizeof(line), stdin))
		exit(1);
}

static int by_size(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

static double percentile_us(double p)
{
	return answers ? latencies_us[(size_t)((double)(answers - 1) * p)] / 10.0 : 0;
}

static void report(double seconds)
{
	qsort(latencies_us, answers, sizeof(*latencies_us), by_size);
	printf("{\"requests\": %zu, \"errors\": %zu, \"seconds\": %.6f, \"p50_us\": %.1f, "
	       "\"p90_us\": %.1f, \"p99_us\": %.1f, \"p999_us\": %.1f, \"max_us\": %.1f}\n",
	       answers, errors, seconds, percentile_us(0.5), percentile_us(0.9),
	       percentile_us(0.99), percentile_us(0.999), percentile_us(1));
}

static void usage(FILE *out)
{
	fputs(
	    "bench_load --port N [--mode echo|http|churn|idle] [--connections N] [--seconds S]\n"
	    "           [--bytes N] [--depth N] [--path /P] [--rate PER_SECOND]\n"
	    "\n"
	    "  echo   sends --bytes and expects them back\n"
	    "  http   GETs --path, --depth at a time; with --rate in an open loop\n"
	    "  churn  the same, a connection for each\n"
	    "  idle   makes the connections, prints \"connected\", waits for a line; a request on\n"
	    "         each, \"answered\", a line; then ends\n"
	    "Prints one JSON object: requests, errors, seconds, latency percentiles.\n"
	    "Exit status: 0, also with errors counted; 1: it could not run; 2: the command line.\n",
	    out);
}

static enum mode mode_of(const char *word)
{
	static const char *const words[] = {"echo", "http", "churn", "idle"};

	for (unsigned i = 0; i < 4; i++)
		if (!strcmp(word, words[i]))
			return i;
	fprintf(stderr, "bench_load: no such mode: %s\n", word);
	exit(2);
}

static void options(int argc, char **argv)
{
	static const struct option longs[] = {
	    {"port", 1, NULL, 'p'},    {"mode", 1, NULL, 'm'},  {"connections", 1, NULL, 'c'},
	    {"seconds", 1, NULL, 's'}, {"bytes", 1, NULL, 'b'}, {"depth", 1, NULL, 'd'},
	    {"path", 1, NULL, 'u'},    {"rate", 1, NULL, 'r'},  {"help", 0, NULL, 'h'},
	    {NULL, 0, NULL, 0}};
	int c;

	while ((c = getopt_long(argc, argv, "", longs, NULL)) != -1) {
		switch (c) {
		case 'p':
			how.port = atoi(optarg);
			break;
		case 'm':
			how.mode = mode_of(optarg);
			break;
		case 'c':
			how.connections = (unsigned)atoi(optarg);
			break;
		case 's':
			how.seconds = atof(optarg);
			break;
		case 'b':
			how.bytes = (size_t)atol(optarg);
			break;
		case 'd':
			how.depth = (unsigned)atoi(optarg);
			break;
		case 'u':
			how.path = optarg;
			break;
		case 'r':
			how.rate = atof(optarg);
			break;
		case 'h':
			usage(stdout);
			exit(0);
		default:
			usage(stderr);
			exit(2);
		}
	}
	if (how.port < 1 || how.port > 65535 || !how.connections || !how.depth || !how.bytes ||
	    optind != argc) {
		usage(stderr);
		exit(2);
	}
}

int main(int argc, char **argv)
{
	int64_t start;

	options(argc, argv);
	set = epoll_create1(EPOLL_CLOEXEC);
	all = calloc(how.connections, sizeof(*all));
	if (set < 0 || !all)
		fail("%s", strerror(errno));
	make_request();
	for (unsigned i = 0; i < how.connections; i++)
		open_connection(&all[i]);
	start = now_ns();
	if (how.mode == IDLE) {
		hold("connected");
		answer_all();
		hold("answered");
	} else if (how.rate > 0) {
		open_loop(start, start + (int64_t)(how.seconds * 1e9));
	} else {
		closed_loop(start + (int64_t)(how.seconds * 1e9));
	}
	report((double)(now_ns() - start) / 1e9);
	return 0;
}
