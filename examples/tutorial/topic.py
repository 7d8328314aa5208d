"""Makes a topic, or fills one from a file: what kafka-topics and kafka-console-producer do, where neither is installed.

`python topic.py ADDRESS create TOPIC [SETTING=VALUE]...` and `python topic.py ADDRESS fill TOPIC FILE`; of the file
every line is one record, `key<TAB>value`.
"""

from __future__ import annotations

import sys
from pathlib import Path

from confluent_kafka import KafkaException, Producer
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

SECONDS = 10.0


def create(address: str, topic: str, settings: dict[str, str]) -> str:
    """Make a topic of three partitions. Raises KafkaException if it cannot be made."""
    client = AdminClient({"bootstrap.servers": address, "log_level": 4})  # its futures fail once nothing holds it
    client.create_topics([NewTopic(topic, 3, 1, config=settings)])[topic].result(SECONDS)
    return f"made {topic}"


def fill(address: str, topic: str, file: Path) -> str:
    """Write every line of the file to the topic. Raises OSError if it cannot be read, KafkaException if it fails."""
    producer = Producer({"bootstrap.servers": address})
    failed: list[str] = []
    lines = file.read_text(encoding="utf-8").splitlines()
    for line in lines:
        key, _, value = line.partition("\t")
        producer.produce(topic, value, key, on_delivery=lambda error, _: failed.append(str(error)) if error else None)
    left = producer.flush(SECONDS)
    if failed or left:
        raise KafkaException(failed[0] if failed else f"{left} records were not written in {SECONDS:g} s")
    return f"wrote {len(lines)} records to {topic}"


def main(arguments: list[str]) -> int:
    """Do what the arguments say; return the exit status."""
    try:
        match arguments:
            case [address, "create", topic, *settings] if all("=" in setting for setting in settings):
                print(create(address, topic, dict(setting.split("=", 1) for setting in settings)))
            case [address, "fill", topic, file]:
                print(fill(address, topic, Path(file)))
            case _:
                print(__doc__, file=sys.stderr)
                return 2
    except (KafkaException, OSError) as error:
        print(f"topic.py: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
