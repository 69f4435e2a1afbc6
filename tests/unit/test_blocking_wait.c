/* SPDX-License-Identifier: MIT */
/*
 * test_blocking_wait.c - calls that wait on a thread of the pool: a cancel, a deadline and a close
 * bring them out, whenever the signal comes; what they did before counts; nobody else's calls are
 * interrupted.
 */
#define _GNU_SOURCE
#include "sched/blocking_wait.h"

#include "io/op.h"
#include "io_test.h"
#include "sched/worker.h"

#include <signal.h>
#include <sys/stat.h>

/* ---- Made-up calls ---- */

static struct atomic32 inside; /* jobs that have begun */
static int never[2];           /* a pipe that nobody writes to */
static sigset_t mask_inside;

static ssize_t attempt_look(struct thrum__op *op __attribute__((unused)))
{
	return THRUM__OP_LOOK;
}

static ssize_t attempt_pool(struct thrum__op *op __attribute__((unused)))
{
	return THRUM__OP_POOL;
}

static void note_begin(void)
{
	pthread_sigmask(SIG_BLOCK, NULL, &mask_inside);
	fetch_add_release(&inside, 1);
}

static ssize_t block_waits(struct thrum__op *op __attribute__((unused)))
{
	char c;

	note_begin();
	return thrum__os_read(never[0], &c, 1);
}

/* The first signal comes before the call. */
static ssize_t block_waits_late(struct thrum__op *op)
{
	note_begin();
	pause();
	return block_waits(op);
}

/* The signal comes when all is done. */
static ssize_t block_does(struct thrum__op *op __attribute__((unused)))
{
	note_begin();
	pause();
	return 5;
}

struct call {
	int fd;
	ssize_t (*attempt)(struct thrum__op *op);
	ssize_t (*block)(struct thrum__op *op);
	int64_t timeout_ns;
};

static intptr_t task_calls(void *call)
{
	struct call *c = call;
	struct thrum__op op = {
	    .place = "? test", .fd = c->fd, .out = true, .attempt = c->attempt, .block = c->block};
	struct thrum_timeout t;
	intptr_t r;

	thrum_timeout_begin(&t, c->timeout_ns ? c->timeout_ns : THRUM_FOREVER);
	r = thrum__op_run(&op);
	is_int(thrum_timeout_end(&t), r == -ETIMEDOUT);
	return r;
}

/* Its job has begun when this returns. */
static struct thrum_future *spawn_inside(struct call *c)
{
	uint32_t before = load_relaxed(&inside);
	struct thrum_future *f = thrum_spawn(task_calls, c);

	while (load_acquire(&inside) == before)
		is_int(thrum_yield(), 0);
	return f;
}

static void never_open(void)
{
	must(pipe(never) == 0);
}

static void never_close(void)
{
	close(never[0]);
	close(never[1]);
}

static void who_waits_hears(void)
{
	int ends[2];

	never_open();
	for (int late = 0; late < 2; late++) {
		struct call c = {.attempt = attempt_look,
				 .block = late ? block_waits_late : block_waits};
		struct thrum_future *f;

		pair_make(ends, PIPE, false);
		c.fd = ends[1];
		f = spawn_inside(&c);
		thrum_cancel(f);
		is_int(thrum_join(f), -ECANCELED);
		f = spawn_inside(&c);
		is_int(thrum_close(ends[1]), 0);
		is_int(thrum_join(f), -EBADF);
		is_int(thrum_close(ends[0]), 0);
	}
	never_close();
}

IO_TEST(a_cancel_and_a_close_bring_it_out)
{
	who_waits_hears();
}

/* Its clock stands still meanwhile. */
IO_TEST_AS(run_virtual(1, on_a_virtual_clock_task, NULL), on_a_virtual_clock)
{
	who_waits_hears();
}

/* Signals that wait for some process of this user. */
static unsigned signals_queued(void)
{
	FILE *status = fopen("/proc/self/status", "r");
	unsigned n = 0;
	char line[200];

	must(status);
	while (fgets(line, sizeof(line), status))
		if (sscanf(line, "SigQ: %u/", &n) == 1)
			break;
	fclose(status);
	return n;
}

static unsigned most_queued;

/* As if it were off its CPU for a while. */
static ssize_t block_is_deaf(struct thrum__op *op __attribute__((unused)))
{
	int64_t end = thrum__clock_monotonic_ns() + THRUM_MS(5);
	sigset_t all, before;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	note_begin();
	while (thrum__clock_monotonic_ns() < end) {
		unsigned n = signals_queued();

		most_queued = n > most_queued ? n : most_queued;
	}
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return -EINTR;
}

IO_TEST_AS(run_virtual(1, few_signals_are_sent_task, NULL), few_signals_are_sent)
{
	struct call c = {.attempt = attempt_look, .block = block_is_deaf};
	struct thrum_future *f;
	int ends[2];

	pair_make(ends, PIPE, false);
	c.fd = ends[1];
	f = spawn_inside(&c);
	thrum_cancel(f);
	is_int(thrum_join(f), -ECANCELED);
	must(most_queued < 1000);
	pair_close(ends);
}

IO_TEST(a_deadline_brings_it_out)
{
	int ends[2];

	never_open();
	pair_make(ends, PIPE, false);
	for (int late = 0; late < 2; late++) {
		struct call c = {.fd = ends[1],
				 .attempt = attempt_look,
				 .block = late ? block_waits_late : block_waits,
				 .timeout_ns = THRUM_MS(2)};

		is_int(task_calls(&c), -ETIMEDOUT);
	}
	pair_close(ends);
	never_close();
}

IO_TEST(what_was_done_counts)
{
	struct call c = {.attempt = attempt_look, .block = block_does};
	struct thrum_future *f;
	uint32_t before;
	intptr_t r;
	int ends[2];

	pair_make(ends, PIPE, false);
	c.fd = ends[1];
	f = spawn_inside(&c);
	thrum_cancel(f);
	is_int(thrum_join(f), 5);
	c.timeout_ns = THRUM_MS(2);
	do { /* beside a loaded CPU the time may be up before it begins */
		before = load_relaxed(&inside);
		r = task_calls(&c);
	} while (r == -ETIMEDOUT && load_acquire(&inside) == before);
	is_int(r, 5);
	c.timeout_ns = 0;
	f = spawn_inside(&c);
	is_int(thrum_close(ends[1]), 0);
	is_int(thrum_join(f), 5);
	is_int(thrum_close(ends[0]), 0);
}

/* Of the realtime signals, which of them are not blocked; 0: none. */
static int unblocked(const sigset_t *set, int *count)
{
	int found = 0;

	*count = 0;
	for (int sig = SIGRTMIN; sig <= SIGRTMAX; sig++) {
		if (sigismember(set, sig))
			continue;
		found = sig;
		++*count;
	}
	return found;
}

static ssize_t block_looks(struct thrum__op *op __attribute__((unused)))
{
	note_begin();
	return 5;
}

static int signal_inside(int fd)
{
	struct call c = {.fd = fd, .attempt = attempt_look, .block = block_looks};
	int sig, count;

	is_int(task_calls(&c), 5);
	sig = unblocked(&mask_inside, &count);
	is_int(count, 1);
	return sig;
}

static void on_user_signal(int sig __attribute__((unused)))
{
}

/* One signal, in such a call alone; with a handler of ours only where there was none. */
IO_TEST(the_signal)
{
	struct sigaction theirs = {.sa_handler = on_user_signal, .sa_flags = SA_RESTART}, now;
	struct sigaction dfl = {.sa_handler = SIG_DFL};
	struct call c = {.attempt = attempt_pool, .block = block_looks};
	int ends[2], sig, other, count;

	pair_make(ends, PIPE, false);
	c.fd = ends[1];
	sig = signal_inside(c.fd);
	is_int(sig, SIGRTMAX - 3);
	must(sigaction(sig, NULL, &now) == 0);
	must(now.sa_handler != SIG_DFL && !(now.sa_flags & SA_RESTART));
	for (int i = 0; i < 10; i++) { /* the thread that was inside, most likely */
		is_int(task_calls(&c), 5);
		unblocked(&mask_inside, &count);
		is_int(count, 0);
	}
	/* The program takes it, and gives it back. */
	must(sigaction(sig, &theirs, NULL) == 0);
	other = signal_inside(c.fd);
	is_int(other, sig - 1);
	must(sigaction(sig, NULL, &now) == 0);
	must(now.sa_handler == on_user_signal);
	must(sigaction(sig, &dfl, NULL) == 0);
	must(sigaction(other, &theirs, NULL) == 0);
	is_int(signal_inside(c.fd), sig);
	pair_close(ends);
}

/* ---- Real ones ---- */

static unsigned in_flight(void)
{
	return thrum__job_pool_in_flight(&thrum__current_worker()->runtime->blocking);
}

/* It waits on the pool when this returns, or is on its way there. */
static void await_job(void)
{
	while (!in_flight())
		is_int(thrum_yield(), 0);
}

static intptr_t task_accepts(void *fd)
{
	return thrum_accept((int)(intptr_t)fd, NULL, NULL);
}

/* Two find the connection there, and one gets it. */
IO_TEST(accept_beside_another)
{
	for (int i = 0; i < 20; i++) {
		struct sockaddr_in addr;
		int fd = tcp_listener(&addr, 0), twin = dup(fd), client;
		struct thrum_future *f = thrum_spawn(task_accepts, as_arg(fd));
		struct thrum_future *g = thrum_spawn(task_accepts, as_arg(twin)), *loser;

		yield_often();
		client = tcp_client(&addr);
		while (!thrum_done(f) && !thrum_done(g))
			is_int(thrum_yield(), 0);
		loser = thrum_done(f) ? g : f;
		yield_often();
		if (i % 2) {
			thrum_cancel(loser);
			is_int(thrum_join(loser), -ECANCELED);
			is_int(thrum_close(fd), 0);
			is_int(thrum_close(twin), 0);
		} else {
			is_int(thrum_close(loser == g ? twin : fd), 0);
			is_int(thrum_join(loser), -EBADF);
			is_int(thrum_close(loser == g ? fd : twin), 0);
		}
		is_int(thrum_close((int)thrum_join(loser == g ? f : g)), 0);
		close(client);
	}
}

IO_TEST(a_terminal_beside_another_reader)
{
	int master = posix_openpt(O_RDWR | O_NOCTTY), fd, twin;
	struct thrum_future *f, *g, *loser;

	must(master >= 0 && grantpt(master) == 0 && unlockpt(master) == 0);
	fd = open(ptsname(master), O_RDWR | O_NOCTTY);
	twin = dup(fd);
	must(fd >= 0 && twin >= 0);
	f = spawn_waiting(task_reads_one, as_arg(fd));
	g = spawn_waiting(task_reads_one, as_arg(twin));
	must(write(master, "\n", 1) == 1);
	while (!thrum_done(f) && !thrum_done(g))
		is_int(thrum_yield(), 0);
	loser = thrum_done(f) ? g : f;
	is_int(thrum_close(loser == g ? twin : fd), 0);
	is_int(thrum_join(loser), -EBADF);
	is_int(thrum_join(loser == g ? f : g), '\n');
	is_int(thrum_close(loser == g ? fd : twin), 0);
	close(master);
}

static char fifo[] = "/tmp/thrum-wait-XXXXXX/fifo";
#define DIR_LENGTH (sizeof(fifo) - sizeof("/fifo"))

static void fifo_make(void)
{
	strcpy(fifo, "/tmp/thrum-wait-XXXXXX");
	must(mkdtemp(fifo));
	strcat(fifo, "/fifo");
	must(mkfifo(fifo, 0600) == 0);
}

static void fifo_remove(void)
{
	must(unlink(fifo) == 0);
	fifo[DIR_LENGTH] = '\0';
	must(rmdir(fifo) == 0);
}

static intptr_t task_opens(void *dir)
{
	return thrum_openat((int)(intptr_t)dir, dir == as_arg(AT_FDCWD) ? fifo : "fifo", O_RDONLY,
			    0);
}

IO_TEST(a_fifo_without_a_writer)
{
	struct thrum_timeout t;
	struct thrum_future *f;
	int at, writer;

	fifo_make();
	f = thrum_spawn(task_opens, as_arg(AT_FDCWD));
	await_job();
	thrum_cancel(f);
	is_int(thrum_join(f), -ECANCELED);
	thrum_timeout_begin(&t, THRUM_MS(2));
	is_int(task_opens(as_arg(AT_FDCWD)), -ETIMEDOUT);
	must(thrum_timeout_end(&t));
	fifo[DIR_LENGTH] = '\0';
	at = open(fifo, O_RDONLY | O_DIRECTORY);
	fifo[DIR_LENGTH] = '/';
	f = thrum_spawn(task_opens, as_arg(at));
	await_job();
	is_int(thrum_close(at), 0);
	is_int(thrum_join(f), -EBADF);
	f = thrum_spawn(task_opens, as_arg(AT_FDCWD));
	do {
		writer = open(fifo, O_WRONLY | O_NONBLOCK); /* as soon as there is a reader */
		is_int(thrum_yield(), 0);
	} while (writer < 0);
	is_int(thrum_close((int)thrum_join(f)), 0);
	close(writer);
	fifo_remove();
}

static intptr_t task_leaves_opener(void *unused)
{
	(void)unused;
	is_int(thrum_go(task_opens, as_arg(AT_FDCWD)), 0);
	await_job();
	return 5;
}

/* The end of a runtime is a cancel. */
START_TEST(a_run_ends_beside_it)
{
	fifo_make();
	is_int(run_real(1, task_leaves_opener, NULL), 5);
	is_int(run_virtual(1, task_leaves_opener, NULL), 5);
	fifo_remove();
}
END_TEST

#define OPENERS 100 /* more than the pool has threads */

IO_TEST(those_in_the_queue)
{
	struct thrum_future *fs[OPENERS];

	fifo_make();
	for (int i = 0; i < OPENERS; i++)
		fs[i] = thrum_spawn(task_opens, as_arg(AT_FDCWD));
	while (in_flight() < OPENERS)
		is_int(thrum_yield(), 0);
	for (int i = 0; i < OPENERS; i++)
		thrum_cancel(fs[i]);
	for (int i = 0; i < OPENERS; i++)
		is_int(thrum_join(fs[i]), -ECANCELED);
	fifo_remove();
}

int main(void)
{
	const TTest *const tests[] = {
	    a_cancel_and_a_close_bring_it_out,
	    on_a_virtual_clock,
	    few_signals_are_sent,
	    a_deadline_brings_it_out,
	    what_was_done_counts,
	    the_signal,
	    accept_beside_another,
	    a_terminal_beside_another_reader,
	    a_fifo_without_a_writer,
	    a_run_ends_beside_it,
	    those_in_the_queue,
	};

	return RUN_TESTS("blocking_wait", tests);
}
