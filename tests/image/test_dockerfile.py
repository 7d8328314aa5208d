"""What can be known of the image without building it."""

from __future__ import annotations

import importlib.metadata
import re
from pathlib import Path

from packaging.requirements import Requirement

ROOT = Path(__file__).parents[2]
DOCKERFILE = (ROOT / "Dockerfile").read_text()


def closure(name: str) -> set[str]:
    """A distribution and all that it requires here."""
    found: set[str] = set()
    waiting = [name]
    while waiting:
        each = waiting.pop()
        if each not in found:
            found.add(each)
            required = map(Requirement, importlib.metadata.requires(each) or [])
            waiting += [one.name for one in required if one.marker is None or one.marker.evaluate({"extra": ""})]
    return found


def test_the_build_backend_is_installed_with_all_it_needs_and_no_more() -> None:
    named = re.search(r"wanted = /\^\(([a-z|-]+)\)==/", DOCKERFILE)
    assert named is not None
    assert set(named[1].split("|")) == closure("hatchling")


def test_everything_that_is_copied_reaches_the_builder() -> None:
    copied = {
        source for line in re.findall(r"^COPY (?!--)(.*)$", DOCKERFILE, re.MULTILINE) for source in line.split()[:-1]
    }
    sent = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    assert copied == sent
    assert all((ROOT / each).exists() for each in sent)


def test_every_install_checks_hashes() -> None:
    installs = re.findall(r"pip (?:--python \S+ )?install ([^&]*)", DOCKERFILE)
    assert len(installs) == 3
    assert all("--require-hashes" in each or {"--no-deps", "/wheels/*.whl"} <= set(each.split()) for each in installs)


def test_the_process_is_the_first_and_gets_the_signal() -> None:
    """A shell between would keep SIGTERM from the drain."""
    assert '\nENTRYPOINT ["connector"]\n' in DOCKERFILE
    assert "\nSTOPSIGNAL SIGTERM\n" in DOCKERFILE
