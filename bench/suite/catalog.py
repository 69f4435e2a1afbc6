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
                       "leaves", [("tree", "ms"), ("spawned", "ms")], up_to, floor="serial"),
    "flat_spawn": Workload("one task spawns all, keeps the handles, waits in order", 1000000,
                           "tasks", [("task", "ns")], up_to),
    "spawn_await": Workload("a task is spawned and waited for, one at a time; \"join\" may run it "
                            "in place", 1000000, "tasks", [("join", "ns"), ("await", "ns")], up_to),
    "yield": Workload("two tasks on one worker yield to each other", 1000000,
                      "yields of each", [("yield", "ns")], lambda n: 2 * n, workers=(1,),
                      one_worker=True),
    "ping_pong": Workload("two tasks wake each other; \"pinned\": on a core each, beside a flag's "
                          "round trip between them", 200000, "round trips",
                          [("round trip", "ns"), ("pinned", "ns"), ("flag", "ns")],
                          lambda n: n),
    "ready_future": Workload("a future that is set before it is awaited, allocation included",
                             1000000, "futures", [("future", "ns")], up_to, workers=(1,),
                             one_worker=True),
    "parked_memory": Workload("tasks that have started and wait for ever", 100000, "tasks",
                              [("bytes", "B"), ("create", "s"), ("end", "s")], lambda n: n,
                              workers=(1,)),
    "sleepers": Workload("tasks that sleep once for 0 to 1000 ms", 1000000, "tasks",
                         [("cpu", "s"), ("late p99", "ms")], lambda n: n),
    "timers": Workload("tasks that start later, a microsecond apart, without a stack until "
                       "then; and as many set and cancelled", 1000000, "timers",
                       [("cpu", "s"), ("late p99", "ms"), ("set", "ns"), ("cancel", "ns")],
                       lambda n: n),
    "scope": Workload("100 scopes one after the other, each opened, filled with children that do "
                      "next to nothing, closed", 10000, "children of a scope", [("child", "ns")],
                      lambda n: 100 * up_to(n + 1)),
    "token_tree": Workload("a tree of cancellation tokens, ten below each, made, cancelled by its "
                           "root, looked at, released", 100000, "tokens",
                           [("cancel", "ns"), ("create", "ns"), ("look", "ns"),
                            ("release", "ns")], lambda n: n, workers=(1,), one_worker=True),
    "token_wait": Workload("the same tree with a waiting task at each token: from the cancel of "
                           "its root until all tasks have ended", 100000, "tokens",
                           [("told", "ns")], lambda n: n),
    "timeout": Workload("a time limit that does not pass, around nothing; around a yield of two "
                        "tasks in turns", 500000, "limits of each of three tasks",
                        [("nothing", "ns"), ("a yield", "ns")], lambda n: 3 * up_to(n),
                        workers=(1,), one_worker=True),
    "chan_1to1": Workload("numbers through a channel with room for 128, from one task to another",
                          1000000, "items", [("item", "ns")], up_to),
    "chan_nton": Workload("numbers through a channel with room for 128, from four tasks to four",
                          1000000, "items", [("item", "ns")], up_to),
    "chan_rendezvous": Workload("numbers through a channel without room, from one task to another",
                                200000, "items", [("item", "ns")], up_to),
    "chan_batch": Workload("numbers through a channel with room for 128, sent one by one, received "
                           "as many as are there, up to 64", 1000000, "items",
                           [("item", "ns")], up_to),
    "select_2": Workload("numbers from two channels with a sender each, which one task selects "
                         "over", 200000, "items", [("item", "ns")], up_to),
    "select_8": Workload("numbers from eight channels with a sender each, which one task selects "
                         "over", 200000, "items", [("item", "ns")], up_to),
    "mutex": Workload("a mutex around a counter: of one task; of 1,000 that share it", 1000000,
                      "locks, for each of the two", [("uncontended", "ns"), ("1000 tasks", "ns")],
                      lambda n: 2 * n),
    "semaphore": Workload("a permit, taken and given back: by one task; by 1,000 that share ten, "
                          "and hold each over a yield", 1000000, "permits, for each of the two",
                          [("uncontended", "ns"), ("10 permits", "ns")], lambda n: 2 * n),
    "rwlock": Workload("a lock of readers and writers: reads of one task; 1,000 tasks, one of 20 "
                       "operations writes; the same held over a yield", 1000000,
                       "locks, for each of the three",
                       [("read", "ns"), ("1000 tasks", "ns"), ("over a yield", "ns")],
                       lambda n: 3 * n),
    "cond_ping_pong": Workload("two tasks hand a flag to each other by a mutex and a condition",
                               200000, "round trips", [("round trip", "ns")], lambda n: n),
    "barrier_100": Workload("100 tasks meet at a barrier: each one's part in a meeting", 5000,
                            "meetings", [("part", "ns")], lambda n: 100 * n),
    "waiters": Workload("one permit goes round the tasks that wait for it: a post, the wake of the "
                        "first, the poster's way to the end; 200,000 times", 10000,
                        "tasks that wait", [("wake", "ns")], lambda n: 200000),
    "submit_wake": Workload("from a submission outside to the task's first instruction, 2 ms "
                            "after the last one; \"deep\": 100 ms", 500, "submissions",
                            [("p50", "us"), ("p99", "us"), ("deep p50", "us"),
                             ("deep p99", "us")], lambda n: n, floor="pthreads"),
    "behind_hog": Workload("a task makes a child, then computes for 10 ms: until another worker "
                           "begins with the child", 200, "children",
                           [("p50", "us"), ("p99", "us"), ("spawned p50", "us"),
                            ("spawned p99", "us")], lambda n: n, workers=(2,)),
    "idle": Workload("the whole process, with a runtime that has nothing to do", 5, "seconds",
                     [("cpu", "ms")], lambda n: 0, workers=(2,)),
    "sort": Workload("random 32-bit numbers, sorted in parallel", 10000000, "numbers",
                     [("sort", "ms"), ("by comparison", "ms")], None, floor="serial"),
    "parallel_for": Workload("a[i] = i * 2654435761 for each i; \"dynamic\": each i by itself",
                             10000000, "iterations", [("chunk", "ns"), DYNAMIC],
                             lambda n: 2654435761 * up_to(n), floor="serial"),
}


@dataclass(frozen=True)
class Growing:
    """A figure of --grow, for each of what is counted."""
    name: str
    report: str  # its name in the report of thrum's program; {n} is the count
    once: Optional[tuple] = None  # (name, unit) in the protocol of the peers
    unit: str = "ns"


@dataclass
class Growth:
    about: str
    counted: str
    figures: list
    steps: list  # (--count, how many things that is), upwards
    workers: tuple = (1, 2)
    repeats: int = 20  # at most so many small ones in a process


def powers(last, first=3):
    return [(10**e, 10**e) for e in range(first, last + 1)]


GROWTH = {
    "spawn_await": Growth("a task is spawned and waited for, one at a time", "tasks",
                          [Growing("spawn, join", "spawn, join", ("join", "ns")),
                           Growing("spawn, await", "spawn, await, release", ("await", "ns"))],
                          powers(7)),
    "flat_spawn": Growth("one task spawns all, keeps the handles, waits in order", "tasks",
                         [Growing("task", "spawn all, join all", ("task", "ns")),
                          Growing("of it the spawn", "of it until all were spawned")], powers(7)),
    "fork_join": Growth("fib: one half is spawned, the other called, joined; no cut-off", "forks",
                        [Growing("spawn+join", "fork and join", ("spawn+join", "ns"))],
                        [(n, fib(n + 1) - 1) for n in (15, 20, 25, 30, 35)]),
    "skynet": Growth("a tree of tasks, ten children each, that sums its leaves", "leaves",
                     [Growing("leaf, forked", "tree of forks", ("tree", "ms")),
                      Growing("leaf, spawned", "tree of spawned tasks")], powers(7)),
    "scope": Growth("scopes one after the other, each opened, filled, closed", "children",
                    [Growing("child", "spawn in a scope, close", ("child", "ns"))], powers(5),
                    repeats=3),
    "token_tree": Growth("a tree of tokens, ten below each, cancelled by its root", "tokens",
                         [Growing(name, name, (name, "ns"))
                          for name in ("cancel", "create", "look", "release")], powers(6),
                         workers=(1,)),
    "parked_memory": Growth("tasks that have started and wait for ever", "tasks",
                            [Growing("create", "{n} fibers: create", ("create", "s")),
                             Growing("end", "{n} fibers: teardown", ("end", "s")),
                             Growing("memory", "{n} fibers: memory", ("bytes", "B"), "B")],
                            powers(6), workers=(1,)),
    "sleepers": Growth("tasks that sleep once for 0 to 1000 ms: few of them wake a worker each",
                       "tasks", [Growing("cpu", "CPU", ("cpu", "s"))], powers(6), repeats=1),
    "timers": Growth("tasks that start later, a microsecond apart; and as many set and cancelled",
                     "timers", [Growing("cpu", "fire: CPU", ("cpu", "s")),
                                Growing("set", "cancel: set", ("set", "ns")),
                                Growing("cancel", "cancel: cancel and join", ("cancel", "ns"))],
                     powers(6)),
    "waiters": Growth("a wake while so many wait at the same semaphore", "wakes, by waiters",
                      [Growing("wake", "hand the permit on", ("wake", "ns"))],
                      powers(5, 0), repeats=1),  # which has 200,000 wakes, however many wait
    "leave": Growth("one of so many that wait at the same semaphore is cancelled, and ends",
                    "waiters", [Growing("leave", "cancel, until all have ended")], powers(5, 0),
                    repeats=5),
    "drain": Growth("so many results in a drain, each added, completed, taken in its turn",
                    "results", [Growing(name, name) for name in ("add", "complete", "next")],
                    powers(5), workers=(1,)),
}
GROWTH_BASE = 100000  # the largest count is compared with the one next to this
GROWTH_FLOOR = 100  # and of all counts from here on that pair is named that grows most
CROWD = (2, 8, 64)
# What is about one worker is not there (yield, ready_future, timeout, token_tree), nor idle.
CROWDED = tuple(name for name, workload in WORKLOADS.items()
                if not workload.one_worker and name != "idle")

# --scale: what two workers owe to one. They take no longer than SLOWER times as long; what is
# divided among workers is to be done GAIN times as fast. HAND_OFFS owe nothing: it says why.
SLOWER = 4 / 3
GAIN = 1.85
GAINS = ("fork_join", "skynet", "sort", "parallel_for")
NEXT_ONE_WAITS = ("one task at a time has something to do: a second worker adds the way between "
                  "two cores, and nothing else")
ONE_LOCK = ("all want the same thing, which one at a time can have: a second worker adds its way "
            "between two cores")
HAND_OFFS = {
    ("ping_pong", "round trip"): NEXT_ONE_WAITS,
    ("cond_ping_pong", "round trip"): NEXT_ONE_WAITS,
    ("chan_rendezvous", "item"): NEXT_ONE_WAITS,
    ("chan_1to1", "item"): "each item does next to nothing but cross from one task to the other: "
                           "on one worker it stays in its cache",
    ("mutex", "1000 tasks"): ONE_LOCK,
    ("semaphore", "10 permits"): ONE_LOCK,
    ("rwlock", "1000 tasks"): ONE_LOCK,
    ("rwlock", "over a yield"): ONE_LOCK,
}
SCALED = tuple(name for name, workload in WORKLOADS.items() if workload.workers == (1, 2))

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

# What peers took on the reference machine, medians of seven runs: by workload and figure, of each
# peer a number, or (with one worker, with two); [least, most] where runs lay that far apart.
# --reference compares with it. Of parallel_for nothing was measured there that is a peer here.
REFERENCE_MACHINE = "a virtual machine with two cores of an EPYC Zen 5, Debian 12, Linux 6.18"
REFERENCE_FLOOR = ("fork_join", ("spawn+join", "ns"), 35, 1.2)  # of serial; the fourth: ns
REFERENCE = {
    ("fork_join", "spawn+join"): {"serial": 1.2, "rayon": (8.9, 5.4), "tbb": (89, 44),
                                  "tokio": (174, 197), "go": (410, 228),
                                  "boost_fiber": (3066, 1282)},
    ("skynet", "tree"): {"serial": 1.04, "tbb": (34, 17.5), "rayon": (50, 45),
                         "tokio": (234, 212), "go": (647, 351)},
    ("flat_spawn", "task"): {"tbb": (40, 273), "rayon": (54, 171), "tokio": (179, 215),
                             "go": (727, 164)},
    ("yield", "yield"): {"boost_fiber": 43, "go": 50, "tokio": [74, 90]},
    ("ping_pong", "round trip"): {"go": (194,), "tokio": (199,)},
    ("ready_future", "future"): {"tokio": 30, "go": 48, "boost_fiber": 87},
    ("mutex", "uncontended"): {"go": (10.4,), "boost_fiber": (21,), "tokio": (30,)},
    ("mutex", "1000 tasks"): {"go": (None, 39), "boost_fiber": (None, 139),
                              "tokio": (None, 129)},
    ("parked_memory", "bytes"): {"tokio": 216, "go": 2765},
    ("parked_memory", "create"): {"go": [1.8, 3.2]},
    ("parked_memory", "end"): {"go": 0.5},
    ("sleepers", "cpu"): {"tokio": [2.2, 2.4], "go": [3.1, 3.5]},
    ("sleepers", "late p99"): {"tokio": [18, 49], "go": [206, 403]},
    ("idle", "cpu"): {"tbb": 0.04, "tokio": 0.04},
    ("submit_wake", "p50"): {"pthreads": 3.9, "tbb": 3.4, "tokio": 12.5, "go": 17.6},
    ("submit_wake", "p99"): {"pthreads": 6, "tbb": 23, "tokio": 26, "go": 27},
    ("sort", "sort"): {"serial": 656, "rayon": (220, 119), "libgomp": (662, 333),
                       "tbb": (678, 356)},
}
REFERENCE_COUNTS = {"parked_memory": 1000000}  # elsewhere it is what the workload does
OF_MANY = ("ms", "s")  # units of what grows with the count
