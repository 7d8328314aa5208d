"""The live check: asks brokers, topics and vendors at once, each within its time limit."""

from __future__ import annotations

import asyncio
import concurrent.futures
import threading
from collections.abc import Iterator, Sequence
from itertools import chain

from confluent_kafka import KafkaException

from connector.clock import Clock
from connector.config.kafka_settings import resolve_kafka
from connector.errors import ConnectorError
from connector.service.preflight import connection, letters
from connector.service.preflight.connection import connect, connection_findings
from connector.service.preflight.findings import Finding, Severity, sink_section
from connector.service.preflight.letters import letter_findings
from connector.service.preflight.members import ask_groups
from connector.service.preflight.sinks import group_findings, reading_findings
from connector.service.preflight.topics import SECTION as TOPICS
from connector.service.preflight.topics import ask_topics, matching_topics, topic_findings
from connector.service.preflight.vendors import ask_vendor
from connector.settings.values import Settings

# How long all questions to the brokers may take. Unreachable brokers are given up long before: see `connect`.
KAFKA_SECONDS = 30.0


async def check_live(settings: Settings, clock: Clock) -> list[Finding]:
    """Ask brokers, topics and vendors; return the findings within KAFKA_SECONDS.

    Their failures are findings, not exceptions. Joins no group, commits nothing and writes nothing.
    """
    kafka = _KafkaCheck(settings, clock)
    vendors = await asyncio.gather(
        *(ask_vendor(sink, settings.routes, clock) for sink in settings.sinks.values()),
    )
    found = await kafka.findings()
    order = [connection.SECTION, TOPICS, letters.SECTION, *map(sink_section, settings.sinks)]
    return sorted([*found, *chain.from_iterable(vendors)], key=lambda finding: order.index(finding.section))


class _KafkaCheck:
    """Asks the brokers on a thread of its own, which is abandoned if a call hangs."""

    def __init__(self, settings: Settings, clock: Clock) -> None:
        self._found: list[Finding] = []
        self._ended: concurrent.futures.Future[None] = concurrent.futures.Future()

        def ask() -> None:
            try:
                for finding in _ask_kafka(settings, clock):
                    self._found.append(finding)  # one by one: a call that hangs must not hide earlier findings
            except KafkaException as error:
                self._found.append(_incomplete(error.args[0].str()))
                self._ended.set_result(None)
            except BaseException as error:  # noqa: BLE001 - a bug: raised again by `findings`
                self._ended.set_exception(error)
            else:
                self._ended.set_result(None)

        threading.Thread(target=ask, name="live check", daemon=True).start()

    async def findings(self) -> list[Finding]:
        """Return the findings within KAFKA_SECONDS; a last one says so if they are not complete."""
        try:
            await asyncio.wait_for(asyncio.wrap_future(self._ended), KAFKA_SECONDS)
        except TimeoutError:
            return [*self._found, _incomplete(f"not everything was answered within {KAFKA_SECONDS:.0f} s")]
        return self._found


def _incomplete(why: str) -> Finding:
    says = f"{why}; the rest is not known"
    return Finding(
        connection.SECTION, "brokers", Severity.FAIL, says, "look at the brokers and their load, and try again"
    )


def _ask_kafka(settings: Settings, clock: Clock) -> Iterator[Finding]:
    try:
        conf = {"log_level": 0, **resolve_kafka(settings)}
    except ConnectorError as error:
        yield Finding(
            connection.SECTION, "security", Severity.FAIL, str(error), "the service does not start without it"
        )
        return
    connected = connect(conf)
    if isinstance(connected, Finding):
        yield connected
        return
    yield from connection_findings(connected, conf)
    known = connected.metadata.topics
    never = (settings.dead_letters, settings.receipts)
    read = {topic.name: matching_topics(topic, known, never) for topic in settings.topics.values()}
    names = {name for names in read.values() for name in names} | set(never)
    facts = ask_topics(connected.client, names)
    yield from topic_findings(settings, known, facts)
    readable = {name: fact for name, fact in facts.items() if "READ" in fact.operations}
    yield from letter_findings(
        settings, conf, facts, [fact for name, fact in facts.items() if name not in never and fact.error is None]
    )
    groups = ask_groups(conf, [f"{settings.group}.{name}" for name in settings.sinks])
    for name, sink in settings.sinks.items():
        group = f"{settings.group}.{name}"
        yield from group_findings(sink, group, groups[group], str(conf.get("group.protocol", "classic")).lower())
        if not groups[group].readable and not groups[group].error:
            continue
        subscribed = _subscribed(settings, name)
        topics = {each for entry in subscribed for each in read[entry]} & readable.keys()
        topic_facts = [readable[each] for each in sorted(topics)]
        yield from reading_findings(sink, group, topic_facts, conf, clock.now())


def _subscribed(settings: Settings, sink: str) -> Sequence[str]:
    return sorted({topic for route in settings.routes if route.sink == sink for topic in route.topics})
