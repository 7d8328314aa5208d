"""Which files are tests: those that are named, else those beside the configuration."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from connector.errors import ConfigError
from connector.service.route_tests.files import find_files


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def make(*files: str) -> None:
    for each in files:
        Path(each).parent.mkdir(parents=True, exist_ok=True)
        Path(each).write_text("tests: []", encoding="utf-8")


def found(config: str, *given: str) -> list[str]:
    return [str(path) for path in find_files(Path(config), [Path(each) for each in given])]


def mistakes(config: str, given: Sequence[str] = ()) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        found(config, *given)
    return [str(mistake) for mistake in caught.value.mistakes]


def test_beside_the_configuration_it_is_its_own_file_and_the_directory(tmp_path: Path) -> None:
    make("crm.yaml", "crm.tests.yaml", "other.tests.yaml", "tests/b.yml", "tests/a.yaml", "tests/deep/c.yaml")
    make("tests/.hidden.yaml", "tests/..data/d.yaml", "tests/event.json", "sub/tests/e.yaml")
    assert found("crm.yaml") == ["crm.tests.yaml", "tests/a.yaml", "tests/b.yml", "tests/deep/c.yaml"]
    assert found("sub/none.yaml") == ["sub/tests/e.yaml"]


def test_what_is_named_is_all_there_is(tmp_path: Path) -> None:
    make("crm.yaml", "crm.tests.yaml", "tests/a.yaml", "more/b.yaml", "c.txt")
    assert found("crm.yaml", "more", "c.txt") == ["more/b.yaml", "c.txt"]


def test_a_file_that_is_named_twice_is_taken_once_and_the_configuration_never(tmp_path: Path) -> None:
    make("all/crm.yaml", "all/a.yaml", "all/b.yaml")
    assert found("all/crm.yaml", "all/b.yaml", "all", "./all") == ["all/b.yaml", "all/a.yaml"]


def test_what_is_not_there_is_named_and_all_of_it(tmp_path: Path) -> None:
    make("crm.yaml")
    Path("empty").mkdir()
    assert mistakes("crm.yaml", ["a.yaml", "empty", "n" * 300]) == [
        "TESTS: a.yaml cannot be read: No such file or directory",
        "TESTS: there is no YAML file in empty",
        f"TESTS: {'n' * 300} cannot be read: File name too long",
    ]


def test_without_any_tests_it_says_where_they_would_be_and_how_to_begin(tmp_path: Path) -> None:
    make("conf/crm.yaml")
    Path("conf/tests").mkdir()
    (said,) = mistakes("conf/crm.yaml")
    assert said.startswith("TESTS: there are no tests: no conf/crm.tests.yaml, and no YAML file in conf/tests. ")
    assert said.endswith("or begin one: connector example --tests > conf/crm.tests.yaml")
