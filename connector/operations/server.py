"""The HTTP server of the service: health, readiness, metrics, status and the page, on the service's own loop."""

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
from connector.operations.null_history import NullHistory
from connector.operations.page import HEADERS, render
from connector.operations.retention import AskRetention, Retention
from connector.operations.sink_history import HistorySample, SinkHistory
from connector.operations.snapshot import ObservedSink, SinkSnapshot, known_lag, snapshot
from connector.operations.status import status

# How long requests in flight get when the service stops: they are scrapes, which are short.
SHUTDOWN_SECONDS = 1.0
# Counters are keyed by enumerations, which orjson accepts as keys only with this option.
STATUS_FORM = orjson.OPT_INDENT_2 | orjson.OPT_NON_STR_KEYS


class OperationsServer:
    """Serves health, metrics, status and the page.

    `tick` is called once a second by the loop that does the work: liveness depends on it. `started_at` is in seconds
    since the epoch; `shown_configuration` has its secrets hidden. `ask_retention` returns how many seconds topics keep
    their events (see kafka.topic_configs); it runs in a thread.
    """

    def __init__(
        self,
        host: str,
        port: int,
        runtimes: Sequence[ObservedSink],
        *,
        started_at: float,
        version: str,
        shown_configuration: str,
        ask_retention: AskRetention,
        clock: Clock,
    ) -> None:
        self._host = host
        self._port = port
        self._runtimes = runtimes
        self._started_at = started_at
        self._configuration = shown_configuration
        self._versions = versions(version)
        self._clock = clock
        self._histories = {runtime.pipeline.sink.name: SinkHistory() for runtime in runtimes}
        self._nulls = {
            runtime.pipeline.sink.name: NullHistory(runtime.pipeline.stats.routes, clock.monotonic())
            for runtime in runtimes
        }
        self._last_tick = clock.monotonic()
        self._retention = Retention(ask_retention, clock)
        self._registry = build_registry(self._take_snapshots, version)
        self._runner = web.AppRunner(self._application(), access_log=None, shutdown_timeout=SHUTDOWN_SECONDS)

    async def start(self) -> None:
        """Begin to serve. Raises ConnectorError if the address cannot be listened on."""
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
        """Return the port it listens on: the one that was given, or the one that the system chose for 0."""
        address: tuple[str, int] = self._runner.addresses[0]
        return address[1]

    async def stop(self) -> None:
        """Stop serving."""
        await self._runner.cleanup()

    def tick(self) -> None:
        """Record that the loop runs, sample charts and null fields, refresh retention. Called once a second."""
        now = self._last_tick = self._clock.monotonic()
        for runtime in self._runtimes:
            pipeline = runtime.pipeline
            sample = HistorySample(now, pipeline.stats.settled, known_lag(pipeline))
            self._histories[pipeline.sink.name].record_sample(sample)
            self._nulls[pipeline.sink.name].record_sample(now)
        self._retention.refresh(
            frozenset(
                offsets.topic for runtime in self._runtimes for offsets in runtime.pipeline.assignment.offsets.values()
            )
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
        return _probe(liveness_failures(self._runtimes, self._last_tick, self._clock.monotonic()))

    async def _readyz(self, _: web.Request) -> web.Response:
        return _probe(not_ready(self._runtimes))

    async def _metrics(self, request: web.Request) -> web.Response:
        encode, content_type = choose_encoder(request.headers.get("Accept", ""))
        return web.Response(body=encode(self._registry), headers={"Content-Type": content_type})

    async def _status(self, _: web.Request) -> web.Response:
        return web.Response(
            body=orjson.dumps(self._status_data(), option=STATUS_FORM),
            content_type="application/json",
            headers={"Cache-Control": "no-store"},
        )

    async def _page(self, _: web.Request) -> web.Response:
        points = {name: history.points() for name, history in self._histories.items()}
        body = render(self._status_data(), points, self._configuration)
        return web.Response(text=body, content_type="text/html", headers=HEADERS)

    def _take_snapshots(self) -> list[SinkSnapshot]:
        return [snapshot(runtime, self._clock, self._retention.seconds) for runtime in self._runtimes]

    def _status_data(self) -> dict[str, object]:
        return status(
            self._runtimes,
            self._take_snapshots(),
            self._histories,
            self._nulls,
            versions=self._versions,
            started_at=self._started_at,
            clock=self._clock,
        )


def _probe(faults: Sequence[str]) -> web.Response:
    """Return 200, or 503 with the failures, one on each line."""
    return web.Response(text="\n".join(faults or ["ok"]) + "\n", status=503 if faults else 200)
