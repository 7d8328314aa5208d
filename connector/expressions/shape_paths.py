"""Shapes along a path: what stands under a name, and what is left of an object where a value in it is known better."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import NamedTuple

from connector.expressions.shape_sets import union
from connector.expressions.shapes import (
    IMPOSSIBLE,
    MOST_FORMS,
    NOTHING,
    OPTIONAL,
    Form,
    Listing,
    Property,
    Shape,
    kept,
    or_null,
)
from connector.expressions.signatures import NULL, OBJECT

# What is left of a value of which something was found out: as a filter keeps some values of all.
Keep = Callable[[Shape], Shape]


class Lookup(NamedTuple):
    """What an object has under a name.

    `absent`: no event has it. `unlisted`: no form of the object lists the name, and each lists all that it has.
    `misspelt`: none lists it, and if there is a name like it, that one is meant.
    """

    shape: Shape
    absent: bool
    unlisted: bool
    misspelt: bool


def named(shape: Shape, name: str) -> Shape:
    """Return what stands under a name: null where the value is no object, as paths have it."""
    return look_up(shape, name).shape


def look_up(shape: Shape, name: str) -> Lookup:
    """Return what stands under a name, and whether it is a name that the object does not have."""
    forms = shape.forms if OBJECT in shape.kinds else ()
    found = union(_of_form(form, name) for form in forms)
    if shape.kinds - {OBJECT}:
        found = or_null(found)
        if shape.known_null:
            found = replace(found, because=shape.because)
    strange = bool(forms) and all(name not in form.properties for form in forms)
    absent = strange and all(form.others is None for form in forms)
    listing = {Listing.ALL if form.others is None else form.listing for form in forms} if strange else {Listing.NONE}
    return Lookup(found, absent, listing == {Listing.ALL}, listing <= {Listing.ALL, Listing.SOME})


def _of_form(form: Form, name: str) -> Shape:
    known = form.properties.get(name)
    if known is not None:
        shape = known.read()
        return shape if known.required else or_null(shape, "" if form.is_partial else OPTIONAL)
    return NOTHING if form.others is None else or_null(form.others())


def narrowed(shape: Shape, names: Sequence[str], keep: Keep) -> Shape:
    """Return what is left of a shape where `keep` holds of the value at the path of these names."""
    if not names:
        return keep(shape)
    takes_null = bool(keep(NOTHING).kinds)
    forms = tuple(form for each in shape.forms if (form := _narrowed_form(each, names, keep)) is not None)
    left = replace(shape, forms=forms)
    if not forms:
        left = kept(left, left.kinds - {OBJECT})
    return left if takes_null else kept(left, frozenset({OBJECT}))


def _narrowed_form(form: Form, names: Sequence[str], keep: Keep) -> Form | None:
    name, *rest = names
    inner = narrowed(_of_form(form, name), rest, keep)
    if not inner.kinds:
        return None
    return replace(form, properties={**form.properties, name: Property(lambda: inner, NULL not in inner.kinds)})


def told_apart(shape: Shape, paths: Iterable[Sequence[str]]) -> list[Shape]:
    """Return the shapes, each with one form at each of these paths and before it, that together make the shape.

    So what depends on a form, as which of two names is there, is not mixed up. None where they would be too many.
    """
    steps = dict.fromkeys(tuple(path[:length]) for path in paths for length in range(len(path)))
    worlds = [shape]
    for step in sorted(steps, key=len):
        worlds = [each for world in worlds for each in _forms_apart(world, step)]
        if len(worlds) > MOST_FORMS:
            return []
    return worlds


def _forms_apart(shape: Shape, path: Sequence[str]) -> list[Shape]:
    value = shape
    for name in path:
        value = named(value, name)
    if len(value.forms) < 2:
        return [shape]
    parts = [narrowed(shape, path, lambda each, at=index: _only_form(each, at)) for index in range(len(value.forms))]  # type: ignore[misc]
    if value.kinds - {OBJECT}:
        parts.append(narrowed(shape, path, lambda each: kept(each, each.kinds - {OBJECT})))
    return [part for part in parts if part.kinds]


def _only_form(shape: Shape, index: int) -> Shape:
    if index >= len(shape.forms):
        return IMPOSSIBLE
    return replace(kept(shape, frozenset({OBJECT})), forms=(shape.forms[index],))
