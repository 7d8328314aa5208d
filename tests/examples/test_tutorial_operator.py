"""The operator's tutorial: what needs no broker is run as it stands there, and prints what stands there."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
TUTORIAL = (ROOT / "docs" / "tutorial-operator.md").read_text(encoding="utf-8")
# Where the tutorial works; the test works elsewhere.
PLACE = "/tmp/tutorial"  # noqa: S108 - a name in a text
OFFLINE = re.compile(r"sed |mkdir |connector preview |connector test |connector check (?!.*--live)")


class Step(NamedTuple):
    """A command of the tutorial and what it printed there, its exit status in the last line unless it is 0."""

    command: str
    printed: str


def steps() -> Iterator[Step]:
    for block in re.findall(r"```console\n(.*?)```", TUTORIAL, re.DOTALL):
        for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            command, _, printed = part.partition("\n")
            yield Step(command, printed.rstrip())


def run(command: str, directory: Path) -> str:
    env = os.environ | {"PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}", "COLUMNS": "100"}
    done = subprocess.run(
        ["/bin/bash", "-c", command],
        cwd=directory,
        env=env,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=60,
        check=False,
    )
    printed = "\n".join(line.rstrip() for line in done.stdout.strip("\n").splitlines())
    printed = printed.replace(str(directory), PLACE)
    return f"{printed}\n(exit status {done.returncode})" if done.returncode else printed


def test_every_command_that_needs_no_broker_prints_what_the_tutorial_shows(tmp_path: Path) -> None:
    directory = tmp_path / "tutorial"
    shutil.copytree(ROOT / "examples" / "tutorial", directory)
    written = re.findall(r"```yaml\n(.*?)```", TUTORIAL, re.DOTALL)
    for name, text in zip(("connector.yaml", "connector.tests.yaml"), written, strict=True):
        (directory / name).write_text(text, encoding="utf-8")
    offline = [step for step in steps() if OFFLINE.match(step.command)]
    assert len(offline) > 8
    for step in offline:
        assert run(step.command, directory) == step.printed, step.command
