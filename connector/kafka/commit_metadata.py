"""The metadata of a commit: which log it was made in, and which offsets above the position are settled already. Pure.

Its form is `3.<check>.<topic id>.<leader epoch>`, followed by `.<first>.<fingerprint>.<bits>` where something above the
position is settled. That is: the version; a CRC-32 over everything that must be as it was (group, topic,
partition, position and the rest of the text); Kafka's id of the topic ("-" if it is unknown); the leader epoch of the
newest record read (-1 if it is unknown); the offset above the position at which the bitmap begins (0: with the
position itself, whose record is settled too; 1: with the next one); the fingerprint of the record at the position; a
bitmap of offsets, 6 bits a character (URL-safe base64 without padding).

Version 4 is written only where a record is settled in part. It is
`4.<check>.<topic id>.<leader epoch>.<first>.<fingerprint>.<bits>.<parts>`, where there may be no bits, and the parts
are what part_bits packs, in the same characters.

Versions 1 and 2 are `<version>.<check>.<fingerprint>.<bits>`, their bitmaps beginning at 1 and at 0. They are read, and
written where neither id nor epoch is known. Anything else is not ours and means nothing.
"""

from __future__ import annotations

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass, field, replace
from typing import NamedTuple
from zlib import crc32

from connector.kafka import part_bits
from connector.kafka.part_bits import HalfSettled

# A broker keeps 4,096 bytes by default (offset.metadata.max.bytes); 60 of these go to what precedes the bits.
MAX_CHARACTERS = 4_000
_ROOM = MAX_CHARACTERS - 60
MAX_BITS = _ROOM * 6
# So many bits, of settled offsets and of parts together, fit in any case: each of the two is rounded up.
SURE_BITS = (_ROOM - 4) * 6

SETTLED, UNSETTLED = ord("1"), ord("0")

_UNKNOWN_ID = "-"
_OLD_FORM = re.compile(r"([12])\.([0-9a-f]{8})\.([0-9a-f]{8})\.([A-Za-z0-9_-]+)")
_FORM_OF_PARTS = re.compile(
    r"4\.([0-9a-f]{8})\.([A-Za-z0-9+/]{22}|-)\.(-1|[0-9]{1,10})"
    r"\.([01])\.([0-9a-f]{8})\.([A-Za-z0-9_-]*)\.([A-Za-z0-9_-]+)"
)
_FORM = re.compile(
    r"3\.([0-9a-f]{8})\.([A-Za-z0-9+/]{22}|-)\.(-1|[0-9]{1,10})(?:\.([01])\.([0-9a-f]{8})\.([A-Za-z0-9_-]+))?"
)


@dataclass(frozen=True, slots=True)
class Settled:
    """The offsets that an earlier owner had settled above the position it committed.

    `fingerprint` is that of the record at the position: another record there means another topic of that name,
    and then nothing of this holds. `flags` has a character for each offset that follows the position: b"1" if it is
    settled, b"0" if not; the last one is settled. `first` is 0 where they begin with the position itself, because its
    record is settled; else 1. `halves` has the settled parts of records that are not settled as a whole.
    """

    fingerprint: int
    flags: bytes
    first: int = 1
    halves: HalfSettled = field(default_factory=dict)

    def offsets(self, position: int) -> set[int]:
        """Return the settled offsets, for the position that this was committed with."""
        return {position + above for above, flag in enumerate(self.flags, self.first) if flag == SETTLED}

    def weight(self) -> int:
        """Return how many records and parts of records are settled."""
        return self.flags.count(SETTLED) + sum(map(part_bits.count_parts, self.halves.values()))

    def fitting(self) -> Settled:
        """Return as much of this as fits into a commit: what is farthest above the position is left out."""
        return _fit(self)[0]


class Metadata(NamedTuple):
    """The content of a commit's metadata. `topic_id` is empty and `leader_epoch` -1 where they were unknown."""

    settled: Settled | None
    topic_id: str = ""
    leader_epoch: int = -1


def encode(group: str, topic: str, partition: int, position: int, metadata: Metadata) -> str:
    """Return the metadata to commit with `position`; empty where it has no content.

    Offsets more than MAX_BITS above the position are left out: they would be sent again after a crash.
    """
    settled, topic_id, leader_epoch = metadata
    parts = ""
    if settled is not None:
        settled, parts = _fit(settled)
    bits = "" if settled is None else _pack(settled.flags)
    if settled is not None and parts:
        log = f"{topic_id or _UNKNOWN_ID}.{max(leader_epoch, -1)}"
        rest = f"{log}.{settled.first}.{settled.fingerprint:08x}.{bits}.{parts}"
        return f"4.{_checksum(4, group, topic, partition, position, rest)}.{rest}"
    body = f"{settled.fingerprint:08x}.{bits}" if settled is not None and bits else ""
    first = 1 if settled is None else settled.first
    if not topic_id and leader_epoch < 0:
        version, rest = 2 - first, body
    else:
        version, rest = 3, f"{topic_id or _UNKNOWN_ID}.{max(leader_epoch, -1)}" + (body and f".{first}.{body}")
    return rest and f"{version}.{_checksum(version, group, topic, partition, position, rest)}.{rest}"


def decode(group: str, topic: str, partition: int, position: int, metadata: str | None) -> Metadata | None:
    """Return the content of the metadata committed with `position`; None if it is not ours or damaged."""
    text = metadata or ""
    match = _FORM.fullmatch(text) or _OLD_FORM.fullmatch(text) or _FORM_OF_PARTS.fullmatch(text)
    if match is None:
        return None
    version, rest = int(text[0]), text[11:]  # past the check
    if text[2:10] != _checksum(version, group, topic, partition, position, rest):
        return None
    if version < 3:
        settled = _settled(match[3], match[4], 2 - version)
        return None if settled is None else Metadata(settled)
    topic_id = "" if match[2] == _UNKNOWN_ID else match[2]
    if version == 4:
        return _with_parts(match, topic_id)
    if match[4] is None:
        return Metadata(None, topic_id, int(match[3]))
    settled = _settled(match[5], match[6], int(match[4]))
    return None if settled is None else Metadata(settled, topic_id, int(match[3]))


def _settled(fingerprint: str, bits: str, first: int) -> Settled | None:
    if len(bits) % 4 == 1:  # no base64 has that length
        return None
    flags = _unpack(bits).encode().rstrip(b"0")
    return Settled(int(fingerprint, 16), flags, first) if flags else None


def _with_parts(match: re.Match[str], topic_id: str) -> Metadata | None:
    try:
        halves = part_bits.unpack(_unpack(match[7]))
        flags = _unpack(match[6]).encode().rstrip(b"0") if match[6] else b""
    except ValueError:
        return None
    return Metadata(Settled(int(match[5], 16), flags, int(match[4]), halves), topic_id, int(match[3]))


def _fit(settled: Settled) -> tuple[Settled, str]:
    """Return as much of it as fits, and its parts, packed."""
    halves, packed = settled.halves, _packed_parts(settled.halves)
    while halves and len(packed) > _ROOM:
        halves = {above: halves[above] for above in sorted(halves)[: len(halves) * 3 // 4]}
        packed = _packed_parts(halves)
    flags = settled.flags[: (_ROOM - len(packed)) * 6].rstrip(b"0")
    return replace(settled, flags=flags, halves=halves), packed


def _packed_parts(halves: HalfSettled) -> str:
    return _pack(part_bits.pack(halves).encode()) if halves else ""


def _checksum(version: int, group: str, topic: str, partition: int, position: int, rest: str) -> str:
    covered = f"{group}/{topic}/{partition}/{position}/{rest}"
    return f"{crc32(covered.encode() if version == 1 else f'{version}/{covered}'.encode()):08x}"


def _pack(flags: bytes) -> str:
    if not flags:
        return ""
    octets = -(-len(flags) // 8)
    packed = int(flags.ljust(octets * 8, b"0"), 2).to_bytes(octets)
    return urlsafe_b64encode(packed).decode().rstrip("=")


def _unpack(text: str) -> str:
    """Return the bits. Raises ValueError where base64 has no such length."""
    octets = urlsafe_b64decode(text + "=" * (-len(text) % 4))
    return f"{int.from_bytes(octets):0{len(octets) * 8}b}"
