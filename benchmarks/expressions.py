"""Times of the needs in docs/expressions.md; `python -m benchmarks.expressions docs` writes them."""

from __future__ import annotations

import json
import sys
import timeit
from functools import partial
from pathlib import Path

from connector.expressions import compile_expression
from connector.expressions.documentation import main as write_page
from connector.expressions.needs import EVENT, NEEDS, RECORD

ROUNDS, EVALUATIONS = 15, 4_000


def microseconds(expression: str) -> float:
    """Return the least mean of one evaluation."""
    call = partial(compile_expression(expression), EVENT, RECORD)
    return min(timeit.repeat(call, number=EVALUATIONS, repeat=ROUNDS)) / EVALUATIONS * 1e6


def main(docs: Path) -> None:
    times = {expression: round(microseconds(expression), 2) for _need, expression in NEEDS}
    text = json.dumps(times, indent=1, ensure_ascii=False) + "\n"
    (docs / "performance" / "expressions.json").write_text(text, encoding="utf-8")
    write_page(docs)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
