"""What all tests share: one real broker a session, topics on it, and logging as it was."""

from __future__ import annotations

import logging
import shutil
import tempfile
from collections.abc import Generator, Iterator
from pathlib import Path

import hypothesis
import pytest
import structlog
from confluent_kafka.admin import AdminClient

from tests.support.broker import obtain_broker
from tests.support.server import Broker, BrokerError, GivenBroker, NoBrokerError
from tests.support.topics import TopicFactory

# How long an example takes says what else the machine does.
hypothesis.settings.register_profile("patient", deadline=None)
hypothesis.settings.load_profile("patient")

pytest_plugins = ["tests.support.skips"]

_BROKER = pytest.StashKey[Broker | BrokerError]()
_DIRECTORY = pytest.StashKey[Path]()


@pytest.hookimpl(trylast=True)
def pytest_collection_finish(session: pytest.Session) -> None:
    """Obtain the broker before the first test where one asks for it.

    Not in the fixture: a first download takes longer than any test may.
    """
    config = session.config
    if config.option.collectonly or not any("broker" in getattr(item, "fixturenames", ()) for item in session.items):
        return
    directory = Path(tempfile.mkdtemp(prefix="kafka-tests-"))
    config.stash[_DIRECTORY] = directory
    try:
        config.stash[_BROKER] = broker = obtain_broker(directory)
        found = broker.description
    except BrokerError as error:
        config.stash[_BROKER] = error
        found = str(error)
    terminal = config.pluginmanager.get_plugin("terminalreporter")
    if terminal is not None:
        terminal.write_line(f"broker: {found}")


def pytest_unconfigure(config: pytest.Config) -> None:
    """End the broker with the session, an interrupted one included."""
    broker = config.stash.get(_BROKER, None)
    if isinstance(broker, Broker):
        broker.close()
    directory = config.stash.get(_DIRECTORY, None)
    if directory is not None:
        shutil.rmtree(directory, ignore_errors=True)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Show the end of the broker's log where a test that uses it fails."""
    report = yield
    broker = item.config.stash.get(_BROKER, None)
    if report.failed and isinstance(broker, Broker) and "broker" in getattr(item, "fixturenames", ()):
        report.sections.append(("the broker's log, last lines", broker.log_tail()))
    return report


@pytest.fixture(scope="session")
def broker(request: pytest.FixtureRequest) -> Broker:
    """The session's broker; skips where none can be had, and fails where a given address does not serve."""
    broker = request.config.stash[_BROKER]
    if isinstance(broker, NoBrokerError):
        pytest.skip(str(broker))
    if isinstance(broker, BrokerError):
        pytest.fail(str(broker), pytrace=False)
    return broker


@pytest.fixture
def restartable_broker(broker: Broker) -> Iterator[Broker]:
    """The session's broker for a test that stops or kills it; it runs again afterwards."""
    if isinstance(broker, GivenBroker):
        pytest.skip(f"{broker.description}, is not the tests' to stop")
    yield broker
    broker.start()


@pytest.fixture
def logging_restored() -> Iterator[None]:
    """For a test that sets up logging, which is the process's: it is put back as it was."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


@pytest.fixture(scope="session")
def admin(broker: Broker) -> AdminClient:
    """An admin client of the session's broker."""
    return AdminClient({"bootstrap.servers": broker.bootstrap})


@pytest.fixture(scope="session")
def topic_factory(admin: AdminClient) -> Iterator[TopicFactory]:
    """Creates topics with names of their own; they are deleted at the end."""
    factory = TopicFactory(admin)
    yield factory
    factory.delete_all()
