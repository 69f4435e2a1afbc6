#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Runs an asyncio program and compares what it prints, line by line, with what is expected.

A line is "TIME text", the time in units to one place.  Text and order are compared byte for byte,
the end of the last line included.

  --workers LIST  run once for each number of workers (THRUM_WORKERS), e.g. 1,4
  --sort-ties     with several workers, tasks that print at the same instant do so in any order:
                  lines of equal time are sorted on both sides.  With one worker the order is exact.
  --late UNITS    real clock: a line may come later than expected by less than this many units,
                  never earlier.  One that comes too late makes the program run again: three times
                  on a machine that is calm (calm.py), within a minute; exit status 77 if it
                  never was calm
"""
import argparse
import difflib
import os
import subprocess
import sys

import calm

UNIT_S = 0.05  # on the real clock
TRIES = 3
LIMIT_S = 60
HANG_S = 60
SHOWN_LINES = 60  # of a failure


def split(line):
    """("1.0", "hello"), as in "1.0 hello"."""
    time, _, text = line.partition(" ")
    return time, text


def sort_ties(lines):
    return sorted(lines, key=lambda line: (float(split(line)[0]), split(line)[1]))


def forgive_lateness(expected, actual, late):
    """The actual lines with the expected times wherever they are late by less than `late`."""
    forgiven = []
    for index, line in enumerate(actual):
        if index < len(expected):
            want, got = split(expected[index])[0], split(line)[0]
            if 0 <= float(got) - float(want) < late:
                line = want + line[len(got):]
        forgiven.append(line)
    return forgiven


def run(command, workers):
    env = dict(os.environ)
    if workers:
        env["THRUM_WORKERS"] = workers
    try:
        return subprocess.run(command, env=env, stdout=subprocess.PIPE, timeout=HANG_S, check=False)
    except subprocess.TimeoutExpired as hang:
        return subprocess.CompletedProcess(command, "hung for %d s" % HANG_S, hang.stdout or b"")


def check(options, workers):
    with open(options.expected, encoding="utf-8", newline="") as file:
        expected = file.read().splitlines(keepends=True)
    result = run(options.command, workers)
    actual = result.stdout.decode("utf-8", "replace").splitlines(keepends=True)
    raw = actual
    try:
        if options.sort_ties and workers and int(workers) > 1:
            expected, actual = sort_ties(expected), sort_ties(actual)
        if options.late:
            actual = forgive_lateness(expected, actual, options.late)
    except ValueError:
        pass  # a line without a time: it differs below
    if result.returncode == 0 and actual == expected:
        return True
    print("%s with %s worker(s): exit status %s" % (options.command[-1], workers or "default",
                                                    result.returncode))
    diff = [line if line.endswith("\n") else line + "<no newline>\n"
            for line in difflib.unified_diff(expected, actual, "expected", "printed")]
    print("".join(diff[:SHOWN_LINES]) + "as printed:\n" + "".join(raw[:SHOWN_LINES]))
    return False


def judge(options, workers):
    if not options.late:
        return check(options, workers)
    return calm.judge(lambda: check(options, workers), options.late * UNIT_S / 2, TRIES, LIMIT_S)


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--workers", default="")
    parser.add_argument("--sort-ties", action="store_true")
    parser.add_argument("--late", type=float, default=0)
    parser.add_argument("expected")
    parser.add_argument("command", nargs="+")
    options = parser.parse_args()
    results = [judge(options, workers) for workers in options.workers.split(",")]
    return calm.exit_status(results)


if __name__ == "__main__":
    sys.exit(main())
