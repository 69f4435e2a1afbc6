# SPDX-License-Identifier: MIT
"""asyncio's channels are its queues: Queue with a maxsize. One without room for anything there is
not (0 means no limit), so there is no chan_rendezvous. Before Python 3.13 a queue cannot be shut
down: for each receiver there is a None at the end.

Each workload's docstring says what asyncio's idiom for it is and why it is fair.
"""
import asyncio

from answer import measured

ROOM = 128
BATCH = 64
ENDS = 4


async def deal(items, first, n, count):
    """Puts every n-th number from the first on."""
    for i in range(first, count, n):
        await items.put(i)


async def receive(items):
    total = 0
    while (item := await items.get()) is not None:
        total += item
    return total


async def flow(receiver, ends, count):
    """So many senders, and as many receivers; the sum of all items."""
    items = asyncio.Queue(ROOM)
    senders = [asyncio.create_task(deal(items, i, ends, count)) for i in range(ends)]
    receivers = [asyncio.create_task(receiver(items)) for _ in range(ends)]
    await asyncio.gather(*senders)
    for _ in receivers:
        await items.put(None)
    return sum(await asyncio.gather(*receivers))


async def chan_1to1(count):
    """put and get. Fair: it is what a Queue is for."""
    return await measured("item", count, flow(receive, 1, count))


async def chan_nton(count):
    """The same by four and four."""
    return await measured("item", count, flow(receive, ENDS, count))


async def receive_batches(items):
    total = 0
    while True:
        batch = [await items.get()]
        while len(batch) < BATCH and not items.empty():
            batch.append(items.get_nowait())
        if batch[-1] is None:
            return total + sum(batch[:-1])
        total += sum(batch)


async def chan_batch(count):
    """get, and get_nowait while the Queue is not empty. Fair: there is no call for several."""
    return await measured("item", count, flow(receive_batches, 1, count))


async def among(n, count):
    queues = [asyncio.Queue(ROOM) for _ in range(n)]
    senders = [asyncio.create_task(deal(queue, i, n, count)) for i, queue in enumerate(queues)]
    gets = {asyncio.create_task(queue.get()): queue for queue in queues}
    total = received = 0
    while received < count:
        done, _ = await asyncio.wait(gets, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            queue = gets.pop(task)
            total += task.result()
            received += 1
            gets[asyncio.create_task(queue.get())] = queue
    for task in (*senders, *gets):
        task.cancel()
    return total


async def select_2(count):
    """asyncio.wait for the first of a task with a get for each queue; those that are done are made
    anew. Fair: nothing less keeps what was got when two are done at once."""
    return await measured("item", count, among(2, count))


async def select_8(count):
    """The same with eight."""
    return await measured("item", count, among(8, count))


WORKLOADS = {name: globals()[name]
             for name in ("chan_1to1", "chan_batch", "chan_nton", "select_2", "select_8")}
