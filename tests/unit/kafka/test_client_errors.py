"""What keeps Kafka from being read is reported when it changes, and logged once."""

from __future__ import annotations

from structlog.testing import capture_logs

from connector.kafka.client_errors import ProblemPart, ReadProblem


def said(times: int) -> str:
    return f"127.0.0.1:9092/{times}: connection refused (after {times * 7} ms in state CONNECT, {times} identical)"


def test_the_same_with_other_numbers_is_reported_once_and_logged_once() -> None:
    told: list[str] = []
    trouble = ReadProblem("crm.mytracker", lambda problem, _: told.append(problem))
    with capture_logs() as logs:
        for times in range(147):
            trouble.report(said(times))
    assert told == [trouble.current] == [said(0)]
    assert [entry["why"] for entry in logs] == [said(0)]


def test_two_that_alternate_are_reported_as_they_change_and_logged_once_each() -> None:
    told: list[str] = []
    trouble = ReadProblem("crm.mytracker", lambda problem, _: told.append(problem))
    with capture_logs() as logs:
        for times in range(50):
            trouble.report(said(times))
            trouble.report(f"all {times} brokers are down")
    assert len(told) == 100
    assert [entry["why"] for entry in logs] == [said(0), "all 0 brokers are down"]


def test_its_end_is_reported_and_logged_once_and_what_comes_then_is_news() -> None:
    told: list[str] = []
    trouble = ReadProblem("crm.mytracker", lambda problem, _: told.append(problem))
    with capture_logs() as logs:
        trouble.clear("", ProblemPart.ANSWER)
        trouble.report(said(1))
        trouble.clear("", ProblemPart.ANSWER)
        trouble.clear("", ProblemPart.ANSWER)
        trouble.report(said(2))
    assert told == [said(1), "", said(2)]
    assert [entry["event"] for entry in logs] == [
        "Kafka cannot be read",
        "Kafka can be read again",
        "Kafka cannot be read",
    ]
