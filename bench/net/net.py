#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Servers, and clients, beside each other under the same load, in interleaved rounds.

  bench/net/net.py [--build DIR] [--rounds N] [--seconds S] [--json FILE] [WORKLOAD...]

Workloads (none named: all), threads of the servers in brackets:
  echo       64 bytes there and back on 64 connections [1]
  echo2      the same [2]
  hello      HTTP, keep-alive, 64 connections [1]
  hello1000  the same on 1,000 connections [2]
  pipelined  HTTP, 16 requests in one write, 64 connections [1]
  churn      HTTP, a connection for each request, 64 at a time [1]
  idle       15,000 connections, each woken once by a request and idle again: resident bytes [1]
  hog1 hog2  HTTP, 5,000 requests/s in an open loop, while one or two tasks of the server compute
             50 ms and sleep 50 ms (the epoll loop: threads of their own) [2]
  pages      clients: 1,000 pages, 256 at a time, from a server that answers after 50 ms

Each round starts every server afresh, one after another, loads it by bench_load on the same cores
and notes the server's CPU time for a request (user and system, all threads) and the latencies as
the client saw them. The tables have the median of the rounds, the range, and the ratio to the
minimal C epoll loop, made within each round, as the machine drifts. "pages" notes the client's wall
and CPU time from its start to its end; the server is the same for all.

Each row names what parses the requests and what answers them: the epoll loop and thrum's own
server count requests by llhttp and copy a fixed text, "thrum serve" and "nginx file" look at all of
the request and open a file of the same 13 bytes each time; compare those two with each other.

A server or client that is not built or installed is left out with a word. 15,000 connections need
17,300 open files: see ulimit -n. A round takes about (seconds + 1) for each row, idle 5 to 10
seconds for each, pages 5 seconds.
"""
import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import clients
import servers

HERE = Path(__file__).resolve().parent
IDLE_CONNECTIONS = 15000
RESTING = "thrum --rest"
HTTP = ["--mode", "http", "--path", servers.PATH]

# name: load's options, servers' mode, threads, options that only our own servers know
WORKLOADS = {
    "echo": (["--mode", "echo"], "echo", 1, []),
    "echo2": (["--mode", "echo"], "echo", 2, []),
    "hello": (HTTP, "hello", 1, []),
    "hello1000": ([*HTTP, "--connections", "1000"], "hello", 2, []),
    "pipelined": ([*HTTP, "--depth", "16"], "hello", 1, []),
    "churn": (["--mode", "churn", "--path", servers.PATH], "hello", 1, []),
    "idle": (["--mode", "idle", "--path", servers.PATH, "--connections", str(IDLE_CONNECTIONS)],
             "hello", 1, []),
    "hog1": ([*HTTP, "--rate", "5000"], "hello", 2, ["--hogs", "1"]),
    "hog2": ([*HTTP, "--rate", "5000"], "hello", 2, ["--hogs", "2"]),
    "pages": None,
}


def closed(args, server, options):
    before = server.cpu_ns()
    out = subprocess.run([args.build / "bench/net/bench_load", "--port", str(server.port),
                          "--seconds", str(args.seconds), *options],
                         check=True, capture_output=True, text=True).stdout
    figures = json.loads(out)
    figures["cpu_us"] = (server.cpu_ns() - before) / 1000 / max(figures["requests"], 1)
    return figures


def idle(args, server, options):
    """(resident now - resident before) / connections: "connected", before any has asked for
    anything; "bytes", after all have been answered once and the server is at rest again."""
    before = server.memory_bytes()
    load = subprocess.Popen([args.build / "bench/net/bench_load", "--port", str(server.port),
                             *options], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    figures = {"before": before}
    for said, name in (("connected", "connected"), ("answered", "bytes")):
        line = load.stdout.readline().strip()
        if line != said:
            raise RuntimeError(f"bench_load said {line!r}")
        server.wait_idle()
        figures[name] = (server.memory_bytes() - before) / IDLE_CONNECTIONS
        load.stdin.write("\n")
        load.stdin.flush()
    figures.update(json.loads(load.stdout.readline()))
    load.wait()
    return figures


def serve_round(args, name, missing):
    options, mode, threads, extra = WORKLOADS[name]
    row = {}
    with tempfile.TemporaryDirectory() as directory:
        for peer, start in servers.servers(args.build, mode, threads, extra, directory).items():
            if peer == RESTING and name not in ("hello", "idle"):
                continue
            if start is None:
                missing.add(peer)
                continue
            server = start()
            try:
                row[peer] = (idle if name == "idle" else closed)(args, server, options)
            finally:
                server.stop()
    return row


def fetch_round(args, missing):
    row = {}
    for name in clients.ABOUT:
        figures = clients.fetch(args.build, name)
        if figures:
            row[name] = figures
        else:
            missing.add(name)
    return row


def run(args, name):
    rounds, missing = [], set()
    for n in range(args.rounds):
        rounds.append(fetch_round(args, missing) if name == "pages" else
                      serve_round(args, name, missing))
        print(f"{name}: round {n + 1} of {args.rounds}", file=sys.stderr)
    for peer in sorted(missing):
        print(f"{name}: {peer} is not there: left out", file=sys.stderr)
    return rounds


class Column:
    """A column of a table: the median of the rounds of one figure, or of what is made of them."""

    def __init__(self, head, width, digits, key, make=statistics.median):
        self.head, self.width, self.digits, self.key, self.make = head, width, digits, key, make

    def cell(self, rounds, peer):
        value = self.make([self.key(r[peer]) for r in rounds])
        return f"{value:{self.width}.{self.digits}f}"


def figure(name, scale=1):
    return lambda figures: figures[name] * scale


def spread(head, width, digits, name):
    return [Column(head, width, digits, figure(name)),
            Column("min", 8, digits, figure(name), min),
            Column("max", 8, digits, figure(name), max)]


ERRORS = Column("errors", 7, 0, figure("errors"), sum)
LOADED = [*spread("us CPU", 8, 2, "cpu_us"), None,
          Column("requests/s", 11, 0, lambda f: f["requests"] / f["seconds"]),
          Column("p50 us", 8, 0, figure("p50_us")), Column("p99 us", 8, 0, figure("p99_us")),
          Column("p99.9 us", 9, 0, figure("p999_us")), ERRORS]
IDLE = [*spread("bytes each", 10, 0, "bytes"), None,
        Column("before a request", 17, 0, figure("connected")), ERRORS]
PAGES = [*spread("wall s", 8, 3, "wall_s"), None, Column("CPU s", 7, 3, figure("cpu_s")),
         Column("user", 7, 3, figure("user_s")), Column("system", 7, 3, figure("system_s")),
         Column("at once", 8, 0, figure("most"), max), ERRORS]


def table(name, rounds):
    """None among the columns: the first one's ratio to the first row, within each round."""
    if name == "pages":
        columns, about = PAGES, clients.ABOUT
    else:
        columns = IDLE if name == "idle" else LOADED
        about = servers.ABOUT if WORKLOADS[name][1] == "hello" else {}
    base = next(iter(rounds[0]))
    key = columns[0].key
    heads = "".join(f" {c.head:>{c.width}}" if c else "  ratio" for c in columns)
    print(f"\n{name:12}{heads}")
    for peer in rounds[0]:
        line = f"{peer:12}"
        for column in columns:
            if column:
                line += " " + column.cell(rounds, peer)
            else:
                line += f" {statistics.median(key(r[peer]) / key(r[base]) for r in rounds):6.2f}"
        print(f"{line}  {about.get(peer, '')}".rstrip())


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("workload", nargs="*", choices=[[], *WORKLOADS], metavar="WORKLOAD")
    parser.add_argument("--build", type=Path, default=HERE.parent.parent / "build/release",
                        metavar="DIR", help="default: build/release")
    parser.add_argument("--rounds", type=int, default=5, metavar="N", help="default: 5")
    parser.add_argument("--seconds", type=float, default=2, metavar="S",
                        help="of load on each server in a round; default: 2")
    parser.add_argument("--json", type=Path, metavar="FILE",
                        help="write every figure of every round")
    args = parser.parse_args()
    args.build = args.build.resolve()
    if not (args.build / "bench/net/bench_load").exists():
        sys.exit(f"{args.build}/bench/net/bench_load is missing: tools/dev build")
    results = {name: run(args, name) for name in args.workload or WORKLOADS}
    for name, rounds in results.items():
        table(name, rounds)
    if args.json:
        text = json.dumps({"cores": os.cpu_count(), "seconds": args.seconds,
                           "servers": servers.ABOUT, "clients": clients.ABOUT,
                           "rounds": results}, indent=1)
        args.json.write_text(text + "\n")


if __name__ == "__main__":
    main()
