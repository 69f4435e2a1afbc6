# SPDX-License-Identifier: MIT
"""The servers that net.py compares: how each is started, watched and stopped.

A server says its port on its first line of output (nginx: it is told one), and ends when its
standard input does, or by SIGTERM. What it is asked for is /f, a file of 13 bytes for those that
serve files. CPU time and memory are of all its processes and threads.
"""
import json
import socket
import subprocess
import time
from pathlib import Path

PAGE = "Hello, World!"
PATH = "/f"
SYSTEM_PATHS = ("/usr/sbin", "/usr/bin")

# name: what parses the requests, and what answers them
ABOUT = {
    "epoll loop": "llhttp, fixed text",
    "thrum": "llhttp, fixed text",
    "thrum --rest": "llhttp, fixed text, no task while idle",
    "thrum serve": "llhttp and all checks, opens the file",
    "Go": "net/http, fixed text",
    "tokio": "httparse, fixed text",
    "nginx": "its own, fixed text",
    "nginx file": "its own, opens the file",
}

NGINX = """daemon off; master_process {master}; worker_processes {threads}; pid {dir}/pid;
error_log {dir}/error.log crit; events {{ worker_connections 19000; }}
http {{ access_log off; keepalive_requests 100000000; keepalive_timeout 600;
client_body_temp_path {dir}; proxy_temp_path {dir}; fastcgi_temp_path {dir};
uwsgi_temp_path {dir}; scgi_temp_path {dir};
server {{ listen 127.0.0.1:{port} reuseport backlog=4096; location / {{ {answer} }} }} }}
"""


class Server:
    """One running server: its port, and the processes whose time counts."""

    def __init__(self, command, port=None):
        self.process = subprocess.Popen([str(word) for word in command], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, text=True)
        self.ends_by_signal = True
        self.port = port
        if port:
            wait_for_port(port)
        else:
            self.take_port(self.process.stdout.readline())
        if not self.port:
            raise RuntimeError(f"{command[0]} did not start")

    def take_port(self, line):
        if line.startswith("{"):
            self.port = json.loads(line)["port"]
        elif line.startswith("port "):
            self.port = int(line.split()[1])
            self.ends_by_signal = False

    def pids(self):
        pid = self.process.pid
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        return [pid] + [int(child) for child in children]

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
        """What is resident, counted page by page: VmRSS is off by some hundred KiB."""
        total = 0
        for pid in self.pids():
            for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
                if line.startswith("Rss:"):
                    total += int(line.split()[1]) * 1024
        return total

    def wait_idle(self):
        """Until it has used next to no CPU time for a fifth of a second; 10 s at most."""
        for _ in range(50):
            before = self.cpu_ns()
            time.sleep(0.2)
            if self.cpu_ns() - before < 2_000_000:
                return
        raise RuntimeError("the server does not come to rest")

    def stop(self):
        """Ends it; what it still said."""
        if self.ends_by_signal:
            self.process.terminate()
        try:
            said, _ = self.process.communicate(timeout=5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            said, _ = self.process.communicate()
        return said


def wait_for_port(port):
    for _ in range(500):
        with socket.socket() as s:
            if s.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.01)
    raise RuntimeError(f"nothing listens on port {port}")


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def nginx(directory, threads, answer):
    port = free_port()
    conf = Path(directory) / "nginx.conf"
    conf.write_text(NGINX.format(dir=directory, threads=threads, port=port, answer=answer,
                                 master="off" if threads == 1 else "on"))
    return Server(["nginx", "-c", conf, "-p", directory, "-e", f"{directory}/error.log"], port)


def servers(build, mode, threads, extra, directory):
    """name -> a function that starts it, or None: it is not built or installed.

    extra: options that only the programs made for this know; the others are left out then.
    """
    net = build / "bench/net"
    files = Path(directory) / "files"
    files.mkdir()
    (files / PATH[1:]).write_text(PAGE)

    def start(program, *options):
        return (lambda: Server([program, *options])) if program.exists() else None

    def start_nginx(answer):
        if any((Path(d) / "nginx").exists() for d in SYSTEM_PATHS):
            return lambda: nginx(directory, threads, answer)
        return None

    common = [mode, "--threads", threads, *extra]
    found = {
        "epoll loop": start(net / "peer_epoll", *common),
        "thrum": start(net / "bench_server", *common),
        "thrum --rest": start(net / "bench_server", *common, "--rest", 1),
        "thrum serve": start(build / "thrum", "serve", "--port", 0, "--workers", threads, "--json",
                             "--idle-timeout", 600, files),
        "Go": start(net / "peer_go", *common),
        "tokio": start(net / "peer_tokio", *common),
        "nginx": start_nginx(f'return 200 "{PAGE}";'),
        "nginx file": start_nginx(f"root {files};"),
    }
    if extra:
        for name in ("thrum --rest", "thrum serve", "nginx", "nginx file"):
            del found[name]
    elif mode != "hello":
        for name in ("thrum --rest", "thrum serve", "nginx", "nginx file"):
            del found[name]
    return found
