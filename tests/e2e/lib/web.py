#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A web to fetch from: nginx, with a backend behind it that is slow and counts.

  web.py DIR    serve DIR/top until standard input ends; one JSON line tells the ports and URLs

nginx serves files over http and https (a certificate made for it, DIR/cert.pem) and hands /slow/N
to the backend: 100 * N bytes, SLOW_S later.  /hang never answers, /moved, /loop and /refused
redirect, /broken is cut in the middle.  DIR/access has a line for each request nginx has ended:
when, how long it took, status, path, user agent.  Exits with 77 if there is no nginx here.
"""
import http.server
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time

SLOW_S = 0.3
HOLD_S = 60
NO_NGINX = 77
PATIENCE_S = 30

CONFIG = """
daemon off;
master_process off;
pid {dir}/pid;
error_log {dir}/error info;
events {{ worker_connections 1024; }}
http {{
    log_format times '$msec $request_time $status $uri $http_user_agent';
    access_log {dir}/access times;
    client_body_temp_path {dir}/t1;
    proxy_temp_path {dir}/t2;
    fastcgi_temp_path {dir}/t3;
    uwsgi_temp_path {dir}/t4;
    scgi_temp_path {dir}/t5;
    keepalive_requests 100000;
    server {{
        listen 127.0.0.1:{http};
        listen 127.0.0.1:{https} ssl http2;
        ssl_certificate {dir}/cert.pem;
        ssl_certificate_key {dir}/key.pem;
        root {dir}/top;
        location /slow/ {{ proxy_pass http://127.0.0.1:{backend}; }}
        location = /hang {{ proxy_pass http://127.0.0.1:{backend}; }}
        location = /broken {{ proxy_pass http://127.0.0.1:{backend}; proxy_buffering off; }}
        location = /moved {{ return 301 /hello; }}
        location = /loop {{ return 302 /loop; }}
        location = /refused {{ return 302 http://127.0.0.1:{refused}/; }}
        location = /nothing {{ return 204; }}
        location = /teapot {{ return 418; }}
    }}
}}
"""


class Backend(http.server.ThreadingHTTPServer):
    """Counts the requests to /slow/ that are in flight; `most` is the greatest number so far.
    After /hold/N they wait until there are N, once."""
    daemon_threads = True
    request_queue_size = 1024

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Handler)
        self.lock = threading.Condition()
        self.now = self.most = self.held = 0
        self.end = threading.Event()
        threading.Thread(target=self.serve_forever, daemon=True).start()


class Handler(http.server.BaseHTTPRequestHandler):
    def answer(self, body, length=None):
        self.send_response(200)
        self.send_header("Content-Length", str(length or len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        server = self.server
        if self.path == "/hang":
            server.end.wait()
        elif self.path == "/broken":
            self.answer(b"x" * 100, 1000)
        elif self.path == "/most":
            with server.lock:
                most, server.most = server.most, 0
            self.answer(b"%d\n" % most)
        elif self.path.startswith("/hold/"):
            with server.lock:
                server.held = int(self.path.rsplit("/", 1)[1])
            self.answer(b"")
        else:
            with server.lock:
                server.now += 1
                server.most = max(server.most, server.now)
                if server.now >= server.held:
                    server.held = 0
                    server.lock.notify_all()
                server.lock.wait_for(lambda: not server.held, HOLD_S)
            time.sleep(SLOW_S)
            with server.lock:
                server.now -= 1
            self.answer(b"x" * 100 * int(self.path.rsplit("/", 1)[1]))

    def log_message(self, *_):
        pass


def free_ports(count):
    held = [socket.socket() for _ in range(count)]
    for each in held:
        each.bind(("127.0.0.1", 0))
    ports = [each.getsockname()[1] for each in held]
    for each in held:
        each.close()
    return ports


class Web:
    """nginx in the directory `dir` with a Backend behind it; a context that ends them."""

    def __init__(self, dir):
        self.dir = dir
        self.backend = Backend()
        os.makedirs(os.path.join(dir, "top"), exist_ok=True)
        with open(os.path.join(dir, "top", "hello"), "w", encoding="ascii") as file:
            file.write("hello\n")
        self.make_certificate()
        for _ in range(5):  # another may take a port first
            if self.start():
                return
        raise SystemExit("web.py: nginx does not start; see " + os.path.join(dir, "error"))

    def make_certificate(self):
        subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2",
                        "-keyout", os.path.join(self.dir, "key.pem"),
                        "-out", os.path.join(self.dir, "cert.pem"), "-subj", "/CN=localhost",
                        "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"],
                       check=True, stderr=subprocess.DEVNULL)

    def start(self):
        self.http, self.https, self.refused = free_ports(3)
        config = os.path.join(self.dir, "config")
        with open(config, "w", encoding="ascii") as file:
            file.write(CONFIG.format(dir=self.dir, http=self.http, https=self.https,
                                     refused=self.refused,
                                     backend=self.backend.server_address[1]))
        program = shutil.which("nginx", path=os.environ["PATH"] + ":/usr/sbin")
        self.nginx = subprocess.Popen([program, "-p", self.dir, "-c", config],
                                      stderr=subprocess.DEVNULL, stdin=subprocess.DEVNULL)
        end = time.monotonic() + PATIENCE_S
        while self.nginx.poll() is None and time.monotonic() < end:
            try:
                socket.create_connection(("127.0.0.1", self.https)).close()
                return True
            except OSError:
                time.sleep(0.02)
        self.nginx.kill()
        self.nginx.wait()
        return False

    def requests(self):
        """(start, end, status, path, user agent) of each request that nginx has ended."""
        requests = []
        with open(os.path.join(self.dir, "access"), encoding="utf-8") as file:
            for line in file:
                end, took, status, path, agent = line.rstrip("\n").split(" ", 4)
                requests.append((float(end) - float(took), float(end), int(status), path, agent))
        return requests

    def wait_requests(self, count):
        """The same, when there are as many: a client may have its answer before its line."""
        end = time.monotonic() + PATIENCE_S
        while len(self.requests()) < count and time.monotonic() < end:
            time.sleep(0.01)
        return self.requests()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.backend.end.set()
        self.nginx.terminate()
        self.nginx.wait()


def is_here():
    return shutil.which("nginx", path=os.environ["PATH"] + ":/usr/sbin") and shutil.which("openssl")


def serve(web):
    print(json.dumps({"http": "http://127.0.0.1:%d" % web.http,
                      "https": "https://localhost:%d" % web.https,
                      "refused": "http://127.0.0.1:%d/" % web.refused,
                      "backend": "http://127.0.0.1:%d" % web.backend.server_address[1]}),
          flush=True)
    sys.stdin.read()


def main():
    if not is_here():
        return NO_NGINX
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    with Web(os.path.realpath(sys.argv[1])) as web:
        serve(web)
    return 0


if __name__ == "__main__":
    sys.exit(main())
