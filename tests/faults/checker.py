"""Joins what was produced, accepted, dead-lettered and committed, and holds it against the guarantee's invariants."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import accumulate, pairwise
from typing import Any, NamedTuple, Self

from connector.kafka.records import record_of
from tests.faults.commits import Commit
from tests.faults.events import REVENUE, Made, sink_of
from tests.faults.process import Exit

# A commit's and a letter's times come in milliseconds, the ledger's in microseconds.
STEP = 0.001
SHOWN = 5
NEVER = float("inf")


class Acceptance(NamedTuple):
    """A vendor accepted the event of this number; `at` in seconds since the epoch."""

    number: int
    at: float


class Letter(NamedTuple):
    """A dead letter; the place is its origin's, `headers` are the event's own, `at` is the broker's time in seconds."""

    topic: str
    partition: int
    offset: int
    sink: str
    way: str
    reason: str
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes | None], ...]
    at: float

    @classmethod
    def of(cls, message: Any) -> Self:
        """Read from the record that it is."""
        assert message.error() is None, message.error()
        record = record_of(message)
        first = next(i for i, (name, _) in enumerate(record.headers) if name == "__connect.errors.topic")
        added = {name: (value or b"").decode() for name, value in record.headers[first:]}
        return cls(
            added["__connect.errors.topic"],
            int(added["__connect.errors.partition"]),
            int(added["__connect.errors.offset"]),
            added["connector.sink"],
            way if (way := added.get("connector.route", "")) == REVENUE else added["connector.sink"],
            added["connector.reason"],
            record.key,
            record.value,
            record.headers[:first],
            record.timestamp / 1000,
        )


@dataclass(frozen=True, slots=True)
class Evidence:
    """Everything that was seen of a scenario. `accepted`, by way, is in the order of arrival; `commits` of making.

    `tags` are those by which a commit's metadata names the ways. `grace` is how many seconds a process may take from
    SIGTERM to its end.
    """

    made: Sequence[Made]
    accepted: Mapping[str, Sequence[Acceptance]]
    letters: Sequence[Letter]
    commits: Sequence[Commit]
    exits: Sequence[Exit]
    kills: int
    grace: float
    tags: Mapping[int, str] = field(default_factory=dict)

    def duplicates(self) -> int:
        """How many acceptances were not an event's first."""
        return sum(len(each) - len({one.number for one in each}) for each in self.accepted.values())


Place = tuple[int, int]  # partition, offset


class Checker:
    """`duplicates_may_be`: processes were killed, or answers were lost after they had taken effect.

    `told_by_metadata`: what commits said in their metadata stood; False where the scenario took it away. `unheard`:
    between these times (seconds since the epoch) there was a member that could not know yet that it had lost its
    partitions; what the next owner's commits told may come again from it.
    """

    def __init__(
        self,
        evidence: Evidence,
        *,
        duplicates_may_be: bool,
        told_by_metadata: bool = True,
        unheard: tuple[float, float] | None = None,
    ) -> None:
        self._evidence = evidence
        self._duplicates_may_be = duplicates_may_be
        self._told_by_metadata = told_by_metadata
        self._unheard = unheard
        self._by_number = {made.draft.number: made for made in evidence.made}
        self._by_place: dict[Place, Made] = {(made.partition, made.offset): made for made in evidence.made}
        self._letters: dict[str, dict[Place, list[Letter]]] = defaultdict(lambda: defaultdict(list))
        for letter in evidence.letters:
            self._letters[letter.way][letter.partition, letter.offset].append(letter)
        self._times: dict[str, dict[int, list[float]]] = {}
        for way, acceptances in evidence.accepted.items():
            times = self._times[way] = defaultdict(list)
            for number, at in acceptances:
                times[number].append(at)

    def violations(self) -> dict[str, list[str]]:
        """Invariant → what breaks it."""
        return {
            "every event is accepted, or dead-lettered byte for byte": list(self._unfinished()),
            "nothing unfinished is committed": list(self._committed_early()),
            "commits never move back": list(self._moved_back()),
            "a key's first acceptances keep Kafka's order": list(self._out_of_order()),
            "nothing is sent twice without need": list(self._needless()),
            "dead letters only for what cannot be delivered": list(self._undeserved()),
            "a process ends within its grace period": list(self._overstayed()),
        }

    def lost(self) -> int:
        """How many events did not come to the end they must have."""
        return sum(1 for _ in self._unfinished())

    def check(self) -> None:
        """Fail if an invariant is broken; the message names each."""
        broken = {name: found for name, found in self.violations().items() if found}
        lines = [f"{name}: {len(found)} times, as {'; '.join(found[:SHOWN])}" for name, found in broken.items()]
        assert not broken, "\n".join(lines)

    # --- the invariants ------------------------------------------------------------------------------------------

    def _unfinished(self) -> Iterator[str]:
        for made in self._evidence.made:
            for sink in self._times:
                end = made.draft.ends.get(sink)
                if end == "accepted" and made.draft.number not in self._times[sink]:
                    yield f"event {_shown(made)} never reached {sink}"
                if end == "letter":
                    letters = self._letters[sink].get((made.partition, made.offset), [])
                    if not letters:
                        yield f"event {_shown(made)} has no dead letter of {sink}"
                    for letter in letters:
                        event = (made.draft.key, made.draft.value, made.headers)
                        if (letter.key, letter.value, letter.headers) != event:
                            yield f"the dead letter of {_shown(made)} is not the event byte for byte"

    def _committed_early(self) -> Iterator[str]:
        """A commit lies on what is finished only, and its metadata names nothing else."""
        for (sink, partition), commits in self._commits().items():
            by_way = {way: self._finished(way, partition) for way in self._times if sink_of(way) == sink}
            finished = [max(times) for times in zip(*by_way.values(), strict=True)]
            latest = list(accumulate(finished, max))
            for commit in commits:
                if commit.position > len(finished):
                    yield f"{_commit(commit)} lies beyond the end"
                elif commit.position and latest[commit.position - 1] > commit.at + STEP:
                    early = [offset for offset in range(commit.position) if finished[offset] > commit.at + STEP]
                    yield f"{_commit(commit)} though {early[:SHOWN]} were not finished"
                above = commit.settled_above()
                early = [each for each in above if each >= len(finished) or finished[each] > commit.at + STEP]
                if early:
                    yield f"{_commit(commit)} says that {early[:SHOWN]} were settled"
                for offset, tags in commit.settled_in_part().items():
                    for way in map(self._evidence.tags.get, tags):
                        if way is None or offset >= len(finished) or by_way[way][offset] > commit.at + STEP:
                            yield f"{_commit(commit)} says that {way} of {offset} was settled"

    def _moved_back(self) -> Iterator[str]:
        for commits in self._commits().values():
            for earlier, later in pairwise(commits):
                if later.position < earlier.position:
                    yield f"{_commit(later)} after {earlier.position}"

    def _out_of_order(self) -> Iterator[str]:
        for sink, acceptances in self._evidence.accepted.items():
            seen: set[int] = set()
            last: dict[bytes, Made] = {}
            for number, _ in acceptances:
                if number in seen:
                    continue
                seen.add(number)
                made = self._by_number[number]
                before = last.get(made.draft.key)
                if before is not None and made.offset < before.offset:
                    yield f"{sink} got {_shown(made)} after {_shown(before)} of the same key"
                last[made.draft.key] = made

    def _needless(self) -> Iterator[str]:
        """Without kills and lost answers nothing comes twice; with them, nothing that a commit had told of."""
        commits = self._commits()
        for sink, times in self._times.items():
            for number, at in times.items():
                made = self._by_number[number]
                if len(at) > 1 and not self._duplicates_may_be:
                    yield f"{sink} got {_shown(made)} {len(at)} times"
                for again in at[1:]:
                    if self._unheard is not None and self._unheard[0] <= again <= self._unheard[1]:
                        continue
                    told = self._told(commits.get((sink_of(sink), made.partition), ()), made.offset, sink, again)
                    if told is not None:
                        yield f"{sink} got {_shown(made)} again although {_commit(told)} had told of it"
        for sink, by_place in self._letters.items():
            for place, letters in by_place.items():
                if len(letters) > 1 and not self._duplicates_may_be:
                    yield f"{sink} wrote {len(letters)} letters for {place}"

    def _undeserved(self) -> Iterator[str]:
        for letter in self._evidence.letters:
            made = self._by_place.get((letter.partition, letter.offset))
            if made is None or made.draft.ends.get(letter.way) != "letter":
                yield f"{letter.way} gave {letter.partition}/{letter.offset} up as {letter.reason}"

    def _overstayed(self) -> Iterator[str]:
        for status, seconds in self._evidence.exits:
            if seconds is not None and seconds > self._evidence.grace:
                yield f"{seconds:.1f} s from SIGTERM to the end with status {status}"

    # --- what they stand on --------------------------------------------------------------------------------------

    def _commits(self) -> dict[tuple[str, int], list[Commit]]:
        """(sink, partition) → its commits."""
        found: dict[tuple[str, int], list[Commit]] = defaultdict(list)
        for commit in self._evidence.commits:
            found[commit.group.rpartition(".")[2], commit.partition].append(commit)
        return found

    def _finished(self, sink: str, partition: int) -> list[float]:
        """Offset → since when it may be committed."""
        offsets = [made.offset for made in self._evidence.made if made.partition == partition]
        finished = [0.0] * (max(offsets, default=-1) + 1)
        for made in self._evidence.made:
            if made.partition != partition:
                continue
            end = made.draft.ends.get(sink)
            if end == "accepted":
                finished[made.offset] = min(self._times[sink].get(made.draft.number, ()), default=NEVER)
            elif end == "letter":
                letters = self._letters[sink].get((partition, made.offset), ())
                finished[made.offset] = min((letter.at for letter in letters), default=NEVER)
        return finished

    def _told(self, commits: Sequence[Commit], offset: int, way: str, before: float) -> Commit | None:
        """A commit made before that time which says that the offset is settled, by this way at least."""
        for commit in commits:
            if commit.at >= before - STEP:
                continue
            if offset < commit.position:
                return commit
            if self._told_by_metadata:
                tags = commit.settled_in_part().get(offset, ())
                if offset in commit.settled_above() or way in map(self._evidence.tags.get, tags):
                    return commit
        return None


def _shown(made: Made) -> str:
    return f"{made.draft.number} ({made.partition}/{made.offset})"


def _commit(commit: Commit) -> str:
    return f"the commit {commit.partition}/{commit.position} of {commit.group}"
