"""Whatever stands in the file, the answer is settings or mistakes."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from connector.config.load import load
from connector.errors import ConfigError, Mistake
from connector.mistakes.catalogue import MISTAKES

EXAMPLE = Path(__file__).parents[3] / "connector" / "config" / "example.yaml"
TREE: dict[str, Any] = yaml.safe_load(EXAMPLE.read_text(encoding="utf-8"))

keys = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=12) | st.dates()
values = st.recursive(
    keys | st.just(float("nan")),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=3),
    max_leaves=6,
)


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    children = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    found = [path] if path else []
    for key, child in children:
        found += places(child, (*path, key))
    return found


def put(tree: Any, path: tuple[Any, ...], value: Any) -> None:
    for step in path[:-1]:
        tree = tree[step]
    tree[path[-1]] = value


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("config")


@settings(max_examples=150)
@given(path=st.sampled_from(places(TREE)), value=values)
def test_anything_anywhere_is_settings_or_mistakes(directory: Path, path: tuple[Any, ...], value: Any) -> None:
    tree = copy.deepcopy(TREE)
    put(tree, path, value)
    file = directory / "connector.yaml"
    file.write_text(yaml.safe_dump(tree, allow_unicode=False), encoding="utf-8")
    mistakes: tuple[Mistake, ...] | None = None
    try:
        load(file)
    except ConfigError as error:
        mistakes = error.mistakes
    assert mistakes is None or (mistakes and all(mistake.message and mistake.name in MISTAKES for mistake in mistakes))


@settings(max_examples=150)
@given(text=st.text(alphabet="abk: -[]{}&*!?|>'\"%@`#,\n\t0<", max_size=60))
def test_any_text_is_settings_or_mistakes(directory: Path, text: str) -> None:
    file = directory / "connector.yaml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError):
        load(file)
