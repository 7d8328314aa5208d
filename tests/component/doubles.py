"""What stands at the pipeline's edges in component tests: a scripted vendor, a log of records, a topic of letters."""

from __future__ import annotations

import asyncio
import concurrent.futures
from bisect import bisect_left
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import islice

from connector.kafka.dead_letter import ITEM, MESSAGE, OFFSET, PARTITION, REASON, ROUTE, TOPIC, ProducedLetter
from connector.kafka.letter_elements import named_elements
from connector.kafka.source_interface import AssignedPartition, Commit, ReadEnd, SourceListener
from connector.model import ACCEPTED, Failure, Item, Limits, Outcome, OutcomeKind, Reason, Record, Stage

REFUSED = Outcome(OutcomeKind.REJECTED, 422, "bad event")
DOWN = Outcome(OutcomeKind.UNAVAILABLE, 503, "down")
ERROR_500 = Outcome(OutcomeKind.UNAVAILABLE, 500, "internal error")
UNAUTHORIZED = Outcome(OutcomeKind.MISCONFIGURED, 401, "token refused")
LOST = Outcome(OutcomeKind.UNAVAILABLE, None, "the connection broke", effect_unknown=True)

Address = tuple[str, int, int]
# An event, a route (None: before any), and the number of an element (0: the event as a whole).
Part = tuple[Address, str | None, int]
Answer = Callable[["Request"], Outcome]


def address(record: Record) -> Address:
    return record.topic, record.partition, record.offset


@dataclass(slots=True)
class Request:
    """One request as the vendor saw it."""

    at: float
    method: str
    items: list[Item]
    outcome: Outcome | None = None

    @property
    def offsets(self) -> list[int]:
        return [item.record.offset for item in self.items]


def accept(_: Request) -> Outcome:
    """The vendor is well."""
    return ACCEPTED


def refuse_those_marked(request: Request) -> Outcome:
    """The vendor refuses a request with a bad event in it as a whole."""
    return REFUSED if any(b"bad" in item.body for item in request.items) else ACCEPTED


class Vendor:
    """A sink that answers as `answer` says, after `latency` seconds, and keeps a ledger of what it accepted."""

    def __init__(self, limits: Limits, latency: float = 0.05) -> None:
        self.name = "mytracker"
        self.limits = limits
        self.latency = latency
        self.answer: Answer = accept
        self.missing_secret: str | None = None
        self.renewed = False  # other credentials have come since some were rejected
        self.requests: list[Request] = []
        self.accepted: list[Item] = []
        self.in_flight = 0
        self.most_in_flight = 0
        self._keys: Counter[bytes] = Counter()

    async def send(self, method: str, items: Sequence[Item]) -> Outcome:
        """One attempt. No key may be in two requests at a time."""
        request = Request(asyncio.get_running_loop().time(), method, list(items))
        self.requests.append(request)
        assert 0 < len(items) <= self.limits.max_events
        keys = {item.record.key for item in items if item.record.key is not None}
        assert not any(self._keys[key] for key in keys), "a key is in two requests at a time"
        self._keys.update(keys)
        self.in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self.in_flight)
        await asyncio.sleep(self.latency)
        self.in_flight -= 1
        self._keys.subtract(keys)
        request.outcome = outcome = self.answer(request)
        if outcome.kind is OutcomeKind.ACCEPTED:
            self.accepted.extend(items)
        return outcome

    def credentials_ready(self) -> str | None:
        return self.missing_secret

    def credentials_renewed(self) -> bool:
        renewed, self.renewed = self.renewed, False
        return renewed

    async def close(self) -> None:
        return

    def ledger(self) -> Counter[Part]:
        """How often each item was accepted."""
        return Counter((address(item.record), item.route, item.element) for item in self.accepted)

    def order_of(self, key: bytes) -> list[int]:
        """The offsets of a key's events in the order in which they were accepted."""
        return [item.record.offset for item in self.accepted if item.record.key == key]


class Words:
    """A router: each word of a value is a route's item; `undecodable` fails, `skip` makes nothing, `crash` raises.

    A word with a + is what a route with `each` takes: it makes an item of every element between them (`a+` of one, `+`
    of none), of which `unmappable` fails. `only` is the one route that is not removed (None: all are there).
    """

    def __init__(self, only: str | None = None) -> None:
        self._only = only

    def route(self, record: Record) -> Sequence[Item | Failure]:
        results: list[Item | Failure] = []
        for number, word in enumerate((record.value or b"").split()):
            if word == b"crash":
                raise RuntimeError("a bug in a router")
            if word == b"undecodable":
                results.append(Failure(record, Reason.UNDECODABLE, Stage.DECODE, "not JSON"))
            elif b"+" in word:
                results += [
                    Failure(record, Reason.UNMAPPABLE, Stage.MAP, "no id", route, "login", element=at)
                    if element == b"unmappable"
                    else Item(record, route, "login", b'{"%b"}' % element, at)
                    for route in (f"route{number}",)
                    for at, element in enumerate(_elements(word), 1)
                ]
            elif word != b"skip":
                method = word.decode().split(":")[-1] if b":" in word else "login"
                results.append(Item(record, f"route{number}", method, b'{"%b"}' % word))
        return [each for each in results if self._only in (None, each.route)]

    def list_elements(self, record: Record, route: str) -> Sequence[str] | None:
        word = (record.value or b"").split()[int(route.removeprefix("route"))]
        return [element.decode() for element in _elements(word)] if b"+" in word else None


def _elements(word: bytes) -> list[bytes]:
    return [element for element in word.split(b"+") if element]


class LetterTopic:
    """A producer of dead letters; refuses while `refusal` says why. Reports on the loop, later."""

    def __init__(self) -> None:
        self.refusal: str | None = None
        self.refused_partitions: set[int] = set()  # of events whose letters are refused
        self.silent = False  # the brokers do not answer at all
        self.delay = 0.005  # seconds until they do
        self.letters: list[ProducedLetter] = []
        self.attempts = 0

    def write(self, letter: ProducedLetter, report: Callable[[str | None], None]) -> None:
        self.attempts += 1
        if self.silent:
            return
        refusal = self.refusal
        if self.refused_partitions and self._address(letter)[1] in self.refused_partitions:
            refusal = "refused"
        if refusal is None:
            self.letters.append(letter)
        asyncio.get_running_loop().call_later(self.delay, report, refusal)

    def identities(self) -> Counter[Part]:
        """How often each item has a letter, or each event that failed before routing."""
        return Counter(
            (self._address(letter), self.header(letter, ROUTE), element)
            for letter in self.letters
            for element in self._elements(letter)
        )

    def pairs(self) -> Counter[tuple[Address, str | None]]:
        """How many letters each event and route has."""
        return Counter((self._address(letter), self.header(letter, ROUTE)) for letter in self.letters)

    def _elements(self, letter: ProducedLetter) -> list[int]:
        named = self.header(letter, ITEM)
        return [0] if named is None else [each.place + 1 for each in named_elements(named) or ()]

    def reasons(self) -> Counter[str | None]:
        return Counter(self.header(letter, REASON) for letter in self.letters)

    def messages(self) -> set[str | None]:
        return {self.header(letter, MESSAGE) for letter in self.letters}

    def _address(self, letter: ProducedLetter) -> Address:
        topic, partition, offset = (self.header(letter, name) or "" for name in (TOPIC, PARTITION, OFFSET))
        return topic, int(partition), int(offset)

    @staticmethod
    def header(letter: ProducedLetter, name: str) -> str | None:
        value = next((value for each, value in reversed(letter.headers) if each == name), None)
        return value.decode() if isinstance(value, bytes) else value


@dataclass
class Log:
    """The topics of a cluster: records by partition, and what the group committed."""

    records: dict[tuple[str, int], list[Record]] = field(default_factory=lambda: defaultdict(list))
    committed: dict[tuple[str, int], Commit] = field(default_factory=dict)
    # By partition: how many offsets behind the last record hold none, as behind an aborted transaction.
    tails: Counter[tuple[str, int]] = field(default_factory=Counter)

    def append(self, key: bytes | None, value: bytes, *, topic: str = "users", partition: int = 0, gap: int = 0) -> int:
        """Produce one record; `gap` offsets before it were never written. Returns its offset."""
        records = self.records[topic, partition]
        offset = (records[-1].offset + 1 if records else 0) + gap
        records.append(Record(topic, partition, offset, 1_700_000_000_000 + offset, key, value, ()))
        return offset


@dataclass(slots=True)
class _Turn:
    """What one poll brought."""

    records: list[Record]
    at: float
    confirmed: bool
    demanded: bool
    ends: dict[int, ReadEnd]

    def tell(self, listener: SourceListener) -> None:
        listener.on_poll(self.records, self.at, self.confirmed, self.demanded)
        listener.on_read_up_to(self.ends)


class FakeSource:
    """Turns as the real source does, on the loop: chunks for credits, commits that never go back, rebalances."""

    CHUNK = 500

    def __init__(self, log: Log) -> None:
        self.log = log
        self.pipeline: SourceListener
        self.credits = 2
        self.halted: set[tuple[str, int]] = set()
        self.confirmed = True
        self.blocked = False  # inside a callback, or stalled
        self.unheard: list[_Turn] | None = None  # turns, while the loop hears none
        self.commit_error: str | None = None
        self.commits_end = True  # else nobody ever hears of them again
        self.commits: list[list[Commit]] = []
        self.sought: list[tuple[str, int, int]] = []
        self.unreadable: dict[tuple[str, int], dict[int, str]] = {}  # why, by offset
        self.deaf = False  # to seeks
        self.stopped_with: Sequence[Commit] | None = None
        self._epochs: dict[tuple[str, int], int] = {}
        self._next: dict[tuple[str, int], int] = {}
        self._last_epoch = 0

    def open(self, listener: SourceListener) -> FakeSource:
        """Report to this pipeline from now on."""
        self.pipeline = listener
        return self

    # --- what the pipeline asks for

    def request_chunk(self) -> None:
        self.credits += 1

    def commit(self, commits: Sequence[Commit]) -> None:
        if self.commits_end:
            asyncio.get_running_loop().call_later(0.01, self._commit, list(commits))

    def pause_partition(self, epoch: int, topic: str, partition: int) -> None:
        if self._epochs.get((topic, partition)) == epoch:
            self.halted.add((topic, partition))

    def resume_partition(self, epoch: int, topic: str, partition: int) -> None:
        if self._epochs.get((topic, partition)) == epoch:
            self.halted.discard((topic, partition))

    def seek(self, epoch: int, topic: str, partition: int, offset: int) -> None:
        if self._epochs.get((topic, partition)) == epoch:
            self.sought.append((topic, partition, offset))
            if not self.deaf:
                self._next[topic, partition] = offset

    def stop(self, commits: Sequence[Commit]) -> None:
        self.blocked = True
        self.stopped_with = commits
        self._store(commits)

    # --- what happens to it

    def poll(self) -> None:
        """Poll once."""
        if self.blocked:
            return
        credited = self.credits > 0
        self.credits -= credited
        now = asyncio.get_running_loop().time()
        chunk: deque[Record] = deque()
        stand: list[tuple[int, int, str]] = []
        for place, epoch in self._epochs.items() if credited else ():
            if place in self.halted:
                continue
            records = self.log.records[place]
            first = bisect_left(records, self._next[place], key=lambda record: record.offset)
            for record in islice(records, first, None):
                if len(chunk) >= self.CHUNK:
                    break
                why = self.unreadable.get(place, {}).get(record.offset)
                if why is not None:
                    stand.append((epoch, self._next[place], why))
                    break
                chunk.append(record._replace(assignment_epoch=epoch, read_at=now))
                self._next[place] = record.offset + 1
        turn = _Turn(list(chunk), now, self.confirmed, credited, self._read_ends())
        if self.unheard is None:
            turn.tell(self.pipeline)
        else:
            self.unheard.append(turn)
        for epoch, offset, why in stand:
            self.pipeline.on_unreadable(epoch, offset, why)

    def hear(self) -> None:
        """The loop, which was late, processes the polls that were made meanwhile."""
        decoded, self.unheard = self.unheard or [], None
        for turn in decoded:
            turn.tell(self.pipeline)

    def _read_ends(self) -> dict[int, ReadEnd]:
        """How far each partition is read; the tail of its log comes as soon as its last record was read."""
        ends = {}
        for place, epoch in self._epochs.items():
            records = self.log.records[place]
            end = self._next[place]
            if place not in self.halted and (not records or end > records[-1].offset):
                end = max(end, (records[-1].offset + 1 if records else 0) + self.log.tails[place])
            ends[epoch] = ReadEnd(end, -1)
        return ends

    def assign(self, *places: tuple[str, int], position: int | None = 0) -> frozenset[int]:
        """These partitions are given to us; reading starts at what is committed, else at `position`."""
        assigned = []
        for topic, partition in places:
            self._last_epoch += 1
            committed = self.log.committed.get((topic, partition))
            begins = committed.position if committed else position
            self._epochs[topic, partition] = self._last_epoch
            self._next[topic, partition] = begins or 0
            metadata = committed.metadata if committed else None
            assigned.append(AssignedPartition(self._last_epoch, topic, partition, begins, metadata))
        self.pipeline.on_assigned(assigned)
        return frozenset(each.epoch for each in assigned)

    def truncate(self, place: tuple[str, int], end: int) -> int:
        """The log loses what lies at `end` and behind it; it is read on from there under a epoch of its own, which is
        returned."""
        del self.log.records[place][end:]
        self._last_epoch += 1
        self._epochs[place], self._next[place] = self._last_epoch, end
        self.halted.discard(place)
        self.pipeline.on_assigned([AssignedPartition(self._last_epoch, *place, end, None, truncated_at=end)])
        return self._last_epoch

    async def revoke(self, *places: tuple[str, int]) -> Sequence[Commit]:
        """These partitions leave; the callback waits for the pipeline and commits what it answers."""
        epochs = self._disown(places)
        self.blocked = True
        done: concurrent.futures.Future[Sequence[Commit]] = concurrent.futures.Future()
        self.pipeline.on_revoked(epochs, done)
        answer = asyncio.wrap_future(done)
        while not (await asyncio.wait({answer}, timeout=0.1))[0]:
            now = asyncio.get_running_loop().time()
            self.pipeline.on_poll((), now, self.confirmed, False)  # turns go on meanwhile, without records
        commits = answer.result()
        self.blocked = False
        self._store(commits)
        return commits

    def lose(self, *places: tuple[str, int]) -> None:
        """These partitions are another's already."""
        self.pipeline.on_lost(self._disown(places))

    def fail(self) -> None:
        """The client has met a fatal error: all that was ours is another's, until the next one is assigned it."""
        self.pipeline.on_left_group(self._disown(list(self._epochs)))

    def _disown(self, places: Sequence[tuple[str, int]]) -> frozenset[int]:
        self.halted.difference_update(places)
        return frozenset(self._epochs.pop(place) for place in places)

    def _commit(self, commits: list[Commit]) -> None:
        if self.blocked:  # the thread obeys no command meanwhile
            asyncio.get_running_loop().call_later(0.01, self._commit, commits)
            return
        if self.commit_error is None:
            self._store([each for each in commits if self._epochs.get((each.topic, each.partition)) == each.epoch])
        self.pipeline.on_committed(self.commit_error, False)

    def _store(self, commits: Sequence[Commit]) -> None:
        self.commits.append(list(commits))
        for commit in commits:
            before = self.log.committed.get((commit.topic, commit.partition))
            assert before is None or commit.position >= before.position, "a commit goes back"
            self.log.committed[commit.topic, commit.partition] = commit
