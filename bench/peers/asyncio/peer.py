#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""asyncio, from CPython's standard library, on the default event loop.

  peer.py --list                             the workloads it has, one a line
  peer.py WORKLOAD --workers W --count N     does it once

Prints the protocol of ../peer.h. An event loop is one thread, and the interpreter's lock would keep
a second one waiting, so anything but --workers 1 is left out (exit status 77); but to idle they are
the threads of the loop's executor. Tasks are coroutines without a stack: no fork_join or skynet
here, which nobody would write as a million of them. There are no tokens either: a request goes to
each task by itself (parked_memory), so there is no token_tree or token_wait. TaskGroup, timeout and
Barrier came with 3.11: without them scope, timeout and barrier_100 are left out. Channels are in
channels.py, locks in locks.py.

Each workload's docstring says what asyncio's idiom for it is and why it is fair.
"""
import argparse
import asyncio
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import channels
import locks
from answer import figure

GAP_S = 0.002
LIMIT_S = 10
SCOPES = 100
SETTLE_S = 1.5


def percentile(values, share):
    ordered = sorted(values)
    return ordered[min(int(share * len(ordered)), len(ordered) - 1)]


def xorshift64(state):
    """Marsaglia's numbers (13, 7, 17), on and on."""
    while True:
        state ^= state << 13 & 0xffffffffffffffff
        state ^= state >> 7
        state ^= state << 17 & 0xffffffffffffffff
        yield state


def memory_bytes():
    """VmRSS and VmPTE of this process."""
    with open("/proc/self/status", encoding="ascii") as status:
        return 1024 * sum(int(line.split()[1]) for line in status
                          if line.startswith(("VmRSS:", "VmPTE:")))


async def echo(i):
    return i


async def flat_spawn(count):
    """create_task for each, and an await of each in order, rather than gather, which would add
    callbacks of its own. Fair: the least that asyncio can do for it."""
    start = time.perf_counter_ns()
    tasks = [asyncio.create_task(echo(i)) for i in range(count)]
    total = 0
    for task in tasks:
        total += await task
    figure("task", "ns", (time.perf_counter_ns() - start) / count)
    return total


async def yields(count):
    """sleep(0), which asyncio's documentation names for it. Fair: a bare yield to the loop, once
    around for both tasks."""
    async def take_turns():
        for _ in range(count):
            await asyncio.sleep(0)
        return count

    start = time.perf_counter_ns()
    tasks = [asyncio.create_task(take_turns()) for _ in range(2)]
    total = 0
    for task in tasks:
        total += await task
    figure("yield", "ns", (time.perf_counter_ns() - start) / (2 * count))
    return total


async def ping_pong(count):
    """A Future for each message, as asyncio's own locks and queues are made of. Fair: an Event or a
    Queue makes the same futures and does more around them."""
    loop = asyncio.get_running_loop()
    there, back = loop.create_future(), None

    async def pong():
        nonlocal there
        for _ in range(count):
            ball = await there
            there = loop.create_future()
            back.set_result(ball)

    task = asyncio.create_task(pong())
    trips = 0
    start = time.perf_counter_ns()
    for i in range(count):
        back = loop.create_future()
        there.set_result(i)
        trips += await back == i
    figure("round trip", "ns", (time.perf_counter_ns() - start) / count)
    await task
    return trips


async def ready_future(count):
    """loop.create_future, set_result, await. Fair: an await of a future that is done does not
    suspend."""
    loop = asyncio.get_running_loop()
    total = 0
    start = time.perf_counter_ns()
    for i in range(count):
        future = loop.create_future()
        future.set_result(i)
        total += await future
    figure("future", "ns", (time.perf_counter_ns() - start) / count)
    return total


async def parked_memory(count):
    """Tasks that await a future nobody sets; cancel and await end them. Fair: the future is all
    that such a wait needs, a sleep would add a timer."""
    loop = asyncio.get_running_loop()
    cancelled = 0

    async def wait_for_the_end():
        await loop.create_future()

    base = memory_bytes()
    start = time.perf_counter()
    tasks = [asyncio.create_task(wait_for_the_end()) for _ in range(count)]
    await asyncio.sleep(0)
    made = time.perf_counter()
    size = memory_bytes() - base
    end = time.perf_counter()
    for task in tasks:
        task.cancel()
    for task in tasks:
        try:
            await task
        except asyncio.CancelledError:
            cancelled += 1
    del tasks, task
    figure("bytes", "B", size / count)
    figure("create", "s", made - start)
    figure("end", "s", time.perf_counter() - end)
    return cancelled


async def sleepers(count):
    """A task with asyncio.sleep for each; the one that makes them sleeps for 0 after every 1,024,
    so that they start and those that are due run. Fair: how a program with many waits is
    written."""
    late = []
    numbers = xorshift64(1)

    async def sleep_once(seconds):
        deadline = time.monotonic() + seconds
        await asyncio.sleep(seconds)
        late.append(time.monotonic() - deadline)

    start = time.process_time()
    tasks = []
    for i in range(count):
        tasks.append(asyncio.create_task(sleep_once(next(numbers) % 1000000000 / 1e9)))
        if i % 1024 == 1023:
            await asyncio.sleep(0)
    for task in tasks:
        await task
    figure("cpu", "s", time.process_time() - start)
    figure("late p99", "ms", 1000 * percentile(late, 0.99))
    return len(late)


async def scope(count):
    """A TaskGroup, create_task for each child, left when all are done. Fair: it is what asyncio has
    for it; the children's results are not asked for."""
    places = [0] * count

    async def count_one(i):
        places[i] += 1

    start = time.perf_counter_ns()
    for _ in range(SCOPES):
        async with asyncio.TaskGroup() as group:
            for i in range(count):
                group.create_task(count_one(i))
    figure("child", "ns", (time.perf_counter_ns() - start) / (SCOPES * count))
    return sum((i + 1) * place for i, place in enumerate(places))


async def timeouts(count):
    """asyncio.timeout around nothing, and around a sleep(0) of two tasks in turns. Fair: it is
    the cheapest that asyncio has (wait_for makes a task besides). Around nothing the loop has a
    turn after every 1,024, so that it may forget the timers that were cancelled."""
    async def around_nothing():
        total = 0
        for i in range(count):
            async with asyncio.timeout(LIMIT_S):
                total += i
            if i % 1024 == 1023:
                await asyncio.sleep(0)
        return total

    async def around_yields():
        total = 0
        for i in range(count):
            async with asyncio.timeout(LIMIT_S):
                await asyncio.sleep(0)
            total += i
        return total

    start = time.perf_counter_ns()
    total = await around_nothing()
    figure("nothing", "ns", (time.perf_counter_ns() - start) / count)
    start = time.perf_counter_ns()
    tasks = [asyncio.create_task(around_yields()) for _ in range(2)]
    for task in tasks:
        total += await task
    figure("a yield", "ns", (time.perf_counter_ns() - start) / (2 * count))
    return total


async def idle(count, workers):
    """The loop has run tasks, timers and jobs of its executor and then has one timer left, that of
    the end. Fair: it sleeps in epoll_wait, the executor's threads in a lock."""
    loop = asyncio.get_running_loop()
    loop.set_default_executor(ThreadPoolExecutor(workers))
    for i in range(1000):
        await asyncio.create_task(asyncio.sleep(0 if i % 2 else 0.0001))
    together = threading.Barrier(workers)
    await asyncio.gather(*(loop.run_in_executor(None, together.wait) for _ in range(workers)))
    await asyncio.sleep(SETTLE_S)
    start = time.process_time_ns()
    await asyncio.sleep(count)
    figure("cpu", "ms", (time.process_time_ns() - start) / 1e6)
    return 0


def submit_wake(count):
    """call_soon_threadsafe to a loop that runs on a thread of its own; an Event tells the submitter
    when it has run. Fair: it is the one call for it, and the way back is not in the figure."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    latencies, ran = [], threading.Event()

    def first_instruction(start):
        latencies.append(time.perf_counter_ns() - start)
        ran.set()

    thread.start()
    for _ in range(count):
        time.sleep(GAP_S)
        loop.call_soon_threadsafe(first_instruction, time.perf_counter_ns())
        ran.wait()
        ran.clear()
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()
    figure("p50", "us", percentile(latencies, 0.5) / 1000)
    figure("p99", "us", percentile(latencies, 0.99) / 1000)
    return len(latencies)


WORKLOADS = {
    "flat_spawn": flat_spawn,
    "idle": idle,
    "parked_memory": parked_memory,
    "ping_pong": ping_pong,
    "ready_future": ready_future,
    "scope": scope,
    "sleepers": sleepers,
    "submit_wake": submit_wake,
    "timeout": timeouts,
    "yield": yields,
    **channels.WORKLOADS,
    **locks.WORKLOADS,
}
SINCE_3_11 = (scope, timeouts, locks.barrier_100)


def positive(text):
    number = int(text)
    if number < 1:
        raise ValueError
    return number


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("workload", nargs="?", choices=sorted(WORKLOADS))
    parser.add_argument("--workers", type=positive)
    parser.add_argument("--count", type=positive)
    parser.add_argument("--list", action="store_true")
    args = parser.parse_args()
    if args.list:
        print("\n".join(sorted(WORKLOADS)))
        return 0
    if not args.workload or not args.workers or not args.count:
        parser.error("WORKLOAD --workers W --count N, or --list")
    run = WORKLOADS[args.workload]
    if run in SINCE_3_11 and sys.version_info < (3, 11):
        print("this Python's asyncio has no TaskGroup, timeout or Barrier", file=sys.stderr)
        return 77
    if run is idle:
        total = asyncio.run(idle(args.count, args.workers))
    elif args.workers != 1:
        print("an event loop is one thread", file=sys.stderr)
        return 77
    elif asyncio.iscoroutinefunction(run):
        total = asyncio.run(run(args.count))
    else:
        total = run(args.count)
    print(f"sum\t{total}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
