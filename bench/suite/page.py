# SPDX-License-Identifier: MIT
"""The report as one HTML file: plots as inline SVG, tables, the machine; nothing is loaded.

A plot has a line for each peer, and in it a mark for each number of workers: the median, with the
range of the rounds as a bar behind it. The scale is logarithmic where medians span more than a
factor of 20, else it begins at zero.
"""
import math
from html import escape

import report

WIDTH, LEFT, RIGHT, TOP, LANE, GAP = 880, 120, 90, 8, 17, 9
LOG_SPAN = 20

STYLE = """
:root { color-scheme: light dark; --ground: #fcfcfa; --ink: #1d2129; --soft: #667080;
  --grid: #dfe2e7; --peer: #5b7088; --thrum: #c2410c; --band: #fdeee2; --bad: #b00020; }
@media (prefers-color-scheme: dark) { :root { --ground: #15181d; --ink: #e6e8ec; --soft: #98a2b0;
  --grid: #2e343d; --peer: #8fa6c0; --thrum: #fb923c; --band: #33241a; --bad: #ff7a8a; } }
body { background: var(--ground); color: var(--ink); margin: 0 auto; max-width: 56rem;
  padding: 1.5rem 1rem 4rem; font: 15px/1.5 system-ui, sans-serif; }
h1 { font-size: 1.6rem; margin: 0 0 .5rem; } h2 { font-size: 1.2rem; margin: 2.6rem 0 0; }
h3 { font-size: .95rem; margin: 1.2rem 0 .2rem; }
nav { margin: 1rem 0; } nav a { margin-right: .9rem; white-space: nowrap; } a { color: inherit; }
p { margin: .2rem 0; } .soft { color: var(--soft); } .bad { color: var(--bad); }
.scroll { overflow-x: auto; }
svg { display: block; width: 100%; min-width: 34rem; height: auto;
  font: 12px system-ui, sans-serif; }
svg text { fill: var(--ink); } svg .soft { fill: var(--soft); }
.band { fill: var(--band); } .grid { stroke: var(--grid); }
.floor { stroke: var(--soft); stroke-dasharray: 3 3; }
.peer { stroke: var(--peer); } .thrum { stroke: var(--thrum); }
.peer.full { fill: var(--peer); } .thrum.full { fill: var(--thrum); }
.hollow { fill: var(--ground); } .range { stroke-width: 5; opacity: .35; stroke-linecap: round; }
.mark { stroke-width: 2; } .curve { fill: none; stroke-width: 1.5; } text.name { stroke: none; }
text.name.thrum { fill: var(--thrum); font-weight: 600; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; font-size: 13px; }
th, td { padding: .12rem .7rem; text-align: right; border-bottom: 1px solid var(--grid);
  white-space: nowrap; }
th { font-weight: 600; color: var(--soft); } th:first-child, td:first-child { text-align: left; }
tr.thrum td { background: var(--band); } tr.thrum td:first-child { font-weight: 600; }
summary { cursor: pointer; color: var(--soft); margin: .4rem 0; }
"""


class Scale:
    """From a value to where it lies between two ends, and the values that get a line."""

    def __init__(self, rows, start=LEFT, end=WIDTH - RIGHT):
        self.start, self.end = start, end
        low, high = min(r.min for r in rows), max(r.max for r in rows)
        medians = [r.median for r in rows]
        self.log = low > 0 and max(medians) > LOG_SPAN * min(medians)
        if self.log:
            self.low = math.log10(low) - 0.05
            self.high = math.log10(high) + 0.05
            self.ticks = self.log_ticks()
        else:
            self.low, self.high = 0, high * 1.02 or 1
            self.ticks = self.linear_ticks()

    def log_ticks(self):
        steps = (1, 2, 5) if self.high - self.low < 2.5 else (1,)
        decades = range(math.floor(self.low), math.ceil(self.high) + 1)
        ticks = [step * 10.0**d for d in decades for step in steps]
        return [t for t in ticks if self.low <= math.log10(t) <= self.high]

    def linear_ticks(self):
        step = 10.0 ** math.floor(math.log10(self.high))
        for divisor in (1, 2, 5, 10):
            if self.high / (step / divisor) >= 4:
                step /= divisor
                break
        return [step * i for i in range(int(self.high / step) + 1)]

    def at(self, value):
        place = math.log10(value) if self.log else value
        share = (place - self.low) / (self.high - self.low)
        return self.start + share * (self.end - self.start)


def tick_text(tick):
    return report.number(tick, 3).rstrip("0").rstrip(".") if tick % 1 else f"{tick:,.0f}"


def mark(index, x, y, kind):
    """A shape for each place in the list of workers: dot, ring, square, open square."""
    fill = "hollow" if index % 2 else "full"
    if index < 2:
        return f'<circle class="mark {kind} {fill}" cx="{x:.1f}" cy="{y:.1f}" r="4.5"/>'
    return (f'<rect class="mark {kind} {fill}" x="{x - 4:.1f}" y="{y - 4:.1f}" width="8" '
            'height="8"/>')


def lane(row, index, y, scale):
    kind = "thrum" if row.peer == "thrum" else "peer"
    low, mid, high = scale.at(row.min), scale.at(row.median), scale.at(row.max)
    value = report.number(row.median)
    about = (f"{row.peer}, workers {row.workers_said()}: {value}, "
             f"{report.number(row.min)} to {report.number(row.max)}")
    return (f'<g><title>{escape(about)}</title><line class="range {kind}" x1="{low:.1f}" '
            f'x2="{high:.1f}" y1="{y:.1f}" y2="{y:.1f}"/>{mark(index, mid, y, kind)}'
            f'<text class="soft" x="{high + 10:.1f}" y="{y + 4:.1f}">{value}</text></g>')


def grid(scale, bottom):
    for tick in scale.ticks:
        x = scale.at(tick)
        yield f'<line class="grid" x1="{x:.1f}" x2="{x:.1f}" y1="{TOP}" y2="{bottom}"/>'
        yield (f'<text class="soft" text-anchor="middle" x="{x:.1f}" y="{bottom + 15}">'
               f'{tick_text(tick)}</text>')


def plot(table):
    scale = Scale(table.rows)
    counts = sorted({row.workers for row in table.rows if row.workers_said() != "-"})
    peers = list(dict.fromkeys(row.peer for row in table.rows))
    marks, y = [], TOP
    for peer in peers:
        rows = [row for row in table.rows if row.peer == peer]
        height = LANE * len(rows) + GAP
        kind = "thrum" if peer == "thrum" else "peer"
        if peer == "thrum":
            marks.append(f'<rect class="band" x="0" y="{y}" width="{WIDTH}" height="{height}"/>')
        marks.append(f'<text class="name {kind}" text-anchor="end" x="{LEFT - 14}" '
                     f'y="{y + height / 2 + 4:.1f}">{escape(peer)}</text>')
        for i, row in enumerate(rows):
            index = counts.index(row.workers) if row.workers in counts else 0
            marks.append(lane(row, index, y + GAP / 2 + LANE * (i + 0.5), scale))
        y += height
    lines = list(grid(scale, y))
    for row in table.rows:
        if row.peer == table.floor:
            x = scale.at(row.median)
            lines.append(f'<line class="floor" x1="{x:.1f}" x2="{x:.1f}" y1="{TOP}" y2="{y}"/>')
    band = [m for m in marks if m.startswith("<rect")]
    rest = [m for m in marks if not m.startswith("<rect")]
    unit = f"{table.unit}{', logarithmic' if scale.log else ''}"
    legend = "".join(
        f'{mark(i, LEFT + 8 + 100 * i, y + 33, "peer")}<text x="{LEFT + 18 + 100 * i}" '
        f'y="{y + 37}" class="soft">{n} worker{"s" * (n != 1)}</text>'
        for i, n in enumerate(counts))
    return (f'<svg viewBox="0 0 {WIDTH} {y + 46}" role="img" '
            f'aria-label="{escape(table.figure)}, {escape(unit)}">{"".join(band + lines + rest)}'
            f'{legend}<text class="soft" text-anchor="end" x="{WIDTH - 4}" y="{y + 37}">'
            f'{escape(unit)}; less is better</text></svg>')


def figures_table(heads, rows):
    """Rows of words; the first one is the peer."""
    lines = "".join(
        f"<tr{' class=thrum' if row[0] == 'thrum' else ''}>"
        f"{''.join(f'<td>{escape(word)}</td>' for word in row)}</tr>" for row in rows)
    return (f"<details open><summary>figures</summary><div class=scroll><table><tr>"
            f"{''.join(f'<th>{escape(head)}</th>' for head in heads)}</tr>{lines}"
            "</table></div></details>")


def table_of(table):
    ratios = report.ratio_columns(table)
    heads = ["peer", "workers", "median", "min", "max", *(head for head, _ in ratios)]
    return figures_table(heads, [
        [row.peer, row.workers_said(), report.number(row.median), report.number(row.min),
         report.number(row.max), *(report.text(getattr(row, field)) for _, field in ratios)]
        for row in table.rows])


def section_of(name, head, parts, said):
    """parts: (heading, plot, table)"""
    lines = [f'<section id="{escape(name)}"><h2>{escape(name)}</h2>',
             f"<p class=soft>{escape(head)}</p>"]
    for heading, drawn, table in parts:
        lines.append(f"<h3>{escape(heading)}</h3><div class=scroll>{drawn}</div>{table}")
    for line in said:
        kind = "bad" if line.startswith("FAILED") else "soft"
        lines.append(f'<p class="{kind}">{escape(line)}</p>')
    return "".join(lines) + "</section>\n"


def section(result, said):
    parts = [(f"{table.figure}, {table.unit}", plot(table), table_of(table))
             for table in report.tables(result)]
    return section_of(result.name, report.head(result), parts, said)


def make(title, about, lines, sections):
    """The page; lines: the machine's facts; sections: (name, text)."""
    names = [escape(name) for name, _ in sections]
    return ('<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
            '<meta name="viewport" content="width=device-width, initial-scale=1">'
            f"<title>{escape(title)}</title><style>{STYLE}</style></head><body>\n"
            f"<h1>{escape(title)}</h1>\n"
            + "".join(f"<p class=soft>{escape(line)}</p>\n" for line in lines)
            + f"<p>A mark is the median of the rounds, the bar behind it their range; {about}</p>\n"
            + "<nav>" + "".join(f'<a href="#{n}">{n}</a>' for n in names) + "</nav>\n"
            + "".join(text for _, text in sections) + "</body></html>\n")
