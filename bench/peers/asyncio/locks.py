# SPDX-License-Identifier: MIT
"""asyncio's locks. In one loop nobody else runs between two awaits: who takes a lock that is free
and gives it back without waiting for anything finds it free always, however many tasks there are.
A lock of readers and writers there is not.

Each workload's docstring says what asyncio's idiom for it is and why it is fair.
"""
import asyncio

from answer import measured

TASKS = 1000
PERMITS = 10
PARTIES = 100
WAKES = 200000
STAND_S = 0.02


def share(count, task):
    """The part of count that falls to a task of so many."""
    return count // TASKS + (task < count % TASKS)


async def together(n, work):
    """work(number) in n tasks until all have ended; the sum of what they return."""
    return sum(await asyncio.gather(*(work(number) for number in range(n))))


async def mutex(count):
    """async with a Lock, around a counter. Fair: it is how a Lock is used."""
    lock = asyncio.Lock()
    counter = 0

    async def lock_often(times):
        nonlocal counter
        for _ in range(times):
            async with lock:
                counter += 1
        return 0

    await measured("uncontended", count, lock_often(count))
    await measured("1000 tasks", count,
                   together(TASKS, lambda task: lock_often(share(count, task))))
    return counter


async def semaphore(count):
    """async with a Semaphore; 1,000 tasks hold it over a sleep(0). Fair: it is how it is used."""
    permits = asyncio.Semaphore(PERMITS)

    async def take_often():
        had = 0
        for _ in range(count):
            async with permits:
                had += 1
        return had

    async def hold_often(times):
        had = 0
        for _ in range(times):
            async with permits:
                had += 1
                await asyncio.sleep(0)
        return had

    total = await measured("uncontended", count, take_often())
    return total + await measured("10 permits", count,
                                  together(TASKS, lambda task: hold_often(share(count, task))))


async def cond_ping_pong(count):
    """A Condition, with the Lock of its own. Fair: a flag and its Condition are the documentation's
    example."""
    turned = asyncio.Condition()
    turn = 0

    async def play(mine):
        nonlocal turn
        for _ in range(count):
            async with turned:
                while turn != mine:
                    await turned.wait()
                turn = 1 - mine
                turned.notify()
        return count * mine

    return await measured("round trip", count, together(2, play))


async def barrier_100(count):
    """A Barrier (since 3.11) and 100 tasks. Fair: it is what asyncio has for it."""
    barrier = asyncio.Barrier(PARTIES)
    at = [0] * PARTIES  # the meeting that each has come to

    async def meet(number):
        in_step = 0
        for n in range(1, count + 1):
            at[number] = n
            await barrier.wait()
            in_step += at[(number + 1) % PARTIES] >= n
        return in_step

    return await measured("part", PARTIES * count, together(PARTIES, meet))


async def waiters(count):
    """So many tasks wait at a Semaphore; the one more that has its permit gives it back, which
    wakes the first, and waits again. Fair: acquire and release, in the order in which they came."""
    permit = asyncio.Semaphore(0)
    left = WAKES
    over = asyncio.Event()

    async def stand(_):
        nonlocal left
        woken = 0
        while True:
            async with permit:
                if not left:
                    return woken
                woken += 1
                left -= 1
                if not left:
                    over.set()

    async def hand_on():
        permit.release()
        await over.wait()

    tasks = asyncio.create_task(together(count + 1, stand))
    await asyncio.sleep(STAND_S)  # All have come to their wait.
    await measured("wake", WAKES, hand_on())
    return await tasks


WORKLOADS = {name: globals()[name]
             for name in ("barrier_100", "cond_ping_pong", "mutex", "semaphore", "waiters")}
