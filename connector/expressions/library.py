"""All functions: JMESPath's own, the Community edition's, and the connector's. The documentation is made from this."""

from __future__ import annotations

import math
from collections.abc import Mapping
from decimal import Decimal
from types import MappingProxyType
from typing import Any

from connector.errors import ExpressionError
from connector.expressions import arrays, conversions, of_record, texts
from connector.expressions.kinds import json_type
from connector.expressions.numbers import Number, rounded, total, within
from connector.expressions.signatures import (
    ANY,
    ARRAY,
    ARRAYS,
    BOOLEAN,
    EXPRESSION,
    NULL,
    NULL_OF_NULL,
    NUMBER,
    NUMBERS,
    OBJECT,
    TEXT,
    TEXTS,
    Function,
)
from connector.expressions.times import unix

_TYPES = {
    str: "string", bool: "boolean", list: "array", dict: "object", type(None): "null",
}  # fmt: skip


def _floor(value: Number) -> int:
    return within(math.floor(value))


def _ceil(value: Number) -> int:
    return within(math.ceil(value))


def _round(value: Number, places: Any = 0) -> Number:
    return rounded(value, texts.whole("round", "number of decimals", places))


def _absolute(value: Number) -> Number:
    if isinstance(value, Decimal):
        return value.copy_abs()  # abs() would round it to 28 digits
    return abs(value)


def _contains(subject: Any, search: Any) -> bool:
    if type(subject) is str and type(search) is not str:
        raise ExpressionError(
            f"contains() looks for a text in a text, not for {json_type(search)}: use text()", name="wrong-kind"
        )
    return search in subject


def _not_null(*values: Any) -> Any:
    return next((value for value in values if value is not None), None)


def _reverse(value: Any) -> Any:
    return value[::-1]


_JMESPATH = (
    Function("abs", _absolute, ((NUMBER,),), (NUMBER,), "The number without its sign.", ("abs(-5)", "5")),
    Function("avg", arrays.average, ((NUMBERS,),), (NUMBER, NULL), "The mean; null of none.", ("avg([1, 2])", "1.5")),
    Function("ceil", _ceil, ((NUMBER,),), (NUMBER,), "The smallest whole number not below.", ("ceil(1.2)", "2")),
    Function("contains", _contains, ((ARRAY, TEXT), (ANY,)), (BOOLEAN,),
             "Whether an array has a value, or a text a part.",
             ("contains('abc', 'b')", "true"),
             raises="anything but a text, looked for in a text"),
    Function("ends_with", str.endswith, ((TEXT,), (TEXT,)), (BOOLEAN,), "Whether a text ends with another.",
             ("ends_with('abc', 'c')", "true")),
    Function("floor", _floor, ((NUMBER,),), (NUMBER,), "The largest whole number not above.", ("floor(1.8)", "1")),
    Function("join", texts.join, ((TEXT,), (TEXTS,)), (TEXT,), "Texts put together, with the first between them.",
             ("join('-', ['a', 'b'])", '"a-b"'),
             raises="a result of over 4,194,304 characters"),
    Function("keys", list, ((OBJECT,),), (TEXTS,), "The names of an object.", ("keys({a: 1})", '["a"]')),
    Function("length", len, ((TEXT, ARRAY, OBJECT),), (NUMBER,), "How many characters, elements or names.",
             ("length('abc')", "3")),
    Function("map", lambda of, values: [of(value) for value in values], ((EXPRESSION,), (ARRAY,)), (ARRAY,),
             "The expression's value for each element, nulls included.", ("map(&a, [{a: 1}, {b: 2}])", "[1, null]")),
    Function("max", arrays.largest, ((NUMBERS, TEXTS),), (NUMBER, TEXT, NULL),
             "The largest; null of none.", ("max([1, 3, 2])", "3")),
    Function("max_by", arrays.max_by, ((ARRAY,), (EXPRESSION,)), (ANY,),
             "The element of which the expression is largest.",
             ("max_by([{a: 1}, {a: 2}], &a)", '{"a": 2}'),
             raises="values that are neither all numbers nor all texts"),
    Function("merge", arrays.merge, ((OBJECT,), (ANY,)), (OBJECT,),
             "One object of all; of one name the last value counts.",
             ("merge({a: 1}, {b: 2})", '{"a": 1, "b": 2}'), optional=1, variadic=True),
    Function("min", arrays.smallest, ((NUMBERS, TEXTS),), (NUMBER, TEXT, NULL),
             "The smallest; null of none.", ("min([3, 1, 2])", "1")),
    Function("min_by", arrays.min_by, ((ARRAY,), (EXPRESSION,)), (ANY,),
             "The element of which the expression is smallest.",
             ("min_by([{a: 1}, {a: 2}], &a)", '{"a": 1}'),
             raises="values that are neither all numbers nor all texts"),
    Function("not_null", _not_null, ((ANY,),), (ANY,),
             "The first value that is not null.", ("not_null(`null`, 'a')", '"a"'),
             variadic=True),
    Function("reverse", _reverse, ((ARRAY, TEXT),), (ARRAY, TEXT),
             "The elements or characters from the last to the first.",
             ("reverse([1, 2])", "[2, 1]")),
    Function("sort", arrays.ordered, ((TEXTS, NUMBERS),), (ARRAY,), "Texts or numbers in ascending order.",
             ("sort([2, 1])", "[1, 2]")),
    Function("sort_by", arrays.sort_by, ((ARRAY,), (EXPRESSION,)), (ARRAY,),
             "The elements in ascending order of the expression.",
             ("sort_by([{a: 2}, {a: 1}], &a)", '[{"a": 1}, {"a": 2}]'),
             raises="values that are neither all numbers nor all texts"),
    Function("starts_with", str.startswith, ((TEXT,), (TEXT,)), (BOOLEAN,), "Whether a text begins with another.",
             ("starts_with('abc', 'a')", "true")),
    Function("sum", total, ((NUMBERS,),), (NUMBER,), "The sum, exactly; 0 of none.", ("sum([0.1, 0.2])", "0.3"),
             raises="a result beyond 64 bits"),
    Function("to_array", lambda value: value if type(value) is list else [value], ((ANY,),), (ARRAY,),
             "An array as it is, another value as an array of one.", ("to_array(1)", "[1]")),
    Function("to_number", conversions.to_number, ((ANY,),), (NUMBER, NULL),
             "The number that a text holds; null if it holds none.",
             ("to_number('1.5')", "1.5")),
    Function("to_string", conversions.to_string, ((ANY,),), (TEXT,), "A text as it is, another value as JSON.",
             ("to_string([1, 'é'])", '"[1,\\"é\\"]"'),
             raises="numbers beyond 64 bits"),
    Function("type", lambda value: _TYPES.get(type(value), "number"), ((ANY,),), (TEXT,),
             "string, number, boolean, array, object or null.", ("type('a')", '"string"')),
    Function("values", lambda value: list(value.values()), ((OBJECT,),), (ARRAY,), "The values of an object.",
             ("values({a: 1})", "[1]")),
)  # fmt: skip

_COMMUNITY = (
    Function("find_first", texts.find_first, ((TEXT,), (TEXT,), (NUMBER,), (NUMBER,)), (NUMBER, NULL),
             "The index at which a part begins first, in all or between start and end; null if it is not there.",
             ("find_first('a-b-c', '-')", "1"), optional=2, null_passes=True),
    Function("find_last", texts.find_last, ((TEXT,), (TEXT,), (NUMBER,), (NUMBER,)), (NUMBER, NULL),
             "The index at which a part begins last; null if it is not there.", ("find_last('a-b-c', '-')", "3"),
             optional=2, null_passes=True),
    Function("from_items", arrays.from_items, ((ARRAYS,),), (OBJECT,), "The object of pairs [name, value].",
             ("from_items([['a', 1]])", '{"a": 1}'), null_passes=True,
             raises="what is no pair of a text and a value"),
    Function("group_by", arrays.group_by, ((ARRAY,), (EXPRESSION,)), (OBJECT,),
             "The elements by the expression's text.",
             ("group_by([{a: 'x'}], &a)", '{"x": [{"a": "x"}]}'), null_passes=True,
             raises="values that are neither texts nor null"),
    Function("items", lambda value: [list(pair) for pair in value.items()], ((OBJECT,),), (ARRAYS,),
             "The pairs [name, value].",
             ("items({a: 1})", '[["a", 1]]'), null_passes=True),
    Function("lower", str.lower, ((TEXT,),), (TEXT,),
             "The text in lower case.", ("lower('Ab')", '"ab"'), null_passes=True),
    Function("pad_left", texts.pad_left, ((TEXT,), (NUMBER,), (TEXT,)), (TEXT,),
             "The text with blanks, or another character, before it to a width.", ("pad_left('7', 3, '0')", '"007"'),
             optional=1, null_passes=True,
             raises="a width over 10,000; a padding that is not one character"),
    Function("pad_right", texts.pad_right, ((TEXT,), (NUMBER,), (TEXT,)), (TEXT,),
             "The text with blanks, or another character, behind it to a width.", ("pad_right('7', 3, '.')", '"7.."'),
             optional=1, null_passes=True,
             raises="a width over 10,000; a padding that is not one character"),
    Function("replace", texts.replace, ((TEXT,), (TEXT,), (TEXT,), (NUMBER,)), (TEXT,),
             "The text with a part replaced, everywhere or so many times.", ("replace('a-b', '-', '_')", '"a_b"'),
             optional=1, null_passes=True,
             raises="a result of over 4,194,304 characters"),
    Function("split", texts.split, ((TEXT,), (TEXT,), (NUMBER,)), (TEXTS,),
             "The parts between separators, of all or so many cuts.", ("split('a,b', ',')", '["a", "b"]'),
             optional=1, null_passes=True),
    Function("trim", texts.trim, ((TEXT,), (TEXT,)), (TEXT,),
             "The text without space, or these characters, at both ends.",
             ("trim(' a ')", '"a"'), optional=1, null_passes=True),
    Function("trim_left", texts.trim_left, ((TEXT,), (TEXT,)), (TEXT,), "The same at its beginning.",
             ("trim_left(' a ')", '"a "'), optional=1, null_passes=True),
    Function("trim_right", texts.trim_right, ((TEXT,), (TEXT,)), (TEXT,),
             "The same at its end.", ("trim_right(' a ')", '" a"'),
             optional=1, null_passes=True),
    Function("upper", str.upper, ((TEXT,),), (TEXT,),
             "The text in upper case.", ("upper('rub')", '"RUB"'), null_passes=True),
    Function("zip", lambda *columns: [list(row) for row in zip(*columns, strict=False)], ((ARRAY,),), (ARRAYS,),
             "Rows of the first, second, … elements, as long as the shortest.", ("zip(['a', 'b'], [1, 2])",
             '[["a", 1], ["b", 2]]'), variadic=True),
)  # fmt: skip

_CONNECTOR = (
    Function("base64_decode", texts.base64_decode, ((TEXT,),), (TEXT,), "The UTF-8 text behind base64.",
             ("base64_decode('cGFpZA==')", '"paid"'), null_passes=True,
             raises="what is not base64, or holds no UTF-8"),
    Function("cut", texts.cut, ((TEXT,), (NUMBER,)), (TEXT,),
             "The first so many characters.", ("cut('abcdef', 3)", '"abc"'),
             null_passes=True,
             raises="a length that is not whole or is negative"),
    Function("digits", texts.digits, ((ANY,),), (TEXT, NULL), "The digits of a text; null if it has none.",
             ("digits('+7 (999) 123')", '"7999123"'),
             raises="digits of another script, and numbers that are not whole or negative"),
    Function("get", arrays.get, ((OBJECT, NULL), (TEXT, NULL), (ANY,)), (ANY,),
             "What an object has under a computed name; the default, or null, if nothing.",
             ("get({ru: 'RUB'}, 'ru', 'EUR')", '"RUB"'), optional=1),
    Function("header", of_record.header, ((TEXT,),), (TEXT, NULL), "The text of the last header of that name.",
             ("header('trace')", '"t-1"'), of_record=True),
    Function("json", texts.read_json, ((TEXT,),), (ANY,), "The JSON value that a text holds.",
             ("""json('{"a": 1}').a""", "1"), null_passes=True,
             raises="a text that holds no JSON"),
    Function("key", of_record.key, ((TEXT,),), (TEXT, NUMBER, NULL),
             "The record's key as text; key('int64') or key('int32') as a number.",
             ("key()", '"user-1"'), optional=1, of_record=True,
             raises="a key that is not UTF-8 or holds control characters; an integer of another length"),
    Function("number", conversions.number, ((ANY,), (TEXT,)), (NUMBER, NULL_OF_NULL),
             "The number a text holds; with ',' as the decimal comma.",
             ("number('1 200,50', ',')", "1200.5"), optional=1,
             raises="a text that is no number, and a number beyond 64 bits"),
    Function("phone", texts.phone, ((ANY,), (TEXT,)), (TEXT, NULL_OF_NULL),
             "A telephone number in international form, digits only.",
             ("phone('8 (999) 123-45-67', '7')", '"79991234567"'),
             raises="other characters than digits, spaces, ( ) . - and one leading +; a national number of "
                    "another country; fewer than 7 or more than 15 digits"),
    Function("round", _round, ((NUMBER,), (NUMBER,)), (NUMBER,), "The number rounded half-even to so many decimals.",
             ("round(2.345, 2)", "2.34"), optional=1, null_passes=True,
             raises="a number of decimals that is not whole or is negative"),
    Function("sha256", texts.sha256, ((ANY,),), (TEXT, NULL_OF_NULL),
             "The SHA-256 of a text, as 64 hexadecimal digits.",
             ("cut(sha256('abc'), 8)", '"ba7816bf"'),
             raises="arrays and objects; numbers whose digits 64 bits do not hold"),
    Function("text", conversions.text, ((ANY,),), (TEXT, NULL_OF_NULL),
             "A number or boolean as text, without an exponent.",
             ("text(12.50)", '"12.5"'),
             raises="arrays and objects; numbers whose digits 64 bits do not hold"),
    Function("timestamp", of_record.timestamp, (), (NUMBER, NULL), "The record's Kafka timestamp in seconds.",
             ("timestamp()", "1769850001"), of_record=True),
    Function("topic", of_record.topic, (), (TEXT,),
             "The record's topic.", ("topic()", '"shop.orders"'), of_record=True),
    Function("unix", unix, ((ANY,), (TEXT,)), (NUMBER, NULL_OF_NULL),
             "Seconds since the epoch: of ISO 8601 with a zone, of seconds, or of 'ms', 'us', 'ns', 'days'.",
             ("unix(1769850001500, 'ms')", "1769850001"), optional=1,
             raises="a time without a zone; a number that makes no time from March 1973 to 2106"),
)  # fmt: skip

FUNCTIONS: Mapping[str, Function] = MappingProxyType(
    {function.name: function for function in sorted((*_JMESPATH, *_COMMUNITY, *_CONNECTOR), key=lambda each: each.name)}
)
JMESPATH_NAMES = frozenset(function.name for function in _JMESPATH)
