/* SPDX-License-Identifier: MIT */
/*
 * test_splice_errors.c - what splice(2) refuses is refused alike; who may call it; each of its
 * system calls fails.
 */
#define _GNU_SOURCE
#include "base/os.h"
#include "child.h"
#include "rig.h"

/* The same as splice(2), which does not wait for a pipe then, and sees what is wrong before. */
static void is_refused_alike(int in, off_t *off_in, int out, off_t *off_out, size_t n,
			     unsigned flags)
{
	ssize_t r = splice(in, off_in, out, off_out, n, flags | SPLICE_F_NONBLOCK);
	int err = errno;

	must(r < 0 && err != EAGAIN);
	is_int(thrum_splice(in, off_in, out, off_out, n, flags), -err);
	do {
		r = thrum_splice(in, off_in, out, off_out, n, flags | SPLICE_F_NONBLOCK);
	} while (r == -EAGAIN && is_hostile());
	is_int(r, -err);
	is_int(thrum_splice(in, off_in, out, off_out, 0, flags), 0);
}

static void refusals(bool nonblocking)
{
	int p[2], q[2], u[2], file = file_make(10), directory = open("/", O_RDONLY);
	int path = open("/", O_PATH), reads, writes, appends;
	off_t zero = 0, minus = -1;
	char name[32];

	snprintf(name, sizeof(name), "/proc/self/fd/%d", file);
	reads = open(name, O_RDONLY);
	writes = open(name, O_WRONLY);
	appends = open(name, O_WRONLY | O_APPEND);
	must(path >= 0 && reads >= 0 && writes >= 0 && appends >= 0);
	pair_make(p, PIPE, nonblocking);
	pair_make(q, PIPE, nonblocking);
	pair_make(u, UNIX, nonblocking);
	for (int full = 0; full < 2; full++) {
		const int pairs[][2] = {{p[1], u[1]},   {p[0], q[0]},      {p[0], reads},
					{writes, q[1]}, {p[0], p[1]},      {u[0], u[1]},
					{file, writes}, {p[0], appends},   {p[0], path},
					{path, q[1]},   {directory, q[1]}, {p[0], directory},
					{-1, q[1]},     {p[0], -1},        {9999, q[1]},
					{p[0], 9999},   {q[0], q[1]}};

		for (size_t i = 0; i < sizeof(pairs) / sizeof(*pairs); i++)
			if (!full || (pairs[i][0] != directory && pairs[i][1] != directory))
				is_refused_alike(pairs[i][0], NULL, pairs[i][1], NULL, 5, 0);
		is_refused_alike(p[0], &zero, u[1], NULL, 5, 0);
		is_refused_alike(u[0], NULL, q[1], &zero, 5, 0);
		is_refused_alike(p[0], &zero, q[1], NULL, 5, 0);
		is_refused_alike(p[0], NULL, q[1], &zero, 5, 0);
		is_refused_alike(p[0], &zero, file, NULL, 5, 0);
		is_refused_alike(file, NULL, q[1], &zero, 5, 0);
		is_refused_alike(u[0], &zero, q[1], NULL, 5, 0);
		is_refused_alike(p[0], NULL, u[1], &zero, 5, 0);
		is_refused_alike(file, &minus, q[1], NULL, 5, 0);
		is_refused_alike(p[0], NULL, file, &minus, 5, 0);
		if (!is_hostile()) /* which makes less of it */
			is_refused_alike(p[0], NULL, u[1], NULL, SIZE_MAX, 0);
		is_refused_alike(p[0], NULL, q[1], NULL, 5, 0x100);
		is_int(zero, 0);
		fill_up(q[1]);
		fill_up(u[1]);
	}
	pair_close(p);
	pair_close(q);
	pair_close(u);
	pair_close((int[]){file, directory});
	pair_close((int[]){path, reads});
	pair_close((int[]){writes, appends});
}

IO_TEST(what_is_refused_is_refused_as_by_the_kernel)
{
	refusals(false);
	refusals(true);
}

static void nobody_may(int err)
{
	is_int(thrum_splice(0, NULL, 1, NULL, 1, 0), err);
	is_int(thrum_splice(0, NULL, 1, NULL, 0, 0), err); /* before it looks at anything */
	is_int(thrum_splice(-1, NULL, -1, NULL, 1, 0x100), err);
}

START_TEST(outside_tasks_nobody_may)
{
	nobody_may(-EPERM);
}
END_TEST

static void in_a_child(void)
{
	nobody_may(-ENOTSUP);
}

IO_TEST(in_a_forked_child_nobody_may)
{
	char err[512];

	is_int(child_run(in_a_child, err, sizeof(err)), 0);
}

#ifdef THRUM_FAULTS
/* Each of its system calls fails, and some of others: it says so, or has moved what it says. */
static void fails_cleanly(struct rig *r, bool offsets)
{
	ssize_t n = 0;

	for (uint64_t k = 1; k <= 12; k++) {
		bool at_in = offsets && r->kind_in == A_FILE;
		bool at_out = offsets && r->kind_out == A_FILE;
		off_t from = 0, to = 0;

		if (r->feed >= 0 && !bytes_in(r->in))
			write_exactly(r->feed, "0123456789", 10);
		if (r->feed >= 0)
			while (!bytes_in(r->in))
				is_int(thrum_yield(), 0);
		thrum__fault_set(k, false);
		n = thrum_splice(r->in, at_in ? &from : NULL, r->out, at_out ? &to : NULL, 10, 0);
		thrum__fault_set(0, false);
		must(n && n <= 10);
		must(n > 0 || n == -ENOMEM || n == -EAGAIN);
		is_int(from, at_in && n > 0 ? n : 0);
		is_int(to, at_out && n > 0 ? n : 0);
		for (ssize_t left = n; r->taken >= 0 && left > 0; left--)
			is_int(thrum_read(r->taken, &(char){0}, 1), 1);
		if (r->taken >= 0)
			is_int(bytes_in(r->taken), 0);
	}
}

IO_TEST(system_calls_fail)
{
	each_rig(fails_cleanly);
}

static void what_fails(struct rig *r, bool unused)
{
	ssize_t n;

	(void)unused;
	if (r->feed >= 0)
		write_exactly(r->feed, "0123456789", 10);
	thrum__fault_set(1, true); /* all */
	n = thrum_splice(r->in, NULL, r->out, NULL, 10, 0);
	thrum__fault_set(0, false);
	is_int(n, -ENOMEM);
	if (r->kind_in == PIPE)
		is_int(bytes_in(r->in), 10);
}

IO_TEST(all_system_calls_fail)
{
	each_rig(what_fails);
}
#endif

int main(void)
{
	const TTest *const tests[] = {
	    what_is_refused_is_refused_as_by_the_kernel,
	    outside_tasks_nobody_may,
	    in_a_forked_child_nobody_may,
#ifdef THRUM_FAULTS
	    system_calls_fail,
	    all_system_calls_fail,
#endif
	};

	return RUN_TESTS("splice_errors", tests);
}
