"""Checks topics: whether they exist, what our user may do with them, and their settings."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace

from confluent_kafka import KafkaError, KafkaException, TopicCollection
from confluent_kafka.admin import AdminClient
from confluent_kafka.admin._config import ConfigResource  # `admin` offers it without exporting it

from connector.operations.formatting import counted, duration
from connector.routing.plan import matches
from connector.service.preflight.findings import Finding, Severity
from connector.settings.values import Settings, Topic

SECTION = "topics"
ASK_SECONDS = 6.0


@dataclass(frozen=True, slots=True)
class TopicFacts:
    """One topic as the brokers describe it.

    `error` is librdkafka's code where they do not, else None. `operations` are those that our user may do (READ,
    WRITE, …). `settings` is None where the brokers do not show them to us. `topic_id` is Kafka's.
    """

    name: str
    error: int | None = None
    partitions: int = 0
    operations: frozenset[str] = frozenset()
    settings: Mapping[str, str] | None = None
    topic_id: str = ""

    @property
    def max_message_bytes(self) -> int | None:
        """The largest record batch that the topic takes, in bytes; None where that is not shown."""
        return None if self.settings is None else int(self.settings["max.message.bytes"])

    @property
    def retention(self) -> float | None:
        """Seconds after which records may be deleted by age; None where none are, or where it is not shown."""
        if self.settings is None or "delete" not in self.settings["cleanup.policy"]:
            return None
        milliseconds = int(self.settings["retention.ms"])
        return milliseconds / 1000 if milliseconds >= 0 else None


def matching_topics(topic: Topic, known: Collection[str], never: Collection[str]) -> list[str]:
    """Return the topics that an entry of `topics` names: itself, or those that match its pattern."""
    if not topic.pattern:
        return [topic.name]
    return sorted(name for name in known if name not in never and matches(topic.name, name))


def ask_topics(client: AdminClient, names: Collection[str]) -> dict[str, TopicFacts]:
    """Return the facts of every topic, by its name."""
    if not names:
        return {}
    wanted = TopicCollection(list(names))
    answers = client.describe_topics(wanted, include_authorized_operations=True, request_timeout=ASK_SECONDS)
    facts = {}
    for name, answer in answers.items():
        try:
            found = answer.result(ASK_SECONDS + 1)
        except KafkaException as error:
            facts[name] = TopicFacts(name, error.args[0].code())
        except TimeoutError:
            facts[name] = TopicFacts(name, KafkaError._TIMED_OUT)  # noqa: SLF001 - a public name, despite its underscore
        else:
            operations = frozenset(operation.name for operation in found.authorized_operations or ())
            facts[name] = TopicFacts(name, None, len(found.partitions), operations, topic_id=str(found.topic_id))
    there = [name for name, fact in facts.items() if fact.error is None]
    for name, settings in _ask_settings(client, there).items():
        facts[name] = replace(facts[name], settings=settings)
    return facts


def _ask_settings(client: AdminClient, names: Collection[str]) -> dict[str, dict[str, str]]:
    """Return the settings, by topic, of those whose settings we may see (DescribeConfigs on the topic)."""
    if not names:
        return {}
    resources = [ConfigResource(ConfigResource.Type.TOPIC, name) for name in names]
    settings = {}
    for resource, answer in client.describe_configs(resources, request_timeout=ASK_SECONDS).items():
        try:
            entries = answer.result(ASK_SECONDS + 1)
        except (KafkaException, TimeoutError):
            continue
        settings[resource.name] = {name: entry.value for name, entry in entries.items() if entry.value is not None}
    return settings


def topic_findings(settings: Settings, known: Collection[str], facts: Mapping[str, TopicFacts]) -> Iterator[Finding]:
    """Yield one finding for every entry of `topics`."""
    never = (settings.dead_letters, settings.receipts)
    for topic in settings.topics.values():
        if topic.pattern:
            yield _pattern_finding(
                topic, [facts[name] for name in matching_topics(topic, known, never) if name in facts]
            )
        else:
            yield _topic_finding(facts[topic.name])


def _pattern_finding(topic: Topic, facts: list[TopicFacts]) -> Finding:
    if not facts:
        return Finding(
            SECTION,
            topic.name,
            Severity.WARN,
            "matches no topic that we may see",
            "look at the pattern and at DESCRIBE and READ for the topics it means; new ones are read when they appear",
            {"topics": []},
        )
    denied = [fact.name for fact in facts if "READ" not in fact.operations]
    if denied:
        return Finding(
            SECTION, topic.name, Severity.FAIL, f"not to be read: {_first_names(denied)}", "allow READ on them"
        )
    names = [fact.name for fact in facts]
    partitions = sum(fact.partitions for fact in facts)
    says = f"matches {counted(len(names), 'topic')} ({counted(partitions, 'partition')}): {_first_names(names)}"
    return Finding(SECTION, topic.name, Severity.OK, says, data={"topics": names, "partitions": partitions})


def _topic_finding(fact: TopicFacts) -> Finding:
    if fact.error is not None:
        return undescribed_finding(SECTION, fact, "DESCRIBE and READ")
    if "READ" not in fact.operations:
        return Finding(SECTION, fact.name, Severity.FAIL, "it may not be read", f"allow READ on topic {fact.name}")
    kept = "" if fact.retention is None else f", keeps events for {duration(fact.retention)}"
    says = f"{counted(fact.partitions, 'partition')}{kept}"
    return Finding(
        SECTION, fact.name, Severity.OK, says, data={"partitions": fact.partitions, "retention_seconds": fact.retention}
    )


def undescribed_finding(section: str, fact: TopicFacts, operations: str) -> Finding:
    """Return the finding on a topic that could not be described: its `error` is set."""
    if fact.error == KafkaError.UNKNOWN_TOPIC_OR_PART:
        says, todo = "does not exist", "create it, or correct its name in the configuration"
    elif fact.error == KafkaError.TOPIC_AUTHORIZATION_FAILED:
        says, todo = "is not shown to us: it is missing or forbidden", f"allow {operations} on topic {fact.name}"
    else:
        says, todo = (
            f"could not be described: {KafkaError(fact.error or KafkaError.UNKNOWN).str()}",
            "look at the brokers",
        )
    return Finding(section, fact.name, Severity.FAIL, says, todo)


def _first_names(names: list[str]) -> str:
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
