"""A function of the language: its parameters, its checks, and what the documentation says of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, NoReturn

from connector.errors import ExpressionError
from connector.expressions.kinds import json_type

# The kinds of arguments, by the words of messages and documentation.
TEXT, NUMBER, BOOLEAN, ARRAY, OBJECT = "a text", "a number", "a boolean", "an array", "an object"
TEXTS, NUMBERS, ARRAYS = "an array of texts", "an array of numbers", "an array of arrays"
ANY, EXPRESSION, NULL = "a value", "an expression", "null"
# Of results only: null where the first argument is, and only there.
NULL_OF_NULL = "null for null"

_TYPES: Mapping[str, tuple[type, ...]] = {
    TEXT: (str,),
    NUMBER: (int, float, Decimal),
    BOOLEAN: (bool,),
    ARRAY: (list,),
    OBJECT: (dict,),
    NULL: (type(None),),
    TEXTS: (list,),
    NUMBERS: (list,),
    ARRAYS: (list,),
}
# What null may count as, where one of these is wanted.
_DEFAULTS = {TEXT: "''", NUMBER: "0", ARRAY: "`[]`", NUMBERS: "`[]`", TEXTS: "`[]`", OBJECT: "`{}`"}
# The kinds of arrays by their elements.
ELEMENTS = {TEXTS: TEXT, NUMBERS: NUMBER, ARRAYS: ARRAY}
_ELEMENTS: Mapping[str, tuple[type, ...]] = {TEXTS: (str,), NUMBERS: (int, float, Decimal), ARRAYS: (list,)}

# What Python's own functions raise on some values.
_RAISED = (ExpressionError, TypeError, ValueError, ArithmeticError, LookupError, RecursionError)

Kinds = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Function:
    """One function.

    `parameters` gives for each the kinds that it takes; the last `optional` of them may be left out, and where it is
    `variadic` the last may be repeated. `gives` are the kinds of its result, where it does not raise. `of_record`
    functions get the record first. `null_passes`: where the first argument is null, so is the result. `says` describes
    it, `example` is an expression and its result as JSON, `raises` says what it refuses beside arguments of other
    kinds.
    """

    name: str
    call: Callable[..., Any]
    parameters: tuple[Kinds, ...]
    gives: Kinds
    says: str
    example: tuple[str, str]
    optional: int = 0
    variadic: bool = False
    of_record: bool = False
    null_passes: bool = False
    raises: str = ""

    def takes(self, index: int) -> Kinds:
        """Return the kinds that the argument at an index may have."""
        return self.parameters[min(index, len(self.parameters) - 1)]


def kinds_of(words: Kinds) -> frozenset[str]:
    """Return the kinds of JSON values behind the words of a signature: an array of texts is an array."""
    return frozenset(ARRAY if word in ELEMENTS else word for word in words)


def checked(function: Function, given: int) -> Callable[..., Any]:
    """Return the function for so many arguments, which it checks. It raises ExpressionError, and quotes no value."""
    kinds = [function.takes(index) for index in range(given)] if function.parameters else []
    if all(each == (ANY,) for each in kinds) or (function.of_record and not kinds):
        return function.call  # such functions look at their arguments themselves
    if len(kinds) == 1 and not function.of_record and not any(each in _ELEMENTS for each in kinds[0]):
        return _checked_one(function, frozenset(_python(kinds[0])))
    return _checked_all(function, kinds)


def _checked_one(function: Function, accepted: frozenset[type]) -> Callable[[Any], Any]:
    call, null_passes = function.call, function.null_passes

    def guarded(value: Any) -> Any:
        if type(value) not in accepted:
            if null_passes and value is None:
                return None
            _refuse(function, 0, value)
        try:
            return call(value)
        except _RAISED as error:
            _explain(function, error)

    return guarded


def _checked_all(function: Function, kinds: Sequence[Kinds]) -> Callable[..., Any]:
    call, null_passes, first = function.call, function.null_passes, 1 if function.of_record else 0
    # By the argument's index: the types it may have, and whether its elements are checked. No entry: any value.
    checks = [
        (index, frozenset(_python(each)), any(name in _ELEMENTS for name in each))
        for index, each in enumerate(kinds)
        if each != (ANY,)
    ]

    def guarded(*arguments: Any) -> Any:
        if null_passes and arguments[0] is None:
            return None
        for index, accepted, has_elements in checks:
            value = arguments[index + first]
            if type(value) not in accepted:
                _refuse(function, index, value)
            if has_elements and value:
                _check_elements(function, index, value)
        try:
            return call(*arguments)
        except _RAISED as error:
            _explain(function, error)

    return guarded


def _python(kinds: Kinds) -> list[type]:
    if EXPRESSION in kinds:
        return [type(_python)]
    return [each for name in kinds for each in _TYPES.get(name, ())]


def _check_elements(function: Function, index: int, value: Any) -> None:
    """Every element must be of one kind: the first one's, where several are taken."""
    kinds = [each for each in function.takes(index) if each in _ELEMENTS]
    fitting = next((each for each in kinds if type(value[0]) in _ELEMENTS[each]), None)
    wanted = _ELEMENTS[fitting or kinds[0]]
    for element in value:
        if element is None:
            takes = " or ".join(function.takes(index))
            raise ExpressionError(
                f"{function.name}() takes {takes}, not null in it: x[] leaves nulls out", name="null-argument"
            )
        if type(element) not in wanted:
            _refuse(function, index, element)


def _refuse(function: Function, index: int, value: Any) -> NoReturn:
    if callable(value):
        raise ExpressionError(f"{function.name}() takes no expression: leave the & out", name="misplaced-ampersand")
    takes = function.takes(index)
    name = "null-argument" if value is None else "wrong-kind"
    message = f"{function.name}() takes {' or '.join(takes)}, not {json_type(value)}{_cure(takes, value)}"
    raise ExpressionError(message, name=name)


def _cure(takes: Kinds, value: Any) -> str:
    """Name the function that makes what is wanted of what was given; empty if none does."""
    if value is None:
        default = next((each for name, each in _DEFAULTS.items() if name in takes), None)
        return f": say what null counts as, as in (x || {default})" if default else ""
    if type(value) in _TYPES[NUMBER] or type(value) is bool:
        return ": text() makes a text of it" if TEXT in takes or TEXTS in takes else ""
    if type(value) is not str:
        return ""
    if NUMBER in takes or NUMBERS in takes:
        return ": number() reads a number from a text"
    return ": json() reads JSON from a text" if ARRAY in takes or OBJECT in takes else ""


def _explain(function: Function, error: Exception) -> NoReturn:
    """Say what went wrong without the values that Python's messages quote."""
    if isinstance(error, ExpressionError):
        raise error
    if isinstance(error, TypeError):
        message = (
            f"{function.name}(): kinds of values meet that do not go together, such as a text and a number: "
            "use number() or text()"
        )
        raise ExpressionError(message, name="wrong-kind") from None
    message = f"{function.name}() cannot be evaluated on this event ({type(error).__name__})"
    raise ExpressionError(message, name="unmappable") from None
