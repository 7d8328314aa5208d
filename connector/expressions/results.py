"""What the functions give, by what is known of their arguments."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from connector.expressions.library import FUNCTIONS
from connector.expressions.nodes import Node
from connector.expressions.refinement import Value
from connector.expressions.shape_paths import named
from connector.expressions.shape_sets import any_value, union
from connector.expressions.shapes import (
    ANYTHING,
    IMPOSSIBLE,
    KINDS,
    NOTHING,
    Form,
    Shape,
    array_of,
    kept,
    of_kinds,
    or_null,
    without_null,
)
from connector.expressions.signatures import (
    ANY,
    ARRAY,
    BOOLEAN,
    ELEMENTS,
    NULL,
    NULL_OF_NULL,
    NUMBER,
    OBJECT,
    TEXT,
    Function,
    kinds_of,
)

# Functions whose signature lets every value pass, because they look at it themselves: what they do not refuse.
_SCALARS = frozenset({TEXT, NUMBER, BOOLEAN, NULL})
_LOOKS_ITSELF: Mapping[str, frozenset[str]] = {
    "digits": frozenset({TEXT, NUMBER, NULL}),
    "number": frozenset({TEXT, NUMBER, NULL}),
    "phone": frozenset({TEXT, NUMBER, NULL}),
    "sha256": _SCALARS,
    "text": _SCALARS,
    "unix": frozenset({TEXT, NUMBER, NULL}),
}
_TYPE_NAMES = {TEXT: "string", NUMBER: "number", BOOLEAN: "boolean", ARRAY: "array", OBJECT: "object", NULL: "null"}
# Texts whose results are worth knowing one by one.
_OF_EACH_TEXT: Mapping[str, Callable[[str], str]] = {"lower": str.lower, "upper": str.upper, "trim": str.strip}


def takes(name: str, index: int) -> frozenset[str]:
    """Return the kinds of an argument that a function does not refuse."""
    function = FUNCTIONS[name]
    words = function.takes(index)
    if ANY in words:
        return _LOOKS_ITSELF.get(name, KINDS) if index == 0 else KINDS
    kinds = kinds_of(words)
    return kinds | {NULL} if function.null_passes and index == 0 else kinds


def result(node: Node, arguments: Sequence[Value]) -> Shape:
    """Return what a call gives where it does not raise; of an argument such as &price, what the expression gives."""
    shapes = [value.shape for value in arguments]
    special = _SPECIAL.get(node.value)
    found = special(shapes, node) if special is not None else _by_signature(FUNCTIONS[node.value], shapes)
    function = FUNCTIONS[node.value]
    if shapes and NULL in shapes[0].kinds and (function.null_passes or NULL_OF_NULL in function.gives):
        return replace(or_null(found), because=found.because or shapes[0].because)
    return found


def _by_signature(function: Function, shapes: Sequence[Shape]) -> Shape:
    if ANY in function.gives:
        return ANYTHING
    each = _OF_EACH_TEXT.get(function.name)
    if each is not None and len(shapes) == 1 and shapes[0].texts is not None and TEXT in shapes[0].kinds:
        return Shape(frozenset({TEXT}), texts=frozenset(map(each, shapes[0].texts)))
    elements = [ELEMENTS[word] for word in function.gives if word in ELEMENTS]
    return array_of(of_kinds(elements)) if elements else of_kinds(kinds_of(function.gives) & KINDS)


def _not_null(shapes: Sequence[Shape], _node: Node) -> Shape:
    found = []
    for shape in shapes:
        found.append(without_null(shape))
        if shape.never_null:
            return union(found)
    known = all(shape.known_null for shape in shapes)
    return or_null(union(found), shapes[-1].because if known else "")


def _same(shapes: Sequence[Shape], _node: Node) -> Shape:
    """An array of the same elements, or a text."""
    array = kept(shapes[0], frozenset({ARRAY}))
    return union([array, of_kinds({TEXT})]) if TEXT in shapes[0].kinds else array


def _array(shapes: Sequence[Shape], _node: Node) -> Shape:
    return kept(shapes[0], frozenset({ARRAY}))


def _one_element(shapes: Sequence[Shape], _node: Node) -> Shape:
    return or_null(_elements(shapes[0]))


def _to_array(shapes: Sequence[Shape], _node: Node) -> Shape:
    return union([kept(shapes[0], frozenset({ARRAY})), array_of(kept(shapes[0], KINDS - {ARRAY}))])


def _groups(shapes: Sequence[Shape], _node: Node) -> Shape:
    group = array_of(_elements(shapes[0]))
    return Shape(frozenset({OBJECT}), forms=(Form({}, lambda: group),))


def _get(shapes: Sequence[Shape], node: Node) -> Shape:
    value, name = shapes[0], shapes[1]
    if name.texts is not None and NULL not in name.kinds:
        found = union(named(value, text) for text in name.texts)
    elif OBJECT not in value.kinds:
        found = NOTHING
    else:
        found = or_null(union(any_value(form) for form in value.forms))
    if len(node.children) < 3 or found.never_null:
        return found
    default = shapes[2] if found.known_null else replace(shapes[2], because="")
    return union([without_null(found), default])


def _type(shapes: Sequence[Shape], _node: Node) -> Shape:
    return Shape(frozenset({TEXT}), texts=frozenset(_TYPE_NAMES[kind] for kind in shapes[0].kinds))


def _elements(shape: Shape) -> Shape:
    return shape.element() if ARRAY in shape.kinds else IMPOSSIBLE


_SPECIAL: Mapping[str, Callable[[Sequence[Shape], Node], Shape]] = {
    "get": _get,
    "group_by": _groups,
    "map": lambda shapes, _node: array_of(shapes[0]),
    "max": _one_element,
    "max_by": _one_element,
    "min": _one_element,
    "min_by": _one_element,
    "not_null": _not_null,
    "reverse": _same,
    "sort": _array,
    "sort_by": _array,
    "to_array": _to_array,
    "type": _type,
}
