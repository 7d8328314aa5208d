"""The results as CI servers read them: XML that parses, whatever an event holds."""

from __future__ import annotations

from pathlib import Path
from xml.etree.ElementTree import Element, fromstring

from connector.service.route_tests.junit import junit_xml
from tests.unit.service.route_tests.support import ORDER, run

CASES = f"""
- {{name: good, topic: orders, event: {ORDER}, expect: {{points: {{fields: {{}}}}}}}}
- {{name: 'bad & <odd>', topic: orders, event: {ORDER}, expect: {{points: {{fields: {{value: "1"}}}}}}}}
"""


def xml(directory: Path, cases: str, *, cover: bool = False) -> Element:
    return fromstring(junit_xml(run(directory, cases), cover=cover))  # noqa: S314 - our own


def test_each_case_is_a_testcase_and_each_file_a_suite(tmp_path: Path) -> None:
    root = xml(tmp_path, CASES)
    assert (root.tag, root.attrib) == (
        "testsuites",
        {"name": "connector test", "tests": "2", "failures": "1", "errors": "0"},
    )
    (suite,) = root
    file = str(tmp_path / "crm.tests.yaml")
    assert (suite.tag, suite.attrib) == (
        "testsuite",
        {"name": file, "tests": "2", "failures": "1", "errors": "0", "skipped": "0"},
    )
    good, bad = suite
    assert good.attrib == {"name": "good", "classname": file, "file": file, "line": "3"}
    assert list(good) == []
    (failure,) = bad
    assert bad.get("name") == "bad & <odd>"
    assert (failure.tag, failure.get("message")) == (
        "failure",
        'points (sailplay.fire): value: expected "1", got "250.5"',
    )
    assert failure.text is not None
    assert failure.text.startswith(f"{file}:4\npoints (sailplay.fire):\n  value: expected")


def test_what_xml_cannot_hold_is_escaped(tmp_path: Path) -> None:
    odd = '"\\e[31m\\0\\uFFFE\\t<![CDATA[]]>ж"'
    case = f"""- name: {odd}
  topic: orders
  event: {{type: order.paid, total: 200, user: {{id: {odd}}}}}
  expect: {{points: {{fields: {{origin_user_id: x}}}}}}
"""
    ((testcase,),) = xml(tmp_path, case)
    assert testcase.get("name") == "\\x1b[31m\\x00\\ufffe\t<![CDATA[]]>ж"
    assert "\\u001b[31m" in (testcase[0].text or "")


def test_a_record_that_cannot_be_had_is_an_error(tmp_path: Path) -> None:
    kafka = {"bootstrap.servers": "127.0.0.1:1", "sasl.password": {"env": "NO_SUCH"}}
    result = run(tmp_path, "- {name: n, record: orders/0/1, expect: skipped}", kafka=kafka)
    root = fromstring(junit_xml(result, cover=False))  # noqa: S314 - our own
    assert (root.get("failures"), root.get("errors")) == ("0", "1")
    ((testcase,),) = root
    assert testcase[0].tag == "error"
    assert "NO_SUCH" in (testcase[0].get("message") or "")


def test_with_cover_each_route_is_a_testcase(tmp_path: Path) -> None:
    root = xml(tmp_path, CASES, cover=True)
    assert (root.get("tests"), root.get("failures")) == ("6", "4")
    routes = root[1]
    assert [(case.get("name"), len(case)) for case in routes] == [
        ("mytracker.registration", 1),
        ("revenue (mytracker.customRevenue)", 1),
        ("points (sailplay.fire)", 0),
        ("play (mytracker.customEvent)", 1),
    ]
