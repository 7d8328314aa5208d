"""How the consumer is set up. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from confluent_kafka import KafkaError, TopicPartition

from connector.kafka.logs import ClientLog

# What the client prefetches, and therefore what one answer of a broker may bring: its own default of 64 MiB is more
# than the rest of the process weighs. So little is gone in a fraction of a second: the client, which by itself waits a
# whole one when it has enough, must look again much sooner.
QUEUED_KBYTES = 1024
FETCH_BACKOFF_MS = 20
JOIN_CHECK_MS = 1_000
# A member hears only by its heartbeats that others come and go, and a partition changes hands in two such steps; the
# client's own three seconds make that six, in which its events wait.
HEARTBEAT_MS = 1_000
BROKERS_HEARTBEAT_MS = 5_000  # in the newer protocol the brokers say it: group.consumer.heartbeat.interval.ms


def consumer_config(
    conf: Mapping[str, Any],
    group: str,
    never: Sequence[str],
    *,
    on_topic_id: Callable[[str, str], None],
    on_commit: Callable[[KafkaError | None, list[TopicPartition]], None],
    on_error: Callable[[KafkaError], None],
    on_statistics: Callable[[str], None],
) -> dict[str, Any]:
    """The client's settings: the operator's, and over them what the guarantees stand on.

    Topics in `never` do not exist for this consumer. `on_statistics` is called only where the group's protocol tells
    nothing of an empty assignment. `on_topic_id`: see ClientLog.
    """
    settings: dict[str, Any] = {
        "queued.max.messages.kbytes": QUEUED_KBYTES,
        "fetch.queue.backoff.ms": FETCH_BACKOFF_MS,
        **conf,
        "group.id": group,
        "enable.auto.commit": False,
        "enable.auto.offset.store": False,
        "auto.offset.reset": "error",  # a reset is counted and said: see Source._reset
        "allow.auto.create.topics": False,
        "on_commit": on_commit,
        "error_cb": on_error,
        **ClientLog("consumer", conf, on_topic_id).settings,
    }
    if never:
        settings["topic.blacklist"] = ",".join(map(_exactly, never))
    if _is_classic(conf):
        # A rebalance must not take away what it gives back at once.
        settings["partition.assignment.strategy"] = "cooperative-sticky"
        settings.setdefault("heartbeat.interval.ms", HEARTBEAT_MS)
    else:
        settings |= {"statistics.interval.ms": JOIN_CHECK_MS, "stats_cb": on_statistics}
    return settings


def heartbeat_ms(conf: Mapping[str, Any]) -> float:
    """How often a consumer with these settings of the operator's tells the group that it lives, in milliseconds."""
    return float(conf.get("heartbeat.interval.ms", HEARTBEAT_MS)) if _is_classic(conf) else BROKERS_HEARTBEAT_MS


def _is_classic(conf: Mapping[str, Any]) -> bool:
    return str(conf.get("group.protocol", "classic")).lower() == "classic"


def _exactly(topic: str) -> str:
    """A pattern for one topic: of what a topic's name may hold, only the dot means more in a pattern."""
    return f"^{topic.replace('.', '[.]')}$"
