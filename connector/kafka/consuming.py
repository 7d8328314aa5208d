"""The settings of the client that consumes as a member of a group. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from confluent_kafka import KafkaError, TopicPartition

from connector.kafka.logs import ClientLog

# Bound on prefetched data, and so on one fetch response. The client's default (64 MiB) is more than the rest of the
# process needs. 1 MiB is consumed in a fraction of a second, so the client must also check again sooner than after its
# default of one second (fetch.queue.backoff.ms), or it idles.
QUEUED_KBYTES = 1024
FETCH_BACKOFF_MS = 20
JOIN_CHECK_MS = 1_000
# How long a broker holds a fetch for which it has nothing (fetch.wait.max.ms). Requests that follow it on the same
# connection wait behind it, and one that times out costs the connection.
FETCH_WAIT_MS = 500
# A request of ours is answered so soon after the fetch before it, or the brokers are in trouble.
ANSWER_SECONDS, LONGEST_ANSWER_SECONDS = 1.0, 5.0
# A member learns of a rebalance by its heartbeat, and a cooperative rebalance takes two rounds: with the client's
# default of three seconds the events of a partition that moves would wait for six.
HEARTBEAT_MS = 1_000
BROKERS_HEARTBEAT_MS = 5_000  # the brokers' own setting in the newer protocol: group.consumer.heartbeat.interval.ms


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
    """Return the client's settings: the operator's, overridden where the guarantees depend on them.

    Topics in `never` do not exist for this consumer. `on_statistics` is called only with the group protocol that makes
    no callback for an empty assignment. `on_topic_id`: see ClientLog.
    """
    settings: dict[str, Any] = {
        "queued.max.messages.kbytes": QUEUED_KBYTES,
        "fetch.queue.backoff.ms": FETCH_BACKOFF_MS,
        **conf,
        "group.id": group,
        "enable.auto.commit": False,
        "enable.auto.offset.store": False,
        "enable.partition.eof": True,  # see ReadEnds
        "auto.offset.reset": "error",  # a reset is counted and reported: see LogRecovery.recover
        "allow.auto.create.topics": False,
        "on_commit": on_commit,
        "error_cb": on_error,
        **ClientLog("consumer", conf, on_topic_id).settings,
    }
    if never:
        settings["topic.blacklist"] = ",".join(map(_exact_pattern, never))
    if _is_classic(conf):
        # A rebalance must not revoke what it assigns again at once.
        settings["partition.assignment.strategy"] = "cooperative-sticky"
        settings.setdefault("heartbeat.interval.ms", HEARTBEAT_MS)
    else:
        settings |= {"statistics.interval.ms": JOIN_CHECK_MS, "stats_cb": on_statistics}
    return settings


def answer_seconds(conf: Mapping[str, Any]) -> float:
    """Return how long to wait for the answer to a request that the client sends behind its fetches, in seconds."""
    held = float(conf.get("fetch.wait.max.ms", FETCH_WAIT_MS)) / 1000
    return min(held + ANSWER_SECONDS, LONGEST_ANSWER_SECONDS)


def heartbeat_ms(conf: Mapping[str, Any]) -> float:
    """Return the heartbeat interval of a consumer with these settings of the operator's, in milliseconds."""
    return float(conf.get("heartbeat.interval.ms", HEARTBEAT_MS)) if _is_classic(conf) else BROKERS_HEARTBEAT_MS


def _is_classic(conf: Mapping[str, Any]) -> bool:
    return str(conf.get("group.protocol", "classic")).lower() == "classic"


def _exact_pattern(topic: str) -> str:
    """Return a pattern for one topic: of the characters of topic names, only the dot has a meaning in patterns."""
    return f"^{topic.replace('.', '[.]')}$"
