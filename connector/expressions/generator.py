"""JMESPath syntax tree → the source of one Python expression.

In the source, `e` is the event (a dict), `r` its record, `t1`, `t2`, … hold values that are used twice, and other names
are bound in the generator's namespace. A node that the generator does not know becomes a call of the jmespath library.
"""

from __future__ import annotations

import operator
from collections import Counter
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

from connector.errors import ExpressionError
from connector.expressions import functions
from connector.expressions.library import built_in, interpret
from connector.expressions.parsing import Node, nodes

EVENT, RECORD = "e", "r"
NUMBERS = frozenset({int, float})
_COMPARABLE = NUMBERS | {str}
_COMPARISONS = {"lt": operator.lt, "lte": operator.le, "gt": operator.gt, "gte": operator.ge}
_OF_VALUE = ("unix", "text", "number", "digits", "sha256", "to_string")
_OF_RECORD = ("key", "header", "topic", "timestamp")
_EQUALITIES = {"eq": ("==", "is"), "ne": ("!=", "is not")}
_ORDER_SIGNS = {"lt": "<", "lte": "<=", "gt": ">", "gte": ">="}


class Generator:
    """Generates the expressions of one function; `namespace` collects the functions and constants they refer to."""

    def __init__(self) -> None:
        self.namespace: dict[str, Any] = {"NUMBERS": NUMBERS, "equal": json_equal, "order": json_compare}
        self.namespace |= {name: getattr(functions, name) for name in (*_OF_VALUE, *_OF_RECORD)}
        self._temporaries = 0
        # Names that hold a dict for every event.
        self._dicts = {EVENT}
        self._shared: dict[str, str] = {}
        self._nodes: dict[str, Callable[[Node, str], str]] = {
            "field": self._field,
            "index": self._index,
            "subexpression": self._chain,
            "index_expression": self._chain,
            "pipe": self._chain,
            "identity": self._current,
            "current": self._current,
            "literal": self._literal,
            "comparator": self._comparator,
            "and_expression": self._and,
            "or_expression": self._or,
            "not_expression": self._not,
            "multi_select_list": self._list,
            "multi_select_dict": self._dict,
            "function_expression": self._call,
        }

    def value(self, tree: Node) -> str:
        """Return the source of an expression's value."""
        source = self._source(tree, EVENT)
        return source if _readable(source) else self._library(tree, EVENT)

    def condition(self, tree: Node) -> str:
        """Return the source of an expression's truth, as a Python bool."""
        source = self._truth(tree, EVENT)
        return f"bool({source if _readable(source) else self._is_true(self._library(tree, EVENT))})"

    def share(self, trees: Iterable[Node]) -> list[str]:
        """Return statements that read a common first name of several expressions' paths once: user of user.id and
        user.age."""
        begins = Counter(node["children"][0]["value"] for tree in trees for node in nodes(tree) if _is_path(node))
        statements = []
        self.namespace["NOTHING"] = {}
        for begin, times in begins.items():
            if times > 1:
                name = self._shared[begin] = self._temporary()
                self._dicts.add(name)
                statements.append(f"{name} = {EVENT}.get({begin!r})")
                statements.append(f"if type({name}) is not dict: {name} = NOTHING")
        return statements

    def _source(self, node: Node, current: str) -> str:
        known = self._nodes.get(node["type"], self._library)
        return known(node, current)

    def _library(self, node: Node, current: str) -> str:
        return f"{self._bind(interpret(node))}({current}, {RECORD})"

    def _bind(self, value: Any) -> str:
        name = f"c{len(self.namespace)}"
        self.namespace[name] = value
        return name

    def _temporary(self) -> str:
        self._temporaries += 1
        return f"t{self._temporaries}"

    def _named(self, source: str, use: Callable[[str], str]) -> str:
        """Return the source that `use` makes of a name bound to `source`, for a value that is needed more than once."""
        if source.isidentifier():
            return use(source)
        name = self._temporary()
        return f"({name} := {source}, {use(name)})[1]"

    def _current(self, _node: Node, current: str) -> str:
        return current

    def _literal(self, node: Node, _current: str) -> str:
        value = node["value"]
        return self._bind(value) if type(value) in (list, dict) else repr(value)

    def _field(self, node: Node, current: str) -> str:
        if current in self._dicts:
            return f"{current}.get({node['value']!r})"
        name = self._temporary()
        return f"({name}.get({node['value']!r}) if type({name} := {current}) is dict else None)"

    def _index(self, node: Node, current: str) -> str:
        index, name = node["value"], self._temporary()
        long_enough = f"len({name}) >= {index + 1 if index >= 0 else -index}"
        return f"({name}[{index}] if type({name} := {current}) is list and {long_enough} else None)"

    def _chain(self, node: Node, current: str) -> str:
        children = node["children"]
        if current == EVENT and _is_path(node) and children[0]["value"] in self._shared:
            current, children = self._shared[children[0]["value"]], children[1:]
        for child in children:
            if child["type"] in ("field", "index"):  # these bind their own temporaries
                current = self._source(child, current)
            else:
                current = self._named(current, partial(self._source, child))
        return current

    def _comparator(self, node: Node, current: str) -> str:
        name, (left, right) = node["value"], node["children"]
        if name in _ORDER_SIGNS:
            return self._order(name, left, right, current)
        if (left["type"] == "literal") != (right["type"] == "literal"):
            literal, other = (left, right) if left["type"] == "literal" else (right, left)
            source = self._equals_literal(name, self._source(other, current), literal["value"])
            if source is not None:
                return source
        equality = f"equal({self._source(left, current)}, {self._source(right, current)})"
        return equality if name == "eq" else f"(not {equality})"

    def _equals_literal(self, name: str, source: str, value: Any) -> str | None:
        equals, same = _EQUALITIES[name]
        if value is None or type(value) is bool:
            return f"({source} {same} {value})"
        if type(value) is str or (type(value) in NUMBERS and value not in (0, 1)):
            return f"({source} {equals} {value!r})"
        if type(value) in NUMBERS:  # Python's True and False equal 1 and 0, JMESPath's do not
            operand = self._temporary()
            test = f"type({operand} := {source}) is not bool and {operand} == {value!r}"
            return f"({test})" if name == "eq" else f"(not ({test}))"
        return None

    def _order(self, name: str, left: Node, right: Node, current: str) -> str:
        source, limit = self._source(left, current), self._source(right, current)
        if right["type"] == "literal" and type(right["value"]) in NUMBERS:
            operand = self._temporary()
            otherwise = f"order({name!r}, {operand}, {limit})"
            return (
                f"({operand} {_ORDER_SIGNS[name]} {limit} if type({operand} := {source}) in NUMBERS else {otherwise})"
            )
        return f"order({name!r}, {source}, {limit})"

    def _truth(self, node: Node, current: str) -> str:
        """Return a Python condition: false for false, null, and an empty text, array or object; 0 is true."""
        if node["type"] in ("comparator", "not_expression"):
            return self._source(node, current)
        if node["type"] in ("and_expression", "or_expression"):
            word = node["type"].partition("_")[0]
            return f"({f' {word} '.join(self._truth(child, current) for child in node['children'])})"
        return self._is_true(self._source(node, current))

    def _is_true(self, source: str) -> str:
        name = self._temporary()
        return f"(({name} := {source}) or type({name}) in NUMBERS)"

    def _and(self, node: Node, current: str) -> str:
        left, right = node["children"]
        if left["type"] in ("comparator", "not_expression"):  # true, false or null: Python's `and` decides alike
            return f"({self._source(left, current)} and {self._source(right, current)})"
        name = self._temporary()
        test = f"({name} := {self._source(left, current)}) or type({name}) in NUMBERS"
        return f"({self._source(right, current)} if {test} else {name})"

    def _or(self, node: Node, current: str) -> str:
        left, right = node["children"]
        if left["type"] in ("comparator", "not_expression"):
            return f"({self._source(left, current)} or {self._source(right, current)})"
        name = self._temporary()
        test = f"({name} := {self._source(left, current)}) or type({name}) in NUMBERS"
        return f"({name} if {test} else {self._source(right, current)})"

    def _not(self, node: Node, current: str) -> str:
        return f"(not {self._truth(node['children'][0], current)})"

    def _list(self, node: Node, current: str) -> str:
        return self._unless_null(
            current, lambda name: f"[{', '.join(self._source(child, name) for child in node['children'])}]"
        )

    def _dict(self, node: Node, current: str) -> str:
        def pairs(name: str) -> str:
            return ", ".join(
                f"{pair['value']!r}: {self._source(pair['children'][0], name)}" for pair in node["children"]
            )

        return self._unless_null(current, lambda name: "{" + pairs(name) + "}")

    def _unless_null(self, current: str, build: Callable[[str], str]) -> str:
        if current == EVENT:
            return build(current)
        return self._named(current, lambda name: f"(None if {name} is None else {build(name)})")

    def _call(self, node: Node, current: str) -> str:
        name: str = node["value"]
        arguments = [self._source(child, current) for child in node["children"]]
        if name in _OF_RECORD:
            arguments.insert(0, RECORD)
        elif name not in _OF_VALUE:
            name = self._bind(built_in(name))
        return f"{name}({', '.join(arguments)})"


def _is_path(node: Node) -> bool:
    """True if a node begins with two names, as user.id does."""
    return node["type"] == "subexpression" and all(child["type"] == "field" for child in node["children"][:2])


def _readable(source: str) -> bool:
    """True if Python accepts the source: it refuses more than 200 nested brackets."""
    try:
        compile(source, "<expression>", "eval")
    except (SyntaxError, RecursionError, MemoryError):
        return False
    return True


# Called by the generated code where Python's own operators would decide otherwise than the jmespath library.


def json_equal(left: Any, right: Any) -> bool:
    """Return `left == right` as JMESPath decides it: as Python does, except that a boolean equals no number."""
    return bool(left == right) and (type(left) is bool) == (type(right) is bool)


def json_compare(name: str, left: Any, right: Any) -> bool | None:
    """Return the result of `lt`, `lte`, `gt` or `gte` for two numbers or two texts; None (null) for other types.

    Texts, by code points, are the jmespath library's extension. Raises ExpressionError, as the library does, for a
    text and a number: with null, an event would be skipped without a word because its producer quotes a number.
    """
    if type(left) not in _COMPARABLE or type(right) not in _COMPARABLE:
        return None
    if (type(left) is str) != (type(right) is str):
        raise ExpressionError("a text is compared with a number: wrap one side in number() or text()")
    return bool(_COMPARISONS[name](left, right))
