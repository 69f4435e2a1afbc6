# SPDX-License-Identifier: MIT
"""tools/bench --grow: what one task, fork or timer costs among 1,000 and among 10,000,000.

thrum alone is measured by its own programs: in every round a process for each count, in it a run
that does not count (none where the programs do without), and then as many as make a million, 20 at
the most; their median is the round's value. Each run has a runtime of its own, so what a runtime
costs at first is in all of them, and shows in the small counts. Beside peers all are alike, one
process that does the work once.
"""
import json
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Optional

import report
import rounds
from catalog import GROWTH, GROWTH_BASE, GROWTH_FLOOR

MILLION = 1000000
NEAR = 0.3
OF_EACH = {"ns": 1, "ns a task": 1, "ns a timer": 1, "ns a token": 1, "B": 1, "KiB each": 1024}
OF_ALL = {"ms": 1e6, "s": 1e9}


def each(value, unit, n):
    """Of one of n, in ns or bytes."""
    return value * OF_EACH[unit] if unit in OF_EACH else value * OF_ALL[unit] / n


class Grower:
    """A peer whose figures are for each of what is counted."""

    def __init__(self, peer, alike):
        self.peer, self.alike, self.name = peer, alike, peer.name
        self.has = [name for name, growth in GROWTH.items() if name in peer.has
                    and (not alike or any(figure.once for figure in growth.figures))]

    def run(self, workload, workers, count):
        growth = GROWTH[workload]
        n = dict(growth.steps)[count]
        measure = self.once if self.alike else self.repeat
        values, total = measure(growth, n, workload, workers, count)
        return {(f.name, f.unit): each(*values[f], n) for f in values}, total

    def once(self, growth, _, workload, workers, count):
        found, total = self.peer.run(workload, workers, count)
        return {f: (found[f.once], f.once[1]) for f in growth.figures if f.once in found}, total

    def repeat(self, growth, n, workload, workers, count):
        runs = max(1, min(growth.repeats, MILLION // n))
        with tempfile.TemporaryDirectory() as directory:
            path = Path(directory) / "figures.json"
            rounds.call([str(self.peer.build / f"bench/bench_{workload}"), "--workers",
                         str(workers), "--count", str(count), "--runs", str(runs), "--json",
                         str(path)])
            found = {s["figure"]: s for s in json.loads(path.read_text())["figures"]}
        values = {}
        for f in growth.figures:
            said = f.report.format(n=n)
            if said not in found:
                raise rounds.Failed(f"its report has no {said!r}")
            values[f] = found[said]["median"], found[said]["unit"]
        return values, None  # the program has checked its sum


@dataclass
class Line:
    """A peer with a number of workers: a row for each count, upwards."""
    peer: str
    workers: int
    points: list  # (count, Row)
    base: Optional[int]  # the count that the last one is compared with
    ratio: Optional[report.Ratio]
    worst: Optional[tuple]  # (count, larger count, Ratio) between which it grows most
    verdict: str

    def said(self):
        return self.points[0][1].workers_said()


def base_of(counts):
    """The count to compare the last one with: next to 100,000, and before it."""
    return min(counts[:-1], key=lambda n: max(n, GROWTH_BASE) / min(n, GROWTH_BASE), default=None)


class Grown:
    """All rounds of one workload, a Result for each count."""

    def __init__(self, name, steps, alike):
        self.name, self.alike, self.growth = name, alike, GROWTH[name]
        self.n_of = dict(steps)
        self.results = [rounds.Result(name, count) for count, _ in steps]
        self.judge, self.moved = None, {}  # as a Result has them

    def collect(self):
        """The rounds as {(peer, workers, n): {figure: value}}, and what went wrong."""
        together = zip(*(result.rounds for result in self.results))
        self.rounds = [{(*key, self.n_of[result.count]): figures
                        for result, row in zip(self.results, rows)
                        for key, figures in row.items()} for rows in together]
        self.failures, self.left_out = [], {}
        for result in self.results:
            result.check_sums()
            at = f"{self.n_of[result.count]:,}"
            self.failures += [f"{at}: {failure}" for failure in result.failures]
            self.left_out.update({(peer, f"{w}, {at} {self.growth.counted}"): why
                                  for (peer, w), why in result.left_out.items()})

    def line(self, figure, peer, workers):
        points = []
        for n in self.n_of.values():
            values = [row[peer, workers, n][figure] for row in self.rounds
                      if figure in row.get((peer, workers, n), {})]
            if values:
                points.append((n, report.Row(peer, workers, values)))
        counts = [n for n, _ in points]
        base = base_of(counts)
        ratio = report.ratio(self, figure, (peer, workers, counts[-1]),
                             (peer, workers, base)) if base else None
        worst = self.worst(figure, peer, workers, counts)
        said = self.verdict(ratio)
        # What grows from few to many may be flat from many to more.
        if worst and worst[2].value > 1 + NEAR and worst[:2] != (base, counts[-1]):
            said = (f"{self.verdict(worst[2])} from {worst[0]:,} to {worst[1]:,}; {said} from "
                    f"{base:,} on")
        return Line(peer, workers, points, base, ratio, worst, said)

    def worst(self, figure, peer, workers, counts):
        """The pair of counts from GROWTH_FLOOR on between which it grows most."""
        pairs = [(few, many, report.ratio(self, figure, (peer, workers, many),
                                          (peer, workers, few)))
                 for i, few in enumerate(counts) if few >= GROWTH_FLOOR
                 for many in counts[i + 1:]]
        return max((pair for pair in pairs if pair[2]), key=lambda pair: pair[2].value,
                   default=None)

    def verdict(self, ratio):
        """flat, grows or falls; "~" before it where the rounds do not agree on that."""
        if not ratio:
            return ""
        if abs(ratio.value - 1) <= NEAR:
            sure = 1 - NEAR <= ratio.low and ratio.high <= 1 + NEAR and not report.unsteady(self)
            said = "flat"
        else:
            sure = not ratio.in_noise
            said = f"{'grows' if ratio.value > 1 else 'falls'} x{report.number(ratio.value, 2)}"
        return said if sure and len(self.rounds) >= report.ROUNDS_FOR_A_VERDICT else "~" + said

    def tables(self):
        """[((name, unit), lines)]; thrum first"""
        made = []
        for figure in ((f.name, f.unit) for f in self.growth.figures):
            keys = dict.fromkeys(key[:2] for row in self.rounds for key in row
                                 if figure in row[key])
            lines = [self.line(figure, *key) for key in sorted(keys)]
            lines.sort(key=lambda line: line.peer != "thrum")
            if lines:
                made.append((figure, lines))
        return made


def run_workload(name, peers, options, on_round):
    alike = any(peer.name != "thrum" for peer in peers)
    growth = GROWTH[name]
    steps = [s for s in growth.steps if s[1] <= (options.count or s[1])] or growth.steps[:1]
    grown = Grown(name, steps, alike)
    turns = rounds.turns([Grower(peer, alike) for peer in peers], name,
                         options.workers or growth.workers)
    entries = [(result, *turn) for result in grown.results for turn in turns]
    rounds.take_turns(name, grown.results, entries, options.runs, on_round)
    grown.collect()
    return grown


def lacking(name, peers):
    alike = any(peer.name != "thrum" for peer in peers)
    return rounds.lacking(name, [Grower(peer, alike) for peer in peers])


def notes(grown, missing, lacks):
    said = report.notes(grown, missing, lacks)
    if grown.alike:
        said.append("every figure is a process of its own that does the work once: where there is "
                    "little of it, most is the start")
    return said


def head(grown):
    n, growth = len(grown.rounds), grown.growth
    return f"{growth.about}; for each of the {growth.counted}; {n} round{'s' * (n != 1)}"


def heads(lines):
    """The counts of all lines, and what the ratio is called."""
    counts = sorted({n for line in lines for n, _ in line.points})
    base = max((line.base for line in lines if line.base), default=None)
    return counts, f"last / {base:,}" if base else ""


def print_result(grown, said):
    print(f"\n{grown.name}: {head(grown)}")
    for (name, unit), lines in grown.tables():
        counts, ratio = heads(lines)
        print(f"{f'{name}, {unit}':22} {'workers':>7}{''.join(f' {n:>11,}' for n in counts)} "
              f"{ratio:>15}".rstrip())
        for line in lines:
            at = {n: report.number(row.median) for n, row in line.points}
            print(f"  {line.peer:20} {line.said():>7}"
                  f"{''.join(f' {at.get(n, str()):>11}' for n in counts)} "
                  f"{report.text(line.ratio):>15}  {line.verdict}".rstrip())
    for line in said:
        print(f"  {line}")


def worst_json(worst):
    return worst and {"from": worst[0], "to": worst[1], "ratio": report.ratio_json(worst[2])}


def result_json(grown, missing, lacks):
    figures = [{"figure": name, "unit": unit, "lines": [
        {"peer": line.peer, "workers": line.workers, "base": line.base,
         "to_base": report.ratio_json(line.ratio), "worst": worst_json(line.worst),
         "verdict": line.verdict,
         "points": [{"count": n, **report.row_json(row)} for n, row in line.points]}
        for line in lines]} for (name, unit), lines in grown.tables()]
    return {"workload": grown.name, "counted": grown.growth.counted, "rounds": len(grown.rounds),
            "repeats": not grown.alike, "figures": figures,
            "left_out": report.left_out_json(grown, missing), "lacking": lacks,
            "failures": grown.failures}
