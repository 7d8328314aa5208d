"""docs/expressions.md from the table of functions that the compiler uses.

`python -m connector.expressions.documentation docs` writes it anew; the microseconds come from
`docs/performance/expressions.json`, which `python -m benchmarks.expressions docs` measures.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from connector.expressions.compiler import compile_expression
from connector.expressions.library import FUNCTIONS, JMESPATH_NAMES
from connector.expressions.needs import EVENT, NEEDS, RECORD
from connector.expressions.signatures import Function

_BEGIN = """# Expressions

`when` and `fields` are JMESPath over the event, with the additions of its Community edition (arithmetic, `let`, `$`,
slices of texts) and the connector's functions. In a route with `each`, which gives a list, paths in `fields` begin at
the element: `@` is the element, `$` the event; `when` and `each` look at the event.
This page is generated from the table that the compiler uses.

| | |
| --- | --- |
| `user.id`, `"user-id"` | a path; a name with a dash, a dot or a space stands in double quotes |
| `'paid'`, `100`, `` `true` ``, `` `null` ``, `` `[1, 2]` `` | a text, a number, other JSON values |
| `items[0]`, `items[-1]`, `items[1:3]`, `name[0:3]` | an element, the last one, some of them; a part of a text |
| `items[*].price`, `items[].price`, `data.*` | of each element; of each, lists joined; of each value of an object |
| `items[?price > 5].sku` | of those elements of which a condition is true |
| `==` `!=` `<` `<=` `>` `>=` `&&` `\\|\\|` `!` | null, false and empty texts, arrays and objects are false; 0 is true |
| `+` `-` `*` `/` `//` `%` | arithmetic; `//` rounds down, `%` is the remainder; around `-` stand spaces |
| `{id: user.id, ref: order.id}`, `[a, b]` | an object, an array |
| `a \\| b` | `b` of the result of `a` |
| `let $total = order.total in …` | a name for a value |
| `@`, `$` | the current value; the whole event, wherever it stands |

**Numbers are decimal.** A number counts as the shortest decimal that prints it, so that `0.1 + 0.2` is 0.3 and `7 /
100` is 0.07, as a number and as a text. `+ - * // %`, `sum` and `round` are exact; `/` and `avg` round half-even to
15 digits unless the result is whole. Arithmetic with null is null in a field; in a `when` it is a mistake, and
`(discount || 0)` the cure. With what is no number, by zero and beyond 64 bits it is a mistake: the event becomes a
dead letter (`unmappable`).
"""


def page(microseconds: Mapping[str, float]) -> str:
    """Return the page. `microseconds` gives by expression what one evaluation took."""
    return "\n".join([_BEGIN, *_needs(microseconds), *_functions()]) + "\n"


def _needs(microseconds: Mapping[str, float]) -> Iterator[str]:
    yield "## Needs of daily life\n"
    yield f"Of this event:\n\n```json\n{json.dumps(EVENT, ensure_ascii=False, indent=1)}\n```\n"
    yield "| need | expression | result | µs |"
    yield "| --- | --- | --- | ---: |"
    for need, expression in NEEDS:
        result = json.dumps(compile_expression(expression)(EVENT, RECORD), ensure_ascii=False)
        time = microseconds.get(expression)
        yield f"| {need} | {_code(expression)} | {_code(result)} | {'' if time is None else f'{time:.1f}'} |"
    yield ""


def _functions() -> Iterator[str]:
    own = [each for name, each in FUNCTIONS.items() if name not in JMESPATH_NAMES]
    for title, functions in (
        ("Functions beside JMESPath's own", own),
        ("JMESPath's own functions", [FUNCTIONS[name] for name in sorted(JMESPATH_NAMES)]),
    ):
        yield f"## {title}\n"
        yield "| function | gives | refuses | example | result |"
        yield "| --- | --- | --- | --- | --- |"
        yield from map(_row, functions)
        yield ""


def _row(function: Function) -> str:
    says = function.says + (" Null where the first argument is null." if function.null_passes else "")
    example, result = function.example
    cells = (f"`{function.name}`{_parameters(function)}", says, function.raises, _code(example), _code(result))
    return "| " + " | ".join(cells) + " |"


def _parameters(function: Function) -> str:
    required = len(function.parameters) - function.optional
    parts = [
        f"[{' or '.join(kinds)}]" if index >= required else " or ".join(kinds)
        for index, kinds in enumerate(function.parameters)
    ]
    return f" ({', '.join(parts)}{', …' if function.variadic else ''})"


def _code(text: str) -> str:
    fence = "``" if "`" in text else "`"
    escaped = text.replace("|", "\\|")
    return f"{fence} {escaped} {fence}" if "`" in text else f"{fence}{escaped}{fence}"


def main(docs: Path) -> None:
    """Write the page into a directory of documents."""
    measured = docs / "performance" / "expressions.json"
    microseconds = json.loads(measured.read_bytes()) if measured.exists() else {}
    (docs / "expressions.md").write_text(page(microseconds), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
