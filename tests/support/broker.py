"""A real Kafka broker for tests and benchmarks: by address, in a container or on the local JVM.

`python -m tests.support.broker [PROPERTY=VALUE]...` starts one, prints its bootstrap address and keeps it until Ctrl-C.
"""

from __future__ import annotations

import os
import signal
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from tests.support.container import ContainerBroker
from tests.support.jvm import JvmBroker
from tests.support.server import Broker, BrokerError, GivenBroker, NoBrokerError

ADDRESS_VARIABLE = "KAFKA_BOOTSTRAP_SERVERS"


def obtain_broker(directory: Path, properties: Mapping[str, str] | None = None) -> Broker:
    """Return a running broker: the one of KAFKA_BOOTSTRAP_SERVERS, a container, or one on the local JVM, in this order.

    `directory` takes data and log. `properties` are added to the server's; with any, a given address is passed over,
    because its properties are not ours to set. Raises NoBrokerError where no way is open, BrokerError where the
    address was given and nothing serves there.
    """
    address = os.environ.get(ADDRESS_VARIABLE)
    if address and not properties:
        given = GivenBroker(address)
        given.start()
        return given
    obstacles = [] if address else [f"{ADDRESS_VARIABLE} is not set"]
    for kind in (ContainerBroker, JvmBroker):
        broker: Broker | None = None
        try:
            broker = kind(directory, properties or {})
            broker.start()
        except BrokerError as error:
            obstacles.append(str(error))
            if broker is not None:
                broker.close()
        else:
            return broker
    raise NoBrokerError("no Kafka broker: " + "; ".join(obstacles))


def main(arguments: list[str]) -> int:
    """Run a broker until SIGINT or SIGTERM; return the exit status."""
    if not all("=" in argument for argument in arguments):
        print(__doc__, file=sys.stderr)
        return 2
    signals = {signal.SIGINT, signal.SIGTERM}
    with tempfile.TemporaryDirectory(prefix="kafka-") as directory:
        try:
            broker = obtain_broker(Path(directory), dict(argument.split("=", 1) for argument in arguments))
        except BrokerError as error:
            print(error, file=sys.stderr)
            return 1
        try:
            signal.pthread_sigmask(signal.SIG_BLOCK, signals)
            print(broker.bootstrap, flush=True)
            print(f"{broker.description}; Ctrl-C ends it", file=sys.stderr, flush=True)
            signal.sigwait(signals)
        finally:
            broker.close()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
