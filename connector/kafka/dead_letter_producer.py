"""The producer of dead letters: idempotent, and each letter's delivery report is returned to its writer."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

import structlog
from confluent_kafka import KafkaError, KafkaException, Message, Producer

from connector.kafka.dead_letter import ProducedLetter
from connector.kafka.logs import ClientLog

# The topic's own limit decides about a letter's size, not the client's (librdkafka allows up to this).
MAX_MESSAGE_BYTES = 1_000_000_000
# Topics' limits count compressed bytes, so a letter must be compressed as its record was: a record of 4 MB that fits
# into a topic with a limit of 1 MiB makes a letter for a topic with the same limit. The client decompresses zstd only
# up to a limit of its own, gzip without one.
COMPRESSION = "gzip"
POLL_SECONDS = 0.1
UNKNOWN_TOPIC_MS = 3_000
PURGE_SECONDS = 1.0

log = structlog.get_logger()

Report = Callable[[str | None], None]


class DeadLetterProducer:
    """One client and one thread that polls it; each letter is reported once, on the event loop."""

    def __init__(self, conf: Mapping[str, Any], topic: str, loop: asyncio.AbstractEventLoop) -> None:
        self._topic = topic
        self._topic_id = ""
        self._topic_recreated = False
        self._loop = loop
        self._conf = {
            "compression.type": COMPRESSION,
            **conf,
            "enable.idempotence": True,
            "acks": "all",
            "message.max.bytes": MAX_MESSAGE_BYTES,
            # A letter waits for its broker as long as it must: it is never dropped.
            "message.timeout.ms": 0,
            "allow.auto.create.topics": False,
            # That a topic does not exist is reported after so long, not after half a minute.
            "topic.metadata.propagation.max.ms": UNKNOWN_TOPIC_MS,
            "linger.ms": 5,
            **ClientLog("producer", conf, self._on_topic_id).settings,
        }
        # Owned to produce and to replace the client: a letter produced to a client after its last flush would never be
        # reported.
        self._replacing = threading.Lock()
        self._unreplaced = ""  # why the client is to be replaced, while no other can be made
        self._producer = Producer(self._conf)
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="dead-letters", daemon=True)
        self._thread.start()

    def write(self, letter: ProducedLetter, report: Report) -> None:
        """Produce a letter. On the loop `report` is called with None once the brokers have it, else with the reason."""

        def delivered(error: KafkaError | None, _: Message) -> None:
            self._report(report, None if error is None else describe(error, self._topic))

        try:
            with self._replacing:
                self._producer.produce(
                    self._topic, value=letter.value, key=letter.key, headers=list(letter.headers), on_delivery=delivered
                )
        except BufferError:
            self._report(report, "the dead-letter producer's queue is full")
        except KafkaException as error:
            self._report(report, describe(error.args[0], self._topic))

    def renew_credentials(self, username: str, password: str) -> None:
        """Log in with these (SASL) from the next connection on."""
        with self._replacing:
            self._conf |= {"sasl.username": username, "sasl.password": password}
            self._producer.set_sasl_credentials(username, password)

    def close(self, timeout: float) -> int:
        """Flush for at most `timeout` seconds; returns how many letters are still unsent."""
        self._stopping.set()
        left: int = self._producer.flush(max(timeout, 0.0))
        self._thread.join(1.0)
        return left

    def _run(self) -> None:
        try:
            self._poll()
        except BaseException as error:  # without this thread no letter would ever be reported
            log.exception("the dead-letter producer's thread has died", topic=self._topic, error=type(error).__name__)
            context = {"message": "the dead-letter producer's thread has died", "exception": error}
            with suppress(RuntimeError):  # the loop is closed: the process ends
                self._loop.call_soon_threadsafe(self._loop.call_exception_handler, context)

    def _poll(self) -> None:
        while not self._stopping.is_set():
            try:
                self._producer.poll(POLL_SECONDS)
            except KafkaException as error:  # only a fatal one is raised here
                self._replace(error.args[0].str())
            if self._topic_recreated:
                self._replace("the topic was made anew")
            elif self._unreplaced:
                self._replace(self._unreplaced)

    def _on_topic_id(self, topic: str, topic_id: str) -> None:
        """Called by the client while it polls. One that has met a recreated topic may write nothing to it, without an
        error: librdkafka keeps the leader epochs of the former topic's partitions, and takes the new ones for
        outdated."""
        if topic == self._topic:
            self._topic_recreated = self._topic_recreated or self._topic_id not in ("", topic_id)
            self._topic_id = topic_id

    def _replace(self, why: str) -> None:
        """Replace a client that met a fatal error (its idempotence sequence no longer matches the broker's), or a
        recreated topic.

        The letters that it had in flight are reported as refused, so that they are written again. Where no other client
        can be made (a certificate's file is being replaced, say), the next poll tries again.
        """
        self._topic_recreated = False
        try:
            with self._replacing:
                dead, self._producer = self._producer, Producer(self._conf)
        except KafkaException as error:
            if not self._unreplaced:
                log.error("the dead-letter producer cannot be replaced yet", topic=self._topic, why=error.args[0].str())
            self._unreplaced = why
            return
        self._unreplaced = ""
        log.error("the dead-letter producer has failed and is made anew", topic=self._topic, why=why)
        dead.purge()
        with suppress(KafkaException):  # its fatal error again
            dead.flush(PURGE_SECONDS)

    def _report(self, report: Report, error: str | None) -> None:
        try:
            self._loop.call_soon_threadsafe(report, error)
        except RuntimeError:  # the loop is closed: the letter's event is not settled and will be read again
            return


def describe(error: KafkaError, topic: str) -> str:
    """Return what a refused letter means for the operator."""
    if error.code() == KafkaError.MSG_SIZE_TOO_LARGE:
        return (
            f"topic {topic} refuses a dead letter for its size: raise its max.message.bytes "
            "(and the brokers' message.max.bytes) to the source topics' + 64 KiB"
        )
    if error.code() in (KafkaError.UNKNOWN_TOPIC_OR_PART, KafkaError._UNKNOWN_TOPIC, KafkaError._UNKNOWN_PARTITION):
        return f"topic {topic} does not exist: create it"
    if error.code() == KafkaError.TOPIC_AUTHORIZATION_FAILED:
        return f"no permission to write to topic {topic}: allow it"
    return f"topic {topic}: {error.str()}"
