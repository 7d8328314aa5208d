"""Records as other clients may write them: librdkafka's own producer, with header names of any bytes and any length."""

from __future__ import annotations

import ctypes
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any, Final, NamedTuple, Self

from confluent_kafka import KafkaError, KafkaException

from connector.kafka.librdkafka import librdkafka

_PRODUCER: Final = 0  # rd_kafka_type_t
_CONF_OK: Final = 0  # rd_kafka_conf_res_t
_FLUSH_MS: Final = 20_000
_COPY: Final = 2  # RD_KAFKA_MSG_F_COPY
_TOPIC, _PARTITION, _VALUE, _KEY, _FLAGS, _TIMESTAMP, _HEADERS = 1, 3, 4, 5, 7, 8, 10  # rd_kafka_vtype_t


class ForeignRecord(NamedTuple):
    """A record to be written. `timestamp` in milliseconds; 0: now."""

    topic: str
    partition: int = 0
    key: bytes | None = None
    value: bytes | None = b"{}"
    headers: Sequence[tuple[bytes, bytes | None]] = ()
    timestamp: int = 0


class _Bytes(ctypes.Structure):
    _fields_ = (("start", ctypes.c_char_p), ("size", ctypes.c_size_t))


class _Union(ctypes.Union):
    _fields_ = (
        ("text", ctypes.c_char_p),
        ("number", ctypes.c_int),
        ("large", ctypes.c_int64),
        ("bytes", _Bytes),
        ("pointer", ctypes.c_void_p),
        ("room", ctypes.c_char * 64),
    )


class _Argument(ctypes.Structure):
    """rd_kafka_vu_t: one argument of rd_kafka_produceva."""

    _fields_ = (("type", ctypes.c_int), ("value", _Union))


class ForeignProducer:
    """Writes each record as it is told, in order; `with` ends it. Raises KafkaException for what is not delivered."""

    def __init__(self, settings: Mapping[str, Any]) -> None:
        self._library = _library()
        why = ctypes.create_string_buffer(512)
        conf = self._library.rd_kafka_conf_new()
        for name, value in {"log_level": "3", **settings}.items():
            if self._library.rd_kafka_conf_set(conf, name.encode(), str(value).encode(), why, len(why)) != _CONF_OK:
                raise KafkaException(why.value.decode())
        self._errors: list[int] = []
        self._report = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p)(self._reported)
        self._library.rd_kafka_conf_set_dr_msg_cb(conf, self._report)
        self._client = self._library.rd_kafka_new(_PRODUCER, conf, why, len(why))
        if not self._client:
            raise KafkaException(why.value.decode())

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._library.rd_kafka_destroy(self._client)

    def write(self, records: Sequence[ForeignRecord]) -> None:
        """Write them and wait until the brokers have them."""
        for record in records:
            self._produce(record)
        if self._library.rd_kafka_flush(self._client, _FLUSH_MS):
            raise KafkaException("not all records were delivered in time")
        for code in self._errors:
            raise KafkaException(KafkaError(code))

    def _produce(self, record: ForeignRecord) -> None:
        headers = self._library.rd_kafka_headers_new(len(record.headers))
        for name, value in record.headers:
            self._library.rd_kafka_header_add(headers, name, len(name), value, len(value or b""))
        arguments = [
            _argument(_TOPIC, text=record.topic.encode()),
            _argument(_PARTITION, number=record.partition),
            _argument(_FLAGS, number=_COPY),
            _argument(_KEY, bytes=_Bytes(record.key, len(record.key or b""))),
            _argument(_VALUE, bytes=_Bytes(record.value, len(record.value or b""))),
            _argument(_TIMESTAMP, large=record.timestamp),
            _argument(_HEADERS, pointer=headers),
        ]
        failed = self._library.rd_kafka_produceva(
            self._client, (_Argument * len(arguments))(*arguments), len(arguments)
        )
        if failed:
            code = self._library.rd_kafka_error_code(failed)
            self._library.rd_kafka_error_destroy(failed)
            self._library.rd_kafka_headers_destroy(headers)
            raise KafkaException(KafkaError(code))

    def _reported(self, client: int, message: int, opaque: int) -> None:
        code = ctypes.c_int.from_address(message).value  # the first field of rd_kafka_message_t
        if code:
            self._errors.append(code)


def _argument(kind: int, **value: Any) -> _Argument:
    return _Argument(kind, _Union(**value))


def _library() -> ctypes.CDLL:
    pointer, text, number, length = ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int, ctypes.c_ssize_t
    return librdkafka(
        {
            "rd_kafka_conf_new": (pointer, []),
            "rd_kafka_conf_set": (number, [pointer, text, text, text, ctypes.c_size_t]),
            "rd_kafka_conf_set_dr_msg_cb": (None, [pointer, pointer]),
            "rd_kafka_new": (pointer, [number, pointer, text, ctypes.c_size_t]),
            "rd_kafka_destroy": (None, [pointer]),
            "rd_kafka_flush": (number, [pointer, number]),
            "rd_kafka_headers_new": (pointer, [ctypes.c_size_t]),
            "rd_kafka_headers_destroy": (None, [pointer]),
            "rd_kafka_header_add": (number, [pointer, text, length, text, length]),
            "rd_kafka_produceva": (pointer, [pointer, pointer, ctypes.c_size_t]),
            "rd_kafka_error_code": (number, [pointer]),
            "rd_kafka_error_destroy": (None, [pointer]),
        }
    )
