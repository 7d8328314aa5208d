"""The results of tests as JUnit XML, which CI servers show. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from connector.service.route_tests.report import explanation, place, summary, target
from connector.service.route_tests.suite import CaseResult, SuiteResult
from connector.settings.values import Route

# What XML 1.0 cannot hold, not even as a reference.
_NOT_XML = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def junit_xml(result: SuiteResult, *, cover: bool) -> bytes:
    """Return the results as JUnit XML, UTF-8: a suite for each file, and with `cover` one with a case for each route.

    A case whose record cannot be read is an error; any other that failed is a failure.
    """
    root = Element("testsuites", name="connector test")
    for file, results in result.by_file().items():
        suite = _suite(root, str(file), results)
        for each in results:
            _case(suite, each, result.routes)
    if cover:
        _coverage(root, result)
    for count in ("tests", "failures", "errors"):
        root.set(count, str(sum(int(suite.get(count, 0)) for suite in root)))
    indent(root)
    xml: bytes = tostring(root, encoding="utf-8", xml_declaration=True)
    return xml + b"\n"


def _suite(root: Element, name: str, results: Sequence[CaseResult]) -> Element:
    errors = sum(bool(each.error) for each in results)
    failures = sum(not each.passed for each in results) - errors
    return SubElement(
        root,
        "testsuite",
        name=_legal(name),
        tests=str(len(results)),
        failures=str(failures),
        errors=str(errors),
        skipped="0",
    )


def _case(suite: Element, result: CaseResult, routes: Sequence[Route]) -> None:
    case = result.case
    element = SubElement(
        suite,
        "testcase",
        name=_legal(case.name),
        classname=_legal(str(case.file)),
        file=_legal(str(case.file)),
        line=str(case.line),
    )
    if result.passed:
        return
    message = _legal(summary(result, routes))
    element = SubElement(element, "error" if result.error else "failure", message=message)
    element.text = _legal("\n".join([place(result), *explanation(result, routes)]))


def _coverage(root: Element, result: SuiteResult) -> None:
    uncovered = {route.name for route in result.uncovered}
    suite = SubElement(
        root,
        "testsuite",
        name="routes have a case",
        tests=str(len(result.routes)),
        failures=str(len(uncovered)),
        errors="0",
        skipped="0",
    )
    for route in result.routes:
        case = SubElement(suite, "testcase", name=_legal(target(route)), classname="routes")
        if route.name in uncovered:
            SubElement(case, "failure", message="no case expects that this route takes an event")


def _legal(text: str) -> str:
    r"""Return the text with what XML cannot hold written as its escape: \x1b."""
    return _NOT_XML.sub(lambda match: match[0].encode("unicode_escape").decode(), text)
