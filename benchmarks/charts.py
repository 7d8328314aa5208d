"""Bar charts as small SVG files, readable on light and dark pages."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

WIDTH, LABELS, LINE, TOP = 640, 210, 28, 44
FONT = 'font-family="system-ui, sans-serif" font-size="14"'


def bars(title: str, values: Sequence[tuple[str, float]]) -> str:
    """One horizontal bar for each labelled value (not negative), all from zero on one scale."""
    height = TOP + LINE * len(values) + 12
    scale = (WIDTH - LABELS - 90) / (max((value for _, value in values), default=0.0) or 1.0)
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img" {FONT}>',
        f"<title>{escape(title)}</title>",
        f'<rect width="{WIDTH}" height="{height}" rx="6" fill="#ffffff"/>',
        f'<text x="16" y="26" font-weight="600" fill="#1f2328">{escape(title)}</text>',
    ]
    for index, (label, value) in enumerate(values):
        y = TOP + LINE * index
        width = max(value * scale, 1.0)
        lines += [
            f'<text x="{LABELS - 10}" y="{y + 17}" text-anchor="end" fill="#1f2328">{escape(label)}</text>',
            f'<rect x="{LABELS}" y="{y + 3}" width="{width:.1f}" height="{LINE - 8}" rx="2" fill="#2f6f9f"/>',
            f'<text x="{LABELS + width + 8:.1f}" y="{y + 17}" fill="#1f2328">{_short(value)}</text>',
        ]
    return "\n".join([*lines, "</svg>", ""])


def _short(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}"
