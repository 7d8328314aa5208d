"""The service: every sink's line, run in one event loop until a signal says stop."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

import structlog

from connector import __version__
from connector.clock import Clock, SystemClock
from connector.config.kafka_settings import resolve_kafka
from connector.delivery.tasks import Tasks
from connector.kafka.dead_letter import recent_letter
from connector.kafka.dead_letter_producer import DeadLetterProducer
from connector.kafka.topic_configs import is_compacted, set_policy, topic_retention
from connector.kafka.topic_ids import TopicIds
from connector.kafka.topic_reader import read_since
from connector.operations.server import OperationsServer
from connector.service.assembly import SinkRuntime, build_sink_runtime
from connector.service.audit import audit_while_running
from connector.service.kafka_secrets import KafkaSecrets
from connector.service.letter_topic import until_compacted
from connector.settings.values import Settings
from connector.vendors.sailplay.sink import SailPlaySink

TICK_SECONDS = 1.0
# What leaving the groups and flushing may take beyond the drain; the process ends within drain + 5 s.
CLOSING_SECONDS = 4.0

log = structlog.get_logger()


class Service:
    """All pipelines of one process. `sinks` narrows it to some of the configuration's sinks.

    `shown_configuration` is the file as the status page shows it (it names secrets and holds none).
    """

    def __init__(
        self,
        settings: Settings,
        *,
        sinks: Sequence[str] = (),
        shown_configuration: str = "",
        clock: Clock | None = None,
    ) -> None:
        self.settings = settings
        self._shown = shown_configuration
        self.runtimes: list[SinkRuntime] = []
        routed = {route.sink for route in settings.routes}
        self._names = [name for name in sinks or settings.sinks if name in routed]  # without a route, nothing to read
        self._clock = clock or SystemClock()
        self._stop = asyncio.Event()
        self._signals = 0
        self._failed = ""
        self._refused = False

    async def run(self) -> int:
        """Run until `stop`, SIGTERM or SIGINT. Returns the exit status: 0 if all that was in flight is settled.

        A dead-letter topic that loses letters ends it likewise, with exit status 1.

        Raises ConnectorError where it cannot begin: a secret of `kafka` is missing, the HTTP address is taken.
        """
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(self._on_exception)
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._on_signal)
        conf = resolve_kafka(self.settings)
        letters = DeadLetterProducer(conf, self.settings.dead_letters, loop)
        topic_ids = TopicIds(conf)
        self.runtimes = [
            build_sink_runtime(self.settings, name, conf, letters, topic_ids, loop, self._clock) for name in self._names
        ]
        operations = OperationsServer(
            self.settings.http.host,
            self.settings.http.port,
            self.runtimes,
            started_at=self._clock.now(),
            version=__version__,
            shown_configuration=self._shown,
            ask_retention=partial(topic_retention, conf),
            clock=self._clock,
        )
        await operations.start()
        for line in self.runtimes:
            line.pipeline.wait_for_flood_guard()
            line.source.start()
        secrets = KafkaSecrets(
            self.settings.kafka, conf, [letters, topic_ids, *(line.source for line in self.runtimes)]
        )
        beside = self._start_beside(operations, secrets, conf)
        log.info("started", version=__version__, sinks=self._names, group=self.settings.group, http=operations.port)
        await self._stop.wait()
        for task in beside:
            task.cancel()
        status = await self._end(letters)
        await operations.stop()
        return 1 if self._refused else status

    async def _recall_letters(self, conf: Mapping[str, Any]) -> None:
        """Let the flood guards go on counting where the last run left off; until then no record is looked at."""
        began = self._clock.now()
        since = began - self.settings.delivery.flood_guard.within
        letters = await asyncio.to_thread(read_since, conf, self.settings.dead_letters, since, recent_letter)
        earlier = [letter for letter in letters if letter.at < began]  # this run counts its own
        for line in self.runtimes:
            line.pipeline.restore_flood_guard([letter for letter in earlier if letter.sink == line.pipeline.sink.name])

    async def _refuse_compacted(self, conf: Mapping[str, Any]) -> None:
        """Stop, once it is known that the dead-letter topic loses letters."""
        topic = self.settings.dead_letters
        await until_compacted(partial(is_compacted, conf, topic))
        log.error("the dead-letter topic is compacted: of letters with one key it keeps the last alone, so we stop",
                  topic=topic, todo=set_policy(conf, topic, "delete"))  # fmt: skip
        self._refused = True
        self.stop()

    def stop(self) -> None:
        """Begin to stop."""
        self._stop.set()

    def _start_beside(
        self, operations: OperationsServer, secrets: KafkaSecrets, conf: Mapping[str, Any]
    ) -> list[asyncio.Task[None]]:
        """What runs beside the pipelines: ticks, what the dead-letter topic tells, a vendor's view of its events.

        Nothing waits for them: brokers or a vendor that do not answer must not delay the probes of the process.
        """
        tasks = Tasks()
        return [
            tasks.start(self._tick(operations, secrets)),
            tasks.start(self._recall_letters(conf)),
            tasks.start(self._refuse_compacted(conf)),
            *(
                tasks.start(audit_while_running(line.pipeline.sink, self.settings.routes, line.pipeline))
                for line in self.runtimes
                if isinstance(line.pipeline.sink, SailPlaySink)
            ),
        ]

    async def _tick(self, operations: OperationsServer, secrets: KafkaSecrets) -> None:
        while True:
            operations.tick()
            secrets.tick()
            for line in self.runtimes:
                line.pipeline.tick()
                if not line.source.alive:
                    self._fail("a polling thread has died")
            await asyncio.sleep(TICK_SECONDS)

    async def _end(self, letters: DeadLetterProducer) -> int:
        if self._failed:
            log.error("stopped by a failure, without committing: what was open will be read again", why=self._failed)
            return 1
        began = self._clock.monotonic()
        deadline = began + self.settings.delivery.drain
        landed = await asyncio.gather(*(line.pipeline.stop(deadline) for line in self.runtimes))
        closing = self._clock.monotonic() + CLOSING_SECONDS
        left = await asyncio.to_thread(letters.close, CLOSING_SECONDS / 2)
        joined = [
            await asyncio.to_thread(line.source.join, closing - self._clock.monotonic()) for line in self.runtimes
        ]
        await asyncio.sleep(0)  # let the last commits' results arrive
        clean = all(landed) and all(joined) and not left
        clean = clean and all(line.pipeline.committed_at_last and not line.source.failed for line in self.runtimes)
        for line in self.runtimes:
            await line.pipeline.sink.close()
        seconds = round(self._clock.monotonic() - began, 1)
        if clean:
            log.info("stopped: all that was in flight is settled and committed", seconds=seconds)
        else:
            log.warning("stopped before all was settled: it will be read again", seconds=seconds)
        return 0 if clean else 1

    def _on_signal(self) -> None:
        self._signals += 1
        if self._signals > 1:
            log.warning("second signal: ending at once")
            os._exit(1)
        log.info("stopping", drain=self.settings.delivery.drain)
        self.stop()

    def _on_exception(self, _: asyncio.AbstractEventLoop, context: Mapping[str, Any]) -> None:
        """A bug of ours: going on could commit past an event. Nothing is committed any more, and the process ends."""
        error = context.get("exception")
        log.error("a bug in the connector: it stops without committing", what=context.get("message"), exc_info=error)
        self._fail(f"{type(error).__name__}")

    def _fail(self, why: str) -> None:
        self._failed = self._failed or why
        for line in self.runtimes:
            line.pipeline.abandon()
        self.stop()
