# SPDX-License-Identifier: MIT
"""What the rounds say: medians, ranges, ratios; as a table and as JSON.

A ratio is the median of the ratios within each round, as the machine drifts. It has a "~" where it
says nothing: where the two ranges overlap, with fewer than three rounds, or where the machine
drifted too far during them.
"""
import math
import statistics
from dataclasses import dataclass
from typing import Optional

from catalog import ONE_RUN, WORKLOADS

ROUNDS_FOR_A_VERDICT = 3
DRIFT_PERCENT = 40  # more is not the machine's own


@dataclass
class Ratio:
    value: float
    in_noise: bool
    low: float  # of the rounds
    high: float

    def __str__(self):
        return ("~" if self.in_noise else "") + number(self.value, 3)


@dataclass
class Row:
    peer: str
    workers: int
    values: list
    to_thrum: Optional[Ratio] = None
    to_floor: Optional[Ratio] = None
    to_base: Optional[Ratio] = None
    to_reference: Optional[Ratio] = None
    machine: Optional[Ratio] = None  # this one's slowness, to the reference
    verdict: str = ""

    def __post_init__(self):
        self.median = statistics.median(self.values)
        self.min, self.max = min(self.values), max(self.values)

    def workers_said(self):
        return "-" if self.peer in ONE_RUN else str(self.workers)


@dataclass
class Table:
    figure: str
    unit: str
    floor: Optional[str]
    rows: list
    base: Optional[int] = None


def number(value, digits=4):
    """So many digits that count, and no exponent."""
    if value == 0:
        return "0"
    places = digits - 1 - math.floor(math.log10(abs(value)))
    return f"{value:,.{max(0, min(places, 7))}f}"


def text(of_a_ratio):
    return "" if of_a_ratio is None else str(of_a_ratio)


def drift_percent(loops):
    """How far apart the times of a loop lie that always does the same."""
    return 100 * (max(loops) / min(loops) - 1)


def unsteady(result):
    """Did more change in its rounds than what they measure?"""
    return drift_percent(result.moved["loop_ns"]) > DRIFT_PERCENT


def ratio(result, figure, key, base):
    """Of two (peer, workers), or None if they never ran in one round."""
    pairs = [(row[key][figure], row[base][figure]) for row in result.rounds
             if figure in row.get(key, {}) and figure in row.get(base, {})]
    if key == base or not pairs or any(b == 0 for _, b in pairs):
        return None
    ours, theirs = zip(*pairs)
    overlap = min(ours) <= max(theirs) and min(theirs) <= max(ours)
    ratios = [a / b for a, b in pairs]
    noise = overlap or len(pairs) < ROUNDS_FOR_A_VERDICT or unsteady(result)
    return Ratio(statistics.median(ratios), noise, min(ratios), max(ratios))


def floor_of(keys, floor, workers):
    """The floor's run to compare with: the one with as many workers, or the only one."""
    runs = [key for key in keys if key[0] == floor]
    same = [key for key in runs if key[1] == workers]
    return (same or runs or [None])[0]


def loss(_, __, row):
    """What --crowd says of more workers."""
    to_base = row.to_base
    if not to_base:
        return ""
    percent = 100 * (to_base.value - 1)
    return (f"{'~' if to_base.in_noise else ''}{'loses' if percent >= 0 else 'gains'} "
            f"{abs(percent):.0f} %")


def make_table(result, figure):
    rounds, floor = result.rounds, WORKLOADS[result.name].floor
    keys = dict.fromkeys(key for row in rounds for key in row if figure in row[key])
    rows = []
    for key in keys:
        row = Row(*key, [r[key][figure] for r in rounds if figure in r.get(key, {})])
        row.to_thrum = ratio(result, figure, key, ("thrum", key[1]))
        row.to_floor = ratio(result, figure, key, floor_of(keys, floor, key[1]))
        row.to_base = ratio(result, figure, key, (key[0], result.base))
        row.verdict = result.judge(result, figure, row) if result.judge else ""
        rows.append(row)
    best = {}
    for row in rows:
        best[row.peer] = min(best.get(row.peer, row.median), row.median)
    rows.sort(key=lambda r: (r.peer != "thrum", r.peer != floor, best[r.peer], r.workers))
    return Table(*figure, floor if any(r.peer == floor for r in rows) else None, rows, result.base)


def tables(result):
    made = [make_table(result, figure) for figure in WORKLOADS[result.name].figures]
    return [table for table in made if table.rows]


def notes(result, missing, lacking):
    """What is not in the tables, and why."""
    said = [f"{name}: {why}: left out" for name, why in missing.items()]
    said += [f"{name}, {workers}: {why}" for (name, workers), why in result.left_out.items()]
    said += [f"FAILED: {failure}" for failure in result.failures]
    if lacking:
        said.append("without this workload: " + ", ".join(lacking))
    if len(result.rounds) < ROUNDS_FOR_A_VERDICT:
        said.append("fewer than three rounds: every ratio is noise")
    if unsteady(result):
        said.append(f"the machine drifted by {drift_percent(result.moved['loop_ns']):.0f} % during "
                    "these rounds: every ratio is noise")
    return said


def head(result):
    workload = WORKLOADS[result.name]
    rounds = len(result.rounds)
    return (f"{workload.about}; {workload.counted}: {result.count:,}, "
            f"{rounds} round{'s' * (rounds != 1)}")


def ratio_columns(table):
    """(head, field) of those ratios and verdicts that any row has."""
    columns = [("/ thrum", "to_thrum"), (f"/ {table.floor}", "to_floor"),
               (f"/ {table.base} worker{'s' * (table.base != 1)}", "to_base"),
               ("/ reference", "to_reference"), ("machine", "machine"), ("verdict", "verdict")]
    return [c for c in columns if any(getattr(row, c[1]) for row in table.rows)]


def print_result(result, said):
    print(f"\n{result.name}: {head(result)}")
    for table in tables(result):
        columns = ratio_columns(table)
        name = f"{table.figure}, {table.unit}"
        heads = "".join(f" {title:>11}" for title, _ in columns)
        print(f"{name:22} {'workers':>7} {'median':>10} {'min':>10}   {'max':<10}{heads}".rstrip())
        for row in table.rows:
            ratios = "".join(f" {text(getattr(row, field)):>11}" for _, field in columns)
            print(f"  {row.peer:20} {row.workers_said():>7} {number(row.median):>10} "
                  f"{number(row.min):>10} - {number(row.max):<10}{ratios}".rstrip())
    for line in said:
        print(f"  {line}")


def machine_lines(machine, moved):
    """The machine's facts as lines: what it is, and what moved meanwhile."""
    flags, loops = moved["flag_ns"], moved["loop_ns"]
    lines = [f"thrum {machine['version']}; {machine['cpu']}, {machine['cpus']} CPUs; "
             f"{machine['kernel']}; {machine['compiler']}"]
    if max(flags) > 0:
        lines.append(f"a flag's round trip between two cores: {number(statistics.median(flags), 3)}"
                     f" ns ({number(min(flags), 3)} to {number(max(flags), 3)})")
        scales = [2 * one / two for one, two in zip(loops, moved["two_loops_ns"])]
        lines.append(f"two cores together do {number(statistics.median(scales), 3)} times what one "
                     f"does ({number(min(scales), 3)} to {number(max(scales), 3)}): what two "
                     "workers can gain")
    else:
        lines.append("one CPU only: nothing crosses cores")
    drift = drift_percent(loops)
    lines.append(f"drift: the same serial loop took {number(min(loops), 3)} to "
                 f"{number(max(loops), 3)} ns a turn, {drift:.0f} % apart")
    if drift > DRIFT_PERCENT:
        lines.append("something else ran on this machine, or its clock changed: the figures are "
                     "worth little, take them again")
    return lines


def ratio_json(r):
    return None if r is None else {"median": r.value, "in_noise": r.in_noise}


def row_json(row):
    return {"median": row.median, "min": row.min, "max": row.max, "values": row.values}


def left_out_json(result, missing):
    return {**missing, **{f"{name}, {w}": why for (name, w), why in result.left_out.items()}}


def result_json(result, missing, lacking):
    figures = [{"figure": table.figure, "unit": table.unit, "rows": [
        {"peer": row.peer, "workers": row.workers, **row_json(row),
         "to_thrum": ratio_json(row.to_thrum), "to_floor": ratio_json(row.to_floor),
         "to_base": ratio_json(row.to_base), "to_reference": ratio_json(row.to_reference),
         "machine": ratio_json(row.machine), "verdict": row.verdict} for row in table.rows]}
        for table in tables(result)]
    return {"workload": result.name, "count": result.count, "rounds": len(result.rounds),
            "floor": WORKLOADS[result.name].floor, "base": result.base, "figures": figures,
            "left_out": left_out_json(result, missing), "lacking": lacking,
            "failures": result.failures}
