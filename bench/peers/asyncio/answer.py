# SPDX-License-Identifier: MIT
"""What the workloads say: the lines of ../peer.h."""
import time


def figure(name, unit, value):
    print(f"figure\t{name}\t{unit}\t{value:.6g}")


async def measured(name, n, work):
    """What the coroutine returns; the figure of one operation of n."""
    start = time.perf_counter_ns()
    total = await work
    figure(name, "ns", (time.perf_counter_ns() - start) / n)
    return total
