"""Orders are read strictly, and the right requests meet the right fault."""

from __future__ import annotations

from typing import Any

import pytest

from connector.simulators.faults import KINDS, FaultError, Faults, parse_fault


def fault(**keys: Any) -> Any:
    return parse_fault({"kind": "close"} | keys, "faults[0]")


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind not in ("status", "latency")])
def test_a_kind_is_an_order_by_itself(kind: str) -> None:
    parsed = fault(kind=kind)
    assert (parsed.kind, parsed.left, parsed.after) == (kind, 1, False)


@pytest.mark.parametrize(
    ("order", "where"),
    [
        ({"kind": "earthquake"}, "faults[0].kind"),
        ({"kind": None}, "faults[0].kind"),
        ({"tmies": 3}, "faults[0].tmies"),
        ({"times": 0}, "faults[0].times"),
        ({"times": True}, "faults[0].times"),
        ({"times": "forever"}, "faults[0].times"),
        ({"apply": "during"}, "faults[0].apply"),
        ({"match": "login"}, "faults[0].match"),
        ({"match": {"user": "u"}}, "faults[0].match.user"),
        ({"match": {"method": ""}}, "faults[0].match.method"),
        ({"kind": "status"}, "faults[0].status"),
        ({"kind": "status", "status": 700}, "faults[0].status"),
        ({"kind": "status", "status": "503"}, "faults[0].status"),
        ({"kind": "status", "status": 503, "headers": {"Retry-After": 5}}, "faults[0].headers.Retry-After"),
        ({"kind": "status", "status": 503, "headers": {"A": "b\r\nC: d"}}, "faults[0].headers.A"),
        ({"status": 503}, "faults[0].status"),
        ({"body": "x"}, "faults[0].body"),
        ({"kind": "latency"}, "faults[0].latency_ms"),
        ({"latency_ms": -1}, "faults[0].latency_ms"),
        ({"probability": 0}, "faults[0].probability"),
        ({"probability": 1.5}, "faults[0].probability"),
        ({"seed": "x"}, "faults[0].seed"),
        ({"kind": "outage", "apply": "after"}, "faults[0].apply"),
        ({"kind": "outage", "match": {"contains": "u"}}, "faults[0].match.contains"),
    ],
)
def test_a_mistake_in_an_order_is_named_with_its_place(order: dict[str, Any], where: str) -> None:
    with pytest.raises(FaultError) as caught:
        fault(**order)
    assert str(caught.value).startswith(f"{where} ")


def test_a_fault_spoils_as_many_answers_as_it_says() -> None:
    faults = Faults()
    faults.schedule([fault(times=2), fault(kind="hang")])
    taken = [faults.next_fault("login", "") for _ in range(4)]
    assert [one and one.kind for one in taken] == ["close", "close", "hang", None]
    assert not faults


def test_a_fault_until_reset_does_not_end() -> None:
    faults = Faults()
    faults.schedule([fault(times="until_reset")])
    assert all(faults.next_fault("login", "") for _ in range(1000))
    faults.clear()
    assert faults.next_fault("login", "") is None


def test_a_fault_waits_for_the_request_it_is_meant_for() -> None:
    faults = Faults()
    faults.schedule([fault(match={"method": "loginBatch", "contains": "user-7"})])
    assert faults.next_fault("login", "user-7") is None
    assert faults.next_fault("loginBatch", "user-8") is None
    assert faults.next_outage("loginBatch") is None
    assert faults.next_fault("loginBatch", '[{"customUserId":"user-7"}]') is not None


def test_a_seed_makes_chance_repeatable() -> None:
    def hits(seed: int) -> list[bool]:
        faults = Faults()
        faults.schedule([fault(times="until_reset", probability=0.5, seed=seed)])
        return [faults.next_fault("login", "") is not None for _ in range(50)]

    assert hits(1) == hits(1) != hits(2)
    assert {True, False} == set(hits(1))
