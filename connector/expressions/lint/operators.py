"""Operators that do something else than was meant: precedence, and what && and || make of constants."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from connector.errors import ExpressionError
from connector.expressions.kinds import NUMBERS
from connector.expressions.lint.inference import BOOLEAN_ONLY, certain_truth, constant, is_constant, is_true, kinds_of
from connector.expressions.lint.places import Finding, Place, is_literal, is_path, literal, shown
from connector.expressions.lint.render import render
from connector.expressions.nodes import Node, walk

_VALUE_TYPES = (str, *NUMBERS)


def misread_nots(place: Place) -> Iterator[Finding]:
    """Find !a.b and !a == b, where ! binds more than was meant."""
    node = place.node
    if not node.children or node.children[0].kind != "not" or node.kind not in ("chain", "projection", "compare"):
        return
    first = node.children[0]
    (inner,) = first.children
    if node.kind == "compare":
        right = node.children[1]
        if right.kind == "not" or is_literal(right, bool) or (right.kind == "literal" and right.value is None):
            return
        whole = Node("not", None, (Node("compare", node.value, (inner, right), node.column),), node.column)
        opposite = f" or {shown(_opposite(whole.children[0]))}" if node.value in ("==", "!=") else ""
        meant = f"!({shown(whole.children[0])}){opposite}"
    elif node.kind == "chain" and node.children[1].kind not in ("field", "index", "list", "object"):
        return
    else:
        meant = f"!({shown(node._replace(children=(inner, *node.children[1:])))})"
    yield Finding(
        "not-precedence",
        f"! belongs to {shown(inner)} alone here, and gives true or false before the rest is read: write {meant}",
        node.column,
    )


def _opposite(compare: Node) -> Node:
    return compare._replace(value={"==": "!=", "!=": "=="}[compare.value])


def single_pipes(place: Place) -> Iterator[Finding]:
    """Find a | b where a is a condition: b is read of true or false, where || was meant."""
    node = place.node
    if node.kind != "chain":
        return
    for left, right in zip(node.children, node.children[1:], strict=False):
        if left.kind in ("compare", "and", "or") and kinds_of(left) <= BOOLEAN_ONLY and _reads_names_alone(right):
            yield Finding(
                "single-pipe",
                f"| evaluates {shown(right)} on the true or false of {shown(left)}, which has no fields; or is ||: "
                f"{shown(Node('or', None, (left, right), node.column))}",
                node.column,
            )
            return


def _reads_names_alone(node: Node) -> bool:
    kinds = {each.kind for each, _ in walk(node)}
    return "field" in kinds and "current" not in kinds


def lone_values(place: Place) -> Iterator[Finding]:
    """Find a text or number alone beside || or && in a condition, and 'a' || … , where the rest never counts."""
    node = place.node
    if node.kind not in ("or", "and"):
        return
    for index, child in enumerate(node.children):
        is_last = index == len(node.children) - 1
        if place.condition and _is_lone(place, child):
            yield _lone(place, child)
            return
        if node.kind == "or" and not is_last and is_literal(child, *_VALUE_TYPES) and is_true(child.value):
            yield _unreached(place, child)
            return


def _is_lone(place: Place, node: Node) -> bool:
    parent = place.node
    if is_literal(node, *_VALUE_TYPES):
        return is_true(node.value) or parent.kind == "and"
    # type == 'a' || "b"
    return (
        place.is_quoted(node)
        and "-" not in node.value
        and any(_compared(child) is not None for child in parent.children)
    )


def _lone(place: Place, child: Node) -> Finding:
    node = place.node
    sign = "||" if node.kind == "or" else "&&"
    what = "a text" if child.kind == "field" or type(child.value) is str else "a number"
    if what == "a number":
        effect = "is always true (every number is)"
    elif child.kind == "field":
        effect = "in double quotes is the name of a field"
    else:
        effect = "is always true" if child.value else "is always false"
    whole = ", and so the whole" if node.kind == "or" and child.kind == "literal" else ""
    return Finding(
        "text-beside-or",
        f"{what} alone beside {sign} {effect}{whole}: compare it, too{_compared_too(place)}",
        child.column,
    )


def _compared_too(place: Place) -> str:
    """Return what to write instead, if the first comparison tells with what: type == 'a' || type == 'b'."""
    node = place.node
    first = next(filter(None, map(_compared, node.children)), None)
    if first is None:
        return f", as in type == {shown(next(filter(partial(_is_lone, place), node.children)))}"
    path, sign = first
    parts = [
        Node("compare", sign, (path, literal(child.value)), 0) if _is_lone(place, child) else child
        for child in node.children
    ]
    same = [_compared(part) for part in parts]
    if sign not in ("==", "!=") or any(each is None or shown(each[0]) != shown(path) for each in same):
        return f": {shown(node._replace(children=tuple(parts)))}"
    values = Node("list", None, tuple(part.children[1] for part in parts), 0)
    call = Node("call", "contains", (values, path), 0)
    if sign == "!=":
        return f": {shown(Node('not', None, (call,), 0))}"
    joined = Node("or", None, tuple(parts), 0)
    return f": {shown(joined)}, or {shown(call)}"


def _compared(node: Node) -> tuple[Node, str] | None:
    """Return the path and the sign of path == value; None for anything else."""
    if node.kind == "compare" and is_path(node.children[0]) and is_literal(node.children[1], *_VALUE_TYPES):
        return node.children[0], node.value
    return None


def _unreached(place: Place, child: Node) -> Finding:
    node, parent = place.node, place.parent
    always = f"{shown(child)} is true, so that {shown(node)} is always {shown(child)}"
    if parent is not None and parent.kind == "compare" and all(each.kind == "literal" for each in node.children):
        other = parent.children[1] if parent.children[0] is node else parent.children[0]
        values = Node("list", None, node.children, 0)
        return Finding(
            "text-beside-or",
            f"{always}; write {shown(Node('call', 'contains', (values, other), 0))}",
            node.column,
        )
    others = tuple(each for each in node.children if each is not child)
    return Finding(
        "unreachable-default",
        f"{always}: a default comes last, as in {shown(node._replace(children=(*others, child)))}",
        node.column,
    )


def constant_conditions(place: Place) -> Iterator[Finding]:
    """Find conditions and comparisons that no event changes."""
    node = place.node
    if place.above is not None and is_constant(place.above.node):
        return  # said of the whole
    if not (place.condition or node.kind == "compare"):
        return
    if node.kind == "compare" and not is_constant(node) and render(node.children[0]) == render(node.children[1]):
        yield Finding("constant-condition", f"{shown(node)} compares a value with itself", node.column)
        return
    if is_constant(node):
        if node.kind == "literal" and not _is_to_say(place):
            return
        try:
            holds = is_true(constant(node))
        except ExpressionError:
            return  # said of the call that raises
        reason = "without a field it is the same for every event"
    elif place.condition and (node.kind in ("arithmetic", "sign") or (node.kind == "call" and certain_truth(node))):
        holds, reason = (
            True,
            "a number is true, 0 too: compare it, as in " + shown(Node("compare", ">", (node, literal(0)), 0)),
        )
    else:
        return
    yield Finding("constant-condition", f"{shown(node)} is always {str(holds).lower()}: {reason}", node.column)


def _is_to_say(place: Place) -> bool:
    """False for literals beside && and || of which lone_values speaks, and for a harmless default: x || `false`."""
    parent = place.parent
    if parent is None or parent.kind not in ("and", "or"):
        return True
    if is_literal(place.node, *_VALUE_TYPES):
        return False
    return parent.kind == "and" or is_true(place.node.value)
