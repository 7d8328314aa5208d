"""A function of the language: its parameters, its checks, and what the documentation says of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, NoReturn

from connector.errors import ExpressionError
from connector.expressions.kinds import kind

# The kinds of arguments, by the words of messages and documentation.
TEXT, NUMBER, BOOLEAN, ARRAY, OBJECT = "a text", "a number", "a boolean", "an array", "an object"
TEXTS, NUMBERS, ARRAYS = "an array of texts", "an array of numbers", "an array of arrays"
ANY, EXPRESSION = "a value", "an expression"

_TYPES: Mapping[str, tuple[type, ...]] = {
    TEXT: (str,),
    NUMBER: (int, float, Decimal),
    BOOLEAN: (bool,),
    ARRAY: (list,),
    OBJECT: (dict,),
    TEXTS: (list,),
    NUMBERS: (list,),
    ARRAYS: (list,),
}
_ELEMENTS: Mapping[str, tuple[type, ...]] = {TEXTS: (str,), NUMBERS: (int, float, Decimal), ARRAYS: (list,)}

Kinds = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Function:
    """One function.

    `parameters` gives for each the kinds that it takes; the last `optional` of them may be left out, and where it is
    `variadic` the last may be repeated. `of_record` functions get the record first. `null_passes`: where the first
    argument is null, so is the result. `says` describes it, `example` is an expression and its result as JSON.
    """

    name: str
    call: Callable[..., Any]
    parameters: tuple[Kinds, ...]
    says: str
    example: tuple[str, str]
    optional: int = 0
    variadic: bool = False
    of_record: bool = False
    null_passes: bool = False

    def takes(self, index: int) -> Kinds:
        """Return the kinds that the argument at an index may have."""
        return self.parameters[min(index, len(self.parameters) - 1)]


def checked(function: Function) -> Callable[..., Any]:
    """Return the function with its arguments checked. It raises ExpressionError, and quotes no value."""
    call, null_passes, of_record = function.call, function.null_passes, function.of_record
    if not function.parameters:
        return call
    accepted = [frozenset(_python(kinds)) for kinds in function.parameters]
    free = [kinds == (ANY,) for kinds in function.parameters]
    elements = [any(each in _ELEMENTS for each in kinds) for kinds in function.parameters]
    last = len(accepted) - 1

    def guarded(*arguments: Any) -> Any:
        values = arguments[1:] if of_record else arguments
        if null_passes and values[0] is None:
            return None
        for index, value in enumerate(values):
            place = min(index, last)
            if free[place]:
                continue
            if type(value) not in accepted[place]:
                _refuse(function, index, value)
            if elements[place] and value:
                _check_elements(function, index, value)
        try:
            return call(*arguments)
        except ExpressionError:
            raise
        except (TypeError, ValueError, ArithmeticError, LookupError, RecursionError) as error:
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
        if type(element) not in wanted:
            _refuse(function, index, element)


def _refuse(function: Function, index: int, value: Any) -> NoReturn:
    if callable(value):
        raise ExpressionError(f"{function.name}() takes no expression: leave the & out")
    raise ExpressionError(f"{function.name}() takes {' or '.join(function.takes(index))}, not {kind(value)}")


def _explain(function: Function, error: Exception) -> NoReturn:
    """Say what went wrong without the values that Python's messages quote."""
    if isinstance(error, TypeError):
        message = (
            f"{function.name}(): kinds of values meet that do not go together, such as a text and a number: "
            "use number() or text()"
        )
    else:
        message = f"{function.name}() cannot be evaluated on this event ({type(error).__name__})"
    raise ExpressionError(message) from None
