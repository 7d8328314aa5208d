"""The check of an event against a schema in counted steps, none done twice: which also says what is wrong, and where.

Slower than the library by far, and never more than it is allowed: for events that the library might never be done
with, and for what it would say at any length. Says the same as the library wherever that is done in time.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Mapping
from typing import Any, NamedTuple

from connector.routing import schema_words as words
from connector.routing.schema_parts import Part, Parts, Raw

# A step is about 1 µs, as much as so many of the library's units.
_UNITS = 90


class TooMuchError(Exception):
    """The steps allowed do not suffice, or one of the schema's references cannot be followed."""


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
_Seen = Generator[tuple[Raw, Any], Fault | None, None]
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
        self._parts = parts
        self._leaves = leaves
        self.left = most
        self._found: dict[tuple[int, int], Fault | None] = {}

    def mistake(self, event: Any) -> tuple[list[str | int], str] | None:
        """Where something is wrong with an event, and what; None if nothing is. Raises TooMuchError."""
        fault = self._run(self._parts.root, event)
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
        checks = [self._check(self._parts.part(raw), value)]
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
            if isinstance(raw, bool):
                outcome = None if raw else _FALSE
                continue
            key = (id(raw), id(value))
            if key in self._found:
                outcome = self._found[key]
            elif key in open_:  # it applies itself to the same value: what the library then says depends on the way
                raise TooMuchError
            else:
                self._spend(1)
                keys.append(key)
                open_.add(key)
                checks.append(self._check(self._parts.part(raw), value))
                started = False
        return outcome

    def _spend(self, steps: int) -> None:
        self.left -= steps
        if self.left < 0:
            raise TooMuchError

    def _check(self, part: Part, value: Any) -> _Check:
        if not part.sure:
            raise TooMuchError
        if part.leaf:
            text = part.text.of(value) if isinstance(value, str) else 0
            self._spend((part.weight + text) // _UNITS)
            if not self._leaves.hold(part, value):
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
        self._spend(len(named) // _UNITS)
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
        others = []
        for name, child in value.items():
            matching = self._matching(part, name)
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
        if part.raw.get("uniqueItems") is True and not words.unique(value, self._spend):
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
            if (yield raw, value) is None:
                return None
        return Fault(words.ANY_OF)

    def _one_of(self, part: Part, value: Any) -> _Check:
        count = 0
        for raw in part.uses["oneOf"]:
            count += (yield raw, value) is None
            if count > 1:
                return Fault(words.SEVERAL_OF)
        return None if count else Fault(words.ONE_OF)

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
            names = yield from self._unevaluated(part, "unevaluatedProperties", value, value)
            return Fault(self._leaves.unevaluated(names)) if names else None
        if isinstance(value, list) and "unevaluatedItems" in part.uses:
            indexes = yield from self._unevaluated(part, "unevaluatedItems", value, range(len(value)))
            return Fault(words.unevaluated_items(len(indexes))) if indexes else None
        return None

    def _unevaluated(
        self, part: Part, keyword: str, value: Any, places: Iterable[str | int]
    ) -> Generator[tuple[Raw, Any], Fault | None, list[str | int]]:
        """The names or indexes that nothing has evaluated, and that the keyword's own subschema does not take."""
        seen: set[str | int] = set()
        yield from self._evaluated(part, value, seen, part, ())
        wrong = []
        for place in places:
            if place not in seen and (yield part.uses[keyword], value[place]) is not None:
                wrong.append(place)  # noqa: PERF401 (a comprehension cannot yield)
        return wrong

    def _evaluated(self, part: Part, value: Any, seen: set[str | int], top: Part, above: tuple[int, ...]) -> _Seen:
        """Adds the names or indexes that a subschema which holds, and those that it applies, have evaluated."""
        if id(part) in above:
            return
        uses = part.uses
        self._spend(1 + len(value))
        if isinstance(value, dict):
            seen.update(name for name in uses.get("properties", ()) if name in value)
            seen.update(name for name in value if "patternProperties" in uses and self._matching(part, name))
            if "additionalProperties" in uses or ("unevaluatedProperties" in uses and part is not top):
                seen.update(value)
        else:
            seen.update(range(len(value) if part.rest() is not None else min(len(part.first()), len(value))))
            if "unevaluatedItems" in uses and part is not top:
                seen.update(range(len(value)))
            if "contains" in uses and self._parts.counts_contained:
                for index, item in enumerate(value):
                    if (yield uses["contains"], item) is None:
                        seen.add(index)
        for raw in (yield from self._holding(part, value)):
            if isinstance(raw, dict):
                yield from self._evaluated(self._parts.part(raw), value, seen, top, (*above, id(part)))

    def _holding(self, part: Part, value: Any) -> Generator[tuple[Raw, Any], Fault | None, list[Raw]]:
        """Of the subschemas applied to the same value, those that hold and evaluate something."""
        uses = part.uses
        found = list(part.targets)
        if "if" in uses:
            holds = (yield uses["if"], value) is None
            found += [uses["if"], uses.get("then")] if holds else [uses.get("else")]
        if isinstance(value, dict):
            found += [raw for name, raw in uses.get("dependentSchemas", {}).items() if name in value]
        for keyword in ("allOf", "anyOf", "oneOf"):
            for raw in uses.get(keyword, ()):
                if (yield raw, value) is None:
                    found.append(raw)
        return found

    def _matching(self, part: Part, name: str) -> list[Raw]:
        """The subschemas of patternProperties whose pattern a name matches."""
        patterns = part.uses.get("patternProperties")
        if not patterns:
            return []
        self._spend(1 + part.name.of(name) // _UNITS)
        return [raw for pattern, raw in patterns.items() if self._leaves.matches(pattern, name)]

    def _deep(self, raw: Raw) -> bool:
        return not isinstance(raw, bool) and bool(self._parts.part(raw).uses)
