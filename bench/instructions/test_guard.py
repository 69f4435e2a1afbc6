#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""test_guard.py BUILD - is count.py a guard?

Two instructions more in each task, a locked one in a path that must have none, whatever is expected
of it, and expected counts that were changed by hand, must fail; what
is unchanged must pass, and count the same again; where nothing can be compared it must say so.
Exit status 77 where nothing can be counted at all.
"""
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from count import LOCKED

COUNT = Path(__file__).resolve().parent / "count.py"
PATHS = ["fork_join", "spawn_join"]
CANNOT_COUNT = 77


def check(what, condition, ran=None):
    if not condition:
        sys.exit(f"test_guard.py: {what}" + (f"\n{ran.stdout}{ran.stderr}" if ran else ""))


class Guard:
    def __init__(self, build, scratch):
        self.build = build
        self.expected = scratch / "expected.json"
        self.written = scratch / "counts.json"

    def call(self, *options, build=None, environment=None):
        command = [sys.executable, COUNT, "--build-dir", build or self.build, "--expected",
                   self.expected, *options]
        return subprocess.run([str(word) for word in command], capture_output=True, text=True,
                              env=environment)

    def rows(self):
        return {row["path"]: row for row in json.loads(self.written.read_text())["paths"]}

    def expect(self, key, counts):
        self.expected.write_text(json.dumps({key: counts}))

    def ends(self, what, status, word, *options, **how):
        ran = self.call(*options, **how)
        check(f"{what}: exit status {ran.returncode}, not {status}", ran.returncode == status, ran)
        check(f"{what}: no '{word}'", word in ran.stdout + ran.stderr, ran)


def check_same(guard):
    """The key and counts of what is there: updated, then found the same, to the last instruction,
    whatever the environment holds."""
    ran = guard.call("--update", *PATHS)
    if ran.returncode == CANNOT_COUNT:
        print(ran.stderr.strip())
        sys.exit(CANNOT_COUNT)
    check("--update", ran.returncode == 0, ran)
    (key, counts), = json.loads(guard.expected.read_text()).items()
    check(f"counts of {counts}", sorted(counts) == sorted(PATHS))
    check(f"counts of nothing: {counts}", min(counts.values()) > 10)
    other = {**os.environ, "THRUM_CLOCK": "real", "THRUM_SEED": "7", "LONG": "x" * 5000}
    guard.ends("the same again", 0, key, "--json", guard.written, *PATHS, environment=other)
    for name, row in guard.rows().items():
        check(f"{name} differs: {row}", row["difference"] == 0 and row["verdict"] == "")
    return key, counts


def check_longer(guard):
    """The code itself is longer: by what it is, neither less nor more."""
    guard.ends("two instructions more", 1, "MORE", "--longer", "--json", guard.written, *PATHS)
    for name, row in guard.rows().items():
        check(f"two instructions in {name}: {row}", row["difference"] == 2)
        check(f"two instructions in {name}: {row}", row["verdict"] == "MORE")


def check_fenced(guard, key):
    if "x86_64" in key:
        guard.ends("a locked instruction", 1, "LOCKED: fork_join: echo_fenced: lock or", "--fenced",
                   "fork_join")
    guard.ends("a locked instruction elsewhere", 0, "+1.00", "--fenced", "spawn_join")
    for instruction, is_locked in (
            ("lock cmpxchg %rcx,(%rdx)", True), ("xchg %rax,(%rdx)", True), ("mfence", True),
            ("rep lock addl $0x0,(%rsp)", True), ("xchg   %al,0x8(%rdi)", True),
            ("xchg   %ax,%ax", False), ("cmpxchg %rcx,(%rdx)", False), ("lea (%rax),%rcx", False),
            ("call 5300 <block>", False)):
        check(f"{instruction}: locked?", bool(LOCKED.match(instruction)) == is_locked)


def check_doctored(guard, key, counts):
    name = PATHS[0]
    guard.expect(key, {**counts, name: counts[name] - 2})
    guard.ends("more than expected", 1, "MORE", name)
    guard.expect(key, {**counts, name: counts[name] + 2})
    guard.ends("less than expected", 1, "--update", name)
    guard.expect(key, {**counts, name: counts[name] + 1})
    guard.ends("one less than expected", 0, "-1.00", name)
    guard.expect(key, {PATHS[1]: 1})
    guard.ends("nothing is expected of it", 1, "NEW", name)
    guard.expect(key, {**counts, "no_such": 1})
    guard.ends("a path that is gone", 1, "no_such", name)
    guard.ends("updated", 0, name, "--update", name)
    kept = json.loads(guard.expected.read_text())[key]
    check(f"an update of one path left {kept}", kept == counts)


def check_incomparable(guard, key, counts, scratch):
    guard.expect("another compiler", counts)
    guard.ends("another compiler", CANNOT_COUNT, key, PATHS[0])
    guard.expect(key, counts)
    nothing = {"PATH": str(scratch)}
    guard.ends("no valgrind", CANNOT_COUNT, "valgrind", PATHS[0], environment=nothing)
    guard.ends("no build", 1, "no build", build=scratch / "nowhere")
    guard.ends("no path", 2, "no path", "no_such")


def check_broken(guard, key, counts, scratch):
    """A program that fails, or does nothing."""
    build = scratch / "build"
    program = build / "bench/instructions/paths"
    program.parent.mkdir(parents=True)
    (build / "CMakeCache.txt").write_text((guard.build / "CMakeCache.txt").read_text())
    guard.expect(key, counts)
    for what, end, word in (("a failure", "echo it broke >&2; exit 1", "it broke"),
                            ("nothing done", "exit 0", "collected nothing")):
        program.write_text('#!/bin/sh\ncase $1 in\n--*) exec "'
                           f'{guard.build}/bench/instructions/paths" "$1" ;;\nesac\n{end}\n')
        program.chmod(0o755)
        guard.ends(what, 1, word, PATHS[0], build=build)


def main():
    build = Path(sys.argv[1]).resolve()
    with tempfile.TemporaryDirectory() as directory:
        scratch = Path(directory)
        guard = Guard(build, scratch)
        key, counts = check_same(guard)
        check_longer(guard)
        check_fenced(guard, key)
        check_doctored(guard, key, counts)
        check_incomparable(guard, key, counts, scratch)
        check_broken(guard, key, counts, scratch)
    print("unchanged passes, two instructions more or less do not, nor a locked one")


if __name__ == "__main__":
    main()
