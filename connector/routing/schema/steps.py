"""The check of an event against a schema in counted steps, none done twice: which also says what is wrong, and where.

Slower than the library by far, and never more than it is allowed: for events that the library might never be done
with, and for what it would say at any length. Says the same as the library wherever that is done in time.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping
from typing import Any, NamedTuple

from connector.routing.schema import words
from connector.routing.schema.parts import Part, Parts, Raw
from connector.routing.schema.seen import EndlessPatternError, TooMuchError, unevaluated

# A step is about 1 µs, as much as so many of the library's units; a check of its own costs so many steps.
_UNITS = 90
_CHECK = 4


class Fault(NamedTuple):
    """Why a value does not match: what is said of it, or the subschema that something at `step` does not match.

    `named`: that something is a property's name.
    """

    message: str | None = None
    step: str | int | None = None
    raw: Raw = None
    value: Any = None
    named: bool = False


# A check asks for other checks, and is given their outcome: recursion as deep as events and schemas are.
_Check = Generator[tuple[Raw, Any], Fault | None, Fault | None]
_KEYWORDS = {
    "_dependent": {"dependencies", "dependentSchemas"},
    "_all_of": {"allOf"},
    "_any_of": {"anyOf"},
    "_one_of": {"oneOf"},
    "_not": {"not"},
    "_if": {"if"},
    "_rest": {"unevaluatedProperties", "unevaluatedItems"},
}
_FALSE = Fault("False schema does not allow the value")


class Steps:
    """One event's check. `most`: how many steps it may take."""

    def __init__(self, parts: Parts, leaves: words.Leaves, most: int) -> None:
        self.parts = parts
        self._leaves = leaves
        self.left = most
        self._found: dict[tuple[int, int], Fault | None] = {}

    def mistake(self, event: Any) -> tuple[list[str | int], str] | None:
        """Where something is wrong with an event, and what; None if nothing is. Raises TooMuchError."""
        fault = self._run(self.parts.root, event)
        if fault is None:
            return None
        path: list[str | int] = []
        name = None
        while fault.message is None:
            if fault.step is not None:
                path.append(fault.step)
            name = fault.value if fault.named else name
            fault = (self._found[id(fault.raw), id(fault.value)] if isinstance(fault.raw, dict) else None) or _FALSE
        return path, fault.message if name is None else words.of_name(fault.message, name)

    def _run(self, raw: Raw, value: Any) -> Fault | None:
        if isinstance(raw, bool):
            return None if raw else _FALSE
        keys = [(id(raw), id(value))]
        checks = [self._check(self.parts.part(raw), value)]
        open_ = set(keys)
        outcome: Fault | None = None
        started = False
        while checks:
            try:
                raw, value = checks[-1].send(outcome) if started else next(checks[-1])
            except StopIteration as done:
                checks.pop()
                key = keys.pop()
                open_.discard(key)
                outcome = self._found[key] = done.value
                started = True
                continue
            started = True
            self.spend(1)
            if isinstance(raw, bool):
                outcome = None if raw else _FALSE
                continue
            key = (id(raw), id(value))
            if key in self._found:
                outcome = self._found[key]
            elif key in open_:  # it applies itself to the same value: what the library then says depends on the way
                raise TooMuchError
            else:
                self.spend(_CHECK)
                keys.append(key)
                open_.add(key)
                checks.append(self._check(self.parts.part(raw), value))
                started = False
        return outcome

    def spend(self, steps: int) -> None:
        """Counts steps before they are taken. Raises TooMuchError."""
        self.left -= steps
        if self.left < 0:
            raise TooMuchError

    def _check(self, part: Part, value: Any) -> _Check:
        if not part.sure:
            raise TooMuchError
        if not self._held(part, value):
            return Fault(self._leaves.said(part, value))
        if isinstance(value, dict):
            fault = yield from self._object(part, value)
        elif isinstance(value, list):
            fault = yield from self._array(part, value)
        else:
            fault = None
        return fault or (yield from self._same(part, value))

    def _object(self, part: Part, value: Mapping[str, Any]) -> _Check:
        uses = part.uses
        named = uses.get("properties", {})
        self.spend(len(named) // _UNITS)
        there = [name for name in named if name in value]
        # What is quick to tell comes first: {"type": {"const": …}} rules an alternative out before all that is in it.
        for name in sorted(there, key=lambda name: self._deep(named[name])):
            if (yield named[name], value[name]) is not None:
                return Fault(None, name, named[name], value[name])
        if uses.keys() & {"patternProperties", "additionalProperties"}:
            fault = yield from self._unnamed(part, value)
            if fault is not None:
                return fault
        for name in value if "propertyNames" in uses else ():
            if (yield uses["propertyNames"], name) is not None:
                return Fault(None, None, uses["propertyNames"], name, named=True)
        return None

    def _unnamed(self, part: Part, value: Mapping[str, Any]) -> _Check:
        """Properties by their pattern, and all others."""
        named = part.uses.get("properties", ())
        additional = part.uses.get("additionalProperties", True)
        others: list[str] = []
        self.spend(len(value) // 8)
        for name, child in value.items():
            if additional is False and len(others) == words.NAMED:
                break
            matching = self.matching(part, name)
            if not matching and name not in named:
                others.append(name)
            for raw in matching:
                if (yield raw, child) is not None:
                    return Fault(None, name, raw, child)
        if others and additional is False:
            return Fault(self._leaves.additional(others))
        for name in others:
            if (yield additional, value[name]) is not None:
                return Fault(None, name, additional, value[name])
        return None

    def _array(self, part: Part, value: list[Any]) -> _Check:
        first, rest = part.first(), part.rest()
        for index, raw in enumerate(first[: len(value)]):
            if (yield raw, value[index]) is not None:
                return Fault(None, index, raw, value[index])
        if rest is False and len(value) > len(first) and isinstance(part.uses["items"], list):
            return Fault(words.additional_items(len(value) - len(first)))
        for index in range(len(first), len(value)) if rest is not None else ():
            if (yield rest, value[index]) is not None:
                return Fault(None, index, rest, value[index])
        if "contains" in part.uses:
            count = 0
            for item in value:
                count += (yield part.uses["contains"], item) is None
            least, most = part.contained
            if count < least or (most is not None and count > most):
                return Fault(words.CONTAINS)
        if part.raw.get("uniqueItems") is True and not words.unique(value, self.spend):
            return Fault(words.UNIQUE)
        return None

    def _same(self, part: Part, value: Any) -> _Check:
        """What is applied to the value itself, in the library's order."""
        uses = part.uses
        for check in self._dependent, self._all_of, self._any_of, self._one_of, self._not, self._if, self._rest:
            if uses.keys() & _KEYWORDS[check.__name__]:
                fault = yield from check(part, value)
                if fault is not None:
                    return fault
        for raw in part.targets:
            if (yield raw, value) is not None:
                return Fault(None, None, raw, value)
        return None

    def _dependent(self, part: Part, value: Any) -> _Check:
        if not isinstance(value, dict):
            return None
        for keyword in ("dependencies", "dependentSchemas"):
            for name, raw in part.uses.get(keyword, {}).items():
                if name in value and isinstance(raw, list):
                    missing = [other for other in raw if other not in value]
                    if missing:
                        return Fault(self._leaves.required(missing[0]))
                elif name in value and (yield raw, value) is not None:
                    return Fault(None, None, raw, value)
        return None

    def _all_of(self, part: Part, value: Any) -> _Check:
        for raw in part.uses["allOf"]:
            if (yield raw, value) is not None:
                return Fault(None, None, raw, value)
        return None

    def _any_of(self, part: Part, value: Any) -> _Check:
        for raw in part.uses["anyOf"]:
            if not self._refused(raw, value) and (yield raw, value) is None:
                return None
        return Fault(words.ANY_OF)

    def _one_of(self, part: Part, value: Any) -> _Check:
        count = 0
        for raw in part.uses["oneOf"]:
            count += not self._refused(raw, value) and (yield raw, value) is None
            if count > 1:
                return Fault(words.SEVERAL_OF)
        return None if count else Fault(words.ONE_OF)

    def _refused(self, raw: Raw, value: Any) -> bool:
        """Whether a look tells that a value does not match: most alternatives go by its type, or by one property."""
        if isinstance(raw, bool):
            return not raw
        part = self.parts.part(raw)
        if not self._held(part, value):
            return True
        if isinstance(value, dict):
            for name, child in part.uses.get("properties", {}).items():
                if name in value and isinstance(child, dict):
                    there = self.parts.part(child)
                    if not there.uses and not self._held(there, value[name]):
                        return True
        return False

    def _held(self, part: Part, value: Any) -> bool:
        """Whether a value is what a subschema's own assertions ask for."""
        if not part.leaf:
            return True
        text = part.text.of(value) if isinstance(value, str) else 0
        self.spend(1 + (part.weight + text) // _UNITS)
        holds = self._leaves.hold(part, value)
        if not holds and text and part.text.tries and self._leaves.unknown(part.leaf["pattern"], value):
            raise EndlessPatternError
        return holds

    def _not(self, part: Part, value: Any) -> _Check:
        raw = part.uses["not"]
        return Fault(self._leaves.forbidden(raw)) if (yield raw, value) is None else None

    def _if(self, part: Part, value: Any) -> _Check:
        holds = (yield part.uses["if"], value) is None
        raw = part.uses.get("then" if holds else "else", True)
        return Fault(None, None, raw, value) if (yield raw, value) is not None else None

    def _rest(self, part: Part, value: Any) -> _Check:
        """The unevaluated… keywords."""
        if isinstance(value, dict) and "unevaluatedProperties" in part.uses:
            names = yield from unevaluated(self, part, "unevaluatedProperties", value, value)
            return Fault(self._leaves.unevaluated(names)) if names else None
        if isinstance(value, list) and "unevaluatedItems" in part.uses:
            indexes = yield from unevaluated(self, part, "unevaluatedItems", value, range(len(value)))
            return Fault(words.unevaluated_items(len(indexes))) if indexes else None
        return None

    def matching(self, part: Part, name: str) -> list[Raw]:
        """The subschemas of patternProperties whose pattern a name matches."""
        patterns = part.uses.get("patternProperties")
        if not patterns:
            return []
        self.spend(1 + part.name.of(name) // _UNITS)
        if part.name.tries and any(self._leaves.unknown(pattern, name) for pattern in patterns):
            raise EndlessPatternError
        return [raw for pattern, raw in patterns.items() if self._leaves.matches(pattern, name)]

    def _deep(self, raw: Raw) -> bool:
        return not isinstance(raw, bool) and bool(self.parts.part(raw).uses)
