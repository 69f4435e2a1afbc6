/* SPDX-License-Identifier: MIT */
#include "base/tls.h"

static _Thread_local struct thrum__worker *current_worker;

struct thrum__worker *thrum__tls_worker(void)
{
	struct thrum__worker **p = &current_worker;
	__asm__ volatile("" : "+r"(p)::"memory");
	return *p;
}

void thrum__tls_set_worker(struct thrum__worker *w)
{
	struct thrum__worker **p = &current_worker;
	__asm__ volatile("" : "+r"(p)::"memory");
	*p = w;
}
