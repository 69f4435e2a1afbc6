/* SPDX-License-Identifier: MIT */
/*
 * thrum.h - asyncio's model on all cores: stealing workers, stackful tasks, lock-free futures.
 *
 * One include for the whole library; each header below stands alone too.
 */
#ifndef THRUM_THRUM_H
#define THRUM_THRUM_H

#include <thrum/result.h>
#include <thrum/time.h>
#include <thrum/future.h>
#include <thrum/task.h>
#include <thrum/local.h>
#include <thrum/walk.h>
#include <thrum/scope.h>
#include <thrum/token.h>
#include <thrum/fork.h>
#include <thrum/combine.h>
#include <thrum/parallel.h>
#include <thrum/sync.h>
#include <thrum/meet.h>
#include <thrum/chan.h>
#include <thrum/broadcast.h>
#include <thrum/queue.h>
#include <thrum/select.h>
#include <thrum/pace.h>
#include <thrum/runtime.h>
#include <thrum/io.h>
#include <thrum/file.h>
#include <thrum/net.h>
#include <thrum/stream.h>
#include <thrum/signal.h>
#include <thrum/process.h>

#endif
