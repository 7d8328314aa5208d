"""What librdkafka's log lines say of the setting to blame; the lines are its own."""

from __future__ import annotations

import pytest

from connector.service.preflight.connection import connection_problem


def line(text: str, broker: str = "sasl_ssl://kafka-1:9092") -> str:
    return f"FAIL [rdkafka#producer-1] [thrd:{broker}/bootstrap]: {broker}/bootstrap: {text}"


VERIFY = "SSL handshake failed: error:0A000086:SSL routines::certificate verify failed: "
ALERT = "SSL handshake failed: error:0A000410:SSL routines::ssl/tls alert handshake failure: SSL alert number 40"
NO_SASL = "SASL PLAIN mechanism handshake failed: Broker: Request not valid in current SASL state: "
REFUSED = line("Connect to ipv4#10.0.0.1:9092 failed: Connection refused (after 0ms in state CONNECT)")
PASSWORD = line(
    "SASL authentication error: Authentication failed: Invalid username or password (after 303ms in state AUTH_REQ)"
)


@pytest.mark.parametrize(
    ("text", "subject", "says"),
    [
        (
            f"{VERIFY}broker certificate could not be verified (after 28ms in state SSL_HANDSHAKE)",
            "TLS",
            "not signed by an authority that is trusted here",
        ),
        (
            f"{VERIFY}hostname mismatch: broker certificate could not be verified (after 28ms in state SSL_HANDSHAKE)",
            "TLS",
            "for another host",
        ),
        (
            f"{ALERT} (after 3ms in state SSL_HANDSHAKE)",
            "TLS",
            "the TLS handshake failed",
        ),
        (
            "Disconnected: connection closed by peer: receive 0 after POLLIN (after 3ms in state APIVERSION_QUERY)",
            "TLS",
            "wants TLS",
        ),
        (
            f"{NO_SASL}broker's supported mechanisms:  (after 1ms in state AUTH_HANDSHAKE)",
            "SASL",
            "the listener does no SASL",
        ),
        (
            "Failed to resolve 'kafka-1:9092': Name or service not known (after 1ms in state CONNECT)",
            "brokers",
            "could not be resolved",
        ),
    ],
    ids=["authority", "host name", "handshake", "plaintext to TLS", "SASL to plain", "DNS"],
)
def test_each_failure_is_told_by_the_setting_to_blame(text: str, subject: str, says: str) -> None:
    trouble = connection_problem([line(text)])
    assert trouble is not None
    assert trouble.subject == subject
    assert trouble.says.startswith("sasl_ssl://kafka-1:9092: ")
    assert says in trouble.says
    assert "in state" not in trouble.says
    assert trouble.todo


def test_what_trying_longer_would_not_mend_comes_first() -> None:
    trouble = connection_problem([REFUSED, PASSWORD, REFUSED])
    assert trouble is not None
    assert (trouble.subject, trouble.decided) == ("SASL", True)


def test_an_unknown_failure_is_told_in_librdkafkas_words() -> None:
    trouble = connection_problem([line("Something new " + "x" * 300)])
    assert trouble is not None
    assert trouble.says.startswith("sasl_ssl://kafka-1:9092: Something new xxx")
    assert len(trouble.says) < 200


def test_other_lines_say_nothing() -> None:
    assert connection_problem(["CONFWARN [rdkafka#producer-2] [thrd:app]: Configuration property ignored", ""]) is None
