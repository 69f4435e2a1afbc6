# SPDX-License-Identifier: MIT
"""Runs programs that speak the protocol of bench/peers/peer.h, in interleaved rounds."""
import os
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

from catalog import GROWTH, ONE_RUN, WORKLOADS

RUN_LIMIT_S = 600
CANNOT_RUN = 77
HERE = Path(__file__).resolve().parent


class Failed(Exception):
    pass


class CannotRun(Exception):
    pass


def call(command):
    """What it prints. It has a process group of its own, which ends with this process's patience,
    be that the time limit or Ctrl-C."""
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True, start_new_session=True) as child:
        try:
            out, said = child.communicate(timeout=RUN_LIMIT_S)
        except BaseException as reason:
            os.killpg(child.pid, signal.SIGKILL)
            child.wait()
            if isinstance(reason, subprocess.TimeoutExpired):
                raise Failed(f"not done after {RUN_LIMIT_S} s") from None
            raise
    last = (said.strip().splitlines() or ["it does not say why"])[-1]
    if child.returncode == CANNOT_RUN:
        raise CannotRun(last)
    if child.returncode:
        raise Failed(f"exit status {child.returncode}: {last}")
    return out


def parse(out):
    """({(figure, unit): value}, sum)"""
    figures, total = {}, None
    for line in out.splitlines():
        words = line.split("\t")
        try:
            if words[0] == "figure" and len(words) == 4:
                figures[words[1], words[2]] = float(words[3])
            elif words[0] == "sum" and len(words) == 2:
                total = int(words[1])
            else:
                raise ValueError
        except ValueError:
            raise Failed(f"it says {line!r}") from None
    if not figures or total is None:
        raise Failed("it gives no figure or no sum")
    return figures, total


class Peer:
    """A peer that is there: how it is called, and what it has."""

    def __init__(self, build, name):
        self.name = name
        self.build = build
        self.command = [str(build / "bench/peers" / name / "peer")]
        if name == "thrum":
            self.has = [w for w in {**WORKLOADS, **GROWTH} if (build / f"bench/bench_{w}").exists()]
            self.there = bool(self.has)
            return
        if name == "asyncio":
            self.command = [sys.executable, str(HERE.parent / "peers/asyncio/peer.py")]
        self.there = Path(self.command[-1]).exists()
        self.has = call([*self.command, "--list"]).split() if self.there else []

    def run(self, workload, workers, count):
        command = [*self.command, workload]
        if self.name == "thrum":
            command = [str(self.build / f"bench/bench_{workload}"), "--once"]
        out = call([*command, "--workers", str(workers), "--count", str(count)])
        figures, total = parse(out)
        known = WORKLOADS[workload].figures
        for figure in figures:
            if figure not in known:
                raise Failed(f"it has a figure {figure[0]!r} in {figure[1]!r}")
        if known[0] not in figures:
            raise Failed(f"it has no figure {known[0][0]!r}")
        return figures, total


def find(build, names):
    """(peers, {name: why it is left out})"""
    peers, missing = [], {}
    for name in names:
        try:
            peer = Peer(build, name)
        except (Failed, CannotRun, OSError) as reason:
            missing[name] = f"--list: {reason}"
            continue
        if peer.there:
            peers.append(peer)
        else:
            missing[name] = "not built"
    return peers, missing


def facts(build):
    out = call([str(build / "bench/facts")])
    return dict(line.split("\t", 1) for line in out.splitlines())


class Progress:
    """Where it is: a line that changes on a terminal, a line for each round elsewhere."""

    def __init__(self):
        self.live = sys.stderr.isatty()

    def at(self, text):
        if self.live:
            print(f"\r\033[K{text}", end="", file=sys.stderr, flush=True)

    def say(self, text):
        print(("\r\033[K" if self.live else "") + text, file=sys.stderr, flush=True)


class Result:
    """All rounds of one workload."""

    def __init__(self, name, count, base=None):
        self.name, self.count = name, count
        self.base = base  # --crowd, --scale: the number of workers to compare with
        self.rounds = []  # of {(peer, workers): {figure: value}}
        self.sums = {}  # (peer, workers): the sums of its runs
        self.left_out = {}  # peer or (peer, workers): why
        self.failures = []
        self.judge = None  # gives a row its verdict: of this, a figure, the row
        self.moved = {}  # of the machine: {fact: before the rounds, and after each}

    def check_sums(self):
        """Those that computed something else."""
        if not self.sums:
            return
        expect = WORKLOADS[self.name].sum
        if expect:
            right = expect(self.count) % 2**64
        else:
            votes = Counter(s for sums in self.sums.values() for s in sums)
            right = votes.most_common(1)[0][0]
        for (peer, workers), sums in self.sums.items():
            for wrong in sorted(set(sums) - {right}):
                self.failures.append(f"{peer}, {workers} workers: the sum of its work is {wrong}, "
                                     f"not {right}")


def one_run(result, peer, workers):
    """None, or why there is no point in another one. What it measured goes to the last round."""
    key = peer.name, workers
    try:
        figures, total = peer.run(result.name, workers, result.count)
    except CannotRun as why:
        result.left_out[key] = f"cannot run here: {why}"
        return result.left_out[key]
    except (Failed, OSError) as why:
        result.failures.append(f"{peer.name}, {workers} workers: {why}")
        return str(why)
    result.rounds[-1][key] = figures
    if total is not None:
        result.sums.setdefault(key, []).append(total)
    return None


def take_turns(name, results, entries, runs, on_round):
    """The rounds: each entry, (result, peer, workers), once in each of them; the order rotates.
    on_round is called after each of them."""
    progress = Progress()
    for n in range(runs):
        for result in results:
            result.rounds.append({})
        shift = n % len(entries) if entries else 0
        for entry in entries[shift:] + entries[:shift]:
            result, peer, w = entry
            at = f"{peer.name}, {w}" + (f", {result.count:,}" if len(results) > 1 else "")
            progress.at(f"{name}: round {n + 1} of {runs}: {at}")
            why = one_run(result, peer, w)
            if why:
                entries = [e for e in entries if e != entry]
                progress.say(f"{name}: {at}: {why}")
        on_round()
        progress.say(f"{name}: round {n + 1} of {runs}")


def turns(peers, name, workers):
    """(peer, workers) of all that have the workload."""
    return [(peer, w) for peer in peers if name in peer.has
            for w in (workers if peer.name not in ONE_RUN else workers[:1])]


def run_workload(name, peers, options, on_round):
    """Every peer once a round with each number of workers."""
    workload = WORKLOADS[name]
    workers = (1,) if workload.one_worker else options.workers or workload.workers
    base = min(workers) if options.crowd or options.scale else None
    result = Result(name, options.count or workload.count, base)
    entries = [(result, *turn) for turn in turns(peers, name, workers)]
    take_turns(name, [result], entries, options.runs, on_round)
    result.check_sums()
    return result


def lacking(name, peers):
    """Peers that are there and have no such workload."""
    return [p.name for p in peers if name not in p.has]
