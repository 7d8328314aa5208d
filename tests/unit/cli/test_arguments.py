"""Arguments that are wrong: what each command says, in one line with the option's name, before it asks Kafka."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest
from typer.testing import CliRunner

from connector.cli import app
from connector.cli._options import make_filters
from connector.errors import ConfigError
from connector.model import Reason
from connector.operations.formatting import clock_time

# Its brokers are not there: whoever asked them would fail otherwise.
CORRECT = Path(__file__).parents[1] / "config" / "correct.yaml"
OPTIONS = ("sink", "method", "route", "reason", "message", "type", "topic", "status", "since", "until")


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("run --sink mtt", "--sink: no sink is called mtt; there is mt, sp"),
        ("preview", "--event: give the event: --event FILE, --event - or --from TOPIC/PARTITION/OFFSET, one of them"),
        (
            "preview --from orders/0",
            "--from: 'orders/0' is no address: topic/partition/offset, such as shop.orders/3/1204",
        ),
        ("preview --from orders/0/1 --topic orders", "--topic: --from names the topic already"),
        ("preview --event absent.json", "--event: absent.json cannot be read: No such file or directory"),
        ("test absent.yaml", "TESTS: absent.yaml cannot be read: No such file or directory"),
        ("dlq show orders", "ADDRESS: 'orders' is no address: topic/partition/offset, such as shop.orders/3/1204"),
        (
            "skip orders/0 --sink mt --because why",
            "ADDRESS: 'orders/0' is no address: topic/partition/offset, such as shop.orders/3/1204",
        ),
        ("skip orders/0/1 --sink mtt --because why", "--sink: no sink is called mtt; there is mt, sp"),
        ("skip other/0/1 --sink mt --because why", "ADDRESS: mt does not read other; it reads orders"),
        (
            "skip crm.dead-letters/0/1 --sink mt --because why",
            "ADDRESS: mt does not read crm.dead-letters; it reads orders",
        ),
        (
            "skip orders/0/1 --sink mt --because ' '",
            "--because: say why: it is all that a reader of the letter will know",
        ),
        (
            "dlq summary --reason refuse",
            f"--reason: 'refuse' is no reason of a dead letter: one of {', '.join(Reason)}",
        ),
        (
            "dlq summary --since yesterday",
            "--since: 'yesterday' is no time: 2h (so long ago), or one with a zone, such as 2025-01-31T00:00:00Z",
        ),
        (
            "dlq export --until latest",
            "--until: 'latest' is no time: 2h (so long ago), or one with a zone, such as 2025-01-31T00:00:00Z",
        ),
        (
            "dlq export --until 2025-01-31",
            "--until: '2025-01-31' has no time zone: write 2025-01-31T00:00:00Z",
        ),
        ("dlq summary --since 2d", "--since: '2d' is no duration: a number with ms, s, m or h, such as 10s"),
        ("dlq replay --rate 10", "--rate: '10' is no rate: requests a second, more than 0, such as 40/s"),
        ("dlq replay --max-failures 5", "--max-failures: '5' is no share: a percentage from 0% to 100%, such as 50%"),
    ],
)
def test_a_wrong_argument_is_named_with_what_would_be_right(command: str, said: str) -> None:
    result = CliRunner().invoke(app, [*shlex.split(command), "--config", str(CORRECT)])
    assert isinstance(result.exception, ConfigError)
    assert str(result.exception) == said


def test_a_time_that_was_shown_can_be_given_back() -> None:
    shown = clock_time(1_772_443_020.9)
    assert shown == "2026-03-02T09:17:00Z"
    assert make_filters({**dict.fromkeys(OPTIONS), "since": shown}).since == 1_772_443_020.0
