/* SPDX-License-Identifier: MIT */
/*
 * test_op.c - the loop of every I/O call, driven by attempts that the test makes up: when it tries
 * again, waits, goes to the pool, and what it returns at last.
 */
#define _GNU_SOURCE
#include "io/op.h"

#include <poll.h>

#include "io_test.h"
#include "sched/worker.h"

/* Returns a script's entries one after another. */
struct scripted {
	struct thrum__op op;
	const ssize_t *script;
	int attempts, blocks;
	ssize_t blocks_with;
	bool on_worker; /* where block ran */
};

static ssize_t attempt_scripted(struct thrum__op *op)
{
	struct scripted *s = container_of(op, struct scripted, op);

	return s->script[s->attempts++];
}

static ssize_t attempt_look(struct thrum__op *op)
{
	container_of(op, struct scripted, op)->attempts++;
	return THRUM__OP_LOOK;
}

static struct atomic32 blocking, overlaps; /* jobs at it now; how often there were two */

static ssize_t block_scripted(struct thrum__op *op)
{
	struct scripted *s = container_of(op, struct scripted, op);

	if (fetch_add_relaxed(&blocking, 1))
		fetch_add_relaxed(&overlaps, 1);
	for (int i = 0; i < 200; i++) /* others have every chance */
		thread_yield();
	fetch_sub_relaxed(&blocking, 1);
	s->blocks++;
	s->on_worker = thrum__tls_worker() != NULL;
	return s->blocks_with;
}

static struct scripted scripted(int fd, const ssize_t *script)
{
	return (struct scripted){.op = {.place = "? test",
					.fd = fd,
					.attempt = attempt_scripted,
					.block = block_scripted},
				 .script = script,
				 .blocks_with = 5};
}

IO_TEST(results_and_repetitions)
{
	struct scripted s = scripted(0, (ssize_t[]){7});

	is_int(thrum__op_run(&s.op), 7);
	s = scripted(0, (ssize_t[]){-EINTR, THRUM__OP_AGAIN, -EINTR, -EIO});
	is_int(thrum__op_run(&s.op), -EIO);
	is_int(s.attempts, 4);
	s = scripted(0, (ssize_t[]){-EAGAIN});
	s.op.once = true;
	is_int(thrum__op_run(&s.op), -EAGAIN);
	s = scripted(-1, (ssize_t[]){1});
	is_int(thrum__op_run(&s.op), -EBADF);
	is_int(s.attempts, 0);
}

IO_TEST(what_was_done_is_returned_first)
{
	struct scripted s = scripted(0, (ssize_t[]){-EPIPE});

	s.op.keep = true;
	is_int(thrum__op_run(&s.op), -EPIPE);
	s = scripted(0, (ssize_t[]){-EPIPE});
	s.op.keep = true;
	s.op.done = 3;
	is_int(thrum__op_run(&s.op), 3);
}

IO_TEST(the_pool)
{
	int file = open("/proc/self/exe", O_RDONLY | O_CLOEXEC), ends[2];
	struct scripted s = scripted(file, (ssize_t[]){THRUM__OP_POOL});

	is_int(thrum__op_run(&s.op), 5);
	is_int(s.blocks, 1);
	must(!s.on_worker);
	/* What cannot be watched. */
	s = scripted(file, (ssize_t[]){-EAGAIN});
	is_int(thrum__op_run(&s.op), 5);
	is_int(s.blocks, 1);
	close(file);
	/* What is ready. */
	pair_make(ends, PIPE, false);
	s = scripted(ends[1], (ssize_t[]){THRUM__OP_LOOK});
	s.op.out = true;
	is_int(thrum__op_run(&s.op), 5);
	is_int(s.blocks, 1);
	pair_close(ends);
}

static intptr_t task_runs(void *scripted)
{
	return thrum__op_run(&((struct scripted *)scripted)->op);
}

/* Each waits until the pipe is readable; both then go to the pool, one after the other. */
IO_TEST(looks_are_made_one_at_a_time)
{
	struct scripted s[4];
	struct thrum_future *f[4];
	int ends[2];

	pair_make(ends, PIPE, false);
	for (int i = 0; i < 4; i++) {
		s[i] = scripted(ends[0], NULL);
		s[i].op.attempt = attempt_look;
		f[i] = spawn_waiting(task_runs, &s[i]);
	}
	yield_often();
	for (int i = 0; i < 4; i++)
		is_int(s[i].blocks, 0);
	must(write(ends[1], "x", 1) == 1);
	for (int i = 0; i < 4; i++) {
		is_int(thrum_join(f[i]), 5);
		is_int(s[i].blocks, 1);
		must(s[i].attempts <= 12 || is_hostile());
	}
	is_int(load_relaxed(&overlaps), 0);
	pair_close(ends);
}

static struct atomic32 pausing; /* how many pauses began */

static ssize_t attempt_pause(struct thrum__op *op)
{
	int err;

	fetch_add_relaxed(&pausing, 1);
	err = thrum__op_pause(op, op->done ? (int64_t)op->done : THRUM_FOREVER / 2);
	return err ? err : 1;
}

static intptr_t task_pauses(void *fd)
{
	struct thrum__op op = {.fd = (int)(intptr_t)fd, .attempt = attempt_pause};

	return thrum__op_run(&op);
}

/* Inside by the time this returns. */
static struct thrum_future *spawn_pausing(int fd)
{
	uint32_t before = load_relaxed(&pausing);
	struct thrum_future *f = spawn_waiting(task_pauses, as_arg(fd));

	while (load_relaxed(&pausing) == before)
		is_int(thrum_yield(), 0);
	return f;
}

IO_TEST(pauses)
{
	struct thrum__op op = {.attempt = attempt_pause, .done = THRUM_MS(2)};
	struct thrum_timeout t;
	struct thrum_future *f;
	int64_t start = thrum_now(), ns = 0;
	int ends[2];

	pair_make(ends, UNIX, false);
	op.fd = ends[0];
	is_int(thrum__op_run(&op), 1);
	must(thrum_now() - start >= THRUM_MS(2));
	f = spawn_pausing(ends[0]);
	thrum_cancel(f);
	is_int(thrum_join(f), -ECANCELED);
	thrum_timeout_begin(&t, THRUM_MS(2));
	is_int(task_pauses(as_arg(ends[0])), -ETIMEDOUT);
	must(thrum_timeout_end(&t));
	f = spawn_pausing(ends[0]);
	is_int(thrum_close(ends[0]), 0);
	is_int(thrum_join(f), -EBADF);
	is_int(thrum_close(ends[1]), 0);
	for (int64_t want = 1; want <= 128; want *= 2) {
		ns = thrum__op_backoff_ns(ns);
		is_int(ns, THRUM_MS(want < 100 ? want : 100));
	}
	is_int(thrum__op_backoff_ns(THRUM_MS(100)), THRUM_MS(100));
}

IO_TEST(kinds_and_modes)
{
	struct thrum__op op = {.task = thrum__current_task()};
	int ends[2];

	pair_make(ends, TCP, true);
	op.fd = ends[0];
	is_int(thrum__descriptor_enter(&thrum__op_runtime(&op)->descriptors, op.fd, &op.d), 0);
	is_int(thrum__op_kind(&op), THRUM__FD_UNKNOWN);
	is_int(thrum__op_kind_now(&op), THRUM__FD_SOCKET);
	is_int(thrum__op_kind(&op), THRUM__FD_SOCKET);
	must(thrum__op_is_nonblocking(&op));
	op.fd = open("/", O_RDONLY | O_CLOEXEC);
	is_int(thrum__op_kind_now(&op), THRUM__FD_FILE);
	close(op.fd);
	is_int(thrum__op_kind_now(&op), -EBADF);
	is_int(thrum__op_kind(&op), THRUM__FD_FILE);
	thrum__op_kind_seen(&op, THRUM__FD_STREAM);
	is_int(thrum__op_kind(&op), THRUM__FD_STREAM);
	thrum__descriptor_leave(op.d);
	pair_close(ends);
}

START_TEST(outside_tasks)
{
	struct scripted s = scripted(0, (ssize_t[]){7});

	is_int(thrum__op_run(&s.op), -EPERM);
	is_int(s.attempts, 0);
}
END_TEST

/* Every argument is a bad one, and none is looked at. */
START_TEST(outside_tasks_arguments_are_not_looked_at)
{
	is_int(thrum_read(-1, NULL, 1), -EPERM);
	is_int(thrum_readv(0, NULL, -1), -EPERM);
	is_int(thrum_write(-1, NULL, 1), -EPERM);
	is_int(thrum_writev(0, NULL, -1), -EPERM);
	is_int(thrum_recv(-1, NULL, 1, ~0), -EPERM);
	is_int(thrum_send(-1, NULL, 1, ~0), -EPERM);
	is_int(thrum_recvmsg(-1, NULL, ~0), -EPERM);
	is_int(thrum_sendmsg(-1, NULL, ~0), -EPERM);
	is_int(thrum_sendfile(-1, -1, NULL, 0), -EPERM);
	is_int(thrum_poll(NULL, (nfds_t)-1, -1), -EPERM);
	is_int(thrum_close(-1), -EPERM);
	is_int(thrum_accept(-1, NULL, NULL), -EPERM);
	is_int(thrum_accept4(-1, NULL, NULL, ~0), -EPERM);
	is_int(thrum_connect(-1, NULL, 0), -EPERM);
	is_int(thrum_getaddrinfo(NULL, NULL, NULL, NULL), -EPERM);
	is_int(thrum_unix_listen("", 0), -EPERM);
	is_int(thrum_unix_connect(""), -EPERM);
	is_int(thrum_open(NULL, ~0, 0), -EPERM);
	is_int(thrum_openat(-1, NULL, ~0, 0), -EPERM);
	is_int(thrum_pread(-1, NULL, 1, -1), -EPERM);
	is_int(thrum_pwrite(-1, NULL, 1, -1), -EPERM);
	is_int(thrum_fsync(-1), -EPERM);
	is_int(thrum_stat(NULL, NULL), -EPERM);
	is_int(thrum_lstat(NULL, NULL), -EPERM);
	is_int(thrum_fstat(-1, NULL), -EPERM);
	is_int(thrum_waitpid(-1, NULL, ~0), -EPERM);
}
END_TEST

static intptr_t task_counts(void *count)
{
	(*(int *)count)++;
	return 0;
}

/* Who takes turns without end lets others have theirs. */
ALONE_TEST(turns)
{
	int count = 0;

	for (int i = 0; i < 10; i++) {
		struct thrum_future *f = thrum_spawn(task_counts, &count);

		while (!thrum_done(f))
			thrum__op_take_turn();
		thrum_release(f);
	}
	is_int(count, 10);
}

int main(void)
{
	const TTest *const tests[] = {
	    results_and_repetitions,
	    what_was_done_is_returned_first,
	    the_pool,
	    looks_are_made_one_at_a_time,
	    pauses,
	    kinds_and_modes,
	    outside_tasks,
	    outside_tasks_arguments_are_not_looked_at,
	    turns,
	};

	return RUN_TESTS("op", tests);
}
