"""The check of an event against a schema in counted steps, none done twice: which also says what is wrong, and where.

Slower than the library by far, and never more than it is allowed: for events that the library might never be done
with, and for what it would say at any length. Says the same as the library wherever that is done in time.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping
from typing import Any, NamedTuple

from connector.routing.schema import assertions
from connector.routing.schema.subschemas import Raw, SchemaDocument, Subschema
from connector.routing.schema.unevaluated import TooManyStepsError, UndecidedPatternError, unevaluated_members

# A step is about 1 µs, as much as so many of the library's units; a check of its own costs so many steps.
_UNITS_PER_STEP = 90
_STEPS_PER_CHECK = 4


class Violation(NamedTuple):
    """Why a value does not match: what is said of it, or the subschema that something at `step` does not match.

    `named`: that something is a property's name.
    """

    message: str | None = None
    step: str | int | None = None
    raw: Raw = None
    value: Any = None
    is_property_name: bool = False


# A check asks for other checks, and is given their outcome: recursion as deep as events and schemas are.
_Check = Generator[tuple[Raw, Any], Violation | None, Violation | None]
_KEYWORDS = {
    "_dependent": {"dependencies", "dependentSchemas"},
    "_all_of": {"allOf"},
    "_any_of": {"anyOf"},
    "_one_of": {"oneOf"},
    "_not": {"not"},
    "_if": {"if"},
    "_unevaluated": {"unevaluatedProperties", "unevaluatedItems"},
}
_FALSE = Violation("False schema does not allow the value")


class CountedCheck:
    """One event's check. `most`: how many steps it may take."""

    def __init__(self, parts: SchemaDocument, leaves: assertions.AssertionChecker, most: int) -> None:
        self.document = parts
        self._assertions = leaves
        self.steps_left = most
        self._results: dict[tuple[int, int], Violation | None] = {}

    def find_violation(self, event: Any) -> tuple[list[str | int], str] | None:
        """Where something is wrong with an event, and what; None if nothing is. Raises TooMuchError."""
        fault = self._run(self.document.root, event)
        if fault is None:
            return None
        path: list[str | int] = []
        name = None
        while fault.message is None:
            if fault.step is not None:
                path.append(fault.step)
            name = fault.value if fault.is_property_name else name
            fault = (self._results[id(fault.raw), id(fault.value)] if isinstance(fault.raw, dict) else None) or _FALSE
        return path, fault.message if name is None else assertions.about_property_name(fault.message, name)

    def _run(self, raw: Raw, value: Any) -> Violation | None:
        if isinstance(raw, bool):
            return None if raw else _FALSE
        keys = [(id(raw), id(value))]
        checks = [self._check(self.document.subschema(raw), value)]
        open_ = set(keys)
        outcome: Violation | None = None
        started = False
        while checks:
            try:
                raw, value = checks[-1].send(outcome) if started else next(checks[-1])
            except StopIteration as done:
                checks.pop()
                key = keys.pop()
                open_.discard(key)
                outcome = self._results[key] = done.value
                started = True
                continue
            started = True
            self.spend(1)
            if isinstance(raw, bool):
                outcome = None if raw else _FALSE
                continue
            key = (id(raw), id(value))
            if key in self._results:
                outcome = self._results[key]
            elif key in open_:  # it applies itself to the same value: what the library then says depends on the way
                raise TooManyStepsError
            else:
                self.spend(_STEPS_PER_CHECK)
                keys.append(key)
                open_.add(key)
                checks.append(self._check(self.document.subschema(raw), value))
                started = False
        return outcome

    def spend(self, steps: int) -> None:
        """Counts steps before they are taken. Raises TooMuchError."""
        self.steps_left -= steps
        if self.steps_left < 0:
            raise TooManyStepsError

    def _check(self, part: Subschema, value: Any) -> _Check:
        if not part.refs_resolved:
            raise TooManyStepsError
        if not self._assertions_hold(part, value):
            return Violation(self._assertions.explain(part, value))
        if isinstance(value, dict):
            fault = yield from self._check_object(part, value)
        elif isinstance(value, list):
            fault = yield from self._check_array(part, value)
        else:
            fault = None
        return fault or (yield from self._check_in_place(part, value))

    def _check_object(self, part: Subschema, value: Mapping[str, Any]) -> _Check:
        uses = part.applicators
        named = uses.get("properties", {})
        self.spend(len(named) // _UNITS_PER_STEP)
        there = [name for name in named if name in value]
        # What is quick to tell comes first: {"type": {"const": …}} rules an alternative out before all that is in it.
        for name in sorted(there, key=lambda name: self._has_applicators(named[name])):
            if (yield named[name], value[name]) is not None:
                return Violation(None, name, named[name], value[name])
        if uses.keys() & {"patternProperties", "additionalProperties"}:
            fault = yield from self._check_other_properties(part, value)
            if fault is not None:
                return fault
        for name in value if "propertyNames" in uses else ():
            if (yield uses["propertyNames"], name) is not None:
                return Violation(None, None, uses["propertyNames"], name, is_property_name=True)
        return None

    def _check_other_properties(self, part: Subschema, value: Mapping[str, Any]) -> _Check:
        """Properties by their pattern, and all others."""
        named = part.applicators.get("properties", ())
        additional = part.applicators.get("additionalProperties", True)
        others: list[str] = []
        self.spend(len(value) // 8)
        for name, child in value.items():
            if additional is False and len(others) == assertions.MAX_NAMES:
                break
            matching = self.matching(part, name)
            if not matching and name not in named:
                others.append(name)
            for raw in matching:
                if (yield raw, child) is not None:
                    return Violation(None, name, raw, child)
        if others and additional is False:
            return Violation(self._assertions.additional_message(others))
        for name in others:
            if (yield additional, value[name]) is not None:
                return Violation(None, name, additional, value[name])
        return None

    def _check_array(self, part: Subschema, value: list[Any]) -> _Check:
        first, rest = part.prefix_items(), part.further_items()
        for index, raw in enumerate(first[: len(value)]):
            if (yield raw, value[index]) is not None:
                return Violation(None, index, raw, value[index])
        if rest is False and len(value) > len(first) and isinstance(part.applicators["items"], list):
            return Violation(assertions.additional_items_message(len(value) - len(first)))
        for index in range(len(first), len(value)) if rest is not None else ():
            if (yield rest, value[index]) is not None:
                return Violation(None, index, rest, value[index])
        if "contains" in part.applicators:
            count = 0
            for item in value:
                count += (yield part.applicators["contains"], item) is None
            least, most = part.contains_bounds
            if count < least or (most is not None and count > most):
                return Violation(assertions.CONTAINS)
        if part.raw.get("uniqueItems") is True and not assertions.all_unique(value, self.spend):
            return Violation(assertions.UNIQUE)
        return None

    def _check_in_place(self, part: Subschema, value: Any) -> _Check:
        """What is applied to the value itself, in the library's order."""
        uses = part.applicators
        for check in self._dependent, self._all_of, self._any_of, self._one_of, self._not, self._if, self._unevaluated:
            if uses.keys() & _KEYWORDS[check.__name__]:
                fault = yield from check(part, value)
                if fault is not None:
                    return fault
        for raw in part.ref_targets:
            if (yield raw, value) is not None:
                return Violation(None, None, raw, value)
        return None

    def _dependent(self, part: Subschema, value: Any) -> _Check:
        if not isinstance(value, dict):
            return None
        for keyword in ("dependencies", "dependentSchemas"):
            for name, raw in part.applicators.get(keyword, {}).items():
                if name in value and isinstance(raw, list):
                    missing = [other for other in raw if other not in value]
                    if missing:
                        return Violation(self._assertions.required_message(missing[0]))
                elif name in value and (yield raw, value) is not None:
                    return Violation(None, None, raw, value)
        return None

    def _all_of(self, part: Subschema, value: Any) -> _Check:
        for raw in part.applicators["allOf"]:
            if (yield raw, value) is not None:
                return Violation(None, None, raw, value)
        return None

    def _any_of(self, part: Subschema, value: Any) -> _Check:
        for raw in part.applicators["anyOf"]:
            if not self._refused_at_once(raw, value) and (yield raw, value) is None:
                return None
        return Violation(assertions.ANY_OF)

    def _one_of(self, part: Subschema, value: Any) -> _Check:
        count = 0
        for raw in part.applicators["oneOf"]:
            count += not self._refused_at_once(raw, value) and (yield raw, value) is None
            if count > 1:
                return Violation(assertions.SEVERAL_OF)
        return None if count else Violation(assertions.ONE_OF)

    def _refused_at_once(self, raw: Raw, value: Any) -> bool:
        """Whether a look tells that a value does not match: most alternatives go by its type, or by one property."""
        if isinstance(raw, bool):
            return not raw
        part = self.document.subschema(raw)
        if not self._assertions_hold(part, value):
            return True
        if isinstance(value, dict):
            for name, child in part.applicators.get("properties", {}).items():
                if name in value and isinstance(child, dict):
                    there = self.document.subschema(child)
                    if not there.applicators and not self._assertions_hold(there, value[name]):
                        return True
        return False

    def _assertions_hold(self, part: Subschema, value: Any) -> bool:
        """Whether a value is what a subschema's own assertions ask for."""
        if not part.assertions:
            return True
        text = part.text_cost.for_text(value) if isinstance(value, str) else 0
        self.spend(1 + (part.weight + text) // _UNITS_PER_STEP)
        holds = self._assertions.holds(part, value)
        if (
            not holds
            and text
            and part.text_cost.backtracking
            and self._assertions.undecided(part.assertions["pattern"], value)
        ):
            raise UndecidedPatternError
        return holds

    def _not(self, part: Subschema, value: Any) -> _Check:
        raw = part.applicators["not"]
        return Violation(self._assertions.not_message(raw)) if (yield raw, value) is None else None

    def _if(self, part: Subschema, value: Any) -> _Check:
        holds = (yield part.applicators["if"], value) is None
        raw = part.applicators.get("then" if holds else "else", True)
        return Violation(None, None, raw, value) if (yield raw, value) is not None else None

    def _unevaluated(self, part: Subschema, value: Any) -> _Check:
        """The unevaluated… keywords."""
        if isinstance(value, dict) and "unevaluatedProperties" in part.applicators:
            names = yield from unevaluated_members(self, part, "unevaluatedProperties", value, value)
            return Violation(self._assertions.unevaluated_message(names)) if names else None
        if isinstance(value, list) and "unevaluatedItems" in part.applicators:
            indexes = yield from unevaluated_members(self, part, "unevaluatedItems", value, range(len(value)))
            return Violation(assertions.unevaluated_items_message(len(indexes))) if indexes else None
        return None

    def matching(self, part: Subschema, name: str) -> list[Raw]:
        """The subschemas of patternProperties whose pattern a name matches."""
        patterns = part.applicators.get("patternProperties")
        if not patterns:
            return []
        self.spend(1 + part.name_cost.for_text(name) // _UNITS_PER_STEP)
        if part.name_cost.backtracking and any(self._assertions.undecided(pattern, name) for pattern in patterns):
            raise UndecidedPatternError
        return [raw for pattern, raw in patterns.items() if self._assertions.matches(pattern, name)]

    def _has_applicators(self, raw: Raw) -> bool:
        return not isinstance(raw, bool) and bool(self.document.subschema(raw).applicators)
