"""Small charts as inline SVG: a line over the last hour, and a bar of shares. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape

from connector.operations.sink_history import BUCKET_SECONDS, SAMPLES

WIDTH, HEIGHT = 240, 56
STEPS = SAMPLES // BUCKET_SECONDS
HEADROOM = 4  # so that a line at its peak is not cut


def line_chart(values: Sequence[float | None], label: str) -> str:
    """Return a line of the last hour's values (None: unknown, a gap), one each 30 seconds, the newest at the right
    edge."""
    peak = max((value for value in values if value is not None), default=0.0) or 1.0
    step = WIDTH / (STEPS - 1)
    left = WIDTH - step * (len(values) - 1)
    shapes = []
    for run in _runs(values):
        points = [(left + step * index, HEIGHT - 1 - (HEIGHT - 1 - HEADROOM) * value / peak) for index, value in run]
        # A single value becomes a line as long as one step.
        if len(points) == 1:
            points.insert(0, (points[0][0] - step, points[0][1]))
        line = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        shapes.append(
            f'<polygon points="{points[0][0]:.1f},{HEIGHT} {line} {points[-1][0]:.1f},{HEIGHT}"/>'
            f'<polyline points="{line}"/>'
        )
    return (
        f'<svg class="line" viewBox="0 0 {WIDTH} {HEIGHT}" preserveAspectRatio="none" role="img" '
        f'aria-label="{escape(label)}">{"".join(shapes)}</svg>'
    )


def share_bar(shares: Sequence[tuple[str, int]], label: str) -> str:
    """Return a bar divided into shares, each given by its CSS class and its size."""
    total = sum(size for _, size in shares)
    parts, at = [], 0.0
    for name, size in shares:
        width = 100 * size / total if total else 0.0
        parts.append(f'<rect class="{escape(name)}" x="{at:.2f}" y="0" width="{width:.2f}" height="8"/>')
        at += width
    return (
        '<svg class="bar" viewBox="0 0 100 8" preserveAspectRatio="none" role="img" '
        f'aria-label="{escape(label)}"><rect class="track" width="100" height="8"/>{"".join(parts)}</svg>'
    )


def _runs(values: Sequence[float | None]) -> Iterator[list[tuple[int, float]]]:
    """Yield the stretches of known values, each value with its index."""
    run: list[tuple[int, float]] = []
    for index, value in enumerate(values):
        if value is not None:
            run.append((index, value))
        elif run:
            yield run
            run = []
    if run:
        yield run
