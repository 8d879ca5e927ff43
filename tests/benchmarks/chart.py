"""Pictures of figures, as SVG that needs nothing to be looked at but a browser."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape

from benchmarks.rows import Row, number

WIDTH = 960
LABEL, BAR = 470, 300
STEP = 26
MOST = 1.25
"""Bars end here: what is over its budget by more is cut off."""

GOOD, BAD, INK, PALE = "#2f7d4f", "#b5382a", "#222222", "#dddddd"
COLOURS = ("#2f7d4f", "#2b5f9e")


def _page(height: int, parts: Sequence[str]) -> str:
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" width="{WIDTH}"'
        f' height="{height}" font-family="sans-serif" font-size="12" fill="{INK}">'
    )
    return "\n".join([head, f'<rect width="{WIDTH}" height="{height}" fill="white"/>', *parts, "</svg>\n"])


def _text(x: float, y: float, said: str, anchor: str = "start") -> str:
    return f'<text x="{x:.0f}" y="{y:.0f}" text-anchor="{anchor}">{escape(said)}</text>'


def _line(x1: float, y1: float, x2: float, y2: float, colour: str = PALE) -> str:
    return f'<line x1="{x1:.0f}" y1="{y1:.0f}" x2="{x2:.0f}" y2="{y2:.0f}" stroke="{colour}"/>'


def _bar(y: float, length: float, colour: str) -> str:
    return f'<rect x="{LABEL}" y="{y:.0f}" width="{length:.1f}" height="16" fill="{colour}"/>'


def budgets(rows: Sequence[Row]) -> str:
    """How much of each budget is used: what ends left of the line is within it."""
    parts = [_text(16, 26, "How much of each budget is used")]
    limit = LABEL + BAR / MOST
    top = 44
    for index, row in enumerate(rows):
        y = top + index * STEP
        length = BAR * min(row.share, MOST) / MOST
        sign = "≥" if row.at_least else "≤"
        said = f"{number(row.value)} {row.unit}  ({sign} {number(row.budget)})"
        parts += [
            _text(LABEL - 8, y + 15, row.what, "end"),
            _bar(y + 3, max(length, 1), GOOD if row.is_met else BAD),
            _text(LABEL + BAR + 8, y + 15, said),
        ]
    bottom = top + len(rows) * STEP
    parts += [_line(limit, top - 4, limit, bottom + 4, INK), _text(limit, bottom + 20, "budget", "middle")]
    return _page(bottom + 32, parts)


def courses(title: str, unit: str, series: Mapping[str, Sequence[tuple[float, float]]]) -> str:
    """Figures over time, in minutes, one line each."""
    left, right, top, bottom = 60, WIDTH - 120, 44, 260
    last = max(x for points in series.values() for x, _ in points) or 1.0
    most = max(y for points in series.values() for _, y in points) * 1.1 or 1.0

    def place(x: float, y: float) -> tuple[float, float]:
        return left + (right - left) * x / last, bottom - (bottom - top) * y / most

    parts = [_text(16, 26, f"{title}, {unit}")]
    for quarter in range(5):
        value, minute = most * quarter / 4, last * quarter / 4
        (_, y), (x, _) = place(0, value), place(minute, 0)
        parts += [
            _line(left, y, right, y),
            _text(left - 8, y + 4, f"{value:.0f}", "end"),
            _text(x, bottom + 20, f"{minute:.0f} min", "middle"),
        ]
    for (name, points), colour in zip(series.items(), COLOURS, strict=False):
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in (place(*point) for point in points))
        parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>')
        x, y = place(*points[-1])
        parts.append(_text(x + 8, y + 4, name))
    return _page(bottom + 36, parts)
