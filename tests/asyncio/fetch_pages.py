#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Runs fetch_pages against an nginx of its own, compares what it prints, and counts at the server.

  fetch_pages.py PROGRAM

In each run nginx must have had all six pages in flight at one time in the first half and never two
in the second, by its own log, and the backend behind it six; each with the program's user agent.
"""
import os
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.realpath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "e2e", "lib"))
import web  # noqa: E402

PAGES = 6
TRIES = 3


def most_in_flight(requests):
    """The greatest number of the requests' times that overlap.  The log has whole ms, cut."""
    times = sorted([(start + 0.003, 1) for start, *_ in requests] +
                   [(end, -1) for _, end, *_ in requests])
    now = most = 0
    for _, step in times:
        now += step
        most = max(most, now)
    return most


def check(program, server, workers):
    """What is wrong with one run, or None."""
    seen = len(server.requests())
    url = "http://127.0.0.1:%d" % server.http
    result = subprocess.run(
        [sys.executable, os.path.join(HERE, "compare.py"), "--workers", workers, "--late", "0.9",
         "--", os.path.join(HERE, "expected", "fetch_pages.txt"), program, url], check=False)
    most, server.backend.most = server.backend.most, 0
    if result.returncode:
        return "its output is not what was expected"
    requests = server.wait_requests(seen + 2 * PAGES)[seen:]
    if len(requests) != 2 * PAGES:
        return "nginx answered %d requests, not %d" % (len(requests), 2 * PAGES)
    if any(status != 200 or agent != "fetch_pages/1.0" for _, _, status, _, agent in requests):
        return "a status or user agent is wrong: %s" % requests
    at_once, in_turn = requests[:PAGES], requests[PAGES:]
    print("fetch_pages.py: %s worker(s): nginx had %d in flight, then %d; the backend %d" %
          (workers, most_in_flight(at_once), most_in_flight(in_turn), most))
    if (most_in_flight(at_once), most_in_flight(in_turn), most) != (PAGES, 1, PAGES):
        return "not %d at once, then 1" % PAGES
    return None


def main():
    if not web.is_here():
        print("fetch_pages.py: skipped: no nginx or no openssl here")
        return web.NO_NGINX
    program, status = sys.argv[1], 0
    with tempfile.TemporaryDirectory(prefix="thrum-fetch-pages.") as directory, \
            web.Web(directory) as server:
        for workers in ("1", "4"):
            for _ in range(TRIES):  # on a busy machine a page can be too late once
                wrong = check(program, server, workers)
                if not wrong:
                    break
            if wrong:
                print("fetch_pages.py: FAILED: %s worker(s): %s" % (workers, wrong))
                status = 1
    return status


if __name__ == "__main__":
    sys.exit(main())
