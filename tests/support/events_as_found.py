"""The records of examples/events-as-found, and preview's words on each. As a module it writes the preview.txt files."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from connector.cli._preview_text import record_text
from connector.config.load import load
from connector.model import Record
from connector.service.preview import FileRecord, Previewer, RoutePreview
from connector.settings.values import Settings

HERE = Path(__file__).parents[2] / "examples" / "events-as-found"
# Each example's files of records, with the topic that they lie in.
TOPICS = {
    "debezium": {
        "orders.tsv": "shop.public.orders",
        "customers.tsv": "shop.public.customers",
        "outbox.tsv": "shop.outbox.order",
    },
    "cloudevents": {"structured.ndjson": "shop.loyalty", "binary.tsv": "shop.orders"},
    "segment": {"track.ndjson": "segment.track"},
}
_TIME = 1_772_355_600_000


def records(example: str, name: str) -> Iterator[Record]:
    """Yield a file's records: a value a line, or headers, key and value between tabs, as the console producer reads."""
    path = HERE / example / name
    for offset, line in enumerate(path.read_text(encoding="utf-8").splitlines()):
        headers, key, value = ["", "", "", *line.split("\t")][-3:] if path.suffix == ".tsv" else ("", "", line)
        pairs = (pair.partition(":") for pair in headers.split(",") if pair)
        yield Record(
            TOPICS[example][name],
            0,
            offset,
            _TIME,
            key.encode() or None,
            None if value == "NULL" else value.encode(),
            tuple((header, content.encode()) for header, _, content in pairs),
        )


def settings_of(example: str) -> Settings:
    """Return the example's configuration."""
    return load(HERE / example / "connector.yaml")


def previewed(settings: Settings, record: Record) -> list[RoutePreview]:
    """Return what preview shows of a record, for every sink."""
    return Previewer(settings).preview(record)


def preview_text(example: str) -> str:
    """Return what preview prints about each record of an example, one after the other."""
    settings = settings_of(example)
    return "\n".join(
        f"=== {name}, line {record.offset + 1}\n\n{_printed(settings, record)}\n"
        for name in TOPICS[example]
        for record in records(example, name)
    )


def _printed(settings: Settings, record: Record) -> str:
    if record.headers or record.value is None:  # as preview --from reads it: no file has headers or tombstones
        return record_text(record, None, Previewer(settings).preview(record))
    # as a line of the file, with its line feed, on standard input, with the key that --key gives
    line = record._replace(value=(record.value or b"") + b"\n")
    given = FileRecord(record.key, (), record.timestamp)
    return record_text(line, "standard input", Previewer(settings).preview(line, given))


if __name__ == "__main__":
    for each in TOPICS:
        (HERE / each / "preview.txt").write_text(preview_text(each), encoding="utf-8")
