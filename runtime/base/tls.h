/* SPDX-License-Identifier: MIT */
/*
 * tls.h - the one accessor of the library's one thread-local.
 *
 * A compiler may keep the address of a thread-local across a call, and a fiber may come back from a
 * call on another thread.  So the address is taken in a function that is never inlined and whose
 * result the compiler cannot see through; the caller loads the worker afresh after every switch and
 * keeps it in no variable across one.
 */
#ifndef THRUM_BASE_TLS_H
#define THRUM_BASE_TLS_H

struct thrum__worker;

/* The worker that runs on this thread; NULL on a thread that is not a worker. */
struct thrum__worker *thrum__tls_worker(void) __attribute__((noinline));
void thrum__tls_set_worker(struct thrum__worker *w) __attribute__((noinline));

#endif
