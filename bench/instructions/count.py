#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Counts the instructions of the hot paths (paths.c) by callgrind, holds them to expected.json.

  bench/instructions/count.py                   all of them, of build/release
  bench/instructions/count.py yield future      some
  bench/instructions/count.py --update          what is counted is what is expected from now on
  bench/instructions/count.py yield --functions the functions that they are spent in

Each path runs FEW times, and N times more than that, N as paths --list has it; the difference over
N is the figure, so that whatever is done once cancels out.  Counts are the same in every run.  They
are those of one compiler, its options and one kind of machine: expected.json has them by that.

A path that takes LIMIT instructions an operation more than expected, or less, is a failure.  Less
is good news: --update makes it what is expected, or it could be lost again unseen.  LIMIT is below
two because of two instructions on a way that nearly every operation takes a bit less than two
remains.

One locked instruction costs as much as a dozen others, so a path of UNLOCKED may have none on its
way, nor a fence: what is executed there each time is looked up in objdump's listing (x86-64).

Exit status 0: as expected; 1: not so, or it cannot be counted; 2: the command line; 77: nothing to
compare with here (no valgrind, another compiler or other options), or no membarrier.
"""
import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
FEW = 1024
LIMIT = 1.5
UNLOCKED = ("fork_join",)
# An exchange with memory locks without saying so; one of two registers does not.
LOCKED = re.compile(r"(\w+ )*(lock\b|[msl]fence\b|xchg\w* .*\()")
CANNOT_COUNT = 77
RUN_LIMIT_S = 600
# What changes the code, beside the build type and its flags.
SWITCHES = ("THRUM_DEBUG", "THRUM_FAULTS", "THRUM_MIGRATE", "THRUM_COVERAGE", "THRUM_SANITIZE")


class Ended(Exception):
    def __init__(self, status, what):
        super().__init__(what)
        self.status = status


def failed(what):
    return Ended(1, what)


def run(command):
    """What it prints. Nothing of this process's environment reaches it."""
    environment = {"PATH": os.environ.get("PATH", os.defpath), "LC_ALL": "C"}
    try:
        ran = subprocess.run([str(word) for word in command], env=environment, text=True,
                             stdin=subprocess.DEVNULL, capture_output=True, timeout=RUN_LIMIT_S)
    except subprocess.TimeoutExpired:
        raise failed(f"{command[-2]}: not done after {RUN_LIMIT_S} s") from None
    if ran.returncode:
        said = re.sub(r"^==\d+==.*\n?", "", ran.stderr, flags=re.M).strip() or ran.stderr.strip()
        status = CANNOT_COUNT if ran.returncode == CANNOT_COUNT else 1
        raise Ended(status, said or f"{command[0]}: exit status {ran.returncode}")
    return ran.stdout


def options_of(build):
    """Build type, flags and what else is on, as CMake wrote it down."""
    text = (build / "CMakeCache.txt").read_text()
    cache = dict(re.findall(r"^(\w+):\w+=(.*)$", text, re.M))
    kind = cache.get("CMAKE_BUILD_TYPE", "")
    flags = [cache.get("CMAKE_C_FLAGS", ""), cache.get(f"CMAKE_C_FLAGS_{kind.upper()}", "")]
    switches = [f"{name}={cache[name]}" for name in SWITCHES
                if cache.get(name, "OFF") not in ("", "OFF")]
    return " ".join(" ".join([kind, *flags, *switches]).split())


def parse(path):
    """(all instructions, instructions of each function) of a file that callgrind wrote."""
    total, functions, name, is_call = None, Counter(), None, False
    with open(path, encoding="utf-8") as file:
        for line in file:
            if line.startswith("fn="):
                name = re.sub(r"'\d+$", "", line[3:].strip())
            elif line.startswith("calls="):
                is_call = True  # the next line is what the callee took
            elif line.startswith("totals:"):
                total = int(line.split()[1])
            elif line[0].isdigit() or line[0] in "+-*":
                if not is_call:
                    functions[name] += int(line.split()[1])
                is_call = False
    if not total or sum(functions.values()) != total:
        raise failed("callgrind collected nothing, or something else than its total")
    return total, functions


def parse_addresses(path):
    """{(object, address): how often it was executed} of a file that callgrind wrote."""
    counts, where, is_call = Counter(), None, False
    with open(path, encoding="utf-8") as file:
        for line in file:
            if line.startswith("ob="):
                where = line[3:].strip()
            elif line.startswith("calls="):
                is_call = True
            elif line.startswith("0x"):
                if not is_call:
                    address, often = line.split()[:2]
                    counts[where, int(address, 16)] += int(often)
                is_call = False
    return counts


def listing(program):
    """{address: (function, instruction)}"""
    found, function = {}, None
    for line in run([shutil.which("objdump"), "-d", "--no-show-raw-insn", program]).splitlines():
        head = re.match(r"[0-9a-f]+ <(.*)>:$", line)
        instruction = re.match(r" *([0-9a-f]+):\t(.*)", line)
        if head:
            function = head[1]
        elif instruction:
            found[int(instruction[1], 16)] = function, instruction[2].strip()
    return found


class Counting:
    def __init__(self, build, mutant):
        self.program = build / "bench/instructions/paths"
        self.mutant = [mutant] if mutant else []
        self.valgrind = shutil.which("valgrind")
        if not self.program.exists():
            raise failed(f"no build in {build}: cmake --preset release && cmake --build "
                         "build/release")
        if not self.valgrind:
            raise Ended(CANNOT_COUNT, "valgrind is missing")

    def compiler(self):
        return run([self.program, "--compiler"]).strip()

    def paths(self):
        """{name: (N, what it does)}"""
        lines = [line.split("\t") for line in run([self.program, "--list"]).splitlines()]
        return {name: (int(n), about) for name, n, about in lines}

    def callgrind(self, name, n, read=parse, *options):
        with tempfile.TemporaryDirectory() as directory:
            out = Path(directory) / "out"
            run([self.valgrind, "--tool=callgrind", "--collect-atstart=no", "--dump-line=no",
                 "--compress-strings=no", "--compress-pos=no", f"--callgrind-out-file={out}",
                 *options, self.program, name, n, *self.mutant])
            return read(out)

    def locked(self, name):
        """["function: instruction"] of those that each operation executes and that lock."""
        if not shutil.which("objdump"):
            raise Ended(CANNOT_COUNT, "objdump is missing")
        executed = self.callgrind(name, FEW, parse_addresses, "--dump-instr=yes")
        each = {key for key, often in executed.items() if often >= FEW}
        if not each:
            raise failed(f"{name}: callgrind collected nothing that is executed each time")
        said = []
        for where in sorted({where for where, _ in each}):
            listed = listing(where)
            for address in sorted(address for at, address in each if at == where):
                function, instruction = listed.get(address, (None, None))
                if not instruction:
                    raise failed(f"{name}: objdump does not list {where}, {address:#x}")
                if LOCKED.match(instruction):
                    said.append(f"{function}: {instruction}")
        return said

    def count(self, name, n):
        """(instructions an operation, the same of each function)"""
        few, few_by = self.callgrind(name, FEW)
        many, many_by = self.callgrind(name, FEW + n)
        by = {function: (many_by[function] - few_by[function]) / n for function in many_by}
        return round((many - few) / n, 2), by


def read_expected(path):
    try:
        return json.loads(path.read_text())
    except FileNotFoundError:
        return {}
    except ValueError as error:
        raise failed(f"{path}: {error}") from None


def update(path, key, counts, keep):
    expected = read_expected(path)
    before = expected.get(key, {})
    expected[key] = {**{name: before[name] for name in before if name in keep}, **counts}
    path.write_text(json.dumps(expected, indent="\t", sort_keys=True) + "\n")


def compare(name, got, want):
    """A row of the table."""
    difference = None if want is None else round(got - want, 2)
    word = ""
    if want is None:
        word = "NEW"
    elif difference >= LIMIT:
        word = "MORE"
    elif difference <= -LIMIT:
        word = "LESS"
    return {"path": name, "instructions": got, "expected": want, "difference": difference,
            "verdict": word}


def show(rows, paths):
    print(f"{'path':14} {'instructions':>12} {'expected':>10} {'difference':>10}")
    for row in rows:
        want, difference = row["expected"], row["difference"]
        print(f"{row['path']:14} {row['instructions']:12.2f} "
              f"{'-' if want is None else format(want, '.2f'):>10} "
              f"{'-' if want is None else format(difference, '+.2f'):>10}  "
              f"{row['verdict'] or paths[row['path']][1]}")


def show_functions(name, functions):
    print(f"\n{name}")
    for function, value in sorted(functions.items(), key=lambda item: -item[1]):
        if round(value, 2):
            print(f"{value:12.2f}  {function}")


def explain(words, gone):
    again = "bench/instructions/count.py --update, and commit it with the reason"
    if "MORE" in words:
        print(f"MORE: a path became longer; --functions says where. If it has to be: {again}")
    if words & {"LESS", "NEW"}:
        print(f"LESS, NEW: make it what is expected from now on: {again}")
    if gone:
        print(f"expected, and no path: {' '.join(sorted(gone))}: {again}")


def arguments():
    p = argparse.ArgumentParser(description=__doc__,
                                formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("names", nargs="*", metavar="NAME", help="a path; none: all")
    p.add_argument("--build-dir", type=Path, default=ROOT / "build/release", metavar="DIR")
    p.add_argument("--expected", type=Path, default=HERE / "expected.json", metavar="FILE")
    p.add_argument("--update", action="store_true", help="write what is counted there")
    p.add_argument("--json", type=Path, metavar="FILE", help="write it all there, too")
    p.add_argument("--functions", action="store_true", help="by function, too")
    p.add_argument("--longer", dest="mutant", action="store_const", const="longer",
                   help="each task runs two instructions more: a guard that works fails")
    p.add_argument("--fenced", dest="mutant", action="store_const", const="fenced",
                   help="each task runs a locked instruction: a guard that works fails")
    p.add_argument("--jobs", type=int, default=len(os.sched_getaffinity(0)), metavar="N",
                   help="paths counted at a time")
    given = p.parse_args()
    if given.jobs < 1:
        p.error("--jobs: one at least")
    if given.update and given.mutant:
        p.error("--update of what is made longer on purpose")
    return given, p


def main():
    given, parser = arguments()
    counting = Counting(given.build_dir, given.mutant)
    key = f"{counting.compiler()}, {options_of(given.build_dir)}"
    paths = counting.paths()
    names = given.names or list(paths)
    if set(names) - set(paths):
        parser.error(f"no path {' '.join(sorted(set(names) - set(paths)))}; there are: "
                     f"{' '.join(paths)}")
    locked = {}
    if "x86_64" in key:  # whatever the compiler
        locked = {name: counting.locked(name) for name in names if name in UNLOCKED}
        for name, said in locked.items():
            for line in said:
                print(f"LOCKED: {name}: {line}")
        if any(locked.values()):
            print("a locked instruction or a fence on a path that has to do without")
            return 1
    expected = read_expected(given.expected).get(key)
    if expected is None and not given.update:
        raise Ended(CANNOT_COUNT, f"no counts are expected of {key}; --update adds them")
    with ThreadPoolExecutor(given.jobs) as pool:
        counted = dict(zip(names, pool.map(lambda name: counting.count(name, paths[name][0]),
                                           names)))
    counts = {name: count for name, (count, _) in counted.items()}
    rows = [compare(name, counts[name], (expected or {}).get(name)) for name in names]
    print(key)
    show(rows, paths)
    if given.functions:
        for name, (_, functions) in counted.items():
            show_functions(name, functions)
    if given.json:
        given.json.write_text(json.dumps({
            "of": key, "paths": rows,
            "functions": {name: functions for name, (_, functions) in counted.items()},
        }, indent="\t") + "\n")
    if given.update:
        update(given.expected, key, counts, paths)
        return 0
    words = {row["verdict"] for row in rows} - {""}
    gone = set(expected) - set(paths)
    explain(words, gone)
    return 1 if words or gone else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except Ended as end:
        print(f"count.py: {'skipped: ' if end.status == CANNOT_COUNT else ''}{end}",
              file=sys.stderr)
        sys.exit(end.status)
