"""A secret is read when it is needed, and shown never."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from connector.errors import ConnectorError
from connector.secrets import Secret


def test_a_file_is_read_without_the_line_break_at_its_end(tmp_path: Path) -> None:
    path = tmp_path / "token"
    path.write_bytes(b" hunter2 \r\n")
    assert Secret.from_file(path).read() == " hunter2 "


def test_a_variable_is_read_when_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    secret = Secret.from_env("TOKEN")
    monkeypatch.setenv("TOKEN", "one")
    assert secret.read() == "one"
    monkeypatch.setenv("TOKEN", "two")
    assert secret.read() == "two"
    assert not secret.changed()


def test_a_file_has_changed_when_it_is_another_than_the_one_read(tmp_path: Path) -> None:
    path = tmp_path / "token"
    secret = Secret.from_file(path)
    assert not secret.changed()
    path.write_text("one")
    assert secret.changed()
    assert secret.read() == "one"
    assert not secret.changed()
    other = tmp_path / "new"
    other.write_text("two")
    os.replace(other, path)  # noqa: PTH105 - what Kubernetes does to a mounted secret
    assert secret.changed()
    assert secret.read() == "two"
    path.unlink()
    assert secret.changed()


def test_asking_whether_it_is_missing_is_no_reading(tmp_path: Path) -> None:
    path = tmp_path / "token"
    secret = Secret.from_file(path)
    assert secret.missing() == f"file {path} cannot be read: No such file or directory"
    path.write_text("one")
    assert secret.missing() is None
    assert secret.changed()


@pytest.mark.parametrize(
    ("content", "message"), [(b"", "is empty"), (b"\n", "is empty"), (b"hunter2\xff", "is not UTF-8 text")]
)
def test_a_file_that_holds_no_text_says_so(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "token"
    path.write_bytes(content)
    with pytest.raises(ConnectorError, match=message) as caught:
        Secret.from_file(path).read()
    assert caught.value.__cause__ is None
    assert "hunter2" not in repr(caught.value)


def test_its_text_names_its_place_and_never_its_value(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOKEN", "hunter2")
    secret = Secret.from_env("TOKEN")
    assert secret.read() == "hunter2"
    assert f"{secret!r} {secret}" == "Secret(environment variable TOKEN) Secret(environment variable TOKEN)"


def test_it_is_kept_in_exactly_one_place() -> None:
    with pytest.raises(ValueError, match="either a path or the name"):
        Secret()
    with pytest.raises(ValueError, match="either a path or the name"):
        Secret(path=Path("x"), env="X")
