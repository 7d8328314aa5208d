"""Decimal arithmetic on JSON numbers. A float counts as the shortest decimal that prints it; integers are exact.

A result is an int where it is whole, a float where a float prints as that very decimal, else a Decimal: so the digits
of a sum of money are those that a person would write. Results beyond 64 bits raise ExpressionError, as do values that
are no numbers; null makes the result null (`lenient`) or raises (`strict`, for conditions).
"""

from __future__ import annotations

import decimal
from collections.abc import Callable, Iterable
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any

from connector.errors import ExpressionError
from connector.expressions.kinds import NUMBERS, kind

Number = int | float | Decimal

# The integers that 64 bits hold, signed or unsigned: beyond them JSON parsers drop digits.
BELOW, BEYOND = -(2**63), 2**64
_LONGEST = 800  # digits of an exact result; a float has at most 767
_EXACT = decimal.Context(prec=_LONGEST, Emin=-(10**6), Emax=10**6, traps=[decimal.Inexact, decimal.InvalidOperation])
# Fifteen digits are what every double holds; the quotient of two amounts has no more of its own.
_QUOTIENT = decimal.Context(prec=15, rounding=ROUND_HALF_EVEN, Emin=-(10**6), Emax=10**6)

# Between these a float prints every decimal of so many digits as it is.
_SURE_DIGITS, _SMALL, _LARGE = 15, 1e-290, 1e15

Operation = Callable[[Any, Any], Number | None]


def exact(value: Number) -> Decimal:
    """Return the decimal that a number's shortest notation shows. Raises ExpressionError for NaN and infinity."""
    number = Decimal(repr(value)) if type(value) is float else Decimal(value)
    if not number.is_finite():
        raise ExpressionError("arithmetic takes finite numbers")
    return number


def plain(value: Decimal) -> Number:
    """Return a decimal as an int or float of the same digits; as it is where no float has them.

    Raises ExpressionError where it is beyond 64 bits.
    """
    as_float = float(value)
    if _SMALL < abs(as_float) < _LARGE and not as_float.is_integer() and len(value.as_tuple().digits) <= _SURE_DIGITS:
        return as_float
    if not BELOW <= value < BEYOND:
        raise ExpressionError("the result is beyond 64 bits")
    if value == value.to_integral_value():
        return int(value)
    return as_float if Decimal(repr(as_float)) == value else value


def add(left: Number, right: Number) -> Number:
    """Return left + right, exactly."""
    if type(left) is int and type(right) is int:
        return _within(left + right)
    return plain(_EXACT.add(exact(left), exact(right)))


def subtract(left: Number, right: Number) -> Number:
    """Return left - right, exactly."""
    if type(left) is int and type(right) is int:
        return _within(left - right)
    return plain(_EXACT.subtract(exact(left), exact(right)))


def multiply(left: Number, right: Number) -> Number:
    """Return left * right, exactly."""
    if type(left) is int and type(right) is int:
        return _within(left * right)
    return plain(_EXACT.multiply(exact(left), exact(right)))


def divide(left: Number, right: Number) -> Number:
    """Return left / right: whole where it is, else rounded half-even to 15 digits."""
    if not right:
        raise ExpressionError("division by zero")
    if type(left) is int and type(right) is int:
        quotient, remainder = divmod(left, right)
        if not remainder:
            return _within(quotient)
        return plain(_QUOTIENT.divide(Decimal(left), Decimal(right)))
    one, other = exact(left), exact(right)
    whole, rest = _divided(one, other)
    return _within(whole) if not rest else plain(_QUOTIENT.divide(one, other))


def floor_divide(left: Number, right: Number) -> Number:
    """Return the largest whole number that is not above left / right."""
    if not right:
        raise ExpressionError("division by zero")
    if type(left) is int and type(right) is int:
        return _within(left // right)
    return _within(_divided(exact(left), exact(right))[0])


def modulo(left: Number, right: Number) -> Number:
    """Return left - right * (left // right), which has the sign of `right`."""
    if not right:
        raise ExpressionError("division by zero")
    if type(left) is int and type(right) is int:
        return _within(left % right)
    return plain(_divided(exact(left), exact(right))[1])


def negate(value: Number) -> Number:
    """Return the number with the other sign."""
    return _within(-value) if type(value) is int else -value


def total(values: Iterable[Number]) -> Number:
    """Return the sum of numbers, exactly; 0 of none."""
    numbers = list(values)
    if all(type(number) is int for number in numbers):
        return _within(sum(numbers))  # type: ignore[arg-type]  # they are integers
    result = Decimal(0)
    for number in numbers:
        result = _EXACT.add(result, exact(number))
    return plain(result)


def rounded(value: Number, places: int) -> Number:
    """Return a number rounded half-even to `places` decimals."""
    if type(value) is int and places >= 0:
        return value
    number = exact(value)
    if _exponent(number) >= -places:
        return plain(number)
    return plain(number.quantize(Decimal(1).scaleb(-places), ROUND_HALF_EVEN, _EXACT_ROUNDING))


_EXACT_ROUNDING = decimal.Context(prec=_LONGEST, Emin=-(10**6), Emax=10**6)


def lenient(sign: str, operation: Operation) -> Operation:
    """Return the operation for values of an event: null where one is null. Raises ExpressionError for other kinds."""

    def calculate(left: Any, right: Any) -> Number | None:
        if type(left) in NUMBERS and type(right) in NUMBERS:
            return operation(left, right)
        if left is None or right is None:
            _expect_numbers(sign, left, right)
            return None
        raise _no_numbers(sign, left, right)

    return calculate


def strict(sign: str, operation: Operation) -> Operation:
    """Return the operation for a condition, where null would pass an event over in silence: it raises, too."""

    def calculate(left: Any, right: Any) -> Number | None:
        if type(left) in NUMBERS and type(right) in NUMBERS:
            return operation(left, right)
        raise _no_numbers(sign, left, right)

    return calculate


OPERATIONS: dict[str, Operation] = {
    "+": add,
    "-": subtract,
    "*": multiply,
    "/": divide,
    "//": floor_divide,
    "%": modulo,
}


def _within(value: int) -> int:
    if BELOW <= value < BEYOND:
        return value
    raise ExpressionError("the result is beyond 64 bits")


def _divided(left: Decimal, right: Decimal) -> tuple[int, Decimal]:
    """Return the floor of left / right, and what is left of `left`. As integers: their digits are never too many."""
    exponent = min(_exponent(left), _exponent(right))
    whole, rest = divmod(int(left.scaleb(-exponent, _EXACT)), int(right.scaleb(-exponent, _EXACT)))
    return whole, Decimal(rest).scaleb(exponent, _EXACT)


def _exponent(value: Decimal) -> int:
    return int(value.as_tuple().exponent)  # a letter only for NaN and infinity, which exact() refuses


def _expect_numbers(sign: str, *values: Any) -> None:
    for value in values:
        if value is not None and type(value) not in NUMBERS:
            raise _no_numbers(sign, *values)


def _no_numbers(sign: str, *values: Any) -> ExpressionError:

    other = next(value for value in values if type(value) not in NUMBERS)
    if other is None:
        return ExpressionError(
            f"{sign} meets null, and so the condition cannot be decided: say what null counts as, as in (discount || 0)"
        )
    cure = "; number() reads a number from a text" if type(other) is str else ""
    if type(other) is str and sign == "+":
        cure += ", join('', [a, b]) puts texts together"
    return ExpressionError(f"{sign} takes numbers, not {kind(other)}{cure}")
