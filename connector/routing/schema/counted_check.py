"""The check of an event against a schema in counted steps, each subschema once for each value; finds the first
violation.

Much slower than the library, but never takes more steps than allowed: for events on which the library might take too
long, and for messages that it might make too long. Agrees with the library wherever both finish.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping
from typing import Any, NamedTuple

from connector.routing.schema import assertions
from connector.routing.schema.subschemas import Raw, SchemaDocument, Subschema
from connector.routing.schema.unevaluated import TooManyStepsError, UndecidedPatternError, unevaluated_members

# A step takes about 1 µs, as long as 90 units in the library; starting the check of a subschema takes four steps.
_UNITS_PER_STEP = 90
_STEPS_PER_CHECK = 4


class Violation(NamedTuple):
    """The reason why a value does not match: a message, or the subschema that its child or property name violates."""

    message: str | None = None
    step: str | int | None = None
    raw: Raw = None
    value: Any = None
    is_property_name: bool = False


# A check yields (subschema, value) to have it checked and receives the result: recursion without Python's stack.
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
    """The check of one event, in at most `max_steps` steps."""

    def __init__(self, document: SchemaDocument, checker: assertions.AssertionChecker, max_steps: int) -> None:
        self.document = document
        self._assertions = checker
        self.steps_left = max_steps
        self._results: dict[tuple[int, int], Violation | None] = {}

    def find_violation(self, event: Any) -> tuple[list[str | int], str] | None:
        """Return the path and the message of the first violation; None if there is none. Raises TooManyStepsError."""
        violation = self._run(self.document.root, event)
        if violation is None:
            return None
        path: list[str | int] = []
        name = None
        while violation.message is None:
            if violation.step is not None:
                path.append(violation.step)
            name = violation.value if violation.is_property_name else name
            violation = (
                self._results[id(violation.raw), id(violation.value)] if isinstance(violation.raw, dict) else None
            ) or _FALSE
        return path, violation.message if name is None else assertions.about_property_name(violation.message, name)

    def _run(self, raw: Raw, value: Any) -> Violation | None:
        if isinstance(raw, bool):
            return None if raw else _FALSE
        keys = [(id(raw), id(value))]
        checks = [self._check(self.document.subschema(raw), value)]
        running = set(keys)
        outcome: Violation | None = None
        started = False
        while checks:
            try:
                raw, value = checks[-1].send(outcome) if started else next(checks[-1])
            except StopIteration as done:
                checks.pop()
                key = keys.pop()
                running.discard(key)
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
            elif key in running:  # it applies itself to the same value: the library's answer then depends on the path
                raise TooManyStepsError
            else:
                self.spend(_STEPS_PER_CHECK)
                keys.append(key)
                running.add(key)
                checks.append(self._check(self.document.subschema(raw), value))
                started = False
        return outcome

    def spend(self, steps: int) -> None:
        """Count steps before they are taken. Raises TooManyStepsError."""
        self.steps_left -= steps
        if self.steps_left < 0:
            raise TooManyStepsError

    def _check(self, subschema: Subschema, value: Any) -> _Check:
        if not subschema.refs_resolved:
            raise TooManyStepsError
        if not self._assertions_hold(subschema, value):
            return Violation(self._assertions.explain(subschema, value))
        if isinstance(value, dict):
            violation = yield from self._check_object(subschema, value)
        elif isinstance(value, list):
            violation = yield from self._check_array(subschema, value)
        else:
            violation = None
        return violation or (yield from self._check_in_place(subschema, value))

    def _check_object(self, subschema: Subschema, value: Mapping[str, Any]) -> _Check:
        applicators = subschema.applicators
        named = applicators.get("properties", {})
        self.spend(len(named) // _UNITS_PER_STEP)
        present = [name for name in named if name in value]
        # Quick checks first: {"type": {"const": …}} rules an alternative out before its other properties are checked.
        for name in sorted(present, key=lambda name: self._has_applicators(named[name])):
            if (yield named[name], value[name]) is not None:
                return Violation(None, name, named[name], value[name])
        if applicators.keys() & {"patternProperties", "additionalProperties"}:
            violation = yield from self._check_other_properties(subschema, value)
            if violation is not None:
                return violation
        for name in value if "propertyNames" in applicators else ():
            if (yield applicators["propertyNames"], name) is not None:
                return Violation(None, None, applicators["propertyNames"], name, is_property_name=True)
        return None

    def _check_other_properties(self, subschema: Subschema, value: Mapping[str, Any]) -> _Check:
        """Check the properties that match a pattern, and all that are neither named nor match one."""
        named = subschema.applicators.get("properties", ())
        additional = subschema.applicators.get("additionalProperties", True)
        others: list[str] = []
        self.spend(len(value) // 8)
        for name, child in value.items():
            if additional is False and len(others) == assertions.MAX_NAMES:
                break
            matching = self.matching(subschema, name)
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

    def _check_array(self, subschema: Subschema, value: list[Any]) -> _Check:
        first, rest = subschema.prefix_items(), subschema.further_items()
        for index, raw in enumerate(first[: len(value)]):
            if (yield raw, value[index]) is not None:
                return Violation(None, index, raw, value[index])
        if rest is False and len(value) > len(first) and isinstance(subschema.applicators["items"], list):
            return Violation(assertions.additional_items_message(len(value) - len(first)))
        for index in range(len(first), len(value)) if rest is not None else ():
            if (yield rest, value[index]) is not None:
                return Violation(None, index, rest, value[index])
        if "contains" in subschema.applicators:
            count = 0
            for item in value:
                count += (yield subschema.applicators["contains"], item) is None
            least, most = subschema.contains_bounds
            if count < least or (most is not None and count > most):
                return Violation(assertions.CONTAINS)
        if subschema.raw.get("uniqueItems") is True and not assertions.all_unique(value, self.spend):
            return Violation(assertions.UNIQUE)
        return None

    def _check_in_place(self, subschema: Subschema, value: Any) -> _Check:
        """Check the subschemas that apply to the value itself, in the library's order."""
        applicators = subschema.applicators
        for check in self._dependent, self._all_of, self._any_of, self._one_of, self._not, self._if, self._unevaluated:
            if applicators.keys() & _KEYWORDS[check.__name__]:
                violation = yield from check(subschema, value)
                if violation is not None:
                    return violation
        for raw in subschema.ref_targets:
            if (yield raw, value) is not None:
                return Violation(None, None, raw, value)
        return None

    def _dependent(self, subschema: Subschema, value: Any) -> _Check:
        if not isinstance(value, dict):
            return None
        for keyword in ("dependencies", "dependentSchemas"):
            for name, raw in subschema.applicators.get(keyword, {}).items():
                if name in value and isinstance(raw, list):
                    missing = [other for other in raw if other not in value]
                    if missing:
                        return Violation(self._assertions.required_message(missing[0]))
                elif name in value and (yield raw, value) is not None:
                    return Violation(None, None, raw, value)
        return None

    def _all_of(self, subschema: Subschema, value: Any) -> _Check:
        for raw in subschema.applicators["allOf"]:
            if (yield raw, value) is not None:
                return Violation(None, None, raw, value)
        return None

    def _any_of(self, subschema: Subschema, value: Any) -> _Check:
        for raw in subschema.applicators["anyOf"]:
            if not self._refused_at_once(raw, value) and (yield raw, value) is None:
                return None
        return Violation(assertions.ANY_OF)

    def _one_of(self, subschema: Subschema, value: Any) -> _Check:
        count = 0
        for raw in subschema.applicators["oneOf"]:
            count += not self._refused_at_once(raw, value) and (yield raw, value) is None
            if count > 1:
                return Violation(assertions.SEVERAL_OF)
        return None if count else Violation(assertions.ONE_OF)

    def _refused_at_once(self, raw: Raw, value: Any) -> bool:
        """True if the value is refused without recursion: most alternatives differ by type, or by one property."""
        if isinstance(raw, bool):
            return not raw
        subschema = self.document.subschema(raw)
        if not self._assertions_hold(subschema, value):
            return True
        if isinstance(value, dict):
            for name, child in subschema.applicators.get("properties", {}).items():
                if name in value and isinstance(child, dict):
                    property_schema = self.document.subschema(child)
                    if not property_schema.applicators and not self._assertions_hold(property_schema, value[name]):
                        return True
        return False

    def _assertions_hold(self, subschema: Subschema, value: Any) -> bool:
        """True if a value satisfies a subschema's own assertions."""
        if not subschema.assertions:
            return True
        text = subschema.text_cost.for_text(value) if isinstance(value, str) else 0
        self.spend(1 + (subschema.weight + text) // _UNITS_PER_STEP)
        holds = self._assertions.holds(subschema, value)
        if (
            not holds
            and text
            and subschema.text_cost.backtracking
            and self._assertions.undecided(subschema.assertions["pattern"], value)
        ):
            raise UndecidedPatternError
        return holds

    def _not(self, subschema: Subschema, value: Any) -> _Check:
        raw = subschema.applicators["not"]
        return Violation(self._assertions.not_message(raw)) if (yield raw, value) is None else None

    def _if(self, subschema: Subschema, value: Any) -> _Check:
        holds = (yield subschema.applicators["if"], value) is None
        raw = subschema.applicators.get("then" if holds else "else", True)
        return Violation(None, None, raw, value) if (yield raw, value) is not None else None

    def _unevaluated(self, subschema: Subschema, value: Any) -> _Check:
        """Check the unevaluated… keywords."""
        if isinstance(value, dict) and "unevaluatedProperties" in subschema.applicators:
            names = yield from unevaluated_members(self, subschema, "unevaluatedProperties", value, value)
            return Violation(self._assertions.unevaluated_message(names)) if names else None
        if isinstance(value, list) and "unevaluatedItems" in subschema.applicators:
            indexes = yield from unevaluated_members(self, subschema, "unevaluatedItems", value, range(len(value)))
            return Violation(assertions.unevaluated_items_message(len(indexes))) if indexes else None
        return None

    def matching(self, subschema: Subschema, name: str) -> list[Raw]:
        """Return the subschemas of patternProperties whose pattern matches a name."""
        patterns = subschema.applicators.get("patternProperties")
        if not patterns:
            return []
        self.spend(1 + subschema.name_cost.for_text(name) // _UNITS_PER_STEP)
        if subschema.name_cost.backtracking and any(self._assertions.undecided(pattern, name) for pattern in patterns):
            raise UndecidedPatternError
        return [raw for pattern, raw in patterns.items() if self._assertions.matches(pattern, name)]

    def _has_applicators(self, raw: Raw) -> bool:
        return not isinstance(raw, bool) and bool(self.document.subschema(raw).applicators)
