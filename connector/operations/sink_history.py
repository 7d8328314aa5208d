"""The last hour of a sink in samples, one each second: the data of the charts and of the present rate. Pure."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from typing import NamedTuple

SAMPLES = 3_600
RATE_SECONDS = 10.0
BUCKET_SECONDS = 30


class HistorySample(NamedTuple):
    """Counters at one moment (monotonic seconds): pairs settled since the start, and the lag (None: unknown)."""

    at: float
    settled: int
    lag: int | None


class Point(NamedTuple):
    """One point of the charts: events per second over 30 seconds, and their highest lag (None: unknown)."""

    rate: float
    lag: int | None


class SinkHistory:
    """The samples of one sink."""

    def __init__(self) -> None:
        self._samples: deque[HistorySample] = deque(maxlen=SAMPLES + 1)

    def record_sample(self, sample: HistorySample) -> None:
        """Add the sample of one second."""
        self._samples.append(sample)

    def rate(self) -> float:
        """Return the events settled per second over the last ten seconds."""
        if len(self._samples) < 2:
            return 0.0
        last = first = self._samples[-1]
        for sample in reversed(self._samples):
            if last.at - sample.at > RATE_SECONDS:
                break
            first = sample
        return _rate(first, last)

    def points(self) -> list[Point]:
        """Return the last hour in steps of 30 seconds, oldest first; fewer after a start."""
        samples = list(self._samples)
        points: list[Point] = []
        for end in range(len(samples) - 1, 0, -BUCKET_SECONDS):
            begin = max(0, end - BUCKET_SECONDS)
            lags = [sample.lag for sample in samples[begin + 1 : end + 1] if sample.lag is not None]
            points.append(Point(_rate(samples[begin], samples[end]), max(lags, default=None)))
        return points[::-1]


def _rate(first: HistorySample, last: HistorySample) -> float:
    seconds = last.at - first.at
    return (last.settled - first.settled) / seconds if seconds > 0 else 0.0


def drain_seconds(lag: int | None, events_per_record: float, rate: float) -> float | None:
    """Return how long the lag (in records) takes at this rate (events per second); None if that is unknown."""
    if lag is None or (lag and rate <= 0):
        return None
    return lag * events_per_record / rate if lag else 0.0


def covered_seconds(points: Sequence[object]) -> int:
    """Return how many seconds so many points cover."""
    return len(points) * BUCKET_SECONDS
