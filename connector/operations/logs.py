"""The logs: JSON lines, or readable on a terminal; times in UTC, no payload, no secret.

An exception is logged by its type and its stack frames. Its message is logged only if it is ours (ConnectorError: by
contract it quotes no value) or the system's (OSError); any other may contain data. Local variables are never rendered.
A vendor's message is masked, and every text is cut after 1 KB.
"""

from __future__ import annotations

import logging
import sys
import traceback
from collections.abc import Iterator, Sequence
from typing import Any, Literal, TextIO

import orjson
import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from connector.errors import ConnectorError
from connector.redaction.vendor_messages import mask_vendor_message

MAX_BYTES = 1024
# The key under which the delivery layer logs a vendor's message.
VENDOR_KEY = "vendor"
# Loggers that log every request.
CHATTY_LOGGERS = ("httpx", "httpcore", "aiohttp.access", "aiohttp.client", "aiohttp.server", "asyncio")


def configure_logs(
    json: bool | None = None,
    level: Literal["debug", "info", "warning", "error"] = "info",
    stream: TextIO | None = None,
) -> None:
    """Set up all logging of the process: structlog's, Python's own and, through that, librdkafka's.

    `json` None means JSON unless `stream` (standard error) is a terminal.
    """
    stream = stream or sys.stderr
    terminal = stream.isatty()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=_enrich(),
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                _first_line_of_asyncio,
                _exception_without_values,
                _mask_and_cut,
                _json if (not terminal if json is None else json) else _readable(terminal),
            ],
        )
    )
    logging.basicConfig(handlers=[handler], level=level.upper(), force=True)
    for name in CHATTY_LOGGERS:
        logging.getLogger(name).setLevel(logging.WARNING)
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *_enrich(),
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,  # the loggers are made when modules are imported, before this
    )


def _enrich() -> Sequence[Processor]:
    return (
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    )


def _first_line_of_asyncio(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    """Keep only the first line of asyncio's messages: the others are a task's repr with the exception's message."""
    if event.get("logger") == "asyncio":
        event["event"] = str(event["event"]).partition("\n")[0]
    return event


def _exception_without_values(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    error = event.pop("exc_info", None)
    if error is True:
        error = sys.exc_info()
    if isinstance(error, tuple):
        error = error[1]
    if isinstance(error, BaseException):
        event["exception"] = "\n".join(_trace(error))
    return event


def _trace(error: BaseException) -> Iterator[str]:
    """Yield the frames of an error, its causes first: file, line and function; no source, no locals, no values."""
    cause = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    if cause is not None:
        yield from _trace(cause)
        yield "which led to"
    for frame in traceback.extract_tb(error.__traceback__):
        yield f"  {frame.filename}:{frame.lineno} in {frame.name}"
    yield _named(error)


def _named(error: BaseException) -> str:
    name = f"{type(error).__module__}.{type(error).__qualname__}"
    if isinstance(error, ConnectorError):
        return f"{name}: {error}"
    if isinstance(error, OSError) and error.strerror:
        return f"{name}: {error.strerror}"
    return name


def _mask_and_cut(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    for key, value in event.items():
        if isinstance(value, str):
            event[key] = _cut(mask_vendor_message(value) if key == VENDOR_KEY else value, keep_end=key == "exception")
        elif isinstance(value, list | tuple):
            event[key] = [_cut(str(each), keep_end=False) for each in value]
        elif not isinstance(value, int | float | bool | None):
            event[key] = _cut(str(value), keep_end=False)
    return event


def _cut(text: str, *, keep_end: bool) -> str:
    """Return at most 1 KB of UTF-8; of a trace the end, which names the error."""
    encoded = text.encode("utf-8", "replace")
    if len(encoded) <= MAX_BYTES:
        return text
    kept = encoded[-MAX_BYTES:] if keep_end else encoded[:MAX_BYTES]
    return ("…{}" if keep_end else "{}…").format(kept.decode("utf-8", "ignore"))


def _json(_: WrappedLogger, __: str, event: EventDict) -> str:
    first = {key: event.pop(key) for key in ("timestamp", "level", "event") if key in event}
    return orjson.dumps(first | dict(event)).decode()


def _readable(colours: bool) -> Any:
    return structlog.dev.ConsoleRenderer(colors=colours, pad_event_to=0)
