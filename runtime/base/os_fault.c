/* SPDX-License-Identifier: MIT */
/*
 * os_fault.c - with THRUM_FAULTS, what makes the calls of the seam fail, or behave as badly as they
 * may.
 *
 * A fault point counts, and fails when its number has come.  Perturbation is for transfers on
 * sockets, pipes and the like (eventfd, inotify), never on files: while it is on, a call is
 * interrupted, would block for no reason (only one that does not block), or moves a byte where it
 * could move more (only on streams: pipes and stream sockets).  connect and poll are interrupted,
 * and who asks whether one descriptor is ready may hear that it is not.  All of it is decided by a
 * number drawn from the seed, so the same seed and order of calls give the same run.  What would
 * block for no reason is not reported by the kernel later: only the poller that turns perturbation
 * on (poll/poller_sim.c) makes up for it.
 *
 * State, the process's: the fault counter; the seed, how many numbers were drawn and how many
 * pollers asked for it.  Nothing here can fail.
 */
#define _GNU_SOURCE

#include "base/os_fault.h"
#include "base/os.h"

#ifdef THRUM_FAULTS

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "base/atomic.h"

/* ---- Fault points ---- */

static struct atomic64 fault_passed;
static struct atomic64 fault_first; /* 0: none */
static struct atomic32 fault_onwards;
static struct atomic32 fault_hit;

void thrum__fault_set(uint64_t n, bool from_then_on)
{
	store_relaxed(&fault_first, 0);
	store_relaxed(&fault_passed, 0);
	store_relaxed(&fault_hit, 0);
	store_relaxed(&fault_onwards, from_then_on);
	store_release(&fault_first, n);
}

uint64_t thrum__fault_count(void)
{
	return load_relaxed(&fault_passed);
}

bool thrum__fault_fired(void)
{
	return load_relaxed(&fault_hit);
}

bool thrum__fault_here(void)
{
	uint64_t me = fetch_add_relaxed(&fault_passed, 1) + 1;
	uint64_t first = load_acquire(&fault_first);

	if (!first || me < first || (me > first && !load_relaxed(&fault_onwards)))
		return false;
	store_relaxed(&fault_hit, 1);
	return true;
}

/* Before main, so that the first point of any thread finds it done. */
static __attribute__((constructor)) void fault_from_environment(void)
{
	const char *text = thrum__os_getenv("THRUM_FAULT");
	char *end;
	uint64_t n;

	if (!text)
		return;
	n = strtoull(text, &end, 10);
	thrum__fault_set(n, *end == '+');
}

static __attribute__((destructor)) void fault_print_count(void)
{
	if (thrum__os_getenv("THRUM_FAULT_COUNT"))
		fprintf(stderr, "thrum: %llu fault points passed%s\n",
			(unsigned long long)thrum__fault_count(),
			thrum__fault_fired() ? ", fired" : "");
}

/* ---- Perturbation ---- */

static struct atomic32 perturb_users;
static struct atomic64 perturb_seed, perturb_drawn;

void thrum__perturb_begin(uint64_t seed)
{
	store_relaxed(&perturb_seed, seed);
	store_relaxed(&perturb_drawn, 0);
	fetch_add_release(&perturb_users, 1);
}

void thrum__perturb_end(void)
{
	fetch_sub_release(&perturb_users, 1);
}

uint64_t thrum__perturb_mix(uint64_t seed, uint64_t n)
{
	uint64_t x = seed + n * 0x9e3779b97f4a7c15u;

	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
	x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
	return x ^ (x >> 31);
}

/* A descriptor's part in it: NONE (files, directories, devices), WAITS, STREAM. */
enum nature {
	NATURE_NONE,
	NATURE_WAITS,
	NATURE_STREAM,
};

static enum nature nature(int fd)
{
	struct stat st;
	int type;
	socklen_t len = sizeof(type);

	if (fstat(fd, &st))
		return NATURE_NONE;
	switch (st.st_mode & S_IFMT) {
	case S_IFIFO:
		return NATURE_STREAM;
	case 0:
		return NATURE_WAITS; /* an anonymous inode */
	case S_IFSOCK:
		if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len))
			return NATURE_NONE;
		return type == SOCK_STREAM ? NATURE_STREAM : NATURE_WAITS;
	}
	return NATURE_NONE;
}

static bool blocks(int fd)
{
	return !(fcntl(fd, F_GETFL) & O_NONBLOCK);
}

static uint64_t draw(uint64_t seed)
{
	return thrum__perturb_mix(seed, fetch_add_relaxed(&perturb_drawn, 1));
}

int thrum__perturb_interrupt(void)
{
	if (!load_acquire(&perturb_users))
		return 0;
	return draw(load_relaxed(&perturb_seed)) % 8 ? 0 : -EINTR;
}

static __thread bool made_up;

bool thrum__perturb_made_up(void)
{
	bool was = made_up;

	made_up = false;
	return was;
}

int thrum__perturb(int fd, bool nonblocking, size_t *size)
{
	enum nature is;
	uint64_t seed, n;

	if (!load_acquire(&perturb_users))
		return 0;
	is = nature(fd);
	if (is == NATURE_NONE)
		return 0;
	seed = load_relaxed(&perturb_seed);
	n = draw(seed);
	if (n % 8 == 0)
		return -EINTR;
	made_up = n / 8 % 16 == 0 && (nonblocking || !blocks(fd));
	if (made_up)
		return -EAGAIN;
	/* One seed in four leaves no transfer whole. */
	if (is == NATURE_STREAM && size && *size > 1 && (seed % 4 == 0 || n / 128 % 4 == 0))
		*size = 1;
	return 0;
}

int thrum__perturb_vector(int fd, bool nonblocking, const struct iovec **v, int *n,
			  struct iovec *one)
{
	size_t all = 0, size;
	int err, first = 0, i;

	if (*n > IOV_MAX)
		return 0; /* fails anyway */
	for (i = 0; i < *n; i++)
		all += (*v)[i].iov_len;
	size = all;
	err = thrum__perturb(fd, nonblocking, &size);
	if (err || size == all)
		return err;
	while (!(*v)[first].iov_len)
		first++;
	*one = (struct iovec){(*v)[first].iov_base, size};
	*v = one;
	*n = 1;
	return 0;
}

#endif
