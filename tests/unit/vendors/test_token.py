"""The secrets of a section: read again when they must be, and never shown."""

from __future__ import annotations

from pathlib import Path

import pytest

from connector.model import Outcome, OutcomeKind
from connector.secrets import Secret
from connector.vendors.credentials import GivenSecrets


def given(secret: Secret) -> GivenSecrets:
    return GivenSecrets({"token": secret})


def test_a_token_is_read_again_when_its_file_changes(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("one\n")
    token = given(Secret.from_file(file))
    assert token.current() == {"token": "one"}
    file.write_text("another")
    assert token.current() == {"token": "another"}


def test_a_variable_is_read_again_only_when_the_vendor_rejected_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TOKEN_OF_TEST", "one")
    token = given(Secret.from_env("TOKEN_OF_TEST"))
    assert token.current() == {"token": "one"}
    monkeypatch.setenv("TOKEN_OF_TEST", "two")
    assert token.current() == {"token": "one"}
    token.reject({"token": "one"})
    assert token.current() == {"token": "two"}


def test_another_token_after_a_rejected_one_is_news_once(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("one")
    token = given(Secret.from_file(file))
    assert token.current() == {"token": "one"}
    token.reject({"token": "one"})
    assert not token.renewed()
    file.unlink()
    assert not token.renewed()
    file.write_text("two")
    assert [token.renewed(), token.renewed()] == [True, False]
    token.reject({"token": "one"})  # the answer to a request that was under way meanwhile
    assert token.current() == {"token": "two"}


def test_a_missing_token_is_said_until_it_comes(tmp_path: Path) -> None:
    file = tmp_path / "token"
    token = given(Secret.from_file(file))
    assert "cannot be read" in (token.missing() or "")
    file.write_text("one")
    assert token.missing() is None


@pytest.mark.parametrize("text", ["s3c\nret", "s3cret\x00", "s3 cret", "s3cr\u00e9t", "s3cret\t"])
def test_a_token_with_characters_no_token_has_is_refused_without_showing_it(tmp_path: Path, text: str) -> None:
    file = tmp_path / "token"
    file.write_text(text)
    refused = given(Secret.from_file(file)).current()
    assert isinstance(refused, Outcome)
    assert refused.kind is OutcomeKind.MISCONFIGURED
    assert "one line of visible ASCII" in refused.message
    assert "s3c" not in refused.message


def test_of_several_secrets_the_one_that_is_missing_is_named_and_a_change_of_any_is_seen(tmp_path: Path) -> None:
    files = {"key": tmp_path / "key", "tls.password": tmp_path / "password"}
    several = GivenSecrets({name: Secret.from_file(file) for name, file in files.items()})
    files["key"].write_text("one")
    assert (several.missing() or "").startswith("password: file ")
    files["tls.password"].write_text("two")
    assert several.current() == {"key": "one", "tls.password": "two"}
    files["tls.password"].write_text("three")
    assert several.current() == {"key": "one", "tls.password": "three"}


def test_a_section_without_secrets_sends_without_any() -> None:
    assert GivenSecrets({}).current() == {}
