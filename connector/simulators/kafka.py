"""Kafka inside the process: librdkafka's mock cluster, with topics, errors and a moving coordinator on request.

Real enough to produce, consume, join groups and commit. Not a broker: it keeps 5 MiB or 100,000 batches a partition
(older data vanishes), most of the admin client's requests fail, and it ends with its process.
"""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from enum import IntEnum
from types import TracebackType
from typing import Final, Self

from confluent_kafka import KafkaError, KafkaException

from connector.kafka.librdkafka import librdkafka

_PRODUCER: Final = 0  # rd_kafka_type_t
_CONF_OK: Final = 0  # rd_kafka_conf_res_t


class KafkaRequest(IntEnum):
    """Request types for which errors can be staged, by their API keys in Kafka's protocol guide."""

    PRODUCE = 0
    OFFSET_COMMIT = 8


class MockKafka:
    """A cluster on 127.0.0.1 that lives as long as its `with` block; brokers are numbered from 1.

    A topic that was not created appears when it is produced to, with librdkafka's four partitions. Every method raises
    KafkaException if librdkafka refuses.
    """

    def __init__(self, brokers: int = 1) -> None:
        if brokers < 1:
            raise ValueError("a cluster has at least one broker")
        self._brokers = brokers
        self._library = _library()
        self._client: int | None = None
        self._cluster: int | None = None
        self.bootstrap = ""

    def __enter__(self) -> Self:
        library = self._library
        self._client = _client(library, {"test.mock.num.brokers": str(self._brokers), "log_level": "3"})
        self._cluster = library.rd_kafka_handle_mock_cluster(self._client)
        self.bootstrap = library.rd_kafka_mock_cluster_bootstraps(self._cluster).decode()
        # A group's first join does not wait for more members: nobody else is coming.
        library.rd_kafka_mock_group_initial_rebalance_delay_ms(self._cluster, 0)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # The cluster belongs to the client and ends with it.
        self._library.rd_kafka_destroy(self._client)
        self._client = self._cluster = None

    def create_topic(self, topic: str, partitions: int) -> None:
        """Create a topic, replicated on every broker."""
        _check(self._library.rd_kafka_mock_topic_create(self._cluster, topic.encode(), partitions, self._brokers))

    def fail_requests(self, request: KafkaRequest, codes: Sequence[int]) -> None:
        """Answer the next requests of this type with these errors (`KafkaError` codes), one each, in order.

        A 0 lets one request pass.
        """
        listed = (ctypes.c_int * len(codes))(*codes)
        self._library.rd_kafka_mock_push_request_errors_array(self._cluster, request, len(codes), listed)

    def set_coordinator(self, group: str, broker: int) -> None:
        """Make the broker the coordinator of a consumer group."""
        _check(self._library.rd_kafka_mock_coordinator_set(self._cluster, b"group", group.encode(), broker))


def _library() -> ctypes.CDLL:
    pointer, text, number, short = ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int32, ctypes.c_int16
    return librdkafka(
        {
            "rd_kafka_conf_new": (pointer, []),
            "rd_kafka_conf_set": (ctypes.c_int, [pointer, text, text, text, ctypes.c_size_t]),
            "rd_kafka_new": (pointer, [ctypes.c_int, pointer, text, ctypes.c_size_t]),
            "rd_kafka_destroy": (None, [pointer]),
            "rd_kafka_handle_mock_cluster": (pointer, [pointer]),
            "rd_kafka_mock_cluster_bootstraps": (text, [pointer]),
            "rd_kafka_mock_group_initial_rebalance_delay_ms": (None, [pointer, number]),
            "rd_kafka_mock_topic_create": (ctypes.c_int, [pointer, text, ctypes.c_int, ctypes.c_int]),
            "rd_kafka_mock_push_request_errors_array": (None, [pointer, short, ctypes.c_size_t, pointer]),
            "rd_kafka_mock_coordinator_set": (ctypes.c_int, [pointer, text, text, number]),
        }
    )


def _client(library: ctypes.CDLL, settings: dict[str, str]) -> int:
    why = ctypes.create_string_buffer(512)
    conf = library.rd_kafka_conf_new()
    for name, value in settings.items():
        if library.rd_kafka_conf_set(conf, name.encode(), value.encode(), why, len(why)) != _CONF_OK:
            raise KafkaException(why.value.decode())
    client: int | None = library.rd_kafka_new(_PRODUCER, conf, why, len(why))
    if client is None:
        raise KafkaException(why.value.decode())
    return client


def _check(error: int) -> None:
    if error:
        raise KafkaException(KafkaError(error))
