"""`connector preview` of routes with `each`: every element of the list, by its index."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from connector.cli import app
from connector.redaction import MASK

CONFIG = """
kafka: {bootstrap.servers: "127.0.0.1:1"}
group: crm
dead_letters: crm.dead-letters
redact: [%s]
topics: {carts: {}}
sinks: {mytracker: {kind: mytracker, base_url: "http://127.0.0.1:1", app_id: 1, token: {env: NO_SUCH_TOKEN}}}
routes:
  - name: lines
    from: carts
    when: type == 'order.paid'
    each: lines
    to: mytracker.customEvent
    fields: {customUserId: $.user.id, customEventName: sku, customEventParams: {mail: mail}}
"""
CART: dict[str, Any] = {
    "type": "order.paid",
    "user": {"id": 1},
    "lines": [{"sku": "a", "mail": "x@y"}, {"mail": "z@y"}],
}


def preview(directory: Path, event: Any, *arguments: str, redact: str = "") -> Result:
    path = directory / "connector.yaml"
    path.write_text(CONFIG % redact, encoding="utf-8")
    command = ["preview", "--config", str(path), "--event", "-", "--topic", "carts", *arguments]
    return CliRunner().invoke(app, command, input=json.dumps(event).encode())


def test_each_element_is_shown_with_its_index(tmp_path: Path) -> None:
    result = preview(tmp_path, CART)
    assert result.exit_code == 1
    assert result.stdout.splitlines()[2:] == [
        "mytracker.customEvent (lines), item 0: would be sent, 77 bytes of at most 10,000",
        "{",
        '  "customUserId": "1",',
        '  "customEventName": "a",',
        '  "customEventParams": {',
        '    "mail": "x@y"',
        "  }",
        "}",
        "",
        "mytracker.customEvent (lines), item 1: a dead letter, unmappable",
        "  customEventName is missing or null: customEvent requires it [required-null]",
        "    customEventName: the expression sku is a path and gave null; a text stands in quotes: 'sku'",
    ]
    content = json.loads(preview(tmp_path, CART, "--json").stdout)
    assert [shown["element"] for shown in content["routes"]] == [0, 1]


@pytest.mark.parametrize("lines", [None, []])
def test_a_list_without_elements_is_said_to_make_no_item(tmp_path: Path, lines: Any) -> None:
    result = preview(tmp_path, {**CART, "lines": lines})
    assert result.exit_code == 0
    assert "skipped\n  no item: `each` gives no element" in result.stdout


def test_what_is_no_list_is_a_dead_letter_of_the_event(tmp_path: Path) -> None:
    (shown,) = json.loads(preview(tmp_path, {**CART, "lines": "a, b"}, "--json").stdout)["routes"]
    assert (shown["outcome"], shown["element"]) == ("dead_letter", None)
    assert shown["why"] == "each: it gives a text, not the array whose elements become items"


def test_what_is_hidden_in_an_element_is_hidden_in_its_item(tmp_path: Path) -> None:
    result = preview(tmp_path, {**CART, "lines": CART["lines"][:1]}, "--json", redact="lines.mail")
    (shown,) = json.loads(result.stdout)["routes"]
    assert shown["body"]["customEventParams"] == {"mail": MASK}
    assert shown["body"]["customEventName"] == "a"
