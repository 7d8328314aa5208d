"""`connector simulate` as a process: it says where it listens, serves, and ends on a signal."""

from __future__ import annotations

import asyncio
import re
import signal
import sys
from asyncio.subprocess import PIPE, Process

import aiohttp
import pytest


async def start(*arguments: str) -> Process:
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "connector", "simulate", *arguments, stdout=PIPE, stderr=PIPE
    )


async def introduced(process: Process) -> str:
    """Return what it prints until it serves."""
    assert process.stdout is not None
    said = ""
    while "a look:" not in said:
        line = await process.stdout.readline()
        assert line, "ended before it listened"
        said += line.decode()
    return said


def urls(said: str) -> list[str]:
    return re.findall(r"^\S+ +(http://127\.0\.0\.1:\d+)", said, re.MULTILINE)


@pytest.mark.parametrize("ending", [signal.SIGTERM, signal.SIGINT])
async def test_it_serves_both_vendors_until_a_signal(http: aiohttp.ClientSession, ending: signal.Signals) -> None:
    process = await start("--mytracker", "0", "--sailplay", "0", "--token", "other-token")
    said = await introduced(process)
    assert "other-token" in said
    mytracker, sailplay = urls(said)
    headers = {"Authorization": "other-token"}
    async with http.post(f"{mytracker}/v1/login/?idApp=5", json={"customUserId": "1"}, headers=headers) as response:
        assert response.status == 200
    async with http.get(f"{mytracker}/_ledger?summary=1") as response:
        assert (await response.json())["summary"]["events"] == 1
    query = {"token": "other-token", "store_department_id": "1"}
    async with http.get(f"{sailplay}/api/v2/events/list/", params=query) as response:
        assert (await response.json())["status"] == "ok"
    process.send_signal(ending)
    assert await process.wait() == 0


@pytest.mark.parametrize("kind", ["outage", "reset", "close", "half_header"])
async def test_a_broken_connection_brings_no_answer_in_the_loop_of_the_command_too(
    http: aiohttp.ClientSession, kind: str
) -> None:
    """The command runs uvloop, whose transports end otherwise than asyncio's."""
    process = await start("--mytracker", "0", "--sailplay", "0")
    mytracker, _ = urls(await introduced(process))
    async with http.post(f"{mytracker}/_faults", json={"kind": kind}) as response:
        assert response.status == 200
    with pytest.raises(aiohttp.ClientError):
        await http.post(f"{mytracker}/v1/login/?idApp=5", json={"customUserId": "1"})
    process.send_signal(signal.SIGTERM)
    assert await process.wait() == 0


async def test_a_port_that_is_taken_is_named() -> None:
    server = await asyncio.start_server(lambda _reader, writer: writer.close(), "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    process = await start("--mytracker", str(port), "--sailplay", "0")
    _, said = await process.communicate()
    server.close()
    assert process.returncode == 1
    assert said.decode() == (
        f"myTracker cannot listen on 127.0.0.1:{port}: Address already in use; "
        "give another port with --mytracker, or end what listens there\n"
    )
