/* SPDX-License-Identifier: MIT */
#include "base/tls.h"

/* Read by its name in assembly, which a compiler of the whole program does not see. */
extern _Thread_local struct thrum__worker *thrum__tls_slot;
_Thread_local struct thrum__worker *thrum__tls_slot __attribute__((used));

void thrum__tls_set_worker(struct thrum__worker *w)
{
	struct thrum__worker **p = &thrum__tls_slot;
	__asm__ volatile("" : "+r"(p)::"memory");
	*p = w;
}
