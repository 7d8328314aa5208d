"""A process that asks for the groups and dies costs an answer, not the check."""

from __future__ import annotations

import pytest

from connector.service.preflight.findings import Severity
from connector.service.preflight.members import ConsumerGroup, ask_groups
from connector.service.preflight.sinks import group_findings
from connector.settings.values import SinkSettings
from tests.support.sinks import mytracker_settings


def test_what_the_dead_process_would_have_told_is_not_known() -> None:
    answers = ask_groups({"no.such.setting": "ends it before it answers"}, ["crm.one", "crm.two"])
    assert set(answers) == {"crm.one", "crm.two"}
    assert all(answer.error == "the coordinator could not be asked" for answer in answers.values())


@pytest.fixture
def of() -> SinkSettings:
    return mytracker_settings("http://127.0.0.1:9", {"env": "TOKEN"}, name="mt")


def test_a_group_that_could_not_be_asked_for_is_a_warning_and_a_denied_one_fails(of: SinkSettings) -> None:
    (unknown,) = group_findings(of, "crm.mt", ConsumerGroup(0, False, "the coordinator could not be asked"))
    (denied,) = group_findings(of, "crm.mt", ConsumerGroup(0, False, "Broker: Group authorization failed"))
    assert (unknown.severity, denied.severity) == (Severity.WARN, Severity.FAIL)
    assert denied.todo == "allow READ on group crm.mt"


@pytest.mark.parametrize(("ours", "theirs"), [("consumer", "classic"), ("classic", "consumer")])
def test_members_of_the_other_protocol_are_to_be_stopped_first(of: SinkSettings, ours: str, theirs: str) -> None:
    (mixed,) = group_findings(of, "crm.mt", ConsumerGroup(2, True, protocol=theirs), ours)
    assert mixed.severity == Severity.WARN
    assert "stop all instances first" in mixed.todo
    (empty,) = group_findings(of, "crm.mt", ConsumerGroup(0, True, protocol=theirs), ours)
    (alike,) = group_findings(of, "crm.mt", ConsumerGroup(2, True, protocol=ours), ours)
    assert (empty.severity, alike.severity) == (Severity.OK, Severity.OK)
