"""docs/mistakes.md, made from the catalogue: `python -m connector.mistakes.documentation docs`."""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

from connector.mistakes.catalogue import GROUPS
from connector.mistakes.kind import MistakeKind

_WIDTH = 120
_BEGIN = """# Mistakes, by their names

`connector check` and `connector preview` end each message with the name of its kind, in brackets:

```
routes[0].when: "type = 'paid'" is not an expression: column 6: = is not expected here: equality is == [single-equals]
```

Look the name up here: what it means, a configuration that has the mistake, and the same one mended. The pieces are keys
of the file (`kafka`, `sinks`, `routes`, …) or keys of one route (`when`, `fields`, …), whichever the mistake is about.
Expressions (`when`, `fields`) are explained in [expressions.md](expressions.md).

A *mistake* must be mended before the service starts. A *warning* need not be; where it is about a route and meant so,
`accept: [NAME]` on that route silences it there. What is wrong with an *event* makes no mistake of the configuration:
the event becomes a dead letter, is skipped, or lacks a field.
"""


def page() -> str:
    """Return the page."""
    return "\n".join([_BEGIN, *_contents(), *_sections()])


def _contents() -> Iterator[str]:
    for group in GROUPS:
        names = " · ".join(f"[{kind.name}](#{kind.name})" for kind in group.kinds)
        yield f"{_wrapped(f'**{group.title}:** {names}')}\n"


def _sections() -> Iterator[str]:
    for group in GROUPS:
        yield f"## {group.title}\n"
        for kind in group.kinds:
            yield from _section(kind)


def _section(kind: MistakeKind) -> Iterator[str]:
    yield f"### {kind.name}\n"
    yield f"{_wrapped(kind.meaning)}\n"
    if not kind.wrong:
        return
    yield f"```{_language(kind.wrong)}\n# wrong\n{kind.wrong}\n# right\n{kind.right}\n```\n"
    if kind.event and kind.event != kind.wrong:
        yield f"With this event:\n\n```json\n{kind.event}\n```\n"


def _wrapped(text: str) -> str:
    return textwrap.fill(text, _WIDTH, break_long_words=False, break_on_hyphens=False)


def _language(piece: str) -> str:
    if piece.startswith("connector "):
        return "sh"
    return "text" if piece.startswith("{") else "yaml"


def main(docs: Path) -> None:
    """Write the page into a directory of documents."""
    (docs / "mistakes.md").write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
