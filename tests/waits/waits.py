#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Cancels a program at each of its waits in turn, lets a deadline pass at each, and looks whether
everything is as it should be at its end.

  waits.py [OPTION...] PROGRAM [ARGUMENT...]

PROGRAM is linked with hook.c, which counts the waits of a run, cuts the K-th short and says at the
end what is left.  A first run, without that, tells how many waits there are: more than none, and as
many as the library's own counter has (thrum_stats.suspensions).  Then for each WHAT of hook.c
(self, parked, main, deadline; bracket if a task of the program waits inside a timeout, shield or
scope of its own) the program is run with K = 1, 2, ... until a run has no K-th wait: that must be
the one after the last of the first run, and be like the first run in all.  In each run

  - the program ends in time, with status 0 or, having seen that it was cut short, 1: no signal, no
    report of a sanitizer (leaks included), no task that was still there past the grace period;
  - every task has ended, and no reference to a task, future or job is left;
  - there are as many descriptors open at its end as at its beginning;
  - a wait that hears what is asked at it ends by that, and takes no time (on the virtual clock);
  - the waits counted by the hook are those that the library counted.

What else must hold of the program (that nothing is lost that it passed on) it checks itself: status
2 is its word for that.  Of all the runs at least one must print something else than the first, or
nothing was cut short at all.

Where the number of waits is not the same in each run there are ten first runs instead of one, and K
counts up until none of ten runs has a K-th wait.  Then it must have come to half of the waits that
the longest first run had; one cut in ten must show, in what is printed but for the order of lines;
and of the waits that were to hear what is asked at them, one in four may have ended before.

  --workers LIST  for each number of workers (THRUM_WORKERS), default 1; more than one: --inexact
  --inexact       the number of waits hangs on the real clock or on other threads
  --no-waits      the program has none, which is checked; with several workers, most of the time
  --alike         it prints the same however it ends
  --only WHATS    these of hook.c; token, scope and timeout, which have first runs of their own, are
                  tried in no other way
  --pages         PROGRAM fetches pages: a server's address is its last argument
"""
import argparse
import http.server
import os
import re
import subprocess
import sys
import tempfile
import threading
import time

HANG_S = 20
TRIES = 10
# Where the number of waits is not the same in each run: parts of what a quiet machine shows to be
# all of the waits, a quarter of the cuts and none of those that were to hear.
LEAST_REACHED = 1 / 2
LEAST_NOTICED = 1 / 10
MOST_MISSED = 1 / 4
SHOWN_LINES = 60  # of a failure
WHATS = ("self", "parked", "main", "deadline")
WITHIN = ("token", "scope", "timeout")
PAGE_LATE_S = 0.003
NEVER_SAID = re.compile(r"Sanitizer|runtime error:|past the grace period|does not hold|Assert")
COUNTS = re.compile(r"(\w+)=(-?\d+)")


class Wrong(Exception):
    """What does not hold."""


class Run:
    """One run of the program, cut short at wait k by what; k = 0: not at all."""

    def __init__(self, options, workers, what="", k=0):
        self.where = "%s with %s worker(s)%s" % (os.path.basename(options.command[0]), workers,
                                                 ", %s at wait %d" % (what, k) if k else "")
        with tempfile.NamedTemporaryFile(prefix="thrum-waits.") as report:
            env = dict(os.environ, THRUM_WORKERS=workers, THRUM_SEED="1", THRUM_WAITS=report.name)
            for name in ("ASAN_OPTIONS", "TSAN_OPTIONS", "UBSAN_OPTIONS"):
                env[name] = ":".join(filter(None, (env.get(name), "exitcode=99")))
            env["TSAN_OPTIONS"] += ":atexit_sleep_ms=0"  # else a second, where a thread is left
            env.update(THRUM_WAITS_AT=str(k), THRUM_WAITS_DO=what)
            try:
                result = subprocess.run(options.command, env=env, stdin=subprocess.DEVNULL,
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                        timeout=HANG_S, check=False)
                self.status, self.out, self.err = result.returncode, result.stdout, result.stderr
            except subprocess.TimeoutExpired as hang:
                self.status, self.out, self.err = None, hang.stdout or b"", hang.stderr or b""
            lines = report.read().decode().splitlines()
        self.counts = {name: int(n) for name, n in COUNTS.findall(lines[0])} if lines else {}
        self.lines = len(lines)

    def expect(self, condition, what):
        if condition:
            return
        said = (self.out + b"\n-- standard error:\n" + self.err).decode("utf-8", "replace")
        raise Wrong("%s: %s\n%s\n-- standard output:\n%s" %
                    (self.where, what, self.counts,
                     "\n".join(said.splitlines()[:SHOWN_LINES])))

    def judge(self, options):
        """What must hold of any run."""
        c = self.counts
        self.expect(self.status is not None, "hangs")
        self.expect(not NEVER_SAID.search(self.err.decode("utf-8", "replace")), "reports")
        self.expect(self.status in (0, 1), "ends with status %d" % self.status)
        self.expect(self.lines == 1, "%d processes instead of 1" % self.lines)
        self.expect(c["waits"] == c["counted"], "the library's counter differs")
        self.expect(c["spawned"] == c["ended"], "not every task has ended")
        self.expect(c["missed"] == 0 or options.inexact, "a wait did not hear what it should")
        self.expect(c["futures"] == 0, "references are left")
        self.expect(c["descriptors"] == 0, "descriptors are left")
        return self

    def outcome(self, options):
        """What can be seen of it."""
        return (self.status, sorted(self.out.splitlines()) if options.inexact else self.out)


class Plain:
    """What the program does when nothing is cut short."""

    def __init__(self, options, workers, what=""):
        runs = [Run(options, workers, what).judge(options)
                for _ in range(TRIES if options.inexact else 1)]
        for run in runs:
            run.expect(run.status == 0, "fails though nothing was cut short")
        self.longest = max(runs, key=lambda run: run.counts["waits"])
        self.waits = self.longest.counts["waits"]
        self.fewest = min(run.counts["waits"] for run in runs)
        self.outcomes = [run.outcome(options) for run in runs]


class Tally:
    """What came of cutting a program short."""

    def __init__(self):
        self.cut = self.noticed = self.heard = self.missed = 0

    def add(self, run, plain, options):
        noticed = run.outcome(options) not in plain.outcomes
        self.cut += 1
        self.noticed += noticed
        self.heard += run.counts["heard"]
        self.missed += run.counts["missed"]
        return noticed

    def judge(self, plain, options):
        least = LEAST_NOTICED * self.cut if options.inexact else 1
        plain.longest.expect(options.alike or self.noticed >= least,
                             "%d of %d cuts are noticed" % (self.noticed, self.cut))
        plain.longest.expect(self.missed <= MOST_MISSED * (self.heard + self.missed),
                             "%d waits did not hear what they should, %d did" %
                             (self.missed, self.heard))


def reach(options, workers, what, k, n):
    """The run cut short at wait k.  Where a wait may find that all is done, it is tried again."""
    for _ in range(TRIES if options.inexact and k <= n else 1):
        run = Run(options, workers, what, k).judge(options)
        if run.counts["reached"]:
            break
    return run


def sweep(options, workers, what, plain, tally):
    """(how many waits, in how many runs the program noticed)"""
    n, noticed = plain.waits, 0
    most = 20 * n + 200
    for k in range(1, most):
        run = reach(options, workers, what, k, n)
        if not run.counts["reached"]:
            run.expect(run.status == 0, "ends with status 1, though nothing was cut short")
            run.expect(k - 1 >= (LEAST_REACHED if options.inexact else 1) * n,
                       "has less waits than the first run, which had %d" % n)
            run.expect(options.inexact or run.outcome(options) in plain.outcomes,
                       "differs from the first run")
            return k - 1, noticed
        run.expect(options.inexact or k <= n,
                   "has more waits than the first run, which had %d" % n)
        noticed += tally.add(run, plain, options)
    raise Wrong("%s: still waits at %d" % (options.command[0], most))


def plain_within(options, workers, what, plain):
    """The same inside of what the program does not know of, which may have more waits."""
    if what not in WITHIN:
        return plain
    within = Plain(options, workers, what)
    within.longest.expect(within.waits > 0, "has no waits")
    return within


def check(options, workers):
    plain, tally = Plain(options, workers), Tally()
    fewest = plain.fewest if options.no_waits else plain.waits
    plain.longest.expect((fewest == 0) == options.no_waits, "has %d waits" % fewest)
    if options.only:
        whats = options.only.split(",")
    elif options.no_waits:
        return "no waits"
    else:
        whats = [*WHATS, "bracket"] if plain.longest.counts["bracketed"] else WHATS
    told = ["%s %d/%d" % (what, noticed, n) for what in whats
            for n, noticed in [sweep(options, workers, what,
                                     plain_within(options, workers, what, plain), tally)]]
    tally.judge(plain, options)
    return "%d waits; noticed at: %s; %d heard, %d missed" % (
        plain.waits, ", ".join(told), tally.heard, tally.missed)


class Page(http.server.BaseHTTPRequestHandler):
    def do_GET(self):  # pylint: disable=invalid-name
        time.sleep(PAGE_LATE_S)
        self.send_response(200)
        self.send_header("Content-Length", "5")
        self.end_headers()
        self.wfile.write(b"page\n")

    def log_message(self, *_):  # pylint: disable=arguments-differ
        pass


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_):  # clients may leave early
        pass


def serve_pages():
    server = Server(("127.0.0.1", 0), Page)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return "http://127.0.0.1:%d" % server.server_port


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--workers", default="1")
    parser.add_argument("--inexact", action="store_true")
    parser.add_argument("--no-waits", action="store_true")
    parser.add_argument("--alike", action="store_true")
    parser.add_argument("--only", default="")
    parser.add_argument("--pages", action="store_true")
    parser.add_argument("command", nargs=argparse.REMAINDER)
    options = parser.parse_args()
    if options.pages:
        options.command.append(serve_pages())
    status = 0
    inexact = options.inexact
    for workers in options.workers.split(","):
        options.inexact = inexact or workers != "1"
        try:
            print("%s worker(s): %s" % (workers, check(options, workers)), flush=True)
        except Wrong as wrong:
            print("FAILED: %s" % wrong)
            status = 1
    return status


if __name__ == "__main__":
    sys.exit(main())
