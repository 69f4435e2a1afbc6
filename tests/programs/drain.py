#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Runs drain as a process, with clients, and sends it signals.

  drain.py PROGRAM...

A request is begun and not ended until the server is seen to have heard the signal: nothing here
hangs on how long something takes.
"""
import os
import re
import signal
import socket
import subprocess
import sys

PATIENCE_S = 60
BEGUN = 8  # connections with a request in flight
IDLE = 4
FOREVER_MS = "100000000"
NEVER_SAID = re.compile(rb"Sanitizer|runtime error:|past the grace period|Assert")


class Wrong(Exception):
    """What does not hold."""


def expect(condition, what):
    if not condition:
        raise Wrong(what)


class Server:
    """The process; **env is added to its environment."""

    def __init__(self, command, **env):
        self.process = subprocess.Popen(  # pylint: disable=consider-using-with
            command + ["0"], env=dict(os.environ, **env), stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE)

    def __enter__(self):
        line = self.process.stdout.readline().decode()
        self.port = int(line.removeprefix("listening on port ") or "0")
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.communicate()

    def signal(self, number=signal.SIGTERM):
        self.process.send_signal(number)

    def client(self):
        return Client(self.port)

    def refuses(self):
        """Waits until it does."""
        while True:
            try:
                with socket.create_connection(("127.0.0.1", self.port), PATIENCE_S):
                    pass  # in its queue: it will be reset
            except ConnectionRefusedError:
                return
            except ConnectionResetError:
                pass

    def ended(self, status, says):
        _, err = self.process.communicate(timeout=PATIENCE_S)
        expect(self.process.returncode == status and says in err and not NEVER_SAID.search(err),
               "it ended with %d and said %s" % (self.process.returncode, err))


class Client:
    """A connection that the server has accepted: it has answered there."""

    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port), PATIENCE_S)
        self.answers = self.socket.makefile("rb")
        self.send(b"hello\n\n")
        self.hears(b"7 bytes\n")

    def send(self, text):
        self.socket.sendall(text)

    def hears(self, line):
        got = self.answers.readline()
        expect(got == line, "the answer is %s, not %s" % (got, line))

    def hears_the_end(self):
        try:
            got = self.answers.readline()
        except ConnectionResetError:
            got = b""
        expect(got == b"", "there is %s instead of the end" % got)


def drains(command):
    """What has begun is answered, the rest let go, nobody let in."""
    with Server(command, THRUM_SOFT_MS=FOREVER_MS) as server:
        begun = [server.client() for _ in range(BEGUN)]
        idle = [server.client() for _ in range(IDLE)]
        for client in begun:
            client.send(b"the first line\n")
        sent = server.client()
        sent.send(b"sent before the signal\n\n")
        server.signal()
        for client in idle:
            client.hears_the_end()
        server.refuses()
        sent.hears(b"24 bytes\n")
        sent.hears_the_end()
        for client in begun:
            client.send(b"the last\n\n")
            client.hears(b"25 bytes\n")
            client.hears_the_end()
        server.ended(0, b"")


def has_nobody(command):
    for number in (signal.SIGTERM, signal.SIGINT):
        with Server(command, THRUM_SOFT_MS=FOREVER_MS) as server:
            server.signal(number)
            server.ended(0, b"")


def is_told_twice(command):
    """A request that never ends is cut by the second signal."""
    with Server(command, THRUM_SOFT_MS=FOREVER_MS) as server:
        begun, idle = server.client(), server.client()
        begun.send(b"a line, and no more\n")
        server.signal()
        idle.hears_the_end()
        server.refuses()
        server.signal()
        begun.hears_the_end()
        server.ended(1, b"not all was answered")


def loses_patience(command):
    """... or when the soft request's time is over, which on the virtual clock is at once."""
    with Server(command, THRUM_SOFT_MS=FOREVER_MS, THRUM_CLOCK="virtual") as server:
        begun, idle = server.client(), server.client()
        begun.send(b"a line, and no more\n")
        server.signal()
        idle.hears_the_end()
        begun.hears_the_end()
        server.ended(1, b"not all was answered")


def main():
    status = 0
    for case in (drains, has_nobody, is_told_twice, loses_patience):
        for workers in ("1", "4"):
            os.environ["THRUM_WORKERS"] = workers
            try:
                case(sys.argv[1:])
            except (Wrong, OSError, subprocess.TimeoutExpired) as wrong:
                print("FAILED: %s with %s worker(s): %s" % (case.__name__, workers, wrong))
                status = 1
    return status


if __name__ == "__main__":
    sys.exit(main())
