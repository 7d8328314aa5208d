"""The service: runs every sink's pipeline in one event loop until a signal stops it."""

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
from connector.kafka.dead_letter_producer import DeadLetterProducer
from connector.kafka.topic_configs import is_compacted, policy_command, topic_retention
from connector.kafka.topic_ids import TopicIds
from connector.operations.server import OperationsServer
from connector.service.assembly import SinkRuntime, build_sink_runtime
from connector.service.flood_history import restore_flood_guards
from connector.service.kafka_secrets import KafkaSecrets
from connector.service.letter_topic import until_compacted
from connector.service.vendor_events import audit_while_running
from connector.settings.values import Settings

TICK_SECONDS = 1.0
# How long leaving the groups and flushing may take after the drain, so that the process ends within drain + 5 s.
CLOSING_SECONDS = 4.0

log = structlog.get_logger()


class Service:
    """All pipelines of one process, or those of `sinks` alone.

    `shown_configuration` is the configuration file, for the status page (it refers to secrets and contains none).
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
        self._stop_requested = asyncio.Event()
        self._signals = 0
        self._failed = ""
        self._cannot_go_on = False  # the exit status is 1 however well the stop goes

    async def run(self) -> int:
        """Run until `stop`, SIGTERM or SIGINT; return the exit status: 0 if all that was in flight is settled.

        A compacted dead-letter topic, which loses letters, and a sink that cannot read Kafka any more stop it too, with
        exit status 1. Only a bug ends it without the drain and the last commits.

        Raises ConnectorError where it cannot start: a secret of `kafka` is missing, or the HTTP address is in use.
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
        for runtime in self.runtimes:
            runtime.pipeline.flood_guard.wait_for_restore()
            runtime.source.start()
        secrets = KafkaSecrets(
            self.settings.kafka, conf, [letters, topic_ids, *(runtime.source for runtime in self.runtimes)]
        )
        background = self._start_background_tasks(operations, secrets, conf)
        for topic in self.settings.topics.values():
            if topic.missing_schema is not None:
                log.warning("a topic's schema is not there: its events are checked against the example's",
                            topic=topic.name, missing=str(topic.missing_schema))  # fmt: skip
        log.info("started", version=__version__, sinks=self._names, group=self.settings.group, http=operations.port)
        await self._stop_requested.wait()
        for task in background:
            task.cancel()
        status = await self._end(letters)
        await operations.stop()
        return 1 if self._cannot_go_on else status

    async def _restore_flood_guards(self, conf: Mapping[str, Any]) -> None:
        """Restore the flood guards' counts from recent letters; until then they let no record pass."""
        guards = {runtime.pipeline.sink.name: runtime.pipeline.flood_guard for runtime in self.runtimes}
        await restore_flood_guards(
            conf, self.settings, guards, clock=self._clock, stop_requested=self._stop_requested.is_set
        )

    async def _refuse_compacted(self, conf: Mapping[str, Any]) -> None:
        """Stop once the brokers say that the dead-letter topic is compacted, and so loses letters."""
        topic = self.settings.dead_letters
        await until_compacted(partial(is_compacted, conf, topic))
        log.error("the dead-letter topic is compacted: of letters with one key it keeps the last alone, so we stop",
                  topic=topic, todo=policy_command(conf, topic, "delete"))  # fmt: skip
        self._cannot_go_on = True
        self.stop()

    def stop(self) -> None:
        """Begin to stop."""
        self._stop_requested.set()

    def _start_background_tasks(
        self, operations: OperationsServer, secrets: KafkaSecrets, conf: Mapping[str, Any]
    ) -> list[asyncio.Task[None]]:
        """Start what runs beside the pipelines: ticks, checks of the dead-letter topic, audits of vendors' events.

        Nothing waits for them: brokers or a vendor that do not answer must not delay the start of the process.
        """
        tasks = Tasks()
        return [
            tasks.start(self._tick(operations, secrets)),
            tasks.start(self._restore_flood_guards(conf)),
            tasks.start(self._refuse_compacted(conf)),
            *(
                tasks.start(audit_while_running(runtime.sink, self.settings.routes, runtime.pipeline))
                for runtime in self.runtimes
            ),
        ]

    async def _tick(self, operations: OperationsServer, secrets: KafkaSecrets) -> None:
        while True:
            operations.tick()
            secrets.tick()
            for runtime in self.runtimes:
                runtime.pipeline.tick()
                if not runtime.source.alive and not self._cannot_go_on:
                    self._stop_without(runtime)
            await asyncio.sleep(TICK_SECONDS)

    def _stop_without(self, runtime: SinkRuntime) -> None:
        """Begin to stop because this sink's source has ended; the others drain and commit."""
        log.warning("stopping, since a sink's polling thread has died: the other sinks drain and commit",
                    sink=runtime.pipeline.sink.name)  # fmt: skip
        self._cannot_go_on = True
        self.stop()

    async def _end(self, letters: DeadLetterProducer) -> int:
        if self._failed:
            log.error("stopped by a failure, without committing: what was open will be read again", why=self._failed)
            return 1
        began = self._clock.monotonic()
        dead = [runtime.pipeline.sink.name for runtime in self.runtimes if not runtime.source.alive]
        deadline = began + self.settings.delivery.drain
        settled = await asyncio.gather(*(runtime.pipeline.stop(deadline) for runtime in self.runtimes))
        closing = self._clock.monotonic() + CLOSING_SECONDS
        unsent = await asyncio.to_thread(letters.close, CLOSING_SECONDS / 2)
        joined = [
            await asyncio.to_thread(runtime.source.join, closing - self._clock.monotonic()) for runtime in self.runtimes
        ]
        await asyncio.sleep(0)  # let the last commits' results arrive
        clean = all(settled) and all(joined) and not unsent
        clean = clean and all(
            runtime.pipeline.last_commit_succeeded and not runtime.source.failed for runtime in self.runtimes
        )
        for runtime in self.runtimes:
            await runtime.pipeline.sink.close()
        for sink in dead:
            log.error("stopped by a failure, without committing: what was open will be read again",
                      why="a polling thread has died", sink=sink)  # fmt: skip
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
        """Called by asyncio for a bug: end without committing, since going on could commit past an event."""
        error = context.get("exception")
        log.error("a bug in the connector: it stops without committing", what=context.get("message"), exc_info=error)
        self._fail(f"{type(error).__name__}")

    def _fail(self, why: str) -> None:
        self._failed = self._failed or why
        for runtime in self.runtimes:
            runtime.pipeline.abandon()
        self.stop()
