"""From the configuration file to Settings, or to every mistake in it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, cast

from pydantic import ValidationError

from connector.config import file_model
from connector.config.budgets import budget_mistakes
from connector.config.kafka_settings import client_mistake, default_start, kafka_mistakes
from connector.config.lenient import mapping
from connector.config.routes import route_mistakes, route_names
from connector.config.topics import locate_schema, topic_mistakes
from connector.config.yaml_file import read_tree
from connector.config.yaml_values import explained
from connector.errors import ConfigError, Mistake
from connector.settings.model import mistakes_of
from connector.settings.references import DIRECTORY, EnvReference, FileReference
from connector.settings.values import (
    Delivery,
    FloodGuardSettings,
    Http,
    KafkaValue,
    Route,
    Settings,
    Start,
    Topic,
)

# sinks.<name>.token.login.pin_code.file
_DEEPEST = 6


def load(path: str | Path) -> Settings:
    """Return the settings of a configuration file. Raises ConfigError with every mistake in it, in the file's order."""
    path = Path(path)
    tree, mistakes = read_tree(path)
    directory = path.resolve().parent
    parts: file_model.File | None = None
    try:
        parts = file_model.File.model_validate(tree, context={DIRECTORY: directory})
    except ValidationError as error:
        mistakes += mistakes_of(error)
    kafka = mapping(tree.get("kafka"))
    if "kafka" in tree:
        mistakes += kafka_mistakes(kafka)
    mistakes += [*budget_mistakes(tree), *topic_mistakes(tree, directory), *route_mistakes(tree)]
    if parts is not None and not mistakes:
        settings = _settings(parts, directory)
        mistake = client_mistake(settings.kafka)
        if mistake is None:
            return settings
        mistakes = [mistake]
    raise ConfigError(_in_file_order(explained(path.read_text(encoding="utf-8"), mistakes), tree))


def _in_file_order(mistakes: list[Mistake], tree: Mapping[str, Any]) -> list[Mistake]:
    """Return the mistakes in the file's order, each once; those about missing keys come last."""
    positions = {path: index for index, path in enumerate(_paths(tree, ""))}

    def position(mistake: Mistake) -> int:
        path = mistake.path
        while path and path not in positions:
            path = path[: max(path.rfind("."), path.rfind("["), 0)]
        return positions.get(path, len(positions))

    return sorted(dict.fromkeys(mistakes), key=position)


def _paths(value: Any, path: str, depth: int = 0) -> Iterator[str]:
    """Yield every path of the tree, in the file's order, as deep as keys go (an alias may be endless)."""
    if path:
        yield path
    if depth > _DEEPEST:
        return
    if isinstance(value, dict):
        for name, child in value.items():
            yield from _paths(child, f"{path}.{name}" if path else str(name), depth + 1)
    elif isinstance(value, list):
        for index, child in enumerate(value):
            yield from _paths(child, f"{path}[{index}]", depth + 1)


def _settings(parts: file_model.File, directory: Path) -> Settings:
    start = cast(Start, default_start(parts.kafka))
    return Settings(
        kafka={
            name: _kafka_value(value, directory) for name, value in parts.kafka.items() if name != "auto.offset.reset"
        },
        group=parts.group,
        dead_letters=parts.dead_letters,
        http=Http(parts.http.host, parts.http.port),
        delivery=_delivery(parts.delivery),
        redact=tuple(parts.redact),
        topics={name: _topic(name, topic, directory) for name, topic in parts.topics.items()},
        sinks={name: sink.named(name, start) for name, sink in parts.sinks.items()},
        routes=_routes(parts.routes),
    )


def _kafka_value(value: Any, directory: Path) -> KafkaValue:
    if isinstance(value, FileReference | EnvReference):
        return value.secret(directory)
    return cast(KafkaValue, value)


def _delivery(part: file_model.DeliveryModel) -> Delivery:
    guard = part.flood_guard
    return Delivery(
        commit_interval=part.commit_interval,
        drain=part.drain,
        max_open_events=part.max_open_events,
        max_open_bytes=part.max_open_bytes,
        unrouted=part.unrouted,
        flood_guard=FloodGuardSettings(guard.dead_letters, guard.share, guard.within),
    )


def _topic(name: str, part: file_model.TopicModel, directory: Path) -> Topic:
    pattern = name.startswith("^")
    if part.schema_path is None:
        return Topic(name, pattern, None)
    return Topic(name, pattern, *locate_schema(name, part.schema_path, directory))


def _routes(parts: list[file_model.RouteModel]) -> tuple[Route, ...]:
    names = route_names([part.model_dump(include={"name", "to"}) for part in parts])
    routes = []
    for index, (part, name) in enumerate(zip(parts, names, strict=True)):
        sink, _, method = part.to.rpartition(".")
        accept = frozenset(part.accept)
        routes.append(
            Route(name or part.to, tuple(part.from_), part.when, sink, method, part.fields, index, accept, part.each)
        )
    return tuple(routes)
