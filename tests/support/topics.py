"""Topics for tests: each with a name of its own, so that tests share a broker without meeting."""

from __future__ import annotations

import uuid
from collections.abc import Mapping

from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic  # `admin` offers it without exporting it

_ADMIN_SECONDS = 20.0


class TopicFactory:
    """Creates topics; called as `topic_factory(partitions=8, config={"retention.ms": "1000"})` it returns the name."""

    def __init__(self, admin: AdminClient) -> None:
        self._admin = admin
        self._created: list[str] = []

    def __call__(self, partitions: int = 1, config: Mapping[str, str] | None = None, prefix: str = "test") -> str:
        """Create a topic and return its name. Raises KafkaException, also where a configuration is unknown."""
        name = f"{prefix}.{uuid.uuid4().hex[:12]}"
        topic = NewTopic(name, num_partitions=partitions, replication_factor=-1, config=dict(config or {}))
        self._admin.create_topics([topic], operation_timeout=_ADMIN_SECONDS)[name].result(_ADMIN_SECONDS)
        self._created.append(name)
        return name

    def delete_all(self) -> None:
        """Delete every topic this factory made."""
        if self._created:
            for deleted in self._admin.delete_topics(self._created).values():
                deleted.result(_ADMIN_SECONDS)
            self._created.clear()
