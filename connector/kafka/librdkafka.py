"""Access to the C library below the client, and to the size of a message's headers there.

The headers of a message have more bytes in librdkafka's memory than the client returns if it has cut a name. No public
call returns that size. It lies in two private structures, so their layout is verified on the installed client with
headers of known sizes; where it is another, no size is returned, and that is logged once.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

import structlog
from confluent_kafka import Message, cimpl

from connector.model import Headers

log = structlog.get_logger()

Size = Callable[[Message], int]

_WORD: Final = ctypes.sizeof(ctypes.c_size_t)
_SIZE_MEMBER: Final = 19  # Python's Py_T_PYSSIZET
_READ_ONLY: Final = 1  # Python's Py_READONLY
_TWO_BYTES: Final = 1 << 6  # from which length on that length takes two

# Headers that verify the layout: none, every kind of value, the lengths at which a length takes another byte.
_SAMPLES: tuple[Headers, ...] = (
    (),
    (("traceparent", b"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"), ("", None), ("tenant", b"")),
    (("a\0b", b"\0\0"), ("\0", None), ("größe", b"\xff" * 63)),
    (("n" * 64, b"v" * 8191), ("n" * 8192, b"v" * 1_048_576)),
)


class _Member(ctypes.Structure):
    """Python's PyMemberDef: a field of a C structure that becomes an attribute."""

    _fields_ = (
        ("name", ctypes.c_char_p),
        ("type", ctypes.c_int),
        ("offset", ctypes.c_ssize_t),
        ("flags", ctypes.c_int),
        ("doc", ctypes.c_char_p),
    )


class _Headers(ctypes.Structure):
    """librdkafka's rd_kafka_headers_t: a list of headers, and their size as it is sent."""

    _fields_ = (
        ("room", ctypes.c_int),
        ("count", ctypes.c_int),
        ("elements", ctypes.c_void_p),
        ("free", ctypes.c_void_p),
        ("flags", ctypes.c_int),
        ("element_size", ctypes.c_int),
        ("start", ctypes.c_void_p),
        ("size", ctypes.c_size_t),
    )


class UnknownLayoutError(Exception):
    """The layout is another than the one that is known."""


def librdkafka(signatures: Mapping[str, tuple[Any, list[Any]]]) -> ctypes.CDLL:
    """Return the C library that confluent_kafka itself runs on, found through the module that is linked to it.

    `signatures` has what each function that will be called returns and takes. Raises AttributeError if it lacks one.
    """
    library = ctypes.CDLL(cimpl.__file__)
    for name, (result, arguments) in signatures.items():
        function = library[name]
        function.restype, function.argtypes = result, arguments
        setattr(library, name, function)
    return library


def header_sizes() -> Size:
    """Return a function that returns the size of a message's headers, in bytes as serialised() counts them.

    It must be called before the message's `headers()`. 0: there are none; -1: the size is unknown.
    """
    try:
        _verify_headers()
        address = _address()
    except Exception as error:  # noqa: BLE001 - another client, another Python: whatever it lacks, records are read
        return _Blind(f"{type(error).__name__}: {error}")
    read, within = ctypes.c_size_t.from_address, _Headers.size.offset

    def size(message: Message) -> int:
        headers = address(message)
        return read(headers + within).value if headers else 0

    return size


def serialised(headers: Iterable[tuple[str, bytes | None]]) -> int:
    """Return the size that librdkafka counts for these headers."""
    size = 0
    for name, value in headers:
        size += _counted(len(name.encode()))
        size += _counted(len(value)) if value else 1
    return size


def _counted(length: int) -> int:
    """Return the size of so many bytes with their number before them, a zigzag varint: 7 bits a byte, one the sign."""
    return length + 1 if length < _TWO_BYTES else length + (length.bit_length() + 7) // 7


class _Blind:
    """Stands in where sizes cannot be read: returns -1, and logs that at the first call."""

    def __init__(self, why: str) -> None:
        self._why = why

    def __call__(self, _: Message) -> int:
        if self._why and structlog.is_configured():
            log.warning("a NUL in a header's name will not be noticed: the Kafka client is laid out in another way",
                        why=self._why)  # fmt: skip
            self._why = ""
        return -1


def _address() -> Callable[[Message], int]:
    """Return a function that reads the address of a message's headers (0: none), as an attribute of Message would."""
    member = _Member(b"c_headers", _SIZE_MEMBER, _address_offset(), _READ_ONLY, None)
    describe = ctypes.pythonapi.PyDescr_NewMember
    describe.restype, describe.argtypes = ctypes.py_object, [ctypes.py_object, ctypes.c_void_p]
    descriptor: Any = describe(Message, ctypes.addressof(member))
    ctypes.pythonapi.Py_IncRef(ctypes.py_object(member))  # the descriptor points to it, as long as the process lives
    read: Callable[[Message], int] = descriptor.__get__
    return read


def _address_offset() -> int:
    """Return the offset of that address in a Message, in bytes: between the headers that Python has and the error."""
    headers: Any = [("name", b"value")]
    error: Any = ValueError("a mark")
    message = Message(topic="topic", key=b"key", value=b"value", headers=headers, error=error)
    count = Message.__basicsize__ // _WORD
    words = list((ctypes.c_size_t * count).from_address(id(message)))
    index = words.index(id(headers)) + 1
    if words.index(id(error)) != index + 1 or words[index] != 0:
        raise UnknownLayoutError("no single field lies between a message's headers and its error")
    return index * _WORD


def _verify_headers() -> None:
    """Raise UnknownLayoutError if the size of headers is not where it is expected, or counted in another way."""
    pointer, text, length = ctypes.c_void_p, ctypes.c_char_p, ctypes.c_ssize_t
    library = librdkafka(
        {
            "rd_kafka_headers_new": (pointer, [ctypes.c_size_t]),
            "rd_kafka_header_add": (ctypes.c_int, [pointer, text, length, text, length]),
            "rd_kafka_headers_destroy": (None, [pointer]),
        }
    )
    for sample in _SAMPLES:
        headers = library.rd_kafka_headers_new(len(sample))
        try:
            for name, value in sample:
                encoded = name.encode()
                library.rd_kafka_header_add(headers, encoded, len(encoded), value, len(value or b""))
            size = _Headers.from_address(headers)
            if (size.count, size.size) != (len(sample), serialised(sample)):
                raise UnknownLayoutError("headers are counted in another way")
        finally:
            library.rd_kafka_headers_destroy(headers)
