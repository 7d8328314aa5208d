"""The page: its facts are in the HTML, everything foreign is escaped, and nothing from elsewhere may load."""

from __future__ import annotations

import base64
import hashlib
import re
from html.parser import HTMLParser

import pytest

from connector.model import Outcome, OutcomeKind
from connector.operations.charts import line_chart, share_bar
from connector.operations.formatting import duration, number, size
from connector.operations.server import OperationsServer
from tests.support.clock import TurnedClock
from tests.unit.operations.bench import EPOCH, Bench, build_bench
from tests.unit.operations.test_server import get

VOID = {"meta"}


class Outline(HTMLParser):
    """Checks that every element is closed, and collects them."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.ids: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.ids += [value for name, value in attrs if name == "id" and value]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


async def test_the_facts_need_no_script(server: OperationsServer, bench: Bench) -> None:
    bench.assign(0)
    bench.vendor.outcome = Outcome(OutcomeKind.MISCONFIGURED, 403, "Forbidden")
    bench.turn(b"{}", b"bad")
    bench.clock.seconds += 1.0
    bench.turn()
    await bench.settle()
    server.tick()
    page = re.sub(r"<script>.*</script>", "", (await get(server, "/")).text, flags=re.DOTALL)
    for fact in (
        "mytracker",
        "Misconfigured",
        "Forbidden",
        "dead letter: unmappable",
        "orders/0",
        "group: crm",
        "1.2.3",
    ):
        assert fact in page


async def test_it_is_well_formed_and_every_id_is_unique(server: OperationsServer, bench: Bench) -> None:
    bench.assign(0, 1)
    bench.turn(b"bad")
    server.tick()
    outline = Outline((await get(server, "/")).text)
    assert outline.open == []
    assert len(outline.ids) == len(set(outline.ids))
    assert outline.tags.count("svg") >= 3


async def test_whatever_comes_from_outside_is_escaped(clock: TurnedClock) -> None:
    evil = "<img src=x onerror=alert(1)>\"'"
    bench = build_bench(clock, evil)
    server = OperationsServer(
        "127.0.0.1", 0, [bench], started_at=EPOCH, version=evil, shown_configuration=evil,
        ask_retention=lambda _: {}, clock=clock,
    )  # fmt: skip
    await server.start()
    bench.assign(0)
    stats = bench.pipeline.stats
    for counter in (stats.dead_lettered, stats.batches_closed, stats.requests):
        counter[evil] += 1
    bench.pipeline.on_kafka_problem(evil)
    bench.pipeline.dead_letters.problem = evil
    bench.vendor.outcome = Outcome(OutcomeKind.MISCONFIGURED, 403, evil)
    bench.turn(b"{}", b"bad")
    clock.seconds += 1.0
    bench.turn()
    await bench.settle()
    page = (await get(server, "/")).text
    await server.stop()
    assert "<img" not in page
    assert page.count("&lt;img") >= 8
    assert Outline(page).open == []


async def test_only_its_own_style_and_script_may_run(server: OperationsServer) -> None:
    response = await get(server, "/")
    policy = response.headers["content-security-policy"]
    assert policy.startswith("default-src 'none';")
    for element in ("style", "script"):
        (content,) = re.findall(rf"<{element}>(.*?)</{element}>", response.text, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()
        assert f"{element}-src 'sha256-{digest}'" in policy
    assert " style=" not in response.text
    assert not re.search(r"(src|href)=", response.text)
    assert response.headers["cache-control"] == "no-store"


def test_a_chart_ends_at_the_right_edge_and_leaves_gaps_where_nothing_is_known() -> None:
    chart = line_chart([1.0, 2.0, None, 4.0], "lag")
    assert chart.count("<polyline") == 2
    assert re.findall(r'polyline points="([^"]+)"', chart)[-1].split()[-1] == "240.0,4.0"
    assert "<polyline" not in line_chart([], "lag")
    assert "<polyline" not in line_chart([None], "lag")


def test_a_flat_nought_lies_on_the_ground() -> None:
    assert re.findall(r'polyline points="([^"]+)"', line_chart([0.0, 0.0], "rate"))[0].endswith("240.0,55.0")


def test_a_bar_is_cut_into_its_shares() -> None:
    widths = re.findall(r'class="(\w)" x="([\d.]+)" y="0" width="([\d.]+)"', share_bar([("a", 1), ("b", 3)], "open"))
    assert widths == [("a", "0.00", "25.00"), ("b", "25.00", "75.00")]
    assert 'width="0.00"' in share_bar([("a", 0)], "open")


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(None, "n/a"), (0.0, "0 s"), (48.4, "48 s"), (3_600.0, "1 h"), (11_520.0, "3 h 12 min"), (90_061.0, "1 d 1 h"),
     (86_405.0, "1 d"), (-3.0, "overdue")],
)  # fmt: skip
def test_durations_are_said_in_two_units(seconds: float | None, words: str) -> None:
    assert duration(seconds) == words


@pytest.mark.parametrize(
    ("value", "words"),
    [(None, "n/a"), (0, "0"), (1_234_567, "1,234,567"), (0.25, "0.2"), (99.5, "99.5"), (420.4, "420")],
)
def test_numbers_are_grouped(value: float | None, words: str) -> None:
    assert number(value) == words


@pytest.mark.parametrize(
    ("octets", "words"), [(512, "512 B"), (2_048, "2 KiB"), (5_242_880, "5 MiB"), (2**31, "2,048 MiB")]
)
def test_sizes_are_said_in_binary_units(octets: float, words: str) -> None:
    assert size(octets) == words
