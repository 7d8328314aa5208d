"""Shared by the tests of both vendors: the file that their token is read from."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.vendors.mocked import TOKEN, keep


@pytest.fixture
def token_file(tmp_path: Path) -> Path:
    file = tmp_path / "token"
    keep(file, TOKEN)
    return file
