"""What is known of a value before any event is seen: its kinds, its properties, whether it may be null.

A shape claims too little rather than too much: every value that can occur fits it. What is not known is ANYTHING. It
knows nothing of where it was read from, so that any kind of schema can become one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from enum import IntEnum
from typing import Any

from connector.expressions.kinds import json_type
from connector.expressions.signatures import ARRAY, BOOLEAN, NULL, NUMBER, OBJECT, TEXT

KINDS = frozenset({TEXT, NUMBER, BOOLEAN, ARRAY, OBJECT, NULL})
# Why a value may be null, where that is known and not only not excluded.
OPTIONAL, NULLABLE = "is optional", "may be null"
# How many forms of an object are kept apart; of more, less is known.
MOST_FORMS = 32

# A shape that is read when it is needed: schemas may contain themselves.
Later = Callable[[], "Shape"]


class Listing(IntEnum):
    """Whether an object's author meant to list all of its names; of two statements the greater one counts.

    Nothing is said; all are listed, even though others are let pass; others are welcome; any name is as good.
    """

    UNSAID, ALL, SOME, NONE = range(4)


@dataclass(frozen=True, slots=True, eq=False)
class Property:
    """The value under one name of an object, and whether every object of that form has the name."""

    read: Later
    required: bool


@dataclass(frozen=True, slots=True, eq=False)
class Form:
    """One form of an object. `others` is what other names than those of `properties` may hold; None: there are none.

    `is_partial`: more may be required or excluded than stands here, so that "optional" is no knowledge.
    """

    properties: Mapping[str, Property]
    others: Later | None
    listing: Listing = Listing.UNSAID
    is_partial: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Shape:
    """What a value can be.

    `kinds`: one of these (see connector.expressions.signatures); none of them means that there is no such value.
    `texts` and `numbers`: if it is one, then one of these (None: any). `allows` is false for texts and numbers that it
    can never be (None: not known). `forms`: if it is an object, then of one of these forms. `elements`: if it is an
    array, what its elements are. `because` says why it may be null; "" where that is not known. `is_partial`: more is
    excluded than stands here, so that what it is said to be allowed may be forbidden all the same.
    """

    kinds: frozenset[str]
    texts: frozenset[str] | None = None
    numbers: frozenset[float] | None = None
    allows: Callable[[Any], bool] | None = None
    forms: tuple[Form, ...] = ()
    elements: Later | None = None
    because: str = ""
    is_partial: bool = False

    @property
    def never_null(self) -> bool:
        """True if the value is certainly there."""
        return NULL not in self.kinds

    @property
    def known_null(self) -> bool:
        """True if it is known that the value may be null, by what `because` says."""
        return NULL in self.kinds and bool(self.because)

    def element(self) -> Shape:
        """Return what the elements are, if it is an array."""
        return ANYTHING if self.elements is None else self.elements()

    def can_be(self, value: Any) -> bool:
        """Return whether it can be this value; of arrays and objects only the kind counts."""
        kind = json_type(value)
        if kind not in self.kinds:
            return False
        if kind not in (TEXT, NUMBER):
            return True
        known: frozenset[Any] | None = self.texts if kind == TEXT else self.numbers
        return (known is None or value in known) and (self.allows is None or self.allows(value))


ANY_FORM = Form({}, others=lambda: ANYTHING)
ANYTHING: Shape = Shape(KINDS, forms=(ANY_FORM,))
IMPOSSIBLE = Shape(frozenset())
NOTHING = Shape(frozenset({NULL}))


def of_kinds(kinds: Iterable[str]) -> Shape:
    """Return the shape of which only the kinds are known."""
    return kept(ANYTHING, frozenset(kinds))


def array_of(elements: Shape) -> Shape:
    """Return the shape of an array with such elements."""
    return Shape(frozenset({ARRAY}), elements=lambda: elements)


def object_of(properties: Mapping[str, Shape]) -> Shape:
    """Return the shape of an object with exactly these names."""
    form = Form({name: Property(lambda each=shape: each, True) for name, shape in properties.items()}, None)  # type: ignore[misc]
    return Shape(frozenset({OBJECT}), forms=(form,))


def once(read: Later) -> Later:
    """Return the reader of a shape that reads it at most once."""
    known: list[Shape] = []

    def remembered() -> Shape:
        if not known:
            known.append(read())
        return known[0]

    return remembered


def kept(shape: Shape, kinds: frozenset[str]) -> Shape:
    """Return the shape of those values that are of one of these kinds."""
    left = shape.kinds & kinds
    return replace(
        shape,
        kinds=left,
        forms=shape.forms if OBJECT in left else (),
        because=shape.because if NULL in left else "",
    )


def without_null(shape: Shape) -> Shape:
    """Return the shape of those values that are not null."""
    return kept(shape, KINDS - {NULL})


def or_null(shape: Shape, because: str = "") -> Shape:
    """Return the shape of a value that may also be null."""
    if NULL in shape.kinds:
        return shape
    return replace(shape, kinds=shape.kinds | {NULL}, because=because)


def truthy(shape: Shape) -> Shape:
    """Return the shape of those values that count as true: not null, false or empty."""
    left = without_null(shape)
    return left if left.texts is None else with_texts(left, left.texts - {""})


def falsy(shape: Shape) -> Shape:
    """Return the shape of those values that count as false; no number does."""
    left = kept(shape, KINDS - {NUMBER})
    if TEXT not in left.kinds:
        return left
    return with_texts(left, frozenset({""}) if left.can_be("") else frozenset())


def with_texts(shape: Shape, texts: frozenset[str]) -> Shape:
    """Return the shape of those values that, where they are texts, are among these."""
    left = replace(shape, texts=texts)
    return left if texts else kept(left, KINDS - {TEXT})


def with_numbers(shape: Shape, numbers: frozenset[float]) -> Shape:
    """Return the shape of those values that, where they are numbers, are among these."""
    left = replace(shape, numbers=numbers)
    return left if numbers else kept(left, KINDS - {NUMBER})
