#!/usr/bin/env python3
"""plots.py: the figures of README.md, drawn from what bench/suite has measured

    bench/plots.py [RESULTS.csv [FOLDER]]        default: measured/suite.csv, plots/

throughput.svg, latency.svg and oversold.svg; plain SVG, readable on light and on dark backgrounds.
"""

import math
import os
import sys
from html import escape

from results import HERE, SCENARIOS, STRATEGIES, SUITE, Results

# name: colour on light, colour on dark
COLOURS = {
    "booking": ("#1d4ed8", "#6ea8fe"),
    "redis": ("#c2410c", "#fb923c"),
    "counter": ("#0f766e", "#2dd4bf"),
    "function": ("#7e22ce", "#c084fc"),
    "forupdate": ("#be185d", "#f472b6"),
    "advisory": ("#0e7490", "#22d3ee"),
    "serializable": ("#4d7c0f", "#a3e635"),
    "version": ("#a16207", "#eab308"),
    "exclude": ("#854d0e", "#d6a564"),
    "unique": ("#854d0e", "#d6a564"),
    "naive": ("#dc2626", "#f87171"),
    "txn": ("#dc2626", "#f87171"),
    "trigger": ("#dc2626", "#f87171"),
    "bare": ("#6b7280", "#9ca3af"),
}

STYLE = (
    "text{font:12px system-ui,-apple-system,'Segoe UI',Helvetica,Arial,sans-serif;fill:#374151}"
    ".title{font-size:14px;font-weight:600;fill:#111827}.small{font-size:10.5px;fill:#6b7280}.strong{font-weight:700}"
    ".grid{stroke:#9ca3af;stroke-opacity:.28;stroke-width:1}.axis{stroke:#9ca3af;stroke-width:1}"
    ".bad{fill:#dc2626}.badtext{fill:#b91c1c;font-weight:600}.good{fill:#15803d}"
    + "".join(f".l-{n}{{stroke:{c[0]};fill:none}}.f-{n}{{fill:{c[0]}}}" for n, c in COLOURS.items())
    + "@media(prefers-color-scheme:dark){text{fill:#d1d5db}.title{fill:#f3f4f6}.small{fill:#9ca3af}.badtext{fill:#fca5a5}.good{fill:#4ade80}"
    + "".join(f".l-{n}{{stroke:{c[1]}}}.f-{n}{{fill:{c[1]}}}" for n, c in COLOURS.items())
    + "}"
)


class Svg:
    def __init__(self, width, height, title):
        self.width, self.height = width, height
        self.parts = [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" role="img">',
            f"<title>{escape(title)}</title><style>{STYLE}</style>",
        ]

    def text(self, x, y, text, kind="", anchor="start"):
        self.parts.append(f'<text x="{x:.1f}" y="{y:.1f}" class="{kind}" text-anchor="{anchor}">{escape(text)}</text>')

    def line(self, x1, y1, x2, y2, kind, width=1, dash=None, cap="butt"):
        dashed = f' stroke-dasharray="{dash}"' if dash else ""
        self.parts.append(
            f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" class="{kind}" '
            f'stroke-width="{width}" stroke-linecap="{cap}"{dashed}/>'
        )

    def path(self, points, kind, width, dash=None):
        dashed = f' stroke-dasharray="{dash}"' if dash else ""
        line = " L".join(f"{x:.1f} {y:.1f}" for x, y in points)
        self.parts.append(f'<path d="M{line}" class="{kind}" stroke-width="{width}" stroke-linejoin="round"{dashed}/>')

    def circle(self, x, y, radius, kind):
        self.parts.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{radius}" class="{kind}"/>')

    def rect(self, x, y, width, height, kind, opacity=1.0):
        self.parts.append(
            f'<rect x="{x:.1f}" y="{y:.1f}" width="{width:.1f}" height="{height:.1f}" rx="3" class="{kind}" fill-opacity="{opacity:.2f}"/>'
        )

    def save(self, path):
        with open(path, "w", encoding="utf-8") as file:
            file.write("\n".join(self.parts + ["</svg>\n"]))
        print(path)


class LogScale:
    def __init__(self, low, high, start, end):
        self.low, self.high = math.log10(low), math.log10(high)
        self.start, self.end = start, end

    def __call__(self, value):
        share = (math.log10(max(value, 1e-9)) - self.low) / (self.high - self.low)
        return self.start + share * (self.end - self.start)

    def decades(self):
        return [10.0**e for e in range(math.ceil(self.low), math.floor(self.high) + 1)]


def short(number):
    if number >= 1000:
        return f"{number / 1000:g}k"
    return f"{number:g}"


def apart(labels, gap, top, bottom):
    """Moves (y, ...) labels apart until none covers another."""
    labels = sorted(labels)
    ys = []
    for label in labels:
        ys.append(max(label[0], ys[-1] + gap) if ys else max(label[0], top))
    for i in range(len(ys) - 1, -1, -1):
        ys[i] = min(ys[i], bottom if i == len(ys) - 1 else ys[i + 1] - gap)
    return [(y, *label[1:]) for y, label in zip(ys, labels)]


def throughput(results, path):
    scenarios = [s for s in ("concert", "pool", "calendar") if results.clients("clients", s)]
    width, panel_w, panel_h, left, top = 980, 215, 250, 50, 64
    step_x, step_y = 315, 330
    svg = Svg(width, top + 2 * step_y + 6, "Bookings per second over the number of clients")
    svg.text(16, 24, "Bookings per second over the number of clients", "title")
    svg.text(16, 42, f"median of {results.rounds('clients')} rounds; dashed: oversells or does not check", "small")
    for column, scenario in enumerate(scenarios):
        clients = results.clients("clients", scenario)
        for row, delay in enumerate((0, 1)):
            x0, y0 = left + column * step_x, top + 26 + row * step_y
            lines = {}
            for strategy in STRATEGIES:
                points = [(c, f.median("bookings_per_s")) for c in clients if (f := results.get("clients", scenario, strategy, c, delay))]
                if points:
                    lines[strategy] = points
            values = [v for points in lines.values() for _, v in points if v > 0]
            if not values:
                continue
            x = LogScale(clients[0], clients[-1], x0, x0 + panel_w)
            y = LogScale(10 ** math.floor(math.log10(min(values))), max(values) * 1.3, y0 + panel_h, y0)
            svg.text(x0, y0 - 10, f"{scenario}, commits {'as fast as the disk' if delay == 0 else 'of 1 ms'}", "strong")
            for value in y.decades():
                svg.line(x0, y(value), x0 + panel_w, y(value), "grid")
                svg.text(x0 - 6, y(value) + 4, short(value), "small", "end")
            for c in clients:
                svg.line(x(c), y0, x(c), y0 + panel_h, "grid")
                svg.text(x(c), y0 + panel_h + 16, str(c), "small", "middle")
            svg.text(x0 + panel_w / 2, y0 + panel_h + 31, "clients", "small", "middle")
            ends = []
            for strategy, points in sorted(lines.items(), key=lambda item: item[0] == "booking"):
                unsafe = any(results.get("clients", scenario, strategy, c, delay).oversold_share > 0 for c, _ in points) or strategy == "bare"
                ours = strategy == "booking"
                svg.path([(x(c), y(v)) for c, v in points], f"l-{strategy}", 3 if ours else 1.6, "5 3" if unsafe else None)
                if ours:
                    for c, v in points:
                        svg.circle(x(c), y(v), 3, f"f-{strategy}")
                ends.append((y(points[-1][1]), y(points[-1][1]), strategy))
            for label_y, line_y, strategy in apart(ends, 13, y0 + 4, y0 + panel_h):
                svg.line(x0 + panel_w + 2, line_y, x0 + panel_w + 9, label_y, f"l-{strategy}")
                svg.text(x0 + panel_w + 12, label_y + 4, strategy, f"f-{strategy}" + (" strong" if strategy == "booking" else ""))
    svg.text(16, svg.height - 8, results.provenance(), "small")
    svg.save(path)


def latency(results, path):
    scenarios = [s for s in ("concert", "pool") if results.clients("all", s)]
    rows = [s for s in STRATEGIES if any(results.get("all", sc, s, results.clients("all", sc)[0], 1) for sc in scenarios)]
    width, left, top, row_h, panel_w, step_x = 980, 104, 84, 24, 380, 440
    svg = Svg(width, top + len(rows) * row_h + 52, "How long an answer takes")
    svg.text(16, 24, "How long an answer takes, with commits of 1 ms", "title")
    svg.text(16, 42, "milliseconds; dot: median, bar: from 25 to 75 percent, line: from 1 to 99 percent of the answers", "small")
    for column, scenario in enumerate(scenarios):
        clients = results.clients("all", scenario)[0]
        figures = {s: f for s in rows if (f := results.get("all", scenario, s, clients, 1))}
        low = min(f.median("p1_ms") for f in figures.values())
        high = max(f.median("p99_ms") for f in figures.values())
        x0 = left + column * step_x
        x = LogScale(10 ** math.floor(math.log10(low)), high * 1.1, x0, x0 + panel_w)
        bottom = top + len(rows) * row_h
        svg.text(x0, top - 12, f"{scenario}, {clients} clients", "strong")
        for value in x.decades():
            svg.line(x(value), top - 2, x(value), bottom, "grid")
            svg.text(x(value), bottom + 16, f"{value:g}", "small", "middle")
        for i, strategy in enumerate(rows):
            y = top + i * row_h + row_h / 2
            if column == 0:
                svg.text(x0 - 10, y + 4, strategy, f"f-{strategy}" + (" strong" if strategy == "booking" else ""), "end")
            if strategy not in figures:
                continue
            f = figures[strategy]
            svg.line(x(f.median("p1_ms")), y, x(f.median("p99_ms")), y, f"l-{strategy}", 1.5)
            svg.line(x(f.median("p25_ms")), y, x(f.median("p75_ms")), y, f"l-{strategy}", 7, cap="round")
            svg.circle(x(f.median("p50_ms")), y, 5.5, f"f-{strategy}")
    svg.text(16, svg.height - 8, results.provenance(), "small")
    svg.save(path)


def oversold(results, path):
    scenarios = [s for s in SCENARIOS if results.clients("all", s)]
    rows = [s for s in STRATEGIES if s != "bare"]
    left, top, row_h, cell = 116, 92, 27, 104
    svg = Svg(left + len(scenarios) * cell + 20, top + len(rows) * row_h + 34, "What was sold twice")
    svg.text(16, 24, "What was sold twice", "title")
    svg.text(16, 42, "share of all that was sold, in the worst round of both commit speeds; blank: does not apply", "small")
    for column, scenario in enumerate(scenarios):
        x = left + column * cell + cell / 2
        svg.text(x, top - 24, scenario, "strong", "middle")
        svg.text(x, top - 10, f"{results.clients('all', scenario)[0]} clients", "small", "middle")
    for i, strategy in enumerate(rows):
        y = top + i * row_h
        svg.line(left, y, left + len(scenarios) * cell, y, "grid")
        svg.text(left - 10, y + 18, strategy, "strong" if strategy == "booking" else "", "end")
        for column, scenario in enumerate(scenarios):
            figures = results.for_overselling(scenario, strategy)
            if not figures:
                continue
            share = max(f.oversold_share for f in figures)
            x = left + column * cell
            if share == 0:
                svg.text(x + cell / 2, y + 18, "none", "good" + (" strong" if strategy == "booking" else ""), "middle")
                continue
            svg.rect(x + 6, y + 4, cell - 12, row_h - 8, "bad", 0.12 + 0.5 * share)
            shown = "under 0.1 %" if share < 0.001 else f"{100 * share:.2g} %" if share < 0.995 else "100 %"
            svg.text(x + cell / 2, y + 18, shown, "badtext", "middle")
    svg.text(16, svg.height - 8, results.provenance(), "small")
    svg.save(path)


def main():
    if len(sys.argv) > 3 or sys.argv[1:2] in (["-h"], ["--help"]):
        sys.exit(__doc__)
    source = sys.argv[1] if len(sys.argv) > 1 else SUITE
    folder = sys.argv[2] if len(sys.argv) > 2 else os.path.join(HERE, "plots")
    if not os.path.exists(source):
        sys.exit(f"{source} is not there; bench/suite makes it")
    os.makedirs(folder, exist_ok=True)
    results = Results(source)
    throughput(results, os.path.join(folder, "throughput.svg"))
    latency(results, os.path.join(folder, "latency.svg"))
    oversold(results, os.path.join(folder, "oversold.svg"))


main()
