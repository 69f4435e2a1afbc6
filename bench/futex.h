/* SPDX-License-Identifier: MIT */
/* futex.h - a word that one thread sleeps on until another changes it: the floor of what a wake
 * costs. */
#ifndef THRUM_BENCH_FUTEX_H
#define THRUM_BENCH_FUTEX_H

#include <linux/futex.h>
#include <stddef.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/atomic.h"

static inline void futex_wait(struct atomic32 *word, uint32_t seen)
{
	while (load_acquire(word) == seen)
		syscall(SYS_futex, &word->v, FUTEX_WAIT_PRIVATE, seen, NULL, NULL, 0);
}

static inline void futex_wake(struct atomic32 *word, uint32_t value)
{
	store_release(word, value);
	syscall(SYS_futex, &word->v, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
}

#endif
