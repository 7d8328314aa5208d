"""Reads the file's text as a tree of plain values; a key given twice is a mistake."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from connector.config.yaml_values import unreadable_hint
from connector.errors import ConfigError, Mistake

# The usual cause of PyYAML's reasons, for the message; the first that matches counts.
_HINTS = {
    r"character '\t'": "indent with spaces, not with tabs",
    "cannot start any token": "put the value between quotes",
    "could not determine a constructor": "put the value between quotes",
    "undefined alias": "put the value between quotes",
    "mapping values are not allowed": "look at the indent; put a value with a colon and a space between quotes",
    "another document": "a file holds one configuration",
}
# The part of a reason that quotes the file: an unquoted value that begins with ! or *.
_NAMING = re.compile(r"(the tag|tag handle|undefined alias) '.*")


class _Loader(yaml.SafeLoader):
    """PyYAML's safe loader, with times left as text: `start` parses them and must see whether a zone was given."""

    yaml_implicit_resolvers = {  # noqa: RUF012 - PyYAML declares it as an instance variable, used as a class's
        first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }


def read_tree(path: Path) -> tuple[dict[str, Any], list[Mistake]]:
    """Return the file as nested dicts, lists and scalars, and its duplicate keys (of which the last one counts).

    Raises ConfigError if the file is missing, not UTF-8, not YAML, or not a mapping.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise _unreadable(f"{path} cannot be read: {error.strerror}", "unreadable-file") from error
    except UnicodeDecodeError as error:
        raise _unreadable(f"{path} is not UTF-8 text (byte {error.start})", "unreadable-file") from None
    return parse_tree(text)


def parse_tree(text: str) -> tuple[dict[str, Any], list[Mistake]]:
    """Return the same as `read_tree` for text."""
    try:
        loader = _Loader(text)
        node = loader.get_single_node()
        if node is None:
            raise _unreadable("the file is empty; `connector example` prints one to start from", "no-configuration")
        tree = loader.construct_document(node)
    except yaml.YAMLError as error:
        raise _unreadable(f"this is not YAML{_position(error, text)}") from None
    except RecursionError:
        raise _unreadable("this is YAML nested too deep to be read") from None
    except (ValueError, TypeError) as error:  # raised by PyYAML's own constructors, for instance for `!!int x`
        raise _unreadable(f"this is YAML that cannot be read ({type(error).__name__})") from None
    if not isinstance(tree, dict):
        raise _unreadable("the file must be a mapping (key: value); `connector example` prints one", "no-configuration")
    twice = _duplicates(node, "", frozenset())
    return tree, [Mistake(path, "this key is given twice; keep one", "duplicate-key") for path in twice]


def _duplicates(node: yaml.Node, path: str, above: frozenset[int]) -> Iterator[str]:
    if id(node) in above:  # an alias to what encloses it
        return
    above |= {id(node)}
    if isinstance(node, yaml.SequenceNode):
        for index, child in enumerate(node.value):
            yield from _duplicates(child, f"{path}[{index}]", above)
    elif isinstance(node, yaml.MappingNode):
        seen: set[str] = set()
        for key, child in node.value:
            name = str(key.value)
            where = f"{path}.{name}" if path else name
            if name in seen and isinstance(key, yaml.ScalarNode):
                yield where
            seen.add(name)
            yield from _duplicates(child, where, above)


def _position(error: yaml.YAMLError, text: str) -> str:
    """Return line, column and PyYAML's reason; never a piece of the file, which may hold a secret."""
    mark = getattr(error, "problem_mark", None)
    problem = _NAMING.sub(r"\1", getattr(error, "problem", None) or getattr(error, "reason", None) or "")
    where = f" at line {mark.line + 1}, column {mark.column + 1}" if mark else ""
    hint = next((hint for cause, hint in _HINTS.items() if cause in problem), "")
    if mark and not hint:
        began = getattr(error, "context_mark", None)
        hint = unreadable_hint(text, problem, mark.line, began.line if began else mark.line)
    return f"{where}: {problem}{hint and f'; {hint}'}" if problem else where


def _unreadable(message: str, name: str = "not-yaml") -> ConfigError:
    return ConfigError([Mistake("", message, name)])
