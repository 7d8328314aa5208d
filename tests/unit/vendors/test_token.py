"""A vendor's token: read anew when it must be, and never shown."""

from __future__ import annotations

from pathlib import Path

import pytest

from connector.errors import ConnectorError
from connector.secrets import Secret
from connector.vendors.credentials import Token


def test_a_token_is_read_anew_when_its_file_changes(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("one\n")
    token = Token(Secret.from_file(file))
    assert token.current() == "one"
    file.write_text("another")
    assert token.current() == "another"


def test_a_variable_is_read_anew_only_when_the_vendor_rejected_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOKEN_OF_TEST", "one")
    token = Token(Secret.from_env("TOKEN_OF_TEST"))
    assert token.current() == "one"
    monkeypatch.setenv("TOKEN_OF_TEST", "two")
    assert token.current() == "one"
    token.reject("one")
    assert token.current() == "two"


def test_another_token_after_a_rejected_one_is_news_once(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("one")
    token = Token(Secret.from_file(file))
    token.reject(token.current())
    assert not token.renewed()
    file.unlink()
    assert not token.renewed()
    file.write_text("two")
    assert [token.renewed(), token.renewed()] == [True, False]
    token.reject("one")  # the answer to a request that was under way meanwhile
    assert token.current() == "two"


def test_a_missing_token_is_said_until_it_comes(tmp_path: Path) -> None:
    file = tmp_path / "token"
    token = Token(Secret.from_file(file))
    assert "cannot be read" in (token.missing() or "")
    file.write_text("one")
    assert token.missing() is None


@pytest.mark.parametrize("text", ["s3c\nret", "s3cret\x00", "s3 cret", "s3cr\u00e9t", "s3cret\t"])
def test_a_token_with_characters_no_token_has_is_refused_without_showing_it(tmp_path: Path, text: str) -> None:
    file = tmp_path / "token"
    file.write_text(text)
    with pytest.raises(ConnectorError, match="one line of visible ASCII") as refused:
        Token(Secret.from_file(file)).current()
    assert "s3c" not in str(refused.value)
