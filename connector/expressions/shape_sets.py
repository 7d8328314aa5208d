"""Shapes put together: a value of one shape or another, of both, or of one about which something remains unknown."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

from connector.expressions.kinds import json_type
from connector.expressions.shapes import (
    ANY_FORM,
    ANYTHING,
    IMPOSSIBLE,
    MOST_FORMS,
    Form,
    Later,
    Listing,
    Property,
    Shape,
    array_of,
    object_of,
    once,
    with_numbers,
    with_texts,
)
from connector.expressions.signatures import ARRAY, NULL, NUMBER, OBJECT, TEXT


def of_value(value: Any) -> Shape:
    """Return the shape of one known value."""
    kind = json_type(value)
    if kind == TEXT:
        return Shape(frozenset({TEXT}), texts=frozenset({value}))
    if kind == NUMBER:
        return Shape(frozenset({NUMBER}), numbers=frozenset({value}))
    if kind == ARRAY:
        elements = union(of_value(element) for element in value)
        return array_of(elements)
    if kind == OBJECT:
        return object_of({name: of_value(each) for name, each in value.items()})
    return Shape(frozenset({kind}))


def union(shapes: Iterable[Shape]) -> Shape:
    """Return the shape of a value that has one of these shapes."""
    result = IMPOSSIBLE
    for shape in shapes:
        result = _either(result, shape)
    return result


def _either(one: Shape, other: Shape) -> Shape:
    if not one.kinds or not other.kinds:
        return one if one.kinds else other
    if one is other:
        return one
    return Shape(
        one.kinds | other.kinds,
        _either_values(TEXT, one, other, one.texts, other.texts),
        _either_values(NUMBER, one, other, one.numbers, other.numbers),
        _either_allows(one, other),
        _few((*one.forms, *(form for form in other.forms if form not in one.forms))),
        _either_elements(one, other),
        one.because or other.because,
        one.is_partial or other.is_partial,
    )


def _either_values(
    kind: str, one: Shape, other: Shape, ones: frozenset[Any] | None, others: frozenset[Any] | None
) -> frozenset[Any] | None:
    if kind not in one.kinds or kind not in other.kinds:
        return ones if kind in one.kinds else others
    return None if ones is None or others is None else ones | others


def _either_allows(one: Shape, other: Shape) -> Callable[[Any], bool] | None:
    if one.allows is None and other.allows is None:
        return None
    return lambda value: one.can_be(value) or other.can_be(value)


def _either_elements(one: Shape, other: Shape) -> Later | None:
    if ARRAY not in one.kinds or ARRAY not in other.kinds:
        return one.elements if ARRAY in one.kinds else other.elements
    if one.elements is None or other.elements is None:
        return None
    return once(lambda: _either(one.element(), other.element()))


def _few(forms: tuple[Form, ...]) -> tuple[Form, ...]:
    return forms if len(forms) <= MOST_FORMS else (ANY_FORM,)


def both(one: Shape, other: Shape) -> Shape:
    """Return the shape of a value that has both shapes."""
    if one is ANYTHING or other is ANYTHING:
        return other if one is ANYTHING else one
    if one.is_partial != other.is_partial:
        one, other = softened(one), softened(other)
    kinds = one.kinds & other.kinds
    left = Shape(
        kinds,
        _both_values(one.texts, other.texts),
        _both_values(one.numbers, other.numbers),
        _both_allows(one.allows, other.allows),
        _both_forms(one.forms, other.forms) if OBJECT in kinds else (),
        _both_elements(one, other),
        (one.because or other.because) if NULL in kinds else "",
        one.is_partial,
    )
    if left.texts is not None:
        left = with_texts(left, left.texts)
    return left if left.numbers is None else with_numbers(left, left.numbers)


def _both_values(ones: frozenset[Any] | None, others: frozenset[Any] | None) -> frozenset[Any] | None:
    if ones is None or others is None:
        return others if ones is None else ones
    return ones & others


def _both_allows(
    one: Callable[[Any], bool] | None, other: Callable[[Any], bool] | None
) -> Callable[[Any], bool] | None:
    if one is None or other is None:
        return one or other
    return lambda value: one(value) and other(value)


def _both_elements(one: Shape, other: Shape) -> Later | None:
    if one.elements is None or other.elements is None:
        return one.elements or other.elements
    return once(lambda: both(one.element(), other.element()))


def _both_forms(ones: tuple[Form, ...], others: tuple[Form, ...]) -> tuple[Form, ...]:
    if len(ones) * len(others) > MOST_FORMS:
        fewer = ones if len(ones) <= len(others) else others
        return tuple(partial(form) for form in fewer)
    return tuple(_both_form(one, other) for one in ones for other in others)


def _both_form(one: Form, other: Form) -> Form:
    if one is ANY_FORM or other is ANY_FORM:
        return other if one is ANY_FORM else one
    if one.is_partial != other.is_partial:
        one, other = partial(one), partial(other)
    names = [*one.properties, *(name for name in other.properties if name not in one.properties)]
    return Form(
        {name: _both_property(name, one, other) for name in names},
        _both_later(one.others, other.others),
        max(one.listing, other.listing),
        one.is_partial,
    )


def _both_later(one: Later | None, other: Later | None) -> Later | None:
    return None if one is None or other is None else once(lambda: both(one(), other()))


def _both_property(name: str, one: Form, other: Form) -> Property:
    parts = [part for part in (one.properties.get(name), other.properties.get(name)) if part is not None]
    reads = [form.properties[name].read if name in form.properties else form.others for form in (one, other)]
    required = any(part.required for part in parts)
    return Property(_both_later(*reads) or (lambda: IMPOSSIBLE), required)


def partial(form: Form) -> Form:
    """Return a form of which more may be required or excluded than it says, at every depth."""
    if form.is_partial:
        return form
    properties = {
        name: Property(once(lambda read=each.read: softened(read())), each.required)  # type: ignore[misc]
        for name, each in form.properties.items()
    }
    others = form.others
    return Form(properties, None if others is None else once(lambda: softened(others())), Listing.NONE, True)


def softened(shape: Shape) -> Shape:
    """Return a shape of which more may be required or excluded than it says: "optional" is no knowledge then."""
    if shape.is_partial:
        return shape
    elements = shape.elements
    return replace(
        shape,
        because="",
        forms=tuple(map(partial, shape.forms)),
        elements=None if elements is None else once(lambda: softened(elements())),
        is_partial=True,
    )


def any_value(form: Form) -> Shape:
    """Return what stands under any name of an object."""
    values = [each.read() for each in form.properties.values()]
    return union(values) if form.others is None else ANYTHING
