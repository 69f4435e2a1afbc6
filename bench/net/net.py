#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Servers beside each other under the same load, in interleaved rounds.

  bench/net/net.py [--build DIR] [--rounds N] [--seconds S] [--json FILE] [WORKLOAD...]

Workloads: echo echo2 hello hello1000 pipelined churn idle hog1 hog2; none named: all. Each round
starts every server afresh, one after another, loads it by bench_load on the same two cores and
notes the server's CPU time for a request (user and system, all threads) and the latencies. The
table has the median, the spread and the ratio to the minimal epoll loop, made within each round, as
the machine drifts. A server that is not built or installed is left out with a word.
"""
import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent

# name: load's options, servers' mode, threads, extra options of thrum's server
WORKLOADS = {
    "echo": (["--mode", "echo"], "echo", 1, []),
    "echo2": (["--mode", "echo"], "echo", 2, []),
    "hello": (["--mode", "http"], "hello", 1, []),
    "hello1000": (["--mode", "http", "--connections", "1000"], "hello", 2, []),
    "pipelined": (["--mode", "http", "--depth", "16"], "hello", 1, []),
    "churn": (["--mode", "churn"], "hello", 1, []),
    "idle": (["--mode", "idle", "--connections", "15000"], "hello", 1, []),
    "hog1": (["--mode", "http", "--rate", "5000"], "hello", 2, ["--hogs", "1"]),
    "hog2": (["--mode", "http", "--rate", "5000"], "hello", 2, ["--hogs", "2"]),
}

NGINX = """daemon off; master_process {master}; worker_processes {threads}; pid {dir}/pid;
error_log {dir}/error.log crit; events {{ worker_connections 19000; }}
http {{ access_log off; keepalive_requests 100000000; keepalive_timeout 600;
client_body_temp_path {dir}; proxy_temp_path {dir}; fastcgi_temp_path {dir};
uwsgi_temp_path {dir}; scgi_temp_path {dir};
server {{ listen 127.0.0.1:{port} reuseport backlog=4096;
location / {{ return 200 "Hello, World!"; }} }} }}
"""


class Server:
    """One running server: its port, and the processes whose time counts."""

    def __init__(self, command, port=None):
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        text=True)
        self.port = port
        if port is None:
            words = self.process.stdout.readline().split()
            if len(words) != 2 or words[0] != "port":
                raise RuntimeError(f"{command[0]} did not start")
            self.port = int(words[1])
        else:
            wait_for_port(port)

    def pids(self):
        found = [self.process.pid]
        me = f"/proc/{self.process.pid}/task/{self.process.pid}"
        return found + [int(p) for p in Path(f"{me}/children").read_text().split()]

    def cpu_ns(self):
        total = 0
        for pid in self.pids():
            for task in Path(f"/proc/{pid}/task").iterdir():
                try:
                    total += int((task / "schedstat").read_text().split()[0])
                except (FileNotFoundError, ProcessLookupError):
                    pass
        return total

    def memory_bytes(self):
        total = 0
        for pid in self.pids():
            for line in Path(f"/proc/{pid}/status").read_text().splitlines():
                if line.startswith("VmRSS:"):
                    total += int(line.split()[1]) * 1024
        return total

    def stop(self):
        self.process.stdin.close()
        try:
            self.process.wait(5)
        except subprocess.TimeoutExpired:
            self.process.terminate()
            self.process.wait()


def wait_for_port(port):
    import socket
    import time
    for _ in range(500):
        with socket.socket() as s:
            if s.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.01)
    raise RuntimeError(f"nothing listens on port {port}")


def free_port():
    import socket
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def nginx(directory, threads):
    port = free_port()
    text = NGINX.format(dir=directory, threads=threads, port=port,
                        master="off" if threads == 1 else "on")
    conf = Path(directory) / "nginx.conf"
    conf.write_text(text)
    return Server(["nginx", "-c", str(conf), "-p", str(directory), "-e",
                   f"{directory}/error.log"], port)


def servers(build, mode, threads, extra, directory):
    """name -> a function that starts it; None: left out, with a word why."""
    def command(path, *options):
        if not path.exists():
            return None
        return lambda: Server([str(path), mode, "--threads", str(threads), *options])
    found = {
        "epoll loop": command(build / "bench/net/peer_epoll"),
        "thrum": command(build / "bench/net/bench_server", *extra),
        "Go": command(build / "bench/net/peer_go", *extra),
        "tokio": command(build / "bench/net/peer_tokio", *extra),
    }
    if mode == "hello" and not extra:
        has = any((Path(d) / "nginx").exists() for d in ("/usr/sbin", "/usr/bin"))
        found["nginx"] = (lambda: nginx(directory, threads)) if has else None
    if extra:
        del found["epoll loop"]
    return found


def closed(build, server, options, seconds):
    before = server.cpu_ns()
    out = subprocess.run([build / "bench/net/bench_load", "--port", str(server.port),
                          "--seconds", str(seconds), *options],
                         check=True, capture_output=True, text=True).stdout
    figures = json.loads(out)
    figures["cpu_us"] = (server.cpu_ns() - before) / 1000 / max(figures["requests"], 1)
    return figures


def idle(build, server, options):
    before = server.memory_bytes()
    load = subprocess.Popen([build / "bench/net/bench_load", "--port", str(server.port),
                             *options], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    figures = {}
    for where in ("connected", "answered"):
        line = load.stdout.readline().strip()
        if line != where:
            raise RuntimeError(f"bench_load said {line!r}")
        figures[where] = (server.memory_bytes() - before) / 15000
        load.stdin.write("\n")
        load.stdin.flush()
    figures.update(json.loads(load.stdout.readline()))
    load.wait()
    figures["bytes"] = figures["answered"]
    return figures


def run(args, name):
    options, mode, threads, extra = WORKLOADS[name]
    rounds = []
    for n in range(args.rounds):
        row = {}
        with tempfile.TemporaryDirectory() as directory:
            found = servers(args.build, mode, threads, extra, directory)
            for peer, start in found.items():
                if start is None:
                    if n == 0:
                        print(f"{name}: {peer} is not there: left out", file=sys.stderr)
                    continue
                server = start()
                try:
                    row[peer] = (idle(args.build, server, options) if name == "idle" else
                                 closed(args.build, server, options, args.seconds))
                finally:
                    server.stop()
        rounds.append(row)
        print(f"{name}: round {n + 1} of {args.rounds}", file=sys.stderr)
    return rounds


def table(name, rounds):
    base = "epoll loop" if "epoll loop" in rounds[0] else "thrum"
    key = "bytes" if name == "idle" else "cpu_us"
    unit = "bytes each" if name == "idle" else "us CPU"
    print(f"\n{name}\n{'':12} {unit:>10} {'min':>8} {'max':>8} {'ratio':>6} {'requests/s':>11} "
          f"{'p50 us':>8} {'p99 us':>8} {'p99.9 us':>9} errors")
    for peer in rounds[0]:
        mine = [r[peer] for r in rounds]
        values = [m[key] for m in mine]
        ratio = float("nan")
        if all(r[base][key] for r in rounds):
            ratio = statistics.median(r[peer][key] / r[base][key] for r in rounds)

        def mid(k):
            return statistics.median(m[k] for m in mine)
        pace = statistics.median(m["requests"] / m["seconds"] for m in mine)
        print(f"{peer:12} {statistics.median(values):10.2f} {min(values):8.2f} {max(values):8.2f} "
              f"{ratio:6.2f} {pace:11.0f} {mid('p50_us'):8.0f} {mid('p99_us'):8.0f} "
              f"{mid('p999_us'):9.0f} {sum(m['errors'] for m in mine):6}")


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("workload", nargs="*", choices=[[], *WORKLOADS], metavar="WORKLOAD")
    parser.add_argument("--build", type=Path, default=HERE.parent.parent / "build/release")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=2)
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    if not (args.build / "bench/net/bench_load").exists():
        sys.exit(f"{args.build}/bench/net/bench_load is missing: tools/dev build")
    results = {name: run(args, name) for name in args.workload or WORKLOADS}
    for name, rounds in results.items():
        table(name, rounds)
    if args.json:
        text = json.dumps({"cores": os.cpu_count(), "rounds": results}, indent=1)
        args.json.write_text(text + "\n")


if __name__ == "__main__":
    main()
