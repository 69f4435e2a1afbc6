/* SPDX-License-Identifier: MIT */
/*
 * tls.h - the one accessor of the thread-local that says which worker this thread is.
 *
 * A compiler may keep the address of a thread-local across a call, and a fiber may come back from a
 * call on another thread.  So the address is taken where the compiler cannot see it, in the same
 * breath as the value is read; the caller loads the worker afresh after every switch and keeps it
 * in no variable across one.
 */
#ifndef THRUM_BASE_TLS_H
#define THRUM_BASE_TLS_H

struct thrum__worker;

void thrum__tls_set_worker(struct thrum__worker *w) __attribute__((noinline));

/* The worker that runs on this thread; NULL on a thread that is not a worker. */
static inline struct thrum__worker *thrum__tls_worker(void)
{
	struct thrum__worker *w;

#if defined(__x86_64__)
	__asm__ volatile("movq thrum__tls_slot@GOTTPOFF(%%rip), %0\n\t"
			 "movq %%fs:(%0), %0"
			 : "=r"(w)
			 :
			 : "memory");
#elif defined(__aarch64__)
	void *thread;

	__asm__ volatile("adrp %0, :gottprel:thrum__tls_slot\n\t"
			 "ldr %0, [%0, #:gottprel_lo12:thrum__tls_slot]\n\t"
			 "mrs %1, tpidr_el0\n\t"
			 "ldr %0, [%1, %0]"
			 : "=&r"(w), "=&r"(thread)
			 :
			 : "memory");
#else
#error "thrum runs on x86-64 and AArch64"
#endif
	return w;
}

#endif
