# SPDX-License-Identifier: MIT
"""The clients that net.py compares: each fetches the same pages from the same slow server.

The server is bench_server with a delay, started afresh for each client, on one thread. It counts
how many requests it had in hand at once. Each client is a process of its own, from its start to its
end; its output proves that every page came whole.
"""
import os
import resource
import shutil
import subprocess
import sys
import time
from pathlib import Path

from servers import PAGE, PATH, Server

PAGES = 1000
JOBS = 256
DELAY_MS = 50
PEERS = Path(__file__).resolve().parent.parent / "peers"

ABOUT = {
    "thrum": "sockets and streams, one thread",
    "thrum fetch": "libcurl on thrum's waits, its default workers",
    "Go": "net/http, one thread",
    "tokio": "sockets and httparse, one thread",
    "curl": "curl --parallel",
    "asyncio": "streams, Python's start included",
}


def clients(build, port):
    """name -> (command, its input), or None: it is not built or installed."""
    url = f"http://127.0.0.1:{port}{PATH}"
    options = ["--port", str(port), "--pages", str(PAGES), "--jobs", str(JOBS)]
    net = build / "bench/net"
    curl = ["curl", "-q", "--silent", "--no-progress-meter", "--parallel", "--parallel-max",
            str(JOBS), "--write-out", "%{http_code} %{size_download}\\n", "--output", "/dev/null",
            f"{url}?[1-{PAGES}]"]
    urls = "".join(f"{url}?{i}\n" for i in range(PAGES))
    found = {
        "thrum": ([net / "bench_pages", *options], None),
        "thrum fetch": ([build / "thrum", "fetch", "--jobs", str(JOBS), "-"], urls),
        "Go": ([net / "peer_go", "pages", *options], None),
        "tokio": ([net / "peer_tokio", "pages", *options], None),
        "curl": (curl, None),
        "asyncio": ([sys.executable, PEERS / "asyncio/pages.py", *options], None),
    }
    return {name: client if shutil.which(client[0][0]) else None
            for name, client in found.items()}


def good_pages(text):
    """How many pages came whole, by the output of any of the clients."""
    size = len(PAGE)
    if text == f"pages {PAGES} bytes {PAGES * size}\n":
        return PAGES
    return sum(line.split()[:2] == ["200", str(size)] for line in text.splitlines())


def run_client(command, text):
    environment = {k: v for k, v in os.environ.items() if not k.lower().endswith("_proxy")}
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    start = time.monotonic()
    done = subprocess.run(command, input=text, stdout=subprocess.PIPE, text=True, timeout=120,
                          env=environment, check=False)
    wall = time.monotonic() - start
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return {
        "wall_s": wall,
        "user_s": after.ru_utime - before.ru_utime,
        "system_s": after.ru_stime - before.ru_stime,
        "cpu_s": after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime,
        "errors": PAGES - good_pages(done.stdout),
    }


def fetch(build, name):
    """One client's run, or None: it is not there."""
    server = Server([build / "bench/net/bench_server", "hello", "--delay", DELAY_MS])
    said = ""
    try:
        client = clients(build, server.port)[name]
        figures = client and run_client(*client)
    finally:
        said = server.stop()
    if figures:
        words = said.split()
        figures["most"] = int(words[1])
        if int(words[3]) != PAGES:
            raise RuntimeError(f"{name} asked for {words[3]} pages, not {PAGES}")
    return figures
