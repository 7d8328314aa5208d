"""Decimal arithmetic on JSON numbers. A float counts as the shortest decimal that prints it; integers are exact.

A result is an int where it is whole, a float where a float prints as that very decimal, else a Decimal: so the digits
of a sum of money are those that a person would write. Results beyond 64 bits raise ExpressionError, as do values that
are no numbers; null makes the result null, or raises (`calculation`).
"""

from __future__ import annotations

import decimal
from collections.abc import Callable, Iterable
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Any

from connector.errors import ExpressionError
from connector.expressions.kinds import NUMBERS, json_type

Number = int | float | Decimal

# The integers that 64 bits hold, signed or unsigned: beyond them JSON parsers drop digits.
BELOW, BEYOND = -(2**63), 2**64
_LONGEST = 800  # digits of an exact result; a float has at most 767
_EXACT = decimal.Context(prec=_LONGEST, Emin=-(10**6), Emax=10**6, traps=[decimal.Inexact, decimal.InvalidOperation])
_ROUNDING = decimal.Context(prec=_LONGEST, Emin=-(10**6), Emax=10**6)
# Fifteen digits are what every double holds; the quotient of two amounts has no more of its own.
_FIFTEEN = decimal.Context(prec=15, rounding=ROUND_HALF_EVEN, Emin=-(10**6), Emax=10**6)

# Between these a float prints every decimal of up to 15 digits as it is.
_SMALL, _LARGE = 1e-290, 1e15
_LARGE_INTEGER = 10**15
_SCALE, _LARGEST_SCALED = 10_000, 10**11
# What money and times are divided by. A float divides an integer of up to 15 digits by them exactly.
_POWERS_OF_TEN = frozenset(10**power for power in range(1, 10))
# What a number is rounded to, by the number of decimals.
_QUANTA = tuple(Decimal(1).scaleb(-places) for places in range(20))

Operation = Callable[[Any, Any], Number | None]


def exact(value: Number) -> Decimal:
    """Return the decimal that a number's shortest notation shows. Raises ExpressionError for NaN and infinity."""
    number = Decimal(repr(value)) if type(value) is float else Decimal(value)
    if not number.is_finite():
        raise ExpressionError("arithmetic takes finite numbers", name="number-too-large")
    return number


def plain(value: Decimal) -> Number:
    """Return a decimal as an int or float of the same digits; as it is where no float has them.

    Raises ExpressionError where it is beyond 64 bits.
    """
    as_float = float(value)
    if _SMALL < abs(as_float) < _LARGE and not as_float.is_integer() and _FIFTEEN.plus(value) == value:
        return as_float
    if not BELOW <= value < BEYOND:
        raise ExpressionError("the result is beyond 64 bits", name="number-too-large")
    if value == value.to_integral_value():
        return int(value)
    return as_float if Decimal(repr(as_float)) == value else value.normalize(_EXACT)


def add(left: Number, right: Number) -> Number:
    """Return left + right, exactly."""
    if type(left) is int and type(right) is int:
        return within(left + right)
    one, other = _scaled(left), _scaled(right)
    if one is not None and other is not None and (result := _unscaled(one + other, _SCALE)) is not None:
        return result
    return plain(_EXACT.add(exact(left), exact(right)))


def subtract(left: Number, right: Number) -> Number:
    """Return left - right, exactly."""
    if type(left) is int and type(right) is int:
        return within(left - right)
    one, other = _scaled(left), _scaled(right)
    if one is not None and other is not None and (result := _unscaled(one - other, _SCALE)) is not None:
        return result
    return plain(_EXACT.subtract(exact(left), exact(right)))


def multiply(left: Number, right: Number) -> Number:
    """Return left * right, exactly."""
    if type(left) is int and type(right) is int:
        return within(left * right)
    if type(left) is int:
        left, right = right, left
    one, other = _scaled(left), right if type(right) is int else _scaled(right)
    if one is not None and other is not None:
        result = _unscaled(one * other, _SCALE if type(right) is int else _SCALE * _SCALE)
        if result is not None:
            return result
    return plain(_EXACT.multiply(exact(left), exact(right)))


def divide(left: Number, right: Number) -> Number:
    """Return left / right: whole where it is, else rounded half-even to 15 digits."""
    if not right:
        raise ExpressionError("division by zero", name="division-by-zero")
    if type(left) is int and type(right) is int:
        quotient, remainder = divmod(left, right)
        if not remainder:
            return within(quotient)
        if right in _POWERS_OF_TEN and -_LARGE_INTEGER < left < _LARGE_INTEGER:
            return left / right
        return plain(_FIFTEEN.divide(Decimal(left), Decimal(right)))
    one, other = exact(left), exact(right)
    rounded_quotient = _FIFTEEN.divide(one, other)
    if abs(rounded_quotient) < _LARGE_INTEGER:  # where the quotient is whole, it has no more than 15 digits
        return plain(rounded_quotient)
    whole, rest = _divided(one, other)
    return within(whole) if not rest else plain(rounded_quotient)


def floor_divide(left: Number, right: Number) -> Number:
    """Return the largest whole number that is not above left / right."""
    if not right:
        raise ExpressionError("division by zero", name="division-by-zero")
    if type(left) is int and type(right) is int:
        return within(left // right)
    return within(_divided(exact(left), exact(right))[0])


def modulo(left: Number, right: Number) -> Number:
    """Return left - right * (left // right), which has the sign of `right`."""
    if not right:
        raise ExpressionError("division by zero", name="division-by-zero")
    if type(left) is int and type(right) is int:
        return within(left % right)
    return plain(_divided(exact(left), exact(right))[1])


def total(values: Iterable[Number]) -> Number:
    """Return the sum of numbers, exactly; 0 of none."""
    numbers = list(values)
    if all(type(number) is int for number in numbers):
        return within(sum(numbers))  # type: ignore[arg-type]  # they are integers
    scaled = [_scaled(number) for number in numbers]
    if None not in scaled and (amount := _unscaled(sum(scaled), _SCALE)) is not None:  # type: ignore[arg-type]
        return amount
    result = Decimal(0)
    for number in numbers:
        result = _EXACT.add(result, exact(number))
    return plain(result)


def rounded(value: Number, places: int) -> Number:
    """Return a number rounded half-even to `places` decimals."""
    if type(value) is int and places >= 0:
        return value
    number = exact(value)
    if places < len(_QUANTA):
        return plain(number.quantize(_QUANTA[places], ROUND_HALF_EVEN, _ROUNDING))
    if _exponent(number) >= -places:
        return plain(number)
    return plain(number.quantize(Decimal(1).scaleb(-places, _ROUNDING), ROUND_HALF_EVEN, _ROUNDING))


def calculation(sign: str, operation: Operation, *, null_raises: bool) -> Operation:
    """Return the operation for values of an event; raises ExpressionError where one is no number.

    A null makes the result null, except where `null_raises`: in a condition, null would pass an event over in silence.
    """

    def calculate(left: Any, right: Any) -> Number | None:
        if type(left) in NUMBERS and type(right) in NUMBERS:
            try:
                return operation(left, right)
            except ArithmeticError:
                raise ExpressionError(f"the result of {sign} has too many digits", name="number-too-large") from None
        if null_raises or any(value is not None and type(value) not in NUMBERS for value in (left, right)):
            raise _no_numbers(sign, left, right)
        return None

    return calculate


OPERATIONS: dict[str, Operation] = {
    "+": add,
    "-": subtract,
    "*": multiply,
    "/": divide,
    "//": floor_divide,
    "%": modulo,
}


def _scaled(value: Number) -> int | None:
    """Return an amount in ten-thousandths; null where it has more decimals or more than 15 digits.

    Up to 15 digits a double and its decimal determine each other, so that integers do what Decimals would, at a third
    of the price.
    """
    if type(value) is int:
        return value * _SCALE if -_LARGEST_SCALED < value < _LARGEST_SCALED else None
    if type(value) is float and -_LARGEST_SCALED < value < _LARGEST_SCALED:
        scaled = round(value * _SCALE)
        return scaled if scaled / _SCALE == value else None
    return None


def _unscaled(value: int, scale: int) -> Number | None:
    """Return value / scale, exactly; null where it has more than 15 digits."""
    if -_LARGE_INTEGER < value < _LARGE_INTEGER:
        return value / scale if value % scale else value // scale
    return None


def within(value: int) -> int:
    """Return a whole result. Raises ExpressionError where it is beyond 64 bits."""
    if BELOW <= value < BEYOND:
        return value
    raise ExpressionError("the result is beyond 64 bits", name="number-too-large")


def _divided(left: Decimal, right: Decimal) -> tuple[int, Decimal]:
    """Return the floor of left / right, and the remainder, by integers: they may have any number of digits."""
    exponent = min(_exponent(left), _exponent(right))
    whole, rest = divmod(int(left.scaleb(-exponent, _EXACT)), int(right.scaleb(-exponent, _EXACT)))
    return whole, Decimal(rest).scaleb(exponent, _EXACT)


def _exponent(value: Decimal) -> int:
    return int(value.as_tuple().exponent)  # a letter only for NaN and infinity, which exact() refuses


def _no_numbers(sign: str, *values: Any) -> ExpressionError:
    others = [value for value in values if type(value) not in NUMBERS]
    other = next((value for value in others if value is not None), None)  # what is no number says more than null
    if other is None:
        return ExpressionError(
            f"{sign} meets null, and so the condition cannot be decided: "
            "say what null counts as, as in (discount || 0)",
            name="null-in-condition",
        )
    cure = "; number() reads a number from a text" if type(other) is str else ""
    if type(other) is str and sign == "+":
        cure += ", join('', [a, b]) puts texts together"
    return ExpressionError(f"{sign} takes numbers, not {json_type(other)}{cure}", name="wrong-kind")
