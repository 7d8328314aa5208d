"""Units as the file writes them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from connector.settings import units


@pytest.mark.parametrize(
    ("text", "seconds"), [("200ms", 0.2), ("10s", 10.0), ("5m", 300.0), ("1h", 3600.0), ("0s", 0.0), ("1.5s", 1.5)]
)
def test_a_duration_is_seconds(text: str, seconds: float) -> None:
    assert units.duration(text) == pytest.approx(seconds)


@pytest.mark.parametrize(
    "value",
    [
        10,
        1.5,
        True,
        None,
        "",
        "10",
        "s",
        "-1s",
        "1 s",
        "1d",
        "1e3s",
        "10s\n",
        "\u0661s",
        "9" * 400 + "h",
        [],
        {},
        "1m30s",
    ],
)
def test_what_is_no_duration_is_refused(value: Any) -> None:
    with pytest.raises(ValueError, match=r"is no duration|is too long"):
        units.duration(value)


@pytest.mark.parametrize(
    ("value", "size"), [(1, 1), ("7B", 7), ("64KiB", 65536), ("32MiB", 33554432), ("1GiB", 1 << 30)]
)
def test_a_size_is_bytes(value: Any, size: int) -> None:
    assert units.size(value) == size


@pytest.mark.parametrize("value", [0, -1, True, 1.5, None, "32", "32MB", "1.5MiB", "0B", [1]])
def test_what_is_no_size_is_refused(value: Any) -> None:
    with pytest.raises(ValueError, match=r"is no size|must be at least 1 byte"):
        units.size(value)


@pytest.mark.parametrize(("text", "share"), [("0%", 0.0), ("50%", 0.5), ("12.5%", 0.125), ("100%", 1.0)])
def test_a_share_is_part_of_one(text: str, share: float) -> None:
    assert units.share(text) == pytest.approx(share)


@pytest.mark.parametrize("value", [50, 0.5, "50", "100.1%", "-1%", None, "%"])
def test_what_is_no_share_is_refused(value: Any) -> None:
    with pytest.raises(ValueError, match="is no share"):
        units.share(value)


def test_a_rate_is_per_second() -> None:
    assert units.rate("40/s") == 40.0
    assert units.rate("0.5/s") == 0.5


@pytest.mark.parametrize("value", [40, "40", "40/m", "0/s", "-1/s", None])
def test_what_is_no_rate_is_refused(value: Any) -> None:
    with pytest.raises(ValueError, match="is no rate"):
        units.rate(value)


def test_a_start_is_a_place_or_a_time_with_a_zone() -> None:
    assert units.start("earliest") == "earliest"
    assert units.start("latest") == "latest"
    assert units.start("2025-01-31T00:00:00Z") == datetime(2025, 1, 31, tzinfo=UTC)
    assert units.start("2025-01-31T03:00:00+03:00") == datetime(2025, 1, 31, tzinfo=UTC)


@pytest.mark.parametrize("value", ["2025-01-31T00:00:00", "2025-01-31", "now", 1738281600, None, ["earliest"]])
def test_what_is_no_start_is_refused(value: Any) -> None:
    with pytest.raises(ValueError, match=r"is no start|has no time zone"):
        units.start(value)


@pytest.mark.parametrize(
    "address",
    [
        "https://tracker-s2s.my.com",
        "https://proxy.example:8443/mytracker",
        "http://localhost:8001",
        "http://127.0.0.1:8001",
        "http://[::1]:8001",
    ],
)
def test_an_address_is_https_or_on_this_machine(address: str) -> None:
    assert units.base_url(address) == address
    assert units.base_url(f"{address}/") == address


@pytest.mark.parametrize(
    "value",
    [
        "http://vendor.example",
        "http://127.0.0.1.example",
        "http://localhost.example",
        "ftp://vendor.example",
        "https://",
        "https://a b",
        "vendor.example",
        "https://vendor.example:port",
        "https://[::1",
        "https://vendor.example?x=1",
        "https://vendor.example#x",
        "https://:x@vendor.example",
        "",
        5,
        None,
    ],
)
def test_what_is_no_safe_address_is_refused(value: Any) -> None:
    with pytest.raises(ValueError, match=r"no address|in the clear|credentials|ends with its path"):
        units.base_url(value)


def test_a_long_value_is_shown_cut() -> None:
    assert len(units.shown("x" * 1000)) == 80
