"""The reconciliation of one sink: what was produced against the connector's counts, the vendor's ledger and Kafka.
Pure."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from connector.kafka import dead_letter
from connector.model import Headers, Reason
from connector.simulators.demo.samples import ExpectedOutcome, SampleEvent

_EXAMPLES = 3  # of each kind of mistake

Partition = tuple[str, int]


class Produced(NamedTuple):
    """A sample and the partition and offset that the brokers gave it."""

    sample: SampleEvent
    partition: int
    offset: int

    @property
    def address(self) -> str:
        """Return `topic/partition/offset`."""
        return f"{self.sample.topic}/{self.partition}/{self.offset}"


class ReadLetter(NamedTuple):
    """A record of the dead-letter topic as it was read back."""

    key: bytes | None
    value: bytes | None
    headers: Headers

    def header(self, name: str) -> str | None:
        """Return the text of the header that the connector added under this name."""
        return dead_letter.last_header(self.headers, name)


@dataclass(frozen=True, slots=True)
class SinkCounts:
    """The connector's own counts of a sink, in (event, route) pairs."""

    read: int
    delivered: int
    dead_lettered: Mapping[str, int]
    skipped: int

    @property
    def letters(self) -> int:
        """Return the number of dead letters for all reasons."""
        return sum(self.dead_lettered.values())


@dataclass(frozen=True, slots=True)
class Evidence:
    """The facts about a sink after the run.

    `accepted`: the events in the vendor's ledger, in the order of arrival, as `samples.content` writes them. `letters`
    are this sink's. `ends` has the end offset of every partition that the sink reads.
    """

    counts: SinkCounts
    accepted: Sequence[bytes]
    letters: Sequence[ReadLetter]
    committed: Mapping[Partition, int]
    ends: Mapping[Partition, int]


class Verification(NamedTuple):
    """One statement that was checked, and the mistakes found (none: it holds)."""

    statement: str
    mistakes: Sequence[str]


def reconcile(sink: str, produced: Sequence[Produced], evidence: Evidence) -> list[Verification]:
    """Return everything that must hold for a sink, checked."""
    due = [(each, fate) for each in produced for fate in each.sample.fates if fate.sink == sink]
    counts = evidence.counts
    accepted = len(evidence.accepted)
    parts = f"{counts.delivered:,} delivered + {counts.letters:,} dead-lettered + {counts.skipped:,} skipped"
    return [
        Verification(f"read {counts.read:,} = {parts}, as produced", [*_count_mistakes(due, counts)]),
        Verification(
            f"the vendor's ledger: {accepted:,} events, each once, right in content and in its key's order",
            [*_ledger_mistakes(due, evidence.accepted)],
        ),
        Verification(
            f"the dead-letter topic: {len(evidence.letters):,} letters, key, value and headers byte for byte",
            [*_letter_mistakes(due, evidence.letters)],
        ),
        Verification(
            f"Kafka: committed offset = end offset in all {len(evidence.ends)} partitions",
            [*_commit_mistakes(evidence)],
        ),
    ]


def _count_mistakes(due: Sequence[tuple[Produced, ExpectedOutcome]], counts: SinkCounts) -> Iterator[str]:
    settled = counts.delivered + counts.letters + counts.skipped
    if counts.read != settled:
        yield f"read {counts.read:,}, and {settled:,} are accounted for"
    fates = [fate for _, fate in due]
    reasons = Counter(fate.reason for fate in fates if fate.reason is not None)
    expected = {
        "read": (counts.read, len(fates)),
        "delivered": (counts.delivered, sum(fate.item is not None for fate in fates)),
        "skipped": (counts.skipped, sum(fate.item is None and fate.reason is None for fate in fates)),
        **{f"{reason} letters": (counts.dead_lettered.get(reason, 0), reasons[reason]) for reason in Reason},
    }
    for name, (counted, wanted) in expected.items():
        if counted != wanted:
            yield f"{name}: {counted:,} counted, {wanted:,} produced"


def _ledger_mistakes(due: Sequence[tuple[Produced, ExpectedOutcome]], accepted: Sequence[bytes]) -> Iterator[str]:
    expected = Counter(fate.item for _, fate in due if fate.item is not None)
    arrived = Counter(accepted)
    addresses = {fate.item: each.address for each, fate in due}
    yield from _shortened("not delivered", [addresses[item] for item in (expected - arrived).elements()])
    extra = [addresses.get(item, "of no event that was produced") for item in (arrived - expected).elements()]
    yield from _shortened("delivered once too often or with other content", extra)
    if expected == arrived:
        yield from _shortened("out of order", _out_of_order(due, accepted))


def _out_of_order(due: Sequence[tuple[Produced, ExpectedOutcome]], accepted: Sequence[bytes]) -> list[str]:
    """Return the keys of a partition whose events arrived in another order than they have in Kafka."""
    keys: dict[bytes, tuple[str, bytes]] = {}
    wanted: defaultdict[tuple[str, bytes], list[bytes]] = defaultdict(list)
    for each, fate in sorted(due, key=lambda pair: pair[0].offset):
        if fate.item is not None and each.sample.key is not None:
            keys[fate.item] = key = (each.sample.topic, each.sample.key)
            wanted[key].append(fate.item)
    arrived: defaultdict[tuple[str, bytes], list[bytes]] = defaultdict(list)
    for item in accepted:
        if item in keys:
            arrived[keys[item]].append(item)
    return [f"key {key.decode()} of {topic}" for (topic, key), items in wanted.items() if arrived[topic, key] != items]


def _letter_mistakes(due: Sequence[tuple[Produced, ExpectedOutcome]], found: Sequence[ReadLetter]) -> Iterator[str]:
    wanted = {(each.address, fate.route): (each, fate) for each, fate in due if fate.reason is not None}
    seen = Counter(_identity(letter) for letter in found)
    yield from _shortened("no letter for", [address for address, route in wanted if (address, route) not in seen])
    yield from _shortened("more than one letter for", [address for (address, _), count in seen.items() if count > 1])
    yield from _shortened(
        "a letter that is not expected:", [address for address, route in seen if (address, route) not in wanted]
    )
    pairs = [(letter, *wanted[_identity(letter)]) for letter in found if _identity(letter) in wanted]
    yield from _shortened(
        "another reason than expected:",
        [each.address for letter, each, fate in pairs if letter.header(dead_letter.REASON) != fate.reason],
    )
    yield from _shortened(
        "not the original's bytes:", [each.address for letter, each, _ in pairs if not _same(letter, each)]
    )


def _identity(letter: ReadLetter) -> tuple[str, str | None]:
    address = "/".join(
        letter.header(name) or "?" for name in (dead_letter.TOPIC, dead_letter.PARTITION, dead_letter.OFFSET)
    )
    return address, letter.header(dead_letter.ROUTE)


def _same(letter: ReadLetter, origin: Produced) -> bool:
    sample = origin.sample
    original = letter.headers[: len(sample.headers)]
    return (letter.key, letter.value, original) == (sample.key, sample.value, sample.headers)


def _commit_mistakes(evidence: Evidence) -> Iterator[str]:
    for (topic, partition), end in evidence.ends.items():
        committed = evidence.committed.get((topic, partition))
        if committed != end:
            position = "nothing committed" if committed is None else f"committed {committed:,}"
            yield f"{topic}/{partition}: {position}, ends at {end:,}"


def _shortened(what: str, addresses: Sequence[str]) -> Iterator[str]:
    if addresses:
        more = f" and {len(addresses) - _EXAMPLES:,} more" if len(addresses) > _EXAMPLES else ""
        yield f"{what} {', '.join(addresses[:_EXAMPLES])}{more}"
