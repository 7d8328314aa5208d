"""The metadata of a commit: which offsets above the committed position are settled already. Pure.

`1.<check>.<fingerprint>.<bits>`: the version; a CRC-32 over everything that must be as it was (group, topic,
partition, position and the rest of the text); the fingerprint of the record at the position; a bitmap of the offsets
that follow it, 6 bits a character (URL-safe base64 without padding). In version 2 the bitmap begins with the position
itself, whose record is settled too. Anything else is not ours and means nothing.
"""

from __future__ import annotations

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from zlib import crc32

from connector.delivery.offsets import Settled

# A broker keeps 4,096 bytes by default (offset.metadata.max.bytes); 24 go to what stands before the bits.
MAX_CHARACTERS = 4_000
MAX_BITS = (MAX_CHARACTERS - 24) * 6

_FORM = re.compile(r"([12])\.([0-9a-f]{8})\.([0-9a-f]{8})\.([A-Za-z0-9_-]+)")


def encode(group: str, topic: str, partition: int, position: int, settled: Settled | None) -> str:
    """The metadata to commit with `position`; empty where nothing above it is settled.

    Offsets more than MAX_BITS above the position are left out: they would be sent again after a crash.
    """
    if settled is None:
        return ""
    bits = _pack(settled.flags[:MAX_BITS].rstrip(b"0"))
    if not bits:
        return ""
    version, rest = 2 - settled.first, f"{settled.fingerprint:08x}.{bits}"
    return f"{version}.{_check(version, group, topic, partition, position, rest)}.{rest}"


def decode(group: str, topic: str, partition: int, position: int, metadata: str | None) -> Settled | None:
    """What the metadata that came with the committed `position` says; None if it is not ours or damaged."""
    match = _FORM.fullmatch(metadata or "")
    if match is None or len(match[4]) % 4 == 1:  # no base64 has that length
        return None
    version, check, mark, bits = int(match[1]), *match.groups()[1:]
    if check != _check(version, group, topic, partition, position, f"{mark}.{bits}"):
        return None
    flags = _unpack(bits)
    return Settled(int(mark, 16), flags, 2 - version) if flags else None


def _check(version: int, group: str, topic: str, partition: int, position: int, rest: str) -> str:
    covered = f"{group}/{topic}/{partition}/{position}/{rest}"
    return f"{crc32(covered.encode() if version == 1 else f'{version}/{covered}'.encode()):08x}"


def _pack(flags: bytes) -> str:
    if not flags:
        return ""
    octets = -(-len(flags) // 8)
    packed = int(flags.ljust(octets * 8, b"0"), 2).to_bytes(octets)
    return urlsafe_b64encode(packed).decode().rstrip("=")


def _unpack(bits: str) -> bytes:
    octets = urlsafe_b64decode(bits + "=" * (-len(bits) % 4))
    return f"{int.from_bytes(octets):0{len(octets) * 8}b}".encode().rstrip(b"0")
