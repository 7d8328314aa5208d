"""Whatever is inferred from a schema holds of every event that the schema lets pass: so there is no false alarm."""

from __future__ import annotations

from random import Random
from typing import Any

import jsonschema_rs
from hypothesis import given, settings
from hypothesis import strategies as st

from connector.errors import ExpressionError
from connector.expressions import compile_condition, compile_expression, refinement
from connector.expressions.inference import infer
from connector.expressions.kinds import json_type
from connector.expressions.parser import parse
from connector.expressions.refinement import Scope, assume
from connector.expressions.shape_paths import told_apart
from connector.expressions.shapes import Shape
from connector.expressions.signatures import ARRAY, OBJECT
from connector.model import Record
from connector.routing.schema.shape import event_shape
from tests.unit.routing import schema_strategies

RECORD = Record("topic", 0, 0, 1_769_850_001_500, b"x", None, ())


def misfit(shape: Shape, value: Any, path: str = "@", depth: int = 6) -> str | None:
    """Where and how a value does not fit a shape; None if it does."""
    if not shape.can_be(value):
        return f"{path}: {value!r} is none of {shape}"
    if depth == 0:
        return None
    kind = json_type(value)
    if kind == ARRAY:
        element = shape.element()
        return next(filter(None, (misfit(element, each, f"{path}[]", depth - 1) for each in value)), None)
    if kind == OBJECT:
        said = [_misfit_of_form(form, value, path, depth) for form in shape.forms]
        return None if None in said else f"{path}: {said}"
    return None


def _misfit_of_form(form: Any, value: dict[str, Any], path: str, depth: int) -> str | None:
    for name, known in form.properties.items():
        if known.required and name not in value and misfit(known.read(), None) is not None:
            return f"{path} lacks {name}"
    for name, each in value.items():
        read = form.properties[name].read if name in form.properties else form.others
        if read is None:
            return f"{path} has {name}"
        said = misfit(read(), each, f"{path}.{name}", depth - 1)
        if said is not None:
            return said
    return None


SEEDS = st.integers(0, 2**40)


def drawn(random: Random) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """A schema, and some events that are valid under it."""
    found = schema_strategies.schema(random)
    check = jsonschema_rs.validator_for(found)
    events = [schema_strategies.instance(random, found, found) for _ in range(12)]
    return found, [each for each in events if type(each) is dict and check.is_valid(each)]


def results(text: str, events: list[dict[str, Any]]) -> list[tuple[dict[str, Any], Any, bool]]:
    """Each event with what an expression gives for it, and whether it gives anything at all."""
    read, found = compile_expression(text), []
    for each in events:
        try:
            found.append((each, read(each, RECORD), True))
        except ExpressionError:
            found.append((each, None, False))
    return found


@settings(max_examples=250)
@given(SEEDS)
def test_every_valid_event_has_the_shape(seed: int) -> None:
    schema, events = drawn(Random(seed))
    shape = event_shape(schema)
    for each in events:
        assert misfit(shape, each) is None, schema


@settings(max_examples=250)
@given(SEEDS)
def test_what_an_expression_gives_has_the_inferred_shape(seed: int) -> None:
    random = Random(seed)
    schema, events = drawn(random)
    scope = Scope.of_event(event_shape(schema))
    for text in [schema_strategies.expression(random, 3) for _ in range(4 if events else 0)]:
        inferred = infer(parse(text), scope)
        for each, value, is_one in results(text, events):
            if is_one:
                assert misfit(inferred.shape, value) is None, (text, each, schema)


@settings(max_examples=250)
@given(SEEDS)
def test_a_condition_leaves_what_it_takes(seed: int) -> None:
    random = Random(seed)
    schema, events = drawn(random)
    scope = Scope.of_event(event_shape(schema))
    for _ in range(3 if events else 0):
        condition, text = schema_strategies.expression(random, 3), schema_strategies.expression(random, 1)
        tree, field = parse(condition), parse(text)
        taken, left = assume(scope, tree, truth=True), assume(scope, tree, truth=False)
        decide = compile_condition(condition).holds
        for each, value, is_one in results(text, events):
            try:
                holds = decide(each, RECORD)
            except ExpressionError:
                continue
            told = (condition, text, each, schema)
            after = taken if holds else left
            assert after.is_possible, told
            assert misfit(after.event, each) is None, told
            parts = told_apart(after.event, refinement.paths(field))
            assert not parts or any(misfit(part, each) is None for part in parts), told
            if is_one:
                assert misfit(infer(field, after).shape, value) is None, told


def claim(text: str, schema: dict[str, Any]) -> str:
    """What the findings say of the value of a path, of a comparison of two, or of a call with some."""
    tree = parse(text)
    found = infer(tree, Scope.of_event(event_shape(schema))).findings
    if refinement.is_path(tree) or tree.kind in ("chain", "projection"):
        return "null" if any("null for every event" in each.message for each in found) else ""
    names = {each.name for each in found if "null for every event" not in each.message}
    if len(names) != 1 or len(found) != 1:
        return ""
    if tree.kind == "compare":
        return str(tree.value) if "unlisted-field" not in names else ""
    if names == {"not-in-enum"}:
        return "=="
    return "refused" if names == {"schema-type"} else ""


@settings(max_examples=250)
@given(SEEDS)
def test_what_is_said_never_to_be_right_is_never_right(seed: int) -> None:
    random = Random(seed)
    schema, events = drawn(random)
    one, other = schema_strategies.plain_path(random), schema_strategies.plain_path(random)
    other = random.choice((other, *schema_strategies.LITERALS))
    texts = [one, f"{one}[0]", f"{one}[*]", *(f"{one} {sign} {other}" for sign in ("==", "!=", "<", ">=", "+", "*"))]
    texts += [f"{name}({one})" for name in ("lower", "abs", "sum", "unix", "number", "text", "length", "keys")]
    texts += [f"{name}({one}, {other})" for name in ("starts_with", "contains", "cut", "split")]
    texts += [f"contains(['x'], {one})", f"contains(['7', 'y'], {one})"]
    for text in random.sample(texts, 6):
        said = claim(text, schema)
        for each, value, is_one in results(text, events) if said else ():
            told = (text, each, schema)
            if said == "null":
                assert value is None, told
            elif said == "refused":
                assert not is_one or value is None, told
            elif said == "!=":
                assert value is True, told
            elif not text.startswith("contains(['7', 'y']"):  # one of the two is enough
                assert not value, told
