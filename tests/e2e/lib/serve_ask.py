#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""A run of thrum serve and its clients.

  serve_ask.py TOP BIN WORD...   serves the directory TOP by `BIN serve WORD... TOP`, asks for
                                 files of it on one connection and on several, and tells it to stop

The server has place for one connection (the limit on open files is that low), and a client keeps
its own until the end: each but the first waits until the one before has made room.

What the clients get must be right as far as it comes.  A single fault that does not end the server
hits one connection at most: all others get all their answers.  The last line on standard output is
the number of answers; the server's standard error is this one's, and its status, too (1 if it was
killed for not ending; 3: an answer was wrong, late or missing).  With THRUM_FAULT=n+ the server
need not answer, and clients do not wait for long.
"""
import json
import os
import re
import resource
import select
import signal
import socket
import subprocess
import sys

PATIENCE_S = 20
HOPELESS = os.environ.get("THRUM_FAULT", "").endswith("+")
HOST = b" HTTP/1.1\r\nHost: a\r\n"
# Path, status, and a part of the body.
ONE = [(b"/hello", 200, b"hello\n"), (b"/sub/", 200, b"index\n"), (b"/large", 200, bytes(300000)),
       (b"/list", 301, b""), (b"/list/", 200, b"a%20b"), (b"/none", 404, b"404 Not Found\n")]
SEVERAL = [ONE[:1], ONE[4:5]]
EXCUSES = (403, 500, 503)
DESCRIPTORS = 72
kept = []


def ask(port, paths):
    """How many of @paths were answered as they should be.  One connection, which stays."""
    got = 0
    try:
        c = socket.create_connection(("127.0.0.1", port), 0.2 if HOPELESS else PATIENCE_S)
        kept.append(c)
        data = b""
        for path, status, part in paths:
            c.sendall(b"GET " + path + HOST + b"\r\n")
            while True:
                head, end, body = data.partition(b"\r\n\r\n")
                length = int((re.search(rb"Content-Length: (\d+)", head) or b"00")[1])
                if end and len(body) >= length:
                    break
                piece = c.recv(1 << 20)
                if not piece:
                    return got
                data += piece
            said, body, data = int(head[9:12]), body[:length], body[length:]
            if said == status and part in body:
                got += 1
            elif said not in EXCUSES:
                sys.exit(wrong(f"{path} was answered with {said}: {body[:200]}"))
            if b"Connection: close" in head:
                return got
    except ConnectionError:
        pass
    except TimeoutError:
        if not HOPELESS:
            sys.exit(wrong("no answer in time"))
    return got


def wrong(what):
    process.kill()
    process.wait()
    print(f"serve_ask.py: {what}", file=sys.stderr)
    return 3


def limit_descriptors():
    resource.setrlimit(resource.RLIMIT_NOFILE, (DESCRIPTORS, DESCRIPTORS))


top, program, *words = sys.argv[1:]
process = subprocess.Popen([program, "serve", *words, top], stdin=subprocess.DEVNULL,
                           stdout=subprocess.PIPE, preexec_fn=limit_descriptors)
answers = short = 0
stayed = False
if not select.select([process.stdout], [], [], PATIENCE_S)[0]:
    sys.exit(wrong("it neither starts nor ends"))
line = process.stdout.readline()
if line:
    port = json.loads(line)["port"]
    for paths in [ONE, *SEVERAL]:
        got = ask(port, paths)
        answers += got
        short += got < len(paths)
        if HOPELESS and got == 0:
            break
    stayed = process.poll() is None
    process.send_signal(signal.SIGTERM)
try:
    process.communicate(timeout=PATIENCE_S)
except subprocess.TimeoutExpired:
    sys.exit(wrong("it does not end"))
if short > 1 and stayed and not HOPELESS:
    sys.exit(wrong(f"{short} connections did not get all their answers"))
print(answers, "of", len(ONE) + sum(map(len, SEVERAL)))
sys.exit(process.returncode if process.returncode >= 0 else 128 - process.returncode)
