"""Every mistake the configuration can have: where it is said to be, and in which words."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from connector.config.load import load
from connector.errors import ConfigError, Mistake
from connector.mistakes.catalogue import MISTAKES

QUOTES = "put the value between quotes"
SPACES = "indent with spaces, not with tabs"
COLON = "look at the indent; put a value with a colon and a space between quotes"
HERE = Path(__file__).parent
ROWS: list[dict[str, Any]] = yaml.safe_load((HERE / "mistakes.yaml").read_text(encoding="utf-8"))


def correct() -> dict[str, Any]:
    tree: dict[str, Any] = yaml.safe_load((HERE / "correct.yaml").read_text(encoding="utf-8"))
    return tree


def merge(base: dict[str, Any], change: dict[str, Any]) -> None:
    for key, value in change.items():
        if value == "GONE":
            del base[key]
        elif key != "token" and isinstance(value, dict) and isinstance(base.get(key), dict):
            merge(base[key], value)
        else:
            base[key] = value


def changed(row: dict[str, Any]) -> dict[str, Any]:
    tree = correct()
    merge(tree["routes"][0], row.get("route", {}))
    merge(tree["routes"][1], row.get("fire", {}))
    merge(tree, row.get("change", {}))
    return tree


def mistakes_in(tree: Any, directory: Path) -> tuple[Mistake, ...]:
    path = directory / "connector.yaml"
    path.write_text(tree if isinstance(tree, str) else yaml.safe_dump(tree, sort_keys=False), encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        load(path)
    # Whatever is wrong in any of these tests has a name that docs/mistakes.md explains.
    assert [mistake for mistake in caught.value.mistakes if mistake.name not in MISTAKES] == []
    return caught.value.mistakes


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """Where the configuration lies, with schemas that are none."""
    (tmp_path / "not-json.json").write_text("{")
    (tmp_path / "not-a-schema.json").write_text('{"type": "objct"}')
    (tmp_path / "bad-pattern.json").write_text('{"properties": {"id": {"pattern": "("}}}')
    (tmp_path / "not-utf-8.json").write_bytes(b"\xff")
    (tmp_path / "deep.json").write_text('{"a":' * 5000 + "1" + "}" * 5000)
    (tmp_path / "refers.json").write_text('{"$ref": "http://127.0.0.1:1/other.json"}')
    return tmp_path


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row['path']}: {row['message'][:40]}")
def test_a_mistake_is_said_once_with_its_path_and_what_would_be_right(row: dict[str, Any], directory: Path) -> None:
    (mistake,) = mistakes_in(changed(row), directory)
    assert mistake.path == row["path"]
    assert mistake.message.replace(f"{directory}/", "") == row["message"]


def test_the_table_starts_from_a_correct_file(directory: Path) -> None:
    path = directory / "connector.yaml"
    path.write_text(yaml.safe_dump(correct()), encoding="utf-8")
    assert load(path).group == "crm"


def test_no_message_shows_a_secret(directory: Path) -> None:
    for row in ROWS:
        tree = changed(row)
        for mistake in mistakes_in(tree, directory):
            assert "hunter2" not in str(mistake)


def test_all_mistakes_are_said_at_once_in_the_files_order(directory: Path) -> None:
    """Slips of form and slips between the parts hide none of each other."""
    tree = correct()
    merge(tree, {"kafka": {"enable.auto.commit": True}, "grop": 1, "topics": {"unread": {}}})
    merge(tree["sinks"]["mt"], {"kind": "mytraker", "token": "x", "batch": {"max_events": 50}, "timeout": "30s"})
    merge(tree["routes"][0], {"from": "order", "wehn": "x", "fields": {"age": 5, "idGendr": "a["}})
    merge(tree["routes"][1], {"to": "sp.shoot", "when": "a ="})
    assert [mistake.path for mistake in mistakes_in(tree, directory)] == [
        "kafka.enable.auto.commit",
        "topics.unread",
        "sinks.mt.kind",
        "sinks.mt.token",
        "sinks.mt.batch.max_events",
        "sinks.mt.timeout",
        "routes[0].from",
        "routes[0].fields.age",
        "routes[0].fields.idGendr",
        "routes[0].fields.idGendr",
        "routes[0].wehn",
        "routes[1].to",
        "routes[1].when",
        "grop",
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "the file is empty; `connector example` prints one to start from"),
        ("- 1", "the file must be a mapping (key: value); `connector example` prints one"),
        ("a: [", "this is not YAML at line 1, column 5: expected the node content, but found '<stream end>'"),
        (
            "when: !paid",
            f"this is not YAML at line 1, column 7: could not determine a constructor for the tag; {QUOTES}",
        ),
        (
            "id: @.id",
            f"this is not YAML at line 1, column 5: found character '@' that cannot start any token; {QUOTES}",
        ),
        (
            "a: !!python/object:os.system x",
            f"this is not YAML at line 1, column 4: could not determine a constructor for the tag; {QUOTES}",
        ),
        ("token: *hunter2", f"this is not YAML at line 1, column 8: found undefined alias; {QUOTES}"),
        ("token: !a!hunter2", "this is not YAML at line 1, column 8: found undefined tag handle"),
        (
            "a:\n\tb: c",
            rf"this is not YAML at line 2, column 1: found character '\t' that cannot start any token; {SPACES}",
        ),
        (
            "when: type == 'a: b'",
            f"this is not YAML at line 1, column 17: mapping values are not allowed here; {COLON}",
        ),
        (
            "a: 1\n---\nb: 2",
            "this is not YAML at line 2, column 1: but found another document; a file holds one configuration",
        ),
        ("? [a]\n: 1", "this is not YAML at line 1, column 3: found unhashable key"),
        ("\0", "this is not YAML: special characters are not allowed"),
        ("a: !!int x", "this is YAML that cannot be read (ValueError)"),
        (f"a: {'[' * 5000}", "this is YAML nested too deep to be read"),
    ],
)
def test_what_is_no_mapping_of_yaml_is_one_mistake(text: str, message: str, directory: Path) -> None:
    (mistake,) = mistakes_in(text, directory)
    assert (mistake.path, mistake.message) == ("", message)


def test_a_key_given_twice_is_a_mistake_at_every_depth(directory: Path) -> None:
    text = (HERE / "correct.yaml").read_text(encoding="utf-8")
    twice = text.replace("app_id: 1,", "app_id: 1, app_id: 2,") + "group: again\n"
    assert mistakes_in(twice, directory) == (
        Mistake("group", "this key is given twice; keep one", "duplicate-key"),
        Mistake("sinks.mt.app_id", "this key is given twice; keep one", "duplicate-key"),
    )


@pytest.mark.parametrize("section", ["topics", "sinks", "routes"])
def test_a_section_without_an_entry_is_a_mistake(section: str, directory: Path) -> None:
    found = mistakes_in({**correct(), section: type(correct()[section])()}, directory)
    assert Mistake(section, "must have at least one entry", "empty-value") in found


def test_a_file_that_is_not_there_is_one_mistake(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"nowhere\.yaml cannot be read: No such file or directory"):
        load(tmp_path / "nowhere.yaml")


def test_a_file_that_is_not_text_is_one_mistake(tmp_path: Path) -> None:
    (tmp_path / "binary.yaml").write_bytes(b"group: \xff")
    with pytest.raises(ConfigError, match=r"binary\.yaml is not UTF-8 text \(byte 7\)"):
        load(tmp_path / "binary.yaml")


def test_an_alias_to_what_encloses_it_ends(directory: Path) -> None:
    assert mistakes_in("kafka: &k {a: *k}\ntopics: &t {a: *t}\nroutes: &r [*r]", directory)
