# SPDX-License-Identifier: MIT
"""What tools/bench knows: the workloads with their figures and sums, and the peers."""
from dataclasses import dataclass
from typing import Callable, Optional


def fib(n):
    a, b = 0, 1
    for _ in range(n):
        a, b = b, a + b
    return a


def up_to(n):
    return n * (n - 1) // 2


@dataclass
class Workload:
    about: str
    count: int
    counted: str
    figures: list  # (name, unit), the first one is what peers are ordered by
    sum: Optional[Callable]  # of the count, mod 2^64; None: what most peers say
    floor: Optional[str] = None  # the peer that is the floor
    workers: tuple = (1, 2)
    one_worker: bool = False  # it is about one worker: --workers does not matter


DYNAMIC = ("chunk, dynamic", "ns")
WORKLOADS = {
    "fork_join": Workload("fib(n): one half is spawned, the other called, joined; no cut-off", 35,
                          "n", [("spawn+join", "ns")], fib, floor="serial"),
    "skynet": Workload("a tree of tasks, ten children each, that sums its leaves", 1000000,
                       "leaves", [("tree", "ms")], up_to, floor="serial"),
    "flat_spawn": Workload("one task spawns all, keeps the handles, waits in order", 1000000,
                           "tasks", [("task", "ns")], up_to),
    "yield": Workload("two tasks on one worker yield to each other", 1000000,
                      "yields of each", [("yield", "ns")], lambda n: 2 * n, workers=(1,),
                      one_worker=True),
    "ping_pong": Workload("two tasks wake each other", 200000, "round trips",
                          [("round trip", "ns")], lambda n: n),
    "ready_future": Workload("a future that is set before it is awaited, allocation included",
                             1000000, "futures", [("future", "ns")], up_to, workers=(1,),
                             one_worker=True),
    "parked_memory": Workload("tasks that have started and wait for ever", 100000, "tasks",
                              [("bytes", "B"), ("create", "s"), ("end", "s")], lambda n: n,
                              workers=(1,)),
    "sleepers": Workload("tasks that sleep once for 0 to 1000 ms", 1000000, "tasks",
                         [("cpu", "s"), ("late p99", "ms")], lambda n: n),
    "submit_wake": Workload("from a submission outside to the task's first instruction, 2 ms "
                            "after the last one", 500, "submissions",
                            [("p50", "us"), ("p99", "us")], lambda n: n, floor="pthreads"),
    "idle": Workload("the whole process, with a runtime that has nothing to do", 5, "seconds",
                     [("cpu", "ms")], lambda n: 0, workers=(2,)),
    "sort": Workload("random 32-bit numbers, sorted in parallel", 10000000, "numbers",
                     [("sort", "ms")], None, floor="serial"),
    "parallel_for": Workload("a[i] = i * 2654435761 for each i; \"dynamic\": each i by itself",
                             10000000, "iterations", [("chunk", "ns"), DYNAMIC],
                             lambda n: 2654435761 * up_to(n), floor="serial"),
}

PEERS = {
    "thrum": "this library",
    "serial": "plain C, std::sort; no threads",
    "pthreads": "plain threads: a pool with one queue, a bare futex pair",
    "go": "goroutines",
    "tokio": "tokio's tasks",
    "rayon": "rayon's join, scope, iterators",
    "tbb": "oneTBB's task_group and algorithms",
    "boost_fiber": "Boost.Fiber",
    "libgomp": "OpenMP by gcc; __gnu_parallel::sort",
    "libomp": "OpenMP by clang",
    "libuv": "libuv's loop and pool",
    "asio": "Asio's io_context, post, coroutines",
    "asyncio": "Python's asyncio",
}
ONE_RUN = ("serial",)  # runs once a round, whatever the numbers of workers
