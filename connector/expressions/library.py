"""The jmespath library with the connector's functions: for expressions that are not compiled, and for built-in
functions."""

from __future__ import annotations

from collections.abc import Callable
from operator import contains
from typing import Any, NoReturn

from jmespath import exceptions
from jmespath.functions import Functions, signature
from jmespath.visitor import Options, TreeInterpreter

from connector.errors import ExpressionError
from connector.expressions import functions
from connector.model import Evaluate, Event, Record

_ANY: Any = {"types": []}
# The argument types in the library's signatures, for people.
_KINDS = {
    "array": "an array",
    "number": "a number",
    "object": "an object",
    "string": "a text",
}
_PYTHON: dict[str, tuple[type, ...]] = {
    "array": (list,),
    "boolean": (bool,),
    "null": (type(None),),
    "number": (int, float),
    "object": (dict,),
    "string": (str,),
}
# Everything that the library's interpreter and functions raise for some value: its own errors (ValueErrors),
# comparisons of unlike types, and arithmetic beyond a double's range.
_RAISED = (ValueError, TypeError, ArithmeticError, AttributeError, LookupError, RecursionError)


class ConnectorFunctions(Functions):
    """JMESPath's functions and the connector's, for the record that is being evaluated."""

    def __init__(self, record: Record) -> None:
        self._record = record

    @signature(_ANY)
    def _func_unix(self, value: Any) -> Any:
        return functions.unix(value)

    @signature(_ANY)
    def _func_text(self, value: Any) -> Any:
        return functions.text(value)

    @signature(_ANY)
    def _func_to_string(self, value: Any) -> Any:
        return functions.to_string(value)

    @signature(_ANY)
    def _func_number(self, value: Any) -> Any:
        return functions.number(value)

    @signature(_ANY)
    def _func_digits(self, value: Any) -> Any:
        return functions.digits(value)

    @signature(_ANY)
    def _func_sha256(self, value: Any) -> Any:
        return functions.sha256(value)

    @signature()
    def _func_key(self) -> Any:
        return functions.key(self._record)

    @signature(_ANY)
    def _func_header(self, name: Any) -> Any:
        return functions.header(self._record, name)

    @signature()
    def _func_topic(self) -> Any:
        return functions.topic(self._record)

    @signature()
    def _func_timestamp(self) -> Any:
        return functions.timestamp(self._record)


# Name → {"function": …, "signature": (…)} of every function that an expression may call.
FUNCTIONS: dict[str, Any] = ConnectorFunctions.FUNCTION_TABLE


def interpret(tree: Any) -> Evaluate:
    """Return a function that evaluates a tree by the library; it raises ExpressionError where it cannot."""

    def evaluate(event: Event, record: Record) -> Any:
        try:
            return TreeInterpreter(Options(custom_functions=ConnectorFunctions(record))).visit(tree, event)
        except _RAISED as error:
            _explain(error)

    return evaluate


def built_in(name: str) -> Callable[..., Any]:
    """Return one of JMESPath's own functions, with its argument checks, as a Python callable."""
    # No built-in function uses the record. The library's own checks take three times as long as most functions: they
    # run only for arguments whose types are not simply the declared ones.
    library = Functions()
    plain, signatures = FUNCTIONS[name]["function"], FUNCTIONS[name]["signature"]
    kinds = [frozenset().union(*(_PYTHON.get(kind, ()) for kind in each["types"] or _PYTHON)) for each in signatures]

    def function(*arguments: Any) -> Any:
        try:
            if all(map(contains, kinds, map(type, arguments))):
                return plain(library, *arguments)
            return library.call_function(name, arguments)
        except _RAISED as error:
            _explain(error)

    return function


def _explain(error: Exception) -> NoReturn:
    """Raise ExpressionError with the reason, but without the values that the library's messages quote."""
    if isinstance(error, exceptions.JMESPathTypeError):
        wanted = " or ".join(_wanted(kind) for kind in error.expected_types)
        message = f"{error.function_name}() takes {wanted}, not {functions.json_type(error.current_value)}"
    elif isinstance(error, TypeError):
        message = "the types of two values do not go together, such as a text and a number: use number() or text()"
    else:
        message = f"it cannot be evaluated on this event ({type(error).__name__})"
    raise ExpressionError(message) from None


def _wanted(kind: str) -> str:
    """Return an argument type of the library's signatures for people: `array-string` is an array of texts."""
    container, _, element = kind.partition("-")
    if not element:
        return _KINDS[container]
    return f"an array of {'texts' if element == 'string' else f'{element}s'}"
