"""Every kind of mistake that `check` and `preview` name, by its name."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from connector.mistakes import each
from connector.mistakes.kind import MistakeKind

_KINDS: tuple[MistakeKind, ...] = (*each.KINDS,)
MISTAKES: Mapping[str, MistakeKind] = MappingProxyType({kind.name: kind for kind in _KINDS})
