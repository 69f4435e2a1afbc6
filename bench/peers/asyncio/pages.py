# SPDX-License-Identifier: MIT
"""The client of bench_pages on asyncio streams: a task and a connection for each job.

  pages.py --port N [--pages N] [--jobs N]
"""
import argparse
import asyncio
import re

REQUEST = b"GET /page HTTP/1.1\r\nHost: localhost\r\n\r\n"


async def fetch_page(reader, writer):
    """The length of the page."""
    writer.write(REQUEST)
    await writer.drain()
    head = await reader.readuntil(b"\r\n\r\n")
    length = re.search(rb"\r\ncontent-length: *(\d+)", head, re.IGNORECASE)
    if not head.startswith(b"HTTP/1.1 200") or not length:
        raise RuntimeError(f"a bad answer: {head!r}")
    return len(await reader.readexactly(int(length[1])))


async def run_job(args, first):
    reader, writer = await asyncio.open_connection("127.0.0.1", args.port)
    total = 0
    for _ in range(first, args.pages, args.jobs):
        total += await fetch_page(reader, writer)
    writer.close()
    await writer.wait_closed()
    return total


async def run_all(args):
    totals = await asyncio.gather(*(run_job(args, first) for first in range(args.jobs)))
    print("pages", args.pages, "bytes", sum(totals))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--pages", type=int, default=1000)
    parser.add_argument("--jobs", type=int, default=256)
    asyncio.run(run_all(parser.parse_args()))


if __name__ == "__main__":
    main()
