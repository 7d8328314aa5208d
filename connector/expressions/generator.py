"""Syntax tree → the source of one Python expression.

In the source `e` is the event (a dict), `r` its record, `x` an element of a list of the event, where paths begin at
that; `t1`, `t2`, … hold what is used twice, `v1`, `v2`, … what `let` binds, and other names are bound in the
generator's namespace. A part that is nested too deep for Python's own parser becomes a function of its own there.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any

from connector.errors import ExpressionError
from connector.expressions.kinds import NUMBERS
from connector.expressions.library import FUNCTIONS
from connector.expressions.nodes import Node, walk
from connector.expressions.numbers import OPERATIONS, calculation
from connector.expressions.semantics import equal, flatten, order
from connector.expressions.signatures import checked

EVENT, RECORD, ELEMENT = "e", "r", "x"
# Python takes 200 nested brackets. A node's source nests its children in so many of them at most; each link of a chain
# nests in the next, and so do the operands of && and ||.
_BRACKETS, _BRACKETS_A_LINK = 8, 3
# What would be nested deeper than this, beside a node's own brackets, becomes a function of its own.
_INLINE_BRACKETS = 80
_INLINE_LENGTH = 20
# The names that `let` has bound → the Python names that hold them.
Scope = Mapping[str, str]
_EQUALITIES = {"==": ("==", "is"), "!=": ("!=", "is not")}


class Generator:
    """The expressions of one function: each becomes source; what they call and refer to gathers in `namespace`.

    `condition` says that they decide a `when`: arithmetic with null then raises instead of being null. `start` names
    the value at which paths begin: the event, or an element of one of its lists.
    """

    def __init__(self, *, condition: bool = False, start: str = EVENT) -> None:
        self.namespace: dict[str, Any] = {"NUMBERS": NUMBERS, "equal": equal, "order": order, "flatten": flatten}
        self._null_raises = condition
        self._start = start
        self._temporaries = 0
        # Names that hold a dict, whatever the event is.
        self._dicts = {EVENT}
        self._shared: dict[str, str] = {}
        self._depths: dict[int, int] = {}  # by the node's id: how deep its source nests brackets
        self._outline_always: set[int] = set()
        self._kept: list[Node] = []  # nodes whose ids are used as keys here: they must stay theirs
        self._nodes: dict[str, Callable[[Node, str, Scope], str]] = {
            "field": self._field,
            "index": self._index,
            "slice": self._slice,
            "chain": self._chain,
            "projection": self._projection,
            "flatten": self._flatten,
            "current": lambda _node, current, _scope: current,
            "root": lambda _node, _current, _scope: EVENT,
            "variable": lambda node, _current, scope: scope[node.value],
            "literal": self._literal,
            "compare": self._compare,
            "arithmetic": self._arithmetic,
            "sign": self._sign,
            "and": self._and_or,
            "or": self._and_or,
            "not": lambda node, current, scope: f"(not {self._truth(node.children[0], current, scope)})",
            "list": self._list,
            "object": self._object,
            "call": self._call,
            "expression": self._expression,
            "let": self._let,
        }

    def value(self, tree: Node) -> str:
        """Return the source of an expression's value."""
        return self._source(tree, self._start, {})

    def truth(self, tree: Node) -> str:
        """Return the source of whether an expression is true, as a Python bool."""
        return f"bool({self._truth(tree, self._start, {})})"

    def share(self, trees: Iterable[Node]) -> list[str]:
        """Return statements that read once what begins several paths: user of user.id and user.age."""
        begins = Counter(node.children[0].value for tree in trees for node, _ in walk(tree) if _is_path(node))
        statements = []
        self.namespace["NOTHING"] = {}
        for begin, times in begins.items():
            if times > 1:
                name = self._shared[begin] = self._temporary()
                self._dicts.add(name)
                statements.append(f"{name} = {self._read_name(begin, self._start)}")
                statements.append(f"if type({name}) is not dict: {name} = NOTHING")
        return statements

    # --- plumbing ------------------------------------------------------------------------------------------------

    def _source(self, node: Node, current: str, scope: Scope) -> str:
        if len(node.children) > _INLINE_LENGTH and node.kind in ("chain", "and", "or"):
            node = self._in_parts(node)
        if self._is_outlined(node):
            return self._outlined(node, current, scope)
        return self._nodes[node.kind](node, current, scope)

    def _is_outlined(self, node: Node) -> bool:
        return id(node) in self._outline_always or self._depth(node) > _INLINE_BRACKETS

    def _depth(self, node: Node) -> int:
        """Return how deep this node's source nests brackets at most; that of a function of its own is a call."""
        depth = self._depths.get(id(node))
        if depth is None:
            links = len(node.children) if node.kind in ("chain", "and", "or") else 0
            inner = (1 if self._is_outlined(child) else self._depth(child) for child in node.children)
            depth = max(inner, default=0) + _BRACKETS + links * _BRACKETS_A_LINK
            self._depths[id(node)] = depth
            self._kept.append(node)
        return depth

    def _outlined(self, node: Node, current: str, scope: Scope) -> str:
        """Return a call of a new function, which computes this node."""
        names = [*self._shared.values(), *scope.values()]
        parameters = [EVENT, RECORD, *(["t0"] if current != EVENT else []), *names]
        inner = EVENT if current == EVENT else "t0"
        body = self._nodes[node.kind](node, inner, scope)
        name = self._bind(None)
        execute(f"def {name}({', '.join(parameters)}): return {body}", self.namespace)
        arguments = [EVENT, RECORD, *([current] if current != EVENT else []), *names]
        return f"{name}({', '.join(arguments)})"

    def _in_parts(self, node: Node) -> Node:
        """Return a long chain, each link of which nests in the next, as a short one of parts that become functions."""
        children = node.children
        while len(children) > _INLINE_LENGTH:
            starts = range(0, len(children), _INLINE_LENGTH)
            parts = [Node(node.kind, None, children[at : at + _INLINE_LENGTH], node.column) for at in starts]
            self._outline_always.update(map(id, parts))
            self._kept += parts
            children = tuple(parts)
        return Node(node.kind, None, children, node.column)

    def _bind(self, value: Any) -> str:
        name = f"c{len(self.namespace)}"
        self.namespace[name] = value
        return name

    def _temporary(self, prefix: str = "t") -> str:
        self._temporaries += 1
        return f"{prefix}{self._temporaries}"

    def _named(self, source: str, use: Callable[[str], str]) -> str:
        """Return what `use` makes of a name that holds `source`, which it needs more than once."""
        if source.isidentifier():
            return use(source)
        name = self._temporary()
        return f"({name} := {source}, {use(name)})[1]"

    # --- paths ---------------------------------------------------------------------------------------------------

    def _literal(self, node: Node, _current: str, _scope: Scope) -> str:
        value = node.value
        return self._bind(value) if type(value) in (list, dict) else repr(value)

    def _field(self, node: Node, current: str, _scope: Scope) -> str:
        return self._read_name(node.value, current)

    def _read_name(self, name: str, current: str) -> str:
        if current in self._dicts:
            return f"{current}.get({name!r})"
        held = self._temporary()
        return f"({held}.get({name!r}) if type({held} := {current}) is dict else None)"

    def _index(self, node: Node, current: str, _scope: Scope) -> str:
        index, name = node.value, self._temporary()
        long_enough = f"len({name}) >= {index + 1 if index >= 0 else -index}"
        return f"({name}[{index}] if type({name} := {current}) is list and {long_enough} else None)"

    def _slice(self, node: Node, current: str, _scope: Scope) -> str:
        window, name = ":".join("" if part is None else str(part) for part in node.value), self._temporary()
        return f"({name}[{window}] if type({name} := {current}) in (list, str) else None)"

    def _chain(self, node: Node, current: str, scope: Scope) -> str:
        children = node.children
        if current == self._start and _is_path(node) and children[0].value in self._shared:
            current, children = self._shared[children[0].value], children[1:]
        for child in children:
            if child.kind in ("field", "index", "slice"):  # these name what they need themselves
                current = self._source(child, current, scope)
            else:
                current = self._named(current, partial(self._source, child, scope=scope))
        return current

    # --- projections ---------------------------------------------------------------------------------------------

    def _projection(self, node: Node, current: str, scope: Scope) -> str:
        base = self._source(node.children[0], current, scope)
        return self._named(base, partial(self._projected, node, scope))

    def _projected(self, node: Node, scope: Scope, base: str) -> str:
        element = self._temporary()
        right = node.children[1]
        values = {"object": f"{base}.values()", "slice": f"({base} if type({base}) is list else ({base},))"}
        kept = f" if {self._truth(node.children[2], element, scope)}" if node.value == "filter" else ""
        if right.kind == "current":
            taken, test = element, f"{element} is not None"
        else:
            taken = self._temporary()
            test = f"({taken} := {self._source(right, element, scope)}) is not None"
        collected = f"[{taken} for {element} in {values.get(node.value, base)}{kept} if {test}]"
        if node.value == "slice":  # of a text there is one element, itself
            self.namespace["as_sliced"] = _as_sliced
            collected = f"as_sliced({base}, {collected})"
            return f"({collected} if type({base}) in (list, str) else None)"
        return f"({collected} if type({base}) is {'dict' if node.value == 'object' else 'list'} else None)"

    def _flatten(self, node: Node, current: str, scope: Scope) -> str:
        return f"flatten({self._source(node.children[0], current, scope)})"

    # --- operators -----------------------------------------------------------------------------------------------

    def _compare(self, node: Node, current: str, scope: Scope) -> str:
        sign, (left, right) = node.value, node.children
        if sign not in _EQUALITIES:
            return self._order(sign, left, right, current, scope)
        if (left.kind == "literal") != (right.kind == "literal"):
            literal, other = (left, right) if left.kind == "literal" else (right, left)
            source = self._equals_literal(sign, self._source(other, current, scope), literal.value)
            if source is not None:
                return source
        equality = f"equal({self._source(left, current, scope)}, {self._source(right, current, scope)})"
        return equality if sign == "==" else f"(not {equality})"

    def _equals_literal(self, sign: str, source: str, value: Any) -> str | None:
        equals, same = _EQUALITIES[sign]
        if value is None or type(value) is bool:
            return f"({source} {same} {value})"
        if type(value) is str or (type(value) in NUMBERS and value not in (0, 1)):
            return f"({source} {equals} {value!r})"
        if type(value) in NUMBERS:  # Python's True and False equal 1 and 0, JMESPath's do not
            name = self._temporary()
            test = f"type({name} := {source}) is not bool and {name} == {value!r}"
            return f"({test})" if sign == "==" else f"(not ({test}))"
        return None

    def _order(self, sign: str, left: Node, right: Node, current: str, scope: Scope) -> str:
        source, limit = self._source(left, current, scope), self._source(right, current, scope)
        if right.kind == "literal" and type(right.value) in NUMBERS:
            name = self._temporary()
            otherwise = f"order({sign!r}, {name}, {limit})"
            return f"({name} {sign} {limit} if type({name} := {source}) in (int, float) else {otherwise})"
        return f"order({sign!r}, {source}, {limit})"

    def _arithmetic(self, node: Node, current: str, scope: Scope) -> str:
        operation = OPERATIONS[node.value]
        name = f"calculate_{operation.__name__}"
        self.namespace[name] = calculation(node.value, operation, null_raises=self._null_raises)
        left, right = (self._source(child, current, scope) for child in node.children)
        return f"{name}({left}, {right})"

    def _sign(self, node: Node, current: str, scope: Scope) -> str:
        operation = calculation(node.value, OPERATIONS[node.value], null_raises=self._null_raises)
        name = "negative" if node.value == "-" else "positive"
        self.namespace[name] = partial(operation, 0)
        return f"{name}({self._source(node.children[0], current, scope)})"

    def _truth(self, node: Node, current: str, scope: Scope) -> str:
        """Return a Python condition: false for false, null, and an empty text, array or object; 0 is true."""
        if node.kind in ("compare", "not"):
            return self._source(node, current, scope)
        if node.kind in ("and", "or") and not self._is_outlined(node):
            return f"({f' {node.kind} '.join(self._truth(child, current, scope) for child in node.children)})"
        name = self._temporary()
        return f"(({name} := {self._source(node, current, scope)}) or type({name}) in NUMBERS)"

    def _and_or(self, node: Node, current: str, scope: Scope) -> str:
        *others, last = node.children
        source = self._source(last, current, scope)
        for child in reversed(others):
            if child.kind in ("compare", "not"):  # true, false or null: Python's `and` and `or` decide alike
                source = f"({self._source(child, current, scope)} {node.kind} {source})"
                continue
            name = self._temporary()
            test = f"({name} := {self._source(child, current, scope)}) or type({name}) in NUMBERS"
            source = f"({source} if {test} else {name})" if node.kind == "and" else f"({name} if {test} else {source})"
        return source

    # --- lists, objects, calls -----------------------------------------------------------------------------------

    def _list(self, node: Node, current: str, scope: Scope) -> str:
        elements = ", ".join(self._source(child, current, scope) for child in node.children)
        return self._unless_null(current, f"[{elements}]")

    def _object(self, node: Node, current: str, scope: Scope) -> str:
        pairs = zip(node.value, node.children, strict=True)
        entries = ", ".join(f"{name!r}: {self._source(child, current, scope)}" for name, child in pairs)
        return self._unless_null(current, "{" + entries + "}")

    def _unless_null(self, current: str, source: str) -> str:
        return source if current in self._dicts else f"(None if {current} is None else {source})"

    def _call(self, node: Node, current: str, scope: Scope) -> str:
        function = FUNCTIONS[node.value]
        name = f"call_{node.value}_{len(node.children)}"
        self.namespace[name] = checked(function, len(node.children))
        arguments = [self._source(child, current, scope) for child in node.children]
        if function.of_record:
            arguments.insert(0, RECORD)
        return f"{name}({', '.join(arguments)})"

    def _expression(self, node: Node, _current: str, scope: Scope) -> str:
        element = self._temporary()
        return f"(lambda {element}: {self._source(node.children[0], element, scope)})"

    def _let(self, node: Node, current: str, scope: Scope) -> str:
        *values, body = node.children
        names = {name: self._temporary("v") for name in node.value}
        bindings = [
            f"{names[name]} := {self._source(value, current, scope)}"
            for name, value in zip(node.value, values, strict=True)
        ]
        inner = self._source(body, current, {**scope, **names})
        return f"({', '.join(f'({binding})' for binding in bindings)}, {inner})[-1]"


def execute(source: str, namespace: dict[str, Any]) -> None:
    """Define a function in a namespace. The source is the generator's own: names it chose, constants by their repr().

    Raises ExpressionError where Python does not take it.
    """
    try:
        exec(compile(source, "<expression>", "exec"), namespace)  # noqa: S102 - see above
    except (SyntaxError, MemoryError, RecursionError):
        raise ExpressionError("it is nested too deep to be compiled", name="too-deep") from None


def _as_sliced(base: Any, collected: list[Any]) -> Any:
    """Return what a projection over a slice collected: of a text the one value, null if that is null."""
    if type(base) is list:
        return collected
    return collected[0] if collected else None


def _is_path(node: Node) -> bool:
    """True if a node begins with two names, as user.id does."""
    return node.kind == "chain" and all(child.kind == "field" for child in node.children[:2])
