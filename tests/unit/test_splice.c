/* SPDX-License-Identifier: MIT */
/*
 * test_splice.c - splice between a pipe and each other kind of descriptor, both ends in both modes:
 * the same bytes arrive, what is empty or full is waited for, every wait can be cut short.
 */
#define _GNU_SOURCE
#include "rig.h"

/* All that there is now. */
static size_t take_all(int fd)
{
	char bytes[4096];
	size_t all = 0;

	for (int n = bytes_in(fd); n > 0; n = bytes_in(fd)) {
		ssize_t r = read(fd, bytes, sizeof(bytes));

		must(r > 0);
		all += (size_t)r;
	}
	return all;
}

/* ---- Bytes ---- */

struct splicing {
	struct rig *r;
	bool offsets; /* of files */
	size_t total;
};

/* Until the end. */
static intptr_t task_splices(void *splicing)
{
	struct splicing *s = splicing;
	bool at_in = s->offsets && s->r->kind_in == A_FILE;
	bool at_out = s->offsets && s->r->kind_out == A_FILE;
	off_t from = 0, to = 0;
	ssize_t r;

	do {
		r = thrum_splice(s->r->in, at_in ? &from : NULL, s->r->out, at_out ? &to : NULL,
				 2 * BYTES, SPLICE_F_MOVE | (s->total % 2 ? SPLICE_F_MORE : 0));
		if (r > 0)
			s->total += (size_t)r;
		is_int(from, at_in ? s->total : 0);
		is_int(to, at_out ? s->total : 0);
	} while (r > 0);
	return r;
}

static intptr_t task_feeds(void *rig)
{
	struct rig *r = rig;
	char *bytes = malloc(BYTES);

	must(bytes);
	fill_bytes(bytes, BYTES);
	write_exactly(r->feed, bytes, BYTES);
	free(bytes);
	end_close(&r->feed);
	return 0;
}

static void bytes_arrive(struct rig *r, bool offsets)
{
	struct splicing s = {.r = r, .offsets = offsets};
	struct drain d = {.fd = r->taken, .n = BYTES};
	struct thrum_future *feeds = NULL, *f;

	if (r->kind_in != A_FILE)
		feeds = thrum_spawn(task_feeds, r);
	f = thrum_spawn(task_splices, &s);
	if (r->kind_out == A_FILE)
		d.fd = r->out;
	else
		is_int(task_drains(&d), 0);
	is_int(thrum_join(f), 0);
	if (feeds)
		is_int(thrum_join(feeds), 0);
	is_int(s.total, BYTES);
	if (r->kind_in == A_FILE)
		is_int(lseek(r->in, 0, SEEK_CUR), offsets ? 0 : BYTES);
	if (r->kind_out == A_FILE) {
		is_int(lseek(r->out, 0, SEEK_CUR), offsets ? 0 : BYTES);
		is_int(lseek(r->out, 0, SEEK_SET), 0);
		is_int(task_drains(&d), 0);
	}
	is_int(d.got, BYTES);
	must(d.same);
}

IO_TEST(the_same_bytes_arrive)
{
	each_rig(bytes_arrive);
}

/* Many times what it takes at once, in one call, as with splice(2). */
IO_TEST(to_a_blocking_socket_all_that_the_pipe_has)
{
	struct rig r = rig_make(PIPE, UNIX, 0);
	struct drain d = {.fd = r.taken};
	struct splicing s = {.r = &r};
	struct thrum_future *f;
	char bytes[50000];

	d.n = is_hostile() ? 500 : sizeof(bytes);
	fill_bytes(bytes, sizeof(bytes));
	must(setsockopt(r.out, SOL_SOCKET, SO_SNDBUF, &(int){1}, sizeof(int)) == 0);
	write_exactly(r.feed, bytes, d.n);
	f = thrum_spawn(task_drains, &d);
	for (size_t moved = 0; moved < d.n;) {
		ssize_t n = thrum_splice(r.in, NULL, r.out, NULL, 1 << 20, 0);

		must(is_hostile() ? n > 0 : n == (ssize_t)d.n);
		moved += (size_t)n;
	}
	is_int(thrum_join(f), 0);
	must(d.same);
	end_close(&r.feed);
	is_int(task_splices(&s), 0);
	is_int(s.total, 0);
	rig_close(&r);
}

IO_TEST(devices)
{
	for (int mode = 0; mode < 2; mode++) {
		int zero = open("/dev/zero", O_RDONLY | (mode ? O_NONBLOCK : 0));
		int null = open("/dev/null", O_WRONLY | (mode ? O_NONBLOCK : 0)), ends[2];
		off_t at = 0;
		ssize_t n;

		pair_make(ends, PIPE, false);
		n = thrum_splice(zero, NULL, ends[1], NULL, 40000, 0);
		must(n > 0);
		is_int(bytes_in(ends[0]), n);
		while (bytes_in(ends[0]))
			must(thrum_splice(ends[0], NULL, null, NULL, 40000, 0) > 0);
		n = thrum_splice(zero, &at, ends[1], NULL, 10, 0);
		must(n > 0);
		must(at == 0 || at == n); /* the device's choice */
		pair_close(ends);
		pair_close((int[]){zero, null});
	}
}

/* ---- Waits ---- */

/* One call. */
static intptr_t task_splices_once(void *rig)
{
	struct rig *r = rig;

	return thrum_splice(r->in, NULL, r->out, NULL, 10, 0);
}

/* Is nothing in it, or @full: no room and one byte?  Not all can be so; and TCP makes room for
 * itself a little later. */
static bool hold_up(struct rig *r, bool full)
{
	if ((full ? r->kind_out : r->kind_in) == A_FILE || (full && r->kind_out == TCP))
		return false;
	if (full)
		fill_up(r->out);
	if (full && r->feed >= 0)
		write_exactly(r->feed, "x", 1);
	return true;
}

static void wait_is_over(struct rig *r, bool full)
{
	struct thrum_future *f;

	if (!hold_up(r, full))
		return;
	f = spawn_waiting(task_splices_once, r);
	if (full)
		take_all(r->taken);
	else
		write_exactly(r->feed, "x", 1);
	if (r->kind_in == A_FILE)
		must(thrum_join(f) > 0);
	else
		is_int(thrum_join(f), 1);
}

IO_TEST(a_wait_is_over_when_there_are_bytes_and_room)
{
	each_rig(wait_is_over);
}

/* The other end gives up. */
static void wait_hears_the_end(struct rig *r, bool full)
{
	struct thrum_future *f;

	if (!hold_up(r, full))
		return;
	f = spawn_waiting(task_splices_once, r);
	end_close(full ? &r->taken : &r->feed);
	is_int(thrum_join(f), full ? -EPIPE : 0);
	if (full && r->feed >= 0)
		is_int(bytes_in(r->in), 1);
	is_int(task_splices_once(r), full ? -EPIPE : 0);
}

IO_TEST(a_wait_hears_the_end)
{
	each_rig(wait_hears_the_end);
}

/* Also where it is not what is waited for. */
IO_TEST(a_wait_for_bytes_hears_that_nobody_will_take_them)
{
	for (int modes = 0; modes < 2 * MODES; modes++) {
		struct rig r = rig_make(modes < MODES ? UNIX : TCP, PIPE, modes % MODES);
		struct thrum_future *f = spawn_waiting(task_splices_once, &r);

		end_close(&r.taken);
		is_int(thrum_join(f), -EPIPE);
		rig_close(&r);
	}
}

IO_TEST(at_the_end_there_is_no_wait_for_room)
{
	for (int modes = 0; modes < MODES; modes += 2) {
		struct rig r = rig_make(PIPE, UNIX, modes);

		fill_up(r.out);
		end_close(&r.feed);
		is_int(task_splices_once(&r), 0);
		rig_close(&r);
	}
}

/* poll(2) does not say of such a one that it is at its end. */
IO_TEST(a_fifo_that_nobody_has_opened_for_writing)
{
	char dir[] = "/tmp/thrum-splice-XXXXXX", path[sizeof(dir) + 8];

	must(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/fifo", dir);
	must(mkfifo(path, 0600) == 0);
	for (int i = 0; i < KINDS * 2; i++) {
		struct rig r = rig_make(PIPE, i / 2, i % 2 ? 2 : 0);

		end_close(&r.feed);
		is_int(thrum_close(r.in), 0);
		r.in = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
		must(r.in >= 0);
		is_int(task_splices_once(&r), 0);
		rig_close(&r);
	}
	must(unlink(path) == 0 && rmdir(dir) == 0);
}

static intptr_t task_has_a_limit(void *rig)
{
	struct thrum_timeout t;
	intptr_t r;

	thrum_timeout_begin(&t, THRUM_MS(2));
	r = task_splices_once(rig);
	must(thrum_timeout_end(&t));
	return r;
}

/* What was in the ends is in them still. */
static void wait_is_cut_short(struct rig *r, bool full)
{
	int kind_in = r->kind_in, kind_out = r->kind_out;
	int modes = (fcntl(r->in, F_GETFL) & O_NONBLOCK ? 1 : 0) |
		    (fcntl(r->out, F_GETFL) & O_NONBLOCK ? 2 : 0);
	struct thrum_future *f;

	if (!hold_up(r, full))
		return;
	f = spawn_waiting(task_splices_once, r);
	thrum_cancel(f);
	is_int(thrum_join(f), -ECANCELED);
	is_int(task_has_a_limit(r), -ETIMEDOUT);
	if (r->feed >= 0)
		is_int(bytes_in(r->in), full);
	f = spawn_waiting(task_splices_once, r);
	end_close(&r->in);
	is_int(thrum_join(f), -EBADF);
	rig_close(r);
	*r = rig_make(kind_in, kind_out, modes);
	must(hold_up(r, full));
	f = spawn_waiting(task_splices_once, r);
	end_close(&r->out);
	is_int(thrum_join(f), -EBADF);
	if (r->feed >= 0)
		is_int(bytes_in(r->in), full);
}

IO_TEST(a_wait_is_cut_short)
{
	each_rig(wait_is_cut_short);
}

enum way { CANCEL, LIMIT, CLOSE_IN, CLOSE_OUT, WAYS };

static intptr_t task_splices_much(void *rig)
{
	struct rig *r = rig;

	return thrum_splice(r->in, NULL, r->out, NULL, 1 << 20, 0);
}

static intptr_t task_splices_much_until(void *rig)
{
	struct thrum_timeout t;
	struct rig *r = rig;
	intptr_t moved;
	bool late;

	thrum_timeout_begin(&t, THRUM_MS(20));
	moved = task_splices_much(r);
	late = thrum_timeout_end(&t);
	must(late || (is_hostile() && moved > 0)); /* a pipe that is said to be empty is an end */
	return moved;
}

/* A socket that takes less than the pipe has. */
IO_TEST(what_was_moved_is_told)
{
	for (int way = 0; way < WAYS; way++) {
		struct rig r = rig_make(PIPE, UNIX, 0);
		struct thrum_future *f;
		intptr_t moved;
		int all;

		must(setsockopt(r.out, SOL_SOCKET, SO_SNDBUF, &(int){1}, sizeof(int)) == 0);
		fill_up(r.feed);
		all = bytes_in(r.in);
		f = thrum_spawn(way == LIMIT ? task_splices_much_until : task_splices_much, &r);
		while (!bytes_in(r.taken) && !thrum_done(f))
			is_int(thrum_yield(), 0);
		if (way == CANCEL)
			thrum_cancel(f);
		else if (way == CLOSE_OUT)
			end_close(&r.out);
		else if (way == CLOSE_IN)
			end_close(&r.in);
		moved = thrum_join(f);
		must(moved > 0 || (way == LIMIT && moved == -ETIMEDOUT));
		must(moved < all);
		is_int(take_all(r.taken), moved > 0 ? moved : 0);
		if (r.in >= 0)
			is_int(bytes_in(r.in), all - (moved > 0 ? moved : 0));
		rig_close(&r);
	}
}

static intptr_t task_asked_before(void *rig)
{
	thrum_cancel(thrum_self());
	return task_splices_once(rig);
}

static void is_looked_at_on_entry(struct rig *r, bool unused)
{
	(void)unused;
	if (r->feed >= 0)
		write_exactly(r->feed, "x", 1);
	is_int(thrum_join(thrum_spawn(task_asked_before, r)), -ECANCELED);
	if (r->feed >= 0)
		is_int(bytes_in(r->in), 1);
}

IO_TEST(a_request_is_looked_at_on_entry)
{
	each_rig(is_looked_at_on_entry);
}

/* A byte for one of several. */
IO_TEST(several_at_one_end)
{
	for (int modes = 0; modes < MODES; modes++) {
		struct rig r = rig_make(TCP, PIPE, modes);
		struct thrum_future *fs[4];

		for (int i = 0; i < 4; i++)
			fs[i] = spawn_waiting(task_splices_once, &r);
		for (int n = 1; n <= 3; n++) {
			write_exactly(r.feed, "x", 1);
			while (bytes_in(r.taken) < n)
				is_int(thrum_yield(), 0);
		}
		for (int i = 0; i < 4; i++)
			thrum_cancel(fs[i]);
		for (int i = 0, moved = 0; i < 4; i++) {
			intptr_t got = thrum_join(fs[i]);

			must(got == 1 || got == -ECANCELED);
			moved += got == 1;
			must(i < 3 || moved == 3);
		}
		rig_close(&r);
	}
}

/* ---- SPLICE_F_NONBLOCK ---- */

static ssize_t splice_now(const struct rig *r)
{
	return thrum_splice(r->in, NULL, r->out, NULL, 10, SPLICE_F_NONBLOCK);
}

static void does_not_wait(struct rig *r, bool full)
{
	ssize_t n;

	if (!hold_up(r, full))
		return;
	is_int(splice_now(r), -EAGAIN);
	if (full)
		take_all(r->taken);
	else
		write_exactly(r->feed, "x", 1);
	do {
		n = splice_now(r); /* TCP takes its time */
	} while (n == -EAGAIN && (r->kind_in == TCP || is_hostile()));
	if (r->kind_in == A_FILE)
		must(n > 0);
	else
		is_int(n, 1);
}

IO_TEST(asked_not_to_wait_it_does_not)
{
	each_rig(does_not_wait);
}

int main(void)
{
	const TTest *const tests[] = {
	    the_same_bytes_arrive,
	    to_a_blocking_socket_all_that_the_pipe_has,
	    devices,
	    a_wait_is_over_when_there_are_bytes_and_room,
	    a_wait_hears_the_end,
	    a_wait_for_bytes_hears_that_nobody_will_take_them,
	    at_the_end_there_is_no_wait_for_room,
	    a_fifo_that_nobody_has_opened_for_writing,
	    a_wait_is_cut_short,
	    what_was_moved_is_told,
	    a_request_is_looked_at_on_entry,
	    several_at_one_end,
	    asked_not_to_wait_it_does_not,
	};

	return RUN_TESTS("splice", tests);
}
