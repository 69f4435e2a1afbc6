/* SPDX-License-Identifier: MIT */
/*
 * visible.h - included before each source of the library, which is compiled with
 * -fvisibility=hidden: what the public headers declare is visible in the shared library, no more.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#pragma GCC visibility push(default)
#include <thrum/thrum.h>
#pragma GCC visibility pop
