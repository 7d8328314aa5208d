"""The runbook speaks of causes and reasons that exist, and leaves none out."""

from __future__ import annotations

import re

from connector.model import Reason
from connector.operations.wait_reasons import WaitReason
from tests.helm.charts import ROOT

PAGE = (ROOT / "docs" / "operations.md").read_text()


def named_in(heading: str) -> set[str]:
    """What stands between backticks in the first column of a section's table."""
    section = PAGE.partition(f"\n### {heading}\n")[2].partition("\n### ")[0]
    rows = re.findall(r"^\| (`[^|]*) \|", section, re.MULTILINE)
    return {name for row in rows for name in re.findall(r"`([a-z_]+)`", row)}


def test_every_cause_of_lag_that_an_operator_can_act_on_has_its_row() -> None:
    passing = {WaitReason.LINGER, WaitReason.DEAD_LETTER_REPORT, WaitReason.READING, WaitReason.NOTHING_TO_READ}
    assert named_in("ConnectorLagging") == set(WaitReason) - passing


def test_every_reason_of_a_dead_letter_has_its_row() -> None:
    assert named_in("ConnectorDeadLetters") == set(Reason)


def test_every_link_within_the_page_leads_to_a_heading() -> None:
    headings = {
        re.sub(r"[^a-z -]", "", each.lower()).replace(" ", "-") for each in re.findall(r"^#+ (.*)$", PAGE, re.MULTILINE)
    }
    assert set(re.findall(r"\]\(#([a-z-]+)\)", PAGE)) <= headings
