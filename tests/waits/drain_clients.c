/* SPDX-License-Identifier: MIT */
/*
 * drain_clients.c - tests/programs/drain.c with its clients in one process: when the soft request
 * comes one is between two requests, one has a request in flight, one has sent one that is not read
 * yet, one has begun one that never ends, but by the hard request.
 *
 * Whatever is cut short: each client is answered or sees the end, none has to give up waiting.
 */
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include "ledger.h"

int serve(int listener, struct thrum_future *told); /* drain.c */

static char path[40];

struct client {
	const char *name;
	int64_t pause_ns; /* within its second request, or before it sees the end */
	const char *begin, *end;
};

static ssize_t put(int fd, const char *text)
{
	size_t length = text ? strlen(text) : 0;
	ssize_t n = 0;

	for (size_t at = 0; at < length && n >= 0; at += (size_t)n)
		n = thrum_write(fd, text + at, length - at);
	return n == -EPIPE || n == -ECONNRESET ? 0 : n; /* reading tells */
}

/* A line's length; 0: the other side has closed. */
static ssize_t get(int fd)
{
	ssize_t n, length = 0;
	char byte;

	do {
		n = thrum_read(fd, &byte, 1);
		length += n > 0;
	} while (n > 0 && byte != '\n');
	if (n == -ECONNRESET)
		n = 0;
	return n > 0 ? length : n;
}

static ssize_t converse(int fd, const struct client *c)
{
	ssize_t n = put(fd, "one\n\n");

	if (n >= 0)
		n = get(fd);
	say(c->name, n);
	if (n > 0)
		n = put(fd, c->begin);
	if (n >= 0)
		n = thrum_sleep(c->pause_ns);
	if (n >= 0)
		n = put(fd, c->end);
	if (n >= 0)
		n = get(fd);
	say(c->name, n);
	return n > 0 ? get(fd) : n;
}

static intptr_t client(void *arg)
{
	int fd = thrum_unix_connect(path);
	ssize_t n;

	give();
	if (fd < 0)
		return 0; /* it is closed already */
	n = converse(fd, arg);
	EXPECT(n == 0 || was_cut(n));
	EXPECT(thrum_close(fd) == 0);
	return 0;
}

/* Its second request is there, and not read yet, when it makes the soft request. */
static ssize_t ask_softly(int fd)
{
	ssize_t n = fd < 0 ? fd : put(fd, "one\n\n");

	if (n > 0)
		n = get(fd);
	if (n > 0)
		n = thrum_sleep(THRUM_MS(10)) ? -ECANCELED : put(fd, "two\n\n");
	thrum_token_cancel(thrum_run_token(), THRUM_SOFT, SIGTERM);
	return n > 0 ? get(fd) : n;
}

/* *@answered: it was. */
static intptr_t asker(void *answered)
{
	int fd = thrum_unix_connect(path), err = 0;
	ssize_t n = ask_softly(fd);

	*(bool *)answered = n > 0;
	say("asker", n);
	if (n > 0)
		err = thrum_sleep(THRUM_MS(90));
	thrum_token_cancel(thrum_run_token(), THRUM_HARD, SIGTERM);
	if (fd >= 0)
		EXPECT(thrum_close(fd) == 0);
	give();
	return err;
}

static struct thrum_future *start(thrum_fn fn, void *arg)
{
	struct thrum_future *f;

	take();
	f = thrum_spawn(fn, arg);
	if (!f)
		give();
	return f;
}

static intptr_t main_task(void *arg)
{
	struct client clients[] = {{"idle", 0, NULL, NULL},
				   {"begun", THRUM_MS(20), "two\n", "lines\n\n"},
				   {"endless", THRUM_MS(20), "two\n", NULL}};
	struct thrum_future *told = thrum_token_future(thrum_run_token(), THRUM_SOFT), *fs[4];
	struct thrum_shield shield;
	bool answered = false;
	int listener, err;

	(void)arg;
	snprintf(path, sizeof(path), "@thrum-drain-%d", (int)getpid());
	(void)serve(open("/dev/null", O_RDONLY | O_CLOEXEC),
		    told); /* ends, as it can accept nobody */
	listener = thrum_unix_listen(path, 0);
	if (listener < 0) {
		thrum_release(told);
		return listener;
	}
	for (int i = 0; i < 3; i++)
		fs[i] = start(client, &clients[i]);
	fs[3] = start(asker, &answered);
	err = serve(listener, told);
	say("served", err);
	thrum_shield_begin(&shield, THRUM_SEC(1000));
	for (int i = 0; i < 4; i++)
		(void)!thrum_join(fs[i]);
	(void)thrum_shield_end(&shield);
	thrum_release(told);
	/* The endless one was cut, and nothing else. */
	return thrum_token_level(thrum_run_token()) == THRUM_HARD && answered ? 0 : err;
}

int main(void)
{
	return ledger_run(main_task);
}
