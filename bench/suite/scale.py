# SPDX-License-Identifier: MIT
"""tools/bench --scale: what the second worker is worth, held to the bounds of the catalog.

What two cores can do at all is measured in the same rounds (two loops at once): on a virtual
machine that is less than twice what one does, and a gain is asked for in proportion.
"""
import statistics

import report
from catalog import GAIN, GAINS, HAND_OFFS, SLOWER


def cores(moved):
    """What two did together, of what one did."""
    pairs = zip(moved["loop_ns"], moved["two_loops_ns"])
    return statistics.median(2 * one / two if two else 1 for one, two in pairs)


def gain_asked(result):
    return GAIN * min(1, cores(result.moved) / 2)


def judge(result, figure, row):
    """Does it hold? "~" before it where the rounds do not agree on that."""
    took = row.to_base
    if not took:
        return ""
    if (result.name, figure[0]) in HAND_OFFS:
        return "hand-off"
    most = 1 / gain_asked(result) if result.name in GAINS else SLOWER
    agreed = took.high <= most or took.low > most
    sure = (agreed and len(row.values) >= report.ROUNDS_FOR_A_VERDICT
            and not report.unsteady(result))
    if result.name in GAINS:
        said = f"gains x{report.number(1 / took.value, 3)}"
        if took.value > most:
            said += f", not x{report.number(1 / most, 3)}"
    else:
        said = "holds" if took.value <= most else f"slower x{report.number(took.value, 3)}"
    return ("" if sure else "~") + said


def notes(result, missing, lacking):
    said = report.notes(result, missing, lacking)
    said += [f"{figure}: hand-off: {why}" for (name, figure), why in HAND_OFFS.items()
             if name == result.name]
    if result.name in GAINS:
        said.append(f"two cores did {report.number(cores(result.moved), 3)} times what one does, "
                    f"in these rounds: x{report.number(gain_asked(result), 3)} is asked for")
    return said
