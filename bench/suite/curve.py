# SPDX-License-Identifier: MIT
"""The page's plots of --grow: what each costs, by how many there are, on a logarithmic scale.

A line for each peer and number of workers: medians, with the range of the rounds as a bar behind
each. The dashed line goes on from the count that the last one is compared with, at its value.
"""
import math
from html import escape

import grow
import report
from page import LEFT, WIDTH, Scale, figures_table, mark, section_of, tick_text

LABEL, TOP, HEIGHT, LINE = 130, 12, 240, 15


def across(n, counts):
    first, last = math.log10(counts[0]), math.log10(counts[-1])
    share = (math.log10(n) - first) / (last - first) if last > first else 0.5
    return LEFT + 20 + share * (WIDTH - LEFT - LABEL - 40)


def axes(scale, counts):
    for tick in scale.ticks:
        y = scale.at(tick)
        yield f'<line class="grid" x1="{LEFT}" x2="{WIDTH - LABEL}" y1="{y:.1f}" y2="{y:.1f}"/>'
        yield (f'<text class="soft" text-anchor="end" x="{LEFT - 8}" y="{y + 4:.1f}">'
               f'{tick_text(tick)}</text>')
    for n in counts:
        yield (f'<text class="soft" text-anchor="middle" x="{across(n, counts):.1f}" '
               f'y="{TOP + HEIGHT + 18}">{n:,}</text>')


def draw(line, index, scale, counts):
    kind = "thrum" if line.peer == "thrum" else "peer"
    at = [(across(n, counts), row, n) for n, row in line.points]
    for x, row, n in at:
        if n == line.base:
            y = scale.at(row.median)
            yield (f'<line class="floor" x1="{x:.1f}" x2="{at[-1][0]:.1f}" y1="{y:.1f}" '
                   f'y2="{y:.1f}"/>')
    corners = " ".join(f"{x:.1f},{scale.at(row.median):.1f}" for x, row, _ in at)
    yield f'<polyline class="curve {kind}" points="{corners}"/>'
    for x, row, n in at:
        about = (f"{line.peer}, workers {line.said()}, {n:,}: {report.number(row.median)}, "
                 f"{report.number(row.min)} to {report.number(row.max)}")
        yield (f'<g><title>{escape(about)}</title><line class="range {kind}" x1="{x:.1f}" '
               f'x2="{x:.1f}" y1="{scale.at(row.min):.1f}" y2="{scale.at(row.max):.1f}"/>'
               f'{mark(index, x, scale.at(row.median), kind)}</g>')


def labels(lines, scale, counts):
    """At the ends of the lines, no two on each other."""
    ends = sorted(((scale.at(line.points[-1][1].median), line) for line in lines),
                  key=lambda end: end[0])
    lowest = -math.inf
    for y, line in ends:
        lowest = max(y, lowest + LINE)
        kind = "thrum" if line.peer == "thrum" else "peer"
        x = across(line.points[-1][0], counts) + 12
        yield (f'<text class="name {kind}" x="{x:.1f}" y="{lowest + 4:.1f}">{escape(line.peer)}, '
               f'{line.said()}</text>')


def plot(name, unit, lines):
    counts, _ = grow.heads(lines)
    scale = Scale([row for line in lines for _, row in line.points], TOP + HEIGHT, TOP)
    workers = sorted({line.workers for line in lines})
    drawn = [part for line in reversed(lines)
             for part in draw(line, workers.index(line.workers), scale, counts)]
    bottom = TOP + HEIGHT + max(26, LINE * len(lines) - HEIGHT)
    about = f"{unit} each{', logarithmic' if scale.log else ''}"
    return (f'<svg viewBox="0 0 {WIDTH} {bottom + 18}" role="img" '
            f'aria-label="{escape(name)}, {escape(about)}">'
            f'{"".join([*axes(scale, counts), *drawn, *labels(lines, scale, counts)])}'
            f'<text class="soft" x="{LEFT}" y="{bottom + 13}">peer, workers; {escape(about)}; '
            'less is better</text></svg>')


def table(lines):
    counts, ratio = grow.heads(lines)
    rows = []
    for line in lines:
        at = {n: report.number(row.median) for n, row in line.points}
        rows.append([line.peer, line.said(), *(at.get(n, "") for n in counts),
                     report.text(line.ratio), line.verdict])
    return figures_table(["peer", "workers", *(f"{n:,}" for n in counts), ratio, "verdict"], rows)


def section(grown, said):
    parts = [(f"{name}, {unit}", plot(name, unit, lines), table(lines))
             for (name, unit), lines in grown.tables()]
    return section_of(grown.name, grow.head(grown), parts, said)
