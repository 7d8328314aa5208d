"""The HTTP side of the service: health, readiness, metrics, status and the page, on the service's own loop."""

from __future__ import annotations

import errno
from collections.abc import Sequence

import orjson
from aiohttp import web
from prometheus_client.exposition import choose_encoder

from connector.clock import Clock
from connector.errors import ConnectorError
from connector.operations.health import liveness_failures, not_ready
from connector.operations.metrics import build_registry, versions
from connector.operations.page import HEADERS, render
from connector.operations.retention import AskRetention, Retention
from connector.operations.sink_history import Sample, SinkHistory
from connector.operations.snapshot import SinkRuntime, SinkSnapshot, snapshot
from connector.operations.status import status

# Requests under way when the service stops: scrapes, which are short.
SHUTDOWN_SECONDS = 1.0
# Counters are keyed by enumerations, which orjson takes for strings only when told.
STATUS_FORM = orjson.OPT_INDENT_2 | orjson.OPT_NON_STR_KEYS


class OperationsServer:
    """Serves what operators look at. `tick` is called once a second by the loop that does the work: health asks for it.

    `started_at` in seconds since the epoch; `shown_configuration` is the configuration with its secrets hidden.
    `ask_retention` tells how many seconds topics keep their events (see kafka.topic_configs); it runs in a thread.
    """

    def __init__(
        self,
        host: str,
        port: int,
        lines: Sequence[SinkRuntime],
        *,
        started_at: float,
        version: str,
        shown_configuration: str,
        ask_retention: AskRetention,
        clock: Clock,
    ) -> None:
        self._host = host
        self._port = port
        self._lines = lines
        self._started_at = started_at
        self._configuration = shown_configuration
        self._versions = versions(version)
        self._clock = clock
        self._histories = {line.pipeline.sink.name: SinkHistory() for line in lines}
        self._last_tick = clock.monotonic()
        self._retention = Retention(ask_retention, clock)
        self._registry = build_registry(self._look, version)
        self._runner = web.AppRunner(self._application(), access_log=None, shutdown_timeout=SHUTDOWN_SECONDS)

    async def start(self) -> None:
        """Begin to serve. Raises ConnectorError where the address cannot be had."""
        await self._runner.setup()
        try:
            await web.TCPSite(self._runner, self._host, self._port).start()
        except OSError as error:
            await self._runner.cleanup()
            why = "another program listens there" if error.errno == errno.EADDRINUSE else error.strerror
            raise ConnectorError(
                f"http: cannot listen on {self._host}, port {self._port}: {why}; set http.host and http.port"
            ) from error

    @property
    def port(self) -> int:
        """The port it listens on: the one that was given, or the one that the system chose for 0."""
        address: tuple[str, int] = self._runner.addresses[0]
        return address[1]

    async def stop(self) -> None:
        """Serve no more."""
        await self._runner.cleanup()

    def tick(self) -> None:
        """One second has passed: the loop turns, and the charts get a sample."""
        now = self._last_tick = self._clock.monotonic()
        for line in self._lines:
            stats, assignment = line.pipeline.stats, line.pipeline.assignment
            self._histories[line.pipeline.sink.name].record_sample(Sample(now, stats.settled, assignment.lag()))
        self._retention.tick(
            frozenset(offsets.topic for line in self._lines for offsets in line.pipeline.assignment.offsets.values())
        )

    def _application(self) -> web.Application:
        application = web.Application()
        application.add_routes(
            [
                web.get("/healthz", self._healthz),
                web.get("/readyz", self._readyz),
                web.get("/metrics", self._metrics),
                web.get("/status", self._status),
                web.get("/", self._page),
            ]
        )
        return application

    async def _healthz(self, _: web.Request) -> web.Response:
        return _probe(liveness_failures(self._lines, self._last_tick, self._clock.monotonic()))

    async def _readyz(self, _: web.Request) -> web.Response:
        return _probe(not_ready(self._lines))

    async def _metrics(self, request: web.Request) -> web.Response:
        encode, content_type = choose_encoder(request.headers.get("Accept", ""))
        return web.Response(body=encode(self._registry), headers={"Content-Type": content_type})

    async def _status(self, _: web.Request) -> web.Response:
        return web.Response(
            body=orjson.dumps(self._facts(), option=STATUS_FORM),
            content_type="application/json",
            headers={"Cache-Control": "no-store"},
        )

    async def _page(self, _: web.Request) -> web.Response:
        points = {name: history.points() for name, history in self._histories.items()}
        body = render(self._facts(), points, self._configuration)
        return web.Response(text=body, content_type="text/html", headers=HEADERS)

    def _look(self) -> list[SinkSnapshot]:
        return [snapshot(line, self._clock, self._retention.seconds) for line in self._lines]

    def _facts(self) -> dict[str, object]:
        return status(
            self._lines,
            self._look(),
            self._histories,
            versions=self._versions,
            started_at=self._started_at,
            clock=self._clock,
        )


def _probe(faults: Sequence[str]) -> web.Response:
    """200, or 503 with what is wrong, a line each."""
    return web.Response(text="\n".join(faults or ["ok"]) + "\n", status=503 if faults else 200)
