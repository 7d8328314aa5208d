"""A vendor's limit on requests a second."""

from __future__ import annotations

from collections import deque


class RateLimit:
    """At most `most` requests in any second (0: any number); refused ones count, too."""

    def __init__(self, most: int) -> None:
        self._recent: deque[float] = deque(maxlen=most)

    def exceeded(self, now: float) -> bool:
        """Count the request that has come, and say whether it is one too many. `now` in monotonic seconds."""
        recent = self._recent
        too_many = bool(recent) and len(recent) == recent.maxlen and now - recent[0] < 1.0
        recent.append(now)
        return too_many

    def clear(self) -> None:
        """Forget the requests that came."""
        self._recent.clear()
