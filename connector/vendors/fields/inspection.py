"""All that a vendor's rules say of mapped values at once, for people: problems, what is left out, sizes.

Encoding stops at the first problem; this goes on. Both ask the same checks, so they cannot disagree.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from connector.errors import FieldError

# A rule on which fields must have a value: takes the checked values and the mapped ones. Raises FieldError.
Requirement = Callable[[dict[str, Any], Mapping[str, Any]], None]


class FieldProblem(NamedTuple):
    """One mistake. `fields` are those that it is about: one, or those of a group that lacks a value."""

    fields: Sequence[str]
    error: FieldError
    lacks_value: bool = False


class LeftOut(NamedTuple):
    """A value that was mapped and is not sent: an empty text, zeros in the place of a device's identifier.

    `path` is the field's name, and the parameter's where it is one of a nested field.
    """

    path: tuple[str, ...]
    why: str


class Inspection(NamedTuple):
    """What the rules of a method say of mapped values. `sizes` are bytes in the item, by path."""

    problems: Sequence[FieldProblem]
    left_out: Sequence[LeftOut]
    sizes: Mapping[tuple[str, ...], int]


# The mapped values, and the names of the fields whose expression raised: those lack no value.
Inspect = Callable[[Mapping[str, Any], Collection[str]], Inspection]


def inspect_by_encoding(encode: Callable[[dict[str, Any]], bytes]) -> Inspect:
    """Return the inspection of a method that has only an encoder: its first problem."""

    def inspect(values: Mapping[str, Any], raised: Collection[str]) -> Inspection:
        try:
            encode(dict(values))
        except FieldError as error:
            return Inspection([] if raised else [FieldProblem((), error)], (), {})
        return Inspection((), (), {})

    return inspect


class Required(NamedTuple):
    """A group of fields of which one must have a value (or only one may), with the rule that says so."""

    fields: Sequence[str]
    check: Requirement


@dataclass(frozen=True, slots=True)
class Inspector:
    """The rules of one method, asked one by one.

    `takes` describes each field's values. `coerce` checks and coerces values without asking which are required; it
    raises FieldError, and so does `write`, which encodes them.
    """

    takes: Mapping[str, str]
    nested: Collection[str]
    required: Sequence[Required]
    coerce: Callable[[dict[str, Any]], dict[str, Any]]
    write: Callable[[dict[str, Any]], bytes]

    def inspect(self, values: Mapping[str, Any], raised: Collection[str] = ()) -> Inspection:
        """Return every problem, every value that is left out, and the sizes of those that are sent."""
        found = _Found()
        for name, value in values.items():
            for path, part in self._parts(name, value):
                self._inspect_part(path, part, found)
        present = {**found.checked, **dict.fromkeys(raised), **dict.fromkeys(found.broken)}
        for rule in self.required:
            try:
                rule.check(present, values)
            except FieldError as error:
                lacks = not any(name in present for name in rule.fields)
                found.problems.append(FieldProblem(rule.fields, error, lacks))
        return Inspection(found.problems, found.left_out, found.sizes)

    def _parts(self, name: str, value: Any) -> Iterator[tuple[tuple[str, ...], Any]]:
        """Yield a field's value whole, or each parameter of a nested one by itself, with its path."""
        if name in self.nested and isinstance(value, dict):
            for key, part in value.items():
                yield (name, key), {key: part}
        else:
            yield (name,), value

    def _inspect_part(self, path: tuple[str, ...], value: Any, found: _Found) -> None:
        name = path[0]
        try:
            coerced = self.coerce({name: value})
            bare: dict[str, Any] = {name: {}} if isinstance(coerced.get(name), dict) else {}
            size = len(self.write(coerced)) - len(self.write(bare))
        except FieldError as error:
            found.problems.append(FieldProblem((name,), error))
            found.broken.add(name)
            return
        if name in coerced:
            found.checked[name] = coerced[name]
            found.sizes[path] = size
        elif value is not None:
            found.left_out.append(LeftOut(path, self._why_left_out(name, value)))

    def _why_left_out(self, name: str, value: Any) -> str:
        inner = next(iter(value.values()), None) if isinstance(value, dict) else value
        if inner is None:
            return "is null"
        return "is empty" if inner == "" else f"takes {self.takes[name]}"


@dataclass(slots=True)
class _Found:
    """What has been found so far. `broken` are fields with a value that a rule refuses."""

    problems: list[FieldProblem] = field(default_factory=list)
    left_out: list[LeftOut] = field(default_factory=list)
    sizes: dict[tuple[str, ...], int] = field(default_factory=dict)
    checked: dict[str, Any] = field(default_factory=dict)
    broken: set[str] = field(default_factory=set)
