"""A broker behind SASL and TLS, with ACLs: the live check says which setting keeps us out, and the service delivers."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from confluent_kafka import Producer
from confluent_kafka.admin import AdminClient
from confluent_kafka.admin._acl import AclBinding, AclOperation, AclPermissionType
from confluent_kafka.admin._resource import ResourcePatternType, ResourceType

from connector.service.preflight.connection import connect
from connector.service.preflight.findings import Finding, Severity
from connector.simulators.mytracker import MyTrackerSimulator
from tests.support.broker import obtain_broker
from tests.support.connector import RunningConnector, check_live, configuration, finding, until
from tests.support.secure import Authority, secure_client, secure_properties
from tests.support.server import Broker, NoBrokerError
from tests.support.topics import TopicFactory

pytestmark = pytest.mark.kafka

PASSWORD = "a-password-to-look-for"  # noqa: S105 - it guards nothing
VENDOR_TOKEN = "a-token-to-look-for"  # noqa: S105 - it guards nothing
GROUP = "secure"


class Secured(NamedTuple):
    """The broker, what signed its certificate, and what it holds."""

    broker: Broker
    authority: Authority
    directory: Path
    topic: str
    letters: str

    def kafka(self, user: str = "admin", instead: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """The `kafka` section for a user."""
        return secure_client(self.broker, self.authority, user, self.directory / "password") | dict(instead or {})

    def settings(
        self, kafka: dict[str, Any], vendor: str = "http://127.0.0.1:9", *, group: str = GROUP
    ) -> dict[str, Any]:
        """A configuration that sends the topic's events to myTracker."""
        token = {"file": str(self.directory / "token")}
        return configuration(
            "",
            group=group,
            dead_letters=self.letters,
            topics={self.topic: {}},
            sinks={"mytracker": {"kind": "mytracker", "base_url": vendor, "app_id": 1, "token": token}},
            routes=[{"from": self.topic, "to": "mytracker.login", "fields": {"customUserId": "user"}}],
            kafka=kafka,
        )


@pytest.fixture(scope="module")
def secured(broker: Broker, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Secured]:
    """Started where the session's own broker could be: what it needs has been fetched then."""
    directory = tmp_path_factory.mktemp("secured")
    (directory / "password").write_text(PASSWORD)
    (directory / "token").write_text(VENDOR_TOKEN)
    authority = Authority.make(directory, "right")
    users = {"admin": PASSWORD, "stranger": PASSWORD, "reader": PASSWORD}
    try:
        own = obtain_broker(directory / "broker", secure_properties(authority, users))
    except NoBrokerError as error:
        pytest.skip(str(error))
    try:
        factory = TopicFactory(AdminClient({"bootstrap.servers": own.bootstrap}))
        room = {"max.message.bytes": "2000000"}
        yield Secured(own, authority, directory, factory(2), factory(1, room))
    finally:
        own.close()


async def test_with_the_right_credentials_everything_of_kafka_is_well(secured: Secured, tmp_path: Path) -> None:
    async with MyTrackerSimulator(token=VENDOR_TOKEN, app_id=1) as vendor:
        status, report = await check_live(tmp_path, secured.settings(secured.kafka(), vendor.url))
    assert [each for each in report["live"] if each["mark"] != "ok"] == []
    assert (status, report["ok"]) == (0, True)
    assert finding(report, "kafka", "security")["says"] == "SASL_SSL as admin: the brokers let us in"


async def test_a_wrong_password_is_reported_as_sasl(secured: Secured, tmp_path: Path) -> None:
    wrong = tmp_path / "wrong"
    wrong.write_text("not-the-password")
    kafka = secured.kafka(instead={"sasl.password": {"file": str(wrong)}})
    status, report = await check_live(tmp_path, secured.settings(kafka))
    assert status == 1
    sasl = finding(report, "kafka", "SASL")
    assert sasl["mark"] == "failed"
    assert "refuses the credentials" in sasl["says"]
    assert "kafka.sasl.password" in sasl["todo"]
    assert "not-the-password" not in json.dumps(report)


async def test_a_certificate_of_another_authority_is_reported_as_tls(secured: Secured, tmp_path: Path) -> None:
    other = Authority.make(tmp_path, "other")
    kafka = secured.kafka(instead={"ssl.ca.location": str(other.ca)})
    status, report = await check_live(tmp_path, secured.settings(kafka))
    assert status == 1
    tls = finding(report, "kafka", "TLS")
    assert tls["mark"] == "failed"
    assert "not signed by an authority that is trusted here" in tls["says"]
    assert "kafka.ssl.ca.location" in tls["todo"]


@pytest.mark.parametrize(
    ("instead", "subject", "says"),
    [
        ({"security.protocol": "SASL_PLAINTEXT"}, "TLS", "the listener wants TLS"),
        ({"security.protocol": "SSL"}, "SASL", "the listener wants SASL"),
        ({"sasl.mechanism": "SCRAM-SHA-256"}, "SASL", "does not take this SASL mechanism"),
        ({"bootstrap.servers": "the plain listener"}, "TLS", "does not speak TLS"),
    ],
    ids=["no TLS", "no SASL", "another mechanism", "TLS at a plain listener"],
)
def test_a_wrong_protocol_is_reported_by_what_it_lacks(
    secured: Secured, instead: dict[str, str], subject: str, says: str
) -> None:
    conf = secured.kafka() | {"sasl.password": PASSWORD} | instead
    if "bootstrap.servers" in instead:
        conf["bootstrap.servers"] = secured.broker.bootstrap
    found = connect(conf)
    assert isinstance(found, Finding)
    assert (found.severity, found.subject) == (Severity.FAIL, subject)
    assert says in found.says


async def test_a_user_without_rights_is_shown_each_right_that_is_missing(secured: Secured, tmp_path: Path) -> None:
    status, report = await check_live(tmp_path, secured.settings(secured.kafka("stranger")))
    assert status == 1
    assert finding(report, "kafka", "security")["mark"] == "ok"
    for section, subject in (("topics", secured.topic), ("dead letters", secured.letters)):
        denied = finding(report, section, subject)
        assert (denied["mark"], denied["says"]) == ("failed", "is not shown to us: it is missing or forbidden")
        assert denied["todo"].endswith(f"on topic {subject}")
    group = finding(report, "sink mytracker", "group")
    assert (group["mark"], group["todo"]) == ("failed", "allow READ on group secure.mytracker")


async def test_a_user_who_may_look_and_not_use_is_told_so(secured: Secured, tmp_path: Path) -> None:
    allow(secured, ResourceType.TOPIC, secured.topic, AclOperation.DESCRIBE)
    allow(secured, ResourceType.TOPIC, secured.letters, AclOperation.READ)
    allow(secured, ResourceType.GROUP, f"{GROUP}.mytracker", AclOperation.DESCRIBE)
    status, report = await check_live(tmp_path, secured.settings(secured.kafka("reader")))
    assert status == 1
    topic = finding(report, "topics", secured.topic)
    assert (topic["says"], topic["todo"]) == ("it may not be read", f"allow READ on topic {secured.topic}")
    assert "may not be written" in finding(report, "dead letters", secured.letters)["says"]
    assert finding(report, "dead letters", "room")["mark"] == "warning"
    assert finding(report, "sink mytracker", "group")["says"] == "secure.mytracker may not be joined"


def allow(secured: Secured, kind: ResourceType, name: str, operation: AclOperation) -> None:
    """Let the user `reader` do one thing."""
    literal, allowed = ResourcePatternType.LITERAL, AclPermissionType.ALLOW
    acl = AclBinding(kind, name, literal, "User:reader", "*", operation, allowed)
    client = AdminClient({"bootstrap.servers": secured.broker.bootstrap})
    client.create_acls([acl])[acl].result(10)


async def test_the_service_delivers_over_sasl_and_tls(secured: Secured, tmp_path: Path) -> None:
    """Events and dead letters alike; the password stands nowhere in the log."""
    producer = Producer({"bootstrap.servers": secured.broker.bootstrap})
    for number in range(100):
        producer.produce(secured.topic, json.dumps({"user": f"u{number}"}) if number % 10 else "no event")
    assert producer.flush(20) == 0
    async with MyTrackerSimulator(token=VENDOR_TOKEN, app_id=1) as vendor:
        async with RunningConnector(tmp_path, secured.settings(secured.kafka(), vendor.url)) as connector:

            async def settled() -> bool:
                sink = await connector.sink("mytracker")
                counts = sink.get("counts", {})
                return (counts.get("delivered"), counts.get("dead_lettered")) == (90, {"undecodable": 10})

            await until(settled, seconds=30, what="everything delivered")
            assert await connector.stop() == 0, connector.log.read_text()[-3000:]
        assert {entry.item["customUserId"] for entry in vendor.ledger} == {f"u{n}" for n in range(100) if n % 10}
    assert PASSWORD not in connector.log.read_text()


async def test_a_password_that_is_put_right_is_used_without_a_restart(secured: Secured, tmp_path: Path) -> None:
    """By the consumer and by the producer of dead letters."""
    factory = TopicFactory(AdminClient({"bootstrap.servers": secured.broker.bootstrap}))
    secured = secured._replace(topic=factory())
    producer = Producer({"bootstrap.servers": secured.broker.bootstrap})
    for value in ('{"user": "u1"}', "no event"):
        producer.produce(secured.topic, value)
    assert producer.flush(20) == 0
    password = tmp_path / "password"
    password.write_text("not-the-password")
    kafka = secured.kafka(instead={"sasl.password": {"file": str(password)}})
    async with MyTrackerSimulator(token=VENDOR_TOKEN, app_id=1) as vendor:
        config = secured.settings(kafka, vendor.url, group="renewed")
        async with RunningConnector(tmp_path, config) as connector:

            async def refused() -> bool:
                return bool(await connector.sink("mytracker")) and "Authentication failed" in connector.log.read_text()

            async def settled() -> bool:
                counts = (await connector.sink("mytracker"))["counts"]
                return (counts["delivered"], counts["dead_lettered"]) == (1, {"undecodable": 1})

            await until(refused, seconds=60, what="the brokers' refusal")
            password.write_text(PASSWORD)
            await until(settled, seconds=60, what="delivery with the right password")
            assert await connector.stop() == 0, connector.log.read_text()[-3000:]
    assert PASSWORD not in connector.log.read_text()
