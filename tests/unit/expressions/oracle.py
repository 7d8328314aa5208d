"""The jmespath library with the connector's functions: the oracle of what an expression of the old language gives."""

from __future__ import annotations

import warnings
from typing import Any, NoReturn

from jmespath import exceptions
from jmespath.functions import Functions, signature
from jmespath.parser import Parser
from jmespath.visitor import Options, TreeInterpreter

from connector.errors import ExpressionError
from connector.expressions import conversions, of_record, texts
from connector.expressions.kinds import json_type
from connector.expressions.times import unix
from connector.model import Evaluate, Event, Record

_ANY: Any = {"types": []}
# The kinds of argument that the library's signatures name, for people.
_KINDS = {
    "expref": "an expression",
    "array": "an array",
    "number": "a number",
    "object": "an object",
    "string": "a text",
}
# All that the library's interpreter and functions raise on some value: its own errors (ValueErrors), comparisons of
# unlike kinds, and arithmetic out of a double's range.
_RAISED = (ValueError, TypeError, ArithmeticError, AttributeError, LookupError, RecursionError)


class ConnectorFunctions(Functions):
    """JMESPath's functions and the connector's, for the record that is being evaluated."""

    def __init__(self, record: Record) -> None:
        self._record = record

    @signature(_ANY)
    def _func_unix(self, value: Any) -> Any:
        return unix(value)

    @signature(_ANY)
    def _func_text(self, value: Any) -> Any:
        return conversions.text(value)

    @signature(_ANY)
    def _func_to_string(self, value: Any) -> Any:
        return conversions.to_string(value)

    @signature(_ANY)
    def _func_number(self, value: Any) -> Any:
        return conversions.number(value)

    @signature(_ANY)
    def _func_digits(self, value: Any) -> Any:
        return texts.digits(value)

    @signature(_ANY)
    def _func_sha256(self, value: Any) -> Any:
        return texts.sha256(value)

    @signature()
    def _func_key(self) -> Any:
        return of_record.key(self._record)

    @signature(_ANY)
    def _func_header(self, name: Any) -> Any:
        return of_record.header(self._record, name)

    @signature()
    def _func_topic(self) -> Any:
        return of_record.topic(self._record)

    @signature()
    def _func_timestamp(self) -> Any:
        return of_record.timestamp(self._record)


# Name → {"function": …, "signature": (…)}, of every function an expression may call.
FUNCTIONS: dict[str, Any] = ConnectorFunctions.FUNCTION_TABLE


def by_the_oracle(text: str) -> Evaluate:
    """An expression evaluated by the library. Raises ExpressionError on events it cannot be evaluated on."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # `foo` for "foo" is deprecated
            tree = Parser().parse(text).parsed
    except ValueError as error:
        raise ExpressionError(str(error)) from None

    def evaluate(event: Event, record: Record) -> Any:
        try:
            return TreeInterpreter(Options(custom_functions=ConnectorFunctions(record))).visit(tree, event)
        except _RAISED as error:
            _explain(error)

    return evaluate


def _explain(error: Exception) -> NoReturn:
    """Say what went wrong without the values that the library's messages quote."""
    if isinstance(error, exceptions.JMESPathTypeError):
        wanted = " or ".join(_wanted(kind) for kind in error.expected_types)
        message = f"{error.function_name}() takes {wanted}, not {json_type(error.current_value)}"
    elif isinstance(error, TypeError):
        message = "kinds of values meet that do not go together, such as a text and a number: use number() or text()"
    else:
        message = f"it cannot be evaluated on this event ({type(error).__name__})"
    raise ExpressionError(message) from None


def _wanted(kind: str) -> str:
    """A kind as the library's signatures have it, for people: `array-string` is an array of texts."""
    container, _, element = kind.partition("-")
    if not element:
        return _KINDS[container]
    return f"an array of {'texts' if element == 'string' else f'{element}s'}"
