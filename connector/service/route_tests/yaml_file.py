"""Reads a tests file: YAML whose values are those that JSON would read, with the line of each key for messages."""

from __future__ import annotations

import re
from collections.abc import Hashable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import yaml
from pydantic import ValidationError

from connector.config.lenient import elements
from connector.config.yaml_file import parse_tree
from connector.errors import ConfigError, Mistake
from connector.service.route_tests.file_model import CaseModel, File
from connector.settings.model import mistakes_of
from connector.settings.units import shown

if TYPE_CHECKING:
    _Base = yaml.SafeLoader
else:  # libyaml, where PyYAML has it, reads a thousand cases ten times faster
    _Base = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


# The tags of plain values that are no texts.
_PLAIN = frozenset(f"tag:yaml.org,2002:{name}" for name in ("null", "bool", "int", "float"))


class _Loader(_Base):
    """A loader to whom a plain value is a number, true, false or null where JSON (or YAML 1.2) says so, else a text.

    Events are JSON. With YAML 1.1, as PyYAML reads it, 12:30 is 750, 007 is 7, no is false, and 1e5 is a text.
    """

    yaml_implicit_resolvers = {}  # noqa: RUF012 - PyYAML declares it as an instance variable, used as a class's

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        """Return the mapping; a name is a text however it is written, as in JSON."""
        for key, _ in node.value:
            if key.tag in _PLAIN:
                key.tag = "tag:yaml.org,2002:str"
        return super().construct_mapping(node, deep)


for _tag, _pattern, _first in (
    ("null", r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    ("bool", r"true|True|TRUE|false|False|FALSE", list("tTfF")),
    ("int", r"-?(0|[1-9][0-9]*)", list("-0123456789")),
    ("float", r"-?(0|[1-9][0-9]*)(\.[0-9]+([eE][-+]?[0-9]+)?|[eE][-+]?[0-9]+)", list("-0123456789")),
    ("merge", r"<<", ["<"]),
):
    _Loader.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(f"(?:{_pattern})$"), _first)


class CaseFile(NamedTuple):
    """A tests file that was read: its cases (None: one whose form is wrong), their lines, and the mistakes of form.

    The mistakes have paths of this file, such as `tests[3].topic`; `located` adds file and line.
    """

    path: Path
    cases: tuple[CaseModel | None, ...]
    lines: tuple[int, ...]
    mistakes: tuple[Mistake, ...]
    node: yaml.Node

    def located(self, mistakes: Iterable[Mistake]) -> list[Mistake]:
        """Return mistakes with file and line, by line: of what is missing, the line of what it should stand in."""
        mistakes = list(mistakes)
        lines = dict(_lines(self.node, "", set())) if mistakes else {}

        def line(there: str) -> int:
            while there and there not in lines:
                there = there[: max(there.rfind("."), there.rfind("["), 0)]
            return lines.get(there, 1)

        mistakes.sort(key=lambda mistake: line(mistake.path))
        return [Mistake(f"{self.path}:{line(each.path)}: {each.path}", each.message) for each in mistakes]


def read_cases(path: Path) -> CaseFile:
    """Return the cases of a file. Raises ConfigError where it cannot be read at all."""
    node = _compose(path)
    mistakes = [Mistake(twice, "this key is given twice; keep one") for twice in _duplicates(node, "", set())]
    lines = _case_lines(node)
    try:
        tree = _construct(node)
    except (yaml.YAMLError, ValueError, TypeError, RecursionError) as error:
        raise _unreadable(path, f"this is YAML that cannot be read{_problem(error)}") from None
    if not isinstance(tree, dict):
        raise _unreadable(path, "the file must be a mapping with the key tests; `connector example --tests` prints one")
    cases: Sequence[CaseModel | None]
    try:
        cases = File.model_validate(tree).tests
    except ValidationError as error:
        mistakes += mistakes_of(error)
        cases = [_well_formed(each) for each in elements(tree.get("tests"))]
    mistakes += _equal_names(cases)
    return CaseFile(path, tuple(cases), lines, tuple(mistakes), node)


def _well_formed(tree: Any) -> CaseModel | None:
    try:
        return CaseModel.model_validate(tree)
    except ValidationError:
        return None


def _compose(path: Path) -> yaml.Node:
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise _unreadable(path, f"cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise _unreadable(path, f"is not UTF-8 text (byte {error.start})") from None
    loader = _Loader(text)
    try:
        node = loader.get_single_node()
    except (yaml.YAMLError, RecursionError) as error:
        raise _explained(path, text, error) from None
    finally:
        loader.dispose()
    if not isinstance(node, yaml.Node):
        raise _unreadable(path, "the file is empty; `connector example --tests` prints one to start from")
    return node


def _explained(path: Path, text: str, error: Exception) -> ConfigError:
    """Return the mistake of a text that is not YAML, in the words that a configuration gets."""
    mark = getattr(error, "problem_mark", None)
    if "another document" in str(error) and mark is not None:
        return _unreadable(path, f"a file holds one document: take out the --- in line {mark.line + 1}")
    try:
        parse_tree(text)
    except ConfigError as explained:
        return _unreadable(path, explained.mistakes[0].message)
    # In JSON two such escapes make one character.
    hint = "; write the character itself, or event: {file: PATH}" if "Unicode" in str(error) else ""
    return _unreadable(path, f"this is not YAML{_problem(error)}{hint}")


def _problem(error: Exception) -> str:
    mark, problem = getattr(error, "problem_mark", None), getattr(error, "problem", None)
    where = "" if mark is None else f" at line {mark.line + 1}, column {mark.column + 1}"
    return f"{where}: {problem}" if problem else where


def _construct(node: yaml.Node) -> Any:
    loader = _Loader("")
    try:
        return loader.construct_document(node)
    finally:
        loader.dispose()


def _equal_names(cases: Sequence[CaseModel | None]) -> Iterator[Mistake]:
    first: dict[str, int] = {}
    for index, case in enumerate(cases):
        if case is not None and first.setdefault(case.name, index) != index:
            message = f"{shown(case.name)} is also the name of tests[{first[case.name]}]: give each its own"
            yield Mistake(f"tests[{index}].name", message)


def _case_lines(node: yaml.Node) -> tuple[int, ...]:
    """Return the line of each element of `tests`; none where that is no list."""
    for key, value in node.value if isinstance(node, yaml.MappingNode) else ():
        if key.value == "tests" and isinstance(value, yaml.SequenceNode):
            return tuple(child.start_mark.line + 1 for child in value.value)
    return ()


def _children(node: yaml.Node, path: str) -> Iterator[tuple[str, yaml.Node, yaml.Node]]:
    """Yield the path, key (of an element: itself) and value of each entry."""
    if isinstance(node, yaml.SequenceNode):
        for index, child in enumerate(node.value):
            yield f"{path}[{index}]", child, child
    elif isinstance(node, yaml.MappingNode):
        for key, child in node.value:
            yield f"{path}.{key.value}" if path else str(key.value), key, child


def _lines(node: yaml.Node, path: str, seen: set[int]) -> Iterator[tuple[str, int]]:
    """Yield each path with the line of its key; what several aliases share, under its first path."""
    if id(node) in seen:
        return
    seen.add(id(node))
    for where, key, child in _children(node, path):
        yield where, key.start_mark.line + 1
        yield from _lines(child, where, seen)


def _duplicates(node: yaml.Node, path: str, seen: set[int]) -> Iterator[str]:
    """Yield the path of each key that stands twice in its mapping. What several aliases share is looked at once."""
    if id(node) in seen:
        return
    seen.add(id(node))
    names: set[str] = set()
    for where, key, child in _children(node, path):
        if isinstance(node, yaml.MappingNode) and isinstance(key, yaml.ScalarNode):
            if key.value in names and key.tag != "tag:yaml.org,2002:merge":
                yield where
            names.add(key.value)
        yield from _duplicates(child, where, seen)


def _unreadable(path: Path, message: str) -> ConfigError:
    return ConfigError([Mistake(str(path), message)])
