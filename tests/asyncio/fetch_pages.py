#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Runs fetch_pages against an nginx of its own, compares what it prints, and counts at the server.

  fetch_pages.py PROGRAM

In each run nginx must have had all six pages in flight at one time in the first half and never two
in the second, by its own log, and the backend behind it six; each with the program's user agent.
"""
import argparse
import os
import sys
import tempfile

HERE = os.path.dirname(os.path.realpath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "e2e", "lib"))
import web  # noqa: E402

import calm  # noqa: E402
import compare  # noqa: E402

PAGES = 6
LATE = 0.9  # units
TRIES = 3
LIMIT_S = 60


def most_in_flight(requests):
    """The greatest number of the requests' times that overlap.  The log has whole ms, cut."""
    times = sorted([(start + 0.003, 1) for start, *_ in requests] +
                   [(end, -1) for _, end, *_ in requests])
    now = most = 0
    for _, step in times:
        now += step
        most = max(most, now)
    return most


def wrong_with(program, server, workers):
    """What is wrong with one run, or None."""
    seen = len(server.requests())
    options = argparse.Namespace(
        expected=os.path.join(HERE, "expected", "fetch_pages.txt"), sort_ties=False, late=LATE,
        command=[program, "http://127.0.0.1:%d" % server.http])
    same = compare.check(options, workers)
    most, server.backend.most = server.backend.most, 0
    if not same:
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


def check(program, server, workers):
    wrong = wrong_with(program, server, workers)
    if wrong:
        print("fetch_pages.py: %s worker(s): %s" % (workers, wrong))
    return not wrong


def main():
    if not web.is_here():
        print("fetch_pages.py: skipped: no nginx or no openssl here")
        return web.NO_NGINX
    results = []
    with tempfile.TemporaryDirectory(prefix="thrum-fetch-pages.") as directory, \
            web.Web(directory) as server:
        for workers in ("1", "4"):
            results.append(calm.judge(lambda workers=workers: check(sys.argv[1], server, workers),
                                      LATE * web.SLOW_S / 2, TRIES, LIMIT_S))
    return calm.exit_status(results)


if __name__ == "__main__":
    sys.exit(main())
