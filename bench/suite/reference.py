# SPDX-License-Identifier: MIT
"""tools/bench --reference: does a peer take here what it took on the reference machine?

If it does not, either the machine is another one, or the workload is not what was measured there.
The first is told from the second by the floor, serial C, which took less or more, too.
"""
import statistics

import report
from catalog import (OF_MANY, REFERENCE, REFERENCE_COUNTS, REFERENCE_FLOOR, REFERENCE_MACHINE,
                     WORKLOADS)

NEAR = 0.3


def ends(peer, workload, figure, workers):
    """(least, most) of what it took there, or None."""
    took = REFERENCE.get((workload, figure), {}).get(peer)
    if isinstance(took, tuple):
        took = dict(zip((1, 2), took)).get(workers)
    if took is None:
        return None
    return tuple(took) if isinstance(took, list) else (took, took)


def comparable(name, unit, count):
    """Is it the same work? What is of each does not need the same count."""
    usual = WORKLOADS[name].count
    return count == REFERENCE_COUNTS.get(name, usual) or count == usual and unit not in OF_MANY


def against(values, least, most):
    """Values as parts of what was measured there, 1 if they lie between its ends."""
    return [v / most if v > most else v / least if v < least else 1.0 for v in values]


def ratio(values, noise):
    return report.Ratio(statistics.median(values), noise, min(values), max(values))


def floor_ns(peer):
    """A call of the serial floor, which tells one CPU from another, one minute from the next."""
    workload, figure, count, _ = REFERENCE_FLOOR
    return peer.run(workload, 1, count)[0][figure]


def machine(result, figure, workers):
    """How much slower this machine is: by the workload's floor, if it was measured there, else by
    the serial floor; None if neither has run."""
    if figure[1] == "B":
        return 1.0
    floor = WORKLOADS[result.name].floor
    there = ends(floor, result.name, figure[0], workers)
    keys = dict.fromkeys(key for row in result.rounds for key in row if figure in row[key])
    key = report.floor_of(keys, floor, workers)
    if there and key:
        return statistics.median(against(
            [row[key][figure] for row in result.rounds if key in row], *there))
    calls = result.moved.get("serial_ns")
    return statistics.median(calls) / REFERENCE_FLOOR[3] if calls else None


def judge(result, figure, row):
    """Fills in what the row is to the reference; its verdict."""
    there = ends(row.peer, result.name, figure[0], row.workers)
    if not there or not comparable(result.name, figure[1], result.count):
        return ""
    noise = report.unsteady(result) or len(row.values) < report.ROUNDS_FOR_A_VERDICT
    row.to_reference = ratio(against(row.values, *there), noise)
    slower = machine(result, figure, row.workers)
    if slower is None:
        return ""
    row.machine = ratio([slower], False)
    off = row.to_reference.value / slower
    sign = "~" if noise else ""
    if 1 / (1 + NEAR) <= off <= 1 + NEAR:
        return sign + "as there"
    return f"{sign}off x{report.number(off, 2)}"


def lines(moved):
    """What the report says of the machine."""
    took, there = statistics.median(moved["serial_ns"]), REFERENCE_FLOOR[3]
    return [f"a call of serial C took {report.number(took, 3)} ns, "
            f"{report.number(took / there, 3)} times what it took on the reference machine, "
            f"{REFERENCE_MACHINE}"]
