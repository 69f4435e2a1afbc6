/* SPDX-License-Identifier: MIT */
/*
 * guard.c - the handler that names the task whose stack overflowed.
 *
 * State: what handled the signals before, written once under a lock before the handler can run.
 * Installing cannot fail; a thread's signal stack can (no memory).
 *
 * The handler only calls what may be called in one: write, sigaction, raise.  A fault that is not
 * ours is handed on as if the handler were not there: the previous one is called with its own
 * arguments, the default is restored and the fault happens again at its place.
 */
#include "fiber/guard.h"

#include <errno.h>
#include <pthread.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/os.h"

#define SIGNAL_STACK_BYTES ((size_t)64 << 10)

static bool (*guard_current)(struct thrum__guard_info *out);
static struct sigaction old_segv, old_bus;

/* A line that grows in place and is cut at its end. */
struct line {
	size_t used;
	char text[512];
};

static void line_add(struct line *l, const char *text)
{
	while (*text && l->used < sizeof(l->text) - 1)
		l->text[l->used++] = *text++;
}

static void line_add_number(struct line *l, size_t n)
{
	char digits[24];
	char *p = digits + sizeof(digits) - 1;

	*p = 0;
	do
		*--p = (char)('0' + n % 10);
	while (n /= 10);
	line_add(l, p);
}

static void guard_report(const struct thrum__guard_info *info)
{
	struct line l = {.used = 0};

	line_add(&l, "thrum: task ");
	line_add(&l, info->name ? info->name : "without a name");
	line_add(&l, " (spawned at ");
	line_add(&l, info->place ? info->place : "an unknown place");
	line_add(&l, ") overflowed its stack of ");
	line_add_number(&l, info->stack_bytes);
	line_add(&l, " bytes");
	l.text[l.used++] = '\n';
	(void)thrum__os_write(STDERR_FILENO, l.text, l.used);
}

/* The default action: a fault happens again when the handler returns, a signal that was sent is
 * sent again. */
static void signal_default(int sig, const siginfo_t *info)
{
	struct sigaction dfl = {.sa_handler = SIG_DFL};

	(void)thrum__os_sigaction(sig, &dfl, NULL);
	if (info->si_code <= 0)
		raise(sig);
}

static void signal_chain(int sig, siginfo_t *info, void *context)
{
	const struct sigaction *old = sig == SIGSEGV ? &old_segv : &old_bus;

	if (old->sa_flags & SA_SIGINFO)
		old->sa_sigaction(sig, info, context);
	else if (old->sa_handler == SIG_IGN && info->si_code <= 0)
		return; /* ignoring is for signals that were sent; a fault cannot be */
	else if (old->sa_handler == SIG_DFL || old->sa_handler == SIG_IGN)
		signal_default(sig, info);
	else
		old->sa_handler(sig);
}

static void guard_handler(int sig, siginfo_t *info, void *context)
{
	struct thrum__guard_info fiber = {.low = NULL};
	uintptr_t at = (uintptr_t)info->si_addr;
	int saved = errno;

	if (info->si_code > 0 && guard_current && guard_current(&fiber) &&
	    at < (uintptr_t)fiber.low && at >= (uintptr_t)fiber.low - fiber.guard_bytes) {
		guard_report(&fiber);
		signal_default(sig, info);
	} else {
		signal_chain(sig, info, context);
	}
	errno = saved;
}

/* The old handler's mask and habits hold for ours, as ours calls it. */
static int handler_put(int sig, struct sigaction *old)
{
	struct sigaction ours = {.sa_sigaction = guard_handler};
	int err = thrum__os_sigaction(sig, NULL, old);

	if (err)
		return err;
	ours.sa_mask = old->sa_mask;
	ours.sa_flags = SA_SIGINFO | SA_ONSTACK | (old->sa_flags & (SA_NODEFER | SA_RESTART));
	return thrum__os_sigaction(sig, &ours, NULL);
}

int thrum__guard_install(bool (*current)(struct thrum__guard_info *out))
{
	static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
	static bool installed;
	int err = 0;

	pthread_mutex_lock(&lock);
	if (!installed) {
		guard_current = current;
		err = handler_put(SIGSEGV, &old_segv);
		if (!err) {
			err = handler_put(SIGBUS, &old_bus);
			if (err)
				(void)thrum__os_sigaction(SIGSEGV, &old_segv, NULL);
		}
		installed = !err;
	}
	pthread_mutex_unlock(&lock);
	return err;
}

int thrum__guard_thread_init(struct thrum__guard_thread *t)
{
	size_t page = thrum__os_page_size();
	stack_t set = {.ss_size = SIGNAL_STACK_BYTES};
	int err;

	t->map = NULL;
	err = thrum__os_mmap(&t->map, page + SIGNAL_STACK_BYTES, PROT_READ | PROT_WRITE,
			     MAP_NORESERVE | MAP_STACK);
	if (err)
		return err;
	set.ss_sp = (char *)t->map + page;
	err = thrum__os_mprotect(t->map, page, PROT_NONE);
	if (!err)
		err = thrum__os_sigaltstack(&set, &t->old);
	if (!err)
		return 0;
	thrum__os_munmap(t->map, page + SIGNAL_STACK_BYTES);
	t->map = NULL;
	return err;
}

void thrum__guard_thread_fini(struct thrum__guard_thread *t)
{
	if (!t->map)
		return;
	/* Sanitizers gave the thread one, and free what they find at its end: put theirs back. */
	thrum__os_sigaltstack_back(&t->old);
	thrum__os_munmap(t->map, thrum__os_page_size() + SIGNAL_STACK_BYTES);
	t->map = NULL;
}
