"""Asks, in a process of its own, for the members of consumer groups and for what we may do with the groups.

While a broker restarts, AdminClient's requests to a group's coordinator can end the whole process by an assertion of
librdkafka's (2.16.0: rd_kafka_enq_once_del_source_return). In a separate process that costs only the answer.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from confluent_kafka import ConsumerGroupType, KafkaError, KafkaException
from confluent_kafka.admin import AdminClient

ASK_SECONDS = 6.0
# Errors until the coordinator has loaded its groups.
_RETRIED = frozenset(
    {KafkaError.NOT_COORDINATOR, KafkaError.COORDINATOR_LOAD_IN_PROGRESS, KafkaError.COORDINATOR_NOT_AVAILABLE}
)
_PROTOCOLS = {ConsumerGroupType.CLASSIC: "classic", ConsumerGroupType.CONSUMER: "consumer"}


class ConsumerGroup(NamedTuple):
    """A group as its coordinator describes it. `readable`: we may join it and commit. `error`: why nothing is known.

    `protocol` is its members', as `group.protocol` names it; "" if it is not known. `names` has each member's name and
    address, for people.
    """

    members: int
    readable: bool
    error: str = ""
    protocol: str = ""
    names: Sequence[str] = ()


def ask_groups(conf: Mapping[str, Any], groups: Sequence[str]) -> dict[str, ConsumerGroup]:
    """Return every group by its name, within about ASK_SECONDS.

    The settings, which contain secrets, go through a pipe.
    """
    question = json.dumps({"conf": dict(conf), "groups": list(groups)})
    try:
        done = subprocess.run(  # noqa: S603 - this module
            [sys.executable, "-m", __name__],
            input=question,
            capture_output=True,
            text=True,
            timeout=ASK_SECONDS + 3,
            check=True,
        )
    except (subprocess.SubprocessError, OSError):
        return {name: ConsumerGroup(0, False, "the coordinator could not be asked") for name in groups}
    return {name: ConsumerGroup(*answer) for name, answer in json.loads(done.stdout).items()}


def _describe(client: AdminClient, name: str, deadline: float) -> ConsumerGroup:
    while True:
        remaining = max(deadline - time.monotonic(), 0.1)
        answer = client.describe_consumer_groups([name], include_authorized_operations=True, request_timeout=remaining)[
            name
        ]
        try:
            group = answer.result(remaining + 1)
        except TimeoutError:
            return ConsumerGroup(0, False, "no answer")
        except KafkaException as error:
            if error.args[0].code() not in _RETRIED or time.monotonic() > deadline:
                return ConsumerGroup(0, False, error.args[0].str())
            time.sleep(0.2)
        else:
            allowed = {operation.name for operation in group.authorized_operations or ()}
            names = [_describe_member(member) for member in group.members]
            return ConsumerGroup(len(names), "READ" in allowed, protocol=_PROTOCOLS.get(group.type, ""), names=names)


def _describe_member(member: Any) -> str:
    """Return a member's client.id, its group.instance.id if it has one, and its address."""
    instance = f" ({member.group_instance_id})" if member.group_instance_id else ""
    return f"{member.client_id}{instance} at {member.host.lstrip('/')}"


def main() -> None:
    """Answer the question on standard input."""
    question = json.load(sys.stdin)
    client = AdminClient(question["conf"])
    deadline = time.monotonic() + ASK_SECONDS
    json.dump({name: _describe(client, name, deadline) for name in question["groups"]}, sys.stdout)


if __name__ == "__main__":
    main()
