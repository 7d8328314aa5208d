"""Why an expression came out null on an event, for people: the names that objects have, never a value. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from connector.errors import ExpressionError
from connector.expressions.compiler import compile_tree
from connector.expressions.kinds import NUMBERS, json_type
from connector.expressions.nodes import Node
from connector.expressions.null_words import OF_RECORD, counted, joined, nearest, other_names, reader
from connector.expressions.parser import parse
from connector.expressions.writing import written
from connector.model import Evaluate, Event, Record

_EXPRESSION_SHOWN = 60
_CONSTANTS = frozenset({"true", "false", "null"})


class _Place(NamedTuple):
    """Where a part of an expression stands.

    `within` puts a node there: after the links before it, with what `let` binds around it. `whole` is what messages
    call the value that it begins at; `bound` are the variables, each with its node and the place of that.
    """

    within: Callable[[Node], Node]
    whole: str
    bound: Mapping[str, tuple[Node, _Place]] = {}


_TOP = _Place(lambda node: node, "the event")


class _Scene(NamedTuple):
    """What an expression is asked about. `shown` is the event as people may see it."""

    event: Event
    record: Record
    shown: Event


class NullCauses:
    """One expression, or one condition, which is asked why it came out null.

    With `each`, an expression that yields a list, it begins at one of that list's elements. Each part that is asked is
    compiled once, when it is first needed. One thread. Raises ExpressionError if an expression does not parse.
    """

    def __init__(self, text: str, each: str | None = None) -> None:
        self._text = text
        self._tree = parse(text)
        self._each = None if each is None else parse(each)
        self._compiled: dict[str, Evaluate] = {}  # by the repr() of a node: nodes with lists have no hash
        self._of_elements: dict[int, Evaluate] = {}
        self._kinds: Mapping[str, Callable[[Node, _Place, _Scene], list[str]]] = {
            "field": self._of_field,
            "index": self._of_field,
            "slice": self._of_field,
            "chain": self._of_chain,
            "projection": self._of_list,
            "flatten": self._of_list,
            "call": self._of_call,
            "or": self._of_or,
            "arithmetic": self._of_operators,
            "sign": self._of_operators,
            "and": self._of_and,
            "compare": self._of_order,
            "let": self._of_let,
            "variable": self._of_variable,
        }

    def value(self, event: Event, record: Record, element: int = 0) -> Any:
        """Return the expression's value, of the element of this number (from 1) where there is an `each`.

        Raises ExpressionError.
        """
        if element not in self._of_elements:
            self._of_elements[element] = self._function(self._start(element).within(self._tree))
        return self._of_elements[element](event, record)

    def of_value(self, event: Event, record: Record, shown: Event, element: int = 0) -> str:
        """Return why the expression is null on this event. Names that `shown` does not have are not told."""
        scene, start = _Scene(event, record, shown), self._start(element)
        if self._tree.kind == "field":
            base = self._value(start.within(_HERE), scene)
            if isinstance(base, dict) and self._tree.value not in base:
                return f"the expression {_of_lone_name(self._tree, self._shown_names(start, scene))}"
        said = joined(self._of(self._tree, start, scene))
        if not said:
            return f"the expression {self._short()} gave null"
        if len(self._text) > _EXPRESSION_SHOWN or said.startswith(f"{self._short()} "):
            return said
        return f"{self._short()}: {said}"

    def in_condition(self, event: Event, record: Record, shown: Event) -> list[str]:
        """Return why what the condition compares or looks at is null on this event; none where nothing of it is."""
        return list(dict.fromkeys(self._of_operands(self._tree, _Scene(event, record, shown))))

    # --- by kind of node ---------------------------------------------------------------------------------------------

    def _of(self, node: Node, place: _Place, scene: _Scene) -> list[str]:
        """Return why a node that is null is null."""
        return self._kinds[node.kind](node, place, scene) if node.kind in self._kinds else []

    def _of_field(self, node: Node, place: _Place, scene: _Scene) -> list[str]:
        return self._of_links((node,), place, scene)

    def _of_chain(self, node: Node, place: _Place, scene: _Scene) -> list[str]:
        return self._of_links(_links(node), place, scene)

    def _of_operators(self, node: Node, place: _Place, scene: _Scene) -> list[str]:
        return self._of_nulls(node.children, place, scene)

    def _of_and(self, node: Node, place: _Place, scene: _Scene) -> list[str]:
        return self._of_nulls(node.children, place, scene)[:1]

    def _of_or(self, node: Node, place: _Place, scene: _Scene) -> list[str]:
        """Every operand is null, empty or false; what is empty would not have been null by itself."""
        causes = []
        for operand in node.children:
            child = self._deciding(operand, place, scene) if operand.kind == "and" else operand
            if self._value(place.within(child), scene) in ("", [], {}):
                causes += [f"{written((child,))} is empty"] if written((child,)) else []
            else:
                causes += self._of_nulls([child], place, scene)
        return causes

    def _of_order(self, node: Node, place: _Place, scene: _Scene) -> list[str]:
        causes = self._of_nulls(node.children, place, scene)
        return causes or [f"{node.value} compares two numbers or two texts, and here is something else"]

    def _of_let(self, node: Node, place: _Place, scene: _Scene) -> list[str]:
        *values, body = node.children
        bound = {name: (value, place) for name, value in zip(node.value, values, strict=True)}
        inner = place._replace(
            within=lambda part: place.within(Node("let", node.value, (*values, part), 0)),
            bound={**place.bound, **bound},
        )
        return self._of(body, inner, scene)

    def _of_variable(self, node: Node, place: _Place, scene: _Scene) -> list[str]:
        value, there = place.bound[node.value]
        return self._of(value, there, scene) or [f"${node.value} is null"]

    def _of_links(self, links: Sequence[Node], place: _Place, scene: _Scene) -> list[str]:
        """Return where a path stops: the first link that is null, and what the one before it has."""
        for at, link in enumerate(links):
            before = _after(links[:at], place)
            if self._value(before.within(link), scene) is not None:
                continue
            if link.kind in ("field", "index", "slice"):
                return [self._of_link(link, links[:at], before, scene)]
            return self._of(link, before, scene)
        return []

    def _of_link(self, link: Node, before: Sequence[Node], place: _Place, scene: _Scene) -> str:
        base = self._value(place.within(_HERE), scene)
        if base is None:
            return f"{place.whole} is null"
        if link.kind == "field" and isinstance(base, dict):
            if link.value in base:
                path = written((*before, link))
                return f"{path} is null in this event" if path else f"{link.value} is null in {place.whole}"
            return f"{place.whole} has no {link.value}{other_names(link.value, self._shown_names(place, scene))}"
        if link.kind == "index" and isinstance(base, list):
            return f"{place.whole} has {counted(len(base))}: there is no [{link.value}]"
        wanted = "an object" if link.kind == "field" else "an array"
        return f"{place.whole} is {json_type(base)}, not {wanted}{reader(base, written(before), link)}"

    def _of_list(self, node: Node, place: _Place, scene: _Scene) -> list[str]:
        base = node.children[0]
        value = self._value(place.within(base), scene)
        if value is None:
            return self._of(base, place, scene)
        return [f"{written((base,)) or 'what stands before it'} is {json_type(value)}, not an array"]

    def _of_call(self, node: Node, place: _Place, scene: _Scene) -> list[str]:
        if node.value in OF_RECORD:
            return [OF_RECORD[node.value](node, scene.record)]
        causes = self._of_nulls([child for child in node.children if child.kind != "expression"], place, scene)
        return causes or [f"{node.value}() gave null"]

    def _of_nulls(self, nodes: Iterable[Node], place: _Place, scene: _Scene) -> list[str]:
        """Return why each of these nodes that is null is null; those that are null by themselves say nothing."""
        causes = [
            cause
            for node in nodes
            if node.kind != "literal" and self._value(place.within(node), scene) is None
            for cause in self._of(node, place, scene)
        ]
        return list(dict.fromkeys(causes))

    def _of_operands(self, node: Node, scene: _Scene) -> list[str]:
        if node.kind == "and":  # the first that is not true decides
            return self._of_operands(self._deciding(node, _TOP, scene), scene)
        if node.kind == "or":
            return [cause for child in node.children for cause in self._of_operands(child, scene)]
        if node.kind == "not":
            return []  # null makes it true
        if node.kind == "compare":
            return self._of_comparison(node, scene)
        return self._of_nulls((node,), _TOP, scene)

    def _of_comparison(self, node: Node, scene: _Scene) -> list[str]:
        literals = [child.value for child in node.children if child.kind == "literal"]
        if None in literals:  # it asks whether that is null
            return []
        causes = []
        for child in node.children:
            if not literals and child.kind == "field" and child.value not in scene.event:  # it may be meant as a text
                causes.append(_of_lone_name(child, scene.shown))
            else:
                causes += self._of_nulls([child], _TOP, scene)
        return causes

    def _deciding(self, node: Node, place: _Place, scene: _Scene) -> Node:
        """Return the first operand of && that is not true (or raises), else the last."""
        return next(
            (child for child in node.children if not self._is_true(place.within(child), scene)), node.children[-1]
        )

    def _is_true(self, node: Node, scene: _Scene) -> bool:
        value = self._value(node, scene)
        return value is not _RAISED and (bool(value) or type(value) in NUMBERS)

    # --- words -------------------------------------------------------------------------------------------------------

    def _shown_names(self, place: _Place, scene: _Scene) -> Iterable[str]:
        """Return which names the object at a place has, as far as they may be shown."""
        shown = self._value(place.within(_HERE), scene._replace(event=scene.shown))
        return shown if isinstance(shown, dict) else ()

    def _short(self) -> str:
        text = " ".join(self._text.split())
        return text if len(text) <= _EXPRESSION_SHOWN else text[: _EXPRESSION_SHOWN - 1] + "…"

    def _start(self, element: int) -> _Place:
        """Return the place at which the expression begins."""
        if self._each is None:
            return _TOP
        links = self._each, Node("index", element - 1, (), 0)
        return _Place(lambda node: Node("chain", None, (*links, node), 0), "the element")

    def _value(self, node: Node, scene: _Scene) -> Any:
        """Return a node's value; what cannot be evaluated counts as something that is not null."""
        try:
            return self._function(node)(scene.event, scene.record)
        except ExpressionError:
            return _RAISED

    def _function(self, node: Node) -> Evaluate:
        key = repr(node)
        if key not in self._compiled:
            self._compiled[key] = compile_tree(node)
        return self._compiled[key]


_HERE = Node("current", None, (), 0)
_RAISED = object()


def _of_lone_name(node: Node, names: Iterable[str]) -> str:
    """Return what a name may be meant as that the object has not; `names` are those that it has."""
    name = node.value
    said = f"{written((node,))} is a path and gave null"
    near = nearest(name, names)
    if near is not None:
        said += f"; did you mean {near}?"
    if name.lower() in _CONSTANTS:
        return f"{said}; the value stands in backticks: `{name.lower()}`"
    return f"{said}; a text stands in quotes: '{name}'"


def _links(node: Node) -> tuple[Node, ...]:
    """Return the links of a chain one after the other; chains among them are taken apart, for they say the same."""
    if node.kind != "chain":
        return (node,)
    return tuple(link for child in node.children for link in _links(child))


def _after(links: Sequence[Node], place: _Place) -> _Place:
    """Return the place after these links."""
    if not links:
        return place
    whole = "the event" if written(links) == "$" else written(links) or "what stands before it"
    return place._replace(
        within=lambda node: place.within(Node("chain", None, (*links, node), links[0].column)), whole=whole
    )
